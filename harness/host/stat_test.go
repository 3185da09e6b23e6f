package host

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"tunbench/harness/proc"
)

const someStat = `cpu  10 2 6 200 4 3 8 5 1 0
cpu0 6 1 4 100 2 1 5 5 1 0
cpu1 4 1 2 100 2 2 3 0 0 0
intr 1234 0 0
ctxt 99
`

func TestParseStat(t *testing.T) {
	got, err := parseStat([]byte(someStat))
	if err != nil {
		t.Fatal(err)
	}
	const ms = time.Millisecond
	want := Stat{CPU: []CPU{
		{0, CPUTimes{User: 60 * ms, Nice: 10 * ms, System: 40 * ms, Idle: 1000 * ms, IOWait: 20 * ms, IRQ: 10 * ms, SoftIRQ: 50 * ms, Steal: 50 * ms}},
		{1, CPUTimes{User: 40 * ms, Nice: 10 * ms, System: 20 * ms, Idle: 1000 * ms, IOWait: 20 * ms, IRQ: 20 * ms, SoftIRQ: 30 * ms}},
	}}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	if busy, total := got.CPU[0].Busy(), got.CPU[0].Total(); busy != 170*ms || total != 1240*ms {
		t.Errorf("busy %v of %v, want 170ms of 1.24s", busy, total)
	}
	for _, bad := range []string{"", "cpu 1 2 3\n", "cpux 1\n", "cpu0 1 two\n", "cpu0 -1\n", "cpu0 18446744073709551615\n", "cpu-1 5\n"} {
		if s, err := parseStat([]byte(bad)); err == nil {
			t.Errorf("%q: %+v, want an error", bad, s)
		}
	}
	if s, err := parseStat([]byte("cpu7 1 2 3 4\n")); err != nil || len(s.CPU) != 1 || s.CPU[0].Number != 7 || s.CPU[0].Idle != 40*ms || s.CPU[0].Steal != 0 {
		t.Errorf("old kernel: %+v, %v", s, err)
	}
}

func TestSteal(t *testing.T) {
	stat := func(lines ...string) Stat {
		s, err := parseStat([]byte(strings.Join(lines, "\n")))
		if err != nil {
			t.Fatal(err)
		}
		return s
	}
	a := stat("cpu0 100 0 0 100 0 0 0 0", "cpu1 0 0 0 500 0 0 0 9", "cpu2 0 0 0 0 0 0 0 0")
	b := stat("cpu0 190 0 0 100 0 0 0 10", "cpu1 0 0 0 600 0 0 0 9", "cpu3 0 0 0 0 0 0 0 500")
	for _, c := range []struct {
		cpus []int
		want float64
	}{
		{[]int{0}, 0.1}, {[]int{1}, 0}, {[]int{0, 1}, 0.05}, {nil, 0.05},
		{[]int{2}, 0}, {[]int{3}, 0}, {[]int{99}, 0}, // in one of the two, or in none
	} {
		if got := a.Steal(b, c.cpus); got != c.want {
			t.Errorf("CPUs %v: %v, want %v", c.cpus, got, c.want)
		}
	}
	if got := a.Steal(a, nil); got != 0 {
		t.Errorf("no time passed: %v", got)
	}
	// Idle time that steps back does not make the total smaller.
	back := stat("cpu0 190 0 0 50 0 0 0 10")
	if got := a.Steal(back, []int{0}); got != 0.1 {
		t.Errorf("idle stepped back: %v, want 0.1", got)
	}
}

func TestReadStat(t *testing.T) {
	a, err := ReadStat()
	if err != nil {
		t.Fatal(err)
	}
	time.Sleep(50 * time.Millisecond)
	b, err := ReadStat()
	if err != nil {
		t.Fatal(err)
	}
	per := a.Until(b, nil).Total() / time.Duration(len(a.CPU))
	if per < 10*time.Millisecond || per > time.Second {
		t.Errorf("%v passed on each CPU in 50 ms", per)
	}
	if s := a.Steal(b, nil); s < 0 || s > 1 {
		t.Errorf("steal %v", s)
	}
	if _, err := readStat(&proc.File{Path: "/proc/no-stat"}); err == nil {
		t.Error("no /proc/stat and no error")
	}
}

// What is read in each window hardly allocates: no garbage is collected during a block.
func TestReadingsOfAWindowHardlyAllocate(t *testing.T) {
	for name, c := range map[string]struct {
		most float64
		read func()
	}{
		"CPU times": {1, func() { ReadStat() }},
		"pressure":  {0, func() { Pressure() }},
	} {
		if n := testing.AllocsPerRun(50, c.read); n > c.most {
			t.Errorf("%s: %v allocations, want at most %v", name, n, c.most)
		}
	}
}

// CPUs that come and go are found by their numbers.
func TestStatOfOtherCPUs(t *testing.T) {
	busy := func(d time.Duration) CPUTimes { return CPUTimes{User: d} }
	sum := Stat{CPU: []CPU{{1, busy(5)}, {9, busy(7)}}}
	from := Stat{CPU: []CPU{{0, busy(10)}, {4, busy(20)}, {9, busy(30)}}}
	to := Stat{CPU: []CPU{{0, busy(11)}, {2, busy(50)}, {9, busy(33)}}}
	want := Stat{CPU: []CPU{{0, busy(1)}, {1, busy(5)}, {4, busy(0)}, {9, busy(10)}}}
	before := sum.CPU[1]
	if diff := cmp.Diff(want, sum.Plus(from, to)); diff != "" {
		t.Error(diff)
	}
	if sum.CPU[1] != before || len(sum.CPU) != 2 {
		t.Errorf("Plus changed what it added to: %+v", sum)
	}
}

func FuzzParseStat(f *testing.F) {
	f.Add(someStat)
	f.Add("cpu0 9223372036854775807 1\n")
	f.Fuzz(func(t *testing.T, s string) {
		stat, err := parseStat([]byte(s))
		if err != nil {
			return
		}
		for _, c := range stat.CPU {
			for _, d := range c.fields() {
				if *d < 0 {
					t.Fatalf("CPU %d: %+v", c.Number, c)
				}
			}
		}
	})
}
