// Package userns runs tunbench again inside a user namespace of its own, where it
// may make network namespaces without root.
package userns

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"runtime"
	"syscall"
)

// Env marks the process that Run started.
const Env = "TUNBENCH_IN_USERNS"

// Inside reports whether this process is one that Run started.
func Inside() bool { return os.Getenv(Env) != "" }

// ErrInterrupted is returned if ctx ended before the process was there.
var ErrInterrupted = errors.New("interrupted before anything was measured")

// Run runs tunbench with args again, as root of a new user and network namespace,
// and returns its exit code.
func Run(ctx context.Context, args []string, stdout, stderr io.Writer) (code int, err error) {
	// Pdeathsig is sent when the thread that started the child ends, not the
	// process: keep the thread.
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()

	self, err := os.Executable()
	if err != nil {
		return 0, fmt.Errorf("find own executable: %w", err)
	}
	cmd := exec.CommandContext(ctx, self, args...)
	cmd.Stdout, cmd.Stderr = stdout, stderr
	cmd.Env = append(os.Environ(), Env+"=1")
	cmd.SysProcAttr = &syscall.SysProcAttr{
		Cloneflags:  syscall.CLONE_NEWUSER | syscall.CLONE_NEWNET,
		UidMappings: []syscall.SysProcIDMap{{ContainerID: 0, HostID: os.Getuid(), Size: 1}},
		GidMappings: []syscall.SysProcIDMap{{ContainerID: 0, HostID: os.Getgid(), Size: 1}},
		Pdeathsig:   syscall.SIGKILL,
		// A group of its own: a Ctrl-C must reach the child once, from here,
		// since a second signal kills it.
		Setpgid: true,
	}
	cmd.Cancel = func() error { return cmd.Process.Signal(os.Interrupt) }
	err = cmd.Run()
	var exit *exec.ExitError
	switch {
	case cmd.ProcessState == nil && ctx.Err() != nil:
		return 0, ErrInterrupted
	case cmd.ProcessState == nil && errors.Is(err, syscall.EPERM):
		return 0, fmt.Errorf("create user namespace: %w; this host forbids it to users without root (see kernel.unprivileged_userns_clone, user.max_user_namespaces and AppArmor's restrictions)", err)
	case cmd.ProcessState == nil:
		return 0, fmt.Errorf("create user namespace: %w", err)
	case cmd.ProcessState.Exited():
		return cmd.ProcessState.ExitCode(), nil // the child has said why
	case errors.As(err, &exit):
		return 0, fmt.Errorf("tunbench in the user namespace: %w", exit)
	}
	return 0, err
}

// Without adds to err, which names the capabilities that are missing to measure,
// what can be done without them.
func Without(err error) error {
	if err == nil {
		return nil
	}
	if Inside() {
		return fmt.Errorf("in a user namespace: %w", err)
	}
	tun, openErr := os.OpenFile("/dev/net/tun", os.O_RDWR, 0)
	if openErr != nil {
		return err
	}
	tun.Close()
	return fmt.Errorf("%w\nwithout root you can still measure bare throughput: tunbench run --userns", err)
}
