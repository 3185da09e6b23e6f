package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"tunbench/harness/spec"
	"tunbench/reports/record"
	"tunbench/reports/render"
)

// process is a tunbench of its own, whose trials take 50 ms.
type process struct {
	*exec.Cmd
	stderr bytes.Buffer
}

// start starts one by the words of before, if there are any, such as nohup.
func start(t *testing.T, dir string, before []string, args ...string) *process {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	line := append(append(append([]string{}, before...), self), args...)
	p := &process{Cmd: exec.Command(line[0], line[1:]...)}
	p.Dir = dir
	p.Env = []string{standInEnv + "=slow", "HOME=" + dir, "PATH=" + os.Getenv("PATH")}
	p.Stderr = &p.stderr
	if err := p.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { p.Process.Kill(); p.Wait() })
	return p
}

// measured waits until the run in dir has n trials.
func measured(t *testing.T, dir string, n int) {
	t.Helper()
	for begin := time.Now(); time.Since(begin) < 30*time.Second; time.Sleep(10 * time.Millisecond) {
		text, _ := os.ReadFile(filepath.Join(dir, record.FileName))
		if bytes.Count(text, []byte(`{"kind":"trial"`)) >= n {
			return
		}
	}
	t.Fatalf("%s: no %d trials in 30 s", dir, n)
}

// ended gives the exit code of p, which must end by itself.
func (p *process) ended(t *testing.T) int {
	t.Helper()
	timeout := time.AfterFunc(60*time.Second, func() { p.Process.Kill() })
	defer timeout.Stop()
	err := p.Wait()
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		t.Fatal(err)
	}
	return p.ProcessState.ExitCode()
}

// wholeRun fails unless the run in dir has each of so many trials once, and an
// end.
func wholeRun(t *testing.T, dir string, trials int) {
	t.Helper()
	f := readRun(t, dir)
	if len(f.Trials) != trials || f.End == nil || len(f.Warnings) > 0 {
		t.Errorf("%s: %d trials of %d, end %+v, %q", dir, len(f.Trials), trials, f.End, f.Warnings)
	}
}

// readable fails unless report reads the run in dir.
func readable(t *testing.T, dir string) (stderr string) {
	t.Helper()
	code, stdout, stderr := tunbench(context.Background(), fakeLab{}, nil, "report", dir)
	if code != 0 || !strings.Contains(stdout, "# tunbench") {
		t.Errorf("report of %s: exit %d, stderr %q", dir, code, stderr)
	}
	return stderr
}

// While a run lives nothing else writes into its folder, and who tries is told
// which process does. Killed outright, it leaves no lock, and the run is resumed.
func TestTwoWriters(t *testing.T) {
	t.Chdir(t.TempDir())
	shard := runArgs("shard", "--shard", "1/1", "--trials", "1")
	if code, _, stderr := tunbench(context.Background(), fakeLab{}, nil, shard...); code != 0 {
		t.Fatalf("exit %d, stderr %q", code, stderr)
	}
	p := start(t, ".", nil, runArgs("x", "--trials", "20")...)
	measured(t, "x", 3)
	before := len(readRun(t, "x").Trials)
	holder := fmt.Sprintf("x/run.jsonl is being written by process %d on ", p.Process.Pid)
	for _, args := range [][]string{
		{"run", "--resume", "x"},
		{"run", "--resume", "x/run.jsonl"},
		runArgs("x"),
		{"ab", "--a", "size=64", "--b", "size=1500", "--out", "x"},
		{"merge", "shard", "--out", "x"},
	} {
		begin := time.Now()
		code, stdout, stderr := tunbench(context.Background(), fakeLab{}, nil, args...)
		if code != 2 || stdout != "" || !strings.Contains(stderr, holder) || !strings.Contains(stderr, " run --suite smoke") || time.Since(begin) > 10*time.Second {
			t.Errorf("%v: exit %d after %v, stderr %q", args, code, time.Since(begin), stderr)
		}
	}
	if stderr := readable(t, "x"); !strings.Contains(stderr, fmt.Sprintf("x: is being written by process %d", p.Process.Pid)) {
		t.Errorf("report of a run that lives: stderr %q", stderr)
	}

	p.Process.Kill()
	p.ended(t)
	if f := readRun(t, "x"); len(f.Trials) < before || f.End != nil {
		t.Errorf("killed: %d trials, %d before, end %+v", len(f.Trials), before, f.End)
	}
	if stderr := readable(t, "x"); stderr != "" {
		t.Errorf("report of a killed run: stderr %q", stderr)
	}
	first, second := start(t, ".", nil, "run", "--resume", "x"), start(t, ".", nil, "run", "--resume", "x")
	codes := []int{first.ended(t), second.ended(t)}
	loser := first
	if codes[0] == 0 {
		loser = second
	}
	if codes[0]+codes[1] != 2 || codes[0] == codes[1] || !strings.Contains(loser.stderr.String(), "x/run.jsonl is being written by process ") {
		t.Errorf("two that resume: exit %v, stderr %q and %q", codes, first.stderr.String(), second.stderr.String())
	}
	wholeRun(t, "x", 80)
	readable(t, "x")
	if code, _, stderr := tunbench(context.Background(), fakeLab{}, nil, "merge", "shard", "--out", "merged"); code != 0 {
		t.Errorf("merge: exit %d, stderr %q", code, stderr)
	}
	if code, _, stderr := tunbench(context.Background(), fakeLab{}, nil, "merge", "shard", "--out", "merged"); code != 2 || !strings.Contains(stderr, "merged/run.jsonl holds a run already") {
		t.Errorf("merge again: exit %d, stderr %q", code, stderr)
	}
}

// notIgnored lets what the test starts begin with the default of sig, also where
// the test itself was started to ignore it, as nohup does with SIGHUP and a shell
// with the SIGINT of a job in the background: a process inherits that a signal is
// ignored, but not that it is caught.
func notIgnored(t *testing.T, sig os.Signal) {
	caught := make(chan os.Signal, 1)
	signal.Notify(caught, sig)
	t.Cleanup(func() { signal.Stop(caught) })
}

// A terminal that goes away ends a run as SIGTERM does; nohup keeps it running.
func TestHangup(t *testing.T) {
	notIgnored(t, syscall.SIGHUP)
	ended := func(t *testing.T, dir string, p *process, code int) {
		t.Helper()
		if code != exitInterrupted {
			t.Errorf("exit %d, stderr %q", code, p.stderr.String())
		}
		if f := readRun(t, filepath.Join(dir, "x")); len(f.Trials) < 3 || f.End != nil {
			t.Errorf("%d trials, end %+v", len(f.Trials), f.End)
		}
		text, err := os.ReadFile(filepath.Join(dir, "x", render.ReportName))
		if err != nil || !bytes.Contains(text, []byte("was interrupted")) {
			t.Errorf("report: %v, %.100q", err, text)
		}
		readable(t, filepath.Join(dir, "x"))
	}
	for name, sig := range map[string]syscall.Signal{"SIGHUP": syscall.SIGHUP, "SIGTERM": syscall.SIGTERM, "SIGINT": syscall.SIGINT} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			dir := t.TempDir()
			p := start(t, dir, nil, runArgs("x", "--trials", "20")...)
			measured(t, filepath.Join(dir, "x"), 3)
			p.Process.Signal(sig)
			// SIGHUP comes once by the shell and once by the kernel, any other by timeout(1) to the
			// process and to its group.
			for range 20 {
				time.Sleep(time.Millisecond)
				p.Process.Signal(sig)
			}
			ended(t, dir, p, p.ended(t))
			if !strings.Contains(p.stderr.String(), "interrupted: ") {
				t.Errorf("stderr %q", p.stderr.String())
			}
		})
	}
	t.Run("ab", func(t *testing.T) {
		t.Parallel()
		dir := t.TempDir()
		p := start(t, dir, nil, "ab", "--a", "size=64", "--b", "size=1500", "--trials", "20", "--out", "x")
		measured(t, filepath.Join(dir, "x"), 3)
		p.Process.Signal(syscall.SIGHUP)
		if code := p.ended(t); code != exitInterrupted {
			t.Errorf("exit %d, stderr %q", code, p.stderr.String())
		}
		if _, err := os.Stat(filepath.Join(dir, "x", render.ReportName)); err != nil {
			t.Error(err)
		}
	})
	// What read from both outputs is gone too, as with `| tee log` in a terminal.
	t.Run("nobody reads", func(t *testing.T) {
		t.Parallel()
		dir := t.TempDir()
		r, w, err := os.Pipe()
		if err != nil {
			t.Fatal(err)
		}
		self, err := os.Executable()
		if err != nil {
			t.Fatal(err)
		}
		p := &process{Cmd: exec.Command(self, runArgs("x", "--trials", "20")...)}
		p.Dir, p.Env, p.Stdout, p.Cmd.Stderr = dir, []string{standInEnv + "=slow", "HOME=" + dir}, w, w
		if err := p.Start(); err != nil {
			t.Fatal(err)
		}
		w.Close()
		r.Close()
		measured(t, filepath.Join(dir, "x"), 3)
		p.Process.Signal(syscall.SIGHUP)
		ended(t, dir, p, p.ended(t))
	})
	t.Run("nohup", func(t *testing.T) {
		t.Parallel()
		dir := t.TempDir()
		p := start(t, dir, []string{"nohup"}, runArgs("x", "--trials", "5")...)
		measured(t, filepath.Join(dir, "x"), 3)
		p.Process.Signal(syscall.SIGHUP)
		if code := p.ended(t); code != 0 {
			t.Errorf("exit %d, stderr %q", code, p.stderr.String())
		}
		wholeRun(t, filepath.Join(dir, "x"), 20)
	})
}

// Where there is no room for a record, the whole ones before it stay, the error
// says which file and what to do, and the run is resumed when there is room.
func TestFullDisk(t *testing.T) {
	full := func(t *testing.T, dir, out string, p *process, want string) {
		t.Helper()
		if code := p.ended(t); code != exitFailure {
			t.Errorf("exit %d, stderr %q", code, p.stderr.String())
		}
		for _, want := range []string{"write trial ", filepath.Join(out, record.FileName), want, "make room there, then continue with tunbench run --resume " + out} {
			if !strings.Contains(p.stderr.String(), want) {
				t.Errorf("stderr %q, want %q in it", p.stderr.String(), want)
			}
		}
		out = filepath.Join(dir, out)
		f := readRun(t, out)
		if len(f.Trials) < 2 || f.End != nil || len(f.Warnings) > 0 {
			t.Errorf("%d trials, end %+v, %q", len(f.Trials), f.End, f.Warnings)
		}
		readable(t, out)
		left, err := filepath.Glob(filepath.Join(out, ".*"))
		if err != nil || len(left) > 0 {
			t.Errorf("left behind: %v, %v", left, err)
		}
	}
	t.Run("limit on the size of files", func(t *testing.T) {
		dir := t.TempDir()
		p := start(t, dir, []string{"prlimit", "--fsize=20000", "--"}, runArgs("x", "--trials", "20")...)
		full(t, dir, "x", p, "file too large")
		if p := start(t, dir, nil, "run", "--resume", "x"); p.ended(t) != 0 {
			t.Errorf("resumed: stderr %q", p.stderr.String())
		}
		wholeRun(t, filepath.Join(dir, "x"), 80)
	})
	t.Run("disk", func(t *testing.T) {
		lack := t.Skipf
		if os.Getenv("CI") == "true" {
			lack = t.Fatalf
		}
		if os.Getuid() != 0 {
			lack("needs root: to mount a disk of 24 KiB")
		}
		dir := t.TempDir()
		if err := os.Mkdir(filepath.Join(dir, "disk"), 0o777); err != nil {
			t.Fatal(err)
		}
		// Nobody else sees the disk, and it goes with the last process in there.
		p := start(t, dir, []string{"unshare", "--mount", "sh", "-c", `mount -t tmpfs -o size=24k none disk && "$@"; code=$?; mkdir kept && cp -r disk/. kept && exit $code`, "-"},
			runArgs("disk", "--trials", "20")...)
		code := p.ended(t)
		if strings.Contains(p.stderr.String(), "unshare failed") || strings.Contains(p.stderr.String(), "mount: ") {
			lack("needs a mount namespace: %s", p.stderr.String())
		}
		if code != exitFailure || !strings.Contains(p.stderr.String(), "disk/run.jsonl: no space left on device: what was finished is kept: make room there, then continue with tunbench run --resume disk") {
			t.Errorf("exit %d, stderr %q", code, p.stderr.String())
		}
		if f := readRun(t, filepath.Join(dir, "kept")); len(f.Trials) < 2 || f.End != nil || len(f.Warnings) > 0 {
			t.Errorf("%d trials, end %+v, %q", len(f.Trials), f.End, f.Warnings)
		}
		readable(t, filepath.Join(dir, "kept"))
	})
}

// A run is resumed by its own plan: an edited suite is refused with what differs,
// and found again from another folder.
func TestResumePlan(t *testing.T) {
	dir := t.TempDir()
	t.Chdir(dir)
	suite := func(text string) {
		t.Helper()
		if err := os.WriteFile("mine.yaml", []byte(text), 0o666); err != nil {
			t.Fatal(err)
		}
	}
	const text = "# mine\npairs: 3\nwarmup: 10ms\nmeasure: 200ms\nwindow: 50ms\nscenarios:\n- {size: [64, 1500]}\n"
	suite(text)
	ctx, cancel := context.WithCancel(context.Background())
	n := 0
	lab := fakeLab{run: func(s spec.Spec, _ string) (record.Trial, error) {
		if n++; n == 4 {
			cancel()
		}
		return record.Trial{DurationNs: int64(s.Measure), Metrics: map[string]float64{record.PPS: 1e6}}, nil
	}}
	if code, _, stderr := tunbench(ctx, lab, nil, "run", "--suite", "mine.yaml", "--out", "x"); code != exitInterrupted {
		t.Fatalf("exit %d, stderr %q", code, stderr)
	}
	plan := readRun(t, "x").Run.Plan
	if plan == nil || plan.SuiteFile != filepath.Join(dir, "mine.yaml") || len(plan.Hash) != 64 || plan.Pairs != 3 || len(plan.Timings) != 1 || plan.Timings[0].MeasureNs != 2e8 || len(plan.Timings[0].Scenarios) != 2 {
		t.Fatalf("plan %+v", plan)
	}
	was, err := os.ReadFile("x/run.jsonl")
	if err != nil {
		t.Fatal(err)
	}
	sub := filepath.Join(dir, "a", "b")
	if err := os.MkdirAll(sub, 0o777); err != nil {
		t.Fatal(err)
	}
	for _, test := range []struct{ name, old, new, want string }{
		{"measured time", "200ms", "100ms", "measured time: 200ms then, 100ms now; put " + filepath.Join(dir, "mine.yaml") + " back as it was, or begin a new run"},
		{"warm-up", "10ms", "20ms", "warm-up: 10ms then, 20ms now"},
		{"window", "50ms", "40ms", "window: 50ms then, 40ms now"},
		{"pairs", "pairs: 3", "pairs: 4", "pairs: 3 then, 4 now"},
		{"a scenario less", "[64, 1500]", "[64]", "no longer in the plan: Tun/dir=k2u/gen=udp/queues=1/size=1500"},
		{"a scenario more", "[64, 1500]", "[64, 1500, 9000]", "new in the plan: Tun/dir=k2u/gen=udp/queues=1/size=9000"},
		{"the order", "[64, 1500]", "[1500, 64]", "plan: the order of its scenarios"},
		{"the name", "# mine", "name: other", "suite: mine then, other now"},
	} {
		suite(strings.Replace(text, test.old, test.new, 1))
		code, _, stderr := tunbench(context.Background(), lab, nil, "run", "--resume", "x")
		if code != exitFailure || !strings.Contains(stderr, "the result would not be one run: "+test.want) {
			t.Errorf("%s: exit %d, stderr %q", test.name, code, stderr)
		}
		if now, err := os.ReadFile("x/run.jsonl"); err != nil || !bytes.Equal(now, was) {
			t.Errorf("%s: the file is another one: %v", test.name, err)
		}
	}
	if err := os.Remove("mine.yaml"); err != nil {
		t.Fatal(err)
	}
	if code, _, stderr := tunbench(context.Background(), lab, nil, "run", "--resume", "x"); code != exitFailure || !strings.Contains(stderr, "open "+filepath.Join(dir, "mine.yaml")+": no such file") {
		t.Errorf("without the suite: exit %d, stderr %q", code, stderr)
	}
	suite("# a remark changes nothing\n" + text)
	t.Chdir(sub)
	if code, _, stderr := tunbench(context.Background(), lab, nil, "run", "--resume", "../../x"); code != 0 {
		t.Errorf("from another folder: exit %d, stderr %q", code, stderr)
	}
	wholeRun(t, filepath.Join(dir, "x"), 12)

	// A file without a plan is one of an older tunbench.
	t.Chdir(dir)
	other := strings.Replace(string(was), `"plan":{`, `"was":{`, 1)
	if err := errors.Join(os.Mkdir("old", 0o777), os.WriteFile("old/run.jsonl", []byte(other), 0o666)); err != nil {
		t.Fatal(err)
	}
	if code, _, stderr := tunbench(context.Background(), lab, nil, "run", "--resume", "old"); code != exitFailure || !strings.Contains(stderr, "plan: its file does not say what it was; begin a new one") {
		t.Errorf("without a plan: exit %d, stderr %q", code, stderr)
	}
}

// What --resume names is a run's folder, or the file in it.
func TestResumeNames(t *testing.T) {
	dir := t.TempDir()
	for _, name := range []string{"part.jsonl", "report.md"} {
		if err := os.WriteFile(filepath.Join(dir, name), nil, 0o666); err != nil {
			t.Fatal(err)
		}
	}
	for name, want := range map[string]string{
		"part.jsonl": "part.jsonl is a file: name the folder of a run, or the run.jsonl in it",
		"report.md":  "report.md is a file: name the folder of a run",
		"":           "there is no run.jsonl in it: name the folder of a run",
		"none":       "no such file or directory",
	} {
		if code, _, stderr := tunbench(context.Background(), fakeLab{}, nil, "run", "--resume", filepath.Join(dir, name)); code != exitFailure || !strings.Contains(stderr, want) {
			t.Errorf("%q: exit %d, stderr %q", name, code, stderr)
		}
	}
}
