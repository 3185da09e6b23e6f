package uring

import (
	"errors"
	"fmt"
	"runtime"

	"golang.org/x/sys/unix"
)

// Names of features.
const (
	Reads     = "reads"
	Fixed     = "registered buffers and files"
	Multishot = "multishot reads"
)

// Feature is something that a kernel has, or why it has not.
type Feature struct {
	Name   string
	Detail string
	Err    error // of type *CallError where the kernel refused
}

// Probe tries what this package can do, by reading from a pipe, but for NoWait,
// which pipes have learned later than devices (Linux 6.4).
func Probe() (features []Feature) {
	for _, try := range []struct {
		name string
		ask  func(r *Ring, b *Buffers, fd int) (detail string, err error)
	}{
		{Reads, func(r *Ring, b *Buffers, fd int) (string, error) {
			r.Prepare().Read(fd, b.At(0), 0)
			return "IORING_OP_READ, " + r.Describe(), nil
		}},
		{Fixed, func(r *Ring, b *Buffers, fd int) (string, error) {
			if err := errors.Join(r.RegisterBuffers(b), r.RegisterFiles(fd)); err != nil {
				return "", err
			}
			e := r.Prepare()
			e.ReadFixed(0, b.At(1), 1, 0)
			e.Flags |= FixedFile
			return "IORING_OP_READ_FIXED", nil
		}},
		{Multishot, func(r *Ring, b *Buffers, fd int) (string, error) {
			if _, err := r.RegisterGroup(0, b); err != nil {
				return "", err
			}
			r.Prepare().ReadMultishot(fd, 0)
			return "IORING_OP_READ_MULTISHOT", nil
		}},
	} {
		f := Feature{Name: try.name}
		f.Detail, f.Err = tryRead(try.ask)
		features = append(features, f)
	}
	return features
}

// tryRead asks for a read of a pipe that holds one byte.
func tryRead(ask func(r *Ring, b *Buffers, fd int) (string, error)) (detail string, err error) {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	var pipe [2]int
	if err := unix.Pipe2(pipe[:], unix.O_CLOEXEC|unix.O_NONBLOCK); err != nil {
		return "", fmt.Errorf("make a pipe: %w", err)
	}
	defer unix.Close(pipe[0])
	defer unix.Close(pipe[1])
	if _, err := unix.Write(pipe[1], []byte{1}); err != nil {
		return "", fmt.Errorf("write to a pipe: %w", err)
	}
	buffers, err := NewBuffers(2, line)
	if err != nil {
		return "", err
	}
	defer func() { err = errors.Join(err, buffers.Close()) }()
	r, err := Open(4, 8)
	if err != nil {
		return "", err
	}
	defer func() { err = errors.Join(err, r.Close()) }()
	if err := r.Enable(); err != nil {
		return "", err
	}
	detail, err = ask(r, buffers, pipe[0])
	if err != nil {
		return "", errors.Join(err, r.Release())
	}
	for r.Ready() == 0 {
		if _, errno := r.Enter(1); errno != 0 && errno != unix.EINTR {
			return "", errors.Join(&CallError{"io_uring_enter", errno}, r.Release())
		}
	}
	e := *r.Completion(0)
	r.Seen(1)
	if e.More() {
		err = r.cancel()
	}
	if errno := e.Err(); errno != 0 {
		err = &CallError{detail, errno}
	}
	return detail, errors.Join(err, r.Release())
}
