package main

import (
	"context"
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"tunbench/reports/render"
	"tunbench/reports/study"
)

// kernels takes the flags by which run selects scenarios, and passes them to its guests.
func TestKernelsSelect(t *testing.T) {
	file := filepath.Join(t.TempDir(), "mine.yaml")
	const text = "name: mine\nscenarios:\n  - {gen: lockstep, size: 64}\n"
	if err := os.WriteFile(file, []byte(text), 0o666); err != nil {
		t.Fatal(err)
	}
	const inGuest = "/etc/tunbench/suites/mine.yaml"
	for _, test := range []struct {
		args  []string
		runs  int // of a boot
		suite string
		last  string // of the command line of the first run
	}{
		{nil, 5, "kernels", "--verbose"},
		{[]string{"--suite", "kernels"}, 5, "kernels", "--verbose"},
		{[]string{"--suite", "study"}, 1, "study", "--verbose"},
		{[]string{"--suite", file}, 1, inGuest, "--verbose"},
		{[]string{"--filter", "size=64", "--filter", "mode=tun"}, 5, "kernels", "--filter size=64 --filter mode=tun"},
		{[]string{"--filter", "vnet=24"}, 1, "kernels", "--filter vnet=24"}, // of which the observer's suite has none
		{[]string{"--filter", "size=64", "--set", "flows=4 txqlen=64"}, 5, "kernels", "--filter size=64 --set flows=4 txqlen=64"},
		{[]string{"--suite", "study", "--set", "txqlen=64,128", "--profile"}, 1, "study", "--set txqlen=64,128 --profile"},
		{[]string{"--bisect-run", "--suite", "study", "--filter", "mode=tap", "--set", "flows=4"}, 1, "study", "--filter mode=tap --set flows=4"},
	} {
		g := twoKernels()
		_, _, stderr := runKernels(context.Background(), g, append([]string{"--kernel", "a", "--kernel", "b", "--icount", "--out", t.TempDir()}, test.args...)...)
		if len(g.commands) != test.runs {
			t.Errorf("%v: %d runs in a boot, want %d: %s", test.args, len(g.commands), test.runs, stderr)
			continue
		}
		first := strings.Join(g.commands[0], " ")
		if !strings.HasPrefix(first, "run --suite "+test.suite+" ") && !strings.Contains(first, "--suite "+test.suite+" ") || !strings.HasSuffix(first, test.last) {
			t.Errorf("%v: %s", test.args, first)
		}
		carried := test.suite == inGuest
		if got, ok := g.files[inGuest]; ok != carried || carried && string(got) != text {
			t.Errorf("%v: the guest got the files %v", test.args, g.files)
		}
	}
}

func TestKernelsSelectWrongUse(t *testing.T) {
	dir := measuredKernels(t)
	for _, test := range []struct {
		args []string
		want string
	}{
		{[]string{"--kernel", "a", "--suite", "kernel"}, `no suite "kernel": choose `},
		{[]string{"--kernel", "a", "--suite", "nowhere/x.yaml"}, "open suite: open nowhere/x.yaml"},
		{[]string{"--kernel", "a", "--filter", "queues=17"}, "suite kernels: the filter matches none of 17 scenarios"},
		{[]string{"--kernel", "a", "--filter", "colour=red"}, `no axis "colour"`},
		{[]string{"--kernel", "a", "--filter", " "}, "is empty"},
		{[]string{"--kernel", "a", "--set", "size=1"}, "size"},
		{[]string{"--kernel", "a", "--set", "gen=lockstep load=10pct"}, "gen=lockstep sends a batch only when"},
		{[]string{"--kernel", "a", "--set", "dir=u2k"}, "gen=lockstep sends and reads; set dir=k2u"},
		{[]string{"--from", dir, "--suite", "kernels"}, "--from boots nothing: leave out --suite"},
		{[]string{"--from", dir, "--filter", "size=64"}, "--from boots nothing: leave out --filter"},
		{[]string{"--from", dir, "--set", "size=64"}, "--from boots nothing: leave out --set"},
		{[]string{"--from", dir, "--bisect-run", "--filter", "size=64"}, "--from boots nothing: leave out --filter"},
		{[]string{"--kernel", "a", "--metric", "send_ns_per_pkt"}, "--metric and --threshold are for bisections"},
		{[]string{"--kernel", "a", "--study"}, "add --from and their folder"},
		{[]string{"--from", dir, "--study", "--strict"}, "none of the others can be"},
		{[]string{"--from", dir, "--study", "--bisect-run"}, "none of the others can be"},
		{[]string{"--from", dir, "--study", "--format", "commit"}, "--study has no --format commit: choose html or png"},
		{[]string{"--from", dir, "--format", "csv"}, `--format "csv": choose commit, html, png`},
		{[]string{"--from", t.TempDir(), "--study"}, "there is neither a kernels.json nor"},
	} {
		g := twoKernels()
		code, _, stderr := runKernels(context.Background(), g, test.args...)
		if code != 2 || !strings.Contains(stderr, test.want) || len(g.booted) > 0 {
			t.Errorf("%v: exit %d, stderr %q, %d boots, want exit 2 and %q", test.args, code, stderr, len(g.booted), test.want)
		}
	}
	if code, _, stderr := runKernels(context.Background(), nil, "--from", dir); code != 0 {
		t.Errorf("--from alone: exit %d, %s", code, stderr)
	}
}

// measuredKernels is a folder with two kernels of one series, the newer of which costs 5 %
// more, and one of another series.
func measuredKernels(t *testing.T) string {
	t.Helper()
	g := twoKernels()
	g.releases["patched"] = "6.1.0-2-amd64"
	dir := filepath.Join(t.TempDir(), "lab")
	if code, _, stderr := runKernels(context.Background(), g, "--kernel", "a", "--kernel", "patched", "--kernel", "b", "--icount", "--suite", "study", "--out", dir); code != 0 {
		t.Fatalf("exit %d: %s", code, stderr)
	}
	return dir
}

func TestKernelsStudy(t *testing.T) {
	dir, out := measuredKernels(t), t.TempDir()
	code, stdout, stderr := runKernels(context.Background(), nil, "--from", dir, "--study", "--out", out)
	if code != 0 || stderr != "" || !strings.HasSuffix(stdout, "\nreport: "+filepath.Join(out, render.ReportName)+"\n") {
		t.Fatalf("exit %d, stdout %q, stderr %q", code, stdout, stderr)
	}
	report := readText(t, out, render.ReportName)
	for _, s := range []string{"Linux 6.1, 6.1.0-1 to 6.1.0-2:** 2 steps", "| 6.1.0-1 | 6.1.0-2 |", "no profile", "(versions.svg)"} {
		if !strings.Contains(strings.Join(strings.Fields(report), " "), s) {
			t.Errorf("the report lacks %q:\n%s", s, report)
		}
	}
	if !strings.HasPrefix(readText(t, out, "versions.svg"), "<svg ") {
		t.Error("there is no chart")
	}
	slides := t.TempDir()
	if code, stdout, stderr := runKernels(context.Background(), nil, "--from", dir, "--study", "--format", "png", "--out", slides); code != 0 || !strings.HasSuffix(stdout, "report: "+filepath.Join(slides, "versions.png")+"\n") || !strings.HasPrefix(readText(t, slides, "versions.png"), "\x89PNG") {
		t.Errorf("--format png: exit %d, stdout %q, stderr %q", code, stdout, stderr)
	}
	if code, stdout, stderr := runKernels(context.Background(), nil, "--from", dir, "--study", "--format", "html", "--out", slides); code != 0 || !strings.HasSuffix(stdout, "report: "+filepath.Join(slides, render.HTMLName)+"\n") || !strings.Contains(readText(t, slides, render.HTMLName), "6.1.0-1 to 6.1.0-2:</strong> 2 steps") {
		t.Errorf("--format html: exit %d, stdout %q, stderr %q", code, stdout, stderr)
	}
	// The same files give the same bytes.
	again := t.TempDir()
	if code, _, stderr := runKernels(context.Background(), nil, "--from", dir, "--study", "--out", again); code != 0 || readText(t, again, render.ReportName) != report {
		t.Errorf("another report of the same files: exit %d, %s", code, stderr)
	}
	// The pairs to profile, for scripts.
	code, stdout, _ = runKernels(context.Background(), nil, "--from", dir, "--study", "--json")
	var p study.Pair
	if err := json.Unmarshal([]byte(stdout), &p); code != 0 || err != nil || p.Base != "6.1.0-1-amd64" || p.New != "6.1.0-2-amd64" || p.Name != "6.1.0-1-amd64..6.1.0-2-amd64" {
		t.Errorf("exit %d, %v, %q", code, err, stdout)
	}
	if entries, err := os.ReadDir(out); err != nil || len(entries) != 2 || slices.ContainsFunc(entries, os.DirEntry.IsDir) {
		t.Errorf("in --out: %v, %v", entries, err)
	}
}
