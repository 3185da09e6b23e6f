// Package iperf runs the program iperf3 as server and client, and parses its
// results. Processes are started on the caller's thread and so are in its
// network namespace; they die with that thread.
package iperf

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"tunbench/harness/socket"
)

const (
	name = "iperf3"
	// Port is the server's, the program's default.
	Port = 5201
	// MostStreams is MAX_STREAMS of the program.
	MostStreams = 128
	askWithin   = 5 * time.Second
)

// MissingError: the program is missing or too old. Detail says which, and what
// to do about it.
type MissingError struct{ Detail string }

func (e *MissingError) Error() string { return e.Detail }

// Program is the iperf3 that Find has found.
type Program struct {
	Path    string
	Version string // such as "3.12"

	major, minor int
}

// Find looks for the program in PATH and asks for its version. It returns a
// *MissingError if there is none of version 3.1 or newer.
func Find() (*Program, error) {
	path, err := exec.LookPath(name)
	if err != nil {
		return nil, &MissingError{"find iperf3: it is not in PATH; install iperf3, or choose gen=tcp"}
	}
	ctx, cancel := context.WithTimeout(context.Background(), askWithin)
	defer cancel()
	// The exit code is ignored: some versions exit with 1 here.
	text, err := exec.CommandContext(ctx, path, "--version").CombinedOutput()
	p := &Program{Path: path}
	if p.parse(string(text)) != nil {
		return nil, &MissingError{fmt.Sprintf("ask %s for its version: it says %q (%v); install iperf3 3.1 or newer", path, firstLine(text), err)}
	}
	if !p.atLeast(3, 1) {
		return nil, &MissingError{fmt.Sprintf("%s is version %s, which cannot tell all that is needed as JSON; install iperf3 3.1 or newer", path, p.Version)}
	}
	return p, nil
}

func firstLine(text []byte) string {
	line, _, _ := bytes.Cut(bytes.TrimSpace(text), []byte{'\n'})
	return string(line)
}

// versions look like "iperf 3.12 (cJSON 1.7.15)" and "iperf 3.1.3".
var version = regexp.MustCompile(`^iperf (([0-9]+)\.([0-9]+)\S*)`)

func (p *Program) parse(text string) error {
	m := version.FindStringSubmatch(text)
	if m == nil {
		return errors.New("no version")
	}
	p.Version = m[1]
	p.major, _ = strconv.Atoi(m[2])
	p.minor, _ = strconv.Atoi(m[3])
	return nil
}

func (p *Program) atLeast(major, minor int) bool {
	return p.major > major || p.major == major && p.minor >= minor
}

// Test is what a client is to do.
type Test struct {
	To      netip.Addr
	Streams int
	Seconds int  // measured
	Omit    int  // seconds before that
	Both    bool // as many streams the other way at the same time: since 3.7
}

// args are those of the client.
func (t Test) args() []string {
	args := []string{"-c", t.To.String(), "-J", "-P", strconv.Itoa(t.Streams), "-t", strconv.Itoa(t.Seconds)}
	if t.Omit > 0 {
		args = append(args, "-O", strconv.Itoa(t.Omit))
	}
	if t.Both {
		args = append(args, "--bidir")
	}
	return args
}

// Serve starts a server for one test.
func (p *Program) Serve(at netip.Addr, cpus []int) (*Process, error) {
	return p.start(cpus, "-s", "-1", "-B", at.String())
}

// Can reports whether the program can do a test: a *MissingError says which one
// could.
func (p *Program) Can(t Test) error {
	if t.Both && !p.atLeast(3, 7) {
		return &MissingError{fmt.Sprintf("%s is version %s, which sends in one direction at a time; install iperf3 3.7 or newer, or choose dir=k2u", p.Path, p.Version)}
	}
	return nil
}

// Client starts a client.
func (p *Program) Client(t Test, cpus []int) (*Process, error) { return p.start(cpus, t.args()...) }

// Process is a running iperf3.
type Process struct {
	Args []string

	cmd            *exec.Cmd
	stdout, stderr bytes.Buffer // to be read when it has ended
	done           chan struct{}
	err            error
}

// start runs the program on those CPUs.
func (p *Program) start(cpus []int, args ...string) (*Process, error) {
	r := &Process{Args: args, cmd: exec.Command(p.Path, args...), done: make(chan struct{})}
	r.cmd.Stdout, r.cmd.Stderr = &r.stdout, &r.stderr
	r.cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL, Setpgid: true}
	// Not to wait for pipes that another process keeps open.
	r.cmd.WaitDelay = time.Second
	if err := on(cpus, r.cmd.Start); err != nil {
		return nil, fmt.Errorf("start %s: %w", p.Path, err)
	}
	go func() {
		r.err = r.cmd.Wait()
		close(r.done)
	}()
	return r, nil
}

// on runs f with the thread bound to some CPUs, which a process that it starts
// inherits.
func on(cpus []int, f func() error) error {
	var before, set unix.CPUSet
	if err := unix.SchedGetaffinity(0, &before); err != nil {
		return fmt.Errorf("read the affinity: %w", err)
	}
	for _, cpu := range cpus {
		set.Set(cpu)
	}
	if err := unix.SchedSetaffinity(0, &set); err != nil {
		return fmt.Errorf("use the CPUs %v: %w", cpus, err)
	}
	return errors.Join(f(), unix.SchedSetaffinity(0, &before))
}

// Listening reports whether something listens at the server's port in the
// namespace of the caller's thread.
func Listening() (bool, error) {
	all, err := socket.Table("tcp")
	if err != nil {
		return false, fmt.Errorf("look for the server: %w", err)
	}
	return slices.ContainsFunc(all, func(e socket.Entry) bool { return e.Port == Port && e.State == socket.Listen }), nil
}

// Done is closed when the process has ended.
func (r *Process) Done() <-chan struct{} { return r.done }

// Kill ends the process and returns when it has ended.
func (r *Process) Kill() {
	_ = r.cmd.Process.Kill() // an error means that it has ended
	<-r.done
}

// CPUTime is the CPU time in ns that the process has used so far, or until it
// ended.
func (r *Process) CPUTime() (int64, error) {
	if ns, err := r.running(); err == nil {
		return ns, nil
	}
	// It has ended, or is about to.
	select {
	case <-r.done:
		state := r.cmd.ProcessState
		return int64(state.UserTime() + state.SystemTime()), nil
	case <-time.After(time.Second):
		return r.running()
	}
}

// running is the CPU time of the threads of a process that has not ended.
func (r *Process) running() (sum int64, err error) {
	threads, err := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/schedstat", r.cmd.Process.Pid))
	if err == nil && len(threads) == 0 {
		err = os.ErrProcessDone
	}
	for _, file := range threads {
		text, err := os.ReadFile(file)
		if err != nil {
			return 0, fmt.Errorf("read the CPU time of iperf3: %w", err)
		}
		var ns int64
		if _, err := fmt.Sscan(string(text), &ns); err != nil {
			return 0, fmt.Errorf("read the CPU time of iperf3: %w", err)
		}
		sum += ns
	}
	return sum, err
}

// Result is what a client found. It must have ended.
func (r *Process) Result() (*Result, error) {
	<-r.done
	result, err := Parse(r.stdout.Bytes())
	if err == nil && r.err != nil {
		err = r.err
	}
	if err != nil {
		return nil, r.failure(err)
	}
	return result, nil
}

// Err is how a server ended.
func (r *Process) Err() error {
	<-r.done
	if r.err == nil {
		return nil
	}
	return r.failure(r.err)
}

func (r *Process) failure(err error) error {
	if text := firstLine(r.stderr.Bytes()); text != "" {
		return fmt.Errorf("run iperf3 %s: %w: %s", strings.Join(r.Args, " "), err, text)
	}
	return fmt.Errorf("run iperf3 %s: %w", strings.Join(r.Args, " "), err)
}
