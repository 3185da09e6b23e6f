package peer

import (
	"fmt"
	"path/filepath"
	"runtime"
	"strconv"

	"golang.org/x/sys/unix"
)

// stepAside moves the peer to the last CPU. On the others it would wait for softirqs that
// receive packets, and workers would wait for it. These pin themselves.
func stepAside() error {
	last := runtime.NumCPU() - 1
	if last == 0 {
		return nil
	}
	tasks, err := filepath.Glob("/proc/self/task/*")
	if err != nil {
		return fmt.Errorf("list the threads of the peer: %w", err)
	}
	var set unix.CPUSet
	set.Set(last)
	for _, task := range tasks {
		tid, err := strconv.Atoi(filepath.Base(task))
		if err == nil {
			err = unix.SchedSetaffinity(tid, &set)
		}
		if err != nil {
			return fmt.Errorf("move a thread of the peer to CPU %d: %w", last, err)
		}
	}
	return nil
}

// workerCPU is the CPU of a worker.
func workerCPU(i int) int { return i % max(1, runtime.NumCPU()-1) }
