package export

import (
	"bytes"
	"fmt"
	"slices"
	"strings"
	"testing"

	"tunbench/reports/fixture"
	"tunbench/reports/record"
	"tunbench/reports/render"
	"tunbench/reports/series"
)

// twoIncidents are 70 runs of two scenarios in both arms: at run 30 all get slower and cost
// more CPU time, and at run 60 the CPU time of one of them falls.
func twoIncidents(seed uint64) []series.StoredRun {
	return over(seed, 70, 0.004, stepFrom(30, 0.9), func(i int, f *record.File) {
		cost := 1.0
		if i >= 30 {
			cost = 1.12
		}
		f.Trials[0].Metrics[record.CPUNsPerPkt] = 1e9 / f.Trials[0].Metrics[record.PPS] * cost
		other := f.Trials[0]
		other.Scenario = fixture.Queued
		other.Metrics = map[string]float64{record.PPS: f.Trials[0].Metrics[record.PPS] / 2, record.CPUNsPerPkt: f.Trials[0].Metrics[record.CPUNsPerPkt]}
		if i >= 60 {
			other.Metrics[record.CPUNsPerPkt] *= 0.7
		}
		f.Trials = append(f.Trials, other)
		for _, t := range f.Trials[:2] {
			t.Arm = record.Observed
			f.Trials = append(f.Trials, t)
		}
	})
}

// What moved at one time is one incident, over metrics, arms and scenarios; what moved at
// another time is another.
func TestIncidents(t *testing.T) {
	for seed := range uint64(4) {
		c := checkOf(t, twoIncidents(seed), series.Options{})
		if len(c.Incidents) != 2 {
			t.Fatalf("seed %d: %d incidents of %q", seed, len(c.Incidents), saidOf(c))
		}
		slower, cheaper := c.Incidents[0], c.Incidents[1]
		if !slower.Open() || cheaper.Open() || cheaper.Lead().Verdict != record.Improvement {
			t.Errorf("seed %d: an open regression is not the first incident: %+v", seed, c.Incidents)
		}
		told := map[string]bool{}
		for _, f := range slower.Findings {
			told[fmt.Sprint(f.Series.Scenario, f.Series.Arm, f.Series.Metric)] = true
			if f.Incident != slower.ID {
				t.Errorf("seed %d: %s is of incident %q, not %q", seed, f.ID, f.Incident, slower.ID)
			}
		}
		// Two scenarios, two arms, two metrics.
		if len(told) != 8 {
			t.Errorf("seed %d: the first incident has %d series: %v", seed, len(told), told)
		}
		if len(slower.Findings)+len(cheaper.Findings) != len(c.Findings) {
			t.Errorf("seed %d: %d findings, %d and %d in incidents", seed, len(c.Findings), len(slower.Findings), len(cheaper.Findings))
		}
		for _, f := range c.Findings {
			if f.Incident == "" {
				t.Errorf("seed %d: %s has no incident", seed, f.ID)
			}
		}
	}
	if c := checkOf(t, over(1, 60, 0.005, func(int) float64 { return 1 }, nil), series.Options{}); len(c.Incidents) > 0 {
		t.Errorf("incidents in a level series: %+v", c.Incidents)
	}
}

// Two hosts that change in the same run have an incident each.
func TestIncidentsOfHosts(t *testing.T) {
	runs := over(1, 60, 0.004, stepFrom(30, 0.9), nil)
	for _, r := range over(2, 60, 0.004, stepFrom(30, 0.9), nil) {
		r.Host = "fedcba9876543210"
		runs = append(runs, r)
	}
	if c := checkOf(t, runs, series.Options{}); len(c.Incidents) != 2 || c.Incidents[0].Lead().Series.Host == c.Incidents[1].Lead().Series.Host {
		t.Errorf("%+v", c.Incidents)
	}
}

// An incident is acknowledged once all of its standing regressions are.
func TestIncidentAcknowledged(t *testing.T) {
	runs := twoIncidents(1)
	first := checkOf(t, runs, series.Options{}).Incidents[0]
	acks := map[string]series.Ack{}
	standing := len(first.Findings)
	for k, f := range first.Findings {
		if !f.Standing {
			standing = min(standing, k) // those that have gone back are the last
		}
	}
	if standing != len(first.Findings)-2 {
		t.Fatalf("%d of %d stand", standing, len(first.Findings))
	}
	for n, f := range first.Findings {
		acks[f.ID] = series.Ack{Reason: "known"}
		c := checkOf(t, runs, series.Options{Acks: acks})
		i := slices.IndexFunc(c.Incidents, func(i series.Incident) bool {
			return slices.ContainsFunc(i.Findings, func(g series.Finding) bool { return g.ID == f.ID })
		})
		closed := n >= standing-1
		if i < 0 || c.Incidents[i].Acknowledged() != closed || c.Incidents[i].Open() == closed || c.Regressed() == closed {
			t.Errorf("after %d of %d: open %v, acknowledged %v", n+1, len(first.Findings), c.Incidents[i].Open(), c.Incidents[i].Acknowledged())
		}
	}
}

// The summary says once what all changes of an incident have in common, and marks the
// series that regressed, which come first.
func TestIncidentsAreTold(t *testing.T) {
	runs := over(1, 60, 0.004, func(int) float64 { return 1 }, func(i int, f *record.File) {
		for k := range 3 {
			other := f.Trials[0]
			other.Scenario = fmt.Sprintf("Tun/dir=k2u/gen=udp/queues=%d/size=64", k+2)
			other.Metrics = map[string]float64{record.PPS: f.Trials[0].Metrics[record.PPS]}
			if i >= 30 && k > 0 {
				other.Metrics[record.PPS] *= 0.9
			}
			f.Trials = append(f.Trials, other)
		}
		if i >= 30 {
			f.Run.Host.Kernel = "6.19.0"
		}
	})
	c := checkOf(t, runs, series.Options{})
	var b bytes.Buffer
	if err := render.CheckSummary(&b, c); err != nil {
		t.Fatal(err)
	}
	if text := b.String(); strings.Count(text, "kernel: 6.18.0 → 6.19.0") != 1 || strings.Count(text, "Regressed:") != 1 || !strings.Contains(text, "worse: pps (2) in 2 scenarios; incident ") {
		t.Errorf("%s", text)
	}
	format, err := FindHistoryFormat("markdown")
	if err != nil {
		t.Fatal(err)
	}
	b.Reset()
	if err := format.PrintHistory(&b, c); err != nil {
		t.Fatal(err)
	}
	_, table, _ := strings.Cut(b.String(), "## Series of host")
	var marked []bool
	for line := range strings.Lines(table) {
		if strings.HasPrefix(line, "| TUN ") {
			marked = append(marked, strings.Contains(line, "**regressed**"))
		}
	}
	if !slices.Equal(marked, []bool{true, true, false, false}) {
		t.Errorf("marked: %v in %s", marked, table)
	}
}
