package record

import (
	"fmt"
	"reflect"
)

// Sides of a comparison. A Verdict names the side that lacks a scenario.
const (
	BaseSide = "base"
	NewSide  = "new"
)

// Verdict judges one metric of one scenario, NEW against BASE.
type Verdict struct {
	Kind     Kind   `json:"kind,omitempty"`
	Scenario string `json:"scenario"`
	Metric   string `json:"metric"`
	Unit     string `json:"unit"`
	// Base and New are medians; nil where that side has none.
	Base *float64 `json:"base" sign:"any"`
	New  *float64 `json:"new" sign:"any"`
	// Change is the estimate of new/base - 1, and CI its 95 % interval. Where the
	// threshold is absolute (loss, jain) both are differences.
	Change *float64    `json:"change" sign:"any"`
	CI     *[2]float64 `json:"ci" sign:"any"`
	P      *float64    `json:"p"` // corrected
	N      int         `json:"n"` // pairs, or trials of the smaller side
	// Threshold is what a change must exceed: the metric's own threshold or, if
	// larger, the change that an A/A run detected on the host. OwnThreshold is the
	// metric's own threshold where that is smaller: the interval of an equivalent
	// metric lies within it.
	Threshold    float64  `json:"threshold"`
	OwnThreshold *float64 `json:"own_threshold,omitempty"`
	// Detectable is the change, as a ratio, that would have been found with 95 %
	// probability. Only verdicts on stored runs that are judged by the ratio to
	// loopback have it.
	Detectable *float64 `json:"detectable,omitempty"`
	Verdict    string   `json:"verdict"`
	// Missing is the side that does not have the scenario: "base" or "new". The
	// verdict is then unsupported or invalid, or not comparable where that side lacks
	// the arm that is judged; a note says why.
	Missing string   `json:"missing,omitempty"`
	Notes   []string `json:"notes"`
	// Differs names what else differs between two runs that were compared: their
	// floors, governors, mitigations and so on. These may cause part of any change.
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
