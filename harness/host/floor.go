package host

import (
	"cmp"
	"fmt"
	"math"
	"runtime"
	"slices"
	"strconv"
	"syscall"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"

	"tunbench/reports/record"
)

// floorSizes are the reads of record.Floor, in bytes.
var floorSizes = [...]int{64, 1500, 65536}

const (
	floorRepeats = 5
	floorBatches = 15                     // in a repeat, of each size
	floorBatch   = 100 * time.Microsecond // aimed at; a disturbance hits few of them
	floorBudget  = 110 * time.Millisecond // no batch begins after it, except those of the first repeat

	floorAttempts = 4                     // until the figures are possible
	floorPause    = 60 * time.Millisecond // between attempts
)

// Floor measures on one CPU the cost of a bare system call, and of a read of
// each size of /dev/zero in addition, in less than 150 ms unless the CPU is so
// busy that it hardly gets a turn. The figures are medians of the least
// disturbed of several repeats. Impossible figures (record.Floor.Fault) are
// measured again a few times, and returned if they stay impossible.
func Floor(cpu int) (record.Floor, error) {
	if cpu < 0 || cpu >= maxCPU {
		return record.Floor{}, fmt.Errorf("measure floor: there is no CPU %d", cpu)
	}
	type result struct {
		floor record.Floor
		err   error
	}
	done := make(chan result, 1)
	go func() {
		runtime.LockOSThread()
		tid := unix.Gettid()
		before, err := getAffinity(tid)
		if err == nil {
			err = setAffinity(tid, maskOf(cpu))
		}
		if err != nil {
			runtime.UnlockOSThread()
			done <- result{err: err}
			return
		}
		f, err := possible(floor, time.Sleep)
		// A thread that stays pinned is not reused: with the lock held, Go ends
		// it together with this goroutine.
		if setAffinity(tid, before) == nil {
			runtime.UnlockOSThread()
		}
		done <- result{f, err}
	}()
	r := <-done
	if r.err != nil {
		return record.Floor{}, fmt.Errorf("measure floor on CPU %d: %w", cpu, r.err)
	}
	return r.floor, nil
}

// possible measures until the figures are possible, at most floorAttempts
// times.
func possible(measure func() (record.Floor, error), sleep func(time.Duration)) (f record.Floor, err error) {
	for n := range floorAttempts {
		if n > 0 {
			sleep(floorPause)
		}
		if f, err = measure(); err != nil || f.Fault() == "" {
			break
		}
	}
	return f, err
}

func floor() (record.Floor, error) {
	fd, err := unix.Open("/dev/zero", unix.O_RDONLY|unix.O_CLOEXEC, 0)
	if err != nil {
		return record.Floor{}, fmt.Errorf("open /dev/zero: %w", err)
	}
	defer unix.Close(fd)
	buf := make([]byte, floorSizes[len(floorSizes)-1])
	for i := range buf {
		buf[i] = 1 // memory fresh from the kernel has no pages yet
	}

	start := time.Now()
	sizes := append([]int{0}, floorSizes[:]...) // 0 stands for the bare call
	calls := make([]int, len(sizes))
	for i, size := range sizes {
		if calls[i], err = calibrate(fd, buf[:size]); err != nil {
			return record.Floor{}, err
		}
	}
	var repeats [][]float64 // medians by size
	for len(repeats) < floorRepeats && (len(repeats) == 0 || time.Since(start) < floorBudget) {
		// The sizes take turns, so that a disturbance hits all alike.
		samples := make([][]float64, len(sizes))
		for n := 0; n < floorBatches && (n == 0 || time.Since(start) < floorBudget); n++ {
			for i, size := range sizes {
				d, err := batch(fd, buf[:size], calls[i])
				if err != nil {
					return record.Floor{}, err
				}
				samples[i] = append(samples[i], float64(d)/float64(calls[i]))
			}
		}
		medians := make([]float64, len(sizes))
		for i, s := range samples {
			slices.Sort(s)
			medians[i] = s[len(s)/2]
		}
		repeats = append(repeats, medians)
	}
	best := leastDisturbed(repeats)
	f := record.Floor{SyscallNs: best[0], CopyNs: map[string]float64{}}
	for i, size := range floorSizes {
		f.CopyNs[strconv.Itoa(size)] = max(best[i+1]-best[0], 0)
	}
	return f, nil
}

// leastDisturbed chooses one repeat, because where the CPU's speed changes the
// difference between figures of different times means nothing: the one with the
// lowest sum of figures, each relative to the lowest of its column.
func leastDisturbed(repeats [][]float64) []float64 {
	least := slices.Clone(repeats[0])
	for _, r := range repeats {
		for i, v := range r {
			least[i] = min(least[i], v)
		}
	}
	score := func(r []float64) (sum float64) {
		for i, v := range r {
			sum += v / least[i]
		}
		return sum
	}
	return slices.MinFunc(repeats, func(a, b []float64) int { return cmp.Compare(score(a), score(b)) })
}

// calibrate returns how many calls make a batch. It takes the fastest of a few
// tries: one that lost the CPU would make the batches too short for the clock.
func calibrate(fd int, buf []byte) (int, error) {
	const tries, calls, atLeast = 5, 16, 8
	fastest := time.Duration(math.MaxInt64)
	for range tries {
		d, err := batch(fd, buf, calls)
		if err != nil {
			return 0, err
		}
		fastest = min(fastest, d)
	}
	return max(int(floorBatch*calls/max(fastest, calls)), atLeast), nil
}

// batch times n calls: reads of len(buf) bytes, or getppid if buf is empty. A
// signal, which Go's scheduler sends now and then, cuts a long read of
// /dev/zero short (drivers/char/mem.c, read_iter_zero); the batch begins anew.
func batch(fd int, buf []byte, n int) (time.Duration, error) {
	const attempts = 100
	p := unsafe.Pointer(unsafe.SliceData(buf))
attempt:
	for range attempts {
		start := time.Now()
		for range n {
			got, errno := one(fd, p, len(buf))
			switch {
			case errno == unix.EINTR || got > 0 && got < len(buf):
				continue attempt
			case errno != 0:
				return 0, fmt.Errorf("read %d bytes of /dev/zero: %w", len(buf), errno)
			case got != len(buf):
				return 0, fmt.Errorf("read %d bytes of /dev/zero: it ended", len(buf))
			}
		}
		return time.Since(start), nil
	}
	return 0, fmt.Errorf("read %d bytes of /dev/zero: cut short by signals %d times", len(buf), attempts)
}

// one makes one raw call and returns the bytes read. It is a separate function
// because Go can preempt a loop of raw calls only in a function's prologue.
//
//go:noinline
func one(fd int, p unsafe.Pointer, size int) (int, unix.Errno) {
	if size == 0 {
		syscall.RawSyscall(unix.SYS_GETPPID, 0, 0, 0)
		return 0, 0
	}
	n, _, errno := syscall.RawSyscall(unix.SYS_READ, uintptr(fd), uintptr(p), uintptr(size))
	return int(n), errno
}
