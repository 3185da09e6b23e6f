// Package boot runs tunbench in guest kernels: it rewrites the command line for the
// guest, keeps the files that the guest hands out while it runs, and reports what is
// left when the guest fails.
package boot

import (
	"fmt"
	"io"
	"time"

	"tunbench/bench/progress"
	"tunbench/harness/vm"
	"tunbench/harness/vm/kernel"
)

// Machine is the virtual machine that boots a kernel.
type Machine struct {
	Arch      string // of the kernels, as GOARCH; "": see kernel.Find
	Program   string // what guests run; "": see vm.Machine
	Accel     string // vm.Auto, vm.KVM or vm.TCG
	ICount    bool   // virtual time
	SMP       int    // virtual CPUs; 0: the default of vm.Machine
	MemoryMiB int
	Append    string // more kernel parameters
	Timeout   time.Duration
	Boots     int // of each kernel
}

// MaxBoots prevents a typing error from running for a week.
const MaxBoots = 1000

// Check returns an error that names the flag with an impossible value, if there is one.
func (m Machine) Check() error {
	switch {
	case m.Boots < 1 || m.Boots > MaxBoots:
		return fmt.Errorf("--boots %d: choose 1 to %d", m.Boots, MaxBoots)
	case m.Timeout <= 0:
		return fmt.Errorf("--timeout %v: must be positive", m.Timeout)
	case m.SMP < 0:
		return fmt.Errorf("--smp %d: must be positive", m.SMP)
	case m.MemoryMiB < 1:
		return fmt.Errorf("--memory %d: must be positive, in MiB", m.MemoryMiB)
	}
	return nil
}

// Terminal is the output of a command that boots guests.
type Terminal struct {
	Stdout, Stderr io.Writer
	Quiet, Verbose bool
}

// Warnf prints to Stderr unless t is quiet.
func (t Terminal) Warnf(format string, args ...any) {
	if !t.Quiet {
		fmt.Fprintf(t.Stderr, format+"\n", args...)
	}
}

// Of is m with kernel k. Its messages go to t, above the progress that tell shows.
func (m Machine) Of(k *kernel.Kernel, t Terminal, tell *progress.Boots) vm.Machine {
	machine := vm.Machine{
		Kernel: k, Accel: m.Accel, ICount: m.ICount, SMP: m.SMP, MemoryMiB: m.MemoryMiB,
		Append: m.Append, Timeout: m.Timeout, Executable: m.Program,
		Log: func(line string) {
			tell.Clear()
			t.Warnf("tunbench: %s", line)
		},
	}
	if t.Verbose {
		machine.Line = func(line string) { fmt.Fprintf(t.Stderr, "| %s\n", line) }
	}
	return machine
}
