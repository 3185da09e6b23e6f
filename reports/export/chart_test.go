package export

import (
	"bytes"
	"fmt"
	"strings"
	"testing"

	"tunbench/reports/chart"
	"tunbench/reports/chart/charttest"
	"tunbench/reports/document"
	"tunbench/reports/document/history"
	"tunbench/reports/document/run"
	"tunbench/reports/fixture"
	"tunbench/reports/render"
	"tunbench/reports/series"
)

// pictures gives those of d, folded ones too.
func pictures(d document.Document) (list []document.Picture) {
	var of func(blocks []document.Block)
	of = func(blocks []document.Block) {
		for _, b := range blocks {
			switch b := b.(type) {
			case document.Picture:
				list = append(list, b)
			case document.Fold:
				of(b.Blocks)
			}
		}
	}
	for _, s := range d.Sections {
		of(s.Blocks)
	}
	return list
}

// Each chart of each report shows what it was made from, so that it can be read.
func TestCharts(t *testing.T) {
	docs := documents(t)
	docs["history"] = history.New(checkOf(t, storyRuns(), series.Options{})).Document()
	kinds := map[string]int{}
	for name, d := range docs {
		for _, p := range pictures(d) {
			kinds[fmt.Sprintf("%T", p.Chart)]++
			svg := charttest.Draw(t, p.Chart)
			for _, fault := range charttest.Faults(p.Chart, svg) {
				t.Errorf("%s, %s: %s", name, p.File, fault)
			}
			c := &checker{where: name + ", " + p.File}
			for line := range strings.Lines(svg) {
				c.text(elements.ReplaceAllString(line, " "))
			}
			holds(t, c.where, c.violations)
		}
	}
	if len(kinds) != 8 {
		t.Errorf("the reports have charts of %d kinds: %v", len(kinds), kinds)
	}
}

// The charts beside a report are those that it shows, as they are drawn.
func TestChartFiles(t *testing.T) {
	d := run.New(fixture.Synthetic())
	dir := t.TempDir()
	if err := render.WriteDocument(dir, d); err != nil {
		t.Fatal(err)
	}
	files := fixture.Contents(t, dir)
	if faults := fixture.Unlinked(files); len(faults) > 0 {
		t.Error(faults)
	}
	for _, p := range pictures(d) {
		var svg bytes.Buffer
		if err := chart.WriteSVG(&svg, p.Chart, d.SourceOf(p)); err != nil {
			t.Fatal(err)
		}
		if files[p.File] != svg.String() {
			t.Errorf("%s is not the chart of the document", p.File)
		}
	}
	files["other.svg"], files["limit.svg"] = "<svg/>", ""
	if faults := fixture.Unlinked(files); len(faults) != 2 {
		t.Errorf("a chart too many and one too few: %v", faults)
	}
}
