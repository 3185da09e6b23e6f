package run

import (
	"slices"
	"strings"
	"testing"

	"tunbench/reports/document"
	"tunbench/reports/figure"
	"tunbench/reports/fixture"
	"tunbench/reports/prose"
	"tunbench/reports/record"
)

// marks are the cells of the ratio and of its interval of the last row of a table.
func marks(t document.Table) (ratio, interval prose.Prose) {
	row := t.Rows[len(t.Rows)-1]
	at := slices.IndexFunc(t.Columns, func(c document.Column) bool { return c.Name == "ratio" })
	return row[at], row[at+1]
}

// pairOf is a run of blocks of two directions, the second at a ratio to the first, in which
// a unit of each holds so many segments.
func pairOf(blocks int, ratio, read, write float64) []*figure.Scenario {
	f := fixture.FileOf()
	for pair := 1; pair <= blocks; pair++ {
		for _, s := range []struct {
			dir         string
			rate, units float64
		}{{"k2u", 1e6, read}, {"u2k", 1e6 * ratio * (1 + 0.01*float64(pair%3-1)), write}} {
			t := record.Trial{
				Kind: record.KindTrial, Scenario: "Tun/dir=" + s.dir + "/gen=packet-gso/queues=1/size=1500", Arm: record.Bare, Pair: pair, Trial: pair,
				Axes:    map[string]string{"mode": "tun", "dir": s.dir, "gen": "packet-gso", "queues": "1", "size": "1500"},
				Metrics: map[string]float64{record.PPS: s.rate, record.SKBPS: s.rate / s.units}, DurationNs: 1e9, Started: "2026-11-20T22:51:09Z",
			}
			for round := 1; round <= 10; round++ {
				t.Windows = append(t.Windows, record.Window{TNs: int64(round) * 1e8, Pkts: uint64(s.rate / 10), Round: round})
			}
			f.Trials = append(f.Trials, t)
		}
	}
	list, _ := figure.Scenarios(f)
	return list
}

// A table has in bold what the run shows, and says of the rest why it does not.
func TestBoldIsShown(t *testing.T) {
	dir := figure.Differences[slices.IndexFunc(figure.Differences, func(d figure.Difference) bool { return d.Name == "dir" })]
	for _, c := range []struct {
		name        string
		list        []*figure.Scenario
		bold        bool
		word, never string
	}{
		{"large", pairOf(6, 2, 1, 1), true, "–", "no difference"},
		{"none", pairOf(6, 1, 1, 1), false, ", no difference shown", "other form"},
		{"small", pairOf(6, 1.012, 1, 1), false, ", within the threshold", "no difference"},
		{"other form", pairOf(6, 7, 1, 44), false, ", other form", "no difference"},
		{"both whole", pairOf(6, 0.5, 44, 44), true, "–", "other form"},
		{"no interval", pairOf(3, 2, 1, 1), false, "–", "no difference"},
	} {
		table := DifferenceTable(dir, c.list)
		ratio, interval := marks(table)
		if bold := ratio[0].Look == prose.Strong; bold != c.bold || !strings.Contains(interval.String(), c.word) || strings.Contains(interval.String(), c.never) {
			t.Errorf("%s: %q (bold: %v), %q, want %q and never %q", c.name, ratio, bold, interval, c.word, c.never)
		}
		note := false
		for _, sec := range differences(c.list) {
			for _, b := range sec.Blocks {
				if s, ok := b.(document.Small); ok && strings.Contains(prose.Prose(s).String(), "moves GSO packets whole") {
					note = true
				}
			}
		}
		if want := c.word == ", other form"; note != want {
			t.Errorf("%s: other forms are explained: %v", c.name, note)
		}
	}
}

// The report names the nearest to the floor without readers that are timed in part.
func TestNearestToTheFloor(t *testing.T) {
	f := fixture.FileOf()
	f.Run.Floor = record.Floor{SyscallNs: 80, CopyNs: map[string]float64{"64": 20}}
	for i, s := range []struct {
		axis  string
		ratio float64
	}{{"io=read", 5}, {"io=readv", 7}, {"io=spin", 2}, {"load=10pct", 40}} {
		name, value, _ := strings.Cut(s.axis, "=")
		f.Trials = append(f.Trials, record.Trial{
			Kind: record.KindTrial, Scenario: "Tun/dir=k2u/" + s.axis, Arm: record.Bare, Pair: 1, Trial: i + 1, Axes: map[string]string{"dir": "k2u", name: value},
			Metrics: map[string]float64{record.PPS: 1e6, record.RecvNsPerPkt: 100 * s.ratio, record.FloorRatio: s.ratio},
		})
	}
	list, _ := figure.Scenarios(f)
	got := document.PlainText(limit(list)[0].Blocks[0].(prose.Prose))
	for _, want := range []string{
		"Nearest to the floor at full speed is the reader of io=read (5.00 ×), farthest the reader of io=readv (7.00 ×)",
		"This leaves out 1 scenario with io=spin",
	} {
		if !strings.Contains(got, want) {
			t.Errorf("%q does not say %q", got, want)
		}
	}
}
