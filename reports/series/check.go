package series

import (
	"encoding/json"
	"math"
	"slices"

	"tunbench/reports/record"
	"tunbench/reports/text"
)

// Finding is a change in a series.
type Finding struct {
	Series *Series
	Change
}

// MarshalJSON writes one object with the names of the series and the change.
func (f Finding) MarshalJSON() ([]byte, error) {
	return json.Marshal(struct {
		Host     string     `json:"host"`
		Scenario string     `json:"scenario"`
		Metric   string     `json:"metric"`
		Unit     string     `json:"unit"`
		Arm      record.Arm `json:"arm"`
		Hook     string     `json:"hook"`
		Clock    string     `json:"clock"`
		Change
	}{f.Series.Host, f.Series.Scenario, f.Series.Metric, f.Series.Unit, f.Series.Arm, f.Series.Hook, f.Series.Clock, f.Change})
}

// Open reports whether f is a standing regression that nobody has acknowledged.
func (f Finding) Open() bool {
	return f.Verdict == record.Regression && f.Standing && f.Acknowledged == nil
}

// weight is the size of f in thresholds.
func (f Finding) weight() float64 { return math.Abs(f.Change.Change) / f.Threshold }

// class keeps apart what begins at one time but is found in another way: the beginning of
// a drift is the run in which it was seen.
func (f Finding) class() string {
	switch {
	case f.IsDrift():
		return Drift
	case f.Kind == SinceRelease:
		return SinceRelease
	}
	return ChangePoint
}

// Check is the result of checking the newest runs of a history.
type Check struct {
	*History
	Findings []Finding // regressions first, then by their size in thresholds
	// Incidents are the findings by what they have in common: those that are open first.
	Incidents []Incident
	// Judged counts the series that are long enough to tell a change from noise, or
	// have a change.
	Judged int
	// Short are the series that are too short to tell a change from noise.
	Short []Short
}

// Regressed reports whether there is a standing regression that nobody has
// acknowledged.
func (c *Check) Regressed() bool {
	return slices.ContainsFunc(c.Findings, Finding.Open)
}

// Told reports whether the check has a result: whether some series is long enough to
// tell a change from noise, or has a change.
func (c *Check) Told() bool { return c.Judged > 0 }

// Short is a series that is too short to tell a change from noise.
type Short struct {
	Series  *Series
	Runs    int // valid runs
	Missing int // how many more runs are needed
}

// MarshalJSON writes those fields of a finding that a short series has.
func (s Short) MarshalJSON() ([]byte, error) {
	return json.Marshal(struct {
		Host     string     `json:"host"`
		Scenario string     `json:"scenario"`
		Metric   string     `json:"metric"`
		Unit     string     `json:"unit"`
		Arm      record.Arm `json:"arm"`
		Hook     string     `json:"hook"`
		Clock    string     `json:"clock"`
		Kind     string     `json:"kind"`
		Verdict  string     `json:"verdict"`
		Runs     int        `json:"runs"`
		Missing  int        `json:"missing"`
		Notes    []string   `json:"notes"`
	}{s.Series.Host, s.Series.Scenario, s.Series.Metric, s.Series.Unit, s.Series.Arm, s.Series.Hook, s.Series.Clock,
		TooShort, record.Inconclusive, s.Runs, s.Missing, []string{"too short to tell: it takes " + text.Plural(s.Missing, "more valid run", "more valid runs")}})
}
