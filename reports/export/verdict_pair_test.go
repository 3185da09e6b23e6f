package export

import (
	"math"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"tunbench/reports/record"
	"tunbench/reports/verdict"
)

func TestCompareVariants(t *testing.T) {
	// The drift is ten times the change that pairs find all the same.
	c := pairsJudged(t)
	by := byMetric(c)
	if v := by[fast+" pps"]; v.Verdict != record.IndicativeRegression || v.N != 10 || math.Abs(*v.Change+0.05) > 0.005 || !c.Paired {
		t.Errorf("pairs without a fresh block: %+v", v)
	}
	f := abFile(0.95, 10)
	f.Trials[0].Flags = []string{record.FlagSteal}
	c, err := verdict.CompareVariants(f, verdict.Options{BaseName: "ab"})
	if err != nil || byMetric(c)[fast+" pps"].N != 9 {
		t.Errorf("a pair with an invalid trial counts: %v, %+v", err, c)
	}
	// What the file says stands, and fails a job.
	f.Verdicts = []record.Verdict{{Kind: record.KindVerdict, Scenario: fast, Metric: record.PPS, Verdict: record.Regression, Notes: []string{}}}
	c, err = verdict.CompareVariants(f, verdict.Options{BaseName: "ab"})
	if err != nil || len(c.Verdicts) != 1 || c.Verdicts[0].Verdict != record.Regression || c.Verdicts[0].Kind != "" || c.Exit(false) != 1 {
		t.Errorf("verdicts of the file: %v, %+v", err, c)
	}
	if f.Verdicts[0].Kind != record.KindVerdict {
		t.Error("the file was changed")
	}

	// Pairs of two scenarios have the same numbers and are not mixed up.
	f = abFile(0.95, 10)
	for _, t := range abFile(1, 10).Trials {
		t.Scenario = slow
		f.Trials = append(f.Trials, t)
	}
	c, err = verdict.CompareVariants(f, verdict.Options{BaseName: "ab"})
	if err != nil {
		t.Fatal(err)
	}
	by = byMetric(c)
	if by[fast+" pps"].Verdict != record.IndicativeRegression || by[slow+" pps"].Verdict != record.Equivalent || by[slow+" pps"].N != 10 {
		t.Errorf("two scenarios: %+v, %+v", by[fast+" pps"], by[slow+" pps"])
	}

	// One variant in each of two files is the same.
	half := func(variant string) *record.File {
		f := abFile(0.95, 10)
		f.Run.ID = "01JD3"
		f.Trials = slices.DeleteFunc(f.Trials, func(t record.Trial) bool { return t.Variant != variant })
		return f
	}
	c, err = verdict.Compare(half("a"), half("b"), verdict.Options{BaseName: "a.jsonl", NewName: "b.jsonl"})
	if err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff(pairsJudged(t).Verdicts, c.Verdicts); d != "" || !c.Paired {
		t.Errorf("from two files (-one +two): %s", d)
	}
}
