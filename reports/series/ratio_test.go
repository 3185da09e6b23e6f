package series

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"tunbench/reports/fixture"
	"tunbench/reports/record"
	"tunbench/reports/verdict"
)

const scenario = "Tun/dir=k2u/gen=udp/queues=1/size=64"

// runsOf are n runs on a host whose speed wanders by a fifth, which the yardstick sees;
// from the run step on the rate is slower by slower. The first old runs have no yardstick.
func runsOf(n, step, old int, slower float64) (runs []StoredRun) {
	rng := rand.New(rand.NewPCG(3, 1))
	for i := range n {
		f := &record.File{Run: fixture.Synthetic().Run, End: &record.End{}}
		f.Run.ID = fmt.Sprint("run-", i)
		f.Run.Started = time.Date(2026, 11, 1+i, 0, 0, 0, 0, time.UTC).Format(time.RFC3339)
		ratio := 0.8 * (1 + 0.01*rng.NormFloat64())
		if i >= step {
			ratio *= 1 - slower
		}
		host := 1 + 0.2*rng.NormFloat64()
		for pair := range 6 {
			pps := 1e6 * host * ratio
			t := fixture.Trial(rng, scenario, map[string]string{"mode": "tun"}, record.Bare, pair+1, pair+1, pps, 0, 4e5, 1, 1, 64, "")
			t.Metrics[record.PPS] = pps
			if i >= old {
				t.Metrics[record.LoopbackRatio] = ratio
				t.Yardstick = &record.Yardstick{Kind: record.YardstickUDP, PPS: pps / ratio}
			}
			f.Trials = append(f.Trials, t)
		}
		runs = append(runs, NewStoredRun(f.Run.ID+".jsonl", "host", f))
	}
	return runs
}

func checked(t *testing.T, runs []StoredRun) []Finding {
	t.Helper()
	h, err := NewHistory("h", runs, Options{Metrics: []string{record.PPS}})
	if err != nil {
		t.Fatal(err)
	}
	c, err := h.Check()
	if err != nil {
		t.Fatal(err)
	}
	return c.Findings
}

// TestRatio: where the runs have a yardstick, a host that wanders by a fifth hides no step
// of a tenth.
func TestRatio(t *testing.T) {
	found := checked(t, runsOf(24, 12, 0, 0.1))
	i := slices.IndexFunc(found, func(f Finding) bool { return f.Kind == ChangePoint })
	if i < 0 || found[i].Begins.Run != "run-12" || found[i].Verdict != record.Regression || !found[i].Standing ||
		found[i].Change.Change > -0.08 || found[i].Change.Change < -0.12 || found[i].Base < 1e5 || !slices.Contains(found[i].Notes, verdict.ByRatio) {
		t.Errorf("by ratio: %+v", found)
	}
	if found := checked(t, runsOf(24, 24, 0, 0)); len(found) > 0 {
		t.Errorf("no step: %+v", found)
	}
	if found := checked(t, runsOf(24, 12, 24, 0.1)); len(found) > 0 {
		t.Errorf("raw figures show the step: %+v", found)
	}
	// Older runs without a yardstick are left out as soon as enough have one.
	found = checked(t, runsOf(40, 28, 16, 0.1))
	if i := slices.IndexFunc(found, func(f Finding) bool { return f.Kind == ChangePoint }); i < 0 || found[i].Begins.Run != "run-28" {
		t.Errorf("after old runs: %+v", found)
	}
	// Too few have one: all are judged as they are.
	if found := checked(t, runsOf(24, 22, 20, 0.1)); slices.ContainsFunc(found, func(f Finding) bool { return slices.Contains(f.Notes, verdict.ByRatio) }) {
		t.Errorf("too few: %+v", found)
	}
}
