package watch

import (
	"errors"
	"fmt"
	"runtime"
	"testing"
	"time"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"

	"tunbench/bpf"
	"tunbench/bpf/bpftest"
	"tunbench/harness/netns"
	"tunbench/harness/tuntap"
)

const vlan = 5

// tagFrames has what leaves by a TAP tagged, and returns the link by which frames are to be sent
// for that: a program tags them or, where the kernel has none (before Linux 6.6), a bridge.
func tagFrames(t *testing.T, ns *netns.NS, name string) (by string) {
	t.Helper()
	by = name
	err := ns.Do(func() error {
		port, err := netlink.LinkByName(name)
		if err != nil {
			return err
		}
		tagging, refused := bpftest.PushTag(port.Attrs().Index, vlan)
		if refused == nil {
			t.Cleanup(func() { tagging.Close() })
			return nil
		}
		by = "bridge0"
		filtering, snooping := true, false
		bridge := &netlink.Bridge{LinkAttrs: netlink.LinkAttrs{Name: by}, VlanFiltering: &filtering, MulticastSnooping: &snooping}
		err = errors.Join(netlink.LinkAdd(bridge), netlink.LinkSetMaster(port, bridge), ns.Configure(by, netns.Link{}), // silent
			netlink.BridgeVlanAdd(bridge, vlan, true, true, true, false), netlink.BridgeVlanAdd(port, vlan, false, false, false, true))
		if err != nil {
			return errors.Join(refused, err)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return by
}

// sendFrames sends n frames of that many bytes to all by a link.
func sendFrames(t *testing.T, ns *netns.NS, by string, n, bytes int) {
	t.Helper()
	err := ns.Do(func() error {
		link, err := netlink.LinkByName(by)
		if err != nil {
			return err
		}
		fd, err := unix.Socket(unix.AF_PACKET, unix.SOCK_RAW|unix.SOCK_CLOEXEC, 0)
		if err != nil {
			return err
		}
		defer unix.Close(fd)
		frame := make([]byte, bytes)
		copy(frame, "\xff\xff\xff\xff\xff\xff\x02\x00\x00\x00\x00\x01\x88\xb5") // an EtherType for experiments
		for range n {
			if err := unix.Sendto(fd, frame, 0, &unix.SockaddrLinklayer{Ifindex: link.Attrs().Index}); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

// TestTagged holds that frames which tun_put_user() copies in two parts, because their VLAN tag
// is not in their data, are counted once, with the bytes that the device counts.
func TestTagged(t *testing.T) {
	const frames = 20
	for _, tagged := range []bool{true, false} {
		ns, d := newDevice(t, tuntap.Config{Name: "tagged0", TAP: true})
		by, tag := "tagged0", 0
		if tagged {
			by, tag = tagFrames(t, ns, "tagged0"), 4
		}
		time.Sleep(20 * time.Millisecond) // a port begins to forward
		drain(t, d)
		for _, hook := range hooks(t) {
			for _, c := range []struct {
				name      string
				sent, cut int // bytes; 0: not cut
				room      int // of the reader
			}{
				{"whole", 100, 0, 2000},
				{"no room behind the tag", 100, 0, 16},
				{"no room for the tag", 100, 0, 12},
				{"two equal parts", 24, 0, 2000},
				{"cut to two equal parts", 100, 24, 2000},
				{"addresses alone", 100, 12, 2000},
			} {
				t.Run(fmt.Sprintf("%s/tagged %v/%s", hook, tagged, c.name), func(t *testing.T) {
					want := c.sent
					if c.cut > 0 {
						want = c.cut
						if err := d.AttachFilter([]unix.SockFilter{{Code: unix.BPF_RET | unix.BPF_K, K: uint32(c.cut)}}); err != nil {
							t.Fatal(err)
						}
						defer func() {
							if err := d.DetachFilter(); err != nil {
								t.Error(err)
							}
						}()
					}
					drain(t, d)
					s := open(t, Options{Device: "tagged0", Hook: hook, Flows: c.room == 16})
					// watch counts GSO packets, too; this one has the short way of a trial.
					plain, err := bpf.Open(bpf.Options{Hook: bpf.Hook(hook), Target: bpf.Target{Ifindex: uint32(d.Ifindex()), Netns: ns.Inode(), Queues: 1, Direction: bpf.K2U}})
					if err != nil {
						t.Fatal(err)
					}
					defer plain.Close()
					sendFrames(t, ns, by, frames, c.sent)
					runtime.LockOSThread() // the second part of a frame is on the CPU of the first
					defer runtime.UnlockOSThread()
					for i := range frames {
						n, err := unix.Read(d.Queues()[0].FD(), make([]byte, c.room))
						if err != nil || n != min(want+tag, c.room) {
							t.Fatalf("frame %d has %d bytes (%v), want %d", i, n, err, min(want+tag, c.room))
						}
					}
					w := next(t, s)
					q := w.Queues[0]
					if w.Counters.TxPackets != frames || q.XmitPkts != frames || q.ReadPkts != frames || w.Latency["residency"].Count != frames {
						t.Errorf("the device counted %d frames, the observer %+v and %d residencies, want %d", w.Counters.TxPackets, q, w.Latency["residency"].Count, frames)
					}
					if q.XmitBytes != uint64(frames*(c.sent+tag)) {
						t.Errorf("%d bytes were sent, want %d", q.XmitBytes, frames*(c.sent+tag))
					}
					if q.ReadBytes != w.Counters.TxBytes {
						t.Errorf("%d bytes were read, the device counted %d", q.ReadBytes, w.Counters.TxBytes)
					}
					snapshot, err := plain.Snapshot()
					if err != nil {
						t.Fatal(err)
					}
					if p := snapshot.Queues[0]; p.XmitSKBs != frames || p.ReadSKBs != frames || p.XmitBytes != q.XmitBytes || p.ReadBytes != q.ReadBytes || snapshot.Strays > 0 {
						t.Errorf("without GSO packets %+v, with them %+v", p, q)
					}
					if len(w.Dropped) > 0 || w.Missed > 0 {
						t.Errorf("dropped %v, missed %d", w.Dropped, w.Missed)
					}
				})
			}
		}
		d.Close()
	}
}
