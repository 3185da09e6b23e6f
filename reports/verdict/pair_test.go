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

// What does not count the same on both sides is shown with both figures and not judged,
// also in a file of an older ab that judged it. Where both count the same, it is judged.
func TestVariantsThatCountOtherThings(t *testing.T) {
	of := func(probeA, probeB string, verdicts ...record.Verdict) *Comparison {
		t.Helper()
		f := fixture.Pairs(1, 10)
		for i := range f.Trials {
			t := &f.Trials[i]
			t.Axes = map[string]string{"path": "relay", "probe": map[string]string{"a": probeA, "b": probeB}[t.Variant], "load": "max"}
			t.Scenario += "/path=relay/probe=" + t.Axes["probe"]
			t.Metrics[record.CPUNsPerPkt] = map[string]float64{"a": 1000, "b": 900}[t.Variant] + float64(t.Pair)
		}
		f.Verdicts = verdicts
		c, err := CompareVariants(f, Options{BaseName: "ab"})
		if err != nil {
			t.Fatal(err)
		}
		return c
	}
	name := func(probe string) string { return fixture.Fast + "/path=relay/probe=" + probe }
	judged := func(metric, verdict string) record.Verdict {
		return record.Verdict{Scenario: name("on"), Metric: metric, Verdict: verdict, Base: fixture.Ptr(1005.5), New: fixture.Ptr(905.5), Notes: []string{}}
	}
	for how, c := range map[string]*Comparison{
		"judged here":    of("off", "on"),
		"judged by ab":   of("off", "on", judged(record.PPS, record.Equivalent), judged(record.CPUNsPerPkt, record.Improvement)),
		"left out by ab": of("off", "on", judged(record.PPS, record.Equivalent)),
	} {
		by := byMetric(c)
		if v, ok := by[name("on")+" "+record.CPUNsPerPkt]; ok {
			t.Errorf("%s: %+v", how, v)
		}
		if v := by[name("on")+" "+record.PPS]; v.Verdict != record.Equivalent {
			t.Errorf("%s: the packet rate counts the same: %+v", how, v)
		}
		list := c.Apart()
		if len(list) != 1 || list[0].Scenario != name("on") || list[0].Metric != record.CPUNsPerPkt || list[0].Change != nil ||
			list[0].Base == nil || *list[0].Base != 1005.5 || list[0].New == nil || *list[0].New != 905.5 ||
			!slices.Equal(list[0].Notes, []string{"not comparable: CPU time leaves out the threads of the probe, on one side only"}) {
			t.Errorf("%s: %+v", how, list)
		}
		if code := c.Exit(true); code != 0 {
			t.Errorf("%s: exit %d", how, code)
		}
	}
	for how, c := range map[string]*Comparison{
		"judged here":  of("on", "on"),
		"judged by ab": of("on", "on", judged(record.PPS, record.Equivalent), judged(record.CPUNsPerPkt, record.Improvement)),
	} {
		v := byMetric(c)[name("on")+" "+record.CPUNsPerPkt]
		if len(c.Apart()) > 0 || v.Verdict != record.Improvement && v.Verdict != record.IndicativeImprovement {
			t.Errorf("a probe on both sides, %s: %+v, %+v", how, v, c.Apart())
		}
	}
}
