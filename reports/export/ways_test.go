package export

import (
	"fmt"
	"maps"
	"math"
	"strings"
	"testing"

	"tunbench/reports/document/run"
	"tunbench/reports/figure"
	"tunbench/reports/fixture"
)

func TestFlowMap(t *testing.T) {
	list, _ := figure.Scenarios(fixture.Ways())
	found := 0
	for _, s := range list {
		m, ok := s.FlowMap()
		if !ok {
			continue
		}
		found++
		if len(m.Flows) != 64 || m.Queues != 4 || m.Moved() != 1 || len(m.Trials) != 12 || m.Trials[11][5][3] != 300 {
			t.Errorf("%s: %d flows, %d queues, %d moved, %d trials", s.Name, len(m.Flows), m.Queues, m.Moved(), len(m.Trials))
		}
		if alike, ok := m.Alike(); !ok || alike != 1 {
			t.Errorf("%s: %v of the flows came out alike", s.Name, alike)
		}
		// Of a flow that another queue brings in one trial, and of that alone.
		m.Trials[7] = maps.Clone(m.Trials[7])
		m.Trials[7][9] = map[int]uint64{(m.Trials[0].Main(9) + 1) % 4: 100}
		if alike, _ := m.Alike(); alike != 63.0/64 || m.Moved() != 1 {
			t.Errorf("%s: one of 64 came out elsewhere: %v alike, %d moved", s.Name, alike, m.Moved())
		}
		p := run.FlowPanel(m, "x")
		for _, c := range p.Columns {
			var sum float64
			for _, v := range c.Share {
				sum += v
			}
			if math.Abs(sum-1) > 1e-9 {
				t.Errorf("%s: the shares of flow %s add up to %v", s.Name, c.Name, sum)
			}
		}
	}
	if found != 2 {
		t.Errorf("%d scenarios have a map of flows, want 2", found)
	}
}

// TestDifferences checks that groups hold scenarios that differ in the axis alone,
// each against the right one.
func TestDifferences(t *testing.T) {
	list, _ := figure.Scenarios(fixture.Ways())
	want := map[string]struct {
		rows  int
		ratio string // of the second row
	}{
		"io": {4, ""}, "vnet": {2, ""}, "queues": {0, ""}, "dir": {3, ""}, "path": {4, ""},
	}
	for _, c := range run.Comparisons {
		got := c.Table(list)
		if len(got.Rows) != want[c.Name].rows {
			t.Errorf("%s: %d rows, want %d", c.Name, len(got.Rows), want[c.Name].rows)
		}
		if len(got.Rows) == 0 {
			continue
		}
		if first := fmt.Sprint(got.Rows[0][1][0].Text); !strings.HasPrefix(first, c.First) {
			t.Errorf("%s: the first row is %s, want %s", c.Name, first, c.First)
		}
	}
}
