package curve

import (
	"strings"

	"tunbench/reports/curve"
	"tunbench/reports/document"
	"tunbench/reports/figure"
	"tunbench/reports/prose"
	"tunbench/reports/record"
)

// most is how many charts a report shows. `tunbench report --plot` draws the others.
const most = 16

// Sections shows the curves of f, whose scenarios are list, as one section; none where no
// axis has three numbers.
func Sections(f *record.File, list []*figure.Scenario) []document.Section {
	all := curve.Of(f, list)
	if len(all) == 0 {
		return nil
	}
	sec := document.Section{Heading: book.Text("heading", nil), Blocks: []document.Block{book.Say("lead", prose.Values{"Run": record.FileName})}}
	files, rates := map[string]int{}, false
	for _, c := range all[:min(most, len(all))] {
		sec.Blocks = append(sec.Blocks, newView(c).picture(fileOf("curve", c, files)))
		rates = rates || c.X == "load"
	}
	if rates {
		sec.Blocks = append(sec.Blocks, document.Small(book.Say("load note", nil)))
	}
	for _, note := range notes(all[:min(most, len(all))]) {
		sec.Blocks = append(sec.Blocks, document.Small(note))
	}
	if n := len(all) - most; n > 0 {
		sec.Blocks = append(sec.Blocks, document.Small(book.Say("more", prose.Values{"N": n})))
	}
	return []document.Section{sec}
}

// notes say which scenarios have hollow points, and which have none because no trial is valid.
func notes(shown []curve.Curve) (p []prose.Prose) {
	var hollow, without []prose.Prose
	seen := map[*figure.Scenario]bool{}
	for _, c := range shown {
		for _, s := range c.Without {
			if !seen[s] {
				seen[s], without = true, append(without, prose.Say(prose.Mono(s.Full())))
			}
		}
		for _, l := range c.Lines {
			for _, pt := range l.Points {
				if s := pt.Scenario; pt.Few() && !seen[s] {
					seen[s], hollow = true, append(hollow, prose.Say(prose.Mono(s.Full()), " ("+few(pt)+")"))
				}
			}
		}
	}
	if len(hollow) > 0 {
		p = append(p, book.Say("hollow points", prose.Values{"Scenarios": hollow}))
	}
	if len(without) > 0 {
		p = append(p, book.Say("no points", prose.Values{"Scenarios": without}))
	}
	return p
}

// fileOf names the file of a chart. used counts the files of each name. What comes from a run
// file does not become part of the name of a file.
func fileOf(kind string, c curve.Curve, used map[string]int) string {
	name := kind + "-" + c.X
	if book.Has("figure " + c.Metric) {
		name += "-" + strings.ReplaceAll(c.Metric, "_", "-")
	}
	used[name]++
	return document.Numbered(name, used[name]-1)
}
