package worker

import (
	"errors"
	"fmt"
	"os"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"
)

func TestPinnedAndTimed(t *testing.T) {
	var stop atomic.Bool
	var cpus unix.CPUSet
	w, err := Start(0, func() error {
		err := unix.SchedGetaffinity(0, &cpus)
		for !stop.Load() {
			Turn()
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	before, err := w.CPUTime()
	if err != nil {
		t.Fatal(err)
	}
	time.Sleep(50 * time.Millisecond)
	after, err := w.CPUTime()
	if err != nil {
		t.Fatal(err)
	}
	stop.Store(true)
	if err := w.Wait(); err != nil {
		t.Fatal(err)
	}
	if cpus.Count() != 1 || !cpus.IsSet(0) {
		t.Errorf("the worker may run on %d CPUs, want CPU 0 alone", cpus.Count())
	}
	if used := after - before; used < int64(time.Millisecond) || used > int64(time.Second) {
		t.Errorf("a spinning worker used %d ns of CPU in 50 ms", used)
	}
}

// TestAsleep has a worker that spins, one that waits in the kernel and one that has ended.
func TestAsleep(t *testing.T) {
	var stop atomic.Bool
	spins, err := Start(0, func() error {
		for !stop.Load() {
			Turn()
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	waits, pipe := startReader(t)
	for deadline := time.Now().Add(10 * time.Second); ; time.Sleep(time.Millisecond) {
		if ok, err := waits.Asleep(); err != nil || time.Now().After(deadline) {
			t.Fatalf("a worker that reads an empty pipe: %v, %v", ok, err)
		} else if ok {
			break
		}
	}
	for range 20 {
		if ok, err := spins.Asleep(); ok || err != nil {
			t.Fatalf("a worker that spins: %v, %v", ok, err)
		}
	}
	stop.Store(true)
	if err := errors.Join(unix.Close(pipe[1]), waits.Wait(), spins.Wait()); err != nil {
		t.Fatal(err)
	}
	if ok, err := spins.Asleep(); !ok || err != nil {
		t.Errorf("a worker that has ended: %v, %v", ok, err)
	}
}

// startReader starts a worker that reads an empty pipe until its second end is closed.
func startReader(t *testing.T) (*Thread, [2]int) {
	t.Helper()
	var pipe [2]int
	if err := unix.Pipe(pipe[:]); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { unix.Close(pipe[0]) })
	waits, err := Start(0, func() error {
		_, err := unix.Read(pipe[0], make([]byte, 1))
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return waits, pipe
}

// Workers are looked at after each window of a block, in which no garbage is collected.
func TestAsleepHardlyAllocates(t *testing.T) {
	waits, pipe := startReader(t)
	if n := testing.AllocsPerRun(20, func() { waits.Asleep() }); n > 1 {
		t.Errorf("%v allocations in a look, want at most 1", n)
	}
	if err := errors.Join(unix.Close(pipe[1]), waits.Wait()); err != nil {
		t.Error(err)
	}
}

func TestErrorsComeBack(t *testing.T) {
	want := errors.New("reader died")
	w, err := Start(0, func() error { return want })
	if err != nil {
		t.Fatal(err)
	}
	if err := w.Wait(); err != want {
		t.Fatalf("got %v, want %v", err, want)
	}
	if err := w.Kick(); err != nil {
		t.Fatalf("kick a worker that has ended: %v", err)
	}
	if _, err := Start(4095, func() error { return nil }); err == nil {
		t.Fatal("a CPU that does not exist was taken")
	}
}

// TestKickRestartsARead is what ends a blocking reader: the descriptor is made
// non-blocking, and the interrupted read finds that out when it starts anew.
func TestKickRestartsARead(t *testing.T) {
	var fds [2]int
	if err := unix.Pipe2(fds[:], unix.O_CLOEXEC); err != nil {
		t.Fatal(err)
	}
	defer unix.Close(fds[0])
	defer unix.Close(fds[1])
	w, err := Start(0, func() error {
		_, err := unix.Read(fds[0], make([]byte, 1))
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	time.Sleep(20 * time.Millisecond)
	if err := unix.SetNonblock(fds[0], true); err != nil {
		t.Fatal(err)
	}
	for {
		if err := w.Kick(); err != nil {
			t.Fatal(err)
		}
		select {
		case <-w.Done():
			if err := w.Wait(); err != unix.EAGAIN {
				t.Fatalf("the read ended with %v, want EAGAIN", err)
			}
			return
		case <-time.After(10 * time.Millisecond):
		}
	}
}

// TestSleepsUndisturbed has a worker wait in a raw system call, which Go's scheduler takes
// for one that runs: it is not woken up.
func TestSleepsUndisturbed(t *testing.T) {
	var pipe [2]int
	if err := unix.Pipe(pipe[:]); err != nil {
		t.Fatal(err)
	}
	defer unix.Close(pipe[0])
	w, err := Start(0, func() error {
		unix.RawSyscall(unix.SYS_READ, uintptr(pipe[0]), uintptr(unsafe.Pointer(new(byte))), 1)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	wakeups := func() (n int) {
		b, err := os.ReadFile(fmt.Sprintf("/proc/self/task/%d/status", w.tid))
		if err != nil {
			t.Fatal(err)
		}
		_, rest, _ := strings.Cut(string(b), "\nvoluntary_ctxt_switches:")
		if _, err := fmt.Sscan(rest, &n); err != nil {
			t.Fatal(err)
		}
		return n
	}
	time.Sleep(50 * time.Millisecond)
	before := wakeups()
	time.Sleep(300 * time.Millisecond) // some 30 signals, if they came
	if n := wakeups() - before; n > 1 {
		t.Errorf("woken up %d times in 300 ms", n)
	}
	if err := errors.Join(unix.Close(pipe[1]), w.Wait()); err != nil {
		t.Fatal(err)
	}
}

// TestPinningIsNotInherited: Go starts threads from threads.
func TestPinningIsNotInherited(t *testing.T) {
	var before unix.CPUSet
	if err := unix.SchedGetaffinity(0, &before); err != nil {
		t.Fatal(err)
	}
	for range 50 {
		w, err := Start(0, func() error { return nil })
		if err != nil {
			t.Fatal(err)
		}
		w.Wait()
	}
	threads, err := os.ReadDir("/proc/self/task")
	if err != nil {
		t.Fatal(err)
	}
	for _, thread := range threads {
		tid, err := strconv.Atoi(thread.Name())
		if err != nil {
			t.Fatal(err)
		}
		var set unix.CPUSet
		if err := unix.SchedGetaffinity(tid, &set); err == nil && set != before {
			t.Errorf("thread %d may run on %d CPUs, want %d", tid, set.Count(), before.Count())
		}
	}
}

// A worker that was favoured leaves no thread behind that is.
func TestFavour(t *testing.T) {
	priority := func() int {
		// The system call gives 20 minus the nice value (getpriority(2)).
		n, err := unix.Getpriority(unix.PRIO_PROCESS, unix.Gettid())
		if err != nil {
			t.Error(err)
		}
		return 20 - n
	}
	var during, after int
	th, err := Start(0, func() error {
		restore := Favour()
		during = priority()
		restore()
		after = priority()
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if err := th.Wait(); err != nil {
		t.Fatal(err)
	}
	if after != 0 || during != -20 && os.Geteuid() == 0 {
		t.Errorf("nice %d while favoured, %d after", during, after)
	}
}
