package export

import (
	"fmt"
	"strings"

	"tunbench/reports/figure"
	"tunbench/reports/record"
	"tunbench/reports/render"
	"tunbench/reports/text"
)

// Files of the GitHub action, by what its setting `tool` calls them.
const (
	ghaBiggerName  = "bigger-is-better.json"  // customBiggerIsBetter
	ghaSmallerName = "smaller-is-better.json" // customSmallerIsBetter
)

// ghaEntry is a figure as github-action-benchmark takes it.
type ghaEntry struct {
	Name  string  `json:"name"`
	Unit  string  `json:"unit"`
	Value float64 `json:"value"`
	Range string  `json:"range,omitempty"` // shown behind the value
	Extra string  `json:"extra,omitempty"` // shown in a chart's tooltip
}

// ghaRuns gives the figures of a run in two files, by which way is better. What
// is better neither way stands in the words behind the number of valid trials,
// with all that has no figure: flags, skips, and rates that a search did not
// find.
func ghaRuns(runs []record.Named, _ bool) ([]render.Output, error) {
	bigger, smaller := []ghaEntry{}, []ghaEntry{}
	for _, s := range figure.Subjects(runs[0].File) {
		extra := fmt.Sprintf("%s, %d valid", text.Plural(s.Trials, "trial", "trials"), s.Valid)
		own := []string{extra}
		for _, flag := range s.Flags {
			own = append(own, fmt.Sprintf("flag %s in %d", flag, s.Flagged[flag]))
		}
		for _, skip := range s.Skips {
			own = append(own, "skipped: "+skip.Reason+": "+skip.Detail)
		}
		for _, goal := range s.Unresolved {
			own = append(own, "unresolved: "+goal)
		}
		for _, m := range s.Measures {
			e := ghaEntry{Name: s.Name() + " " + m.Metric, Unit: m.Unit, Value: m.Value, Range: rangeText(m), Extra: extra}
			switch {
			case m.Better > 0:
				bigger = append(bigger, e)
			case m.Better < 0:
				smaller = append(smaller, e)
			default:
				own = append(own, m.Metric+": "+strings.TrimSpace(text.Exact(m.Value)+" "+m.Unit))
			}
		}
		bigger = append(bigger, ghaEntry{Name: s.Name() + " valid trials", Unit: "trials", Value: float64(s.Valid), Extra: strings.Join(own, "\n")})
	}
	var files []render.Output
	for _, f := range []struct {
		name    string
		entries []ghaEntry
	}{{ghaBiggerName, bigger}, {ghaSmallerName, smaller}} {
		b, err := indented(f.entries)
		if err != nil {
			return nil, err
		}
		files = append(files, render.Output{Name: f.name, Content: b})
	}
	return files, nil
}

// rangeText names the range of the figure and its kind; "" if the range is not known.
func rangeText(m figure.Measure) string {
	what := map[figure.Within]string{figure.Spanned: text.RangeName, figure.Confident: text.IntervalName, figure.SearchBound: "searched"}[m.Within]
	if what == "" {
		return ""
	}
	return what + " " + text.Between(text.Figure(m.Interval.Low), text.Figure(m.Interval.High))
}
