package vm

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"regexp"
	"slices"
	"sync"
	"time"

	"tunbench/harness/vm/guest"
)

// Deadlines, by the host's clock.
const (
	// kvmDeadline is when a guest under KVM must have printed something. Where KVM
	// works it takes a tenth of that.
	kvmDeadline = 4 * time.Second
	// silenceDeadline is when an emulated guest must have printed something: by its CPU
	// time, because it may get little of it on a busy host.
	silenceDeadline = time.Minute
	// idleShare of one CPU is what a guest uses at least that has not stopped.
	idleShare = 0.05
	// endDeadline is when QEMU must have ended after the guest reported that it is
	// done.
	endDeadline = 5 * time.Second
	// haltDeadline is the same after a panic, whose last lines are waited for.
	haltDeadline = 2 * time.Second
)

var digits = regexp.MustCompile(`[0-9]+`)

// boot is one run of QEMU, from its start until it has ended.
type boot struct {
	machine *Machine
	accel   string
	probe   bool // a guest that prints nothing is a *kvmError
	begin   time.Time
	qemu    *process
	console *console
	lost    sync.Once  // so that eventLost is sent once
	events  chan event // closed when QEMU has ended and all its output was read
	frame   []byte     // holds the results; complete when events is closed

	// What ends the boot; nil is a reason that no longer applies.
	cancelled                <-chan struct{}
	timedOut, silent, ending <-chan time.Time
	patience                 time.Duration // after which the guest counts as silent

	// What was noticed.
	bootTime        time.Duration
	resultsAt       time.Time // when the guest began to hand out its results
	transfer        time.Duration
	done            bool     // all results were handed out
	failure         error    // the first of the host, joined with those of the guest
	fault, panicked string   // why the kernel gave up
	memory          string   // what the kernel printed when it ran out of memory
	complaints      []string // of guest and kernel, each once
}

func newBoot(m *Machine, accel string, probe bool) *boot {
	b := &boot{machine: m, accel: accel, probe: probe, events: make(chan event, 64), patience: silenceDeadline}
	if probe {
		b.patience = kvmDeadline
	}
	b.console = &console{on: func(e event) { b.events <- e }, line: func(line string) {
		m.Line(line)
		b.kept(m.Keep.Console(line))
	}}
	return b
}

// kept handles an error of the machine's Keeper: what is not kept ends the boot.
func (b *boot) kept(err error) {
	if err != nil {
		b.lost.Do(func() { b.events <- event{eventLost, err.Error()} })
	}
}

// error makes a BootError of err.
func (b *boot) error(err error) error {
	return &BootError{Err: err, Release: b.machine.Kernel.Release, Accel: b.accel, Console: b.console.text()}
}

// start starts QEMU and the readers of its serial ports.
func (b *boot) start(qemu string, initrd *os.File) error {
	b.begin = time.Now()
	p, err := start(qemu, b.machine.args(b.accel, b.begin), initrd, b.machine.Extra)
	if err != nil {
		return err
	}
	b.qemu = p
	// The readers end with QEMU, which holds the other ends of the pipes.
	var readers sync.WaitGroup
	readers.Go(func() {
		defer p.console.Close()
		_, _ = io.Copy(b.console, p.console)
		b.console.end()
	})
	readers.Go(func() {
		defer p.results.Close()
		b.frame = guest.ReadStream(p.results,
			func(name string, offset int64, grown []byte) { b.kept(b.machine.Keep.Grow(name, offset, grown)) },
			func(err error) { b.events <- event{eventWarning, err.Error()} })
	})
	go func() {
		p.wait()
		readers.Wait()
		close(b.events)
	}()
	return nil
}

// watch handles events until QEMU has ended. It kills QEMU if the context ends, a
// deadline passes or the guest is done and does not power off.
func (b *boot) watch(ctx context.Context) {
	timeout := time.NewTimer(b.machine.Timeout)
	defer timeout.Stop()
	silence := time.NewTimer(b.patience)
	defer silence.Stop()
	b.cancelled, b.timedOut, b.silent = ctx.Done(), timeout.C, silence.C
	for {
		select {
		case e, ok := <-b.events:
			if !ok {
				return
			}
			b.take(e)
		case <-b.cancelled:
			b.stop(ctx.Err())
		case <-b.silent:
			if b.probe {
				b.stop(&kvmError{fmt.Sprintf("a guest under KVM printed nothing for %v", b.patience)})
			} else if longer := UntilSilent(b.qemu.cpuTime(), b.patience, time.Since(b.begin)); longer > 0 {
				b.silent = time.After(longer)
			} else {
				b.stop(silentError(b.qemu.cpuTime(), b.patience, boards[b.machine.Kernel.Arch].serial))
			}
		case <-b.timedOut:
			err := fmt.Errorf("the guest was not done after %v (--timeout)", b.machine.Timeout)
			for _, c := range b.complaints[:min(len(b.complaints), guest.MaxWarnings)] {
				err = fmt.Errorf("%w; before, %s", err, c)
			}
			b.stop(err)
		case <-b.ending:
			b.ending = nil
			b.qemu.kill()
		}
	}
}

// silentError is that of a kernel that printed nothing for patience, in which QEMU used
// so much CPU time.
func silentError(used, patience time.Duration, serial string) error {
	if used < patience/2 {
		return fmt.Errorf("the kernel printed nothing for %v, in which QEMU had %.1f s of CPU time: either this host is too busy, or the guest hangs, or the kernel has no serial console (%s)",
			patience, used.Seconds(), serial)
	}
	return fmt.Errorf("the kernel printed nothing for %v: has it a serial console (%s)?", patience, serial)
}

// UntilSilent is how long a guest may still say nothing, of whose CPU time patience may
// pass, if it has used so much since it was started or asked. It is 0 for one that had all the time it needs, and for one that
// does not run, although it could.
func UntilSilent(used, patience, since time.Duration) time.Duration {
	if used < time.Duration(idleShare*float64(since)) {
		return 0
	}
	return max(0, patience-used)
}

// take handles an event, and sets how long QEMU may still run.
func (b *boot) take(e event) {
	switch e.kind {
	case eventOutput:
		b.silent = nil
	case eventReady:
		b.bootTime = time.Since(b.begin)
	case eventResults:
		b.resultsAt = time.Now()
	case eventDone:
		b.done = true
		b.transfer = time.Since(b.resultsAt)
		b.ending = time.After(endDeadline)
	case eventWarning:
		b.complain(e.text)
	case eventComplaint:
		b.complain(guest.KernelWarns + e.text)
	case eventLost:
		b.stop(fmt.Errorf("keep what the guest measured: %s", e.text))
	case eventMemory:
		b.memory = e.text
	case eventError:
		b.failure = errors.Join(b.failure, fmt.Errorf("in the guest: %s", e.text))
		b.ending = time.After(endDeadline)
	case eventOops:
		// Because of oops=panic the kernel panics once it has printed its registers.
		if b.fault == "" {
			b.fault = e.text
		}
		b.ending = time.After(endDeadline)
	case eventPanic:
		b.panicked = e.text
		b.ending = time.After(haltDeadline)
	case eventHalted:
		b.ending = time.After(haltDeadline)
	}
}

// complain shows each complaint once. Complaints that differ only in numbers, such as
// how long a CPU is stuck, are the same.
func (b *boot) complain(text string) {
	plain := func(s string) string { return digits.ReplaceAllString(s, "") }
	if slices.ContainsFunc(b.complaints, func(c string) bool { return plain(c) == plain(text) }) {
		return
	}
	b.complaints = append(b.complaints, text)
	if len(b.complaints) <= guest.MaxWarnings {
		b.machine.Log("guest: " + text)
	}
}

// stop kills QEMU. err becomes the failure of the boot, unless there is one already.
func (b *boot) stop(err error) {
	if b.failure == nil {
		b.failure = err
	}
	b.cancelled, b.timedOut, b.silent = nil, nil, nil
	b.qemu.kill()
}

// result returns the results of the boot, or why it failed. It is called after watch.
func (b *boot) result() (*Result, error) {
	outOfMemory := ""
	if b.memory != "" {
		outOfMemory = fmt.Sprintf("the guest ran out of its %d MiB of memory (--memory): %s", b.machine.MemoryMiB, b.memory)
	}
	failure := b.reason()
	var dead *kvmError
	switch {
	case errors.As(failure, &dead):
		return nil, dead
	case failure != nil && outOfMemory != "":
		return nil, b.error(fmt.Errorf("%w; %s", failure, outOfMemory))
	case failure != nil:
		return nil, b.error(failure)
	}
	got, err := guest.ParseFrame(b.frame)
	if err != nil {
		return nil, b.error(err)
	}
	if outOfMemory != "" {
		b.machine.Log(outOfMemory)
	}
	return &Result{Commands: got.Commands, Files: got.Files, Console: b.console.text(), BootTime: b.bootTime, Transfer: b.transfer}, nil
}

// reason returns why the boot failed, or nil.
func (b *boot) reason() error {
	failure := b.failure
	switch {
	case b.fault != "" && b.panicked != "":
		failure = errors.Join(failure, fmt.Errorf("the kernel gave up: %s (%s)", b.fault, b.panicked))
	case b.fault != "" || b.panicked != "":
		failure = errors.Join(failure, fmt.Errorf("the kernel gave up: %s", cmp.Or(b.fault, b.panicked)))
	}
	said := b.console.printed()
	switch {
	case failure != nil || b.done && (said || !b.probe):
		return failure
	case b.probe && !said:
		return &kvmError{"QEMU ended: " + b.qemu.complaint()}
	case !said:
		return fmt.Errorf("QEMU ended: %s", b.qemu.complaint())
	}
	failure = errors.New("the guest ended before its commands were done")
	if b.qemu.stderr.Len() > 0 || b.qemu.err != nil {
		failure = fmt.Errorf("%w: QEMU ended: %s", failure, b.qemu.complaint())
	}
	return failure
}
