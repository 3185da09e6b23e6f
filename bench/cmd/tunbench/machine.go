package main

import (
	"github.com/spf13/cobra"

	"tunbench/bench/boot"
	"tunbench/harness/vm"
	"tunbench/harness/vm/kernel"
)

// machineFlags registers the flags of the commands that boot kernels. boots is the
// default of --boots.
func machineFlags(cmd *cobra.Command, m *boot.Machine, boots int) {
	f := cmd.Flags()
	f.StringVar(&m.Arch, "arch", "", "architecture of the kernels: amd64 or arm64 (default that of the kernel image; of a release by name, that of this host)")
	f.StringVar(&m.Program, "guest-binary", "", "tunbench that the guest runs (default this one, or tunbench-ARCH beside it for another architecture)")
	f.StringVar(&m.Accel, "accel", vm.Auto, "auto (KVM if a guest boots under it, else TCG), kvm or tcg")
	f.BoolVar(&m.ICount, "icount", false, "virtual time: one CPU, on which one instruction takes one nanosecond")
	f.IntVar(&m.SMP, "smp", 0, "virtual CPUs (default 2, or 1 with --icount)")
	f.IntVar(&m.MemoryMiB, "memory", vm.DefaultMemoryMiB, "memory of the guest in MiB")
	f.StringVar(&m.Append, "append", "", "more kernel parameters, such as 'mitigations=off'")
	f.DurationVar(&m.Timeout, "timeout", vm.DefaultTimeout, "limit for one boot, from its start to its end")
	f.IntVar(&m.Boots, "boots", boots, "how often to boot each kernel")
	_ = cmd.RegisterFlagCompletionFunc("accel", cobra.FixedCompletions([]string{vm.Auto, vm.KVM, vm.TCG}, cobra.ShellCompDirectiveNoFileComp))
	_ = cmd.RegisterFlagCompletionFunc("arch", cobra.FixedCompletions(kernel.Arches(), cobra.ShellCompDirectiveNoFileComp))
	_ = cmd.MarkFlagFilename("guest-binary")
	for _, flag := range []string{"smp", "memory", "append", "timeout", "boots"} {
		_ = cmd.RegisterFlagCompletionFunc(flag, cobra.NoFileCompletions)
	}
}
