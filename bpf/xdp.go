package bpf

import (
	"errors"
	"fmt"

	"github.com/cilium/ebpf"
	"github.com/cilium/ebpf/asm"
	"github.com/cilium/ebpf/link"
	"golang.org/x/sys/unix"
)

// CallError is a request that the kernel refused.
type CallError struct {
	Call   string // what was asked, verb first
	Object string // of which link
	Err    unix.Errno
}

func (e *CallError) Error() string {
	return fmt.Sprintf("%s on %s: %v (%s)", e.Call, e.Object, e.Err, unix.ErrnoName(e.Err))
}

func (e *CallError) Unwrap() error { return e.Err }

// XDP is a program that does the same with every frame that a device receives,
// and counts it.
type XDP struct {
	counts *ebpf.Map // one slot, of each CPU: xdpCounts
	prog   *ebpf.Program
	link   link.Link
}

// xdpCounts are written by the program: offsets xdpPackets and xdpBytes.
type xdpCounts struct{ Packets, Bytes uint64 }

const (
	xdpPackets, xdpBytes = 0, 8

	// Of enum xdp_action and struct xdp_md of include/uapi/linux/bpf.h.
	xdpDrop, xdpPass        = 1, 2
	xdpMDData, xdpMDDataEnd = 0, 4
)

// OpenXDP puts a program on a device: in its driver, or in the stack if
// generic. do runs a call in the namespace of the device. The kernel takes the
// program away when its link is closed, by Close or with the process. A device
// or kernel that cannot do it gives a *CallError (links of XDP: Linux 5.9).
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

// refused makes a *CallError of what the kernel said, if it said anything.
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

func (x *XDP) load(drop bool) (err error) {
	x.counts, err = ebpf.NewMap(&ebpf.MapSpec{
		Name: "xdp_counts", Type: ebpf.PerCPUArray, KeySize: 4, ValueSize: 16, MaxEntries: 1,
	})
	if err != nil {
		return refused(err, "the counters of XDP", "make a map")
	}
	action, name := int32(xdpPass), "xdp_pass"
	if drop {
		action, name = xdpDrop, "xdp_drop"
	}
	x.prog, err = ebpf.NewProgram(&ebpf.ProgramSpec{
		Name: name, Type: ebpf.XDP, License: "Dual BSD/GPL",
		Instructions: asm.Instructions{
			asm.LoadMem(asm.R6, asm.R1, xdpMDData, asm.Word),
			asm.LoadMem(asm.R7, asm.R1, xdpMDDataEnd, asm.Word),
			asm.StoreImm(asm.RFP, -4, 0, asm.Word),
			asm.Mov.Reg(asm.R2, asm.RFP),
			asm.Add.Imm(asm.R2, -4),
			asm.LoadMapPtr(asm.R1, x.counts.FD()),
			asm.FnMapLookupElem.Call(),
			asm.JEq.Imm(asm.R0, 0, "end"),
			// No second frame comes on this CPU before this one is done.
			asm.LoadMem(asm.R1, asm.R0, xdpPackets, asm.DWord),
			asm.Add.Imm(asm.R1, 1),
			asm.StoreMem(asm.R0, xdpPackets, asm.R1, asm.DWord),
			asm.Sub.Reg(asm.R7, asm.R6),
			asm.LoadMem(asm.R1, asm.R0, xdpBytes, asm.DWord),
			asm.Add.Reg(asm.R1, asm.R7),
			asm.StoreMem(asm.R0, xdpBytes, asm.R1, asm.DWord),
			asm.Mov.Imm(asm.R0, action).WithSymbol("end"),
			asm.Return(),
		},
	})
	if err != nil {
		return fmt.Errorf("load program %s: %w", name, err)
	}
	return nil
}

// Count gives the frames that the program has seen, super-packets as one, and
// their bytes: those of IP on a TUN, with the Ethernet header on a TAP.
func (x *XDP) Count() (packets, bytes uint64, err error) {
	var perCPU []xdpCounts
	if err := x.counts.Lookup(uint32(0), &perCPU); err != nil {
		return 0, 0, fmt.Errorf("read the counters of XDP: %w", err)
	}
	for _, c := range perCPU {
		packets += c.Packets
		bytes += c.Bytes
	}
	return packets, bytes, nil
}

// Close takes the program away. It may be called again.
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
