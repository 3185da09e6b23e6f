package bpf

import (
	"errors"
	"fmt"

	"github.com/cilium/ebpf"
	"github.com/cilium/ebpf/link"
	"golang.org/x/sys/unix"
)

// CallError is a request that the kernel refused.
type CallError struct {
	Call   string // the request, verb first
	Object string // the link
	Err    unix.Errno
}

func (e *CallError) Error() string {
	return fmt.Sprintf("%s on %s: %v (%s)", e.Call, e.Object, e.Err, unix.ErrnoName(e.Err))
}

func (e *CallError) Unwrap() error { return e.Err }

// XDP is a program that passes or drops every frame that a device receives, and
// counts it.
type XDP struct {
	counts *ebpf.Map // one deviceXdpCounters of each CPU
	prog   *ebpf.Program
	link   link.Link
}

// OpenXDP attaches a program to a device: in its driver, or in the stack if
// generic. do runs a call in the namespace of the device. The kernel detaches
// the program when its link is closed, by Close or with the process. A device
// or kernel that does not support it gives a *CallError (links of XDP: Linux
// 5.9).
func OpenXDP(ifindex int, do func(func() error) error, drop, generic bool) (*XDP, error) {
	x := new(XDP)
	if err := x.load(drop); err != nil {
		return nil, errors.Join(err, x.Close())
	}
	call, flags := "attach a native XDP program", link.XDPDriverMode
	if generic {
		call, flags = "attach a generic XDP program", link.XDPGenericMode
	}
	err := do(func() (err error) {
		x.link, err = link.AttachXDP(link.XDPOptions{Program: x.prog, Interface: ifindex, Flags: flags})
		return err
	})
	if err != nil {
		return nil, errors.Join(refused(err, fmt.Sprintf("link %d", ifindex), call), x.Close())
	}
	return x, nil
}

// refused wraps the errno of a refusal as a *CallError, if there is one.
func refused(err error, object, call string) error {
	var errno unix.Errno
	switch {
	case errors.As(err, &errno):
		return &CallError{Call: call, Object: object, Err: errno}
	case errors.Is(err, ebpf.ErrNotSupported):
		return &CallError{Call: call, Object: object, Err: unix.EOPNOTSUPP}
	}
	return fmt.Errorf("%s on %s: %w", call, object, err)
}

func (x *XDP) load(drop bool) error {
	name := deviceProgXdpPass
	if drop {
		name = deviceProgXdpDrop
	}
	spec, err := deviceSpec(name)
	if err != nil {
		return err
	}
	if x.counts, err = ebpf.NewMap(spec.Maps[deviceMapXdpCounts]); err != nil {
		return refused(err, "the counters of XDP", "make a map")
	}
	coll, err := ebpf.NewCollectionWithOptions(spec, ebpf.CollectionOptions{
		MapReplacements: map[string]*ebpf.Map{deviceMapXdpCounts: x.counts},
	})
	if err != nil {
		return fmt.Errorf("load program %s: %w", name, err)
	}
	defer coll.Close()
	x.prog = coll.DetachProgram(name)
	return nil
}

// Count returns the frames that the program has seen, a GSO packet as one, and
// their bytes: those of IP on a TUN, with the Ethernet header on a TAP.
func (x *XDP) Count() (packets, bytes uint64, err error) {
	var perCPU []deviceXdpCounters
	if err := x.counts.Lookup(uint32(0), &perCPU); err != nil {
		return 0, 0, fmt.Errorf("read the counters of XDP: %w", err)
	}
	for _, c := range perCPU {
		packets += c.Packets
		bytes += c.Bytes
	}
	return packets, bytes, nil
}

// Close detaches the program. It may be called again.
func (x *XDP) Close() error {
	var err error
	if x.link != nil {
		err = x.link.Close()
		x.link = nil
	}
	x.prog.Close()
	x.counts.Close()
	return err
}
