package export

import (
	"math/rand/v2"
	"strings"
	"testing"

	"tunbench/reports/document/run"
	"tunbench/reports/figure"
	"tunbench/reports/record"
	"tunbench/reports/render"
)

// openRun is a run with latency points, a reader that pauses, and a closed loop
// in lockstep beside them.
func openRun() *record.File {
	rng := rand.New(rand.NewPCG(5, 6))
	f := synthetic()
	f.Trials, f.Skips = nil, nil
	add := func(gen, load, pause string, rate, p50 float64, stall bool) {
		name := "Tun/dir=k2u/gen=" + gen + "/queues=1/size=64"
		axes := map[string]string{"mode": "tun", "dir": "k2u", "gen": gen, "queues": "1", "size": "64", "load": load, "pause": pause}
		if load != "max" {
			name += "/load=" + load
		}
		if pause != "off" {
			name += "/pause=" + pause
		}
		for pair := 1; pair <= 5; pair++ {
			pps := rate
			if load == "max" {
				pps = 1.27e6
			}
			t := trial(rng, name, axes, record.Bare, pair, len(f.Trials)+1, pps, 0, p50, 1, 1, 64, "")
			slow := uint64(0)
			if stall {
				slow = 40
			}
			t.Latency = map[string]record.Latency{record.E2E: stalled(spreadOf(rng, p50, 4000), slow)}
			if load != "max" {
				t.Latency[record.Service] = stalled(spreadOf(rng, p50*0.9, 4000), slow)
				p99 := uint64(1500 + 100*pair)
				t.Schedule = &record.Schedule{RatePPS: rate, Spacing: "fixed", Sends: uint64(rate), Late: uint64(pair), LateNs: 50_000, P99Ns: &p99, MaxNs: uint64(60_000 * pair)}
				if load == "1000pps" {
					t.Schedule.P99Ns = nil // too few
				}
			}
			f.Trials = append(f.Trials, t)
		}
	}
	add("udp", "max", "off", 0, 380e3, false)
	add("udp", "1000pps", "off", 1000, 21e3, false)
	add("udp", "10pct", "off", 127e3, 18e3, false)
	add("udp", "90pct", "off", 1143e3, 41e3, false)
	add("udp", "10pct", "5ms", 127e3, 18e3, true)
	add("lockstep", "max", "5ms", 0, 80e3, false)
	for i := range f.Trials {
		if t := &f.Trials[i]; t.Axes["load"] == "90pct" {
			t.Schedule.Late = t.Schedule.Sends / 40
			t.Flags, t.Notes = append(t.Flags, record.FlagLate), append(t.Notes, "late: 2.5 % of the packets were sent more than 50 us after they were due, the latest 300 us")
		}
	}
	f.End = &record.End{Kind: record.KindEnd, Ended: "2026-11-20T22:54:55Z", Scenarios: 6, Trials: len(f.Trials)}
	return f
}

// stalled adds so many packets that waited for about 4 ms.
func stalled(l record.Latency, n uint64) record.Latency {
	if n > 0 {
		l.Buckets, l.Count, l.MaxNs = append(l.Buckets, [2]uint64{4 << 20, n}), l.Count+n, 5e6
	}
	return l
}

// TestAStallIsInTheOpenLoop: of the same stall the report shows p99.9 of the
// open loop as long as the stall, and of the closed loop beside it as ever.
func TestAStallIsInTheOpenLoop(t *testing.T) {
	list, _ := figure.Scenarios(openRun())
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
	if len(open.Rows) != 4 || len(kept.Rows) != 4 {
		t.Errorf("%d and %d rows, want the four open loops", len(open.Rows), len(kept.Rows))
	}
	if costs := figure.AllCosts(list); len(costs) != 0 {
		t.Errorf("an open loop tells the observer's cost: %v", costs)
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
	if err := render.Summary(&text, openRun()); err != nil || !strings.Contains(text.String(), "load=10pct") {
		t.Errorf("%v: %s", err, text.String())
	}
}
