package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"tunbench/harness/spec"
	"tunbench/reports/record"
)

func scenariosOf(f *record.File) (names []string) {
	for _, t := range f.Trials {
		names = append(names, t.Scenario)
	}
	for _, s := range f.Skips {
		names = append(names, s.Scenario)
	}
	slices.Sort(names)
	return slices.Compact(names)
}

// Shards that are merged hold what one run would, an unsupported scenario, an
// interrupted shard and one without any scenario included.
func TestShardsAndMerge(t *testing.T) {
	lab := fakeLab{probe: func(s spec.Spec) error {
		if s.Queues == 2 && s.VnetHdr == 0 {
			return errUnsupported
		}
		return nil
	}}
	dir := t.TempDir()
	in := func(name string) string { return filepath.Join(dir, name) }
	must := func(args ...string) {
		t.Helper()
		if code, _, stderr := tunbench(context.Background(), lab, nil, args...); code != 0 {
			t.Fatalf("%v: exit %d, stderr %q", args, code, stderr)
		}
	}
	must("run", "--suite", "smoke", "--out", in("whole"))
	const n = 9 // more than there are families in smoke, so that some are empty
	var listed, folders []string
	empty := 0
	for i := 1; i <= n; i++ {
		shard := fmt.Sprintf("%d/%d", i, n)
		folders = append(folders, in(fmt.Sprint("shard-", i)))
		must("run", "--suite", "smoke", "--shard", shard, "--out", folders[i-1], "-q")
		code, stdout, _ := tunbench(context.Background(), lab, nil, "list", "--suite", "smoke", "--shard", shard)
		if code != 0 {
			t.Errorf("list of %s: exit %d", shard, code)
		}
		for line := range strings.Lines(stdout) {
			name, _, _ := strings.Cut(strings.TrimSpace(line), " ")
			listed = append(listed, name)
		}
		if len(scenariosOf(readRun(t, folders[i-1]))) == 0 {
			empty++
		}
	}
	if empty == 0 {
		t.Error("no shard is empty: the test shows less than it should")
	}

	// What is wrong is named, and nothing is written.
	out := in("merged")
	for _, test := range []struct {
		args []string
		want string
	}{
		{folders, "name a folder for the merged run with --out"},
		{append([]string{"--out", out}, folders[1:]...), "shard 1 of 9 is missing"},
		{append([]string{"--out", out, folders[2]}, folders...), "shard 3 of 9 is in "},
		{append([]string{"--out", out, in("whole")}, folders...), "it is no shard"},
		{[]string{"--out", out, in("nothing")}, "no such file"},
		{append([]string{"--out", in("whole")}, folders...), "holds a run already: choose another --out"},
		{append([]string{"--out", filepath.Join(folders[0], record.FileName, "x")}, folders...), "not a directory"},
	} {
		code, stdout, stderr := tunbench(context.Background(), lab, nil, append([]string{"merge"}, test.args...)...)
		if code != 2 || stdout != "" || !strings.Contains(stderr, test.want) {
			t.Errorf("%v: exit %d, stderr %q, want %q", test.args, code, stderr, test.want)
		}
	}
	if _, err := os.Stat(out); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("a folder was made: %v", err)
	}

	must(append([]string{"merge", "--out", out}, folders...)...)
	want := scenariosOf(readRun(t, in("whole")))
	merged := readRun(t, out)
	if diff := cmp.Diff(want, scenariosOf(merged)); diff != "" || merged.End == nil || merged.End.Scenarios != len(want) {
		t.Errorf("end %+v, scenarios (-one run +merged):\n%s", merged.End, diff)
	}
	slices.Sort(listed)
	if diff := cmp.Diff(want, listed); diff != "" {
		t.Errorf("list (-one run +shards):\n%s", diff)
	}
	if code, stdout, stderr := tunbench(context.Background(), lab, nil, "compare", in("whole"), out, "--json"); code != 0 || strings.Contains(stdout, "not-comparable") {
		t.Errorf("one run against the merged: exit %d, stderr %q, stdout %q", code, stderr, stdout)
	}

	// The same shards give the same bytes.
	must(append([]string{"merge", "--out", in("again")}, folders...)...)
	a, errA := os.ReadFile(filepath.Join(out, record.FileName))
	b, errB := os.ReadFile(filepath.Join(in("again"), record.FileName))
	if errA != nil || errB != nil || string(a) != string(b) {
		t.Errorf("merged again: other bytes (%v, %v)", errA, errB)
	}

	// A shard that lost its end, and half of a line with it.
	i := slices.IndexFunc(folders, func(f string) bool { return len(readRun(t, f).Trials) > 0 })
	path := filepath.Join(folders[i], record.FileName)
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, text[:len(text)-200], 0o666); err != nil {
		t.Fatal(err)
	}
	code, _, stderr := tunbench(context.Background(), lab, nil, append([]string{"merge", "--out", in("torn")}, folders...)...)
	if code != 2 || !strings.Contains(stderr, "was interrupted: go on with it (run --resume "+folders[i]+")") || !strings.Contains(stderr, "is torn") {
		t.Errorf("torn: exit %d, stderr %q", code, stderr)
	}
	must(append([]string{"merge", "--partial", "--out", in("partial")}, folders...)...)
	if f := readRun(t, in("partial")); f.End != nil || len(f.Run.Parts) != n {
		t.Errorf("partial: end %+v, %d parts", f.End, len(f.Run.Parts))
	}
	must("run", "--resume", folders[i])
	must(append([]string{"merge", "--out", in("resumed")}, folders...)...)
	if diff := cmp.Diff(want, scenariosOf(readRun(t, in("resumed")))); diff != "" {
		t.Errorf("resumed (-one run +merged):\n%s", diff)
	}
}

func TestShardWrongUse(t *testing.T) {
	for _, command := range []string{"run", "list"} {
		for shard, want := range map[string]string{
			"0/3": "--shard: \"0/3\": there is no shard 0: choose 1/3 to 3/3 (where a scheduler counts from 0, add 1)",
			"":    "--shard \"\": is empty",
			"x":   "write it like 2/3",
		} {
			code, _, stderr := tunbench(context.Background(), fakeLab{}, nil, command, "--shard", shard)
			if code != 2 || !strings.Contains(stderr, want) {
				t.Errorf("%s --shard %q: exit %d, stderr %q", command, shard, code, stderr)
			}
		}
	}
}
