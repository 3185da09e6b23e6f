package series

import (
	"cmp"
	"time"

	"tunbench/reports/figure"
	"tunbench/reports/metric"
	"tunbench/reports/record"
	"tunbench/reports/verdict"
)

// StoredRun is what series need of the file of a run.
type StoredRun struct {
	File    string      `json:"file"` // name within the history
	Host    string      `json:"host"` // fingerprint
	Run     *record.Run `json:"run"`
	Release string      `json:"-"`             // the release that the run is marked as; "" if it is not
	Cut     bool        `json:"cut,omitempty"` // the run was interrupted
	Figures []Figure    `json:"figures"`
}

// Started is when the run began; the zero time where the file does not say.
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
	Low      float64    `json:"low"`   // interval, or range of the trials; equal to High where not known
	High     float64    `json:"high"`
	N        int        `json:"n"`  // valid trials; 0 where the value is that of invalid trials
	Of       int        `json:"of"` // trials
	// Ratio is the median ratio to the yardstick over loopback, by which a packet rate is
	// judged, and Yardstick names what may not differ between ratios that are compared.
	// Both are zero where there is no yardstick.
	Ratio     float64 `json:"ratio,omitempty"`
	Yardstick string  `json:"yardstick,omitempty"`
}

// NewStoredRun computes the figures of f, which has that name and is of the host with that
// fingerprint.
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
				s.Figures = append(s.Figures, Figure{
					Scenario: search.Scenario, Arm: record.Bare, Hook: record.HookNone, Metric: g.Name,
					Value: *g.LowerPPS, Low: *g.LowerPPS, High: *g.UpperPPS, N: 1, Of: 1,
				})
			}
		}
	}
	return s
}

// figuresOf returns the figures of the metrics that verdicts are given on.
func figuresOf(scenario string, a figure.Arm, hook, clock string) (list []Figure) {
	if len(a.All) == 0 {
		return nil
	}
	a = a.OrInvalid() // such a point is drawn hollow, and says so
	proportional := figure.SameSize(a, figure.Arm{})
	for _, g := range metric.Gates(clock, a.All[0]) {
		if g.Metric == record.BitPerS && proportional {
			continue // the series of the packet rate is the same
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
		if g.Metric == record.PPS && clock != record.ClockICount {
			f.Ratio, f.Yardstick = verdict.Ratio(a)
		}
		list = append(list, f)
	}
	return list
}
