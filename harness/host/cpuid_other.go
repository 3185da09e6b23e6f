//go:build !amd64

package host

// hypervisor knows nothing: only x86 lets user space ask the CPU.
func hypervisor() cpuid { return cpuid{} }
