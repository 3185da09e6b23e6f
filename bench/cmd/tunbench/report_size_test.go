package main

import (
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"tunbench/harness/spec"
	"tunbench/reports/export"
	"tunbench/reports/fixture"
	"tunbench/reports/record"
)

// mostReport is how many bytes the report of a run has at most.
const mostReport = 100_000

// noise are the flags that a host, or a device, can give a trial without making it invalid.
var noise = []string{
	record.FlagUnsteady, record.FlagPressure, record.FlagForeignLoad, record.FlagMissedEvents, record.FlagThrottled, record.FlagGeneratorLimited,
	record.FlagMissedSamples, record.FlagReordered, record.FlagDuplicates, record.FlagShort,
}

// The report of a run of the default suite can be read, and is shown by GitHub, also where
// the host disturbed trials in every way. It says what it leaves out; in full it has all.
func TestReportOfTheDefaultSuite(t *testing.T) {
	rng := rand.New(rand.NewPCG(5, 8))
	n := 0
	lab := fakeLab{run: func(s spec.Spec, hook string) (record.Trial, error) {
		n++
		arm, offload := record.Bare, ""
		if hook != "" && hook != record.HookNone {
			arm = record.Observed
		}
		if s.VnetHdr > 0 && s.Offload != spec.OffloadNone {
			offload = "uso"
		}
		size := max(s.Size, spec.MinSize)
		tr := fixture.Trial(rng, "", nil, arm, 1, 1, 4e5*(1+rng.Float64()), 0.3*rng.Float64(), 1e5, max(s.Queues, 1), max(s.Flows, 1), size, offload)
		tr.Flags = []string{record.FlagOversubscribed}
		for _, flag := range noise {
			if rng.IntN(8) > 0 { // "unsteady 6/7" is longer than "unsteady", which all have
				tr.Flags = append(tr.Flags, flag)
			}
		}
		if rng.IntN(10) == 0 {
			tr.Flags = append(tr.Flags, record.FlagSteal)
		}
		tr.Accounting.Dropped = map[string]uint64{}
		for _, reason := range []string{"FULL_RING", "SOCKET_RCVBUFF", "CPU_BACKLOG", "TAP_FILTER", "DEV_READY"} {
			tr.Accounting.Dropped[reason] = uint64(100_000 + rng.IntN(1e6))
		}
		tr.Notes = []string{
			fmt.Sprintf("unsteady: held against loopback, 6 parts of the windows spread by %d %% of their mean; warm-up extended twice", 10+n%90),
			fmt.Sprintf("pressure: tasks waited for a CPU during %d.%d %% of the measured time", n%100, n%10),
			fmt.Sprintf("foreign-load: other programs took %d.%d %% of the CPUs of the workers", n%30, n%10),
			fmt.Sprintf("missed-events: the kernel skipped %d runs of tp_consume_skb", n),
		}
		if s.Gen == spec.GenTCP {
			tr.Metrics[record.GoodputBitPerS] = 0.95 * tr.Metrics[record.BitPerS]
			tr.TCP = &record.TCP{Streams: max(s.Flows, 1), RTTNs: 2_300_000, MinRTTNs: 41_000, Cwnd: 120, MSS: 1448, Slowest: 0.83, Congestion: "cubic"}
		}
		for i := range tr.Queues {
			q := &tr.Queues[i]
			q.Residency = &record.Latency{Count: 98_153, MinNs: 900, MaxNs: 5_730_000, P50Ns: fixture.Ptr(uint64(385_000)), P90Ns: fixture.Ptr(uint64(610_000)), P99Ns: fixture.Ptr(uint64(803_000)), P999Ns: fixture.Ptr(uint64(1_640_000))}
			q.Depth = &record.Depth{P50: fixture.Ptr(uint64(471)), P99: fixture.Ptr(uint64(483)), Max: 499}
		}
		if s.Dir != spec.K2U {
			tr.Writes = &record.Writes{Calls: 300_000, Bytes: 64 * 300_000, Errors: map[string]uint64{"EAGAIN": 12}, Sizes: map[string]uint64{"64": 299_000, "1024": 900}}
		}
		if s.VnetHdr > 0 {
			tr.Vnet = &record.Vnet{Headers: 20_000, GSO: map[string]uint64{"udp-l4": 19_000, "none": 1000}, Partial: 20_000, Bad: map[string]uint64{}, Largest: 65_000}
		}
		if s.Path != spec.PathSink {
			tr.Hops = []record.Hop{
				{Name: "device tunbench0", In: 3_949_876, Out: 3_069_096, Bytes: 3_949_876 * 883, Dropped: map[string]uint64{record.TxDropped: 524_012, "FULL_RING": 356_768}},
				{Name: "relay a to b", In: 2_291_908, Out: 2_291_908, Calls: 4_583_816, Bytes: 2_291_908 * 1499},
				{Name: "device tunbench1", In: 3_078_743, Out: 3_069_096, Bytes: 3_078_743 * 1133, Dropped: map[string]uint64{record.TxDropped: 9647}},
			}
		}
		return tr, nil
	}}
	dir := filepath.Join(t.TempDir(), "run")
	if code, _, stderr := tunbench(context.Background(), lab, nil, "run", "--suite", "default", "--quiet", "--out", dir); code != 0 {
		t.Fatalf("exit %d, stderr %q", code, stderr)
	}
	f := readRun(t, dir)
	if n = len(f.Trials); n < 500 {
		t.Fatalf("%d trials", n)
	}
	f = fixture.InRounds(f)
	counts := map[string]int{}
	for i := range f.Trials {
		for _, flag := range f.Trials[i].Flags {
			if flag != record.FlagOversubscribed {
				counts[flag]++
			}
		}
	}
	format, err := export.FindFormat("markdown", false)
	if err != nil {
		t.Fatal(err)
	}
	report := func(format export.Format) string {
		path, err := format.Write(t.TempDir(), []record.Named{{File: f}})
		if err != nil {
			t.Fatal(err)
		}
		text, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		for flag, trials := range counts {
			if !strings.Contains(string(text), fmt.Sprintf("| `%s` | %d of %d |", flag, trials, n)) {
				t.Errorf("the report of %d bytes does not say that %d of %d trials have the flag %s", len(text), trials, n, flag)
			}
		}
		return string(text)
	}
	for range 2 {
		brief, full := report(format), report(format.Full())
		if len(brief) > mostReport || len(full) <= mostReport {
			t.Errorf("report.md has %d bytes, and %d in full: want at most %d, and more in full", len(brief), len(full), mostReport)
		}
		const left = "are left out, so that this report stays short: `tunbench report --full` has all."
		if !strings.Contains(brief, left) || strings.Contains(full, left) {
			t.Error("only the report that leaves out rows must say so")
		}
		if opened, closed := strings.Count(brief, "<details>"), strings.Count(brief, "</details>"); opened == 0 || opened != closed {
			t.Errorf("%d folds begin, %d end", opened, closed)
		}
		t.Logf("%d trials: %d bytes, in full %d", n, len(brief), len(full))
		f.End = nil // and that of a run that was interrupted
	}
}
