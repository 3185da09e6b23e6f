package main

import (
	"bytes"
	"context"
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"tunbench/bench/boot"
	"tunbench/bench/progress"
	"tunbench/harness/vm/kernel"
	"tunbench/reports/record"
)

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

// A command line is refused with what the command itself would say, and one that
// is right measures nothing when it is rehearsed.
func TestRehearse(t *testing.T) {
	for _, args := range []string{"runn", "run --nonsense", "run --suite nope", "run --set size=0", "run --trials=-1", "ab --a size", "list --shard 3/2", "version extra"} {
		code, _, native := tunbench(context.Background(), fakeLab{}, nil, strings.Fields(args)...)
		a := &app{}
		_, err := rehearse(a, strings.Fields(args))
		if code != exitFailure || err == nil || "tunbench: "+err.Error()+"\n" != native {
			t.Errorf("%s: exit %d, %q, rehearsed: %v", args, code, native, err)
		}
	}
	for args, want := range map[string]rehearsal{
		"version":       {command: "version"},
		"doctor --json": {command: "doctor"},
		"list":          {command: "list"},
		"run --suite smoke --filter size=64 --trials 3 --arm bare --json --format csv": {command: "run", Work: progress.Work{OfArm: 3, Arms: 1}, outputs: outputs{format: "csv", asJSON: true}},
		"-q ab --a size=64 --b size=65": {command: "ab"},
	} {
		a := &app{} // without a lab: it would crash
		got, err := rehearse(a, strings.Fields(args))
		if want.command == "run" && got.Trials > 0 && got.Trials%want.OfArm == 0 {
			want.Trials = got.Trials
		}
		if err != nil || got != want {
			t.Errorf("%s: %+v, %v, want %+v", args, got, err, want)
		}
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
	// One CPU, since the test runs beside others.
	args := append([]string{"vm", "--kernel", "6.12", "--accel", "tcg", "--smp", "1", "--out", out}, flags...)
	code, _, stderr = tunbench(ctx, fakeLab{}, nil, append(args, "--", "run", "--suite", suite, "--arm", "bare")...)
	close(ended)
	if strings.Contains(stderr, "CGO_ENABLED=0") && os.Getenv("CI") != "true" {
		t.Skip("needs a static test binary: build it with CGO_ENABLED=0, as make test does")
	}
	return code, stderr
}

// Of several kernels none is booted if one cannot be: the tests are built for one
// architecture, and no program for the other is beside them.
func TestGuestVMLacksProgram(t *testing.T) {
	first, second := needGuest(t, "6.12"), needGuest(t, "6.12-cloud-arm64")
	if runtime.GOARCH == "arm64" {
		first, second = second, first
	}
	out := filepath.Join(t.TempDir(), "out")
	code, _, stderr := tunbench(context.Background(), fakeLab{}, nil, "vm", "--kernel", first.Release, "--kernel", second.Release, "--out", out, "--", "run", "--suite", "smoke")
	if _, err := os.Stat(out); code != exitFailure || err == nil || !strings.Contains(stderr, "name it with --guest-binary") || strings.Contains(stderr, "boot 1/2") {
		t.Errorf("exit %d, folder: %v, stderr %q", code, err, stderr)
	}
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
		"timeout":     {func(func()) {}, []string{"--timeout", "30s"}, exitFailure, "the guest was not done after 30s (--timeout)"},
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
			for _, name := range []string{"report.md", boot.ConsoleName} {
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
	for _, name := range []string{"report.md", boot.ConsoleName} {
		if _, err := os.Stat(filepath.Join(out, name)); err != nil {
			t.Error(err)
		}
	}
}
