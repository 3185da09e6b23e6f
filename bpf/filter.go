package bpf

import (
	"fmt"
	"time"

	"github.com/cilium/ebpf"
)

// MaxFilterTime is the longest time that a filter may take for a packet.
const MaxFilterTime = 50 * time.Microsecond

// LoadFilter loads a program for the filter of a device (TUNSETFILTEREBPF),
// which runs on each packet in tun_net_xmit. The program keeps the whole
// packet, and takes the given time for it by polling the clock; with 0 it does
// not read the clock. The caller gives the program's FD to the device, which
// keeps a reference of its own, and closes the program.
func LoadFilter(takes time.Duration) (*ebpf.Program, error) {
	if takes < 0 || takes > MaxFilterTime {
		return nil, fmt.Errorf("load filter program: %v a packet: choose at most %v", takes, MaxFilterTime)
	}
	name := deviceProgFilterPass
	if takes > 0 {
		name = deviceProgFilterWait
	}
	spec, err := deviceSpec(name)
	if err != nil {
		return nil, err
	}
	if takes > 0 {
		if err := spec.Variables[deviceVarFilterNs].Set(uint32(takes)); err != nil {
			return nil, fmt.Errorf("set %s: %w", deviceVarFilterNs, err)
		}
	}
	coll, err := ebpf.NewCollection(spec)
	if err != nil {
		return nil, fmt.Errorf("load filter program: %w", err)
	}
	defer coll.Close()
	return coll.DetachProgram(name), nil
}
