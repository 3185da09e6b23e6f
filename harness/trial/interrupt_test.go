package trial

import (
	"context"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"tunbench/bpf"
	"tunbench/harness/program"
	"tunbench/harness/spec"
	"tunbench/reports/record"
)

// interrupted runs a trial, cancels it after a while, and holds that it ends soon after and
// leaves nothing behind.
func interrupted(t *testing.T, s spec.Spec, after time.Duration) {
	t.Helper()
	const soon = 3 * time.Second
	t.Setenv("TMPDIR", t.TempDir())
	spaces := namespaces(t)
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	began := time.Now()
	var at time.Time
	timer := time.AfterFunc(after, func() { at = time.Now(); cancel() })
	_, err := Run(ctx, s, bpf.None, record.Floor{}, false)
	if timer.Stop() {
		t.Fatalf("ended by itself after %v: %v", time.Since(began), err)
	}
	took := time.Since(at)
	if took > soon || !errors.Is(err, context.Canceled) {
		t.Errorf("ended %v after it was interrupted: %v", took, err)
	}
	t.Logf("ended after %v: %v", took, err)
	if left := children(); len(left) > 0 {
		t.Errorf("processes were left behind: %v", left)
	}
	if left := namespaces(t); len(left) > len(spaces) {
		t.Errorf("namespaces were left behind: %v, before %v", left, spaces)
	}
	left, err := os.ReadDir(os.TempDir())
	if err != nil || len(left) > 0 {
		t.Errorf("files were left behind: %v, %v", left, err)
	}
}

// children are the processes that this one has started and not waited for.
func children() (list []string) {
	files, _ := filepath.Glob("/proc/self/task/*/children")
	for _, file := range files {
		text, _ := os.ReadFile(file) // a thread may have ended
		list = append(list, strings.Fields(string(text))...)
	}
	return list
}

// namespaces are the network namespaces that threads and descriptors of this process hold.
// With the last of these, the devices in one are gone.
func namespaces(t *testing.T) map[string]bool {
	t.Helper()
	all := map[string]bool{}
	for _, pattern := range []string{"/proc/self/task/*/ns/net", "/proc/self/fd/*"} {
		files, err := filepath.Glob(pattern)
		if err != nil {
			t.Fatal(err)
		}
		for _, file := range files {
			if to, err := os.Readlink(file); err == nil && strings.HasPrefix(to, "net:") {
				all[to] = true
			}
		}
	}
	return all
}

// A program that is not ready yet is not waited for, whatever it lacks.
func TestInterruptedProgram(t *testing.T) {
	patient := func(f *program.File) {
		for i := range f.Ends {
			f.Ends[i].Ready.Within, f.Ends[i].Stop.Within = 20*time.Second, 20*time.Second
		}
	}
	for name, c := range map[string]struct {
		script [2]string
		change func(*program.File)
	}{
		"no device":      {both("exec sleep 60"), patient},
		"does not carry": {[2]string{"exec FORWARD", "exec FORWARD -drop 1"}, patient},
		"ignores TERM":   {both("trap '' TERM; while :; do sleep 0.1; done"), patient},
		"prepares": {both("exec FORWARD"), func(f *program.File) {
			patient(f)
			f.Prepare = [][]string{{"sleep", "60"}}
		}},
		"forks": {both("setsid sleep 60 & exec sleep 60"), patient},
	} {
		t.Run(name, func(t *testing.T) { interrupted(t, programmed(t, c.script, c.change), 200*time.Millisecond) })
	}
}

// A trial is interrupted while it is measured, too.
func TestInterruptedMeasuring(t *testing.T) {
	s := programmed(t, both("trap '' TERM; FORWARD & wait"), func(f *program.File) {
		for i := range f.Ends {
			f.Ends[i].Stop.Within = 20 * time.Second
		}
	})
	s.Measure, s.Rate = time.Minute, 1000
	interrupted(t, s, 2*time.Second)
}

// An iperf3 that never listens, or never sends, is not waited for.
func TestInterruptedIPerf3(t *testing.T) {
	needRoot(t)
	listens := ""
	if real, err := exec.LookPath("iperf3"); err == nil {
		listens = "-s) exec " + real + ` "$@" ;; `
	}
	for name, server := range map[string]string{"never listens": "", "never sends": listens} {
		t.Run(name, func(t *testing.T) {
			if server == "" && name == "never sends" {
				t.Skip("iperf3 is not installed")
			}
			dir := t.TempDir()
			text := "#!/bin/sh\ncase $1 in --version) echo 'iperf 3.12' ;; " + server + "*) exec sleep 60 ;; esac\n"
			if err := os.WriteFile(filepath.Join(dir, "iperf3"), []byte(text), 0o755); err != nil {
				t.Fatal(err)
			}
			t.Setenv("PATH", dir+":"+os.Getenv("PATH"))
			interrupted(t, talking(spec.GenIPerf3), 200*time.Millisecond)
		})
	}
}

// Nor is a guest that boots: while its files are packed, and while its kernel starts.
func TestInterruptedGuest(t *testing.T) {
	needGuest(t)
	for _, after := range []time.Duration{200 * time.Millisecond, 2 * time.Second} {
		t.Run(after.String(), func(t *testing.T) { interrupted(t, virtual(func(*spec.Spec) {}), after) })
	}
}
