package run

import (
	"maps"
	"slices"

	"tunbench/reports/document"
	"tunbench/reports/figure"
	"tunbench/reports/prose"
	"tunbench/reports/record"
	"tunbench/reports/text"
)

// directions shows each direction of those scenarios that have two.
func directions(list []*figure.Scenario) (document.Section, bool) {
	title := figure.Titles(list)
	top := 0.0
	for _, s := range list {
		for _, d := range directionNames(s) {
			if v, ok := s.Head().Direction(d, record.PPS); ok {
				top = max(top, v)
			}
		}
	}
	sc := text.RateScale(top)
	t := document.Table{
		Columns: slices.Concat(document.Text("scenario", "direction"), document.Numeric(sc.Unit, "Gbit/s", "loss %"), document.Text("lost, by reason")),
		Note:    book.Say("directions note", nil),
	}
	for _, s := range list {
		name := title(s)
		for _, d := range directionNames(s) {
			dropped := map[string]uint64{}
			for _, tr := range s.Head().Used {
				addAll(dropped, tr.Directions[d].Accounting.Dropped)
			}
			shown := func(metric string, format func(float64) string) string {
				if v, ok := s.Head().Direction(d, metric); ok {
					return format(v)
				}
				return text.Absent
			}
			t.Rows = append(t.Rows, document.Row(name, prose.Mono(d), shown(record.PPS, sc.Format), shown(record.BitPerS, text.Gigabits), shown(record.Loss, text.Percent), reasons(dropped)))
			name = ""
		}
	}
	if len(t.Rows) == 0 {
		return document.Section{}, false
	}
	return document.Section{Heading: book.Text("directions heading", nil), Blocks: []document.Block{t.Folded(book.Text("directions fold", nil))}}, true
}

// directionNames are those of the trials of s, sorted.
func directionNames(s *figure.Scenario) []string {
	names := map[string]bool{}
	for _, t := range s.Head().All {
		for d := range t.Directions {
			names[d] = true
		}
	}
	return slices.Sorted(maps.Keys(names))
}
