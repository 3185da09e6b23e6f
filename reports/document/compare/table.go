package compare

import (
	"cmp"
	"slices"
	"strings"

	"tunbench/reports/document"
	"tunbench/reports/figure"
	"tunbench/reports/metric"
	"tunbench/reports/prose"
	"tunbench/reports/record"
	"tunbench/reports/text"
	"tunbench/reports/verdict"
)

// Regressed is the section of what got worse.
func Regressed(s *Text) document.Section {
	return changed(s, "Regressed", s.Regressed)
}

// Improved is the section of what got better.
func Improved(s *Text) document.Section {
	return changed(s, "Improved", s.Improved)
}

func changed(s *Text, heading string, list []record.Verdict) document.Section {
	if len(list) == 0 {
		return document.Section{Heading: heading, Blocks: []document.Block{book.Say("nothing "+strings.ToLower(heading), nil)}}
	}
	return document.Section{Heading: heading, Blocks: []document.Block{table(s, list)}}
}

// table shows verdicts with all their figures.
func table(s *Text, list []record.Verdict) document.Table {
	t := document.Table{Columns: slices.Concat(document.Text("scenario", "metric"), document.Numeric("base", "new"), document.Leading(document.Numeric("change")), document.Interval("95 % interval"),
		document.Numeric("p", "n", "threshold"), document.Leading(document.Text("verdict")), document.Text("notes"))}
	for _, v := range list {
		verdict := any(v.Verdict)
		if v.Verdict == record.Regression || v.Verdict == record.IndicativeRegression {
			verdict = prose.Bold(v.Verdict)
		}
		t.Rows = append(t.Rows, document.Row(s.Name(v.Scenario), v.Metric, metric.FigureText(v, v.Base), metric.FigureText(v, v.New),
			metric.ChangeText(v), metric.IntervalText(v), text.PValue(v.P), v.N, metric.ThresholdText(v), verdict, strings.Join(v.Notes, "; ")))
	}
	return t
}

// Others is the section of all other verdicts: how many there are of each kind, and
// every figure in folded tables.
func Others(s *Text) document.Section {
	sec := document.Section{Heading: "Other verdicts"}
	counts := document.Table{Columns: slices.Concat(document.Text("verdict"), document.Numeric("count"), document.Text("meaning"))}
	for _, k := range verdict.Kinds[4:] {
		if n := s.Count(k.Verdict); n > 0 {
			counts.Rows = append(counts.Rows, document.Row(k.Verdict, n, k.Meaning))
		}
	}
	if len(counts.Rows) == 0 {
		sec.Blocks = append(sec.Blocks, book.Say("others none", nil))
	}
	sec.Blocks = append(sec.Blocks, counts)
	why := document.Table{Columns: slices.Concat(document.Text("verdict", "reason"), document.Numeric("verdicts"))}
	for _, kind := range []string{record.InvalidVerdict, record.NotComparable, record.UnsupportedVerdict} {
		for _, r := range s.Reasons(kind) {
			why.Rows = append(why.Rows, document.Row(kind, r.Note, r.N))
		}
	}
	for _, v := range slices.Concat(s.Lacking(record.NewSide), s.Lacking(record.BaseSide)) {
		why.Rows = append(why.Rows, document.Row(v.Verdict, s.Name(v.Scenario)+": "+strings.Join(v.Notes, "; "), 1))
	}
	sec.Blocks = append(sec.Blocks, why)
	every := table(s, s.Verdicts)
	every.Fold = book.Text("all verdicts", prose.Values{"Rows": len(every.Rows)})
	every.Note = book.Say("columns", prose.Values{"Common": strings.Join(s.Common, ", "), "Paired": s.Paired, "ByRatio": s.Stored != nil})
	shown := table(s, s.Shown)
	shown.Fold = book.Text("shown", prose.Values{"Rows": len(shown.Rows)})
	sec.Blocks = append(sec.Blocks, every, shown)
	return sec
}

// OneSided is the section of the scenarios that only one side measured.
func OneSided(s *Text) (document.Section, bool) {
	const heading = "Measured on one side only"
	t := document.Table{Columns: document.Text("scenario", "measured in", "why not in the other")}
	for _, o := range s.Only {
		t.Rows = append(t.Rows, document.Row(prose.Mono(o.Scenario), o.Side, cmp.Or(o.Why, text.Absent)))
	}
	return document.Section{Heading: heading, Blocks: []document.Block{t.Folded(heading)}}, len(t.Rows) > 0
}

// Hosts is the section of the differences between the hosts of the two sides.
func Hosts(s *Text) (document.Section, bool) {
	sec := document.Section{Heading: "Differences between the hosts"}
	if s.Base.Run == nil || s.New.Run == nil {
		return sec, false
	}
	if s.Base.Run == s.New.Run {
		sec.Blocks = []document.Block{book.Say("one host", nil)}
		if t := builds(s); len(t.Rows) > 0 {
			sec.Blocks = append(sec.Blocks, book.Say("builds", nil), t)
		}
		if t := document.Modules(s.Base.Run.Modules); len(t.Rows) > 0 {
			sec.Blocks = append(sec.Blocks, book.Say("modules", nil), t)
		}
		return sec, true
	}
	sec.Blocks = document.Differing([]figure.Group{
		{Name: "base: " + s.Base.Called(), Runs: figure.RunsOf(s.Base.Run)},
		{Name: "new: " + s.New.Called(), Runs: figure.RunsOf(s.New.Run)},
	})
	return sec, true
}

// builds lists the programs that measured the two sides, if these were two builds.
func builds(s *Text) document.Table {
	t := document.Table{Columns: document.Text("side", "program", "version", "commit", "Go", "SHA-256")}
	for i, letter := range []string{"a", "b"} {
		if b, ok := s.Base.Run.Builds[letter]; ok {
			t.Rows = append(t.Rows, document.Row([]string{"base", "new"}[i], prose.Mono(b.Path), b.Tool.Version, b.Tool.Commit, b.Tool.Go, prose.Mono(b.SHA256)))
		}
	}
	return t
}
