package bpf

import (
	"fmt"
	"time"

	"github.com/cilium/ebpf"
	"github.com/cilium/ebpf/asm"
)

// MaxFilterTime is the longest time that a filter takes for a packet.
const MaxFilterTime = 50 * time.Microsecond

// filterLooks bounds a filter's looks at the clock, so that the verifier sees
// that it ends. Each takes 10 ns at least.
const filterLooks = 8192

// skbLen is offsetof(struct __sk_buff, len) of include/uapi/linux/bpf.h.
const skbLen = 0

// LoadFilter loads a program for the filter of a device (TUNSETFILTEREBPF),
// which runs on each packet in tun_net_xmit. It keeps all of each packet, and
// looks at the clock until it has taken that long; 0: it does not look. The
// caller gives its FD to the device and closes the program; the device keeps a
// reference of its own.
func LoadFilter(takes time.Duration) (*ebpf.Program, error) {
	if takes < 0 || takes > MaxFilterTime {
		return nil, fmt.Errorf("load filter program: %v a packet: choose at most %v", takes, MaxFilterTime)
	}
	var insns asm.Instructions
	if takes > 0 {
		insns = asm.Instructions{
			asm.Mov.Reg(asm.R6, asm.R1),
			asm.FnKtimeGetNs.Call(),
			asm.Mov.Reg(asm.R7, asm.R0),
			asm.Mov.Imm(asm.R8, 0),
			asm.FnKtimeGetNs.Call().WithSymbol("look"),
			asm.Sub.Reg(asm.R0, asm.R7),
			asm.JGE.Imm(asm.R0, int32(takes), "keep"),
			asm.Add.Imm(asm.R8, 1),
			asm.JLT.Imm(asm.R8, filterLooks, "look"),
			asm.Mov.Reg(asm.R1, asm.R6).WithSymbol("keep"),
		}
	}
	insns = append(insns, asm.LoadMem(asm.R0, asm.R1, skbLen, asm.Word), asm.Return())
	prog, err := ebpf.NewProgram(&ebpf.ProgramSpec{
		Name: "filter", Type: ebpf.SocketFilter, Instructions: insns, License: "Dual BSD/GPL",
	})
	if err != nil {
		return nil, fmt.Errorf("load filter program: %w", err)
	}
	return prog, nil
}
