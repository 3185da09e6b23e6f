package question

import (
	"slices"
	"strings"
	"testing"

	"tunbench/reports/chart"
	"tunbench/reports/figure"
	"tunbench/reports/record"
)

// directions is a run of six blocks that reads and writes packets at these rates; a unit
// holds so many segments.
func directions(read, write, readSegments, writeSegments float64) []*figure.Scenario {
	f := &record.File{Run: &record.Run{}}
	for pair := 1; pair <= 6; pair++ {
		for _, s := range []struct {
			dir            string
			rate, segments float64
		}{{"k2u", read, readSegments}, {"u2k", write, writeSegments}} {
			t := record.Trial{
				Kind: record.KindTrial, Scenario: "Tun/dir=" + s.dir + "/gen=packet-gso/queues=1/size=1500", Arm: record.Bare, Pair: pair, Trial: pair,
				Axes:    map[string]string{"mode": "tun", "dir": s.dir, "gen": "packet-gso", "queues": "1", "size": "1500"},
				Metrics: map[string]float64{record.PPS: s.rate, record.SKBPS: s.rate / s.segments}, DurationNs: 1e9, Started: "2026-11-20T22:51:09Z",
			}
			// Blocks differ a little, so that intervals have a width.
			pkts := uint64(s.rate / 10 * (1 + 0.0001*float64(pair%3)*(s.rate/read)))
			for round := 1; round <= 10; round++ {
				t.Windows = append(t.Windows, record.Window{TNs: int64(round) * 1e8, Pkts: pkts, Round: round})
			}
			f.Trials = append(f.Trials, t)
		}
	}
	list, _ := figure.Scenarios(f)
	return list
}

// A chart compares scenarios whose packets cross in the same form, and shows a side where
// the run is to be believed.
func TestAlikeOnly(t *testing.T) {
	d := figure.Differences[slices.IndexFunc(figure.Differences, func(d figure.Difference) bool { return d.Name == "dir" })]
	for _, c := range []struct {
		name string
		list []*figure.Scenario
		want string // end of the title; "" for no chart
	}{
		{"single and whole", directions(1e6, 7e6, 1, 44), ""},
		{"whole and single", directions(7e6, 1e6, 44, 1), ""},
		{"both single", directions(1e6, 7e6, 1, 1), "dir=u2k has 7.00 × the packet rate of dir=k2u"},
		{"both whole", directions(1e6, 0.5e6, 44, 44), "dir=u2k has 0.500 × the packet rate of dir=k2u"},
	} {
		pics := Pictures(d, c.list)
		if len(pics) == 0 != (c.want == "") {
			t.Errorf("%s: %d charts", c.name, len(pics))
		}
		for _, p := range pics {
			if got := p.Chart.(chart.Ratios).Title; !strings.HasSuffix(got, c.want) {
				t.Errorf("%s: title %q, want it to end in %q", c.name, got, c.want)
			}
		}
	}
	exact := func(value, low, high float64) figure.Ratio {
		return figure.Ratio{Value: value, Each: []float64{value, value}, Interval: figure.Interval{Low: low, High: high, Exact: true}}
	}
	s := set{ratios: []figure.Ratio{{Value: 1}, exact(1.03, 1.02, 1.04), exact(1.2, 1.1, 1.3), exact(0.9, 0.85, 0.94)}, trust: 1.05}
	for j, want := range []int{0, 0, 1, -1} {
		if got := s.side(j); got != want {
			t.Errorf("side of %v: %d, want %d", s.ratios[j].Value, got, want)
		}
	}
	if s.trust = 1.02; s.side(1) != 1 {
		t.Error("a sharper run shows 1.03 too")
	}
}
