package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"syscall"
)

// usernsEnv marks the process that --userns started.
const usernsEnv = "TUNBENCH_IN_USERNS"

// inUserNamespace runs tunbench with args again, as root of a new user and
// network namespace, and passes on its exit code.
func (a *app) inUserNamespace(ctx context.Context, args []string) error {
	// Pdeathsig is sent when the thread that started the child ends, not the
	// process: keep the thread.
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()

	self, err := os.Executable()
	if err != nil {
		return fmt.Errorf("find own executable: %w", err)
	}
	cmd := exec.CommandContext(ctx, self, args...)
	cmd.Stdout, cmd.Stderr = a.stdout, a.stderr
	cmd.Env = append(os.Environ(), usernsEnv+"=1")
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
		return exitError{exitInterrupted, errors.New("interrupted before anything was measured")}
	case cmd.ProcessState == nil && errors.Is(err, syscall.EPERM):
		return fmt.Errorf("create user namespace: %w; this host forbids it to users without root (see kernel.unprivileged_userns_clone, user.max_user_namespaces and AppArmor's restrictions)", err)
	case cmd.ProcessState == nil:
		return fmt.Errorf("create user namespace: %w", err)
	case cmd.ProcessState.Exited() && cmd.ProcessState.ExitCode() == 0:
		return nil
	case cmd.ProcessState.Exited():
		return exitError{code: cmd.ProcessState.ExitCode()} // the child has said why
	case errors.As(err, &exit):
		return fmt.Errorf("tunbench in the user namespace: %w", exit)
	}
	return err
}
