package watch

import (
	"errors"
	"fmt"
	"maps"
	"testing"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"

	"tunbench/bpf"
	"tunbench/harness/tuntap"
)

// TestDown: a packet that is written while the device is down is an error of the write. With the
// same reason the driver drops what is sent to a queue that nobody holds, which is a drop.
func TestDown(t *testing.T) {
	const refused, lost = 30, 20
	for _, tap := range []bool{false, true} {
		ns, d := newDevice(t, tuntap.Config{Name: "down0", TAP: tap, Queues: 2})
		set := func(change func(netlink.Link) error) {
			t.Helper()
			err := ns.Do(func() error {
				link, err := netlink.LinkByName("down0")
				return errors.Join(err, change(link))
			})
			if err != nil {
				t.Fatal(err)
			}
		}
		for _, hook := range hooks(t) {
			t.Run(fmt.Sprintf("%s/tap %v", hook, tap), func(t *testing.T) {
				drain(t, d)
				observers := inEachDirection(t, hook, bpf.Target{Ifindex: uint32(d.Ifindex()), Netns: ns.Inode(), Queues: 2})
				s := open(t, Options{Device: "down0", Hook: hook})
				set(netlink.LinkSetDown)
				packet := ipv4(2, 3, 1)
				if tap {
					packet = append([]byte("\x02\x00\x00\x00\x00\x02\x02\x00\x00\x00\x00\x01\x08\x00"), packet...)
				}
				for range refused {
					if _, err := unix.Write(d.Queues()[0].FD(), packet); !errors.Is(err, unix.EIO) {
						t.Fatalf("a write while the device is down: %v, want EIO", err)
					}
				}
				w := next(t, s)
				if w.Counters.RxDropped != refused || w.Counters.RxPackets != 0 {
					t.Errorf("the device counted %+v", w.Counters)
				}
				if len(w.Dropped) > 0 || len(w.RecvDropped) > 0 || w.Queues[0].DropPkts > 0 {
					t.Errorf("writes that were refused: dropped %v, when received %v, queue %+v", w.Dropped, w.RecvDropped, w.Queues[0])
				}
				for direction, o := range observers {
					snapshot, err := o.Snapshot()
					if err != nil {
						t.Fatal(err)
					}
					if len(snapshot.Drops) > 0 || len(snapshot.RecvDrops) > 0 || snapshot.Queues[0].DropPkts > 0 || snapshot.Strays > 0 {
						t.Errorf("direction %d: dropped %v, when received %v, queue %+v", direction, snapshot.Drops, snapshot.RecvDrops, snapshot.Queues[0])
					}
				}

				set(netlink.LinkSetUp)
				for _, q := range d.Queues() {
					if err := q.Detach(); err != nil {
						t.Fatal(err)
					}
				}
				s = open(t, Options{Device: "down0", Hook: hook})
				sendFrames(t, ns, "down0", lost, 100)
				w = next(t, s)
				for _, q := range d.Queues() {
					if err := q.Attach(); err != nil {
						t.Fatal(err)
					}
				}
				var sum uint64
				for n := range maps.Values(w.Dropped) {
					sum += n
				}
				if sum != w.Counters.TxDropped || sum < lost {
					t.Errorf("nobody holds the queue: dropped %v, the device counted %+v", w.Dropped, w.Counters)
				}
			})
		}
		d.Close()
	}
}
