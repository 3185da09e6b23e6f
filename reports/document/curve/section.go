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
	if n := len(all) - most; n > 0 {
		sec.Blocks = append(sec.Blocks, document.Small(book.Say("more", prose.Values{"N": n})))
	}
	return []document.Section{sec}
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
