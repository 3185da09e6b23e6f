package export

import (
	"strings"
	"testing"

	"tunbench/reports/document/run"
	"tunbench/reports/figure"
	"tunbench/reports/fixture"
	"tunbench/reports/record"
	"tunbench/reports/render"
)

// TestAStallIsInTheOpenLoop: of the same stall the report shows p99.9 of the
// open loop as long as the stall, and of the closed loop beside it as ever.
func TestAStallIsInTheOpenLoop(t *testing.T) {
	list, _ := figure.Scenarios(fixture.OpenRun())
	p999 := map[string]uint64{}
	for _, s := range list {
		if l, _, ok := s.LatencyOf(record.E2E); ok {
			p999[s.Name], _ = l.Quantile(0.999)
		}
	}
	const name = "Tun/dir=k2u/gen=udp/queues=1/size=64/load=10pct"
	if quiet, stalled := p999[name], p999[name+"/pause=5ms"]; quiet == 0 || stalled < 4e6 || quiet > 1e6 {
		t.Errorf("p99.9 is %d ns, and %d with a reader that pauses", quiet, stalled)
	}
	open, kept := run.OpenLoops(list, figure.Titles(list))
	if len(open.Rows) != 3 || len(kept.Rows) != 3 {
		t.Errorf("%d and %d rows, want those of the four open loops that have valid trials", len(open.Rows), len(kept.Rows))
	}
	if cost, ok := figure.ObserverCost(list); ok {
		t.Errorf("an open loop tells the observer's cost: %v", cost)
	}
}

// TestScheduleOverTrials: the shares of several trials are those of their
// packets, and what no trial knows is not made up.
func TestScheduleOverTrials(t *testing.T) {
	p99 := func(v uint64) *uint64 { return &v }
	a := figure.NewArm([]*record.Trial{
		{Schedule: &record.Schedule{RatePPS: 1000, Sends: 100, Late: 1, LateNs: 50_000, P99Ns: p99(900), MaxNs: 70_000}},
		{Schedule: &record.Schedule{RatePPS: 1000, Sends: 300, Late: 0, LateNs: 50_000, P99Ns: p99(1100), MaxNs: 9_000}},
		{Schedule: &record.Schedule{RatePPS: 1000, Sends: 10, Late: 10, LateNs: 50_000}, Flags: []string{record.FlagLate}},
		{},
	})
	s, ok := a.Schedule()
	if !ok || s.Sends != 400 || s.Late != 1 || s.Rate != 1000 || s.Max != 70_000 || s.P99 == nil || *s.P99 != 1000 || s.Trials != 2 {
		t.Errorf("got %+v", s)
	}
	if _, ok := figure.NewArm([]*record.Trial{{}}).Schedule(); ok {
		t.Error("a closed loop has a schedule")
	}
	if _, ok := (figure.Arm{}).Schedule(); ok {
		t.Error("nothing has a schedule")
	}
	if s, ok := figure.NewArm([]*record.Trial{{Schedule: &record.Schedule{RatePPS: 5}}}).Schedule(); !ok || s.P99 != nil {
		t.Errorf("a p99 that nobody knows: %+v", s)
	}
	var text strings.Builder
	if err := render.Summary(&text, fixture.OpenRun(), false); err != nil || !strings.Contains(text.String(), "load=10pct") {
		t.Errorf("%v: %s", err, text.String())
	}
}
