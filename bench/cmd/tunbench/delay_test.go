package main

import (
	"context"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"tunbench/reports/record"
)

// In virtual time, which no other work on the host disturbs: a link that delays packets by
// 20 ms each way adds 40 ms to a round trip, and nothing but what waking up costs; TCP over
// it suffers from a ring that is short for what is under way; and a request waits for all
// packets of a ring that a slow forwarder keeps full.
func TestDelayInVirtualTime(t *testing.T) {
	kernel := needGuest(t, "6.12")
	dir := t.TempDir()
	suite := filepath.Join(dir, "delay.yaml")
	text := `name: delay
about: what delays packets, and what becomes of TCP
pairs: 1
warmup: 500ms
measure: 400ms
scenarios:
  - {mode: tun, path: vpn, gen: udp-rr, queues: 1, size: 64, delay: ["off", 20ms]}
  - {mode: tun, path: vpn, gen: tcp, queues: 1, size: 1500, delay: 20ms, txqlen: [100, 1000]}
  - {mode: tun, path: relay, gen: udp, queues: 1, size: 64, probe: "on", txqlen: [64, 10000]}
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
	least, rates, loaded := map[string]float64{}, map[string]float64{}, map[string]record.Latency{}
	for _, trial := range f.Trials {
		switch trial.Axes["gen"] {
		case "udp-rr":
			if l, ok := trial.Latency[record.RTT]; ok && l.Count > 0 {
				least[trial.Axes["delay"]] = float64(l.MinNs) / 1e6
			}
		case "tcp":
			rates[trial.Axes["txqlen"]] = trial.Metrics[record.PPS]
			if trial.Link == nil || len(trial.Link.Ends) != 2 || trial.Link.Ends[0].Full+trial.Link.Ends[1].Full > 0 {
				t.Errorf("the link held too little: %+v", trial.Link)
			}
		default:
			loaded[trial.Axes["txqlen"]] = trial.Latency[record.RTTLoad]
		}
	}
	if added := least["20ms"] - least["off"]; len(least) != 2 || added < 40 || added > 41 {
		t.Errorf("least round trips in ms: %v", least)
	}
	// Seen: 3,900 and 26,600 packets/s.
	if short, long := rates["100"], rates["1000"]; short == 0 || long < 1.5*short {
		t.Errorf("TCP by txqlen, in packets/s: %v", rates)
	}
	// Each of the one, and so each quantile, is ten times any of the other. Seen: 190 ms and 5 ms.
	if short, long := loaded["64"], loaded["10000"]; short.Count == 0 || long.Count == 0 || long.MinNs < 10*short.MaxNs {
		t.Errorf("round trips under load, in ns: txqlen=64: at most %d of %d; txqlen=10000: at least %d of %d", short.MaxNs, short.Count, long.MinNs, long.Count)
	}
	t.Logf("round trips %v ms; TCP %v packets/s; under load at most %d ns and at least %d ns", least, rates, loaded["64"].MaxNs, loaded["10000"].MinNs)
}

// Between rings of 500 and of 5000 packets lies a cliff for a TCP stream that halves its window
// at each loss, over a link with a round trip of 40 ms that drops nothing itself.
func TestRingForReno(t *testing.T) {
	kernel := needGuest(t, "6.12")
	ctx, cancel := context.WithTimeout(context.Background(), beside)
	defer cancel()
	out := filepath.Join(t.TempDir(), "run")
	code, stdout, stderr := tunbench(ctx, fakeLab{}, nil, "vm", "--kernel", kernel.Release, "--accel", "tcg", "--icount", "--timeout", beside.String(),
		"--append", "sysctl.net.ipv4.tcp_congestion_control=reno", "--out", out, "--",
		"run", "--suite", "full", "--filter", "path=vpn gen=tcp flows=1 delay=20ms", "--set", "txqlen=500,5000", "--arm", "bare", "--trials", "3", "--seed", "1")
	if code != 0 {
		t.Fatalf("exit %d: %s%s", code, stdout, stderr)
	}
	f, err := record.ReadFile(filepath.Join(out, record.FileName))
	if err != nil {
		t.Fatal(err)
	}
	rates := map[string][]float64{}
	for _, trial := range f.Trials {
		rates[trial.Axes["txqlen"]] = append(rates[trial.Axes["txqlen"]], trial.Metrics[record.PPS])
		if trial.TCP == nil || trial.TCP.Congestion != "reno" || trial.Accounting.Unexplained != 0 {
			t.Errorf("TCP %+v, accounts %+v", trial.TCP, trial.Accounting)
		}
		if trial.Link == nil || len(trial.Link.Ends) != 2 {
			t.Fatalf("the link: %+v", trial.Link)
		}
		for _, end := range trial.Link.Ends {
			if end.Full+end.Dropped > 0 {
				t.Errorf("the link dropped packets itself: %+v", end)
			}
		}
	}
	short, long := rates["500"], rates["5000"]
	if len(short) != 3 || len(long) != 3 {
		t.Fatalf("%v: %s", rates, stdout)
	}
	// Seen in eleven trials of each: 13,800 to 23,600, in the median 15,300, and 26,800 to 27,600.
	ratio := (long[0] + long[1] + long[2]) / (short[0] + short[1] + short[2])
	if ratio < 1.15 || slices.Min(long) < slices.Max(short) {
		t.Errorf("packets/s by txqlen: %v", rates)
	}
	t.Logf("packets/s by txqlen: %v; ratio of the means %.2f", rates, ratio)
}
