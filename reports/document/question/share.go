package question

import (
	"strings"

	"tunbench/reports/axis"
	"tunbench/reports/figure"
	"tunbench/reports/prose"
)

// Sharing returns what names the scenarios of a chart, and a sentence on what they have in
// common, which their names leave out.
func Sharing(list []*figure.Scenario) (name func(*figure.Scenario) string, shared string) {
	title := figure.Titles(list)
	if len(list) < 2 {
		return figure.Named(list), ""
	}
	var names []string
	for _, s := range list {
		names = append(names, s.Name)
	}
	common := axis.Common(names)
	modes := figure.ModesOf(list)
	if len(modes) == 1 {
		common = append([]string{modes[0]}, common...)
	}
	if len(common) == 0 {
		return title, ""
	}
	return func(s *figure.Scenario) string {
		own := axis.Label(s.Name, common) + s.Where
		if len(modes) > 1 {
			own = s.Mode + " " + own
		}
		return own
	}, book.Text("shared", prose.Values{"Axes": strings.Join(common, " ")})
}
