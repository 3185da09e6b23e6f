package main

import (
	"context"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"tunbench/harness/module"
	"tunbench/reports/record"
)

// A device with back-pressure stops its queue instead of dropping from a full ring, and both
// are seen for what they are; one that never wakes its queue is a named failure, not a hang.
// The module is the lab's own implementation, which says nothing about Linux's cost.
func TestBackpressureInGuest(t *testing.T) {
	t.Cleanup(module.Forget)
	dir := labModules(t)
	measure := func(lab, set string) (*record.File, int, string) {
		t.Helper()
		module.Forget()
		out := filepath.Join(t.TempDir(), "run")
		ctx, cancel := context.WithTimeout(context.Background(), 5*time.Minute)
		defer cancel()
		code, stdout, stderr := tunbench(ctx, fakeLab{}, nil, "vm", "--kernel", filepath.Base(dir), "--accel", "tcg", "--smp", "2", "--out", out, "--",
			"run", "--suite", "backpressure", "--filter", "mode=tun qdisc=fq_codel senders=8", "--set", "txqlen=16", "--set", "module=lab", "--set", set,
			"--trials", "2", "--hook", "tracepoint", "--module", "lab="+filepath.Join(dir, "lab.ko")+" lab="+lab)
		f, err := record.ReadFile(filepath.Join(out, record.FileName))
		if err != nil {
			t.Fatalf("exit %d: %v: %s%s", code, err, stdout, stderr)
		}
		return f, code, stdout + stderr
	}

	f, code, said := measure("on", "backpressure=off,on")
	if code != 0 {
		t.Errorf("exit %d: %s", code, said)
	}
	seen := map[string]int{}
	for _, trial := range f.Trials {
		mode := trial.Axes["backpressure"]
		if trial.Arm == record.Observed {
			seen[mode]++
		}
		full, xmit := trial.Accounting.Dropped["FULL_RING"], uint64(0)
		if trial.Accounting.Xmit != nil {
			xmit = *trial.Accounting.Xmit
		}
		if trial.Accounting.Unexplained != 0 {
			t.Errorf("backpressure=%s, %s: %d packets unexplained", mode, trial.Arm, trial.Accounting.Unexplained)
		}
		var stops, stoppedNs uint64
		for _, q := range trial.Queues {
			if q.Stops != nil {
				stops += *q.Stops
			}
			if q.StoppedNs != nil {
				stoppedNs += *q.StoppedNs
			}
		}
		switch {
		case trial.Arm != record.Observed:
		case mode == "on" && (float64(full) > 1e-4*float64(xmit) || stops == 0 || stoppedNs == 0 || trial.Metrics[record.Stopped] <= 0):
			t.Errorf("with back-pressure the ring was full for %d of %d packets; the queue was stopped %d times, for %d ns, %v of the time",
				full, xmit, stops, stoppedNs, trial.Metrics[record.Stopped])
		case mode == "off" && (full == 0 || stops != 0 || trial.Metrics[record.Stopped] != 0):
			t.Errorf("without back-pressure the ring was full for %d of %d packets, and the queue was stopped %d times", full, xmit, stops)
		}
	}
	if seen["on"] == 0 || seen["off"] == 0 {
		t.Errorf("observed trials: %v: %s", seen, said)
	}

	f, code, said = measure("missed", "backpressure=on")
	failed := ""
	for _, s := range f.Skips {
		failed += string(s.Reason) + ": " + s.Detail + "\n"
	}
	if want := "its driver stopped the queue and did not wake it"; code != 2 || !strings.Contains(failed, "failed") || !strings.Contains(failed, want) {
		t.Errorf("a missed wake-up: exit %d, %q, want %q: %s", code, failed, want, said)
	}
}
