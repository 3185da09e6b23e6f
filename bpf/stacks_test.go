package bpf

import (
	"encoding/binary"
	"errors"
	"os"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

func TestParseStack(t *testing.T) {
	sample := func(kind, process, kernel, user uint32, ips ...uint64) (b []byte) {
		for _, w := range []uint32{kind, process, kernel, user} {
			b = binary.NativeEndian.AppendUint32(b, w)
		}
		for _, ip := range ips {
			b = binary.NativeEndian.AppendUint64(b, ip)
		}
		return b
	}
	s, err := parseStack(sample(uint32(StackSoftirq), 7, 2, 1, 10, 11, 12))
	if err != nil || s.Kind != StackSoftirq || s.Process != 7 || !slices.Equal(s.Kernel, []uint64{10, 11}) || !slices.Equal(s.User, []uint64{12}) {
		t.Errorf("%+v, %v", s, err)
	}
	for name, b := range map[string][]byte{
		"no head":   sample(0, 0, 0, 0)[:15],
		"too short": sample(0, 0, 2, 1, 10, 11),
	} {
		if _, err := parseStack(b); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
}

func TestExplainStacks(t *testing.T) {
	files := func(of map[string]string) func(string) string { return func(path string) string { return of[path] } }
	for _, c := range []struct {
		err        error
		privileged bool
		files      map[string]string
		want       string
	}{
		{unix.EACCES, false, map[string]string{"/proc/sys/kernel/perf_event_paranoid": "3"}, "CAP_BPF and CAP_PERFMON, or root (kernel.perf_event_paranoid is 3)"},
		{unix.EPERM, false, nil, "CAP_BPF and CAP_PERFMON, or root"},
		{unix.EPERM, true, nil, "seccomp"},
		{unix.EPERM, true, map[string]string{"/sys/kernel/security/lockdown": "none [integrity] confidentiality"}, "lockdown=integrity"},
		{unix.ENOSYS, true, nil, "CONFIG_PERF_EVENTS"},
		{unix.EINVAL, true, nil, "Linux 5.8"},
		{unix.ENOMEM, true, nil, "cannot allocate memory"},
	} {
		if got := explainStacks("sample", c.err, c.privileged, files(c.files)).Error(); !strings.Contains(got, c.want) {
			t.Errorf("%v: %q, want %q", c.err, got, c.want)
		}
	}
}

// busy uses the CPU for d.
func busy(d time.Duration) (n int) {
	for until := time.Now().Add(d); time.Now().Before(until); n++ {
	}
	return n
}

// TestStacks samples this process, and nothing while sampling is stopped or while it is
// not one of the processes.
func TestStacks(t *testing.T) {
	needRoot(t)
	const period = 500 * time.Microsecond
	s, err := OpenStacks(StackOptions{CPUs: []int{0}, Period: period})
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	}()
	sampled := func() (own int) {
		t.Helper()
		if err := s.Start(); err != nil {
			t.Fatal(err)
		}
		busy(100 * time.Millisecond)
		if err := s.Stop(); err != nil {
			t.Fatal(err)
		}
		busy(20 * time.Millisecond)
		err := s.Read(func(stack Stack) {
			if stack.Kind == StackTask && stack.Process == os.Getpid() && len(stack.User) > 0 {
				own++
			}
		})
		if err != nil {
			t.Fatal(err)
		}
		return own
	}
	if n := sampled(); n != 0 {
		t.Errorf("%d samples of a process that is not of the trial", n)
	}
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	if err := s.Add(os.Getpid()); err != nil {
		t.Fatal(err)
	}
	before, err := s.Counts()
	if err != nil {
		t.Fatal(err)
	}
	// At most as many as there are periods, for each CPU; far fewer, if others run.
	n := sampled()
	if most := runtime.NumCPU() * 140 * int(time.Millisecond/period) * 3 / 2; n < 10 || n > most {
		t.Errorf("%d samples of this process", n)
	}
	after, err := s.Counts()
	if err != nil {
		t.Fatal(err)
	}
	if got := after[StackTask] - before[StackTask]; got < uint64(n) || after[StackLost] != 0 {
		t.Errorf("%d samples were counted and %d read, %d lost", got, n, after[StackLost])
	}
}

// TestLeaves counts samples of this process by their innermost address, and passes on the
// stacks of about one in eight.
func TestLeaves(t *testing.T) {
	needRoot(t)
	s, err := OpenStacks(StackOptions{Period: 100 * time.Microsecond, StackEach: 8, WaitTurns: 15})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	if err := errors.Join(s.Add(os.Getpid()), s.Start()); err != nil {
		t.Fatal(err)
	}
	sum := 0
	for until := time.Now().Add(300 * time.Millisecond); time.Now().Before(until); {
		for i := range 1_000_000 {
			sum += i & sum // few addresses are those of the clock
		}
	}
	if err := s.Stop(); err != nil {
		t.Fatal(err)
	}
	stacks, leaves, named := uint64(0), uint64(0), uint64(0)
	if err := s.Read(func(Stack) { stacks++ }); err != nil {
		t.Fatal(err)
	}
	err = s.Leaves(func(process int, address, count uint64) {
		leaves += count
		if stack := LeafStack(process, address); process == os.Getpid() && (len(stack.Kernel) == 1 || runtime.FuncForPC(uintptr(stack.User[0])) != nil) {
			named += count
		}
	})
	if err != nil {
		t.Fatal(err)
	}
	counts, err := s.Counts()
	if err != nil {
		t.Fatal(err)
	}
	if all := stacks + leaves; all < 100 || all != counts[StackTask] || counts[StackLost] != 0 || stacks < all/16 || stacks > all/4 {
		t.Errorf("%d stacks and %d addresses of %v samples", stacks, leaves, counts)
	}
	if named < leaves*9/10 {
		t.Errorf("%d of %d addresses are of this program or of the kernel", named, leaves)
	}
}

// TestAppendKey: other stacks have other keys.
func TestAppendKey(t *testing.T) {
	seen := map[string]int{}
	for i, s := range []Stack{
		{}, {Kind: StackSoftirq}, {Process: 1}, {Kernel: []uint64{1}}, {User: []uint64{1}}, {Kernel: []uint64{1, 2}}, {Kernel: []uint64{1}, User: []uint64{2}},
	} {
		key := string(s.AppendKey(nil))
		if other, ok := seen[key]; ok {
			t.Errorf("stacks %d and %d have one key", other, i)
		}
		seen[key] = i
	}
}

// TestProgramsLoaded finds a program of this package by its address.
func TestProgramsLoaded(t *testing.T) {
	needRoot(t)
	prog, err := LoadFilter(time.Microsecond)
	if err != nil {
		t.Fatal(err)
	}
	defer prog.Close()
	list, err := ProgramsLoaded()
	if err != nil {
		t.Fatal(err)
	}
	if !slices.ContainsFunc(list, func(p ProgramCode) bool { return p.Name == "bpf_prog_filter_wait" && p.End > p.Begin }) {
		t.Errorf("filter_wait is not among %v", list)
	}
	if !slices.IsSortedFunc(list, func(a, b ProgramCode) int { return int(int64(a.Begin-b.Begin) >> 8) }) {
		t.Errorf("not sorted: %v", list)
	}
}
