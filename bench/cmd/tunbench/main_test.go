package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/spf13/cobra"

	"tunbench/bench/compare"
	"tunbench/bench/listing"
	"tunbench/bench/plan"
	"tunbench/bench/userns"
	"tunbench/harness/block"
	"tunbench/harness/doctor"
	"tunbench/harness/refusal"
	"tunbench/harness/spec"
	"tunbench/harness/swap"
	"tunbench/harness/trial"
	"tunbench/reports/export"
	"tunbench/reports/record"
	"tunbench/reports/render"
)

// TestMain lets the test binary stand in for tunbench where tunbench starts
// itself, in a user namespace, in a guest and as the build of a comparison.
func TestMain(m *testing.M) {
	worker := len(os.Args) == 2 && os.Args[1] == compare.WorkerCommand
	if _, err := os.Stat("/etc/tunbench/guest.json"); err == nil || worker || os.Getenv(userns.Env) != "" {
		main()
	}
	swap.Main()
	switch os.Getenv(standInEnv) {
	case "tunbench":
		main()
	case "bisect":
		os.Exit(bisectStandIn())
	case "":
	default:
		os.Exit(standIn(os.Getenv(standInEnv)))
	}
	os.Exit(m.Run())
}

var errUnsupported = &refusal.Unsupported{Detail: "set offloads of tun0: EINVAL"}

// fakeLab measures nothing.
type fakeLab struct {
	hookErr error
	probe   func(spec.Spec) error
	observe func(spec.Spec) error // of a probe with a hook
	run     func(spec.Spec, string) (record.Trial, error)
}

func (f fakeLab) SelectHook(requested string) (record.Hook, error) {
	used := "tracepoint"
	if requested != "auto" {
		used = requested
	}
	return record.Hook{Requested: requested, Used: used}, f.hookErr
}
func (f fakeLab) Host() record.Host                 { return record.Host{Kernel: "6.18.0-test"} }
func (f fakeLab) Floor([]int) (record.Floor, error) { return record.Floor{SyscallNs: 86}, nil }
func (f fakeLab) Probe(_ context.Context, s spec.Spec, hook string) error {
	if f.observe != nil && hook != record.HookNone {
		return f.observe(s)
	}
	if f.probe != nil {
		return f.probe(s)
	}
	return nil
}
func (f fakeLab) RunPair(ctx context.Context, sides [2]trial.Variant, _ uint64, floor record.Floor) (trials [2]record.Trial, err error) {
	for i, s := range sides {
		if trials[i], err = f.Run(ctx, s.Spec, s.Hook, floor); err != nil {
			return trials, err
		}
	}
	return trials, nil
}
func (f fakeLab) Fit(variants []trial.Variant) int { return len(variants) }
func (f fakeLab) RunBlock(ctx context.Context, b block.Block) (results []block.Result) {
	b.Tell(1, 2)
	for _, v := range b.Variants {
		var r block.Result
		if r.Err = ctx.Err(); r.Err == nil {
			r.Trial, r.Err = f.Run(ctx, v.Spec, v.Hook, b.Floor)
		}
		results = append(results, r)
	}
	return results
}
func (f fakeLab) Run(_ context.Context, s spec.Spec, hook string, _ record.Floor) (record.Trial, error) {
	if f.run != nil {
		return f.run(s, hook)
	}
	return record.Trial{Started: "2026-01-02T03:04:05Z", DurationNs: 1e9, Metrics: map[string]float64{record.PPS: 1.25e6}}, nil
}

// tunbench runs one command line against lab.
func tunbench(ctx context.Context, lab fakeLab, privileges error, args ...string) (code int, stdout, stderr string) {
	var out, errs bytes.Buffer
	a := labApp(lab, &out, &errs, args...)
	a.privileges = func() error { return privileges }
	code = a.execute(ctx)
	return code, out.String(), errs.String()
}

// labApp is tunbench with lab, before it runs a command line.
func labApp(lab fakeLab, stdout, stderr io.Writer, args ...string) *app {
	return &app{
		args: args, stdout: stdout, stderr: stderr,
		lab: func() compare.Lab { return lab }, blocks: func() plan.Blocks { return lab },
		host:       lab.Host,
		privileges: func() error { return nil }, modules: func() error { return nil },
		doctor: func(context.Context) (doctor.Report, error) {
			return doctor.Report{Sections: []doctor.Section{
				{Title: "Hooks", Rows: []doctor.Row{
					{Name: "kprobe", Status: "unsupported", Detail: "not compiled in", Advice: "set CONFIG_KPROBES=y"},
					{Name: "tracepoint", Status: "ok"},
				}},
				{Title: "Host", Rows: []doctor.Row{{Name: "steal", Status: "warning", Detail: "2 %"}}},
			}}, nil
		},
	}
}

func TestWrongUse(t *testing.T) {
	dir := t.TempDir()
	file := filepath.Join(dir, "file")
	suite := filepath.Join(dir, "bad.yaml")
	held := filepath.Join(dir, "held")
	write := func(name, text string) {
		t.Helper()
		if err := os.MkdirAll(filepath.Dir(name), 0o777); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(name, []byte(text), 0o666); err != nil {
			t.Fatal(err)
		}
	}
	write(file, "")
	write(suite, "scenarios:\n- mode: ton\n")
	write(filepath.Join(held, record.FileName), "")

	for _, test := range []struct {
		args []string
		want string // in stderr
	}{
		{[]string{"rum"}, `unknown command "rum" for "tunbench"`},
		{[]string{"run", "now"}, "unknown command"},
		{[]string{"run", "--colour"}, "unknown flag: --colour; see tunbench run --help"},
		{[]string{"run", "--trials", "x"}, "see tunbench run --help"},
		{[]string{"run", "--trials", "0"}, "--trials 0: choose 1 to 1000 pairs"},
		{[]string{"run", "--set", "queues=257"}, "queues=257: no such value: choose 1 to 256"},
		{[]string{"run", "--set", "quues=2"}, "did you mean queues?"},
		{[]string{"ab", "--a", "size=64,256", "--b", "size=1500"}, `--a "size=64,256": size=64,256: a variant has one value on each axis; --set size=64,256 compares the variants at each of them`},
		{[]string{"list", "--filter", "gen=foo"}, "gen=foo: no such value: choose udp, udp-gso, packet"},
		{[]string{"run", "--suite", "smoke", "--set", "offload=tso", "--set", "vnet=off"}, "/offload=tso: impossible combination"},
		{[]string{"run", "--filter", "queues=17"}, "suite default: the filter matches none of"},
		{[]string{"run", "--suite", "nosuch"}, "choose backpressure, bridge, default, every, first, full, kernels"},
		{[]string{"run", "--suite", suite}, "bad.yaml:2: mode=ton: no such value: choose tun, tap (did you mean tun?)"},
		{[]string{"run", "--hook", "uprobe"}, "choose auto, kprobe, fentry, tracepoint, none"},
		{[]string{"run", "--arm", "left"}, "choose both, bare, observed"},
		{[]string{"run", "--hook", "none", "--arm", "observed"}, "leave one of them out"},
		{[]string{"run", "--hook", "kprobe", "--arm", "bare"}, "leave one of them out"},
		{[]string{"run", "--userns", "--arm", "both"}, "--arm both needs root"},
		{[]string{"run", "--userns", "--hook", "kprobe"}, "--hook kprobe needs root"},
		{[]string{"run", "--measure", "-1s"}, "measure -1s"},
		{[]string{"run", "--measure", "1ns"}, "measure 1ns is too short: choose at least 100ms"},
		{[]string{"list", "--measure", "99.9ms"}, "measure 99.9ms is too short: choose at least 100ms"},
		{[]string{"ab", "--a", "size=64", "--b", "size=128", "--measure", "1us"}, "measure 1µs is too short: choose at least 100ms"},
		{[]string{"run", "--cpus", "0,0"}, "CPU 0 is listed twice"},
		{[]string{"run", "--cpus", "3-1"}, "write the list like 0,2-3"},
		{[]string{"run", "--format", "pdf"}, "choose markdown"},
		{[]string{"run", "--search", "slow"}, "--search: no search profile \"slow\": choose quick, default, full"},
		{[]string{"run", "--search", "quick", "--arm", "observed"}, "--search: a rate search begins at what the bare trials reached"},
		{[]string{"run", "--search", "quick", "--suite", "kernels"}, "--search: no scenario can be searched for rates; T"},
		{[]string{"run", "-q", "-v"}, "[quiet verbose]"},
		{[]string{"run", "--out", held}, "holds a run already"},
		{[]string{"run", "--out", ""}, `--out "": is empty: give it a value, or leave it out; see tunbench run --help`},
		{[]string{"run", "--resume="}, `--resume "": is empty`},
		{[]string{"run", "--cpus", ""}, `--cpus "": is empty`},
		{[]string{"run", "--search", ""}, `--search "": is empty`},
		{[]string{"ab", "--a", "", "--b", "", "--out", ""}, `--out "": is empty`},
		{[]string{"ab", "--base-binary", "", "--b", "size=1500"}, `--base-binary "": is empty`},
		{[]string{"merge", held, "--out", ""}, `--out "": is empty`},
		{[]string{"report", held, "--out", ""}, `--out "": is empty`},
		{[]string{"compare", held, held, "--out", ""}, `--out "": is empty`},
		{[]string{"vm", "--kernel", "6.1", "--out", "", "--", "doctor"}, `--out "": is empty`},
		{[]string{"kernels", "--from", ""}, `--from "": is empty`},
		{[]string{"history", "add", "--dir", "", held}, `--dir "": is empty`},
		{[]string{"run", "--out", filepath.Join(file, "x")}, "not a directory"},
		{[]string{"run", "--out", "/proc/no/such"}, "create --out"},
		{[]string{"compare"}, "accepts between 1 and 2 arg"},
		{[]string{"compare", dir, dir}, "there is no run.jsonl in it"},
		{[]string{"compare", dir, dir, "--allow", "kernel"}, `--allow "kernel": choose cpu, hook, tool, clock, device`},
		{[]string{"compare", dir, dir, "--threshold", "pps=5"}, `--threshold "pps=5": "5" is not a share`},
		{[]string{"compare", dir, dir, "--threshold", "speed=5%"}, "choose bit_per_s, cpu_ns_per_pkt"},
		{[]string{"compare", dir, dir, "--format", "pdf"}, "choose markdown"},
		{[]string{"compare", dir, dir, "--format", "markdown", "--json"}, "[json format]"},
		{[]string{"compare", dir, dir, "--format", "benchfmt"}, "--format benchfmt carries no verdicts: choose markdown, html, png, json, csv"},
		{[]string{"compare", held, held}, "the file is empty"},
		{[]string{"run", "--format", "commit"}, "--format commit is for a comparison: choose markdown"},
		{[]string{"report"}, "requires at least 1 arg"},
		{[]string{"report", filepath.Join(dir, "nothing")}, "no such file"},
		{[]string{"report", held, "--format", "pdf"}, "choose markdown"},
		{[]string{"report", held, held, "--format", "html"}, "name a folder with --out"},
		{[]string{"report", held, "--plot", "size"}, `--plot "size": "size" is no KEY=VALUE: write x=AXIS,y=METRIC,by=AXIS`},
		{[]string{"report", held, "--plot", "x=size,y=pps,by=header"}, `no axis "header"`},
		{[]string{"report", held, "--plot", "x=size,y=pps", "--format", "csv"}, "--format csv has no charts: choose markdown, html or png for --plot"},
	} {
		lab := fakeLab{run: func(spec.Spec, string) (record.Trial, error) {
			t.Errorf("%v: a trial ran", test.args)
			return record.Trial{}, nil
		}}
		code, stdout, stderr := tunbench(context.Background(), lab, nil, test.args...)
		if code != 2 || stdout != "" || !strings.HasPrefix(stderr, "tunbench: ") || !strings.Contains(stderr, test.want) {
			t.Errorf("%v: exit %d, stdout %q, stderr %q, want exit 2 and %q", test.args, code, stdout, stderr, test.want)
		}
	}
}

// runArgs measures two scenarios, a pair each, into out.
func runArgs(out string, more ...string) []string {
	return append([]string{"run", "--suite", "smoke", "--filter", "mode=tun gen=udp load=max", "--out", out}, more...)
}

func readRun(t *testing.T, dir string) *record.File {
	t.Helper()
	f, err := record.ReadFile(filepath.Join(dir, record.FileName))
	if err != nil {
		t.Fatal(err)
	}
	return f
}

func TestRun(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "deep", "run")
	code, stdout, stderr := tunbench(context.Background(), fakeLab{}, nil, runArgs(dir, "--seed", "7", "--cpus", "1,0")...)
	if code != 0 || stderr != "" || !strings.Contains(stdout, filepath.Join(dir, "report.md")) {
		t.Errorf("exit %d, stdout %q, stderr %q", code, stdout, stderr)
	}
	if _, err := os.Stat(filepath.Join(dir, "report.md")); err != nil {
		t.Error(err)
	}
	f := readRun(t, dir)
	if f.Run.Seed != 7 || f.Run.Suite != "smoke" || f.Run.Args[0] != "run" || f.Run.Hook.Used != "tracepoint" || f.Run.Tool.Go == "" {
		t.Errorf("header %+v", f.Run)
	}
	if len(f.Trials) != 4 || f.End == nil || f.End.Exit != 0 {
		t.Errorf("%d trials, end %+v", len(f.Trials), f.End)
	}

	code, _, stderr = tunbench(context.Background(), fakeLab{}, nil, runArgs(dir)...)
	if code != 2 || !strings.Contains(stderr, "holds a run already") || len(readRun(t, dir).Trials) != 4 {
		t.Errorf("again into the same folder: exit %d, stderr %q", code, stderr)
	}
}

// Each format is written beside report.md, however the run ended, and a run that
// is gone on with writes it too.
func TestRunFormat(t *testing.T) {
	for _, format := range export.FormatNames(false) {
		dir := t.TempDir()
		code, stdout, stderr := tunbench(context.Background(), fakeLab{}, nil, runArgs(dir, "--format", format)...)
		if format == "png" { // there is nothing to draw of this run
			if code != 2 || !strings.Contains(stderr, "has no chart") || len(readRun(t, dir).Trials) != 4 {
				t.Errorf("png: exit %d, stderr %q", code, stderr)
			}
			continue
		}
		if code != 0 || stderr != "" {
			t.Errorf("%s: exit %d, stderr %q", format, code, stderr)
		}
		other := map[string]string{"json": "report.json", "csv": "trials.csv", "benchfmt": "benchmarks.txt"}[format]
		for _, name := range []string{render.ReportName, other} {
			text, err := os.ReadFile(filepath.Join(dir, name))
			if name != "" && (err != nil || len(text) == 0 || !strings.Contains(stdout, "report: "+filepath.Join(dir, name)+"\n")) {
				t.Errorf("%s: %s: %d bytes: %v, stdout %q", format, name, len(text), err, stdout)
			}
		}
	}

	dir := t.TempDir()
	ctx, cancel := context.WithCancel(context.Background())
	n := 0
	lab := fakeLab{run: func(spec.Spec, string) (record.Trial, error) {
		if n++; n == 3 {
			cancel()
		}
		return record.Trial{DurationNs: 1e9, Metrics: map[string]float64{record.PPS: 1e6}}, nil
	}}
	if code, _, stderr := tunbench(ctx, lab, nil, runArgs(dir, "--format", "json")...); code != exitInterrupted {
		t.Fatalf("exit %d, stderr %q", code, stderr)
	}
	for _, want := range []string{`"finished": false`, `"finished": true`} {
		text, err := os.ReadFile(filepath.Join(dir, "report.json"))
		if err != nil || !strings.Contains(string(text), want) {
			t.Errorf("no %s in %.300s: %v", want, text, err)
		}
		if code, _, stderr := tunbench(context.Background(), fakeLab{}, nil, "run", "--resume", dir); code != 0 {
			t.Errorf("resumed: exit %d, stderr %q", code, stderr)
		}
	}
}

func TestReportFormats(t *testing.T) {
	first, second := filepath.Join(t.TempDir(), "first"), filepath.Join(t.TempDir(), "second")
	for _, dir := range []string{first, second} {
		if code, _, stderr := tunbench(context.Background(), fakeLab{}, nil, runArgs(dir)...); code != 0 {
			t.Fatalf("exit %d, stderr %q", code, stderr)
		}
	}
	for format, want := range map[string]int{"csv": 2 * 4, "benchfmt": 2 * 4} {
		code, stdout, stderr := tunbench(context.Background(), fakeLab{}, nil, "report", first, second, "--format", format)
		prefix := map[string]string{"csv": "/", "benchfmt": "Benchmark"}[format]
		if got := strings.Count("\n"+stdout, "\n"+prefix); code != 0 || stderr != "" || got != want {
			t.Errorf("%s: exit %d, stderr %q, %d trials of two runs:\n%s", format, code, stderr, got, stdout)
		}
	}
	code, stdout, stderr := tunbench(context.Background(), fakeLab{}, nil, "report", first, second, "--format", "json")
	documents := 0
	for dec := json.NewDecoder(strings.NewReader(stdout)); ; documents++ {
		var d struct{ Kind string }
		if err := dec.Decode(&d); err != nil {
			break
		}
		if d.Kind != "report" {
			t.Errorf("kind %q", d.Kind)
		}
	}
	if code != 0 || stderr != "" || documents != 2 {
		t.Errorf("json: exit %d, stderr %q, %d documents", code, stderr, documents)
	}
	out := t.TempDir()
	if code, _, stderr := tunbench(context.Background(), fakeLab{}, nil, "report", first, second, "--format", "csv", "--out", out); code != 0 {
		t.Errorf("exit %d, stderr %q", code, stderr)
	}
	for _, name := range []string{"trials.csv", "skips.csv"} {
		if _, err := os.Stat(filepath.Join(out, name)); err != nil {
			t.Error(err)
		}
	}
}

func TestRunJSON(t *testing.T) {
	dir := t.TempDir()
	code, stdout, _ := tunbench(context.Background(), fakeLab{}, nil, runArgs(dir, "--json")...)
	file, err := os.ReadFile(filepath.Join(dir, record.FileName))
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(file), stdout); code != 0 || diff != "" {
		t.Errorf("exit %d, stdout is not what was recorded (-file +stdout)\n%s", code, diff)
	}
}

func TestRunDefaultOut(t *testing.T) {
	t.Chdir(t.TempDir())
	args := []string{"run", "--suite", "smoke", "--filter", "mode=tun gen=udp load=max", "--arm", "bare", "--measure", "100ms"}
	if code, _, stderr := tunbench(context.Background(), fakeLab{}, nil, args...); code != 0 {
		t.Fatalf("exit %d, stderr %q", code, stderr)
	}
	found, err := filepath.Glob("reports/runs/*Z-6.18.0-test/run.jsonl")
	if err != nil || len(found) != 1 {
		t.Fatalf("found %v, %v", found, err)
	}
	f := readRun(t, filepath.Dir(found[0]))
	for _, trial := range f.Trials {
		if trial.Arm != record.Bare {
			t.Errorf("arm %s", trial.Arm)
		}
	}
	if f.Run.Hook.Requested != "none" {
		t.Errorf("hook %+v", f.Run.Hook)
	}
}

func TestRunSpec(t *testing.T) {
	var specs []spec.Spec
	lab := fakeLab{run: func(s spec.Spec, _ string) (record.Trial, error) {
		specs = append(specs, s)
		return record.Trial{}, nil
	}}
	code, _, stderr := tunbench(context.Background(), lab, nil, "run", "--suite", "smoke", "--out", t.TempDir(), "--hook", "none", "--trials", "2",
		"--filter", "mode=tun gen=udp queues=2", "--set", "flows=5", "--warmup", "0s", "--measure", "100ms", "--cpus", "0,2-3")
	if code != 0 || len(specs) != 2 {
		t.Fatalf("exit %d, %d trials, stderr %q", code, len(specs), stderr)
	}
	s := specs[1]
	if s.Flows != 5 || s.Warmup != 0 || s.Measure != 100*time.Millisecond || s.Window != 40*time.Millisecond || !cmp.Equal(s.CPUs, []int{0, 2, 3}) {
		t.Errorf("spec %+v", s)
	}
}

func TestRunSkips(t *testing.T) {
	lab := fakeLab{probe: func(s spec.Spec) error {
		if s.VnetHdr != 0 {
			return errUnsupported
		}
		return nil
	}}
	dir := t.TempDir()
	code, _, stderr := tunbench(context.Background(), lab, nil, runArgs(dir)...)
	want := "skipped Tun/dir=k2u/gen=udp/queues=2/flows=8/size=1500/vnet=10: unsupported: set offloads of tun0: EINVAL\n"
	if code != 0 || stderr != want {
		t.Errorf("one of two unsupported: exit %d, stderr %q, want %q", code, stderr, want)
	}
	if f := readRun(t, dir); len(f.Skips) != 1 || len(f.Trials) != 2 {
		t.Errorf("%d skips, %d trials", len(f.Skips), len(f.Trials))
	}

	lab.probe = func(spec.Spec) error { return errUnsupported }
	dir = t.TempDir()
	code, _, stderr = tunbench(context.Background(), lab, nil, runArgs(dir, "-q")...)
	if code != 2 || !strings.HasPrefix(stderr, "tunbench: nothing was measured: all 2 scenarios were skipped") {
		t.Errorf("all unsupported: exit %d, stderr %q", code, stderr)
	}

	lab = fakeLab{run: func(s spec.Spec, _ string) (record.Trial, error) {
		if s.Queues == 1 {
			return record.Trial{}, errors.New("the reader of queue 0 died")
		}
		return record.Trial{}, nil
	}}
	dir = t.TempDir()
	code, _, stderr = tunbench(context.Background(), lab, nil, runArgs(dir)...)
	if code != 2 || !strings.Contains(stderr, "the reader of queue 0 died") || !strings.Contains(stderr, "1 of 2 scenarios failed") {
		t.Errorf("one failed: exit %d, stderr %q", code, stderr)
	}
	if f := readRun(t, dir); len(f.Trials) != 2 || f.End == nil || f.End.Exit != 2 {
		t.Errorf("one failed: %d trials, end %+v", len(f.Trials), f.End)
	}
}

func TestRunInterrupted(t *testing.T) {
	ctx, cancel := context.WithCancel(context.Background())
	n := 0
	lab := fakeLab{run: func(spec.Spec, string) (record.Trial, error) {
		if n++; n == 3 {
			cancel()
			return record.Trial{}, context.Canceled
		}
		return record.Trial{}, nil
	}}
	dir := t.TempDir()
	code, _, stderr := tunbench(ctx, lab, nil, runArgs(dir)...)
	if code != 130 || !strings.Contains(stderr, "interrupted: 2 of 4 trials are in "+dir) {
		t.Errorf("exit %d, stderr %q", code, stderr)
	}
	if f := readRun(t, dir); len(f.Trials) != 2 || f.End != nil {
		t.Errorf("%d trials, end %+v", len(f.Trials), f.End)
	}
	if _, err := os.Stat(filepath.Join(dir, "report.md")); err != nil {
		t.Error(err)
	}

	// What is missing is measured with the flags of that run.
	n = 3
	if code, _, stderr = tunbench(context.Background(), lab, nil, "run", "--resume", dir, "--seed", "1"); code != 2 || !strings.Contains(stderr, "leave out --seed") {
		t.Errorf("resumed with another seed: exit %d, stderr %q", code, stderr)
	}
	if code, _, stderr = tunbench(context.Background(), lab, nil, "run", "--resume", dir); code != 0 {
		t.Errorf("resumed: exit %d, stderr %q", code, stderr)
	}
	if f := readRun(t, dir); len(f.Trials) != 4 || f.End == nil || len(f.Resumes) != 1 {
		t.Errorf("resumed: %d trials, %d resumes, end %+v", len(f.Trials), len(f.Resumes), f.End)
	}
	if code, stdout, _ := tunbench(context.Background(), lab, nil, "run", "--resume", dir); code != 0 || !strings.Contains(stdout, "nothing is missing") {
		t.Errorf("resumed again: exit %d, stdout %q", code, stdout)
	}

	dir = t.TempDir()
	code, _, stderr = tunbench(ctx, lab, nil, runArgs(dir)...)
	if code != 130 || !strings.Contains(stderr, "before anything was measured") {
		t.Errorf("before the header: exit %d, stderr %q", code, stderr)
	}
	if _, err := os.Stat(filepath.Join(dir, record.FileName)); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("before the header: a file without one is left: %v", err)
	}
}

func TestRunStrict(t *testing.T) {
	lab := fakeLab{run: func(spec.Spec, string) (record.Trial, error) {
		return record.Trial{Flags: []string{record.FlagSteal}}, nil
	}}
	if code, _, stderr := tunbench(context.Background(), lab, nil, runArgs(t.TempDir())...); code != 0 {
		t.Errorf("exit %d, stderr %q", code, stderr)
	}
	code, _, stderr := tunbench(context.Background(), lab, nil, runArgs(t.TempDir(), "--strict")...)
	if code != 3 || !strings.Contains(stderr, "4 of 4 trials are invalid") {
		t.Errorf("--strict: exit %d, stderr %q", code, stderr)
	}
}

func TestRunSearch(t *testing.T) {
	// A device that carries 500 kpps, behind a generator of 600 kpps.
	lab := fakeLab{run: func(s spec.Spec, _ string) (record.Trial, error) {
		load := s.Rate
		if load == 0 {
			load = 6e5
		}
		return record.Trial{
			Metrics:    map[string]float64{record.PPS: min(load, 5e5), record.OfferedPPS: load},
			Accounting: record.Accounting{Accepted: uint64(load), Delivered: uint64(min(load, 5e5))},
		}, nil
	}}
	dir := t.TempDir()
	args := []string{"run", "--suite", "smoke", "--filter", "mode=tun gen=udp load=max", "--search", "quick"}
	code, stdout, stderr := tunbench(context.Background(), lab, nil, append(args, "--out", dir, "-v")...)
	f := readRun(t, dir)
	if code != 0 || len(f.Searches) != 2 || !strings.Contains(stdout, "rate search ") || !strings.Contains(stderr, "searched "+f.Searches[0].Scenario+": ndr_pps ") {
		t.Errorf("exit %d, %d searches, stdout %q, stderr %q", code, len(f.Searches), stdout, stderr)
	}
	for _, s := range f.Searches {
		if g := s.Goals[0]; !g.Resolved || *g.LowerPPS > 5e5 || *g.UpperPPS <= 5e5 {
			t.Errorf("NDR of 500 kpps: %+v", g)
		}
	}

	// A load is not searched for rates; only if its closed loop is not either, that is said.
	loads := filepath.Join(dir, "loads.yaml")
	if err := os.WriteFile(loads, []byte("pairs: 1\nscenarios:\n- {size: 64, load: [max, 1000pps, 2000pps]}\n- {size: 1500, load: 3000pps}\n"), 0o666); err != nil {
		t.Fatal(err)
	}
	code, _, stderr = tunbench(context.Background(), lab, nil, "run", "--suite", loads, "--arm", "bare", "--search", "quick", "--out", filepath.Join(dir, "loads"))
	if code != 0 || strings.Count(stderr, "no rate search of ") != 1 || !strings.Contains(stderr, "/size=1500/load=3000pps: load=3000pps sets the rate") {
		t.Errorf("exit %d, stderr %q", code, stderr)
	}

	lab.run = func(spec.Spec, string) (record.Trial, error) {
		return record.Trial{Metrics: map[string]float64{record.PPS: 1e6}, Accounting: record.Accounting{Accepted: 9, Delivered: 9}}, nil
	}
	code, _, stderr = tunbench(context.Background(), lab, nil, append(args, "--out", t.TempDir(), "--strict")...)
	if code != 3 || !strings.Contains(stderr, "4 rates are unresolved") {
		t.Errorf("never exceeded, --strict: exit %d, stderr %q", code, stderr)
	}
}

func TestRunForcedHook(t *testing.T) {
	lab := fakeLab{hookErr: errors.New("attach kprobe: kprobes are not compiled into this kernel (CONFIG_KPROBES)")}
	dir := filepath.Join(t.TempDir(), "x")
	for _, args := range [][]string{runArgs(dir, "--hook", "kprobe"), {"list", "--hook", "kprobe"}} {
		code, _, stderr := tunbench(context.Background(), lab, nil, args...)
		if code != 2 || stderr != "tunbench: attach kprobe: kprobes are not compiled into this kernel (CONFIG_KPROBES)\n" {
			t.Errorf("%v: exit %d, stderr %q", args, code, stderr)
		}
	}
	if _, err := os.Stat(dir); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("a folder was made: %v", err)
	}
}

func TestUnprivileged(t *testing.T) {
	missing := errors.New("missing capabilities: CAP_NET_ADMIN, CAP_BPF")
	dir := filepath.Join(t.TempDir(), "x")
	code, _, stderr := tunbench(context.Background(), fakeLab{}, missing, runArgs(dir)...)
	if code != 2 || !strings.Contains(stderr, missing.Error()) {
		t.Errorf("exit %d, stderr %q", code, stderr)
	}
	tun, err := os.OpenFile("/dev/net/tun", os.O_RDWR, 0)
	if err == nil {
		tun.Close()
	}
	if offers := strings.Contains(stderr, "tunbench run --userns"); offers != (err == nil) {
		t.Errorf("opening /dev/net/tun gives %v, but stderr is %q", err, stderr)
	}
	code, stdout, _ := tunbench(context.Background(), fakeLab{}, missing, "list", "--suite", "smoke", "--json", "--filter", "queues=1 vnet=off load=max")
	if code != 0 || !strings.Contains(stdout, `"supported":false,"reason":"unprivileged: missing capabilities: CAP_NET_ADMIN, CAP_BPF"`) {
		t.Errorf("list: exit %d, stdout %q", code, stdout)
	}
}

func TestList(t *testing.T) {
	lab := fakeLab{probe: func(s spec.Spec) error {
		if s.VnetHdr != 0 {
			return errUnsupported
		}
		return nil
	}}
	args := []string{"list", "--suite", "smoke", "--filter", "mode=tun gen=udp load=max"}
	code, stdout, stderr := tunbench(context.Background(), lab, nil, args...)
	want := "Tun/dir=k2u/gen=udp/queues=1/size=64\n" +
		"Tun/dir=k2u/gen=udp/queues=2/flows=8/size=1500/vnet=10  # unsupported: set offloads of tun0: EINVAL\n"
	if code != 0 || stdout != want || stderr != "2 scenarios, 2 trials each: about 6s\n" {
		t.Errorf("exit %d, stdout %q, stderr %q", code, stdout, stderr)
	}
	code, stdout, stderr = tunbench(context.Background(), lab, nil, append(args, "--json")...)
	if code != 0 || stderr != "" {
		t.Errorf("exit %d, stderr %q", code, stderr)
	}
	var got []listing.Line
	dec := json.NewDecoder(strings.NewReader(stdout))
	for dec.More() {
		var l listing.Line
		if err := dec.Decode(&l); err != nil {
			t.Fatal(err)
		}
		got = append(got, l)
	}
	if len(got) != 2 || !got[0].Supported || got[0].Reason != "" || got[0].Axes["mode"] != "tun" ||
		got[1].Supported || got[1].Reason != "unsupported: set offloads of tun0: EINVAL" {
		t.Errorf("got %+v", got)
	}
}

func TestDoctor(t *testing.T) {
	t.Setenv("XDG_CACHE_HOME", t.TempDir())
	code, stdout, _ := tunbench(context.Background(), fakeLab{}, nil, "doctor")
	want := `Hooks
  unsupported  kprobe      not compiled in
  ok           tracepoint

Host
  warning      steal  2 %

A/A runs of this host: what it can see
  unknown      kept  none: how small a change this host can show is not known; compare equal variants: sudo tunbench ab --a size=64 --b size=64

What to do next
  1. kprobe
     do:  set CONFIG_KPROBES=y
  2. steal: 2 %
     why: a trial with more than 1 % of stolen time is invalid
     $ vmstat 1 5
  Measure with that in mind: sudo tunbench run --suite smoke
`
	if diff := cmp.Diff(want, stdout); code != 0 || diff != "" {
		t.Errorf("exit %d (-want +got)\n%s", code, diff)
	}
	_, stdout, _ = tunbench(context.Background(), fakeLab{}, nil, "doctor", "--json")
	want = `{"sections":[{"title":"Hooks","rows":[{"name":"kprobe","status":"unsupported","detail":"not compiled in","advice":"set CONFIG_KPROBES=y"},`
	if !strings.HasPrefix(stdout, want) {
		t.Errorf("got %s", stdout)
	}
}

func TestReport(t *testing.T) {
	run := filepath.Join(t.TempDir(), "first")
	if code, _, stderr := tunbench(context.Background(), fakeLab{}, nil, runArgs(run)...); code != 0 {
		t.Fatalf("exit %d, stderr %q", code, stderr)
	}
	made, err := os.ReadFile(filepath.Join(run, "report.md"))
	if err != nil {
		t.Fatal(err)
	}
	out := t.TempDir()
	for range 2 {
		if code, _, stderr := tunbench(context.Background(), fakeLab{}, nil, "report", run, "--out", out); code != 0 {
			t.Fatalf("exit %d, stderr %q", code, stderr)
		}
		again, err := os.ReadFile(filepath.Join(out, "report.md"))
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(string(made), string(again)); diff != "" {
			t.Errorf("rendered again (-first +again)\n%s", diff)
		}
	}
	code, stdout, stderr := tunbench(context.Background(), fakeLab{}, nil, "report", filepath.Join(run, record.FileName))
	if code != 0 || !strings.HasPrefix(stdout, "# ") || stderr != "" {
		t.Errorf("exit %d, stdout %q, stderr %q", code, stdout, stderr)
	}
	code, _, stderr = tunbench(context.Background(), fakeLab{}, nil, "report", run, run, "--out", out)
	if code != 2 || !strings.Contains(stderr, "render them one by one") {
		t.Errorf("the same run twice: exit %d, stderr %q", code, stderr)
	}
}

func TestHelp(t *testing.T) {
	root := rootCommand(&app{})
	for _, cmd := range append([]*cobra.Command{root}, root.Commands()...) {
		if cmd.Hidden { // called by another tunbench
			continue
		}
		args := append(strings.Fields(cmd.CommandPath())[1:], "--help")
		code, stdout, stderr := tunbench(context.Background(), fakeLab{}, nil, args...)
		if code != 0 || stderr != "" || !strings.Contains(stdout, "Examples:") {
			t.Errorf("%v: exit %d, stderr %q, no example in %q", args, code, stderr, stdout)
		}
	}
	// Without arguments: first what people do, five commands, in an order of use.
	code, stdout, _ := tunbench(context.Background(), fakeLab{}, nil)
	_, shown, found := strings.Cut(stdout, "What people do with it:\n")
	shown, rest, more := strings.Cut(shown, "\n\nMore commands:\n")
	if lines := strings.Split(shown, "\n"); code != 0 || !found || !more || len(lines) != 5 || !strings.HasPrefix(lines[0], "  doctor ") || !strings.HasPrefix(lines[1], "  run ") || !strings.Contains(rest, "  merge ") {
		t.Errorf("no arguments: exit %d, stdout %q", code, stdout)
	}
}

// On a terminal, run says what it is about to measure when it was not told, and what else
// there is; not where it was told, and not into a file.
func TestRunHint(t *testing.T) {
	for _, test := range []struct {
		chosen, terminal, want bool
	}{{false, true, true}, {true, true, false}, {false, false, false}} {
		got := hint(test.chosen, test.terminal, 45, 10*time.Minute)
		if said := strings.Contains(got, "45 scenarios, about 10 minutes") && strings.Contains(got, "--suite first") && strings.Contains(got, "--suite vpn"); said != test.want || !test.want && got != "" {
			t.Errorf("%+v: %q", test, got)
		}
	}
	if code, _, stderr := tunbench(context.Background(), fakeLab{}, nil, "run", "--filter", "mode=tun dir=k2u gen=udp queues=1 size=64", "--out", t.TempDir()); code != 0 || stderr != "" {
		t.Errorf("exit %d, stderr %q", code, stderr)
	}
}

func TestVersion(t *testing.T) {
	code, stdout, _ := tunbench(context.Background(), fakeLab{}, nil, "version", "--json")
	var got record.Tool
	if err := json.Unmarshal([]byte(stdout), &got); err != nil || code != 0 || got != tool() || got.Version == "" || got.Commit == "" {
		t.Errorf("exit %d, %+v, %v", code, got, err)
	}
}

func TestCompletion(t *testing.T) {
	for _, test := range []struct {
		args []string
		want string
	}{
		{[]string{"run", "--set", ""}, "queues="},
		{[]string{"run", "--set", "io="}, "io=poll"},
		{[]string{"list", "--filter", "mode=tun io="}, "mode=tun io=spin"},
		{[]string{"run", "--suite", ""}, "smoke"},
		{[]string{"run", "--hook", ""}, "tracepoint"},
		{[]string{"report", "--format", ""}, "markdown"},
		{[]string{"compare", "--format", ""}, "markdown"},
		{[]string{"compare", "--allow", ""}, "device"},
		{[]string{"compare", "--threshold", ""}, "pps="},
	} {
		code, stdout, _ := tunbench(context.Background(), fakeLab{}, nil, append([]string{"__completeNoDesc"}, test.args...)...)
		if code != 0 || !strings.Contains("\n"+stdout, "\n"+test.want+"\n") {
			t.Errorf("%v: exit %d, stdout %q lacks %q", test.args, code, stdout, test.want)
		}
	}
}

// TestInUserNamespace starts this test binary as tunbench, which reports its
// version, or what is wrong, from inside.
func TestInUserNamespace(t *testing.T) {
	var out, errs bytes.Buffer
	a := &app{args: []string{"version"}, stdout: &out, stderr: &errs}
	err := inUserNamespace(context.Background(), a)
	if errors.Is(err, syscall.EPERM) || errors.Is(err, syscall.ENOSPC) {
		reason := fmt.Sprintf("user namespaces cannot be created here: %v", err)
		if os.Getenv("CI") == "true" {
			t.Fatal(reason)
		}
		t.Skip(reason)
	}
	if err != nil || !strings.HasPrefix(out.String(), "tunbench ") {
		t.Errorf("version: %v, stdout %q, stderr %q", err, out.String(), errs.String())
	}

	a.args = []string{"run", "--userns", "--filter", "queues=17"}
	err = inUserNamespace(context.Background(), a)
	var exit exitError
	if !errors.As(err, &exit) || exit.code != 2 || exit.err != nil || !strings.Contains(errs.String(), "matches none") {
		t.Errorf("wrong use: %v, stderr %q", err, errs.String())
	}

	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if err := inUserNamespace(ctx, a); !errors.As(err, &exit) || exit.code != 130 {
		t.Errorf("interrupted: %v", err)
	}
}
