package verdict

import (
	"math"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"tunbench/reports/fixture"
	"tunbench/reports/record"
)

func TestCompareVariants(t *testing.T) {
	// The drift is ten times the change that pairs find all the same.
	c := pairsJudged(t)
	by := byMetric(c)
	if v := by[fixture.Fast+" pps"]; v.Verdict != record.IndicativeRegression || v.N != 10 || math.Abs(*v.Change+0.05) > 0.005 || !c.Paired {
		t.Errorf("pairs without a fresh block: %+v", v)
	}
	f := fixture.Pairs(0.95, 10)
	f.Trials[0].Flags = []string{record.FlagSteal}
	c, err := CompareVariants(f, Options{BaseName: "ab"})
	if err != nil || byMetric(c)[fixture.Fast+" pps"].N != 9 {
		t.Errorf("a pair with an invalid trial counts: %v, %+v", err, c)
	}
	// What the file says stands, and fails a job.
	f.Verdicts = []record.Verdict{{Kind: record.KindVerdict, Scenario: fixture.Fast, Metric: record.PPS, Verdict: record.Regression, Notes: []string{}}}
	c, err = CompareVariants(f, Options{BaseName: "ab"})
	if err != nil || len(c.Verdicts) != 1 || c.Verdicts[0].Verdict != record.Regression || c.Verdicts[0].Kind != "" || c.Exit(false) != 1 {
		t.Errorf("verdicts of the file: %v, %+v", err, c)
	}
	if f.Verdicts[0].Kind != record.KindVerdict {
		t.Error("the file was changed")
	}

	// Pairs of two scenarios have the same numbers and are not mixed up.
	f = fixture.Pairs(0.95, 10)
	for _, t := range fixture.Pairs(1, 10).Trials {
		t.Scenario = fixture.Slow
		f.Trials = append(f.Trials, t)
	}
	c, err = CompareVariants(f, Options{BaseName: "ab"})
	if err != nil {
		t.Fatal(err)
	}
	by = byMetric(c)
	if by[fixture.Fast+" pps"].Verdict != record.IndicativeRegression || by[fixture.Slow+" pps"].Verdict != record.Equivalent || by[fixture.Slow+" pps"].N != 10 {
		t.Errorf("two scenarios: %+v, %+v", by[fixture.Fast+" pps"], by[fixture.Slow+" pps"])
	}

	// One variant in each of two files is the same.
	half := func(variant string) *record.File {
		f := fixture.Pairs(0.95, 10)
		f.Run.ID = "01JD3"
		f.Trials = slices.DeleteFunc(f.Trials, func(t record.Trial) bool { return t.Variant != variant })
		return f
	}
	c, err = Compare(half("a"), half("b"), Options{BaseName: "a.jsonl", NewName: "b.jsonl"})
	if err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff(pairsJudged(t).Verdicts, c.Verdicts); d != "" || !c.Paired {
		t.Errorf("from two files (-one +two): %s", d)
	}
}
