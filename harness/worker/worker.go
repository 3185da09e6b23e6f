// Package worker runs a hot loop on an operating system thread of its own,
// pinned to one CPU, and reads that thread's clocks.
package worker

import (
	"bytes"
	"errors"
	"fmt"
	"runtime"
	"time"

	"golang.org/x/sys/unix"
)

var epoch = time.Now()

// Now is the clock of a trial: CLOCK_MONOTONIC in nanoseconds, counted from
// the start of the process.
func Now() int64 { return int64(time.Since(epoch)) }

// preemption is SIGURG, by which Go's scheduler asks a goroutine to yield that has run for
// 10 ms: again and again if that does not help, as with one that waits in a raw system
// call. Each such signal ends the call, and lets it begin anew. With it blocked, one stays
// pending, and Go sends no other.
var preemption = func() *unix.Sigset_t {
	var set unix.Sigset_t
	set.Val[0] = 1 << (unix.SIGURG - 1)
	return &set
}()

// Turn must be called once in each turn of a loop of raw system calls: its prologue is
// where Go can stop a goroutine whose thread blocks the scheduler's signals.
//
//go:noinline
func Turn() {}

// Thread is a running worker.
type Thread struct {
	CPU  int
	tid  int
	stat string    // path of its state
	room [512]byte // for the state and what is before it
	done chan struct{}
	err  error
}

// Start runs f on a new thread pinned to cpu and returns when the thread is
// ready. The thread ends with f, and blocks the signals by which Go's scheduler preempts.
func Start(cpu int, f func() error) (*Thread, error) {
	t := &Thread{CPU: cpu, done: make(chan struct{})}
	ready := make(chan error)
	go func() {
		// Never unlocked: a pinned thread must not go back to Go's pool.
		runtime.LockOSThread()
		defer close(t.done)
		var before, set unix.CPUSet
		if err := unix.SchedGetaffinity(0, &before); err != nil {
			ready <- fmt.Errorf("read the affinity of a worker: %w", err)
			return
		}
		// A thread that ends may start another in its place, which inherits
		// its affinity.
		defer unix.SchedSetaffinity(0, &before)
		set.Set(cpu)
		if err := unix.SchedSetaffinity(0, &set); err != nil {
			ready <- fmt.Errorf("pin a worker to CPU %d: %w", cpu, err)
			return
		}
		if err := unix.PthreadSigmask(unix.SIG_BLOCK, preemption, nil); err != nil {
			ready <- fmt.Errorf("block the signals of the scheduler: %w", err)
			return
		}
		t.tid = unix.Gettid()
		t.stat = fmt.Sprintf("/proc/self/task/%d/stat", t.tid)
		ready <- nil
		t.err = f()
	}()
	if err := <-ready; err != nil {
		return nil, err
	}
	return t, nil
}

// Wait returns when the worker has ended, with its error.
func (t *Thread) Wait() error {
	<-t.done
	return t.err
}

// Done is closed when the worker has ended.
func (t *Thread) Done() <-chan struct{} { return t.done }

// CPUTime is the CPU time in nanoseconds that the thread has used so far. The
// thread must be running.
func (t *Thread) CPUTime() (int64, error) {
	// The clock of one thread: MAKE_THREAD_CPUCLOCK(tid, CPUCLOCK_SCHED) of
	// the kernel's include/linux/posix-timers_types.h.
	const perThread, sched = 4, 2
	var ts unix.Timespec
	if err := unix.ClockGettime(int32(^t.tid<<3|perThread|sched), &ts); err != nil {
		return 0, fmt.Errorf("read the CPU clock of thread %d: %w", t.tid, err)
	}
	return ts.Nano(), nil
}

// Asleep reports whether the thread waits for something, or has ended: it does not run, and
// does not wait for a CPU either. It is not for concurrent use.
func (t *Thread) Asleep() (bool, error) {
	select {
	case <-t.done:
		return true, nil
	default:
	}
	// The state follows the name, which is in parentheses and may contain anything:
	// proc_pid_stat(5).
	n, err := readFile(t.stat, t.room[:])
	if errors.Is(err, unix.ENOENT) || errors.Is(err, unix.ESRCH) {
		return true, nil
	}
	if err != nil {
		return false, fmt.Errorf("read the state of thread %d: %w", t.tid, err)
	}
	stat := t.room[:n]
	i := bytes.LastIndexByte(stat, ')')
	if i < 0 || i+2 >= len(stat) {
		return false, fmt.Errorf("read the state of thread %d: %q has none", t.tid, stat)
	}
	return stat[i+2] == 'S', nil
}

// readFile reads the beginning of a file. Unlike os.ReadFile it leaves no garbage but the path.
func readFile(path string, into []byte) (int, error) {
	fd, err := unix.Open(path, unix.O_RDONLY|unix.O_CLOEXEC, 0)
	if err != nil {
		return 0, err
	}
	defer unix.Close(fd)
	return unix.Read(fd, into)
}

// Kick interrupts a system call in which the thread waits. The kernel restarts
// the call, which then sees what was changed on its descriptor.
func (t *Thread) Kick() error {
	select {
	case <-t.done:
		return nil
	default:
	}
	// SIGIO is handled by Go, which does nothing about it unless a program asks to be
	// notified.
	if err := unix.Tgkill(unix.Getpid(), t.tid, unix.SIGIO); err != nil && err != unix.ESRCH {
		return fmt.Errorf("interrupt thread %d: %w", t.tid, err)
	}
	return nil
}

// Favour gives the calling worker's thread the best priority of ordinary
// threads, so that others on its CPU do not delay what is due; without
// CAP_SYS_NICE nothing changes. The worker calls restore before it ends: a
// thread that is started in its place would inherit the priority.
func Favour() (restore func()) {
	const best, ordinary = -20, 0
	tid := unix.Gettid()
	if unix.Setpriority(unix.PRIO_PROCESS, tid, best) != nil {
		return func() {}
	}
	return func() { _ = unix.Setpriority(unix.PRIO_PROCESS, tid, ordinary) }
}
