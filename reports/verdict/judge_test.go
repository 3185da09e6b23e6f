package verdict

import (
	"testing"

	"tunbench/reports/fixture"
	"tunbench/reports/record"
)

// judged compares two runs.
func judged(t *testing.T, base, next *record.File, o Options) *Comparison {
	t.Helper()
	o.BaseName, o.NewName = "before", "after"
	c, err := Compare(base, next, o)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// byMetric gives the verdicts by scenario and metric.
func byMetric(c *Comparison) map[string]record.Verdict {
	by := map[string]record.Verdict{}
	for _, v := range c.Verdicts {
		by[v.Scenario+" "+v.Metric] = v
	}
	return by
}

// pairsJudged compares the two variants of a run.
func pairsJudged(t *testing.T) *Comparison {
	t.Helper()
	c, err := CompareVariants(fixture.Pairs(0.95, 10), Options{BaseName: "ab"})
	if err != nil {
		t.Fatal(err)
	}
	return c
}
