package bpf

import (
	"fmt"

	"github.com/cilium/ebpf"
	"github.com/cilium/ebpf/asm"
)

// Steering names a program that chooses the queue of a packet; the kernel
// takes its result modulo the number of queues (tun_ebpf_select_queue of
// drivers/net/tun.c).
type Steering string

const (
	SteerHash Steering = "hash" // by the hash that the sending socket gave the packet
	SteerCPU  Steering = "cpu"  // by the CPU that sends
	SteerOne  Steering = "one"  // everything to queue 1
)

// skbHash is offsetof(struct __sk_buff, hash) of include/uapi/linux/bpf.h.
const skbHash = 68

var steering = map[Steering]asm.Instructions{
	SteerHash: {asm.LoadMem(asm.R0, asm.R1, skbHash, asm.Word), asm.Return()},
	SteerCPU:  {asm.FnGetSmpProcessorId.Call(), asm.Return()},
	SteerOne:  {asm.Mov.Imm(asm.R0, 1), asm.Return()},
}

// LoadSteering loads a steering program. The caller gives its FD to the device
// and closes the program; the device keeps a reference of its own.
func LoadSteering(s Steering) (*ebpf.Program, error) {
	insns, ok := steering[s]
	if !ok {
		return nil, fmt.Errorf("load steering program: unknown kind %q", s)
	}
	prog, err := ebpf.NewProgram(&ebpf.ProgramSpec{
		Name: "steer_" + string(s), Type: ebpf.SocketFilter,
		Instructions: insns, License: "Dual BSD/GPL",
	})
	if err != nil {
		return nil, fmt.Errorf("load steering program %s: %w", s, err)
	}
	return prog, nil
}
