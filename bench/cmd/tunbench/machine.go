package main

import (
	"github.com/spf13/cobra"

	"tunbench/bench/boot"
	"tunbench/harness/vm"
)

// machineFlags registers the flags of the commands that boot kernels. boots is the
// default of --boots.
func machineFlags(cmd *cobra.Command, m *boot.Machine, boots int) {
	f := cmd.Flags()
	f.StringVar(&m.Accel, "accel", vm.Auto, "auto (KVM if a guest boots under it, else TCG), kvm or tcg")
	f.BoolVar(&m.ICount, "icount", false, "virtual time: one CPU, on which one instruction takes one nanosecond")
	f.IntVar(&m.SMP, "smp", 0, "virtual CPUs (default 2, or 1 with --icount)")
	f.IntVar(&m.MemoryMiB, "memory", vm.DefaultMemoryMiB, "memory of the guest in MiB")
	f.StringVar(&m.Append, "append", "", "more kernel parameters, such as 'mitigations=off'")
	f.DurationVar(&m.Timeout, "timeout", vm.DefaultTimeout, "limit for one boot, from its start to its end")
	f.IntVar(&m.Boots, "boots", boots, "how often to boot each kernel")
	_ = cmd.RegisterFlagCompletionFunc("accel", cobra.FixedCompletions([]string{vm.Auto, vm.KVM, vm.TCG}, cobra.ShellCompDirectiveNoFileComp))
	for _, flag := range []string{"smp", "memory", "append", "timeout", "boots"} {
		_ = cmd.RegisterFlagCompletionFunc(flag, cobra.NoFileCompletions)
	}
}
