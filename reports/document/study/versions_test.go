package study

import (
	"testing"

	"tunbench/reports/chart"
	"tunbench/reports/record"
	"tunbench/reports/study"
	"tunbench/reports/verdict"
)

// The colour of a line is that of its steps, whatever else the cost did between its ends.
func TestTrendOfSteps(t *testing.T) {
	for _, c := range []struct {
		steps []float64
		want  chart.VersionTrend
	}{
		{nil, chart.Steady}, {[]float64{-0.0135}, chart.Cheaper}, {[]float64{0.01}, chart.Dearer}, {[]float64{-0.02, 0.01}, chart.Cheaper},
	} {
		line := &study.Line{Scenario: "Tun/gen=lockstep/queues=1/size=64", Metric: record.SendNsPerPkt, Changes: []float64{0, 0.004}}
		line.Costs = []*verdict.Cost{{Median: 1000}, {Median: 1004}}
		for i := range c.steps {
			line.Steps = append(line.Steps, study.Step{At: 1, Verdict: record.Verdict{Change: &c.steps[i]}})
		}
		lines, _ := drawn(Text{Study: &study.Study{Lab: &verdict.Lab{}}}, &study.Series{Name: "6.1", Lines: []*study.Line{line}}, 0, record.SendNsPerPkt)
		if len(lines) != 1 || lines[0].Trend != c.want {
			t.Errorf("steps %v: %+v, want trend %v", c.steps, lines, c.want)
		}
	}
}
