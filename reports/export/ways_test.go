package export

import (
	"fmt"
	"maps"
	"math"
	"slices"
	"strings"
	"testing"

	"tunbench/reports/document"
	"tunbench/reports/document/queue"
	"tunbench/reports/document/run"
	"tunbench/reports/figure"
	"tunbench/reports/fixture"
	"tunbench/reports/text"
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
		p := queue.FlowPanel(m, "x")
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
// each against the right one: in a run that was measured in rounds, and in one that was
// not.
func TestDifferences(t *testing.T) {
	rounds, _ := figure.Scenarios(fixture.Ways())
	old := fixture.Ways()
	for i := range old.Trials {
		old.Trials[i].Windows = nil
	}
	trials, _ := figure.Scenarios(old)
	for _, d := range figure.Differences {
		for _, tt := range []struct {
			list     []*figure.Scenario
			ratio    string
			interval bool
		}{{rounds, "ratio", true}, {trials, "×", false}} {
			got := run.DifferenceTable(d, tt.list)
			if want := map[string]int{"io": 4, "vnet": 2, "dir": 3, "path": 4}[d.Name]; len(got.Rows) != want {
				t.Errorf("%s: %d rows, want %d", d.Name, len(got.Rows), want)
			}
			if len(got.Rows) == 0 {
				continue
			}
			if first := fmt.Sprint(got.Rows[0][1][0].Text); !strings.HasPrefix(first, d.First) {
				t.Errorf("%s: the first row is %s, want %s", d.Name, first, d.First)
			}
			has := func(name string) bool {
				return slices.ContainsFunc(got.Columns, func(c document.Column) bool { return c.Name == name })
			}
			if !has(tt.ratio) || has(text.IntervalName) != tt.interval {
				t.Errorf("%s: columns %v", d.Name, got.Columns)
			}
		}
	}
	// As the fixture was made: io=spin has 1.05 of the rate of io=read.
	for _, r := range run.DifferenceTable(figure.Differences[0], rounds).Rows {
		if r[1].String() != "spin" {
			continue
		}
		if v, ok := text.ShownValue(r[3].String()); !ok || math.Abs(v-1.05) > 0.03 {
			t.Errorf("io=spin has %s of the rate of io=read", r[3])
		}
	}
}

// CPU time is not compared in a group where it does not count the same as in the first
// row, and is where it does. The report says why.
func TestDifferencesOfOtherThings(t *testing.T) {
	for path, want := range map[string]bool{"wireguard": false, "program": true} {
		f := fixture.Ways()
		for i := range f.Trials {
			t := &f.Trials[i]
			t.Scenario = strings.Replace(t.Scenario, "path=vpn", "path="+path, 1)
			if t.Axes["path"] == "vpn" {
				t.Axes["path"] = path
			}
		}
		list, _ := figure.Scenarios(f)
		at := slices.IndexFunc(figure.Differences, func(d figure.Difference) bool { return d.Name == "path" })
		table := run.DifferenceTable(figure.Differences[at], list)
		cpu := slices.IndexFunc(table.Columns, func(c document.Column) bool { return c.Name == "CPU ns" })
		compared := map[string]bool{}
		for _, r := range table.Rows {
			if r[cpu].String() == text.Absent {
				t.Errorf("%s has no CPU time", r[1])
			}
			compared[r[1].String()] = r[cpu+1].String() != text.Absent
		}
		if got, ok := compared[path+" none"]; !ok || got != want || !compared["relay none"] {
			t.Errorf("CPU time compared with that of veth: %v; want of %s %v", compared, path, want)
		}
		why := "not comparable with the first row. CPU time leaves out the kernel's threads that encrypt, on one side only."
		if got := strings.Contains(strings.Join(strings.Fields(reportOf(t, f)), " "), why); got == want {
			t.Errorf("a path %s: the report says why: %v", path, got)
		}
	}
}
