package export

import (
	"bytes"
	"fmt"
	"regexp"
	"strings"
	"testing"

	"tunbench/reports/advice"
	"tunbench/reports/chart"
	"tunbench/reports/chart/charttest"
	asked "tunbench/reports/curve"
	"tunbench/reports/document"
	"tunbench/reports/document/advise"
	"tunbench/reports/document/curve"
	"tunbench/reports/document/history"
	"tunbench/reports/document/run"
	"tunbench/reports/document/watch"
	"tunbench/reports/fixture"
	"tunbench/reports/live"
	"tunbench/reports/render"
	"tunbench/reports/series"
	"tunbench/reports/watched"
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

// Each picture says on which kernel, when, with what and from how many trials, boots, runs
// or intervals it is, so that it can be quoted without its report.
func TestSourceOfPictures(t *testing.T) {
	docs := documents(t)
	docs["history"] = history.New(checkOf(t, storyRuns(), series.Options{})).Document()
	for _, p := range history.Site(history.New(checkOf(t, storyRuns(), series.Options{}))) {
		docs["site "+p.Name] = p.Document
	}
	for name, s := range studyVariants() {
		docs["study "+name] = s.Document()
	}
	ask, err := asked.ParseAsk("x=size,y=bit_per_s,by=vnet,io=read,load=max")
	if err != nil {
		t.Fatal(err)
	}
	if docs["plot"], err = curve.Plots(fixture.Curves(), []asked.Ask{ask}); err != nil {
		t.Fatal(err)
	}
	header := fixture.Curves().Run
	var seen watched.Sum
	for i := range int64(3) {
		seen.Add(live.Watch{TNs: i * 1e9, IntervalNs: 1e9})
	}
	docs["watch"] = watch.New(&seen, nil, document.SourceOf(header))
	docs["advise"] = advise.New(&advice.Advice{
		Kernel: "6.18.0", CPU: "a CPU", CPUs: 2, Started: header.Started, Tool: header.Tool, Use: advice.Candidate{Words: "vnet=10"},
		Verdict: advice.Equal, Bars: []advice.Bar{{Words: "vnet=10", PPS: advice.Ratio{Value: 2, N: 16}}},
	})
	foot := regexp.MustCompile(`(^|· )(Linux \S+|[0-9]+ kernels).* · 20[0-9]{2}-.* · tunbench( \S+)+ · n = [0-9]+(–[0-9]+)? [a-z]+`)
	checked := map[string]int{}
	for name, d := range docs {
		if strings.Contains(name, "hostile") { // whose names are lines of anything
			continue
		}
		list := pictures(d)
		for _, one := range d.Details.Each {
			list = append(list, pictures(document.Document{Sections: []document.Section{{Blocks: one.Blocks}}})...)
		}
		for _, p := range list {
			kind, _, _ := strings.Cut(name, " ")
			checked[kind]++
			if source := d.SourceOf(p); !foot.MatchString(source) {
				t.Errorf("%s: %s says of itself %q", name, p.File, source)
			}
		}
	}
	for _, kind := range []string{"history", "site", "study", "plot", "watch", "advise", "compare", "kernels-kernels", "limit"} {
		if checked[kind] == 0 {
			t.Errorf("no picture of %s", kind)
		}
	}
	if foot.MatchString("2 × a CPU · Linux 6.18.0 · tunbench v0.1.0 · n = 3 trials each") || foot.MatchString("Linux 6.18.0 · 2026-11-20 22:51 UTC · tunbench v0.1.0") {
		t.Error("a picture without a date, or without n, passes")
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
