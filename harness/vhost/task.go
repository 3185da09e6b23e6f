package vhost

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
)

// task is the worker of a device: since Linux 6.4 a thread of this process
// (commit 6e890c5d5021), before that one of the kernel's own.
type task struct {
	tid    int // 0: not found
	thread bool
}

// ErrUnknown: the worker was not found, because it is in a PID namespace that
// this process cannot see.
var ErrUnknown = errors.New("vhost: the worker's thread is not known")

const workerName = "vhost-"

// tasks lists the workers that there are, with their names.
func tasks() map[task]string {
	found := map[task]string{}
	for pattern, thread := range map[string]bool{"/proc/self/task/[0-9]*/comm": true, "/proc/[0-9]*/comm": false} {
		paths, _ := filepath.Glob(pattern) // the pattern is well-formed
		for _, path := range paths {
			b, err := os.ReadFile(path)
			name := strings.TrimSpace(string(b))
			if err != nil || !strings.HasPrefix(name, workerName) {
				continue // it has ended, or is none
			}
			if tid, err := strconv.Atoi(filepath.Base(filepath.Dir(path))); err == nil {
				found[task{tid, thread}] = name
			}
		}
	}
	return found
}

// newTask is the worker that appeared after before: of several, the one named
// after the thread that made it.
func newTask(before, after map[task]string, maker int) task {
	var fresh []task
	for t, name := range after {
		if _, old := before[t]; old {
			continue
		}
		if name == workerName+strconv.Itoa(maker) {
			return t
		}
		fresh = append(fresh, t)
	}
	if len(fresh) == 1 {
		return fresh[0]
	}
	return task{}
}

// WorkerTime is the CPU time in ns that the worker of a device has used.
func (t task) WorkerTime() (int64, error) {
	if t.tid == 0 {
		return 0, ErrUnknown
	}
	// The clock of a thread or of a process: include/linux/posix-timers_types.h.
	const perThread, sched = 4, 2
	clock := int32(^t.tid<<3 | sched)
	if t.thread {
		clock |= perThread
	}
	var ts unix.Timespec
	if err := unix.ClockGettime(clock, &ts); err != nil {
		return 0, fmt.Errorf("read the CPU clock of vhost's worker: %w", err)
	}
	return ts.Nano(), nil
}

// Pin keeps the worker of a device on a CPU.
func (t task) Pin(cpu int) error {
	if t.tid == 0 {
		return ErrUnknown
	}
	var set unix.CPUSet
	set.Set(cpu)
	if err := unix.SchedSetaffinity(t.tid, &set); err != nil {
		return fmt.Errorf("pin vhost's worker to CPU %d: %w", cpu, err)
	}
	return nil
}
