package bpf

import (
	"fmt"

	"github.com/cilium/ebpf"
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

var steering = map[Steering]string{
	SteerHash: deviceProgSteerHash,
	SteerCPU:  deviceProgSteerCpu,
	SteerOne:  deviceProgSteerOne,
}

// LoadSteering loads a steering program. The caller gives its FD to the device,
// which keeps a reference of its own, and closes the program.
func LoadSteering(s Steering) (*ebpf.Program, error) {
	name, ok := steering[s]
	if !ok {
		return nil, fmt.Errorf("load steering program: unknown kind %q", s)
	}
	spec, err := deviceSpec(name)
	if err != nil {
		return nil, err
	}
	prog, err := ebpf.NewProgram(spec.Programs[name])
	if err != nil {
		return nil, fmt.Errorf("load steering program %s: %w", s, err)
	}
	return prog, nil
}
