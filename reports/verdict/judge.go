package verdict

import (
	"fmt"
	"slices"
	"strconv"

	"tunbench/reports/figure"
	"tunbench/reports/metric"
	"tunbench/reports/record"
	"tunbench/reports/stat"
	"tunbench/reports/text"
)

// compareAlpha is the largest probability of any false alarm in one comparison.
const compareAlpha = 0.05

// test is an open verdict. All tests of a comparison are corrected together.
type test struct {
	at        int // index in done.Verdicts
	gate      metric.Gate
	base, new []float64 // one value per trial
}

type judgement func([]stat.Rule, [][]float64, [][]float64, float64) ([]stat.Comparison, error)

// Given is the verdict of a test, without its scenario.
func Given(c stat.Comparison) record.Verdict {
	v := record.Verdict{Metric: c.Metric, N: c.N, Threshold: c.Threshold, Verdict: c.Verdict, Notes: c.Notes}
	if c.Own < c.Threshold {
		v.OwnThreshold = &c.Own
	}
	if c.HasMedians {
		v.Base, v.New = &c.Base, &c.New
	}
	if c.HasChange {
		v.Change, v.P = &c.Change, &c.P
	}
	if c.HasInterval {
		v.CI = &[2]float64{c.Low, c.High}
	}
	return v
}

// take sets the figures and the verdict of v to those of the test.
func take(v *record.Verdict, c stat.Comparison) {
	given := Given(c)
	v.N, v.Verdict, v.Change, v.P, v.CI = given.N, given.Verdict, given.Change, given.P, given.CI
	if c.Verdict == stat.Inconclusive || c.Verdict == stat.Invalid {
		v.Notes = append(v.Notes, given.Notes...) // what is missing for a verdict
	}
	if c.HasMedians {
		v.Base, v.New = given.Base, given.New
	}
}

// warnTooFew adds a warning if some tests could not have shown a change, whatever was
// measured: their smallest p, corrected for all tests, is not below compareAlpha.
func warnTooFew(c *comparer, smallest func(m, n int) float64, need int, one, many string) {
	tests, least, short := len(c.tests), 0, 0
	for _, t := range c.tests {
		if float64(tests)*smallest(len(t.base), len(t.new)) < compareAlpha {
			continue
		}
		if n := min(len(t.base), len(t.new)); short == 0 || n < least {
			least = n
		}
		short++
	}
	if short == 0 {
		return
	}
	which := "any"
	if short < tests {
		which = strconv.Itoa(short)
	}
	c.done.Warnings = append(c.done.Warnings, fmt.Sprintf("%s cannot show a change in %s of the %s that are judged together: at least %d are needed (--trials %d)",
		text.Plural(least, one, many), which, text.Plural(tests, "test", "tests"), need, need))
}

// gateNotes says why g must not be judged by the trials of a; nil if it may.
func gateNotes(side string, a figure.Arm, g metric.Gate) []string {
	if a.Invalid {
		names, counts := a.Flags()
		return []string{fmt.Sprintf("%s: no valid trial of %d: %s", side, len(a.All), figure.CountedFlags(names, counts))}
	}
	limited := 0
	for _, t := range a.Used {
		if slices.Contains(t.Flags, record.FlagGeneratorLimited) {
			limited++
		}
	}
	if GeneratorSet(g.Metric, limited, len(a.Used)) {
		return []string{fmt.Sprintf("%s: the generator set the rate in %d of %d trials", side, limited, len(a.Used))}
	}
	return nil
}

// GeneratorSet reports whether the generator and not the device set a metric: a rate,
// if the generator limited more than half of the trials. Cost per packet and loss are
// those of the device nevertheless.
func GeneratorSet(name string, limited, trials int) bool {
	return (name == record.PPS || name == record.BitPerS) && 2*limited > trials
}
