package record

import (
	"bytes"
	"fmt"
	"strings"
	"testing"
	"testing/quick"

	"github.com/google/go-cmp/cmp"
)

// shard is one of n, with a trial and a skip.
func shard(i, n int) Named {
	name := fmt.Sprint("dir-", i)
	return Named{name, &File{
		Run: &Run{
			Kind: KindRun, Schema: Schema, ID: "id-" + name, Started: fmt.Sprintf("2026-01-02T03:0%d:00Z", 9-i), Clock: "monotonic", Suite: "s", Seed: 1 << 63,
			Args: []string{"run", "--shard", fmt.Sprint(i)}, Tool: Tool{Version: "v1"}, Shard: &Shard{i, n, 2 * n, "abc"},
			Host: Host{Kernel: "6.18", CPU: fmt.Sprint("cpu ", i), CPUs: 2, Mitigations: map[string]string{"both": "x", "own": fmt.Sprint(i)}, Boot: name},
			Hook: Hook{Requested: "auto", Used: "tracepoint"}, Floor: Floor{SyscallNs: float64(i)}, Sees: map[string]float64{PPS: float64(i) / 100},
		},
		Trials: []Trial{{Kind: KindTrial, Scenario: "Tun/" + name, Arm: Bare, Pair: 1, Trial: 1, Metrics: map[string]float64{PPS: 1}}},
		Skips:  []Skip{{Kind: KindSkip, Scenario: "Tap/" + name, Reason: Unsupported, Detail: "EINVAL"}},
		End:    &End{Kind: KindEnd, Ended: fmt.Sprintf("2026-01-02T03:0%d:30Z", 9-i), Scenarios: 2, Trials: 1, Skips: 1},
	}}
}

// read gives f as it comes back from a file.
func read(t *testing.T, f *File) *File {
	t.Helper()
	var b bytes.Buffer
	if err := f.Write(NewWriter(&b)); err != nil {
		t.Fatal(err)
	}
	got, err := Read(&b)
	if err != nil {
		t.Fatal(err)
	}
	return got
}

func TestMerge(t *testing.T) {
	merged, err := Merge([]Named{shard(3, 3), shard(1, 3), shard(2, 3)}, false)
	if err != nil {
		t.Fatal(err)
	}
	f := read(t, merged)
	if len(f.Warnings) > 0 || len(f.Trials) != 3 || len(f.Skips) != 3 || f.End == nil {
		t.Fatalf("warnings %q, %d trials, %d skips, end %+v", f.Warnings, len(f.Trials), len(f.Skips), f.End)
	}
	if diff := cmp.Diff(End{KindEnd, "2026-01-02T03:08:30Z", 6, 3, 3, 0}, *f.End); diff != "" {
		t.Errorf("end (-want +got):\n%s", diff)
	}
	// The header says what is true of all, and no more.
	h := f.Run.Host
	if h.Kernel != "6.18" || h.CPUs != 2 || h.CPU != "" || h.Boot != "" || !cmp.Equal(h.Mitigations, map[string]string{"both": "x"}) {
		t.Errorf("host %+v", h)
	}
	if f.Run.Shard != nil || f.Run.Floor.SyscallNs != 0 || f.Run.Hook.Used != "tracepoint" || f.Run.Sees[PPS] != 0.03 || f.Run.Seed != 1<<63 || len(f.Run.Args) != 0 {
		t.Errorf("header %+v", f.Run)
	}
	if f.Run.Started != "2026-01-02T03:06:00Z" || f.Run.ID != "id-dir-3-shards-3" {
		t.Errorf("started %s, id %s", f.Run.Started, f.Run.ID)
	}
	blind := shard(1, 2)
	blind.Run.Sees = nil
	if f, err := Merge([]Named{blind, shard(2, 2)}, false); err != nil || f.Run.Sees != nil {
		t.Errorf("what one host alone can see is said of both: %+v, %v", f, err)
	}
	// Each record leads to all that its shard said.
	for i, trial := range f.Trials {
		own := shard(i+1, 3)
		if trial.Shard != i+1 || trial.Scenario != own.Trials[0].Scenario {
			t.Errorf("trial %d: shard %d, %s", i, trial.Shard, trial.Scenario)
		}
		if diff := cmp.Diff(read(t, own.File).Run, f.Header(trial.Shard)); diff != "" {
			t.Errorf("header of shard %d (-own +kept):\n%s", i+1, diff)
		}
	}
	if f.Header(0) != f.Run || f.Header(9) != f.Run || len(f.Run.Missing()) != 0 {
		t.Error("a record of no shard has not the header of the file")
	}
}

func TestMergeRefuses(t *testing.T) {
	change := func(i int, f func(*File)) Named {
		n := shard(i, 3)
		f(n.File)
		return n
	}
	whole := change(1, func(f *File) { f.Run.Shard = nil })
	for _, test := range []struct {
		files   []Named
		partial bool
		want    string
	}{
		{nil, false, "no shard is named"},
		{[]Named{whole}, false, "merge dir-1: it is no shard"},
		{[]Named{change(1, func(f *File) { f.Run.Parts = []Part{{}} })}, true, "merge dir-1: it is merged already"},
		{[]Named{change(1, func(f *File) { f.Run.Shard.Index = 4 })}, true, "shard 4 of 3, which cannot be"},
		{[]Named{change(1, func(f *File) { f.Run.Shard.Of = 1 << 40 })}, true, "which cannot be"},
		{[]Named{shard(2, 3)}, false, "merge: shard 1 of 3 is missing; shard 3 of 3 is missing; --partial merges what is there"},
		{[]Named{shard(1, 3), shard(2, 3), shard(2, 3), shard(3, 3)}, false, "merge: shard 2 of 3 is in dir-2 and in dir-2: name one of them"},
		{[]Named{shard(1, 3), shard(1, 3)}, true, "name one of them"},
		{[]Named{shard(1, 3), change(2, func(f *File) { f.End = nil }), shard(3, 3)}, false, "shard 2 of 3 (dir-2) was interrupted: go on with it (run --resume dir-2); --partial"},
		{[]Named{shard(1, 3), change(2, func(f *File) { f.Run.Seed = 2 })}, true, `the seed differs: "9223372036854775808" in dir-1, "2" in dir-2`},
		{[]Named{shard(1, 3), change(2, func(f *File) { f.Run.Suite = "t" })}, true, "the suite differs"},
		{[]Named{shard(1, 3), change(2, func(f *File) { f.Run.Tool.Commit = "x" })}, true, "the tunbench differs"},
		{[]Named{shard(1, 3), change(2, func(f *File) { f.Run.Shard.Plan = "x" })}, true, "the plan (suite, filters, trials, times, arms) differs"},
		{[]Named{shard(1, 3), shard(2, 4)}, true, "the number of shards differs"},
		{[]Named{shard(1, 3), change(2, func(f *File) { f.Trials[0].Scenario = "Tun/dir-1" })}, true, "scenario Tun/dir-1 is in dir-1 and in dir-2"},
		{[]Named{shard(1, 3), change(2, func(f *File) { f.End.Scenarios = 1 }), shard(3, 3)}, false, "5 scenarios together, their plan has 6"},
	} {
		f, err := Merge(test.files, test.partial)
		if f != nil || err == nil || !strings.Contains(err.Error(), test.want) {
			t.Errorf("%v, want %q", err, test.want)
		}
	}
}

func TestMergePartial(t *testing.T) {
	two := shard(3, 3)
	two.End = nil
	f, err := Merge([]Named{shard(1, 3), two}, true)
	if err != nil {
		t.Fatal(err)
	}
	f = read(t, f)
	if f.End != nil || !cmp.Equal(f.Run.Missing(), []int{2}) || len(f.Trials) != 2 || f.Run.Parts[1].End != nil || f.Run.Parts[0].End == nil {
		t.Errorf("end %+v, missing %v, %d trials", f.End, f.Run.Missing(), len(f.Trials))
	}
}

func TestMergeExitAndHook(t *testing.T) {
	for _, test := range []struct{ a, b, want int }{{0, 0, 0}, {0, 3, 3}, {3, 0, 3}, {3, 2, 2}, {2, 3, 2}, {2, 0, 2}} {
		a, b := shard(1, 2), shard(2, 2)
		a.End.Exit, b.End.Exit = test.a, test.b
		b.Run.Hook.Used = "kprobe"
		f, err := Merge([]Named{a, b}, false)
		if err != nil || f.End.Exit != test.want || f.Run.Hook.Used != HookMixed {
			t.Errorf("%d and %d: %v, %+v", test.a, test.b, err, f)
		}
	}
	a := shard(1, 1)
	a.Trials, a.Skips[0].Reason = nil, Unsupported
	if f, err := Merge([]Named{a}, false); err != nil || f.End.Exit != 2 {
		t.Errorf("nothing was measured in any shard: %v, %+v", err, f)
	}
}

// Whatever the names are, they come out as they went in.
func TestMergeKeepsNames(t *testing.T) {
	check := func(scenario, cpu, detail string) bool {
		a, b := shard(1, 2), shard(2, 2)
		// encoding/json replaces what is no UTF-8.
		valid := func(s string) string { return strings.ToValidUTF8(s, "") }
		a.Trials[0].Scenario, a.Run.Host.CPU, a.Skips[0].Detail = valid(scenario)+"a", valid(cpu), valid(detail)
		b.Run.Host.CPU = valid(cpu)
		merged, err := Merge([]Named{b, a}, false)
		if err != nil {
			return false
		}
		f := read(t, merged)
		return f.Trials[0].Scenario == valid(scenario)+"a" && f.Run.Host.CPU == valid(cpu) && f.Header(1).Host.CPU == valid(cpu) && f.Skips[0].Detail == valid(detail)
	}
	if err := quick.Check(check, nil); err != nil {
		t.Error(err)
	}
	if !check("Tun|\"'\n\r\t,<&>\x00\u2028é", "|\"\n,\x1b[31m", "`|\\") {
		t.Error("awkward characters")
	}
}

// A failure counts for more than a limit that was missed, and that for more than something
// that was not judged.
func TestMergeExit(t *testing.T) {
	for _, test := range []struct{ a, b, want int }{{0, 0, 0}, {0, 3, 3}, {3, 0, 3}, {3, 1, 1}, {1, 3, 1}, {1, 0, 1}, {2, 1, 2}, {1, 2, 2}, {3, 2, 2}} {
		a, b := shard(1, 2), shard(2, 2)
		a.File.End.Exit, b.File.End.Exit = test.a, test.b
		f, err := Merge([]Named{a, b}, false)
		if err != nil || f.End.Exit != test.want {
			t.Errorf("%d and %d: %+v, %v; want exit %d", test.a, test.b, f.End, err, test.want)
		}
	}
}
