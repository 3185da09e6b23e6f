package host

import (
	"errors"
	"os"
	"runtime"
	"slices"
	"sync/atomic"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"tunbench/reports/record"
)

func TestFloor(t *testing.T) {
	allowed, err := Affinity()
	if err != nil {
		t.Fatal(err)
	}
	fds, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		t.Fatal(err)
	}
	for _, cpu := range []int{allowed[0], allowed[len(allowed)-1]} {
		start := time.Now()
		f, err := Floor(cpu)
		took := time.Since(start)
		if err != nil {
			t.Fatal(err)
		}
		t.Logf("CPU %d: %+v in %v", cpu, f, took)
		// Generous, because the machine that runs the test may be shared.
		if took > time.Second {
			t.Errorf("took %v", took)
		}
		if f.SyscallNs <= 0 || f.SyscallNs > 1e6 {
			t.Errorf("a system call takes %v ns", f.SyscallNs)
		}
		for _, size := range []string{"64", "1500", "65536"} {
			if ns, ok := f.CopyNs[size]; !ok || ns < 0 {
				t.Errorf("copy of %s bytes: %v, %v", size, ns, ok)
			}
		}
		if len(f.CopyNs) != len(floorSizes) || f.CopyNs["65536"] <= f.CopyNs["64"] {
			t.Errorf("copies %v", f.CopyNs)
		}
	}
	if now, err := os.ReadDir("/proc/self/fd"); err != nil || len(now) != len(fds) {
		t.Errorf("%d descriptors, were %d (%v)", len(now), len(fds), err)
	}
	if now, err := Affinity(); err != nil || !slices.Equal(now, allowed) {
		t.Errorf("affinity %v, was %v (%v)", now, allowed, err)
	}
	for _, cpu := range []int{-1, maxCPU, maxCPU - 1} {
		if _, err := Floor(cpu); err == nil {
			t.Errorf("CPU %d: no error", cpu)
		}
	}
	if _, err := Floor(maxCPU - 1); !errors.Is(err, unix.EINVAL) {
		t.Errorf("CPU %d: %v", maxCPU-1, err)
	}
}

// A floor that cannot be is measured again, and no longer than that.
func TestPossible(t *testing.T) {
	bad := record.Floor{SyscallNs: 1200, CopyNs: map[string]float64{"64": 655_356, "1500": 5_882, "65536": 71_000}}
	good := record.Floor{SyscallNs: 600, CopyNs: map[string]float64{"64": 610, "1500": 659, "65536": 7_718}}
	failed := errors.New("no /dev/zero")
	for _, c := range []struct {
		name   string
		floors []record.Floor
		err    error
		calls  int
		fault  bool
	}{
		{"quiet", []record.Floor{good, bad}, nil, 1, false},
		{"disturbed once", []record.Floor{bad, good, bad}, nil, 2, false},
		{"disturbed to the end", []record.Floor{bad, bad, bad, bad, good}, nil, floorAttempts, true},
		{"failed", []record.Floor{bad, good}, failed, 1, true},
	} {
		calls, slept := 0, 0
		f, err := possible(func() (record.Floor, error) { calls++; return c.floors[calls-1], c.err }, func(time.Duration) { slept++ })
		if calls != c.calls || slept != c.calls-1 || (f.Fault() != "") != c.fault || !errors.Is(err, c.err) {
			t.Errorf("%s: %d measurements, %d pauses, %q, %v", c.name, calls, slept, f.Fault(), err)
		}
	}
}

func TestLeastDisturbed(t *testing.T) {
	for _, c := range []struct{ repeats, want int }{{1, 0}, {2, 1}, {3, 1}} {
		all := [][]float64{{100, 130, 2000}, {90, 120, 1500}, {89, 300, 1500}}[:c.repeats]
		if got := leastDisturbed(all); !slices.Equal(got, all[c.want]) {
			t.Errorf("of %v: %v", all, got)
		}
	}
}

func TestBatchDoesNotAllocate(t *testing.T) {
	f, err := os.Open("/dev/zero")
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	fd, buf := int(f.Fd()), make([]byte, 1500)
	for _, b := range [][]byte{nil, buf} {
		if n := testing.AllocsPerRun(10, func() {
			if _, err := batch(fd, b, 100); err != nil {
				t.Error(err)
			}
		}); n != 0 {
			t.Errorf("%v allocations for %d bytes", n, len(b))
		}
	}
}

func TestBatchRefuses(t *testing.T) {
	null, err := os.Open("/dev/null")
	if err != nil {
		t.Fatal(err)
	}
	defer null.Close()
	if _, err := batch(int(null.Fd()), make([]byte, 8), 1); err == nil {
		t.Error("the end of a file is no error")
	}
	if _, err := batch(-1, make([]byte, 8), 1); !errors.Is(err, unix.EBADF) {
		t.Errorf("a bad descriptor: %v", err)
	}

	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	if _, err := w.Write(make([]byte, 4096)); err != nil {
		t.Fatal(err)
	}
	if d, err := batch(int(r.Fd()), make([]byte, 16), 256); err != nil || d <= 0 {
		t.Errorf("full reads: %v, %v", d, err)
	}
	if _, err := w.Write(make([]byte, 3)); err != nil { // is short, as if a signal had cut it
		t.Fatal(err)
	}
	w.Close()
	if _, err := batch(int(r.Fd()), make([]byte, 16), 1); err == nil {
		t.Error("a short read and then the end is no error")
	}
}

// Signals hit the measurement all the time and do not end it.
func TestBatchUnderSignals(t *testing.T) {
	f, err := os.Open("/dev/zero")
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	var tid atomic.Int64
	stop, done := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(done)
		for {
			select {
			case <-stop:
				return
			case <-time.After(200 * time.Microsecond):
				// The signal that Go sends to preempt; it ignores one too many.
				if id := tid.Load(); id != 0 {
					_ = unix.Tgkill(unix.Getpid(), int(id), unix.SIGURG)
				}
			}
		}
	}()
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	tid.Store(int64(unix.Gettid()))
	for range 200 {
		if _, err := batch(int(f.Fd()), make([]byte, 65536), 8); err != nil {
			t.Fatal(err)
		}
	}
	close(stop)
	<-done
}

func BenchmarkOne(b *testing.B) {
	b.ReportAllocs()
	for b.Loop() {
		one(-1, nil, 0)
	}
}
