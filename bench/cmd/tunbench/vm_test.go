package main

import (
	"bytes"
	"context"
	"errors"
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"tunbench/harness/vm"
	"tunbench/harness/vm/guest"
	"tunbench/harness/vm/kernel"
	"tunbench/reports/record"
)

func TestForGuest(t *testing.T) {
	suite := filepath.Join(t.TempDir(), "mine.yaml")
	if err := os.WriteFile(suite, []byte("name: mine\n"), 0o666); err != nil {
		t.Fatal(err)
	}
	const inGuest = guestSuites + "/mine.yaml"
	file := map[string][]byte{inGuest: []byte("name: mine\n")}
	for _, test := range []struct {
		args string
		want string
		out  string
		file bool
		err  string
	}{
		{"version", "version", "", false, ""},
		{"run --suite smoke", "run --suite smoke --out " + guestOut, "", false, ""},
		{"-q run --out here --suite=smoke", "-q run --suite=smoke --out " + guestOut, "here", false, ""},
		{"run --out=here", "run --out " + guestOut, "here", false, ""},
		{"run --suite " + suite + " --trials 1", "run --suite " + inGuest + " --trials 1 --out " + guestOut, "", true, ""},
		{"list --suite=" + suite, "list --suite " + inGuest, "", true, ""},
		{"run --suite ./lost.yaml", "", "", false, "open suite: open ./lost.yaml"},
		{"vm --kernel 6.1", "", "", false, "a guest boots no guests"},
		{"run --out", "run --out --out " + guestOut, "", false, ""}, // rehearse says what is wrong with it
	} {
		g, err := forGuest(strings.Fields(test.args))
		if test.err != "" {
			if err == nil || !strings.Contains(err.Error(), test.err) {
				t.Errorf("%s: %v, want %q", test.args, err, test.err)
			}
			continue
		}
		if err != nil {
			t.Errorf("%s: %v", test.args, err)
			continue
		}
		want := map[string][]byte{}
		if test.file {
			want = file
		}
		if got := strings.Join(g.job.Commands[0], " "); got != test.want || g.hostOut != test.out {
			t.Errorf("%s: %q, out %q, want %q, out %q", test.args, got, g.hostOut, test.want, test.out)
		}
		if d := cmp.Diff(want, g.job.Files); d != "" {
			t.Errorf("%s: files (-want +got):\n%s", test.args, d)
		}
	}
}

func TestVMWrongUse(t *testing.T) {
	dir := t.TempDir()
	t.Setenv("XDG_CACHE_HOME", dir)
	for args, want := range map[string]string{
		"vm":                                     "after --",
		"vm --kernel 6.1 run":                    "after --",
		"vm -- version":                          "give --kernel",
		"vm --kernel 6.1 -- version":             kernel.FetchScript,
		"vm --kernel " + dir + " -- version":     "holds no kernel",
		"vm --kernel 6.1 --boots 0 -- version":   "--boots 0",
		"vm --kernel 6.1 --timeout 0 -- run":     "--timeout 0s",
		"vm --kernel 6.1 --smp=-1 -- run":        "--smp -1",
		"vm --kernel 6.1 --out a -- run --out b": "leave one of them out",
		// What is wrong with the guest's command is told before a kernel is looked for.
		"vm --kernel 6.1 -- runn":                  `unknown command "runn" for "tunbench"`,
		"vm --kernel 6.1 -- run --nonsense":        "unknown flag: --nonsense; see tunbench run --help",
		"vm --kernel 6.1 -- run --suite nope":      `no suite "nope"`,
		"vm --kernel 6.1 -- run --suite lost.yaml": "open suite",
		"vm --kernel 6.1 -- run --set nope=1":      `"nope"`,
		"vm --kernel 6.1 -- run --set mode=tup":    "no such value",
		"vm --kernel 6.1 -- run extra":             `"extra"`,
		"vm --kernel 6.1 -- run --trials 0":        "--trials 0",
		"vm --kernel 6.1 -- run --format nope":     `"nope"`,
		"vm --kernel 6.1 -- run --out":             "flag needs an argument: --out",
		"vm --kernel 6.1 -- run -q -v":             "none of the others can be",
		"vm --kernel 6.1 -- run --resume x":        "a guest has none of the files of this host",
		"vm --kernel 6.1 -- report x":              "a guest has none of the files of this host",
		"vm --kernel 6.1 -- list --hook nope":      `--hook "nope"`,
		"vm --kernel 6.1 -- ab":                    "at least one of the flags",
		"vm --kernel 6.1 -- ab --a nope=1":         `"nope"`,
		"vm --kernel 6.1 -- doctor --nonsense":     "unknown flag: --nonsense; see tunbench doctor --help",
	} {
		if runtime.GOARCH != "amd64" && strings.Contains(want, "/") {
			continue
		}
		code, stdout, stderr := tunbench(context.Background(), fakeLab{}, nil, strings.Fields(args)...)
		if code != exitFailure || stdout != "" || !strings.HasPrefix(stderr, "tunbench: ") || !strings.Contains(stderr, want) {
			t.Errorf("%s: exit %d, stdout %q, stderr %q, want %q", args, code, stdout, stderr, want)
		}
	}
}

func TestHandOver(t *testing.T) {
	out := filepath.Join(t.TempDir(), "run")
	r := &vm.Result{
		Files: map[string][]byte{"tunbench-files/run.jsonl": []byte("{}\n"), "tunbench-files/sub/a.svg": nil, "other": nil},
		Commands: []guest.CommandResult{
			{Args: []string{"run"}, Exit: 3, Stdout: []byte("report: " + guestOut + "/report.md\n"), Stderr: []byte("2 trials are invalid\n")},
		},
	}
	var stdout, stderr bytes.Buffer
	a := &app{stdout: &stdout, stderr: &stderr}
	files := &guestFiles{dir: out, prefix: guestPrefix}
	if err := errors.Join(files.claim(), files.Begin(), files.Console("tunbench-init: ready")); err != nil {
		t.Fatal(err)
	}
	code, err := a.handOver(r, guestCommand{}, files)
	if err != nil || code != 3 {
		t.Fatalf("exit %d, %v", code, err)
	}
	if want := "report: " + out + "/report.md\n"; stdout.String() != want || stderr.String() != "2 trials are invalid\n" {
		t.Errorf("stdout %q, want %q; stderr %q", stdout.String(), want, stderr.String())
	}
	var names []string
	err = filepath.WalkDir(out, func(path string, d os.DirEntry, err error) error {
		if err == nil && !d.IsDir() {
			names = append(names, strings.TrimPrefix(path, out+"/"))
		}
		return err
	})
	if want := []string{consoleName, "run.jsonl", "sub/a.svg"}; err != nil || !cmp.Equal(names, want) {
		t.Errorf("files %v, %v, want %v", names, err, want)
	}
	again := &guestFiles{dir: out, prefix: guestPrefix}
	if err := again.claim(); err == nil || !strings.Contains(err.Error(), "choose another --out") {
		t.Errorf("claimed twice: %v", err)
	}
	if _, err := a.handOver(r, guestCommand{}, again); err == nil || !strings.Contains(err.Error(), "choose another --out") {
		t.Errorf("again: %v", err)
	}
	r.Files = nil
	r.Commands[0].Exit, r.Commands[0].Error = 137, "killed by SIGKILL"
	if code, err := a.handOver(r, guestCommand{}, again); err != nil || code != exitFailure {
		t.Errorf("killed: exit %d, %v", code, err)
	}
	if !strings.Contains(stderr.String(), "in the guest: run: killed by SIGKILL") {
		t.Errorf("stderr %q", stderr.String())
	}
}

// A command line is refused with what the command itself would say, and one that
// is right measures nothing when it is rehearsed.
func TestRehearse(t *testing.T) {
	for _, args := range []string{"runn", "run --nonsense", "run --suite nope", "run --set size=0", "run --trials=-1", "ab --a size", "list --shard 3/2", "version extra"} {
		code, _, native := tunbench(context.Background(), fakeLab{}, nil, strings.Fields(args)...)
		a := &app{}
		_, err := a.rehearse(strings.Fields(args))
		if code != exitFailure || err == nil || "tunbench: "+err.Error()+"\n" != native {
			t.Errorf("%s: exit %d, %q, rehearsed: %v", args, code, native, err)
		}
	}
	for args, want := range map[string]rehearsal{
		"version":       {command: "version"},
		"doctor --json": {command: "doctor"},
		"list":          {command: "list"},
		"run --suite smoke --filter size=64 --trials 3 --arm bare --json --format csv": {command: "run", ofArm: 3, arms: 1, format: "csv", asJSON: true},
		"-q ab --a size=64 --b size=65": {command: "ab"},
	} {
		a := &app{} // without a lab: it would crash
		got, err := a.rehearse(strings.Fields(args))
		if want.command == "run" && got.trials > 0 && got.trials%want.ofArm == 0 {
			want.trials = got.trials
		}
		if err != nil || got != want {
			t.Errorf("%s: %+v, %v, want %+v", args, got, err, want)
		}
	}
}

// What a guest hands out is on the disk at once, and what is lost on the way
// leaves the records before it.
func TestGuestFiles(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "a", "b")
	var told []string
	g := &guestFiles{dir: dir, prefix: guestPrefix, tell: func(k record.Kind, arm string) { told = append(told, string(k)+arm) }}
	if err := errors.Join(g.claim(), g.Begin(), g.Console("[1] one"), g.Console("two")); err != nil {
		t.Fatal(err)
	}
	grow := func(name string, offset int, text string) {
		t.Helper()
		if err := g.Grow(name, int64(offset), []byte(text)); err != nil {
			t.Error(err)
		}
	}
	const header, trial, end = "{\"kind\":\"run\"}\n", "{\"kind\":\"trial\",\"arm\":\"bare\"}\n", "{\"kind\":\"end\"}\n"
	run := guestPrefix + record.FileName
	grow("other/file", 0, "not the user's")
	grow(run, 0, header)
	grow(run, len(header), trial)
	if got := readText(t, dir, record.FileName); got != header+trial {
		t.Errorf("run file %q", got)
	}
	grow(run, len(header)+2*len(trial), end) // one was lost
	if got := readText(t, dir, record.FileName); got != header+trial {
		t.Errorf("after a loss: run file %q", got)
	}
	if trials, whole := g.measured(); trials != 1 || len(whole) != 0 {
		t.Errorf("%d trials, %q whole", trials, whole)
	}
	if got := readText(t, dir, consoleName); got != "[1] one\ntwo\n" {
		t.Errorf("console %q", got)
	}
	if want := []string{"run", "trialbare"}; !cmp.Equal(told, want) {
		t.Errorf("told %q, want %q", told, want)
	}
	// The guest's own end replaces what was kept meanwhile.
	if err := errors.Join(g.complete(map[string][]byte{record.FileName: []byte(header + trial + trial + end), "report.md": nil}), g.close(true)); err != nil {
		t.Fatal(err)
	}
	if got := readText(t, dir, record.FileName); got != header+trial+trial+end {
		t.Errorf("at the end: run file %q", got)
	}
	// Another boot begins anew.
	g = &guestFiles{dir: filepath.Join(t.TempDir(), "c"), prefix: guestPrefix}
	if err := errors.Join(g.claim(), g.Begin(), g.Console("broken")); err != nil {
		t.Fatal(err)
	}
	grow(run, 0, header+trial+trial)
	if err := errors.Join(g.Begin(), g.Console("again")); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(filepath.Join(g.dir, record.FileName)); !errors.Is(err, os.ErrNotExist) || readText(t, g.dir, consoleName) != "again\n" {
		t.Errorf("of an earlier boot: run file: %v, console %q", err, readText(t, g.dir, consoleName))
	}
	// Nothing is left where nothing came.
	if err := g.close(false); err != nil {
		t.Error(err)
	}
	if _, err := os.Stat(g.dir); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("the folder: %v", err)
	}
}

// A folder that cannot be written is known before the boot, and so is one that
// holds what a guest would overwrite.
func TestClaim(t *testing.T) {
	dir := t.TempDir()
	file := filepath.Join(dir, "file")
	if err := os.WriteFile(file, nil, 0o666); err != nil {
		t.Fatal(err)
	}
	if err := (&guestFiles{dir: filepath.Join(file, "x")}).claim(); err == nil || !strings.Contains(err.Error(), "create --out: mkdir") {
		t.Errorf("below a file: %v", err)
	}
	if err := (&guestFiles{dir: "/proc"}).claim(); err == nil || !strings.Contains(err.Error(), "create --out") {
		t.Errorf("in /proc: %v", err)
	}
	if err := (&guestFiles{dir: dir}).Begin(); err == nil {
		t.Error("a folder that was not claimed is kept in")
	}
}

func TestBootProgress(t *testing.T) {
	var stderr bytes.Buffer
	now := time.Unix(1000, 0)
	run := func(quiet bool) string {
		stderr.Reset()
		b := newBootProgress(&stderr, quiet, false, 2, rehearsal{trials: 8, ofArm: 2, arms: 2}, rehearsal{trials: 4, ofArm: 2, arms: 1})
		b.now = func() time.Time { return now }
		for boot := 1; boot <= 2; boot++ {
			b.start(boot, "6.12", ", number 1 of 1")
			b.record(record.KindRun, "")
			for range 3 {
				now = now.Add(10 * time.Second)
				b.record(record.KindTrial, "bare")
			}
			now = now.Add(10 * time.Second)
			b.record(record.KindSkip, "")         // of both arms
			b.record(record.KindSkip, "observed") // of one
			now = now.Add(20 * time.Second)
			b.record(record.KindTrial, "bare")
			b.end()
		}
		return stderr.String()
	}
	const want = `boot 1/2: 6.12, number 1 of 1
boot 1/2: 6.12: 2 of 12 trials, about 3m40s left
boot 1/2: 6.12: 7 of 12 trials, about 1m37s left
boot 1/2: 6.12: 10 of 12 trials, about 1m24s left
boot 1/2: 6.12 took 1m00s, about 1m00s left
boot 2/2: 6.12, number 1 of 1
boot 2/2: 6.12: 2 of 12 trials, about 57s left
boot 2/2: 6.12: 7 of 12 trials, about 26s left
boot 2/2: 6.12: 10 of 12 trials, about 11s left
boot 2/2: 6.12 took 1m00s
`
	if got := run(false); got != want {
		t.Errorf("(-want +got):\n%s", cmp.Diff(want, got))
	}
	if got := run(true); got != "" {
		t.Errorf("quiet: %q", got)
	}
}

// interruptedGuest boots a guest that measures many trials, calls then as soon as
// two are on the disk of this host, and returns what the command gave.
func interruptedGuest(t *testing.T, out string, then func(cancel func()), flags ...string) (code int, stderr string) {
	t.Helper()
	needGuest(t, "6.12")
	suite := filepath.Join(t.TempDir(), "many.yaml")
	const text = "pairs: 500\nwarmup: 50ms\nmeasure: 200ms\nwindow: 100ms\nscenarios:\n- {mode: tun, gen: udp, queues: 1, size: 64, io: poll}\n"
	if err := os.WriteFile(suite, []byte(text), 0o666); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(context.Background(), 3*time.Minute)
	defer cancel()
	ended := make(chan struct{})
	go func() {
		for {
			select {
			case <-ended:
				return
			case <-time.After(50 * time.Millisecond):
			}
			if text, err := os.ReadFile(filepath.Join(out, record.FileName)); err == nil && bytes.Count(text, []byte(`"kind":"trial"`)) >= 2 {
				then(cancel)
				return
			}
		}
	}()
	args := append([]string{"vm", "--kernel", "6.12", "--accel", "tcg", "--out", out}, flags...)
	code, _, stderr = tunbench(ctx, fakeLab{}, nil, append(args, "--", "run", "--suite", suite, "--arm", "bare")...)
	close(ended)
	if strings.Contains(stderr, "CGO_ENABLED=0") && os.Getenv("CI") != "true" {
		t.Skip("needs a static test binary: build it with CGO_ENABLED=0, as make test does")
	}
	return code, stderr
}

// A guest's run is as durable as a host's: whatever ends it, the trials that it
// had finished are a valid file, and the console is there.
func TestGuestVMInterrupted(t *testing.T) {
	for name, test := range map[string]struct {
		then  func(cancel func())
		flags []string
		code  int
		want  string
	}{
		"interrupt":   {func(cancel func()) { cancel() }, nil, exitInterrupted, "tunbench: interrupted: "},
		"timeout":     {func(func()) {}, []string{"--timeout", "45s"}, exitFailure, "the guest was not done after 45s (--timeout)"},
		"QEMU killed": {func(func()) { killQEMU(t) }, nil, exitFailure, "QEMU ended: signal: killed"},
	} {
		t.Run(name, func(t *testing.T) {
			out := filepath.Join(t.TempDir(), "out")
			code, stderr := interruptedGuest(t, out, test.then, test.flags...)
			if code != test.code || !strings.Contains(stderr, test.want) || !strings.Contains(stderr, " of 500 trials are in "+out+"/run.jsonl; the console is in "+out+"/console.log") {
				t.Errorf("exit %d, want %d and %q:\n%s", code, test.code, test.want, stderr)
			}
			f, err := record.ReadFile(out)
			if err != nil {
				t.Fatal(err)
			}
			if len(f.Trials) < 2 || f.End != nil || f.Run.Host.Outer == nil || f.Run.Host.Outer.CPU == "" || f.Run.Host.Outer.CPU == f.Run.Host.CPU {
				t.Errorf("%d trials, end %v, host %s on %+v", len(f.Trials), f.End, f.Run.Host.CPU, f.Run.Host.Outer)
			}
			for _, name := range []string{"report.md", consoleName} {
				if st, err := os.Stat(filepath.Join(out, name)); err != nil || st.Size() == 0 {
					t.Errorf("%s: %v, or it is empty", name, err)
				}
			}
		})
	}
}

// killQEMU kills the children of this process that are QEMU.
func killQEMU(t *testing.T) {
	stats, err := filepath.Glob("/proc/[0-9]*/stat")
	if err != nil {
		t.Error(err)
	}
	for _, path := range stats {
		text, err := os.ReadFile(path)
		if err != nil {
			continue
		}
		// pid (comm) state ppid ...
		before, after, _ := strings.Cut(string(text), ") ")
		fields := strings.Fields(after)
		pid, comm, _ := strings.Cut(before, " (")
		if strings.HasPrefix(comm, "qemu-system") && len(fields) > 1 && fields[1] == strconv.Itoa(os.Getpid()) {
			if n, err := strconv.Atoi(pid); err != nil || syscall.Kill(n, syscall.SIGKILL) != nil {
				t.Errorf("kill %s: %v", pid, err)
			}
		}
	}
}

// TestGuestVM runs the command as a user would: files of the guest land in
// --out, and its exit code and output are passed on.
func TestGuestVM(t *testing.T) {
	needGuest(t, "6.12")
	dir := t.TempDir()
	suite, out := filepath.Join(dir, "tiny.yaml"), filepath.Join(dir, "out")
	const text = "pairs: 1\nwarmup: 50ms\nmeasure: 200ms\nwindow: 100ms\nscenarios:\n- {mode: tun, gen: udp, queues: 1, size: 64, io: poll}\n"
	if err := os.WriteFile(suite, []byte(text), 0o666); err != nil {
		t.Fatal(err)
	}
	// The test binary is /init.
	code, stdout, stderr := tunbench(context.Background(), fakeLab{}, nil,
		"vm", "--kernel", "6.12", "--accel", "tcg", "--out", out, "--timeout", "2m", "--", "run", "--suite", suite, "--arm", "bare")
	if strings.Contains(stderr, "CGO_ENABLED=0") && os.Getenv("CI") != "true" {
		t.Skip("needs a static test binary: build it with CGO_ENABLED=0, as make test does")
	}
	if code != 0 || !strings.Contains(stdout, "report: "+out+"/report.md") {
		t.Fatalf("exit %d\n%s\n%s", code, stdout, stderr)
	}
	f, err := record.ReadFile(filepath.Join(out, record.FileName))
	if err != nil {
		t.Fatal(err)
	}
	if !strings.HasPrefix(f.Run.Host.Kernel, "6.12.") || f.Run.Host.Virt != "tcg" || len(f.Trials) != 1 || f.Trials[0].Accounting.Unexplained != 0 {
		t.Errorf("kernel %s, virt %s, trials %+v", f.Run.Host.Kernel, f.Run.Host.Virt, f.Trials)
	}
	for _, name := range []string{"report.md", consoleName} {
		if _, err := os.Stat(filepath.Join(out, name)); err != nil {
			t.Error(err)
		}
	}
}
