package reports

import (
	"maps"
	"slices"

	"tunbench/reports/record"
)

// directions shows each direction of those scenarios that have two.
func directions(list []*scenario) (section, bool) {
	title := titles(list)
	top := 0.0
	for _, s := range list {
		for _, d := range directionNames(s) {
			if v, ok := s.head().direction(d, record.PPS); ok {
				top = max(top, v)
			}
		}
	}
	sc := rateScale(top)
	t := table{
		columns: slices.Concat(text("scenario", "direction"), numeric(sc.unit, "Gbit/s", "loss %"), text("lost on the way")),
		note:    say("Medians over the trials of each direction by itself; both run at once and share the CPUs."),
	}
	for _, s := range list {
		name := title(s)
		for _, d := range directionNames(s) {
			dropped := map[string]uint64{}
			for _, tr := range s.head().used {
				addAll(dropped, tr.Directions[d].Accounting.Dropped)
			}
			shown := func(metric string, format func(float64) string) string {
				if v, ok := s.head().direction(d, metric); ok {
					return format(v)
				}
				return absent
			}
			t.rows = append(t.rows, row(name, mono(d), shown(record.PPS, sc.format), shown(record.BitPerS, gigabits), shown(record.Loss, percent), reasons(dropped)))
			name = ""
		}
	}
	if len(t.rows) == 0 {
		return section{}, false
	}
	return section{heading: "Both directions", blocks: []block{t.folded("Both directions")}}, true
}

// directionNames are those of the trials of s, sorted.
func directionNames(s *scenario) []string {
	names := map[string]bool{}
	for _, t := range s.head().all {
		for d := range t.Directions {
			names[d] = true
		}
	}
	return slices.Sorted(maps.Keys(names))
}
