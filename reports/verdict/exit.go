package verdict

import (
	"slices"

	"tunbench/reports/record"
)

// ExitRule says how an exit code follows from verdicts. All commands that judge use
// it.
type ExitRule struct {
	// Strict makes indicative regressions count, and verdicts as Unknown does.
	Strict bool
	// Unknown makes verdicts count that are inconclusive, invalid or not comparable.
	Unknown bool
	// AllowMissing allows that NEW does not have a scenario of BASE.
	AllowMissing bool
}

// Code is 1 for a regression. Otherwise it is 3 if NEW lacks a scenario of BASE, if
// nothing could be judged, or if unknown verdicts exist and count. Otherwise it is 0. A
// scenario that only NEW has does not count.
func (r ExitRule) Code(verdicts []record.Verdict) int {
	missing, unknown := false, false
	for _, v := range verdicts {
		switch {
		case v.Verdict == record.Regression, r.Strict && v.Verdict == record.IndicativeRegression:
			return 1
		case v.Missing == record.NewSide:
			missing = true
		case v.Missing != "":
		case v.Verdict == record.Inconclusive, v.Verdict == record.InvalidVerdict, v.Verdict == record.NotComparable:
			unknown = true
		}
	}
	switch {
	case r.Unjudged(verdicts), missing && !r.AllowMissing, unknown && (r.Strict || r.Unknown):
		return 3
	}
	return 0
}

// Unjudged reports whether no verdict rests on figures of both sides. It is false where
// every verdict is on a scenario that NEW lacks, and that is allowed.
func (r ExitRule) Unjudged(verdicts []record.Verdict) bool {
	if slices.ContainsFunc(verdicts, record.Verdict.Judged) {
		return false
	}
	allowed := r.AllowMissing && len(verdicts) > 0 && !slices.ContainsFunc(verdicts, func(v record.Verdict) bool { return v.Missing != record.NewSide })
	return !allowed
}

// Lacking is the verdict on a scenario that one side does not have, for the headline
// metric. It is unsupported where that side has a Skip with another reason than
// record.Failed, else invalid. reason is that of the Skip, or "" where there is none.
func Lacking(scenario, metric, unit, side, reason, detail string) record.Verdict {
	v := record.Verdict{Scenario: scenario, Metric: metric, Unit: unit, Verdict: record.UnsupportedVerdict, Missing: side, Notes: []string{}}
	if reason == "" || reason == record.Failed {
		v.Verdict = record.InvalidVerdict
	}
	note := side
	for _, s := range []string{reason, detail} {
		if s != "" {
			note += ": " + s
		}
	}
	v.Notes = append(v.Notes, note)
	return v
}
