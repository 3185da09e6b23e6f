package main

import (
	"context"
	"errors"
	"path/filepath"
	"strings"
	"testing"

	"tunbench/harness/spec"
	"tunbench/reports/record"
	"tunbench/reports/render"
)

// A flag that has no effect in one mode of a command is refused there by name, and those that
// have one are not.
func TestFlagsWithoutEffect(t *testing.T) {
	t.Setenv("XDG_CACHE_HOME", t.TempDir())
	dir := t.TempDir()
	for _, test := range []struct {
		args string
		want string // in stderr; "": the flags are taken
	}{
		{"compare --aa x y --strict", "--aa keeps how far runs of one build scatter, and judges nothing: leave out --strict"},
		{"compare --aa x y --format nonsense", "leave out --format"},
		{"compare --aa x y --out z", "leave out --out"},
		{"compare --aa x y --allow cpu", "leave out --allow"},
		{"compare --aa x y --threshold pps=5%", "leave out --threshold"},
		{"compare --aa x y --github", "leave out --github"},
		{"compare --aa x y --fail-on inconclusive", "leave out --fail-on"},
		{"compare --aa x y --json -q", ""},

		{"watch --wait", "without DEV all devices are listed (name the one to watch): leave out --wait"},
		{"watch --out x", "leave out --out"},
		{"watch --format html", "leave out --format"},
		{"watch --duration 5s", "leave out --duration"},
		{"watch --cost", "leave out --cost"},
		{"watch --interval 1ms", "leave out --interval"},
		{"watch --json --netns /nowhere -v", ""},
		{"watch none0 --duration -5s", "--duration -5s: choose how long to watch"},
		{"watch none0 --duration 5s --netns /nowhere", ""},
		{"watch none0 --hook none --cost", "--hook none attaches nothing to the kernel: leave out --cost"},

		{"ab --forget-aa --json", "--forget-aa measures nothing: leave out --json"},
		{"ab --forget-aa --b size=65", "--forget-aa measures nothing: leave out --b"},
		{"ab --forget-aa", ""},

		{"advise vpn --yaml --json", "--yaml measures nothing: leave out --json"},
		{"advise vpn --yaml --budget 1m", "--yaml measures nothing: leave out --budget"},
		{"advise vpn --yaml", ""},

		{"list --strict", "unknown flag: --strict"},
		{"list --yaml --arm bare", "--yaml writes a suite file, which does not say this: leave out --arm"},
		{"list --yaml --cpus 0", "leave out --cpus"},
		{"list --yaml --cpus x", `--cpus "x"`},
		{"list --yaml --trials 3 --measure 200ms --suite smoke --filter mode=tun --set ip=6 --shard 1/2", ""},

		{"kernels --kernel a --kernel b --bisect-run --strict", "none of the others can be"},
		{"report " + dir + " --plot x=size,y=pps --full", "--plot draws figures instead of the report: leave out --full"},

		{"history check --allow missing --dir " + dir, "--allow missing is for --fail: add that, or leave it out"},
		{"history check --allow missing --fail --dir " + dir, ""},
	} {
		_, stdout, stderr := tunbench(context.Background(), fakeLab{}, nil, strings.Fields(test.args)...)
		refused := strings.Contains(stderr, "leave out") || strings.Contains(stderr, "leave it out")
		if test.want == "" && refused || test.want != "" && (!strings.Contains(stderr, test.want) || stdout != "") {
			t.Errorf("%s: stdout %q, stderr %q, want %q", test.args, stdout, stderr, test.want)
		}
	}
}

// interruptedRun is a lab that is interrupted at its third trial, and after that no more.
func interruptedRun() (fakeLab, context.Context) {
	ctx, cancel := context.WithCancel(context.Background())
	n := 0
	whole := fakeLab{}
	return fakeLab{run: func(s spec.Spec, hook string) (record.Trial, error) {
		if n++; n == 3 {
			cancel()
			return record.Trial{}, context.Canceled
		}
		return whole.Run(context.Background(), s, hook, record.Floor{})
	}}, ctx
}

// What an interrupted run was asked for holds when it is resumed, and more may be asked for.
func TestResumedFlags(t *testing.T) {
	for name, test := range map[string]struct {
		first, then []string
		full        bool
	}{
		"full at first": {[]string{"--full"}, nil, true},
		"full then":     {nil, []string{"--full"}, true},
		"never full":    {nil, nil, false},
	} {
		lab, ctx := interruptedRun()
		dir := filepath.Join(t.TempDir(), "run")
		if code, _, stderr := tunbench(ctx, lab, nil, runArgs(dir, test.first...)...); code != exitInterrupted {
			t.Fatalf("%s: exit %d, %s", name, code, stderr)
		}
		if code, _, stderr := tunbench(context.Background(), lab, nil, append([]string{"run", "--resume", dir}, test.then...)...); code != 0 {
			t.Errorf("%s: exit %d, %s", name, code, stderr)
		}
		reports := map[bool]string{}
		for full, flags := range map[bool][]string{false: nil, true: {"--full"}} {
			out := filepath.Join(t.TempDir(), "report")
			if code, _, stderr := tunbench(context.Background(), lab, nil, append([]string{"report", dir, "--out", out}, flags...)...); code != 0 {
				t.Fatalf("%s: report: %s", name, stderr)
			}
			reports[full] = readText(t, out, render.ReportName)
		}
		if got := readText(t, dir, render.ReportName); got != reports[test.full] || reports[false] == reports[true] {
			t.Errorf("%s: the report of the resumed run is not that of full %v", name, test.full)
		}
	}

	for _, github := range []bool{true, false} {
		lab, ctx := interruptedRun()
		dir := filepath.Join(t.TempDir(), "run")
		args := []string{"run", "--suite", limitedSuite(t, "> 1.3M"), "--out", dir}
		if github {
			args = append(args, "--github")
		}
		if code, _, stderr := tunbench(ctx, lab, nil, args...); code != exitInterrupted {
			t.Fatalf("exit %d, %s", code, stderr)
		}
		code, stdout, stderr := tunbench(context.Background(), lab, nil, "run", "--resume", dir)
		if code != 1 || strings.Contains(stdout+stderr, "::error") != github {
			t.Errorf("--github %v: exit %d\n%s%s", github, code, stdout, stderr)
		}
	}
}

// A module that cannot be loaded is named before a resumed run measures, as before any other.
func TestResumeNeedsModules(t *testing.T) {
	lab, ctx := interruptedRun()
	dir := filepath.Join(t.TempDir(), "run")
	if code, _, stderr := tunbench(ctx, lab, nil, runArgs(dir)...); code != exitInterrupted {
		t.Fatalf("exit %d, %s", code, stderr)
	}
	var out, errs strings.Builder
	a := labApp(lab, &out, &errs, "run", "--resume", dir)
	a.modules = func() error { return errors.New("somebody uses TUN") }
	if code := a.execute(context.Background()); code != exitFailure || !strings.Contains(errs.String(), "somebody uses TUN") {
		t.Errorf("exit %d: %s", code, errs.String())
	}
	a = labApp(lab, &out, &errs, "run", "--resume", dir)
	if code := a.execute(context.Background()); code != 0 {
		t.Errorf("exit %d: %s", code, errs.String())
	}
}

// The help of ab says what its flags do there, and that of run what they do in run.
func TestHelpOfSharedFlags(t *testing.T) {
	for command, want := range map[string][]string{
		"ab": {
			"exit with 3 if a verdict is inconclusive, invalid or not comparable",
			"(default with --filter: default; without, one scenario: tun, udp, one queue, 64 bytes)",
			`(default "bare")`,
		},
		"run": {"exit with 3 if a trial is invalid, or a rate of --search was not found", `or a file that ends in .yaml (default "default")`, `(default "both")`},
	} {
		_, stdout, _ := tunbench(context.Background(), fakeLab{}, nil, command, "--help")
		for _, w := range want {
			if !strings.Contains(stdout, w) {
				t.Errorf("%s --help lacks %q:\n%s", command, w, stdout)
			}
		}
	}
	_, stdout, _ := tunbench(context.Background(), fakeLab{}, nil, "ab", "--help")
	if strings.Contains(stdout, "if a trial is invalid") || strings.Contains(stdout, `.yaml (default "default")`) {
		t.Errorf("ab --help has what run does:\n%s", stdout)
	}
}
