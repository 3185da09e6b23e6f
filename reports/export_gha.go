package reports

import (
	"fmt"
	"strings"
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
func ghaRuns(runs []NamedRun, _ bool) ([]Output, error) {
	bigger, smaller := []ghaEntry{}, []ghaEntry{}
	for _, s := range subjects(runs[0].File) {
		extra := fmt.Sprintf("%s, %d valid", plural(s.trials, "trial", "trials"), s.valid)
		own := []string{extra}
		for _, flag := range s.flags {
			own = append(own, fmt.Sprintf("flag %s in %d", flag, s.flagged[flag]))
		}
		for _, skip := range s.skips {
			own = append(own, "skipped: "+skip.Reason+": "+skip.Detail)
		}
		for _, goal := range s.unresolved {
			own = append(own, "unresolved: "+goal)
		}
		for _, m := range s.measures {
			e := ghaEntry{Name: s.name() + " " + m.metric, Unit: m.unit, Value: m.value, Range: rangeText(m), Extra: extra}
			switch {
			case m.better > 0:
				bigger = append(bigger, e)
			case m.better < 0:
				smaller = append(smaller, e)
			default:
				own = append(own, m.metric+": "+strings.TrimSpace(exact(m.value)+" "+m.unit))
			}
		}
		bigger = append(bigger, ghaEntry{Name: s.name() + " valid trials", Unit: "trials", Value: float64(s.valid), Extra: strings.Join(own, "\n")})
	}
	var files []Output
	for _, f := range []struct {
		name    string
		entries []ghaEntry
	}{{ghaBiggerName, bigger}, {ghaSmallerName, smaller}} {
		b, err := indented(f.entries)
		if err != nil {
			return nil, err
		}
		files = append(files, Output{f.name, b})
	}
	return files, nil
}

// rangeText tells where the figure lies, and what that is; "" if nobody knows.
func rangeText(m measure) string {
	what := map[within]string{spanned: rangeName, confident: intervalName, searchBound: "searched"}[m.within]
	if what == "" {
		return ""
	}
	return what + " " + between(figure(m.interval.low), figure(m.interval.high))
}
