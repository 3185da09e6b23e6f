package series

import (
	"cmp"
	"time"

	"tunbench/reports/figure"
	"tunbench/reports/metric"
	"tunbench/reports/record"
)

// StoredRun is a run of a history: what series need of its file.
type StoredRun struct {
	File    string      `json:"file"` // its name inside of the history
	Host    string      `json:"host"` // fingerprint
	Run     *record.Run `json:"run"`
	Release string      `json:"-"`             // what it was marked as; "" if it was not
	Cut     bool        `json:"cut,omitempty"` // it was interrupted
	Figures []Figure    `json:"figures"`
}

// Started is when the run began; the zero time where its file does not say.
func (s *StoredRun) Started() time.Time {
	t, _ := time.Parse(time.RFC3339Nano, s.Run.Started)
	return t.UTC()
}

// Figure is a metric of one scenario in one run.
type Figure struct {
	Scenario string     `json:"scenario"`
	Arm      record.Arm `json:"arm"`
	Hook     string     `json:"hook"` // "none" in the bare arm
	Metric   string     `json:"metric"`
	Value    float64    `json:"value"` // median
	Low      float64    `json:"low"`   // where the trials lay, see interval; equal to High where it is not known
	High     float64    `json:"high"`
	N        int        `json:"n"`  // valid trials; 0 where the value is that of invalid ones
	Of       int        `json:"of"` // trials
}

// NewStoredRun computes what a history needs of f, which has that name and is
// of the host with that fingerprint.
func NewStoredRun(name, fingerprint string, f *record.File) StoredRun {
	s := StoredRun{File: name, Host: fingerprint, Run: f.Run, Cut: f.End == nil, Figures: []Figure{}}
	list, _ := figure.Scenarios(f)
	for _, sc := range list {
		s.Figures = append(s.Figures, figuresOf(sc.Name, sc.Bare, record.HookNone, f.Run.Clock)...)
		s.Figures = append(s.Figures, figuresOf(sc.Name, sc.Observ, cmp.Or(f.Run.Hook.Used, record.HookNone), f.Run.Clock)...)
	}
	for _, search := range f.Searches {
		for _, g := range search.Goals {
			if g.Resolved && g.LowerPPS != nil && g.UpperPPS != nil {
				s.Figures = append(s.Figures, Figure{search.Scenario, record.Bare, record.HookNone, g.Name, *g.LowerPPS, *g.LowerPPS, *g.UpperPPS, 1, 1})
			}
		}
	}
	return s
}

// figuresOf gives the metrics that verdicts are given on.
func figuresOf(scenario string, a figure.Arm, hook, clock string) (list []Figure) {
	if len(a.All) == 0 {
		return nil
	}
	proportional := figure.SameSize(a, figure.Arm{})
	for _, g := range metric.Gates(clock, a.All[0]) {
		if g.Metric == record.BitPerS && proportional {
			continue // the same series as that of the packet rate
		}
		of, ok := a.Metric(g.Metric)
		if !ok {
			continue
		}
		f := Figure{Scenario: scenario, Arm: a.All[0].Arm, Hook: hook, Metric: g.Metric, Value: of.Median, Low: of.Median, High: of.Median, N: of.N, Of: len(a.All)}
		if f.Arm == "" {
			f.Arm = record.Bare
		}
		if span, ok := a.Interval(g.Metric); ok {
			f.Low, f.High = span.Low, span.High
		}
		if a.Invalid {
			f.N = 0
		}
		list = append(list, f)
	}
	return list
}
