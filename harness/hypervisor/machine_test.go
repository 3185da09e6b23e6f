package hypervisor

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"tunbench/harness/netns"
	"tunbench/harness/spec"
	"tunbench/harness/vm/peer"
)

func TestDeviceArgs(t *testing.T) {
	for want, set := range map[string]func(*spec.Spec){
		"-netdev tap,id=net0,fd=6,vhost=off -device virtio-net-pci,netdev=net0,romfile=,mac=02:00:00:00:00:02": func(*spec.Spec) {},
		"-netdev tap,id=net0,fds=6:7,vhost=on -device virtio-net-pci,netdev=net0,romfile=,mac=02:00:00:00:00:02,mq=on,vectors=6": func(s *spec.Spec) {
			s.Queues, s.IO = 2, spec.IOVhost
		},
		"-netdev tap,id=net0,fd=6,vhost=off -device virtio-net-pci,netdev=net0,romfile=,mac=02:00:00:00:00:02,csum=on,guest_csum=on" +
			",guest_tso4=off,guest_tso6=off,guest_ecn=off,host_tso4=off,host_tso6=off,host_ecn=off,guest_ufo=off,host_ufo=off": func(s *spec.Spec) {
			s.VnetHdr, s.Offload = 12, spec.OffloadCsum
		},
	} {
		s := spec.Default()
		set(&s)
		if got := strings.Join(deviceArgs(s), " "); got != want {
			t.Errorf("%s\nwant %s", got, want)
		}
	}
}

// newTestLine returns a line, and the end that a guest would have.
func newTestLine(t *testing.T) (l *line, theirs *os.File, end func()) {
	t.Helper()
	ended := make(chan struct{})
	l, theirs, err := newLine(t.Context(), ended, func() int64 { return 0 })
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.conn.Close(); theirs.Close() })
	return l, theirs, func() { close(ended) }
}

func TestLine(t *testing.T) {
	l, theirs, end := newTestLine(t)
	go func() {
		b := make([]byte, 64)
		n, _ := theirs.Read(b)
		if got := string(b[:n]); got != "1 look\n" {
			t.Errorf("asked %q", got)
		}
		out := json.NewEncoder(theirs)
		out.Encode(peer.Answer{ID: 0}) // too late for an earlier question
		out.Encode(peer.Answer{ID: 1, Delivered: 7})
		n, _ = theirs.Read(b)
		out.Encode(peer.Answer{ID: 2, Error: "no such thing"})
		theirs.Read(b)
		end()
	}()
	if a, err := l.ask(peer.Look); err != nil || a.Delivered != 7 {
		t.Errorf("%+v, %v", a, err)
	}
	if _, err := l.ask(peer.Stop); err == nil || err.Error() != "in the guest, stop: no such thing" {
		t.Errorf("%v", err)
	}
	if _, err := l.ask(peer.Finish); err == nil || !strings.Contains(err.Error(), "the guest has ended") {
		t.Errorf("%v", err)
	}
}

func TestLineFaults(t *testing.T) {
	l, theirs, _ := newTestLine(t)
	if _, err := l.await(1, peer.Start, time.Millisecond); err == nil || !strings.HasPrefix(err.Error(), "the guest has not answered start within ") {
		t.Errorf("%v", err)
	}
	io.WriteString(theirs, "panic: \n")
	if _, err := l.await(1, peer.Start, time.Minute); err == nil || !strings.Contains(err.Error(), `the guest answered "panic: "`) {
		t.Errorf("%v", err)
	}
}

// A guest that the host gives little time to may take longer, and one that has had its time,
// or takes none, may not.
func TestLinePatience(t *testing.T) {
	const patience = 50 * time.Millisecond
	for name, c := range map[string]struct {
		share   float64 // of the time that passes, which the guest gets of a CPU
		answers bool    // after four times the patience
		want    string
	}{
		"slow":         {0.2, true, ""},
		"busy":         {2, true, "of CPU time: send fewer packets, such as with load=1000pps"},
		"stopped":      {0, true, "used 0s of CPU time"},
		"never, slow":  {0.2, false, "has not answered look within"},
		"does not run": {-1, false, "used 0s of CPU time"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			begin := time.Now()
			l, theirs, _ := newTestLine(t)
			l.used = func() int64 {
				if c.share < 0 {
					return -1
				}
				return 1e9 + int64(c.share*float64(time.Since(begin)))
			}
			if c.answers {
				time.AfterFunc(4*patience, func() { json.NewEncoder(theirs).Encode(peer.Answer{ID: 1}) })
			}
			_, err := l.await(1, peer.Look, patience)
			if c.want == "" && err != nil || c.want != "" && (err == nil || !strings.Contains(err.Error(), c.want)) {
				t.Errorf("%v, want %q", err, c.want)
			}
			if c.share <= 0 && strings.Contains(err.Error(), "fewer packets") {
				t.Errorf("a guest that does nothing has too many packets: %v", err)
			}
			if took := time.Since(begin); took < patience || c.share == 0.2 && took < 4*patience {
				t.Errorf("took %v", took)
			}
		})
	}
}

// Who is interrupted waits for no answer.
func TestLineInterrupted(t *testing.T) {
	l, _, _ := newTestLine(t)
	ctx, cancel := context.WithCancel(t.Context())
	l.ctx = ctx
	time.AfterFunc(20*time.Millisecond, cancel)
	if _, err := l.ask(peer.Look); !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
}

func TestSince(t *testing.T) {
	before := peer.Counters{
		Link: netns.Counters{RxPackets: 1, TxPackets: 2, RxDropped: 3}, Qdisc: 4,
		Stack: netns.Stack{Received: 5, Lost: map[string]uint64{"NO_SOCKET": 6}},
	}
	now := peer.Counters{
		Link: netns.Counters{RxPackets: 11, TxPackets: 22, RxDropped: 3}, Qdisc: 5,
		Stack: netns.Stack{Received: 55, Lost: map[string]uint64{"NO_SOCKET": 6, "SOCKET_RCVBUFF": 7}}, Overruns: 7, Idle: true,
	}
	want := peer.Counters{
		Link: netns.Counters{RxPackets: 10, TxPackets: 20}, Qdisc: 1,
		Stack: netns.Stack{Received: 50, Lost: map[string]uint64{"SOCKET_RCVBUFF": 7}}, Overruns: 7, Idle: true,
	}
	if diff := cmp.Diff(want, since(&now, &before)); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
	got := queuesSince([]netns.QueueCounters{{RxPackets: 5, TxPackets: 7}, {RxPackets: 1}}, []netns.QueueCounters{{RxPackets: 2, TxPackets: 7}})
	if diff := cmp.Diff([]netns.QueueCounters{{RxPackets: 3}, {RxPackets: 1}}, got); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
}
