package verdict

import (
	"slices"

	"tunbench/reports/record"
)

// ExitRule is what makes an exit code of verdicts: one rule for all commands that
// judge.
type ExitRule struct {
	// Strict lets an indicative regression count, and what is not known.
	Strict bool
	// Unknown lets what is not known count: what is inconclusive, invalid or not
	// comparable.
	Unknown bool
	// AllowMissing lets a scenario pass that NEW does not have.
	AllowMissing bool
}

// Code is 1 for a regression. Else it is 3 for a scenario of BASE that NEW does
// not have, where nothing could be judged, and for what is not known where that
// counts; and 0 elsewhere. A scenario that only NEW has does not count.
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

// Unjudged reports whether nothing could be judged: no verdict says that something
// changed, that nothing did, or that the trials leave it open. Where all that NEW
// lacks is allowed and there is nothing else, that is what was asked for.
func (r ExitRule) Unjudged(verdicts []record.Verdict) bool {
	if slices.ContainsFunc(verdicts, record.Verdict.Judged) {
		return false
	}
	allowed := r.AllowMissing && len(verdicts) > 0 && !slices.ContainsFunc(verdicts, func(v record.Verdict) bool { return v.Missing != record.NewSide })
	return !allowed
}

// Lacking is the verdict on a scenario that one side does not have, by the metric
// that stands for it:
// unsupported where that side said why, invalid where it failed or says nothing.
// Reason is that of a Skip, or "" where there is none.
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
