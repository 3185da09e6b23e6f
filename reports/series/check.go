package series

import (
	"encoding/json"
	"slices"

	"tunbench/reports/record"
	"tunbench/reports/text"
)

// Finding is a change and the series that it is in.
type Finding struct {
	Series *Series
	Change
}

// MarshalJSON puts the names of the series beside the change.
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

// Check is what a history says about its newest runs.
type Check struct {
	*History
	Findings []Finding // regressions first, then by their size in thresholds
	// Judged are the series that are long enough to tell a change from noise, or
	// have one.
	Judged int
	// Short are those in which a change could stand that cannot be told yet.
	Short []Short
}

// Regressed reports whether something got worse and still is, and nobody has
// acknowledged it.
func (c *Check) Regressed() bool {
	return slices.ContainsFunc(c.Findings, func(f Finding) bool {
		return f.Verdict == record.Regression && f.Standing && f.Acknowledged == nil
	})
}

// Told reports whether the check is about anything: whether some series is long
// enough to tell a change from noise, or has one.
func (c *Check) Told() bool { return c.Judged > 0 }

// Short is a series that is too short to tell.
type Short struct {
	Series  *Series
	Runs    int // valid ones
	Missing int // further ones that it takes
}

// MarshalJSON gives a series that is too short to tell the fields of a finding
// that it has.
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
