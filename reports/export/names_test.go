package export

import (
	"bytes"
	"strings"
	"testing"

	"tunbench/reports/chart"
	"tunbench/reports/document"
	"tunbench/reports/document/compare"
	"tunbench/reports/fixture"
	"tunbench/reports/record"
	"tunbench/reports/render"
	"tunbench/reports/verdict"
)

// headings are the title of a comparison, its headings and those of its tables, and the
// texts of its charts; lead is its first paragraph.
func headings(t *testing.T, c *verdict.Comparison) (all []string, lead string) {
	t.Helper()
	d := compare.New(c).Document()
	all = append(all, d.Title)
	charts := 0
	for _, s := range d.Sections {
		all = append(all, s.Heading)
		for _, b := range s.Blocks {
			switch v := b.(type) {
			case document.Table:
				for _, column := range v.Columns {
					all = append(all, column.Name)
				}
			case document.Picture:
				charts++
				all = append(all, v.Chart.(chart.Changes).Title, v.Chart.(chart.Changes).Of)
			}
		}
	}
	if charts == 0 {
		t.Fatal("no chart")
	}
	return all, document.PlainText(d.Lead)
}

// Titles, headings and charts have short names of what is compared, uncut; the text has
// the whole names once.
func TestComparisonHeadings(t *testing.T) {
	const dir = "/srv/jenkins/workspace/a-job-with-a-rather-long-name/reports/runs/"
	base, next := fixture.BeforeAndAfter()
	runs, err := verdict.Compare(base, next, verdict.Options{BaseName: dir + "20261130T221459Z-6.18.44/run.jsonl", NewName: dir + "20261201T001122Z-6.18.45/run.jsonl"})
	if err != nil {
		t.Fatal(err)
	}
	ab := fixture.Pairs(0.9, 10)
	for i := range ab.Trials {
		v := &ab.Trials[i]
		v.Axes["txqlen"] = map[string]string{"a": "500", "b": "64"}[v.Variant]
		if v.Variant == "b" {
			v.Scenario += "/txqlen=64"
		}
	}
	ab.Run.Builds = map[string]record.Build{"a": {Path: dir + "old/tunbench"}, "b": {Path: dir + "new/tunbench"}}
	variants, err := verdict.CompareVariants(ab, verdict.Options{BaseName: dir + "ab/run.jsonl"})
	if err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		c          *verdict.Comparison
		base, next string
		whole      []string
	}{
		{runs, "20261130T221459Z-6.18.44", "20261201T001122Z-6.18.45", []string{dir + "20261130T221459Z-6.18.44/run.jsonl", dir + "20261201T001122Z-6.18.45/run.jsonl"}},
		{variants, "a, old: txqlen=500", "b, new: txqlen=64", []string{dir + "old/tunbench", dir + "new/tunbench"}},
	} {
		all, lead := headings(t, tt.c)
		if want := "tunbench: " + tt.next + " against " + tt.base; all[0] != want {
			t.Errorf("title %q, want %q", all[0], want)
		}
		for _, h := range all {
			if strings.Contains(h, "jenkins") || strings.Contains(h, "…") {
				t.Errorf("heading %q", h)
			}
		}
		for _, name := range tt.whole {
			if n := strings.Count(lead, name); n != 1 {
				t.Errorf("the text has %s %d times: %s", name, n, lead)
			}
		}
		var page bytes.Buffer
		if err := render.Markdown(&page, compare.New(tt.c).Document(), render.Options{Charts: true}); err != nil {
			t.Fatal(err)
		}
		if !strings.Contains(page.String(), tt.whole[0]) {
			t.Errorf("no %s in the report", tt.whole[0])
		}
	}
}
