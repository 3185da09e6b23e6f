package compare

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"tunbench/bench/setup"
	"tunbench/harness/host"
	"tunbench/harness/trial"
	"tunbench/reports/record"
)

// lacking skips a test for want of a program. CI must have the program.
func lacking(t *testing.T, what string) {
	t.Helper()
	if os.Getenv("CI") == "true" {
		t.Fatal(what)
	}
	t.Skip(what)
}

// tunref is the C program that tunbench is compared with, compiled, as a build.
func tunref(t *testing.T) *Build {
	t.Helper()
	if _, err := exec.LookPath("cc"); err != nil {
		lacking(t, "cc is missing: scripts/setup.sh test installs it")
	}
	if os.Geteuid() != 0 {
		lacking(t, "needs root: network namespaces and TUN/TAP devices are made")
	}
	sources, err := filepath.Glob("../../scripts/cref/*.c")
	if err != nil || len(sources) == 0 {
		t.Fatalf("sources: %v, %v", sources, err)
	}
	path := filepath.Join(t.TempDir(), "tunref")
	args := append([]string{"-std=gnu11", "-O2", "-Wall", "-Wextra", "-Werror", "-pthread", "-o", path}, sources...)
	if out, err := exec.Command("cc", args...).CombinedOutput(); err != nil {
		t.Fatalf("cc: %v\n%s", err, out)
	}
	b, err := FindBuild(context.Background(), path)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// tunrefSide is a side that a new process of b measures by the given axes, on the first
// two CPUs.
func tunrefSide(t *testing.T, b *Build, axes, hook string) *remote {
	t.Helper()
	v, err := ParseVariant(Variant{must(setup.New(nil)), hook}, axes)
	if err != nil {
		t.Fatal(err)
	}
	s := setup.Spec(v.Scenario)
	s.Warmup, s.Measure, s.Window = 20*time.Millisecond, 60*time.Millisecond, 10*time.Millisecond
	cpus, err := host.Usable(nil)
	if err != nil {
		t.Fatal(err)
	}
	s.CPUs = []int{cpus[0], cpus[min(1, len(cpus)-1)]}
	w, err := b.start(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	return &remote{worker: w, task: newTask(v, s, record.Floor{}), limit: time.Minute}
}

func TestTunref(t *testing.T) {
	b := tunref(t)
	if b.Tool.Version != "tunref" {
		t.Errorf("tool %+v", b.Tool)
	}
	for _, axes := range []string{"io=read", "io=spin size=1500", "dir=u2k", "dir=u2k io=spin size=576"} {
		t.Run(axes, func(t *testing.T) {
			sides := [2]trial.Side{tunrefSide(t, b, axes, record.HookNone), tunrefSide(t, b, axes, record.HookNone)}
			s := setup.Spec(must(setup.New(nil)))
			s.Measure, s.Window = 60*time.Millisecond, 10*time.Millisecond
			trials, err := trial.TakeTurns(context.Background(), sides, s, 1)
			if err != nil {
				t.Fatal(err)
			}
			for _, got := range trials {
				var pkts uint64
				for _, w := range got.Windows {
					pkts += w.Pkts
				}
				a := got.Accounting
				if a.Unexplained != 0 || a.Accepted == 0 || a.Accepted != a.Delivered+a.DroppedTotal() || a.Delivered < pkts || pkts == 0 {
					t.Errorf("%d packets in windows, accounts %+v", pkts, a)
				}
				if got.Metrics[record.PPS] <= 0 || len(got.Windows) < 6 || got.DurationNs < int64(60*time.Millisecond) {
					t.Errorf("%d windows, %d ns, metrics %v", len(got.Windows), got.DurationNs, got.Metrics)
				}
				if d := got.Device; d.Qdisc != "noqueue" || d.TxQLen != 500 || d.MTU != 1500 || len(d.Offloads) == 0 || strings.Join(d.Flags, " ") != "IFF_TUN IFF_NO_PI" {
					t.Errorf("device %+v", d)
				}
			}
		})
	}
}

// Threads that are held use no CPU.
func TestTunrefHolds(t *testing.T) {
	b, ctx := tunref(t), context.Background()
	for _, axes := range []string{"io=read", "io=spin", "dir=u2k"} {
		p := tunrefSide(t, b, axes, record.HookNone)
		for _, step := range []trial.Step{trial.Build, trial.Start, trial.Warm} {
			if err := p.Do(ctx, step); err != nil {
				t.Fatal(err)
			}
		}
		if _, err := p.Turn(ctx); err != nil {
			t.Fatal(err)
		}
		before := cpuTime(t, p.cmd.Process.Pid)
		time.Sleep(100 * time.Millisecond)
		if used := cpuTime(t, p.cmd.Process.Pid) - before; used > 2*time.Millisecond {
			t.Errorf("%s: %v of CPU time in 100 ms between turns", axes, used)
		}
		if err := p.Close(); err != nil {
			t.Error(err)
		}
	}
}

// cpuTime is that of all threads of a process.
func cpuTime(t *testing.T, pid int) (sum time.Duration) {
	t.Helper()
	files, err := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/schedstat", pid))
	if err != nil || len(files) < 3 {
		t.Fatalf("threads: %v, %v", files, err)
	}
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		first, _, _ := strings.Cut(string(text), " ")
		ns, err := strconv.ParseInt(first, 10, 64)
		if err != nil {
			t.Fatal(err)
		}
		sum += time.Duration(ns)
	}
	return sum
}

func TestTunrefRefuses(t *testing.T) {
	b, ctx := tunref(t), context.Background()
	for axes, want := range map[string]string{
		"vnet=10":             "tunref does not measure vnet=10, only dir=k2u",
		"gen=udp-gso vnet=10": "tunref does not measure gen=udp-gso",
		"io=poll":             "io=poll",
		"dir=both":            "dir=both",
		"size=imix":           "size=imix",
		"load=1000pps":        "load=1000pps",
		"observed":            "no observer",
	} {
		hook := record.HookNone
		if axes == "observed" {
			axes, hook = "", record.HookTracepoint
		}
		p := tunrefSide(t, b, axes, hook)
		err := p.Do(ctx, trial.Build)
		var fault *workerError
		if !errors.As(err, &fault) || fault.reason != "unsupported" || !strings.Contains(fault.detail, want) {
			t.Errorf("%s: %v", axes, err)
		}
		// It goes on to answer.
		if err := p.Do(ctx, trial.Start); err == nil || !strings.Contains(err.Error(), "no device was built") {
			t.Errorf("%s: start: %v", axes, err)
		}
		if err := p.Close(); err != nil {
			t.Error(err)
		}
	}
}

// compare-c.sh turns verdicts of tunbench ab into ratios, and --check fails only if the
// whole interval is below the goal.
func TestCompareC(t *testing.T) {
	if _, err := exec.LookPath("jq"); err != nil {
		lacking(t, "jq is missing: scripts/setup.sh test installs it")
	}
	verdicts := func(change, low, high float64) string {
		return fmt.Sprintf(`{"scenario":"Tun/dir=k2u/gen=udp/io=spin/queues=1/size=64","metric":"pps","base":1000000,"new":900000,"change":%g,"ci":[%g,%g],"n":10,"verdict":"x","notes":[]}`, change, low, high)
	}
	for name, test := range map[string]struct {
		ab   string // what it prints
		code int    // how it ends
		args string
		exit int
		want string
	}{
		"below":        {verdicts(-0.1, -0.12, -0.08), 1, "--check", 1, "the ratio is at most 0.920, below 1.00"},
		"not checked":  {verdicts(-0.1, -0.12, -0.08), 1, "", 0, "0.900  0.880 to 0.920     10  1.00"},
		"open":         {verdicts(-0.1, -0.2, 0.01), 0, "--check", 0, "0.900  0.800 to 1.010"},
		"above":        {verdicts(0.1, 0.08, 0.12), 0, "--check", 0, "1.100  1.080 to 1.120"},
		"lower goal":   {verdicts(-0.1, -0.12, -0.08), 1, "--check --goal 0.9", 0, "0.900"},
		"higher goal":  {verdicts(0.1, 0.08, 0.12), 0, "--check --goal 1.2", 1, "at most 1.120, below 1.20"},
		"json":         {verdicts(0.1, 0.08, 0.12), 0, "--check --json", 0, `"ci":[1.08,1.12],"n":10,"goal":1`},
		"disturbed":    {`{"scenario":"Tun/dir=k2u/gen=udp/io=spin/queues=1/size=64","metric":"pps","n":3,"verdict":"invalid","notes":["too few pairs"]}`, 3, "--check", 3, "not judged: invalid; too few pairs"},
		"failed":       {"", 2, "", 2, "tunbench ab failed"},
		"no such flag": {"", 0, "--oi spin", 2, "--oi: no such flag"},
	} {
		fake := filepath.Join(t.TempDir(), "tunbench")
		if err := os.WriteFile(fake, fmt.Appendf(nil, "#!/bin/sh\nprintf '%%s\\n' '%s'\nexit %d\n", test.ab, test.code), 0o755); err != nil {
			t.Fatal(err)
		}
		cmd := exec.Command("../../scripts/compare-c.sh", append([]string{"--io", "spin", "--cpus", "0,1"}, strings.Fields(test.args)...)...)
		cmd.Env = append(os.Environ(), "TUNBENCH="+fake)
		out, err := cmd.CombinedOutput()
		if code := cmd.ProcessState.ExitCode(); code != test.exit || !strings.Contains(string(out), test.want) {
			t.Errorf("%s: exit %d, %v\n%s", name, code, err, out)
		}
	}
}
