package vm

import (
	"context"
	"errors"
	"fmt"
	"os"
	"regexp"
	"runtime"
	"strings"
	"time"

	"tunbench/harness/vm/guest"
	"tunbench/harness/vm/kernel"
)

// Defaults of Machine.
const (
	DefaultMemoryMiB = 1024
	DefaultTimeout   = 10 * time.Minute

	minMemoryMiB = 128
)

// emulatorBoots is the number of attempts to boot a guest that the emulator breaks.
const emulatorBoots = 3

// strayBreakpoint is what a kernel prints when it runs into a breakpoint that it
// has already removed: that there is one or, where a kprobe is attached through ftrace,
// that it jumped to address 0 with interrupts off. Such a kprobe has no copy of the
// instruction, which is where setup_singlestep() of arch/x86/kernel/kprobes/core.c goes.
var strayBreakpoint = regexp.MustCompile(`int3: 0000 \[#1\]|Oops: 0010 \[#1\](?:.*\n)+?.*RIP: 0010:0x0\r?\n(?:.*\n){1,3}?.*RSP: \S+ EFLAGS: [0-9a-f]{5}[014589cd][0-9a-f]{2}\b`)

// Machine is the virtual machine that a kernel is booted in.
type Machine struct {
	Kernel *kernel.Kernel
	Accel  string // Auto, KVM or TCG; "": Auto
	ICount bool   // virtual time: an instruction is a nanosecond; needs TCG and one CPU
	SMP    int    // virtual CPUs; 0: two, but one under ICount or on a host with one CPU
	// OneThread lets one thread of QEMU emulate all virtual CPUs in turn; needs TCG.
	// With a thread per CPU, QEMU 7.2 sometimes runs code that the kernel has patched
	// only in part: a guest that attaches some hundred kprobes and fentry programs
	// may stop in a soft lockup or an oops that is not the kernel's fault.
	OneThread  bool
	MemoryMiB  int               // 0: DefaultMemoryMiB
	Append     string            // kernel parameters, added behind those that Run sets
	Timeout    time.Duration     // of one boot, until the guest has powered off; 0: DefaultTimeout
	Executable string            // what the guest runs as /init; "": this program, or its build for the kernel's architecture, see guestProgram
	Log        func(string)      // receives notices for the user, one line each; may be nil
	Line       func(line string) // receives each line of the console when it is complete; may be nil
	Keep       Keeper            // receives the console and the files of the guest while it runs; may be nil
	Extra      Extra             // what a guest has beside its console and its results

	image string // what QEMU starts
}

// Run boots the machine, executes job in it and returns the results. A command that
// exits with an error is no error of Run; a boot that fails is a *BootError. When ctx
// ends, QEMU is killed, and the error wraps that of ctx.
func (m Machine) Run(ctx context.Context, job guest.Job) (*Result, error) {
	if err := m.complete(); err != nil {
		return nil, err
	}
	qemu, err := FindQEMU(m.Kernel.Arch)
	if err != nil {
		return nil, err
	}
	if m.ICount {
		job.Env = append(job.Env[:len(job.Env):len(job.Env)], "TUNBENCH_CLOCK=icount")
	}
	fs, err := newInitramfs(m.Kernel, m.Executable, job, m.Extra.Modules)
	if err != nil {
		return nil, err
	}
	for _, note := range fs.notes {
		m.Log(note)
	}
	initrd, err := memoryFile("initramfs", fs.write)
	if err != nil {
		return nil, err
	}
	defer initrd.Close()
	if m.Kernel.Packed() {
		image, err := memoryFile("kernel", m.Kernel.Unpack)
		if err != nil {
			return nil, err
		}
		defer image.Close()
		m.image = fmt.Sprintf("/proc/self/fd/%d", FirstFile+len(m.Extra.Files))
		m.Extra.Files = append(m.Extra.Files[:len(m.Extra.Files):len(m.Extra.Files)], image)
	}

	accel, passedOver, err := m.choose()
	if err != nil {
		return nil, err
	}
	probing := m.Accel == Auto && accel == KVM && !kvmProven()
	r, err := m.bootAgain(ctx, qemu, accel, accel == KVM, initrd)
	var dead *kvmError
	if errors.As(err, &dead) {
		if m.Accel == KVM {
			return nil, fmt.Errorf("--accel kvm: %w; use --accel tcg, or auto", dead)
		}
		passedOver = dead.Error()
		rememberKVM(false, passedOver)
		m.Log("KVM is passed over: " + passedOver + "; going on with TCG (emulation)")
		accel = TCG
		r, err = m.bootAgain(ctx, qemu, accel, false, initrd)
	} else if probing && err == nil {
		rememberKVM(true, "")
	}
	if err != nil {
		return nil, err
	}
	r.Accel, r.PassedOver = accel, passedOver
	return r, nil
}

// Check reports what would keep Run from starting the guest: an impossible setting, or QEMU or
// the guest's program missing. It starts nothing.
func (m Machine) Check() error {
	if err := m.complete(); err != nil {
		return err
	}
	if _, err := FindQEMU(m.Kernel.Arch); err != nil {
		return err
	}
	return CheckStatic(m.Executable, m.Kernel.Arch)
}

// complete sets the defaults of m and checks it.
func (m *Machine) complete() error {
	if m.Kernel == nil {
		return errors.New("boot: no kernel given")
	}
	if m.Accel == "" {
		m.Accel = Auto
	}
	if m.Accel != Auto && m.Accel != KVM && m.Accel != TCG {
		return fmt.Errorf("--accel %q: choose %s, %s, %s", m.Accel, Auto, KVM, TCG)
	}
	if m.SMP == 0 {
		m.SMP = min(2, runtime.NumCPU())
		if m.ICount {
			m.SMP = 1
		}
	}
	if m.MemoryMiB == 0 {
		m.MemoryMiB = DefaultMemoryMiB
	}
	if m.Timeout == 0 {
		m.Timeout = DefaultTimeout
	}
	switch {
	case m.ICount && m.Accel == KVM:
		return errors.New("--icount counts emulated instructions, which KVM does not emulate: leave out --accel kvm")
	case m.ICount && m.SMP != 1:
		return fmt.Errorf("--icount has one virtual CPU, not %d: leave out --smp", m.SMP)
	case m.SMP < 1 || m.SMP > 255:
		return fmt.Errorf("--smp %d: choose 1 to 255 virtual CPUs", m.SMP)
	case m.MemoryMiB < minMemoryMiB:
		return fmt.Errorf("--memory %d: a guest needs at least %d MiB", m.MemoryMiB, minMemoryMiB)
	case m.Timeout < 0:
		return fmt.Errorf("--timeout %v: must be positive", m.Timeout)
	case strings.ContainsAny(m.Append, "\n\x00"):
		return fmt.Errorf("--append %q: must be one line", m.Append)
	}
	board, ok := boards[m.Kernel.Arch]
	switch {
	case !ok:
		return fmt.Errorf("boot kernel %s: there is no virtual machine for %s", m.Kernel.Release, m.Kernel.Arch)
	case board.resultsConsole.MatchString(m.Append):
		return fmt.Errorf("--append %q: the second serial port carries the guest's results: leave out console=%s", m.Append, guest.PortsOf(m.Kernel.Arch).Results.Name)
	}
	m.image = m.Kernel.Image
	if m.Executable == "" {
		var err error
		if m.Executable, err = guestProgram(m.Kernel.Arch); err != nil {
			return err
		}
	}
	if m.Log == nil {
		m.Log = func(string) {}
	}
	if m.Line == nil {
		m.Line = func(string) {}
	}
	if m.Keep == nil {
		m.Keep = keepNothing{}
	}
	return nil
}

// choose decides between KVM and TCG as far as is possible without booting.
// passedOver is the reason why KVM is not used.
func (m *Machine) choose() (accel, passedOver string, err error) {
	switch foreign := fmt.Sprintf("this host is %s, and the kernel is for %s", runtime.GOARCH, m.Kernel.Arch); {
	case m.ICount || m.Accel == TCG:
		return TCG, "", nil
	case m.Kernel.Arch != runtime.GOARCH && m.Accel == KVM:
		return "", "", fmt.Errorf("--accel kvm: %s: leave it out", foreign)
	case m.Kernel.Arch != runtime.GOARCH:
		return TCG, foreign, nil
	}
	if m.Accel == Auto {
		kvmChoice.Lock()
		defer kvmChoice.Unlock()
		if kvmChoice.passedOver != "" {
			return TCG, kvmChoice.passedOver, nil
		}
	}
	f, err := os.OpenFile(kvmDevice, os.O_RDWR, 0)
	if err == nil {
		f.Close()
		return KVM, "", nil
	}
	if m.Accel == KVM {
		return "", "", fmt.Errorf("--accel kvm: %w", err)
	}
	kvmChoice.passedOver = err.Error()
	m.Log("KVM is passed over: " + err.Error() + "; going on with TCG (emulation)")
	return TCG, kvmChoice.passedOver, nil
}

// args returns QEMU's command line.
func (m *Machine) args(accel string, now time.Time) []string {
	board := boards[m.Kernel.Arch]
	a := []string{
		"-nodefaults", "-no-user-config", "-display", "none", "-no-reboot",
		"-machine", board.machine[accel], "-m", fmt.Sprint(m.MemoryMiB),
		"-chardev", "stdio,id=console,signal=off", "-serial", "chardev:console",
		"-chardev", "file,id=results,path=" + resultPath, board.results[0], board.results[1],
		"-kernel", m.image, "-initrd", initrdPath,
	}
	// Without cryptomgr.notests the self-tests of ciphers take a second of an emulated boot.
	kernel := []string{"console=" + guest.PortsOf(m.Kernel.Arch).Console.Name, "panic=-1", "oops=panic", "quiet", "nokaslr", "cryptomgr.notests"}
	switch {
	case m.ICount:
		a = append(a,
			"-accel", "tcg,thread=single", "-cpu", board.emulated, "-smp", "1",
			"-icount", "shift=0,sleep=off",
			// What would differ between two boots: random numbers, which the CPU or
			// the device tree takes from the seed, and the time of day.
			"-seed", "1", "-rtc", "clock=vm,base="+now.UTC().Format("2006-01-02T15:04:05"))
		kernel = append(kernel, "norandmaps", "kfence.sample_interval=0")
		kernel = append(kernel, board.virtualTime...)
	case accel == KVM:
		a = append(a, "-accel", "kvm", "-cpu", "host", "-smp", fmt.Sprint(m.SMP))
	default:
		thread := "multi"
		if m.OneThread {
			thread = "single"
		}
		a = append(a, "-accel", "tcg,thread="+thread, "-cpu", board.emulated, "-smp", fmt.Sprint(m.SMP))
		kernel = append(kernel, board.realTime...)
	}
	if m.Append != "" {
		kernel = append(kernel, m.Append)
	}
	return append(append(a, "-append", strings.Join(kernel, " ")), m.Extra.Args...)
}

// bootAgain boots like boot, and again if the emulator broke the guest. A kernel
// changes its own code behind a breakpoint, and QEMU with a thread per virtual CPU
// may run that breakpoint from a translation that it should have discarded (seen
// with 7.2 and 8.0, in one boot of hundreds or thousands;
// https://bugzilla.redhat.com/show_bug.cgi?id=2216496). Nothing of such a boot is
// kept.
func (m *Machine) bootAgain(ctx context.Context, qemu, accel string, probe bool, initrd *os.File) (*Result, error) {
	for boot := 1; ; boot++ {
		r, err := m.boot(ctx, qemu, accel, probe, initrd)
		var failed *BootError
		if boot == emulatorBoots || ctx.Err() != nil || m.ICount || accel != TCG || !errors.As(err, &failed) || !strayBreakpoint.MatchString(failed.Console) {
			return r, err
		}
		m.Log("the emulator broke the guest (a stale breakpoint, which some versions of QEMU run with more than one CPU); booting it again")
	}
}

// boot runs QEMU once. With probe, a guest that prints nothing is a *kvmError.
func (m *Machine) boot(ctx context.Context, qemu, accel string, probe bool, initrd *os.File) (*Result, error) {
	b := newBoot(m, accel, probe)
	if err := ctx.Err(); err != nil {
		return nil, b.error(err)
	}
	if err := m.Keep.Begin(); err != nil {
		return nil, err
	}
	if err := b.start(qemu, initrd); err != nil {
		return nil, b.error(err)
	}
	if m.Extra.Started != nil {
		m.Extra.Started(b.qemu.cmd.Process.Pid, accel)
	}
	b.watch(ctx)
	return b.result()
}
