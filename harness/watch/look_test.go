package watch

import (
	"context"
	"math"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"tunbench/harness/tuntap"
)

// TestManyFlows holds that what the observer counted and what the device counted are of the same
// time, also where it takes time to read all flows, of which there are none at first.
func TestManyFlows(t *testing.T) {
	_, d := newDevice(t, tuntap.Config{Name: "many0"})
	ctx, cancel := context.WithCancel(t.Context())
	s := open(t, Options{Device: "many0", Flows: true, Interval: 100 * time.Millisecond})
	done := make(chan struct{})
	go func() {
		defer close(done)
		for i := uint32(0); ctx.Err() == nil; i++ {
			for k := range uint32(16) {
				if _, err := unix.Write(d.Queues()[0].FD(), ipv4(2, 1, (16*i+k)%16000)); err != nil {
					t.Error(err)
					return
				}
			}
			time.Sleep(100 * time.Microsecond) // a rate that stays the same
		}
	}()
	least := math.Inf(1) // the host may be busy between the two readings
	for judged, looks := 0, 0; judged < 5; looks++ {
		w := next(t, s)
		seen, counted := float64(w.Queues[0].RecvPkts), float64(w.Counters.RxPackets)
		if w.Flows.Count >= 100 && counted >= 500 {
			judged++
			least = min(least, math.Abs(seen/counted-1))
		} else if looks > 50 {
			t.Fatalf("%d flows, %g packets in the last of %d intervals: too few to judge", w.Flows.Count, counted, looks)
		}
	}
	cancel()
	<-done
	if least > 0.01 {
		t.Errorf("the observer and the device counted packets that differ by %.1f %% at least", 100*least)
	}
}
