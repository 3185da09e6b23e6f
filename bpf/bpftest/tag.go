// Package bpftest attaches programs that make the traffic of tests.
package bpftest

import (
	"errors"
	"fmt"
	"io"
	"math/bits"

	"github.com/cilium/ebpf"
	"github.com/cilium/ebpf/asm"
	"github.com/cilium/ebpf/link"
)

const dot1q = 0x8100 // the EtherType of a VLAN tag

// PushTag has a link give each frame that leaves by it the tag of a VLAN, until the result is
// closed: beside the frame's data, as a VLAN device does. It needs Linux 6.6 (tcx) and runs in
// the namespace of the link.
func PushTag(ifindex int, vlan uint16) (io.Closer, error) {
	program, err := ebpf.NewProgram(&ebpf.ProgramSpec{
		Type: ebpf.SchedCLS, AttachType: ebpf.AttachTCXEgress, License: "GPL",
		Instructions: asm.Instructions{
			asm.Mov.Imm(asm.R2, int32(bits.ReverseBytes16(dot1q))), // in network order; all targets are little-endian
			asm.Mov.Imm(asm.R3, int32(vlan)),
			asm.FnSkbVlanPush.Call(),
			asm.Mov.Imm(asm.R0, 0), // TCX_PASS
			asm.Return(),
		},
	})
	if err != nil {
		return nil, fmt.Errorf("load a program that tags frames: %w", err)
	}
	l, err := link.AttachTCX(link.TCXOptions{Interface: ifindex, Program: program, Attach: ebpf.AttachTCXEgress})
	if err := errors.Join(err, program.Close()); err != nil {
		return nil, fmt.Errorf("attach a program that tags frames: %w", err)
	}
	return l, nil
}
