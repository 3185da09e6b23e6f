package main

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"tunbench/reports/render"
)

// limitedSuite writes a suite with a limit on the packet rate, which fakeLab reaches with
// 1.25 Mpps.
func limitedSuite(t *testing.T, limit string) string {
	t.Helper()
	file := filepath.Join(t.TempDir(), "limited.yaml")
	if err := os.WriteFile(file, []byte("pairs: 2\nscenarios:\n- {size: 64, require: {pps: \""+limit+"\"}}\n"), 0o666); err != nil {
		t.Fatal(err)
	}
	return file
}

// A limit of the suite decides the exit code of run, is printed with its figure, and is in
// the report; report shows it again.
func TestRunRequire(t *testing.T) {
	const name = "Tun/dir=k2u/gen=udp/queues=1/size=64"
	for limit, test := range map[string]struct {
		code                       int
		summary, stderr, annotated string
	}{
		"> 1.2M": {0, "The limit of the suite (require) is met.", "", ""},
		"> 1.3M": {1, "limit: " + name + ": pps is 1,250 kpps, limit > 1.3M: missed, by 2 trials, too few for an interval",
			"tunbench: limits of the suite: 1 of 1 missed: " + name + ": pps is 1,250 kpps, limit > 1.3M", "::error title=tunbench%3A limits not met::of 1 limit of the suite, 1 missed, 0 not judged%0A" + name + ": pps is 1,250 kpps, limit > 1.3M"},
	} {
		dir := filepath.Join(t.TempDir(), "x")
		code, stdout, stderr := tunbench(context.Background(), fakeLab{}, nil, "run", "--suite", limitedSuite(t, limit), "--github", "--out", dir)
		one := strings.Join(strings.Fields(stdout), " ")
		if code != test.code || !strings.Contains(one, test.summary) || !strings.Contains(stderr, test.stderr) || !strings.Contains(one, test.annotated) {
			t.Errorf("%s: exit %d, want %d\n%s%s", limit, code, test.code, stdout, stderr)
		}
		if n := strings.Count(stdout, "\n::") + strings.Count(stderr, "\n::"); n != min(code, 1) {
			t.Errorf("%s: %d annotations", limit, n)
		}
		if text := readText(t, dir, render.ReportName); !strings.Contains(text, "## Limits of the suite") {
			t.Errorf("%s: the report lacks the limits", limit)
		}
		if f := readRun(t, dir); f.End == nil || f.End.Exit != test.code || len(f.Run.Plan.Require) != 1 || f.Run.Plan.Require[0].Scenarios[0] != name {
			t.Errorf("%s: %+v, %+v", limit, f.End, f.Run.Plan)
		}
		if code, again, _ := tunbench(context.Background(), fakeLab{}, nil, "report", dir); code != 0 || !strings.Contains(strings.Join(strings.Fields(again), " "), "| `pps` | \\"+limit+" | 1,250 kpps | ") {
			t.Errorf("%s: report exits with %d\n%.1500s", limit, code, again)
		}
	}
	// Without --github there is no annotation; with --json none on stdout.
	for _, flags := range [][]string{{"-q"}, {"--github", "--json"}} {
		args := append([]string{"run", "--suite", limitedSuite(t, "> 2M"), "--out", filepath.Join(t.TempDir(), "x")}, flags...)
		code, stdout, stderr := tunbench(context.Background(), fakeLab{}, nil, args...)
		if code != 1 || strings.Contains(stdout, "::error") || strings.Contains(stderr, "::error") != (len(flags) > 1) {
			t.Errorf("%v: exit %d\n%s%s", flags, code, stdout, stderr)
		}
	}
}

// ab judges no limits, and says so; the line of a mistake is named.
func TestRequireElsewhere(t *testing.T) {
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	t.Setenv("XDG_CACHE_HOME", t.TempDir())
	_, _, stderr := tunbench(ctx, fakeLab{}, nil, "ab", "--suite", limitedSuite(t, "> 2M"), "--a", "", "--b", "size=128", "--trials", "1", "--out", filepath.Join(t.TempDir(), "x"))
	if want := "suite limited sets limits (require): they are judged by tunbench run, not by ab\n"; !strings.Contains(stderr, want) {
		t.Errorf("%s", stderr)
	}
	code, _, stderr := tunbench(ctx, fakeLab{}, nil, "run", "--suite", limitedSuite(t, "300k"))
	if want := `limited.yaml:3: require: pps: "300k" is not a limit`; code != 2 || !strings.Contains(stderr, want) {
		t.Errorf("exit %d: %s", code, stderr)
	}
}

// list --yaml prints a suite file with what the flags select, limits included, and needs
// neither root nor a kernel.
func TestListYAML(t *testing.T) {
	code, stdout, stderr := tunbench(context.Background(), fakeLab{}, errors.New("not root"), "list", "--yaml", "--suite", limitedSuite(t, "> 300k"), "--set", "size=64,128", "--measure", "200ms", "--trials", "3")
	want := "name: limited\npairs: 3\nwarmup: 250ms\nmeasure: 200ms\nwindow: 40ms\nscenarios:\n" +
		"  - {mode: tun, dir: k2u, gen: udp, queues: 1, size: 64, require: {pps: \"> 300k\"}}\n" +
		"  - {mode: tun, dir: k2u, gen: udp, queues: 1, size: 128, require: {pps: \"> 300k\"}}\n"
	if code != 0 || stdout != want || stderr != "" {
		t.Errorf("exit %d\n%s%s", code, stdout, stderr)
	}
	if code, _, stderr := tunbench(context.Background(), fakeLab{}, nil, "list", "--yaml", "--json"); code != 2 || !strings.Contains(stderr, "[json yaml]") {
		t.Errorf("with --json: exit %d: %s", code, stderr)
	}
}
