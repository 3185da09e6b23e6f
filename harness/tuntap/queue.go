package tuntap

import (
	"encoding/binary"
	"errors"
	"fmt"
	"os"
	"slices"
	"sync"

	"golang.org/x/sys/unix"
)

// Queue is one descriptor of a device.
//
// FD is for callers that make their own system calls on it. Read and Write are
// for convenience: they never block inside the kernel's read, and Close wakes
// them. Neither hands the descriptor to Go's poller.
type Queue struct {
	dev *Device
	fd  int

	mu     sync.Mutex // guards closed and wake
	closed bool
	wake   int            // eventfd that Close writes to; -1 until the first Read or Write
	inside sync.WaitGroup // Reads and Writes that hold fd and wake
}

func newQueue(d *Device, fd int) *Queue { return &Queue{dev: d, fd: fd, wake: -1} }

// FD is the descriptor. It is valid until the queue or the device is closed.
func (q *Queue) FD() int { return q.fd }

// Index is the queue's number in the kernel, as in steering programs and
// queue_mapping; -1 while it is detached or closed. When a queue is detached or
// closed, the last one takes over its number.
func (q *Queue) Index() int {
	q.dev.mu.Lock()
	defer q.dev.mu.Unlock()
	return slices.Index(q.dev.attached, q)
}

// Detach takes the queue of a multi-queue device out of service; the descriptor
// stays open. The packets in the queue are dropped.
func (q *Queue) Detach() error {
	d := q.dev
	d.mu.Lock()
	defer d.mu.Unlock()
	if err := q.setState(unix.IFF_DETACH_QUEUE); err != nil {
		return err
	}
	d.unnumber(q)
	return nil
}

// Attach puts a detached queue back into service, with the highest number.
func (q *Queue) Attach() error {
	d := q.dev
	d.mu.Lock()
	defer d.mu.Unlock()
	if err := q.setState(unix.IFF_ATTACH_QUEUE); err != nil {
		return err
	}
	d.attached = append(d.attached, q)
	return d.settle()
}

// setState needs dev.mu held.
func (q *Queue) setState(flag uint32) error {
	name := q.dev.name
	if !slices.Contains(q.dev.queues, q) {
		return fmt.Errorf("set a queue of %s to %s: %w", name, flagText(flag), os.ErrClosed)
	}
	fail := func(errno unix.Errno, got, hint string) error {
		return &OptionError{Device: name, Call: "TUNSETQUEUE", Arg: flagText(flag), Errno: errno, Got: got, Hint: hint, ours: hint != ""}
	}
	ifr, err := unix.NewIfreq("")
	if err != nil {
		return err
	}
	ifr.SetUint16(uint16(flag))
	err = unix.IoctlIfreq(q.fd, unix.TUNSETQUEUE, ifr)
	if errors.Is(err, unix.EINVAL) {
		// One errno has three reasons; two of them say nothing about the kernel.
		attached := slices.Contains(q.dev.attached, q)
		switch {
		case q.dev.flags&unix.IFF_MULTI_QUEUE == 0:
			return fail(unix.EINVAL, "", "only a queue of a multi-queue device can be detached")
		case flag == unix.IFF_ATTACH_QUEUE && attached:
			return fail(unix.EINVAL, "", "it is attached already")
		case flag == unix.IFF_DETACH_QUEUE && !attached:
			return fail(unix.EINVAL, "", "it is detached already")
		}
	}
	if err != nil {
		return optionError(name, "TUNSETQUEUE", flagText(flag), err)
	}
	_, got, err := getIff(q.fd)
	if err != nil {
		return optionError(name, "TUNGETIFF", "", err)
	}
	if detached := got&unix.IFF_DETACH_QUEUE != 0; detached != (flag == unix.IFF_DETACH_QUEUE) {
		if detached && q.dev.classic != nil {
			return fail(0, "detached", "with a classic filter the kernel does not attach it; call DetachFilter first")
		}
		return fail(0, flagText(got), "")
	}
	return nil
}

// SetNonblock turns O_NONBLOCK of the descriptor on or off.
func (q *Queue) SetNonblock(on bool) error {
	q.dev.mu.Lock()
	defer q.dev.mu.Unlock()
	if !slices.Contains(q.dev.queues, q) {
		return q.closedError("set blocking mode of")
	}
	if err := unix.SetNonblock(q.fd, on); err != nil {
		return fmt.Errorf("set blocking mode of a queue of %s: %w", q.dev.name, err)
	}
	return nil
}

// Close wakes the queue's Reads and Writes, which return os.ErrClosed, and
// closes the queue. Further calls do nothing. Nobody may use the raw descriptor
// any more when Close is called.
func (q *Queue) Close() error {
	q.dev.mu.Lock()
	defer q.dev.mu.Unlock()
	return q.dev.closeQueue(q)
}

func (q *Queue) closedError(verb string) error {
	return fmt.Errorf("%s a queue of %s: %w", verb, q.dev.name, os.ErrClosed)
}

// shut wakes Reads and Writes, waits for them to leave, and closes.
func (q *Queue) shut() error {
	q.mu.Lock()
	q.closed = true
	wake := q.wake
	q.mu.Unlock()
	var errs []error
	if wake >= 0 {
		// The counter is never read, so poll finds it readable from now on.
		one := binary.NativeEndian.AppendUint64(nil, 1)
		_, err := retryEINTR(func() (int, error) { return unix.Write(wake, one) })
		errs = append(errs, err)
		q.inside.Wait()
		errs = append(errs, unix.Close(wake))
	}
	// Not repeated on EINTR: the descriptor is closed, and its number may be in use again.
	errs = append(errs, unix.Close(q.fd))
	if err := errors.Join(errs...); err != nil {
		return fmt.Errorf("close a queue of %s: %w", q.dev.name, err)
	}
	return nil
}

// enter keeps fd and the wake descriptor open until q.inside.Done.
func (q *Queue) enter(verb string) (wake int, err error) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.closed {
		return -1, q.closedError(verb)
	}
	if q.wake < 0 {
		w, err := unix.Eventfd(0, unix.EFD_CLOEXEC|unix.EFD_NONBLOCK)
		if err != nil {
			return -1, fmt.Errorf("%s a queue of %s: make eventfd: %w", verb, q.dev.name, err)
		}
		q.wake = w
	}
	q.inside.Add(1)
	return q.wake, nil
}

// Read reads one packet, its headers included, and waits for it if need be,
// also on a descriptor that is O_NONBLOCK. A packet longer than b is cut. It
// needs Linux 5.10 (RWF_NOWAIT on tun).
func (q *Queue) Read(b []byte) (int, error) {
	return q.transfer("read from", unix.POLLIN, func() (int, error) {
		return unix.Preadv2(q.fd, [][]byte{b}, -1, unix.RWF_NOWAIT)
	})
}

// Write writes one packet, its headers included, and waits for room in the send
// buffer if need be, also on a descriptor that is O_NONBLOCK. It needs Linux
// 5.10 (RWF_NOWAIT on tun).
func (q *Queue) Write(b []byte) (int, error) {
	return q.transfer("write to", unix.POLLOUT, func() (int, error) {
		return unix.Pwritev2(q.fd, [][]byte{b}, -1, unix.RWF_NOWAIT)
	})
}

// transfer repeats call, which must not block, until it succeeds, fails or the
// queue is closed.
func (q *Queue) transfer(verb string, events int16, call func() (int, error)) (int, error) {
	wake, err := q.enter(verb)
	if err != nil {
		return 0, err
	}
	defer q.inside.Done()
	for {
		n, err := retryEINTR(call)
		if err == nil {
			return n, nil
		}
		if !errors.Is(err, unix.EAGAIN) {
			return 0, fmt.Errorf("%s a queue of %s: %w", verb, q.dev.name, err)
		}
		fds := []unix.PollFd{{Fd: int32(q.fd), Events: events}, {Fd: int32(wake), Events: unix.POLLIN}}
		if _, err := retryEINTR(func() (int, error) { return unix.Poll(fds, -1) }); err != nil {
			return 0, fmt.Errorf("%s a queue of %s: poll: %w", verb, q.dev.name, err)
		}
		if fds[1].Revents != 0 {
			return 0, q.closedError(verb)
		}
	}
}
