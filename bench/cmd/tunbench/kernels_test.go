package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"tunbench/bench/boot"
	"tunbench/bench/kernels"
	"tunbench/bench/progress"
	"tunbench/harness/vm"
	"tunbench/harness/vm/guest"
	"tunbench/reports/record"
	"tunbench/reports/render"
	"tunbench/reports/verdict"
)

// fakeGuests boots nothing and keeps a log of what it was asked for.
type fakeGuests struct {
	releases map[string]string  // by argument; others are not found
	cost     map[string]float64 // of a packet, by argument
	lacking  error              // what all guests lack
	boot     func(n int, release string) error
	damage   func(n int, d *kernels.Delivery) // of a boot that succeeded
	handOut  func(n int, keep vm.Keeper) error

	booted   []string // release and --append of each boot
	commands [][]string
	files    map[string][]byte // that the last guest got
	closed   int
	icount   bool // of the last boot
}

type fakeKernel struct {
	*fakeGuests
	arg string
}

func (g *fakeGuests) Find(arg, _ string) (kernels.Kernel, error) {
	if _, ok := g.releases[arg]; !ok {
		return nil, fmt.Errorf("find kernel %q: no such kernel", arg)
	}
	return fakeKernel{g, arg}, nil
}

func (k fakeKernel) Release() string          { return k.releases[k.arg] }
func (k fakeKernel) Check(boot.Machine) error { return k.lacking }
func (k fakeKernel) Close() error             { k.closed++; return nil }

func (k fakeKernel) Boot(_ context.Context, m boot.Machine, job guest.Job, keep vm.Keeper, _ *progress.Boots) (kernels.Delivery, error) {
	k.commands, k.files, k.icount = job.Commands, job.Files, m.ICount
	k.booted = append(k.booted, strings.TrimSpace(k.Release()+" "+m.Append))
	n := len(k.booted)
	if err := errors.Join(keep.Begin(), keep.Console("Linux version "+k.Release())); err != nil {
		return kernels.Delivery{}, err
	}
	if k.handOut != nil {
		if err := k.handOut(n, keep); err != nil {
			return kernels.Delivery{}, err
		}
	}
	if k.fakeGuests.boot != nil {
		if err := k.fakeGuests.boot(n, k.Release()); err != nil {
			return kernels.Delivery{}, errors.Join(keep.Console("Kernel panic - not syncing"), err)
		}
	}
	d := kernels.Delivery{Files: map[string][]byte{}}
	for i, args := range job.Commands {
		flag := func(name string) string { return args[slices.Index(args, name)+1] }
		var text bytes.Buffer
		w := record.NewWriter(&text)
		cost := k.cost[k.arg] + 0.1*float64(n)
		if flag("--arm") == "observed" {
			cost += 100 * float64(i)
		}
		records := []record.Record{&record.Run{
			Started: fmt.Sprintf("2026-11-21T00:%02d:%02dZ", n, i), Clock: "icount", Suite: flag("--suite"),
			Args: args, Host: record.Host{Kernel: k.Release(), CPUs: 1, Virt: "tcg"}, Hook: record.Hook{Used: flag("--hook")},
		}}
		for trial := range 5 {
			records = append(records, &record.Trial{
				Scenario: "Tun/dir=k2u/gen=lockstep/queues=1/size=64", Axes: map[string]string{"mode": "tun", "queues": "1", "size": "64"},
				Arm: record.Arm(flag("--arm")), Pair: trial + 1, Trial: trial + 1,
				Metrics: map[string]float64{record.SendNsPerPkt: cost, record.RecvNsPerPkt: cost / 2},
			})
		}
		for _, r := range append(records, &record.End{Trials: 5}) {
			if err := w.Write(r); err != nil {
				return d, err
			}
		}
		d.Files[strings.TrimPrefix(flag("--out"), "/out/")+"/"+record.FileName] = text.Bytes()
		d.Ends = append(d.Ends, kernels.CommandEnd{})
	}
	if k.damage != nil {
		k.damage(n, &d)
	}
	return d, nil
}

func twoKernels() *fakeGuests {
	return &fakeGuests{
		releases: map[string]string{"a": "6.1.0-1-amd64", "b": "6.12.1-amd64", "patched": "6.1.0-1-amd64"},
		cost:     map[string]float64{"a": 1000, "b": 900, "patched": 1050},
	}
}

// runKernels runs `tunbench kernels` on g.
func runKernels(ctx context.Context, g kernels.Guests, args ...string) (code int, stdout, stderr string) {
	var out, errs bytes.Buffer
	a := &app{stdout: &out, stderr: &errs}
	root := rootCommand(a)
	for _, c := range root.Commands() {
		if c.Name() == "kernels" {
			root.RemoveCommand(c)
		}
	}
	root.AddCommand(kernelsIn(a, g))
	root.SetArgs(append([]string{"kernels"}, args...))
	root.SetOut(&out)
	root.SetErr(&errs)
	err := root.ExecuteContext(ctx)
	var exit exitError
	switch {
	case errors.As(err, &exit):
		code = exit.code
	case err != nil:
		code = exitFailure
	}
	if err != nil {
		fmt.Fprintf(&errs, "tunbench: %v\n", err)
	}
	return code, out.String(), errs.String()
}

func readText(t *testing.T, path ...string) string {
	t.Helper()
	b, err := os.ReadFile(filepath.Join(path...))
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

func TestKernels(t *testing.T) {
	g, dir := twoKernels(), filepath.Join(t.TempDir(), "deep", "lab")
	code, stdout, stderr := runKernels(context.Background(), g, "--kernel", "a", "--kernel", "b", "--icount", "--boots", "3", "--out", dir)
	if code != 0 || !strings.HasPrefix(stderr, "boot 1/6: 6.1.0-1-amd64, number 1 of 3\nboot 1/6: 6.1.0-1-amd64 took 0s, about ") || !strings.Contains(stdout, "report: "+filepath.Join(dir, render.ReportName)) {
		t.Fatalf("exit %d, stdout %q, stderr %q", code, stdout, stderr)
	}
	want := []string{"6.1.0-1-amd64", "6.12.1-amd64", "6.12.1-amd64", "6.1.0-1-amd64", "6.1.0-1-amd64", "6.12.1-amd64"}
	if d := cmp.Diff(want, g.booted); d != "" {
		t.Errorf("order of boots (-want +got): %s", d)
	}
	if g.closed != 2 {
		t.Errorf("%d of 2 kernels were closed", g.closed)
	}
	for _, args := range g.commands {
		if _, err := newSelection(args); err != nil {
			t.Errorf("a guest would refuse %v: %v", args, err)
		}
	}
	for _, name := range want[:2] {
		for boot := 1; boot <= 3; boot++ {
			for _, what := range []string{"bare", "observer-bare", "observer-kprobe", "observer-fentry", "observer-tracepoint"} {
				f := readRun(t, filepath.Join(dir, name, fmt.Sprint("boot-", boot), what))
				if f.Run.Host.Kernel != name || len(f.Trials) != 5 {
					t.Errorf("%s, boot %d, %s: kernel %s, %d trials", name, boot, what, f.Run.Host.Kernel, len(f.Trials))
				}
			}
		}
	}
	report := readText(t, dir, render.ReportName)
	for _, s := range []string{"Linux 6.12.1-amd64 against 6.1.0-1-amd64", "Cost of the observer", "| kprobe ", "**−10.0", "branch predictor"} {
		if !strings.Contains(report, s) {
			t.Errorf("the report lacks %q", s)
		}
	}

	// The files alone give the same report and the same table.
	copied := t.TempDir()
	if err := os.CopyFS(copied, os.DirFS(dir)); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{render.ReportName, "kernels-send.svg"} {
		if err := os.Remove(filepath.Join(copied, name)); err != nil {
			t.Fatal(err)
		}
	}
	for _, index := range []bool{true, false} {
		if !index {
			if err := os.Remove(filepath.Join(copied, kernels.IndexName)); err != nil {
				t.Fatal(err)
			}
		}
		code, again, stderr := runKernels(context.Background(), nil, "--from", copied)
		if code != 0 || stderr != "" || strings.ReplaceAll(again, copied, dir) != stdout {
			t.Errorf("--from, index %v: exit %d, stdout %q, stderr %q", index, code, again, stderr)
		}
		for _, name := range []string{render.ReportName, "kernels-send.svg", "kernels-receive.svg"} {
			if d := cmp.Diff(readText(t, dir, name), readText(t, copied, name)); d != "" {
				t.Errorf("--from, index %v: another %s (-first +again)\n%s", index, name, d)
			}
		}
	}

	// Images for slides lie beside the report.
	slides := t.TempDir()
	code, again, stderr := runKernels(context.Background(), nil, "--from", dir, "--format", "png", "--out", slides)
	if want := "report: " + filepath.Join(slides, render.ReportName) + "\nreport: " + filepath.Join(slides, "kernels-send.png") + "\n"; code != 0 || stderr != "" || !strings.HasSuffix(again, want) {
		t.Errorf("--format png: exit %d, stdout %q, stderr %q", code, again, stderr)
	}
	for _, name := range []string{"kernels-send.png", "kernels-receive.png"} {
		if text := readText(t, slides, name); !strings.HasPrefix(text, "\x89PNG") {
			t.Errorf("%s is no image: %.20q", name, text)
		}
	}
	readText(t, slides, render.ReportName)

	// The page has the same figures.
	code, again, stderr = runKernels(context.Background(), nil, "--from", dir, "--format", "html", "--out", slides)
	if want := "\nreport: " + filepath.Join(slides, render.HTMLName) + "\n"; code != 0 || stderr != "" || !strings.HasSuffix(again, want) || !strings.Contains(readText(t, slides, render.HTMLName), "Cost to send a packet") {
		t.Errorf("--format html: exit %d, stdout %q, stderr %q", code, again, stderr)
	}

	code, _, stderr = runKernels(context.Background(), g, "--kernel", "a", "--out", dir)
	if code != 2 || !strings.Contains(stderr, "holds a comparison already") || len(g.booted) != 6 {
		t.Errorf("into the same folder: exit %d, stderr %q", code, stderr)
	}
}

// newSelection parses the flags of run as the guest would, without its suite,
// which need not exist for this.
func newSelection(args []string) (*app, error) {
	a := &app{stdout: new(bytes.Buffer), stderr: new(bytes.Buffer)}
	root := rootCommand(a)
	cmd, rest, err := root.Find(args)
	if err != nil {
		return nil, err
	}
	cmd.InheritedFlags()
	return a, cmd.ParseFlags(rest)
}

func TestKernelsJSON(t *testing.T) {
	g, dir := twoKernels(), t.TempDir()
	code, stdout, stderr := runKernels(context.Background(), g, "--kernel", "a", "--kernel", "patched", "--append", "", "--append", "mitigations=off,x", "--json", "-q", "--out", dir)
	if code != 0 || stderr != "" {
		t.Fatalf("exit %d, stderr %q", code, stderr)
	}
	want := []string{"6.1.0-1-amd64", "6.1.0-1-amd64 mitigations=off,x", "6.1.0-1-amd64 mitigations=off,x", "6.1.0-1-amd64"}
	if d := cmp.Diff(want, g.booted); d != "" {
		t.Errorf("boots (-want +got): %s", d)
	}
	dec := json.NewDecoder(strings.NewReader(stdout))
	var got []verdict.KernelVerdict
	for dec.More() {
		var v verdict.KernelVerdict
		if err := dec.Decode(&v); err != nil {
			t.Fatal(err)
		}
		got = append(got, v)
	}
	if len(got) != 2 || got[0].Metric != record.SendNsPerPkt || got[0].BaseKernel != "6.1.0-1-amd64" || got[0].NewKernel != "6.1.0-1-amd64~2" ||
		got[0].N != 2 || got[0].Verdict.Verdict != record.IndicativeRegression || got[0].Threshold != 0.005 || got[0].CI != nil || got[0].P != nil || *got[0].Change < 0.049 || *got[0].Change > 0.051 {
		t.Errorf("verdicts %s", stdout)
	}
	for _, field := range []string{`"ci":null`, `"p":null`, `"spread":`, `"notes":[]`} {
		if !strings.Contains(stdout, field) {
			t.Errorf("verdicts lack %s: %s", field, stdout)
		}
	}
	if strings.Contains(stdout, `"kind"`) {
		t.Errorf("verdicts that are printed have no kind: %s", stdout)
	}
	if code, _, stderr := runKernels(context.Background(), g, "--from", dir, "--strict"); code != 1 || !strings.Contains(stderr, "exit code 1") {
		t.Errorf("a regression, strict: exit %d, stderr %q", code, stderr)
	}
}

// A kernel against itself fails no job, strict or not.
func TestKernelsAgainstItself(t *testing.T) {
	g, dir := twoKernels(), t.TempDir()
	code, stdout, _ := runKernels(context.Background(), g, "--kernel", "a", "--kernel", "a", "--strict", "--json", "--out", dir)
	if code != 0 || strings.Count(stdout, `"verdict":"equivalent"`) != 2 {
		t.Errorf("exit %d, verdicts %s", code, stdout)
	}
}

// What a kernel does not have that the first has is exit 3 without a flag; so is
// that nothing could be judged. One kernel alone is compared with nothing.
func TestKernelsNotJudged(t *testing.T) {
	// change rewrites what the boots of the second kernel deliver of the bare arm.
	change := func(line func(string) string) func(int, *kernels.Delivery) {
		return func(n int, d *kernels.Delivery) {
			if n != 2 && n != 3 {
				return
			}
			for _, name := range []string{"bare/run.jsonl", "observer-bare/run.jsonl"} {
				var out strings.Builder
				for l := range strings.Lines(string(d.Files[name])) {
					out.WriteString(line(l))
				}
				d.Files[name] = []byte(out.String())
			}
		}
	}
	const name = "Tun/dir=k2u/gen=lockstep/queues=1/size=64"
	refused := func(l string) string {
		if !strings.Contains(l, `"kind":"trial"`) {
			return l
		}
		return `{"kind":"skip","scenario":"` + name + `","axes":{},"reason":"unsupported","detail":"EINVAL"}` + "\n"
	}
	gone := func(l string) string {
		if strings.Contains(l, `"kind":"trial"`) {
			return ""
		}
		return l
	}
	other := func(l string) string { return strings.Replace(l, name, "Tun/other", 1) }
	renamed := func(l string) string {
		if strings.Contains(l, `"trial":5,`) || strings.Contains(l, `"trial":4,`) {
			return strings.Replace(l, name, "Tun/other", 1)
		}
		return l
	}
	elsewhere := func(l string) string { return strings.Replace(l, `"virt":"tcg"`, `"virt":"kvm"`, 1) }
	for what, tt := range map[string]struct {
		line             func(string) string
		exit             int
		allow            string
		allowed          int
		headline, record string
	}{
		"unsupported": {refused, 3, "missing", 0, "Nothing could be judged: no scenario was measured on both kernels.", `"verdict":"unsupported","missing":"new","notes":["6.12.1-amd64: unsupported: EINVAL"]`},
		"gone":        {gone, 3, "missing", 0, "Not measured on 6.12.1-amd64, so not judged: " + name + " (missing). --allow missing allows this.", `"verdict":"invalid","missing":"new","notes":["6.12.1-amd64: missing"]`},
		"another":     {other, 3, "missing", 3, "Nothing could be judged: ", `"missing":"base"`},
		"one more":    {renamed, 0, "missing", 0, "", `"missing":"base"`},
		"elsewhere":   {elsewhere, 3, "cpu", 0, "Nothing could be judged: virtualisation differs: tcg, kvm", `"verdict":"not-comparable"`},
	} {
		g, dir := twoKernels(), t.TempDir()
		g.damage = change(tt.line)
		code, stdout, stderr := runKernels(context.Background(), g, "--kernel", "a", "--kernel", "b", "--icount", "--out", dir)
		if code != tt.exit || !strings.Contains(strings.Join(strings.Fields(stdout), " "), tt.headline) {
			t.Errorf("%s: exit %d, want %d\n%s%s", what, code, tt.exit, stdout, stderr)
		}
		if first, _, _ := strings.Cut(stdout, "\n"); tt.headline != "" && !strings.HasPrefix(first, "Nothing could be judged: ") && !strings.HasPrefix(first, "Not measured on ") {
			t.Errorf("%s: the first line is %q", what, first)
		}
		code, stdout, stderr = runKernels(context.Background(), nil, "--from", dir, "--json")
		if code != tt.exit || !strings.Contains(stdout, tt.record) || strings.Contains(stderr, "warning: ") != (tt.headline != "") {
			t.Errorf("%s: exit %d, verdicts %s%s", what, code, stdout, stderr)
		}
		if code, stdout, _ = runKernels(context.Background(), nil, "--from", dir, "--allow", tt.allow); code != tt.allowed {
			t.Errorf("%s: exit %d with --allow %s, want %d\n%s", what, code, tt.allow, tt.allowed, stdout)
		}
	}
	if code, stdout, _ := runKernels(context.Background(), twoKernels(), "--kernel", "a", "--icount", "--out", t.TempDir()); code != 0 || strings.Contains(stdout, "judged") {
		t.Errorf("one kernel alone: exit %d\n%s", code, stdout)
	}
	if code, _, stderr := runKernels(context.Background(), twoKernels(), "--kernel", "a", "--allow", "weather"); code != 2 || !strings.Contains(stderr, `--allow "weather": choose `) {
		t.Errorf("exit %d: %s", code, stderr)
	}
}

func TestKernelsFailures(t *testing.T) {
	g, dir := twoKernels(), t.TempDir()
	g.boot = func(n int, _ string) error {
		if n == 2 {
			return &kernels.BootError{Err: errors.New("the kernel gave up: Kernel panic\n  | last line")}
		}
		return nil
	}
	code, stdout, stderr := runKernels(context.Background(), g, "--kernel", "a", "--kernel", "b", "--out", dir)
	if code != 2 || len(g.booted) != 4 || !strings.Contains(stdout, "6.12.1") || !strings.Contains(stderr, "boot 1 of 6.12.1-amd64 failed and is left out: the kernel gave up: Kernel panic\n  | last line") ||
		!strings.Contains(stderr, "1 boot or run in a guest failed; what the others measured is in "+dir) {
		t.Errorf("exit %d, %d boots, stdout %q, stderr %q", code, len(g.booted), stdout, stderr)
	}
	if s := readText(t, dir, "6.12.1-amd64", "boot-1", boot.ConsoleName); !strings.Contains(s, "Kernel panic") {
		t.Errorf("console %q", s)
	}
	first := readText(t, dir, render.ReportName)
	if !strings.Contains(first, "1 boot of 6.12.1-amd64 delivered no results") || !strings.Contains(first, "one boot: spread not known") {
		t.Errorf("report:\n%s", first)
	}
	if code, _, _ := runKernels(context.Background(), nil, "--from", dir); code != 0 || readText(t, dir, render.ReportName) != first {
		t.Errorf("--from: exit %d, or another report", code)
	}

	// A run that fails in a guest costs only its own file; a torn file is told.
	g, dir = twoKernels(), t.TempDir()
	g.damage = func(n int, d *kernels.Delivery) {
		if n == 3 {
			delete(d.Files, "observer-kprobe/run.jsonl")
			d.Ends[2] = kernels.CommandEnd{Exit: 2, Stderr: "tunbench: attach kprobe:\x1b[2J no such thing\n"}
			d.Files["observer-fentry/run.jsonl"] = []byte(`{"kind":"ru`)
		}
	}
	code, _, stderr = runKernels(context.Background(), g, "--kernel", "a", "--kernel", "b", "--out", dir)
	if code != 2 || !strings.Contains(stderr, "boot 2 of 6.12.1-amd64: observer-kprobe: exit 2, no run file") || !strings.Contains(stderr, "no such thing") || strings.Contains(stderr, "\x1b") ||
		!strings.Contains(stderr, "left out: read run file "+filepath.Join(dir, "6.12.1-amd64", "boot-2", "observer-fentry")) {
		t.Errorf("exit %d, stderr %q", code, stderr)
	}

	// What would fail on every boot ends it, and leaves no folder.
	g, dir = twoKernels(), filepath.Join(t.TempDir(), "x")
	g.boot = func(int, string) error { return errors.New("find qemu-system-x86_64: not found") }
	code, stdout, stderr = runKernels(context.Background(), g, "--kernel", "a", "--kernel", "b", "--out", dir)
	if _, err := os.Stat(dir); code != 2 || stdout != "" || stderr != "boot 1/4: 6.1.0-1-amd64, number 1 of 2\ntunbench: find qemu-system-x86_64: not found\n" || len(g.booted) != 1 || !errors.Is(err, os.ErrNotExist) {
		t.Errorf("exit %d, stdout %q, stderr %q, %d boots, folder: %v", code, stdout, stderr, len(g.booted), err)
	}

	// Every boot fails.
	g, dir = twoKernels(), t.TempDir()
	g.boot = func(int, string) error { return &kernels.BootError{Err: errors.New("the guest was not done after 1s")} }
	code, _, stderr = runKernels(context.Background(), g, "--kernel", "a", "--kernel", "b", "--out", dir)
	if code != 2 || len(g.booted) != 4 || !strings.Contains(stderr, "nothing was measured") {
		t.Errorf("all fail: exit %d, %d boots, stderr %q", code, len(g.booted), stderr)
	}
}

// What a boot had handed out when it ended is kept. A run that came to its end
// counts, one that did not is left out and named, with the boots and by --from.
func TestKernelsKeepsUnfinished(t *testing.T) {
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	g, dir := twoKernels(), t.TempDir()
	var whole bytes.Buffer
	w := record.NewWriter(&whole)
	for _, r := range []record.Record{
		&record.Run{Started: "2026-11-21T00:00:00Z", Clock: "icount", Suite: "kernels", Host: record.Host{Kernel: "6.12.1-amd64", CPUs: 1, Virt: "tcg"}, Hook: record.Hook{Used: "none"}},
		&record.Trial{Scenario: "Tun/dir=k2u/gen=lockstep/queues=1/size=64", Arm: record.Bare, Pair: 1, Trial: 1, Metrics: map[string]float64{record.SendNsPerPkt: 900, record.RecvNsPerPkt: 450}},
		&record.End{Trials: 1},
	} {
		if err := w.Write(r); err != nil {
			t.Fatal(err)
		}
	}
	torn := whole.Bytes()[:bytes.LastIndexByte(whole.Bytes()[:whole.Len()-1], '\n')+1]
	g.handOut = func(n int, keep vm.Keeper) error {
		switch n {
		case 2: // which fails
			return errors.Join(keep.Grow("bare/run.jsonl", 0, whole.Bytes()), keep.Grow("observer-bare/run.jsonl", 0, torn))
		case 3: // which is interrupted
			return keep.Grow("bare/run.jsonl", 0, torn)
		}
		return nil
	}
	g.boot = func(n int, _ string) error {
		switch n {
		case 2:
			return &kernels.BootError{Err: errors.New("the kernel gave up: kernel BUG at x.c:1!")}
		case 3:
			cancel()
			return &kernels.BootError{Err: context.Canceled}
		}
		return nil
	}
	code, _, stderr := runKernels(ctx, g, "--kernel", "a", "--kernel", "b", "--out", dir)
	for _, want := range []string{
		"boot 1 of 6.12.1-amd64 failed; of its runs 1 is whole and counts: the kernel gave up: kernel BUG",
		"left out: " + filepath.Join(dir, "6.12.1-amd64/boot-1/observer-bare/run.jsonl") + " was interrupted after 1 trial",
		"left out: " + filepath.Join(dir, "6.12.1-amd64/boot-2/bare/run.jsonl") + " was interrupted after 1 trial",
		"interrupted: 2 of 4 boots are in " + dir + "; 1 trial of the boot that was interrupted is in " + filepath.Join(dir, "6.12.1-amd64/boot-2"),
	} {
		if !strings.Contains(stderr, want) {
			t.Errorf("stderr lacks %q", want)
		}
	}
	if code != exitInterrupted {
		t.Errorf("exit %d", code)
	}
	if t.Failed() {
		t.Log(stderr)
	}
	for _, path := range []string{"boot-1/console.log", "boot-2/console.log", "boot-2/bare/run.jsonl"} {
		readText(t, dir, "6.12.1-amd64", path)
	}
	first := readText(t, dir, render.ReportName)
	if code, _, stderr := runKernels(context.Background(), nil, "--from", dir); code != 0 || strings.Count(stderr, "left out") != 2 || readText(t, dir, render.ReportName) != first {
		t.Errorf("--from: exit %d, or another report; %s", code, stderr)
	}
}

func TestKernelsInterrupted(t *testing.T) {
	ctx, cancel := context.WithCancel(context.Background())
	g, dir := twoKernels(), t.TempDir()
	g.boot = func(n int, _ string) error {
		if n == 3 {
			cancel()
			return &kernels.BootError{Err: context.Canceled}
		}
		return nil
	}
	code, _, stderr := runKernels(ctx, g, "--kernel", "a", "--kernel", "b", "--out", dir)
	if code != 130 || !strings.Contains(stderr, "interrupted: 2 of 4 boots are in "+dir) {
		t.Errorf("exit %d, stderr %q", code, stderr)
	}
	if !strings.Contains(readText(t, dir, render.ReportName), "delivered no results") {
		t.Error("the report does not tell of boots that are missing")
	}
	dir = filepath.Join(t.TempDir(), "x")
	code, _, stderr = runKernels(ctx, g, "--kernel", "a", "--out", dir)
	if _, err := os.Stat(dir); code != 130 || !strings.Contains(stderr, "before anything was measured") || !errors.Is(err, os.ErrNotExist) {
		t.Errorf("before the first boot: exit %d, stderr %q, folder: %v", code, stderr, err)
	}
}

// What no boot can do without is missed before the first one, and --check looks no further.
func TestKernelsCheck(t *testing.T) {
	for name, test := range map[string]struct {
		lacking error
		flags   []string
		code    int
		boots   int
	}{
		"all is there":        {nil, nil, 0, 4},
		"all is there, check": {nil, []string{"--check"}, 0, 0},
		"no QEMU":             {errors.New("find qemu: no such file"), nil, exitFailure, 0},
		"no QEMU, check":      {errors.New("find qemu: no such file"), []string{"--check"}, exitFailure, 0},
	} {
		g, dir := twoKernels(), filepath.Join(t.TempDir(), "out")
		g.lacking = test.lacking
		code, _, stderr := runKernels(context.Background(), g, append([]string{"--kernel", "a", "--kernel", "b", "--out", dir}, test.flags...)...)
		_, err := os.Stat(dir)
		if code != test.code || len(g.booted) != test.boots || (err == nil) != (test.boots > 0) || test.lacking != nil && !strings.Contains(stderr, test.lacking.Error()) {
			t.Errorf("%s: exit %d, %d boots, folder: %v, stderr %q", name, code, len(g.booted), err, stderr)
		}
	}
}

func TestKernelsWrongUse(t *testing.T) {
	dir := t.TempDir()
	write := func(name, text string) string {
		t.Helper()
		d := filepath.Join(dir, name)
		if err := os.MkdirAll(d, 0o777); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(d, kernels.IndexName), []byte(text), 0o666); err != nil {
			t.Fatal(err)
		}
		return d
	}
	for _, test := range []struct {
		args []string
		want string
	}{
		{nil, "no --kernel to boot"},
		{[]string{"--kernel", "c"}, `find kernel "c": no such kernel`},
		{[]string{"--kernel", "a", "--boots", "0"}, "--boots 0"},
		{[]string{"--kernel", "a", "--timeout", "-1s"}, "--timeout -1s"},
		{[]string{"--kernel", "a", "--memory", "0"}, "--memory 0: must be positive, in MiB"},
		{[]string{"--kernel", "a", "--memory", "-5"}, "--memory -5: must be positive"},
		{[]string{"--kernel", "a", "--kernel", "b", "--kernel", "a", "--append", "x", "--append", "y"}, "--append is given 2 times for 3 kernels"},
		{[]string{"--kernel", "a", "--from", dir}, "--from boots nothing: leave out --kernel"},
		{[]string{"--from", dir, "--icount"}, "leave out --icount"},
		{[]string{"--from", filepath.Join(dir, "nothing")}, "no such file"},
		{[]string{"--from", t.TempDir()}, "there is neither a kernels.json nor"},
		{[]string{"--from", write("torn", `{"kernels"`)}, "read comparison"},
		{[]string{"--from", write("huge", `{"kernels":["a"],"boots":1000000000}`)}, "not a comparison"},
		{[]string{"--from", write("outside", `{"kernels":["../a"],"boots":1}`)}, "not the name of a folder"},
		{[]string{"--from", write("void", `{"kernels":["a"],"boots":1}`)}, "nothing was measured"},
		{[]string{"--kernel", "a", "--out", "/proc/no/such"}, "create --out"},
	} {
		g := twoKernels()
		code, _, stderr := runKernels(context.Background(), g, test.args...)
		if code != 2 || !strings.Contains(stderr, test.want) || len(g.booted) > 0 {
			t.Errorf("%v: exit %d, stderr %q, %d boots, want exit 2 and %q", test.args, code, stderr, len(g.booted), test.want)
		}
	}
}

func TestKernelsProgress(t *testing.T) {
	g := twoKernels()
	_, _, stderr := runKernels(context.Background(), g, "--kernel", "a", "--boots", "1", "-v", "--out", t.TempDir())
	if want := "boot 1/1: 6.1.0-1-amd64, number 1 of 1\nboot 1/1: 6.1.0-1-amd64 took 0s\n"; stderr != want {
		t.Errorf("stderr %q, want %q", stderr, want)
	}
}
