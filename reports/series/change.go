package series

import (
	"tunbench/reports/record"
)

// Point is the figure of one run in a series.
type Point struct {
	Run     string  `json:"run"` // its id
	Started string  `json:"started"`
	Kernel  string  `json:"kernel"`
	Commit  string  `json:"commit"`
	Release string  `json:"release,omitempty"`
	Value   float64 `json:"value"`
	Low     float64 `json:"low"`
	High    float64 `json:"high"`
	N       int     `json:"n"`
	Of      int     `json:"of"`

	run *StoredRun
	// ratio and yardstick are those of Figure.
	ratio     float64
	yardstick string
}

// Header is the header of the run of p; nil where it is not known.
func (p Point) Header() *record.Run {
	if p.run == nil {
		return nil
	}
	return p.run.Run
}

// Change is a finding in a series.
type Change struct {
	// ID stays the same while runs are added: it is computed from the series and the
	// run in which the change was first found or, for a drift, from which it starts.
	ID      string `json:"id"`
	Kind    string `json:"kind"`
	Verdict string `json:"verdict"` // record.Regression or record.Improvement
	// Base and New are medians of the BaseRuns runs before and the NewRuns runs after
	// the change. Of a drift they are the ends of the line through NewRuns runs, which
	// begin with the first run of the base.
	Base     float64 `json:"base"`
	New      float64 `json:"new"`
	BaseRuns int     `json:"base_runs"`
	NewRuns  int     `json:"new_runs"`
	// Change is the estimate of new/base - 1, and CI its 95 % interval, which only
	// change points have. Where the metric is judged by differences, both are
	// differences.
	Change    float64     `json:"change"`
	CI        *[2]float64 `json:"ci"`
	P         float64     `json:"p"`
	Threshold float64     `json:"threshold"`
	Before    Point       `json:"before"`   // the last run before the change, or the release
	Begins    Point       `json:"begins"`   // the first run with the change; the newest run where that is not known
	FoundIn   string      `json:"found_in"` // id of the run whose check found it
	// Standing reports that at least half of the change is left in the newest runs.
	Standing bool     `json:"standing"`
	Notes    []string `json:"notes"` // what else changed with Begins
	// Acknowledged is nil unless somebody acknowledged the change or, for a change
	// since a release, all changes that it consists of.
	Acknowledged *Ack `json:"acknowledged"`
	// Incident is the ID of the finding that names the incident which the change is part
	// of.
	Incident string `json:"incident,omitempty"`

	level float64  // judged value of Base
	at    int      // of Begins in Points
	drift bool     // Base and New are the ends of a line
	parts []string // IDs of the changes that a change since a release consists of
}

// IsDrift reports whether Base and New are the ends of a line through the runs.
func (c Change) IsDrift() bool { return c.drift }

// Kinds of Change.
const (
	ChangePoint  = "change-point" // the runs before and after differ
	SinceRun     = "last-run"     // a run, and those after it, differ from the runs before it
	SinceRelease = "last-release" // the newest runs differ from those of the last release
	Drift        = "drift"        // the runs move slowly away from where they were
	TooShort     = "too-short"    // no Change, but a series that cannot be judged yet
)

// NewPoint returns the point of the figure f of the run r.
func NewPoint(r *StoredRun, f Figure) Point {
	return Point{r.Run.ID, r.Run.Started, r.Run.Host.Kernel, r.Run.Tool.Commit, r.Release, f.Value, f.Low, f.High, f.N, f.Of, r, f.Ratio, f.Yardstick}
}
