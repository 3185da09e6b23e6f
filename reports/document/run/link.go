package run

import (
	"slices"
	"time"

	"tunbench/reports/document"
	"tunbench/reports/figure"
	"tunbench/reports/text"
)

// links shows the links that are not perfect, and what they did with the packets of each host.
func links(list []*figure.Scenario) (document.Section, bool) {
	title := figure.Titles(list)
	t := document.Table{
		Columns: slices.Concat(document.Text("scenario", "device"), document.Numeric("delay", "drop %", "reorder %", "packets", "lost", "lost %", "limit", "beyond the limit")),
		Note:    book.Say("links note", nil),
	}
	for _, s := range list {
		name := title(s)
		for _, e := range figure.Links(s.All()) {
			share := text.Absent
			if all := e.Passed + e.Dropped; all > 0 {
				share = text.Percent(float64(e.Dropped) / float64(all))
			}
			t.Rows = append(t.Rows, document.Row(name, e.Device, text.Duration(float64(time.Duration(e.Link.DelayNs))), text.Percent(e.Link.Drop), text.Percent(e.Link.Reorder),
				text.Count(e.Passed+e.Dropped), text.Count(e.Dropped), share, text.Count(uint64(e.Link.Limit)), text.Count(e.Full)))
			name = ""
		}
	}
	if len(t.Rows) == 0 {
		return document.Section{}, false
	}
	return document.Section{
		Heading: book.Text("links heading", nil),
		Blocks:  []document.Block{t.Folded(book.Text("links fold", nil))},
	}, true
}
