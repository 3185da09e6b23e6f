package record

import "slices"

// Sides of a comparison, as a Verdict names the one that lacks a scenario.
const (
	BaseSide = "base"
	NewSide  = "new"
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
func (r ExitRule) Code(verdicts []Verdict) int {
	missing, unknown := false, false
	for _, v := range verdicts {
		switch {
		case v.Verdict == Regression, r.Strict && v.Verdict == IndicativeRegression:
			return 1
		case v.Missing == NewSide:
			missing = true
		case v.Missing != "":
		case v.Verdict == Inconclusive, v.Verdict == InvalidVerdict, v.Verdict == NotComparable:
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
func (r ExitRule) Unjudged(verdicts []Verdict) bool {
	if slices.ContainsFunc(verdicts, Verdict.Judged) {
		return false
	}
	allowed := r.AllowMissing && len(verdicts) > 0 && !slices.ContainsFunc(verdicts, func(v Verdict) bool { return v.Missing != NewSide })
	return !allowed
}
