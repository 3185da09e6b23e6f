package host

import (
	"errors"
	"fmt"
	"runtime"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/sys/unix"

	"tunbench/reports/record"
)

func TestParseList(t *testing.T) {
	for _, c := range []struct {
		in   string
		want []int
		bad  bool
	}{
		{"", nil, false},
		{"\n", nil, false},
		{"0\n", []int{0}, false},
		{"0-3,8", []int{0, 1, 2, 3, 8}, false},
		{"8,0-3,2-4", []int{0, 1, 2, 3, 4, 8}, false},
		{"1000-1001", []int{1000, 1001}, false},
		{"3-1", nil, true}, {"a", nil, true}, {"1,", nil, true}, {"-1", nil, true}, {"1-", nil, true}, {"65536", nil, true},
	} {
		got, err := parseList(c.in)
		if (err != nil) != c.bad || !slices.Equal(got, c.want) {
			t.Errorf("%q: %v, %v; want %v", c.in, got, err, c.want)
		}
	}
}

func FuzzParseList(f *testing.F) {
	f.Add("0-3,8")
	f.Add("5,5,1")
	f.Fuzz(func(t *testing.T, s string) {
		if len(s) > 64 {
			return
		}
		got, err := parseList(s)
		if err != nil && got != nil {
			t.Fatalf("%v with %v", got, err)
		}
		for i, c := range got {
			if c < 0 || c >= maxCPU || i > 0 && got[i-1] >= c {
				t.Fatalf("%v is not sorted", got)
			}
		}
		var again []string
		for _, c := range got {
			again = append(again, fmt.Sprint(c))
		}
		if back, err := parseList(strings.Join(again, ",")); err != nil || !slices.Equal(back, got) {
			t.Fatalf("%v became %v, %v", got, back, err)
		}
	})
}

// shape describes a machine: for each CPU the lists of those that share.
type shape struct{ siblings, llc, pkg, node string }

func machine(cpus map[int]shape) map[string]string {
	files := map[string]string{}
	for c, s := range cpus {
		dir := fmt.Sprintf("sys/devices/system/cpu/cpu%d/", c)
		files[dir+"topology/thread_siblings_list"] = s.siblings + "\n"
		files[dir+"topology/core_siblings_list"] = s.pkg + "\n"
		files[dir+"cache/index0/level"] = "1\n"
		files[dir+"cache/index0/shared_cpu_list"] = s.siblings + "\n"
		files[dir+"cache/index1/level"] = "3\n"
		files[dir+"cache/index1/shared_cpu_list"] = s.llc + "\n"
		files[dir+"node"+s.node+"/cpulist"] = "\n"
	}
	return files
}

func TestOrder(t *testing.T) {
	// 4 cores with two threads each, numbered as Intel does: 0 and 4 are one core.
	laptop := map[int]shape{}
	for c := range 8 {
		laptop[c] = shape{fmt.Sprintf("%d,%d", c%4, c%4+4), "0-7", "0-7", "0"}
	}
	// Two packages of 4 cores, numbered in turns.
	server := map[int]shape{}
	for c := range 8 {
		pkg := []string{"0,2,4,6", "1,3,5,7"}[c%2]
		server[c] = shape{fmt.Sprint(c), pkg, pkg, fmt.Sprint(c % 2)}
	}
	// One package of two caches with 2 cores of two threads each: 0 and 1 are one core.
	chiplets := map[int]shape{}
	for c := range 8 {
		llc := []string{"0-3", "4-7"}[c/4]
		chiplets[c] = shape{fmt.Sprintf("%d-%d", c&^1, c|1), llc, "0-7", "0"}
	}
	for _, c := range []struct {
		name    string
		cpus    map[int]shape
		allowed []int
		want    []int
	}{
		{"threads come last", laptop, []int{0, 1, 2, 3, 4, 5, 6, 7}, []int{0, 1, 2, 3, 4, 5, 6, 7}},
		{"the second thread of a core is its first where only that is allowed", laptop, []int{1, 4, 5}, []int{1, 4, 5}},
		{"stays in a package", server, []int{0, 1, 2, 3, 4, 5, 6, 7}, []int{0, 2, 4, 6, 1, 3, 5, 7}},
		{"begins where most are allowed", server, []int{0, 1, 3, 5, 6}, []int{1, 3, 5, 0, 6}},
		{"cores before threads, near before far", chiplets, []int{0, 1, 2, 3, 4, 5, 6, 7}, []int{0, 2, 4, 6, 1, 3, 5, 7}},
		{"sysfs says nothing", nil, []int{3, 5, 9}, []int{3, 5, 9}},
		{"one", laptop, []int{7}, []int{7}},
		{"none", laptop, nil, nil},
	} {
		got := order(topology(tree(machine(c.cpus)), c.allowed))
		if !slices.Equal(got, c.want) {
			t.Errorf("%s: %v, want %v", c.name, got, c.want)
		}
	}
}

func TestSplit(t *testing.T) {
	for _, c := range []struct {
		cpus             []int
		senders, readers int
		want             record.Placement
	}{
		{[]int{4}, 1, 1, record.Placement{Sender: []int{4}, Reader: []int{4}}},
		{[]int{4}, 2, 3, record.Placement{Sender: []int{4, 4}, Reader: []int{4, 4, 4}}},
		{[]int{0, 1}, 1, 1, record.Placement{Sender: []int{0}, Reader: []int{1}}},
		{[]int{0, 1}, 4, 2, record.Placement{Sender: []int{0, 0, 0, 0}, Reader: []int{1, 1}}},
		{[]int{0, 1, 2}, 2, 2, record.Placement{Sender: []int{0, 0}, Reader: []int{1, 2}}},
		{[]int{0, 1, 2, 3}, 1, 2, record.Placement{Sender: []int{0}, Reader: []int{1, 2}}},
		{[]int{0, 1, 2, 3}, 4, 4, record.Placement{Sender: []int{0, 1, 0, 1}, Reader: []int{2, 3, 2, 3}}},
	} {
		if diff := cmp.Diff(c.want, split(c.cpus, c.senders, c.readers)); diff != "" {
			t.Errorf("%v for %d and %d: %s", c.cpus, c.senders, c.readers, diff)
		}
	}
}

func TestAffinity(t *testing.T) {
	got, err := Affinity()
	if err != nil {
		t.Fatal(err)
	}
	var set unix.CPUSet
	if err := unix.SchedGetaffinity(unix.Getpid(), &set); err != nil {
		t.Fatal(err)
	}
	var want []int
	for c := range 1024 {
		if set.IsSet(c) {
			want = append(want, c)
		}
	}
	if !slices.Equal(got, want) {
		t.Errorf("%v, want %v", got, want)
	}
	for _, cpu := range []int{0, 1, 63, 64, 1023, 1024, 4095} {
		if got := maskOf(cpu).list(); !slices.Equal(got, []int{cpu}) {
			t.Errorf("mask of %d holds %v", cpu, got)
		}
	}
}

func TestPlace(t *testing.T) {
	allowed, err := Affinity()
	if err != nil {
		t.Fatal(err)
	}
	p, err := Place(nil, 3, 2)
	if err != nil {
		t.Fatal(err)
	}
	if len(p.Sender) != 3 || len(p.Reader) != 2 {
		t.Errorf("%+v: want 3 senders and 2 readers", p)
	}
	for _, c := range slices.Concat(p.Sender, p.Reader) {
		if !slices.Contains(allowed, c) {
			t.Errorf("CPU %d is not among %v", c, allowed)
		}
	}
	if _, err := Place([]int{maxCPU - 1}, 1, 1); !errors.Is(err, errNotAllowed) {
		t.Errorf("a CPU that is not there: %v", err)
	}
	if len(allowed) < 2 {
		t.Skip("the order of a list needs 2 CPUs")
	}
	// The given order counts, not the numbers.
	got, err := Place([]int{allowed[1], allowed[0]}, 1, 1)
	if err != nil {
		t.Fatal(err)
	}
	if want := (record.Placement{Sender: []int{allowed[1]}, Reader: []int{allowed[0]}}); cmp.Diff(want, got) != "" {
		t.Errorf("%+v, want %+v", got, want)
	}
	three := append([]int{allowed[0]}, allowed[1], allowed[1])
	got, err = Place(three, 2, 2)
	if err != nil {
		t.Fatal(err)
	}
	if want := (record.Placement{Sender: []int{allowed[0], allowed[0]}, Reader: []int{allowed[1], allowed[1]}}); cmp.Diff(want, got) != "" {
		t.Errorf("%+v, want %+v", got, want)
	}
}

func TestSetAffinityOfOneThread(t *testing.T) {
	allowed, err := Affinity()
	if err != nil {
		t.Fatal(err)
	}
	last := allowed[len(allowed)-1]
	done := make(chan error, 1)
	go func() {
		runtime.LockOSThread() // never unlocked: the thread is thrown away
		err := setAffinity(unix.Gettid(), maskOf(last))
		if err == nil {
			var m cpuMask
			if m, err = getAffinity(unix.Gettid()); err == nil && !slices.Equal(m.list(), []int{last}) {
				err = fmt.Errorf("may run on %v, want %d", m.list(), last)
			}
		}
		done <- err
	}()
	if err := <-done; err != nil {
		t.Error(err)
	}
	if err := setAffinity(0, maskOf(maxCPU-1)); !errors.Is(err, unix.EINVAL) {
		t.Errorf("a CPU that is not there: %v", err)
	}
}
