package figure

import (
	"cmp"
	"maps"
	"slices"

	"tunbench/reports/metric"
	"tunbench/reports/record"
	"tunbench/reports/stat"
)

// Measure is one figure of a subject, for export to other programs.
type Measure struct {
	metric.Kind
	// Latency is the kind of a latency, and percentile how many per cent of the
	// samples lie below; both are "" in other measures.
	Latency, Percentile string
	Value               float64 // median of the used trials, or what a search found
	Interval            Interval
	Within              Within
}

// Within says what the interval of a measure is.
type Within int

const (
	Nowhere     Within = iota // there is none
	Spanned                   // the lowest and the highest trial
	Confident                 // the 95 % interval of the median
	SearchBound               // the bounds of a search
)

// Subject is what figures are exported for: an arm of a scenario and, in a file of
// tunbench ab, of a variant.
type Subject struct {
	Scenario, Variant string
	Arm               record.Arm
	Trials, Valid     int
	Flags             []string       // of any trial, by name
	Flagged           map[string]int // trials by flag
	// Measures is empty where no trial is valid: figures that must not be used are not
	// exported to programs that do not read the warning.
	Measures   []Measure
	Unresolved []string // goals that a search did not resolve, and why
	Skips      []record.Skip
}

// Name is the scenario's name, with the variant if there is one, and the arm if observed.
func (s *Subject) Name() string {
	name := s.Scenario
	if s.Variant != "" {
		name += "/variant=" + s.Variant
	}
	if s.Arm == record.Observed {
		name += "/arm=" + string(record.Observed)
	}
	return name
}

// add adds m with the median and the interval of x; nothing where x has no median.
func (s *Subject) add(m Measure, x []float64) {
	sum, err := stat.Summarize(x)
	if err != nil {
		return
	}
	m.Value = sum.Median
	if span, ok := IntervalOf(x); ok {
		m.Interval, m.Within = span, Spanned
		if span.Exact {
			m.Within = Confident
		}
	}
	s.Measures = append(s.Measures, m)
}

// search adds the rates that a search found.
func (s *Subject) search(found record.Search, clock string) {
	for _, g := range found.Goals {
		if !g.Resolved || g.LowerPPS == nil || g.UpperPPS == nil {
			s.Unresolved = append(s.Unresolved, g.Name+": "+cmp.Or(g.Detail, "the search has no bounds"))
			continue
		}
		s.Measures = append(s.Measures, Measure{
			Kind: metric.Of(g.Name, clock), Value: *g.LowerPPS,
			Interval: Interval{Low: *g.LowerPPS, High: *g.UpperPPS}, Within: SearchBound,
		})
	}
}

// Subjects gives the figures of f, in the order of reports. A scenario that was
// skipped, or whose rates were only searched for, is a subject without trials.
func Subjects(f *record.File) (list []*Subject) {
	for _, variant := range variantsOf(f) {
		part := *f
		part.Trials = slices.DeleteFunc(slices.Clone(f.Trials), func(t record.Trial) bool { return t.Variant != variant })
		all, _ := Scenarios(&part)
		for _, s := range all {
			if len(s.Bare.All) > 0 {
				list = append(list, newSubject(s.Name, variant, record.Bare, s.Bare, f.Run.Clock))
			}
			if len(s.Observ.All) > 0 {
				list = append(list, newSubject(s.Name, variant, record.Observed, s.Observ, f.Run.Clock))
			}
		}
	}
	of := func(scenario string, arm record.Arm) *Subject {
		i := slices.IndexFunc(list, func(s *Subject) bool {
			return s.Scenario == scenario && s.Variant == "" && s.Arm == arm
		})
		if i < 0 {
			i, list = len(list), append(list, &Subject{Scenario: scenario, Arm: arm})
		}
		return list[i]
	}
	for _, search := range SortedSearches(f) {
		of(search.Scenario, record.Bare).search(search, f.Run.Clock)
	}
	for _, skip := range f.Skips {
		s := of(skip.Scenario, cmp.Or(skip.Arm, record.Bare))
		s.Skips = append(s.Skips, skip)
	}
	return list
}

func newSubject(scenario, variant string, name record.Arm, a Arm, clock string) *Subject {
	s := &Subject{Scenario: scenario, Variant: variant, Arm: name, Trials: len(a.All), Valid: len(a.Used)}
	s.Flags, s.Flagged = a.Flags()
	if a.Invalid {
		s.Valid = 0
		return s
	}
	unknown, latencies := map[string]bool{}, map[string]bool{}
	for _, t := range a.Used {
		for name := range t.Metrics {
			unknown[name] = true
		}
		for latency := range t.Latency {
			latencies[latency] = true
		}
	}
	add := func(name string) {
		x := make([]float64, 0, len(a.Used))
		for _, t := range a.Used {
			if v, ok := t.Metrics[name]; ok {
				x = append(x, v)
			}
		}
		s.add(Measure{Kind: metric.Of(name, clock)}, x)
	}
	for _, k := range metric.Kinds() {
		add(k.Metric)
		delete(unknown, k.Metric)
	}
	for _, name := range slices.Sorted(maps.Keys(unknown)) {
		add(name)
	}
	for _, latency := range slices.Sorted(maps.Keys(latencies)) {
		for _, q := range metric.LatencyQuantiles {
			k := metric.Kind{Metric: latency + "_p" + q.Percentile, Unit: "ns", Better: -1}
			s.add(Measure{Kind: k, Latency: latency, Percentile: q.Percentile}, a.QuantileValues(latency, q.Of))
		}
	}
	return s
}
