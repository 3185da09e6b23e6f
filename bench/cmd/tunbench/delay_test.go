package main

import (
	"context"
	"os"
	"path/filepath"
	"testing"

	"tunbench/reports/record"
)

// In virtual time, which no other work on the host disturbs, a link that delays packets by
// 20 ms each way adds 40 ms to a round trip, and nothing but what waking up costs.
func TestDelayInVirtualTime(t *testing.T) {
	kernel := needGuest(t, "6.12")
	dir := t.TempDir()
	suite := filepath.Join(dir, "delay.yaml")
	text := `name: delay
about: round trips over a link with a delay and without one
pairs: 1
warmup: 50ms
measure: 200ms
scenarios:
  - {mode: tun, path: vpn, gen: udp-rr, queues: 1, size: 64, delay: ["off", 20ms]}
`
	if err := os.WriteFile(suite, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(context.Background(), beside)
	defer cancel()
	out := filepath.Join(dir, "run")
	code, stdout, stderr := tunbench(ctx, fakeLab{}, nil, "vm", "--kernel", kernel.Release, "--accel", "tcg", "--icount", "--timeout", beside.String(), "--out", out, "--",
		"run", "--suite", suite, "--arm", "bare", "--trials", "1", "--seed", "1")
	if code != 0 {
		t.Fatalf("exit %d: %s%s", code, stdout, stderr)
	}
	f, err := record.ReadFile(filepath.Join(out, record.FileName))
	if err != nil {
		t.Fatal(err)
	}
	least := map[string]float64{}
	for _, trial := range f.Trials {
		if l, ok := trial.Latency[record.RTT]; ok && l.Count > 0 {
			least[trial.Axes["delay"]] = float64(l.MinNs) / 1e6
		}
	}
	if added := least["20ms"] - least["off"]; len(least) != 2 || added < 40 || added > 41 {
		t.Errorf("least round trips in ms: %v", least)
	}
}
