//go:build !amd64

package host

// hypervisor returns that nothing is known: only x86 lets user space ask the
// CPU.
func hypervisor() cpuid { return cpuid{} }
