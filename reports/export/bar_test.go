package export

import (
	"bytes"
	"regexp"
	"slices"
	"strings"
	"testing"

	"tunbench/reports/document"
	"tunbench/reports/document/run"
	"tunbench/reports/fixture"
	"tunbench/reports/prose"
	"tunbench/reports/render"
	"tunbench/reports/text"
)

var filledCell = regexp.MustCompile(`<td class="n filled(?: w2)?"(?: data-label="[^"]+")? data-sort="[^"]+"(?: data-under="[^"]+")?><svg class="bar( worse)?" viewBox="0 0 100 1" preserveAspectRatio="none" aria-hidden="true"><rect width="([0-9.]+)" height="1"/></svg>(?:<strong>)?([^<]+)<`)

// Bars behind figures are as long as these, in all tables together, and a figure that is
// not known or 0 has none.
func TestBars(t *testing.T) {
	table := func(rows ...[]prose.Prose) document.Table {
		return document.Table{Columns: slices.Concat(document.Text("scenario"), document.Numeric("kpps", "loss %", "n")), Rows: rows}
	}
	tables := []document.Table{
		table(document.Row("a", prose.Bold("1,000"), "0", 6), document.Row("b", text.Absent, "<0.01", 6)),
		table(document.Row("c", "250", "40.0", 6)),
	}
	document.Fill(tables, "kpps", false)
	document.Fill(tables, "loss %", true)
	d := document.Document{Title: "t", Sections: []document.Section{{Heading: "h", Blocks: []document.Block{tables[0], tables[1]}}}}
	var got []string
	for _, m := range filledCell.FindAllStringSubmatch(pageOf(t, d), -1) {
		got = append(got, m[3]+m[1]+": "+m[2])
	}
	if want := []string{"1,000: 100.0", "&lt;0.01 worse: 0.0", "250: 25.0", "40.0 worse: 100.0"}; !slices.Equal(got, want) {
		t.Errorf("%q, want %q", got, want)
	}
	var md bytes.Buffer
	if err := render.Markdown(&md, d, render.Options{}); err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(md.String(), "| a | **1,000** | 0 | 6 |") {
		t.Errorf("markdown has more than the figures:\n%s", md.String())
	}
}

// The overview of a run has them, with one scale for TUN and TAP.
func TestBarsOfTheOverview(t *testing.T) {
	page := pageOf(t, run.New(fixture.Synthetic()))
	overview := page[strings.Index(page, `<h2 id="throughput">`):]
	longest := map[bool]int{}
	cells := filledCell.FindAllStringSubmatch(overview, -1)
	for _, m := range cells {
		if m[2] == "100.0" {
			longest[m[1] != ""]++
		}
	}
	if len(cells) < 20 || longest[true] != 1 || longest[false] != 3 { // rate, ratio to loopback and bit rate
		t.Errorf("%d bars, of which fill their cell: %d of a loss, %d of others", len(cells), longest[true], longest[false])
	}
}
