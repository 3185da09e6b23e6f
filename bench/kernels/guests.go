package kernels

import (
	"context"
	"errors"

	"tunbench/bench/boot"
	"tunbench/bench/progress"
	"tunbench/harness"
	"tunbench/harness/vm"
	"tunbench/harness/vm/guest"
	"tunbench/harness/vm/kernel"
)

// Guests finds kernels to boot.
type Guests interface {
	// Find finds the kernel that arg names, as kernel.Find of the architecture arch.
	Find(arg, arch string) (Kernel, error)
}

// Kernel is a kernel that can be booted any number of times.
type Kernel interface {
	// Release is what uname -r will say.
	Release() string
	// Check reports what would keep Boot from starting the guest; it starts nothing.
	Check(m boot.Machine) error
	// Boot runs the command lines of job in one guest, and passes to keep what the
	// guest hands out while it runs. A *BootError means that this guest failed; after
	// any other error further boots would fail too.
	Boot(ctx context.Context, m boot.Machine, job guest.Job, keep vm.Keeper, tell *progress.Boots) (Delivery, error)
	// Close removes the files that were unpacked to find the kernel.
	Close() error
}

// Delivery is what a guest delivered.
type Delivery struct {
	Files map[string][]byte // by path below guest.OutDir
	Ends  []CommandEnd      // of each command
}

// CommandEnd is how a command in a guest ended.
type CommandEnd struct {
	Exit   int
	Stderr string
}

// BootError is the failure of a guest, with the last lines of its console.
type BootError struct{ Err error }

func (e *BootError) Error() string { return e.Err.Error() }

func (e *BootError) Unwrap() error { return e.Err }

// Virtual are the guests of harness/vm.
type Virtual struct{ boot.Terminal }

func (v Virtual) Find(arg, arch string) (Kernel, error) {
	k, remove, err := kernel.Find(arg, arch)
	if err != nil {
		return nil, errors.Join(err, remove())
	}
	return virtualMachine{v.Terminal, k, remove}, nil
}

type virtualMachine struct {
	boot.Terminal
	kernel *kernel.Kernel
	remove func() error
}

func (v virtualMachine) Release() string { return v.kernel.Release }
func (v virtualMachine) Close() error    { return v.remove() }

func (v virtualMachine) Check(m boot.Machine) error {
	return m.Of(v.kernel, v.Terminal, nil).Check()
}

func (v virtualMachine) Boot(ctx context.Context, m boot.Machine, job guest.Job, keep vm.Keeper, tell *progress.Boots) (Delivery, error) {
	machine := m.Of(v.kernel, v.Terminal, tell)
	machine.Keep = keep
	job.Env = []string{harness.ForGuest()}
	r, err := machine.Run(ctx, job)
	if err != nil {
		var failed *vm.BootError
		if errors.As(err, &failed) {
			return Delivery{}, &BootError{err}
		}
		return Delivery{}, err
	}
	d := Delivery{Files: r.Files}
	for _, c := range r.Commands {
		end := CommandEnd{c.Exit, string(c.Stderr)}
		if c.Error != "" {
			end.Stderr += "\n" + c.Error
		}
		d.Ends = append(d.Ends, end)
	}
	return d, nil
}
