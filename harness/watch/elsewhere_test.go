package watch

import (
	"bytes"
	"errors"
	"os"
	"testing"

	"golang.org/x/sys/unix"

	"tunbench/bpf"
	"tunbench/harness/tuntap"
)

// TestElsewhere: an observer with room for one queue does not take the reads of another for those
// of the first.
func TestElsewhere(t *testing.T) {
	const reads = 7
	ns, d := newDevice(t, tuntap.Config{Name: "elsewhere0", Queues: 2})
	symbols, err := os.ReadFile("/proc/kallsyms")
	if err != nil {
		t.Fatal(err)
	}
	for _, hook := range hooks(t) {
		if !bpf.Hook(hook).SeesCalls() {
			continue
		}
		t.Run(hook, func(t *testing.T) {
			if hook == string(bpf.Kprobe) && !bytes.Contains(symbols, []byte(" bpf_rdonly_cast\n")) {
				t.Skip("before Linux 6.2, kprobes with room for one queue do not look which queue is read")
			}
			o, err := bpf.Open(bpf.Options{Hook: bpf.Hook(hook), Target: bpf.Target{Ifindex: uint32(d.Ifindex()), Netns: ns.Inode(), Queues: 1, Direction: bpf.K2U}})
			if err != nil {
				t.Fatal(err)
			}
			defer o.Close()
			for i := range 2 * reads {
				q := 0
				if i >= reads {
					q = 1
				}
				if _, err := unix.Read(d.Queues()[q].FD(), make([]byte, 100)); !errors.Is(err, unix.EAGAIN) {
					t.Fatal(err)
				}
			}
			snapshot, err := o.Snapshot()
			if err != nil {
				t.Fatal(err)
			}
			if snapshot.Queues[0].ReadCalls != reads || snapshot.Strays != reads {
				t.Errorf("%d calls of queue 0 and %d elsewhere, want %d of each", snapshot.Queues[0].ReadCalls, snapshot.Strays, reads)
			}
		})
	}
}
