package vm

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"regexp"
	"runtime"
	"slices"
	"strings"
	"sync"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// Values of Machine.Accel.
const (
	Auto = "auto" // KVM if it boots the kernel, else TCG
	KVM  = "kvm"
	TCG  = "tcg"
)

// Deadlines, by the host's clock.
const (
	// kvmDeadline is when a guest under KVM must have printed something; a
	// working one takes a tenth of it.
	kvmDeadline = 4 * time.Second
	// silenceDeadline is when an emulated guest must have printed something.
	silenceDeadline = time.Minute
	// endDeadline is when QEMU must have ended after the guest said that it
	// has nothing more to do.
	endDeadline = 5 * time.Second
	// haltDeadline is the same after a panic, to let its lines arrive.
	haltDeadline = 2 * time.Second
)

// Defaults of Machine.
const (
	DefaultMemoryMiB = 1024
	DefaultTimeout   = 10 * time.Minute

	minMemoryMiB = 128
)

// kvmDevice is a variable so that tests run where there is none.
var kvmDevice = "/dev/kvm"

// program is what boots amd64 kernels.
const program = "qemu-system-x86_64"

// Machine is the virtual machine that a kernel is booted in.
type Machine struct {
	Kernel *Kernel
	Accel  string // Auto, KVM or TCG; "": Auto
	ICount bool   // virtual time: an instruction is a nanosecond; needs TCG and one CPU
	SMP    int    // virtual CPUs; 0: two, or one where the host has no more, or under ICount
	// OneThread lets one thread of QEMU emulate all virtual CPUs, in turn. With a
	// thread for each, QEMU 7.2 now and then runs code that the kernel has half
	// patched: a guest that attaches kprobes and fentry programs some hundred times
	// may stop in a soft lockup, or oops, at no fault of its own. It needs TCG.
	OneThread  bool
	MemoryMiB  int               // 0: DefaultMemoryMiB
	Append     string            // more kernel parameters, after those that Run gives
	Timeout    time.Duration     // of one boot until it has powered off; 0: DefaultTimeout
	Executable string            // what the guest runs as /init; "": this program
	Log        func(string)      // gets notices for the user, one line each; may be nil
	Line       func(line string) // gets each line of the console as it comes; may be nil
	Keep       Keeper            // gets what the guest prints and hands out as it comes; may be nil
}

// Keeper keeps what a guest prints and hands out while it runs, so that what
// was finished is there whatever ends the guest or this process. Console and
// Grow may be called at the same time.
type Keeper interface {
	// Begin is called before each boot of a Run: what an earlier one gave is void,
	// since the machine is booted again only where nothing of that boot counts.
	Begin() error
	// Console takes a line of the console.
	Console(line string) error
	// Grow takes what the file name, relative to OutDir, grew by at offset.
	Grow(name string, offset int64, b []byte) error
}

// keepNothing is the Keeper of a Machine that was given none.
type keepNothing struct{}

func (keepNothing) Begin() error                     { return nil }
func (keepNothing) Console(string) error             { return nil }
func (keepNothing) Grow(string, int64, []byte) error { return nil }

// BootError is a boot that did not come to its end.
type BootError struct {
	Err     error
	Release string // of the kernel
	Accel   string
	Console string // all that was printed
}

// shownComplaints is how many warnings of a guest are told; its console has all.
const shownComplaints = 5

// kernelWarns begins what is told of a kernel that goes on.
const kernelWarns = "the kernel warns: "

var digits = regexp.MustCompile(`[0-9]+`)

// shownLines is how much of the console an error shows.
const shownLines = 20

func (e *BootError) Error() string {
	var b strings.Builder
	fmt.Fprintf(&b, "boot kernel %s under %s: %v", e.Release, e.Accel, e.Err)
	lines := lastLines(e.Console, shownLines)
	if len(lines) == 0 {
		b.WriteString("\nthe console is empty")
		return b.String()
	}
	b.WriteString("\nthe last lines of the console:")
	for _, line := range lines {
		b.WriteString("\n  | " + line)
	}
	return b.String()
}

func (e *BootError) Unwrap() error { return e.Err }

// Run boots the machine, lets it do job and returns what came of it. The exit
// code of a command is no error of Run. A boot that fails is a *BootError.
// When ctx ends, QEMU is killed, and the error wraps ctx's.
func (m Machine) Run(ctx context.Context, job Job) (*Result, error) {
	if err := m.complete(); err != nil {
		return nil, err
	}
	qemu, err := exec.LookPath(program)
	if err != nil {
		return nil, fmt.Errorf("find %s: %w; install qemu-system-x86 (Debian, Ubuntu) or qemu-system-x86-core (Fedora)", program, errors.Unwrap(err))
	}
	if m.ICount {
		job.Env = append(job.Env[:len(job.Env):len(job.Env)], "TUNBENCH_CLOCK=icount")
	}
	fs, err := newInitramfs(m.Kernel, m.Executable, job)
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

// complete checks m and sets what is left to it.
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
	case resultsConsole.MatchString(m.Append):
		return fmt.Errorf("--append %q: the second serial port carries the guest's results: leave out console=ttyS1", m.Append)
	}
	if m.Executable == "" {
		self, err := os.Executable()
		if err != nil {
			return fmt.Errorf("find own executable: %w", err)
		}
		m.Executable = self
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

// resultsConsole is a parameter that lets the kernel print between the results.
var resultsConsole = regexp.MustCompile(`(^|\s|")console=(ttyS1|uart[0-9a-z]*,io,0x2f8)\b`)

// kvmChoice is what this process has found out about KVM.
var kvmChoice struct {
	sync.Mutex // guards the rest
	proven     bool
	passedOver string
}

func kvmProven() bool {
	kvmChoice.Lock()
	defer kvmChoice.Unlock()
	return kvmChoice.proven
}

func rememberKVM(works bool, passedOver string) {
	kvmChoice.Lock()
	defer kvmChoice.Unlock()
	kvmChoice.proven, kvmChoice.passedOver = works, passedOver
}

// choose decides between KVM and TCG, as far as that can be done without
// booting. passedOver says why KVM is not used.
func (m *Machine) choose() (accel, passedOver string, err error) {
	if m.ICount || m.Accel == TCG {
		return TCG, "", nil
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

// kvmError is a guest that KVM did not bring to its first line.
type kvmError struct{ reason string }

func (e *kvmError) Error() string { return e.reason }

// The descriptors that QEMU inherits. It opens them by name, so that nothing
// has to lie on the disk.
const (
	initrdPath = "/proc/self/fd/3"
	resultPath = "/proc/self/fd/4"
)

// args is QEMU's command line.
func (m *Machine) args(accel string, now time.Time) []string {
	a := []string{
		"-nodefaults", "-no-user-config", "-display", "none", "-no-reboot",
		"-machine", "pc,vmport=off", "-m", fmt.Sprint(m.MemoryMiB),
		"-chardev", "stdio,id=console,signal=off", "-serial", "chardev:console",
		"-chardev", "file,id=results,path=" + resultPath, "-serial", "chardev:results",
		"-kernel", m.Kernel.Image, "-initrd", initrdPath,
	}
	// The self-tests of ciphers take a second of an emulated boot.
	kernel := []string{"console=ttyS0", "panic=-1", "oops=panic", "quiet", "nokaslr", "cryptomgr.notests"}
	switch {
	case m.ICount:
		a = append(a,
			"-accel", "tcg,thread=single", "-cpu", "max", "-smp", "1",
			"-icount", "shift=0,sleep=off",
			// What would differ between two boots: random numbers, which RDRAND
			// of the emulated CPU takes from the seed, and the time of day.
			"-seed", "1", "-rtc", "clock=vm,base="+now.UTC().Format("2006-01-02T15:04:05"))
		kernel = append(kernel, "norandmaps", "tsc=reliable", "kfence.sample_interval=0")
	case accel == KVM:
		a = append(a, "-accel", "kvm", "-cpu", "host", "-smp", fmt.Sprint(m.SMP))
	default:
		thread := "multi"
		if m.OneThread {
			thread = "single"
		}
		a = append(a, "-accel", "tcg,thread="+thread, "-cpu", "max", "-smp", fmt.Sprint(m.SMP))
	}
	if m.Append != "" {
		kernel = append(kernel, m.Append)
	}
	return append(a, "-append", strings.Join(kernel, " "))
}

// emulatorBoots is how often a guest is booted that the emulator breaks.
const emulatorBoots = 3

// strayBreakpoint is what a kernel prints when it meets a breakpoint that it
// has already taken away again.
var strayBreakpoint = regexp.MustCompile(`int3: 0000 \[#1\]`)

// bootAgain boots like boot, and once more when the emulator broke the guest:
// a kernel changes its own code behind a breakpoint, and QEMU (7.2 and 8.0
// were seen to), with a thread for each virtual CPU, may run the breakpoint from
// a translation that it should have thrown away. It hits one boot in hundreds
// or thousands (https://bugzilla.redhat.com/show_bug.cgi?id=2216496). Nothing of
// such a boot is kept.
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

// boot runs QEMU once. With probe, a guest that stays silent is a *kvmError.
func (m *Machine) boot(ctx context.Context, qemu, accel string, probe bool, initrd *os.File) (*Result, error) {
	events := make(chan event, 64)
	var lost sync.Once
	kept := func(err error) {
		if err != nil {
			lost.Do(func() { events <- event{eventLost, err.Error()} })
		}
	}
	con := &console{on: func(e event) { events <- e }, line: func(line string) {
		m.Line(line)
		kept(m.Keep.Console(line))
	}}
	fail := func(err error) (*Result, error) {
		return nil, &BootError{Err: err, Release: m.Kernel.Release, Accel: accel, Console: con.text()}
	}
	if err := ctx.Err(); err != nil {
		return fail(err)
	}
	if err := m.Keep.Begin(); err != nil {
		return nil, err
	}
	begin := time.Now()
	p, err := start(qemu, m.args(accel, begin), initrd)
	if err != nil {
		return fail(err)
	}
	// The readers end when QEMU does, since it holds the other ends.
	var results []byte
	var readers sync.WaitGroup
	readers.Go(func() {
		defer p.console.Close()
		_, _ = io.Copy(con, p.console)
		con.end()
	})
	readers.Go(func() {
		defer p.results.Close()
		results = readStream(p.results,
			func(name string, offset int64, b []byte) { kept(m.Keep.Grow(name, offset, b)) },
			func(err error) { events <- event{eventWarning, err.Error()} })
	})
	go func() {
		p.wait()
		readers.Wait()
		close(events)
	}()

	timeout := time.NewTimer(m.Timeout)
	defer timeout.Stop()
	patience := silenceDeadline
	if probe {
		patience = kvmDeadline
	}
	silence := time.NewTimer(patience)
	defer silence.Stop()
	var ending <-chan time.Time

	var (
		r                 Result
		done              bool
		failure           error // the first that was noticed
		memory, handedOut string
		fault, panicked   string // what the kernel gave up for
		complaints        []string
		resultsAt         time.Time
	)
	// Each is told once; the same with another number, such as how long a CPU is
	// stuck, is no news.
	complain := func(text string) {
		plain := func(s string) string { return digits.ReplaceAllString(s, "") }
		if !slices.ContainsFunc(complaints, func(c string) bool { return plain(c) == plain(text) }) {
			complaints = append(complaints, text)
			if len(complaints) <= shownComplaints {
				m.Log("guest: " + text)
			}
		}
	}
	cancelled, timedOut, silent := ctx.Done(), timeout.C, silence.C
	stop := func(err error) {
		if failure == nil {
			failure = err
		}
		cancelled, timedOut, silent = nil, nil, nil
		p.kill()
	}
	for open := true; open; {
		select {
		case e, ok := <-events:
			if !ok {
				open = false
				break
			}
			switch e.kind {
			case eventOutput:
				silent = nil
			case eventReady:
				r.BootTime = time.Since(begin)
			case eventResults:
				resultsAt = time.Now()
			case eventDone:
				done = true
				r.Transfer = time.Since(resultsAt)
				ending = time.After(endDeadline)
			case eventWarning:
				complain(e.text)
			case eventComplaint:
				complain(kernelWarns + e.text)
			case eventLost:
				stop(fmt.Errorf("keep what the guest measured: %s", e.text))
			case eventMemory:
				memory = e.text
			case eventError:
				failure = errors.Join(failure, fmt.Errorf("in the guest: %s", e.text))
				ending = time.After(endDeadline)
			case eventOops:
				// oops=panic ends it as soon as it has printed its registers.
				if fault == "" {
					fault = e.text
				}
				ending = time.After(endDeadline)
			case eventPanic:
				panicked = e.text
				ending = time.After(haltDeadline)
			case eventHalted:
				ending = time.After(haltDeadline)
			}
		case <-cancelled:
			stop(ctx.Err())
		case <-silent:
			if probe {
				stop(&kvmError{fmt.Sprintf("a guest under KVM printed nothing for %v", patience)})
			} else {
				stop(fmt.Errorf("the kernel printed nothing for %v: has it a serial console (CONFIG_SERIAL_8250_CONSOLE)?", patience))
			}
		case <-timedOut:
			err := fmt.Errorf("the guest was not done after %v (--timeout)", m.Timeout)
			for _, c := range complaints[:min(len(complaints), shownComplaints)] {
				err = fmt.Errorf("%w; before, %s", err, c)
			}
			stop(err)
		case <-ending:
			ending = nil
			p.kill()
		}
	}

	switch {
	case fault != "" && panicked != "":
		failure = errors.Join(failure, fmt.Errorf("the kernel gave up: %s (%s)", fault, panicked))
	case fault != "" || panicked != "":
		failure = errors.Join(failure, fmt.Errorf("the kernel gave up: %s", cmp.Or(fault, panicked)))
	}
	con.mu.Lock()
	said := con.kept.Len() > 0
	con.mu.Unlock()
	var dead *kvmError
	switch {
	case errors.As(failure, &dead):
		return nil, dead
	case failure == nil && probe && !said:
		return nil, &kvmError{"QEMU ended: " + p.complaint()}
	case failure == nil && !done && !said:
		failure = fmt.Errorf("QEMU ended: %s", p.complaint())
	case failure == nil && !done:
		failure = errors.New("the guest ended before its commands were done")
		if p.stderr.Len() > 0 || p.err != nil {
			failure = fmt.Errorf("%w: QEMU ended: %s", failure, p.complaint())
		}
	}
	if memory != "" {
		handedOut = fmt.Sprintf("; the guest ran out of its %d MiB of memory (--memory): %s", m.MemoryMiB, memory)
	}
	if failure != nil {
		if handedOut != "" {
			failure = fmt.Errorf("%w%s", failure, handedOut)
		}
		return fail(failure)
	}
	got, err := parseFrame(results)
	if err != nil {
		return fail(err)
	}
	got.BootTime, got.Transfer, got.Console = r.BootTime, r.Transfer, con.text()
	if memory != "" {
		m.Log(strings.TrimPrefix(handedOut, "; "))
	}
	return got, nil
}

// process is a QEMU that runs.
type process struct {
	cmd              *exec.Cmd
	console, results *os.File
	stderr           bytes.Buffer // only to be read after wait
	ended            chan struct{}
	err              error // of Wait
}

// start starts QEMU. It dies with this process, whatever that dies of.
func start(qemu string, args []string, initrd *os.File) (*process, error) {
	consoleR, consoleW, err := os.Pipe()
	if err != nil {
		return nil, fmt.Errorf("start QEMU: %w", err)
	}
	resultsR, resultsW, err := os.Pipe()
	if err != nil {
		consoleR.Close()
		consoleW.Close()
		return nil, fmt.Errorf("start QEMU: %w", err)
	}
	p := &process{cmd: exec.Command(qemu, args...), console: consoleR, results: resultsR, ended: make(chan struct{})}
	p.cmd.Stdout, p.cmd.Stderr = consoleW, &p.stderr
	p.cmd.ExtraFiles = []*os.File{initrd, resultsW}
	p.cmd.SysProcAttr = &syscall.SysProcAttr{
		Pdeathsig: syscall.SIGKILL,
		// A group of its own: Ctrl-C is for us, who then kill it.
		Setpgid: true,
	}
	started := make(chan error)
	go func() {
		// Pdeathsig is sent when the thread that started the child ends, so
		// this thread lives as long as the child. It is never unlocked, and
		// ends with the goroutine.
		runtime.LockOSThread()
		err := p.cmd.Start()
		consoleW.Close()
		resultsW.Close()
		started <- err
		if err == nil {
			p.err = p.cmd.Wait()
			close(p.ended)
		}
	}()
	if err := <-started; err != nil {
		consoleR.Close()
		resultsR.Close()
		return nil, fmt.Errorf("start QEMU: %w", err)
	}
	return p, nil
}

// wait returns when QEMU has ended.
func (p *process) wait() { <-p.ended }

func (p *process) kill() { _ = p.cmd.Process.Kill() }

// complaint is why QEMU ended, in its own words.
func (p *process) complaint() string {
	text := strings.Join(lastLines(p.stderr.String(), 5), "; ")
	if text == "" && p.err != nil {
		text = p.err.Error()
	}
	if text == "" {
		text = "it gave no reason"
	}
	return text
}

// memoryFile returns a file that has no name and is written by write.
func memoryFile(name string, write func(io.Writer) error) (*os.File, error) {
	fd, err := unix.MemfdCreate(name, unix.MFD_CLOEXEC)
	if err != nil {
		return nil, fmt.Errorf("make %s: %w", name, err)
	}
	f := os.NewFile(uintptr(fd), name)
	if err := write(f); err != nil {
		f.Close()
		return nil, fmt.Errorf("make %s: %w", name, err)
	}
	return f, nil
}
