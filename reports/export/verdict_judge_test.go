package export

import (
	"testing"

	"tunbench/reports/record"
	"tunbench/reports/verdict"
)

// judged compares two runs.
func judged(t *testing.T, base, next *record.File, o verdict.Options) *verdict.Comparison {
	t.Helper()
	o.BaseName, o.NewName = "before", "after"
	c, err := verdict.Compare(base, next, o)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// byMetric gives the verdicts by scenario and metric.
func byMetric(c *verdict.Comparison) map[string]record.Verdict {
	by := map[string]record.Verdict{}
	for _, v := range c.Verdicts {
		by[v.Scenario+" "+v.Metric] = v
	}
	return by
}

// pairsJudged compares the two variants of a run.
func pairsJudged(t *testing.T) *verdict.Comparison {
	t.Helper()
	c, err := verdict.CompareVariants(abFile(0.95, 10), verdict.Options{BaseName: "ab"})
	if err != nil {
		t.Fatal(err)
	}
	return c
}
