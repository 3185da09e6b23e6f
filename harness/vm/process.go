package vm

import (
	"bytes"
	"fmt"
	"io"
	"os"
	"os/exec"
	"runtime"
	"strings"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// The descriptors that QEMU inherits. It opens them by name, so that no file is
// needed on the disk.
const (
	initrdPath = "/proc/self/fd/3"
	resultPath = "/proc/self/fd/4"
)

// process is a running QEMU.
type process struct {
	cmd              *exec.Cmd
	console, results *os.File
	stderr           bytes.Buffer // only to be read after wait
	ended            chan struct{}
	err              error // of Wait
}

// start starts QEMU, which dies with this process, by whatever signal that ends.
func start(qemu string, args []string, initrd *os.File, extra Extra) (*process, error) {
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
	p.cmd.ExtraFiles = append([]*os.File{initrd, resultsW}, extra.Files...)
	p.cmd.SysProcAttr = &syscall.SysProcAttr{
		Pdeathsig: syscall.SIGKILL,
		// A process group of its own: Ctrl-C goes to this process, which kills QEMU.
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

// cpuTime is what all threads of QEMU have used; 0 if it has ended.
func (p *process) cpuTime() time.Duration {
	const scheduler = 2 // CPUCLOCK_SCHED of include/linux/posix-timers_types.h
	var ts unix.Timespec
	if unix.ClockGettime(int32(^p.cmd.Process.Pid<<3|scheduler), &ts) != nil {
		return 0
	}
	return time.Duration(ts.Nano())
}

func (p *process) kill() { _ = p.cmd.Process.Kill() }

// complaint returns why QEMU ended, in its own words.
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

// memoryFile returns an anonymous file in memory that write has filled.
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
