package main

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"tunbench/bench/kernels"
)

// bisectStandIn runs the command line of the process as main does, on kernels that are
// folders: their file `cost` holds the instructions of a packet, or `panic`. A folder below
// one named kernels is called as its release.
func bisectStandIn() int {
	g := &fakeGuests{releases: map[string]string{}, cost: map[string]float64{}}
	for i, arg := range os.Args {
		if arg != "--kernel" || i+1 == len(os.Args) {
			continue
		}
		name := os.Args[i+1]
		text, err := os.ReadFile(filepath.Join(name, "cost"))
		if err != nil {
			continue // there is no such kernel
		}
		g.releases[name] = "6.12.0"
		if filepath.Base(filepath.Dir(name)) == "kernels" {
			g.releases[name] = filepath.Base(name)
		}
		if g.cost[name], err = strconv.ParseFloat(strings.TrimSpace(string(text)), 64); err != nil {
			g.releases[name] = "6.12.0-panic"
		}
	}
	g.boot = func(_ int, release string) error {
		if strings.HasSuffix(release, "-panic") {
			return &kernels.BootError{Err: errors.New("the kernel panicked")}
		}
		return nil
	}
	code, stdout, stderr := runKernels(context.Background(), g, os.Args[2:]...)
	fmt.Print(stdout)
	fmt.Fprint(os.Stderr, stderr)
	return kernels.BisectCode(os.Args[1:], code)
}

// tree is a scratch repository whose commits are builds of a kernel. Its make only says
// whether the commit builds.
type tree struct {
	*testing.T
	dir, good, out string
	env            []string
}

// newTree makes a repository with a commit for each cost. A cost may also be `panic`, or
// `broken` for a commit that does not build.
func newTree(t *testing.T, good float64, costs ...string) tree {
	t.Helper()
	dir := t.TempDir()
	r := tree{t, filepath.Join(dir, "linux"), filepath.Join(dir, "good"), filepath.Join(dir, "out"), nil}
	bin := filepath.Join(dir, "bin")
	for _, d := range []string{r.dir, r.good, r.out, bin} {
		if err := os.MkdirAll(d, 0o777); err != nil {
			t.Fatal(err)
		}
	}
	r.write(filepath.Join(r.good, "cost"), fmt.Sprint(good))
	r.write(filepath.Join(bin, "make"), "#!/bin/sh\n! grep -q broken cost\n")
	r.env = append(os.Environ(), "PATH="+bin+":"+os.Getenv("PATH"), "HOME="+dir, "GIT_CONFIG_NOSYSTEM=1", "GIT_CEILING_DIRECTORIES="+dir,
		"GIT_AUTHOR_NAME=t", "GIT_AUTHOR_EMAIL=t@example.org", "GIT_COMMITTER_NAME=t", "GIT_COMMITTER_EMAIL=t@example.org",
		standInEnv+"=bisect", "TUNBENCH="+os.Args[0], "GOOD_KERNEL="+r.good, "BISECT_OUT="+r.out)
	r.git("init", "-q", "-b", "main")
	r.write(filepath.Join(r.dir, ".git", "info", "exclude"), ".config\n")
	r.write(filepath.Join(r.dir, ".config"), "")
	var history strings.Builder // as one command: hundreds of git commit take minutes
	for i, cost := range costs {
		data := func(text string) string { return fmt.Sprintf("data %d\n%s\n", len(text), text) }
		fmt.Fprintf(&history, "commit refs/heads/main\nmark :%d\ncommitter t <t@example.org> %d +0000\n%s", i+1, 1e9+i, data("build "+strconv.Itoa(i)))
		fmt.Fprintf(&history, "M 100644 inline cost\n%sM 100644 inline version\n%s", data(cost+"\n"), data(strconv.Itoa(i)))
		fmt.Fprintf(&history, "reset refs/tags/build-%d\nfrom :%d\n\n", i, i+1)
	}
	imported := exec.Command("git", "fast-import", "--quiet")
	imported.Dir, imported.Env, imported.Stdin = r.dir, r.env, strings.NewReader(history.String())
	if text, err := imported.CombinedOutput(); err != nil {
		t.Fatalf("git fast-import: %v\n%s", err, text)
	}
	r.git("reset", "-q", "--hard")
	return r
}

func (r tree) write(name, text string) {
	r.Helper()
	if err := os.WriteFile(name, []byte(text), 0o777); err != nil {
		r.Fatal(err)
	}
}

// git runs git in r, and fails the test if git fails.
func (r tree) git(args ...string) string {
	r.Helper()
	code, text := r.run("git", args...)
	if code != 0 {
		r.Fatalf("git %q: exit %d\n%s", args, code, text)
	}
	return text
}

// run runs a command in r.
func (r tree) run(name string, args ...string) (code int, output string) {
	r.Helper()
	cmd := exec.Command(name, args...)
	cmd.Dir, cmd.Env = r.dir, r.env
	text, err := cmd.CombinedOutput()
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		r.Fatal(err)
	}
	return cmd.ProcessState.ExitCode(), string(text)
}

var stepLog = regexp.MustCompile(`(?m)^git bisect (good|bad|skip) `)

// bisect runs git bisect between the first and the last commit, and gives the first bad
// build and how each step ended.
func (r tree) bisect(last int, flags ...string) (found string, steps []string) {
	r.Helper()
	script, err := filepath.Abs("../../../scripts/bisect.sh")
	if err != nil {
		r.Fatal(err)
	}
	r.git("bisect", "start", "build-"+strconv.Itoa(last), "build-0")
	text := r.git(append([]string{"bisect", "run", script}, flags...)...)
	for _, m := range stepLog.FindAllStringSubmatch(r.git("bisect", "log"), -1) {
		steps = append(steps, m[1])
	}
	m := regexp.MustCompile(`(?s)is the first bad commit.*?\n +build ([0-9]+)\n`).FindStringSubmatch(text)
	if m == nil {
		r.Fatalf("nothing was found:\n%s", text)
	}
	return m[1], steps
}

func bisectScript(t *testing.T) string {
	t.Helper()
	if _, err := exec.LookPath("git"); err != nil {
		t.Fatal("git is not installed: scripts/setup.sh installs it")
	}
	script, err := filepath.Abs("../../../scripts/bisect.sh")
	if err != nil {
		t.Fatal(err)
	}
	return script
}

// costsOf are 17 builds that differ by at most 0.1 %; from first on they cost 8 % more.
func costsOf(rng *rand.Rand, first int) (costs []string) {
	for i := range 17 {
		cost := 1000 * (1 + 0.002*(rng.Float64()-0.5))
		if i >= first {
			cost *= 1.08
		}
		costs = append(costs, strconv.FormatFloat(cost, 'f', 2, 64))
	}
	return costs
}

// A rise of 8 % in one of 16 builds is found in at most five steps, wherever it is.
func TestBisect(t *testing.T) {
	t.Parallel()
	bisectScript(t)
	for seed := range uint64(20) {
		t.Run(strconv.FormatUint(seed, 10), func(t *testing.T) {
			t.Parallel()
			rng := rand.New(rand.NewPCG(seed, 1))
			first := 1 + rng.IntN(16)
			found, steps := newTree(t, 1000, costsOf(rng, first)...).bisect(16, "-q")
			if found != strconv.Itoa(first) || len(steps) > 5 {
				t.Errorf("found build %s, want %d, in %d steps: %v", found, first, len(steps), steps)
			}
		})
	}
}

// Builds that do not build or boot are skipped, and the rise is found nevertheless.
func TestBisectSkips(t *testing.T) {
	t.Parallel()
	bisectScript(t)
	for _, what := range []string{"panic", "broken"} {
		costs := costsOf(rand.New(rand.NewPCG(7, 7)), 12)
		costs[8] = what // which git tries first
		found, steps := newTree(t, 1000, costs...).bisect(16, "-q", "--metric", "send_ns_per_pkt", "--threshold", "send_ns_per_pkt=4%")
		if found != "12" || len(steps) > 6 || steps[0] != "skip" || strings.Count(strings.Join(steps, " "), "skip") != 1 {
			t.Errorf("%s: found build %s in the steps %v", what, found, steps)
		}
	}
}

// The exit codes of a step are those that git understands, whatever happens in it.
func TestBisectStep(t *testing.T) {
	t.Parallel()
	script := bisectScript(t)
	for name, test := range map[string]struct {
		cost  string
		flags []string
		unset string // a variable
		code  int
		want  string
	}{
		"good":         {"1000", nil, "", 0, "bisect: good: none of 2 costs rose by more than its threshold; if this is the bad end, there is nothing to bisect\n"},
		"bad":          {"1080", nil, "", 1, "bisect: bad: send_ns_per_pkt of Tun/dir=k2u/gen=lockstep/queues=1/size=64 is 1,080 instead of 1,000 instructions, +8.0"},
		"panic":        {"panic", nil, "", 125, "the kernel panicked"},
		"broken":       {"broken", nil, "", 125, "does not build"},
		"a wrong flag": {"1000", []string{"--bots", "3"}, "", 128, "unknown flag: --bots"},
		"wrong use":    {"1000", []string{"--kernel", "x"}, "", 128, "name two, the good one first, not 3"},
		"no such base": {"1000", []string{"--append", "a", "--append", "b", "--append", "c"}, "", 128, "--append is given 3 times for 2 kernels"},
		"no scenario":  {"1000", []string{"--filter", "queues=17"}, "", 128, "the filter matches none of"},
		"no good one":  {"1000", nil, "GOOD_KERNEL", 128, "GOOD_KERNEL is not set"},
		"no tunbench":  {"1000", nil, "TUNBENCH", 128, "cannot be run: build it with make build"},
	} {
		t.Run(name, func(t *testing.T) {
			r := newTree(t, 1000, test.cost)
			copied := filepath.Join(t.TempDir(), "bisect.sh") // no tunbench is beside it
			text, err := os.ReadFile(script)
			if err != nil {
				t.Fatal(err)
			}
			r.write(copied, string(text))
			built := filepath.Join(t.TempDir(), "built")
			r.write(filepath.Join(r.dir, "..", "bin", "make"), "#!/bin/sh\ntouch "+built+"\n! grep -q broken cost\n")
			if test.unset != "" {
				r.env = append(r.env, test.unset+"=")
			}
			code, output := r.run(copied, test.flags...)
			if code != test.code || !strings.Contains(output, test.want) {
				t.Errorf("exit %d, want %d:\n%s", code, test.code, output)
			}
			// What no commit can change is found before one is built.
			if _, err := os.Stat(built); (err == nil) != (test.code < 128) {
				t.Errorf("exit %d, %v", code, err)
			}
		})
	}
	// What tunbench itself may end with.
	for ends, want := range map[int]int{0: 0, 1: 1, 2: 125, 3: 125, 125: 125, 130: 130, 134: 125} {
		r := newTree(t, 1000, "1000")
		fake := filepath.Join(r.out, "tunbench")
		r.write(fake, fmt.Sprintf("#!/bin/sh\ncase $* in *--check*) exit 0 ;; esac\nexit %d\n", ends))
		r.env = append(r.env, "TUNBENCH="+fake)
		if code, output := r.run(script); code != want {
			t.Errorf("tunbench exits with %d, the step with %d, want %d\n%s", ends, code, want, output)
		}
	}
	r := newTree(t, 1000, "1000")
	if err := os.Remove(filepath.Join(r.dir, ".config")); err != nil {
		t.Fatal(err)
	}
	if code, output := r.run(script); code != 128 || !strings.Contains(output, "has no .config") {
		t.Errorf("no .config: exit %d\n%s", code, output)
	}
}

// Wrong use of the command itself is 125 too, and only with --bisect-run.
func TestBisectRunWrongUse(t *testing.T) {
	t.Parallel()
	for _, args := range [][]string{
		{"--colour"}, {"--kernel", "a"}, {"now"}, {"--kernel", ""}, {"--from", "/nowhere"}, {"--kernel", "/nowhere", "--kernel", "/nowhere"},
		{"--kernel", "a", "--kernel", "b", "--metric", "pps"}, {"--from", "/nowhere", "--boots", "2"},
	} {
		for code, with := range map[int][]string{2: nil, 125: {"--bisect-run"}} {
			got, _, stderr := tunbench(context.Background(), fakeLab{}, nil, append(append([]string{"kernels"}, with...), args...)...)
			if got != code || stderr == "" {
				t.Errorf("%v %v: exit %d, want %d: %s", with, args, got, code, stderr)
			}
		}
	}
}

// Only the runs that a step is judged by are made, of the scenarios that the filter keeps,
// and in virtual time.
func TestBisectMeasuresLittle(t *testing.T) {
	t.Parallel()
	g := twoKernels()
	code, _, stderr := runKernels(context.Background(), g, "--bisect-run", "--kernel", "a", "--kernel", "patched", "--filter", "mode=tun size=64", "--out", t.TempDir())
	if code != 1 || !strings.Contains(stderr, "bisect: bad: ") || len(g.commands) != 1 || !strings.HasSuffix(strings.Join(g.commands[0], " "), " --filter mode=tun size=64") {
		t.Errorf("exit %d, %q\n%s", code, g.commands, stderr)
	}
	if !g.icount {
		t.Error("the guests were not booted in virtual time")
	}
	// A boot that failed is not judged, though the others could be.
	g = twoKernels()
	g.boot = func(n int, _ string) error {
		if n == 4 {
			return &kernels.BootError{Err: errors.New("no output")}
		}
		return nil
	}
	if code, _, stderr := runKernels(context.Background(), g, "--bisect-run", "--kernel", "a", "--kernel", "patched", "--out", t.TempDir()); code != exitFailure || !strings.Contains(stderr, "1 boot or run in a guest failed") {
		t.Errorf("a boot failed: exit %d\n%s", code, stderr)
	}
}

// A step ends with the first boot that fails, since nothing that follows can change its exit
// code. A comparison that is no bisection makes the other boots.
func TestBisectEndsWithTheFirstFailure(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		fails, boots int // the boot that fails, and how many are made
		flags        []string
		left         string
	}{
		{1, 1, []string{"--bisect-run"}, "3 further boots are left out"},
		{2, 2, []string{"--bisect-run"}, "2 further boots are left out"},
		{3, 3, []string{"--bisect-run"}, "1 further boot is left out"},
		{4, 4, []string{"--bisect-run"}, ""},
		{0, 4, []string{"--bisect-run"}, ""},
		{2, 4, nil, ""},
	} {
		g, boots := twoKernels(), 0
		g.boot = func(n int, _ string) error {
			boots++
			if n == tt.fails {
				return &kernels.BootError{Err: errors.New("the kernel panicked")}
			}
			return nil
		}
		code, _, stderr := runKernels(context.Background(), g, append(tt.flags, "--boots", "2", "--kernel", "a", "--kernel", "patched", "--out", t.TempDir())...)
		if want := map[bool]int{true: exitFailure, false: 1}[tt.fails > 0]; code != want || boots != tt.boots {
			t.Errorf("boot %d fails, %v: exit %d, want %d; %d boots, want %d\n%s", tt.fails, tt.flags, code, want, boots, tt.boots, stderr)
		}
		if strings.Contains(stderr, "left out: without that one") != (tt.left != "") || !strings.Contains(stderr, tt.left) {
			t.Errorf("boot %d fails, %v: no %q in\n%s", tt.fails, tt.flags, tt.left, stderr)
		}
	}
}
