package host

import (
	"encoding/binary"
	"strings"
)

// cpuidLeaf executes CPUID with ECX = 0.
func cpuidLeaf(leaf uint32) (eax, ebx, ecx, edx uint32)

// hypervisor asks the CPU. Hypervisors put their signatures into the leaves
// from 0x40000000 on (Linux arch/x86/include/asm/cpuid, hypervisor_cpuid_base).
func hypervisor() cpuid {
	_, _, ecx, _ := cpuidLeaf(1)
	c := cpuid{known: true, guest: ecx&(1<<31) != 0}
	if !c.guest {
		return c
	}
	for _, leaf := range []uint32{0x40000000, 0x40000100} {
		_, ebx, ecx, edx := cpuidLeaf(leaf)
		var b []byte
		for _, r := range []uint32{ebx, ecx, edx} {
			b = binary.LittleEndian.AppendUint32(b, r)
		}
		c.signatures = append(c.signatures, strings.TrimRight(string(b), "\x00"))
	}
	return c
}
