package record

import (
	"fmt"
	"reflect"
	"slices"
)

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

// Verdict judges one metric of one scenario, NEW against BASE.
type Verdict struct {
	Kind     Kind   `json:"kind,omitempty"`
	Scenario string `json:"scenario"`
	Metric   string `json:"metric"`
	Unit     string `json:"unit"`
	// Base and New are medians; nil where one side has none.
	Base *float64 `json:"base" sign:"any"`
	New  *float64 `json:"new" sign:"any"`
	// Change is new/base - 1 as estimated, and CI its 95 % interval. Where a
	// threshold is an absolute one (loss, jain) they are differences.
	Change *float64    `json:"change" sign:"any"`
	CI     *[2]float64 `json:"ci" sign:"any"`
	P      *float64    `json:"p"` // corrected
	N      int         `json:"n"` // pairs, or trials of the smaller side
	// Threshold is what a change must be beyond: the metric's own threshold or, if
	// larger, what an A/A run says that the host can show. OwnThreshold is the
	// metric's own where that is the smaller one: what is equivalent lies within it.
	Threshold    float64  `json:"threshold"`
	OwnThreshold *float64 `json:"own_threshold,omitempty"`
	Verdict      string   `json:"verdict"`
	// Missing is the side that does not have the scenario: "base" or "new". Such a
	// verdict is unsupported or invalid, or not comparable where that side lacks the
	// arm that is judged; a note says why.
	Missing string   `json:"missing,omitempty"`
	Notes   []string `json:"notes"`
	// Differs names what else differs between two runs that were compared: their
	// floors, governors, mitigations and so on. Part of any change may be that.
	Differs []string `json:"differs,omitempty"`
}

func (v Verdict) check() error   { return sound(reflect.ValueOf(v), "") }
func (v Verdict) String() string { return fmt.Sprintf("verdict on %s of %s", v.Metric, v.Scenario) }

func (v Verdict) seal() any {
	v.Kind = KindVerdict
	fillSlice(&v.Notes)
	return v
}

// Judged reports whether v rests on figures of both sides.
func (v Verdict) Judged() bool {
	switch v.Verdict {
	case InvalidVerdict, NotComparable, UnsupportedVerdict:
		return false
	}
	return v.Missing == ""
}

// Verdicts.
const (
	Regression            = "regression"
	Improvement           = "improvement"
	Equivalent            = "equivalent"
	Inconclusive          = "inconclusive"
	InvalidVerdict        = "invalid"
	IndicativeRegression  = "indicative-regression"
	IndicativeImprovement = "indicative-improvement"
	NotComparable         = "not-comparable"
	UnsupportedVerdict    = "unsupported"
)

// Lacking is the verdict on a scenario that one side does not have, by the metric
// that stands for it:
// unsupported where that side said why, invalid where it failed or says nothing.
// Reason is that of a Skip, or "" where there is none.
func Lacking(scenario, metric, unit, side, reason, detail string) Verdict {
	v := Verdict{Scenario: scenario, Metric: metric, Unit: unit, Verdict: UnsupportedVerdict, Missing: side, Notes: []string{}}
	if reason == "" || reason == Failed {
		v.Verdict = InvalidVerdict
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
