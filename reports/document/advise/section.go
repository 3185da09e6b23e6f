package advise

import (
	"slices"
	"strings"

	"tunbench/reports/advice"
	"tunbench/reports/chart"
	"tunbench/reports/document"
	"tunbench/reports/prose"
	"tunbench/reports/snippet"
	"tunbench/reports/text"
)

// sections are those of the report.
type sections struct{ Text }

func (s sections) all() (list []document.Section) {
	for _, part := range []func() (document.Section, bool){s.chart, s.steps, s.changes, s.rivals, s.rates, s.lacks, s.commands, s.code, s.knocked, s.how} {
		if sec, ok := part(); ok {
			list = append(list, sec)
		}
	}
	return list
}

// chart shows the way from the plain candidate to the recommendation, or, if that is the
// plain one, what was tried instead.
func (s sections) chart() (document.Section, bool) {
	bars := []chart.RatioBar{{Label: s.PlainName, Value: 1, Ratio: "1 ×"}}
	var counts []int
	for _, b := range s.Bars {
		bar := chart.RatioBar{Label: b.Words, Value: b.PPS.Value, Ratio: text.Ratio(b.PPS.Value) + " ×"}
		if counts = append(counts, b.PPS.N); b.PPS.CI != nil {
			bar.Low, bar.High, bar.Exact = b.PPS.CI[0], b.PPS.CI[1], true
			bar.Ratio += " (" + text.Between(text.Ratio(bar.Low), text.Ratio(bar.High)) + ")"
			switch {
			case bar.Low > 1:
				bar.Side = 1
			case bar.High < 1:
				bar.Side = -1
			}
		}
		bars = append(bars, bar)
	}
	if len(bars) < 2 {
		return document.Section{}, false
	}
	return document.Section{Heading: book.Text("chart heading", nil), Blocks: []document.Block{
		document.Picture{
			File: document.Numbered("advice", 0), Alt: book.Text("chart alt", prose.Values{"Plain": s.PlainName, "Open": s.Open()}),
			Chart: chart.Ratios{
				Title: book.Text("chart title", prose.Values{"Plain": s.PlainName}), Desc: book.Text("chart about", prose.Values{"Plain": s.PlainName, "Open": s.Open()}),
				Unit: book.Text("chart unit", prose.Values{"Plain": s.PlainName}), Of: book.Text("chart of", nil), Groups: []chart.RatioGroup{{Bars: bars}},
			},
			N: document.Counted(counts, document.Blocks()),
		},
	}}, true
}

func (s sections) steps() (document.Section, bool) {
	t := s.Steps()
	return document.Section{Heading: book.Text("steps heading", nil), Blocks: []document.Block{t}}, len(t.Rows) > 0
}

func (s sections) changes() (document.Section, bool) {
	t := s.Changes()
	return document.Section{Heading: book.Text("changes heading", nil), Blocks: []document.Block{t}}, len(t.Rows) > 0
}

func (s sections) rivals() (document.Section, bool) {
	t := document.Table{
		Columns: slices.Concat(document.Text("candidate"), columns),
		Note:    book.Say("rivals note", prose.Values{"Open": s.Open()}),
	}
	for _, c := range s.Of(advice.Rival) {
		t.Rows = append(t.Rows, row(c, c.New))
	}
	return document.Section{Heading: book.Text("rivals heading", nil), Blocks: []document.Block{t}}, len(t.Rows) > 0
}

func (s sections) rates() (document.Section, bool) {
	t := s.Rates()
	return document.Section{Heading: book.Text("rates heading", nil), Blocks: []document.Block{t}}, len(t.Rows) > 0
}

func (s sections) lacks() (document.Section, bool) {
	t := document.Table{Columns: document.Text("what", "reason", "detail")}
	for _, l := range s.Lacks {
		t.Rows = append(t.Rows, document.Row(lackNames(l), l.Reason, l.Detail))
	}
	return document.Section{Heading: book.Text("lacks heading", nil), Blocks: []document.Block{t}}, len(t.Rows) > 0
}

func (s sections) commands() (document.Section, bool) {
	steps, changes := s.Commands()
	sec := document.Section{Heading: book.Text("commands heading", nil), Blocks: []document.Block{book.Say("commands", nil)}}
	if len(steps) > 0 {
		sec.Blocks = append(sec.Blocks, document.Listing{Language: "sh", Text: strings.Join(steps, "\n")})
	}
	if len(changes) > 0 {
		sec.Blocks = append(sec.Blocks, document.Fold{Summary: book.Text("commands of changes", nil), Blocks: []document.Block{
			document.Listing{Language: "sh", Text: strings.Join(changes, "\n")},
		}})
	}
	return sec, len(sec.Blocks) > 1
}

func (s sections) code() (document.Section, bool) {
	goText, goErr := snippet.Go(s.Use.Axes, s.Use.Words)
	cText, cErr := snippet.C(s.Use.Axes, s.Use.Words)
	if goErr != nil || cErr != nil {
		return document.Section{}, false // the writer of the files reports the error
	}
	return document.Section{Heading: book.Text("code heading", nil), Blocks: []document.Block{
		book.Say("code", prose.Values{"Open": s.Open()}),
		document.Fold{Summary: "Go", Blocks: []document.Block{document.Listing{Language: "go", Text: goText}}},
		document.Fold{Summary: "C", Blocks: []document.Block{document.Listing{Language: "c", Text: cText}}},
	}}, true
}

func (s sections) knocked() (document.Section, bool) {
	t := document.Table{
		Columns: slices.Concat(document.Text("candidate"), document.Numeric("ratio"), document.Text("to"), document.Numeric("block")),
		Note:    book.Say("knocked note", prose.Values{"Threshold": threshold}),
		Fold:    book.Text("knocked", prose.Values{"N": len(s.Knocked), "All": s.Candidates}),
	}
	for _, d := range s.Knocked {
		t.Rows = append(t.Rows, document.Row(prose.Mono(d.Candidate), text.Ratio(d.Ratio), prose.Mono(d.By), d.Block))
	}
	return document.Section{Heading: book.Text("knocked heading", nil), Blocks: []document.Block{t}}, len(t.Rows) > 0
}

func (s sections) how() (document.Section, bool) {
	return document.Section{Heading: book.Text("how heading", nil), Blocks: []document.Block{
		book.Say("how", prose.Values{"Candidates": s.Candidates, "Blocks": s.Blocks, "Finals": s.Finals, "Reused": s.Reused, "Threshold": threshold, "Alpha": percent(s.Alpha), "Open": s.Open()}),
		s.Spent(),
	}}, true
}
