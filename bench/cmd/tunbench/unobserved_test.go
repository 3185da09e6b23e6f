package main

import (
	"context"
	"path/filepath"
	"strings"
	"testing"

	"tunbench/harness/refusal"
	"tunbench/harness/spec"
	"tunbench/reports/record"
)

// A scenario that cannot be observed is one that run measures, bare, unless
// only observed trials are asked for.
func TestUnobservedScenario(t *testing.T) {
	const name = "Tun/dir=k2u/gen=udp/queues=2/flows=8/size=1500/vnet=10"
	blind := fakeLab{observe: func(spec.Spec) error { return &refusal.Unobservable{Err: errUnsupported} }}
	pick := []string{"--suite", "smoke", "--filter", "mode=tun gen=udp load=max size=1500"}
	for arm, want := range map[string]string{
		"both": name + "\n", "bare": name + "\n", "observed": name + "  # unsupported: set offloads of tun0: EINVAL\n",
	} {
		code, stdout, stderr := tunbench(context.Background(), blind, nil, append([]string{"list", "--arm", arm}, pick...)...)
		if code != 0 || stdout != want {
			t.Errorf("list --arm %s: exit %d, %q, %q", arm, code, stdout, stderr)
		}
	}
	dir := t.TempDir()
	code, stdout, stderr := tunbench(context.Background(), blind, nil, append([]string{"run", "--out", dir, "--trials", "2"}, pick...)...)
	if code != 0 || !strings.Contains(stderr, "skipped "+name+", observed trials: unsupported") || strings.Contains(stdout, "Nothing was measured") {
		t.Errorf("exit %d\n%s\n%s", code, stdout, stderr)
	}
	f, err := record.ReadFile(filepath.Join(dir, record.FileName))
	if err != nil {
		t.Fatal(err)
	}
	if len(f.Trials) != 2 || f.Trials[0].Arm != record.Bare || f.Trials[1].Arm != record.Bare || len(f.Skips) != 1 || f.Skips[0].Arm != record.Observed {
		t.Errorf("%d trials, skips %+v", len(f.Trials), f.Skips)
	}
}
