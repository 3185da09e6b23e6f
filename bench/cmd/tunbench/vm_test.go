package main

import (
	"bytes"
	"context"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"tunbench/harness/vm"
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
		{"run --out", "run --out --out " + guestOut, "", false, ""}, // the guest says what is wrong with it
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
		"vm --kernel 6.1 -- version":             vm.FetchScript,
		"vm --kernel " + dir + " -- version":     "holds no kernel",
		"vm --kernel 6.1 --boots 0 -- version":   "--boots 0",
		"vm --kernel 6.1 --timeout 0 -- run":     "--timeout 0s",
		"vm --kernel 6.1 --smp=-1 -- run":        "--smp -1",
		"vm --kernel 6.1 --out a -- run --out b": "leave one of them out",
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
		Console: "tunbench-init: ready\n",
		Files:   map[string][]byte{"tunbench-files/run.jsonl": []byte("{}\n"), "tunbench-files/sub/a.svg": nil, "other": nil},
		Commands: []vm.CommandResult{
			{Args: []string{"run"}, Exit: 3, Stdout: []byte("report: " + guestOut + "/report.md\n"), Stderr: []byte("2 trials are invalid\n")},
		},
	}
	var stdout, stderr bytes.Buffer
	a := &app{stdout: &stdout, stderr: &stderr}
	code, err := a.handOver(r, guestCommand{}, out)
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
	if _, err := a.handOver(r, guestCommand{}, out); err == nil || !strings.Contains(err.Error(), "choose another --out") {
		t.Errorf("again: %v", err)
	}
	r.Files = nil
	r.Commands[0].Exit, r.Commands[0].Error = 137, "killed by SIGKILL"
	if code, err := a.handOver(r, guestCommand{}, out); err != nil || code != exitFailure {
		t.Errorf("killed: exit %d, %v", code, err)
	}
	if !strings.Contains(stderr.String(), "in the guest: run: killed by SIGKILL") {
		t.Errorf("stderr %q", stderr.String())
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
