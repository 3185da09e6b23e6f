package watch

import (
	"errors"
	"maps"
	"os"
	"testing"

	"golang.org/x/sys/unix"

	"tunbench/bpf"
	"tunbench/harness/tuntap"
)

// TestHairpin routes packets back into the device from which they came: one that its ring has
// no room for was to be read, and one that the stack refuses was written.
func TestHairpin(t *testing.T) {
	const back, refused, room = 150, 30, 100
	ns, d := newDevice(t, tuntap.Config{Name: "hairpin0"})
	err := ns.Do(func() (err error) {
		for file, value := range map[string]string{
			"all/forwarding": "1", "all/send_redirects": "0", "hairpin0/send_redirects": "0", "all/rp_filter": "0", "hairpin0/rp_filter": "0",
		} {
			err = errors.Join(err, os.WriteFile("/proc/sys/net/ipv4/conf/"+file, []byte(value), 0))
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	for _, hook := range hooks(t) {
		t.Run(hook, func(t *testing.T) {
			observers := inEachDirection(t, hook, bpf.Target{Ifindex: uint32(d.Ifindex()), Netns: ns.Inode(), Queues: 1})
			s := open(t, Options{Device: "hairpin0", Hook: hook})
			for i := range back + refused {
				packet := ipv4(2, 3, uint32(i))
				if i >= back {
					packet[10]++ // a wrong checksum
				}
				if _, err := unix.Write(d.Queues()[0].FD(), packet); err != nil {
					t.Fatal(err)
				}
			}
			w := next(t, s)
			full, queue := w.Counters.TxDropped, w.Queues[0]
			if full < back-room || full > back-room+16 || w.Counters.RxPackets != back+refused {
				t.Fatalf("the device counted %+v", w.Counters)
			}
			sent, received := map[string]uint64{"FULL_RING": full}, map[string]uint64{"IP_CSUM": refused}
			if !maps.Equal(w.Dropped, sent) || !maps.Equal(w.RecvDropped, received) || w.Missed > 0 {
				t.Errorf("dropped %v, when received %v, missed %d; want %v and %v", w.Dropped, w.RecvDropped, w.Missed, sent, received)
			}
			if len(w.Queues) != 1 || queue.XmitPkts != back || queue.RecvPkts != back+refused || queue.DropPkts != full+refused {
				t.Errorf("queues %+v", w.Queues)
			}
			for direction, o := range observers {
				snapshot, err := o.Snapshot()
				if err != nil {
					t.Fatal(err)
				}
				wantSent, wantReceived := sent, received
				if direction == bpf.U2K {
					wantSent = nil
				} else if direction != bpf.Both {
					wantReceived = nil
				}
				if !maps.Equal(snapshot.Drops, wantSent) || !maps.Equal(snapshot.RecvDrops, wantReceived) || snapshot.Strays > 0 {
					t.Errorf("direction %d: dropped %v, when received %v, %d strays; want %v and %v", direction, snapshot.Drops, snapshot.RecvDrops, snapshot.Strays, wantSent, wantReceived)
				}
			}
			drain(t, d)
		})
	}
}

// inEachDirection opens an observer of the target for each direction, until the test ends.
func inEachDirection(t *testing.T, hook string, target bpf.Target) map[bpf.Direction]*bpf.Observer {
	t.Helper()
	observers := map[bpf.Direction]*bpf.Observer{}
	for _, target.Direction = range []bpf.Direction{bpf.K2U, bpf.U2K, bpf.Both, bpf.Drops} {
		o, err := bpf.Open(bpf.Options{Hook: bpf.Hook(hook), Target: target})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { o.Close() })
		observers[target.Direction] = o
	}
	return observers
}
