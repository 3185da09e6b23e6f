package reports

import (
	"cmp"
	"maps"
	"slices"

	"tunbench/reports/record"
	"tunbench/reports/stat"
)

// measure is one figure of a subject, for other programs.
type measure struct {
	metricKind
	// latency is the kind of a latency, and percentile how many per cent of the
	// samples lie below; both are "" in other measures.
	latency, percentile string
	value               float64 // median of the used trials, or what a search found
	interval            interval
	within              within
}

// within tells what the interval of a measure is.
type within int

const (
	nowhere     within = iota // there is none
	spanned                   // the lowest and the highest trial
	confident                 // the 95 % interval of the median
	searchBound               // what the search left: the rate is not below low and not above high
)

// subject is what was measured by itself: an arm of a scenario and, in a file
// of tunbench ab, of a variant.
type subject struct {
	scenario, variant string
	arm               record.Arm
	trials, valid     int
	flags             []string       // of any trial, by name
	flagged           map[string]int // trials by flag
	// measures has none where no trial is valid: figures that must not be used
	// do not go where nobody reads the warning.
	measures   []measure
	unresolved []string // goals of a search that it did not reach, and why
	skips      []record.Skip
}

// name is the scenario's, with what tells subjects of one scenario apart.
func (s *subject) name() string {
	name := s.scenario
	if s.variant != "" {
		name += "/variant=" + s.variant
	}
	if s.arm == record.Observed {
		name += "/arm=" + string(record.Observed)
	}
	return name
}

// add takes the median of x into m; nothing where x has none.
func (s *subject) add(m measure, x []float64) {
	sum, err := stat.Summarize(x)
	if err != nil {
		return
	}
	m.value = sum.Median
	if span, ok := intervalOf(x); ok {
		m.interval, m.within = span, spanned
		if span.exact {
			m.within = confident
		}
	}
	s.measures = append(s.measures, m)
}

// search takes what a search found into s.
func (s *subject) search(found record.Search, clock string) {
	for _, g := range found.Goals {
		if !g.Resolved || g.LowerPPS == nil || g.UpperPPS == nil {
			s.unresolved = append(s.unresolved, g.Name+": "+cmp.Or(g.Detail, "the search has no bounds"))
			continue
		}
		s.measures = append(s.measures, measure{
			metricKind: kindOf(g.Name, clock), value: *g.LowerPPS,
			interval: interval{low: *g.LowerPPS, high: *g.UpperPPS}, within: searchBound,
		})
	}
}

// subjects gives the figures of f, in the order of reports. A scenario that was
// skipped, or whose rates were only searched for, is a subject without trials.
func subjects(f *record.File) (list []*subject) {
	for _, variant := range variantsOf(f) {
		part := *f
		part.Trials = slices.DeleteFunc(slices.Clone(f.Trials), func(t record.Trial) bool { return t.Variant != variant })
		all, _ := scenarios(&part)
		for _, s := range all {
			if len(s.bare.all) > 0 {
				list = append(list, newSubject(s.name, variant, record.Bare, s.bare, f.Run.Clock))
			}
			if len(s.observ.all) > 0 {
				list = append(list, newSubject(s.name, variant, record.Observed, s.observ, f.Run.Clock))
			}
		}
	}
	of := func(scenario string, arm record.Arm) *subject {
		i := slices.IndexFunc(list, func(s *subject) bool {
			return s.scenario == scenario && s.variant == "" && s.arm == arm
		})
		if i < 0 {
			i, list = len(list), append(list, &subject{scenario: scenario, arm: arm})
		}
		return list[i]
	}
	for _, search := range sortedSearches(f) {
		of(search.Scenario, record.Bare).search(search, f.Run.Clock)
	}
	for _, skip := range f.Skips {
		s := of(skip.Scenario, cmp.Or(skip.Arm, record.Bare))
		s.skips = append(s.skips, skip)
	}
	return list
}

func newSubject(scenario, variant string, name record.Arm, a arm, clock string) *subject {
	s := &subject{scenario: scenario, variant: variant, arm: name, trials: len(a.all), valid: len(a.used)}
	s.flags, s.flagged = a.flags()
	if a.invalid {
		s.valid = 0
		return s
	}
	unknown, latencies := map[string]bool{}, map[string]bool{}
	for _, t := range a.used {
		for name := range t.Metrics {
			unknown[name] = true
		}
		for latency := range t.Latency {
			latencies[latency] = true
		}
	}
	add := func(name string) {
		x := make([]float64, 0, len(a.used))
		for _, t := range a.used {
			if v, ok := t.Metrics[name]; ok {
				x = append(x, v)
			}
		}
		s.add(measure{metricKind: kindOf(name, clock)}, x)
	}
	for _, k := range metricKinds {
		add(k.metric)
		delete(unknown, k.metric)
	}
	for _, name := range slices.Sorted(maps.Keys(unknown)) {
		add(name)
	}
	for _, latency := range slices.Sorted(maps.Keys(latencies)) {
		for _, q := range latencyQuantiles {
			k := metricKind{metric: latency + "_p" + q.percentile, unit: "ns", better: -1}
			s.add(measure{metricKind: k, latency: latency, percentile: q.percentile}, a.quantileValues(latency, q.of))
		}
	}
	return s
}
