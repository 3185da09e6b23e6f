package github

import (
	"bytes"
	"cmp"
	"regexp"
	"slices"
	"strings"

	"tunbench/reports/document"
	"tunbench/reports/document/compare"
	"tunbench/reports/document/run"
	"tunbench/reports/metric"
	"tunbench/reports/prose"
	"tunbench/reports/record"
	"tunbench/reports/render"
	"tunbench/reports/text"
	"tunbench/reports/verdict"
)

// CommentName is the file with the comment on a pull request.
const CommentName = "comment.md"

// CommentLimit is how many bytes a comment has at most. GitHub refuses one of more than
// 65,536 characters.
const CommentLimit = 64_000

// commentRows is how many rows of the table are in sight.
const commentRows = 5

// Marker is the last line of a comment, by which the next push finds the comment and
// replaces it. GitHub does not show it. Comments of another name stay.
func Marker(name string) string {
	name = strings.Trim(notInMarker.ReplaceAllString(name, "-"), "-")
	return "<!-- tunbench: " + cmp.Or(name, "job") + " -->"
}

// notInMarker is what may end an HTML comment, or what a shell or jq would read.
var notInMarker = regexp.MustCompile(`[^A-Za-z0-9._/]+`)

// Comment is c for a pull request: the verdict in its first line, a table of the figures
// that matter most, the rest folded, and the marker.
func Comment(c *verdict.Comparison, marker string) ([]byte, error) {
	s := compare.New(c)
	v := verdictOf(s)
	shown := document.Document{Lead: v.line, Sections: []document.Section{{Blocks: []document.Block{table(s, v.rows), document.Small(basis(s))}}}}
	details := document.Document{Sections: []document.Section{trust(s)}}
	every := compare.Others(s)
	every.Heading = book.Text("comment details", nil)
	changed := slices.Concat(compare.Regressed(s).Blocks, compare.Improved(s).Blocks)
	if len(s.Regressed)+len(s.Improved) > 0 {
		every.Blocks = slices.Concat(changed, every.Blocks)
	}
	details.Sections = append(details.Sections, every.FoldedWhole())
	for _, part := range []func(*compare.Text) (document.Section, bool){compare.OneSided, compare.Hosts} {
		if sec, ok := part(s); ok {
			details.Sections = append(details.Sections, sec.FoldedWhole())
		}
	}
	return comment(shown, details, marker)
}

// FirstComment is the comment of a job that has nothing to compare with: why, and what was
// measured, folded.
func FirstComment(r record.Named, why, marker string) ([]byte, error) {
	d := run.New(r.File)
	shown := document.Document{Lead: book.Say("no baseline", prose.Values{"Why": why})}
	details := document.Document{Sections: []document.Section{{Blocks: []document.Block{document.Bullets(d.Points)}}}}
	for _, sec := range d.Sections {
		details.Sections = append(details.Sections, sec.FoldedWhole())
	}
	return comment(shown, details, marker)
}

// comment joins what is in sight, as much of the details as there is room for, and the
// marker.
func comment(shown, details document.Document, marker string) ([]byte, error) {
	var b bytes.Buffer
	if err := render.Markdown(&b, shown, render.Options{}); err != nil {
		return nil, err
	}
	if room := CommentLimit / 2; b.Len() > room {
		b.Reset()
		cut := shown.AtMost(commentRows)
		cut.Alerts = nil // the verdict stays the first line
		if err := render.Markdown(&b, cut, render.Options{}); err != nil {
			return nil, err
		}
	}
	b.WriteString("\n")
	rest, err := fitted(details, CommentLimit-b.Len()-len(marker)-2)
	if err != nil {
		return nil, err
	}
	b.Write(rest)
	b.WriteString("\n" + marker + "\n")
	return b.Bytes(), nil
}

// table is the table in sight.
func table(s *compare.Text, rows []record.Verdict) document.Table {
	t := document.Table{Columns: slices.Concat(document.Text("scenario", "metric"), document.Numeric("base", "new", "change", "95 % interval"), document.Text("verdict"))}
	for i, v := range rows {
		if i == commentRows {
			break
		}
		cell := any(v.Verdict)
		if stateOf(v) == worse {
			cell = prose.Bold(v.Verdict)
		}
		name := v.Metric
		if v.Missing != "" {
			name, cell = text.Absent, book.Text("not measured", prose.Values{"Side": v.Missing, "Notes": strings.Join(v.Notes, "; ")})
		}
		t.Rows = append(t.Rows, document.Row(s.Name(v.Scenario), name, metric.FigureText(v, v.Base), metric.FigureText(v, v.New), metric.ChangeText(v), metric.IntervalText(v), cell))
	}
	return t
}

// basis says what was compared, and where.
func basis(s *compare.Text) prose.Prose {
	host, kernel := "", ""
	if r := s.New.Run; r != nil {
		host, kernel = strings.Join(text.NonEmpty(r.Host.CPU, text.Plural(max(r.Host.CPUs, 0), "CPU", "CPUs")), ", "), r.Host.Kernel
	}
	most := 0
	for _, v := range s.Verdicts {
		most = max(most, v.N)
	}
	return book.Say("compared", prose.Values{"New": s.New.Called(), "Base": s.Base.Called(), "Paired": s.Paired, "N": most, "Host": host, "Kernel": kernel, "Common": strings.Join(s.Common, " ")})
}

// trust is what a reader must know of the measurement, folded.
func trust(s *compare.Text) document.Section {
	d := s.Document()
	sec := document.Section{Heading: book.Text("comment trust", nil), Blocks: []document.Block{d.Lead}}
	sec.Blocks = append(sec.Blocks, document.Bullets(slices.Concat(s.Alerts(), d.Points)))
	return sec.FoldedWhole()
}
