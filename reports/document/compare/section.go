package compare

import (
	"cmp"
	"slices"
	"strings"

	"tunbench/reports/chart"
	"tunbench/reports/document"
	"tunbench/reports/figure"
	"tunbench/reports/metric"
	"tunbench/reports/prose"
	"tunbench/reports/record"
	"tunbench/reports/text"
	"tunbench/reports/verdict"
)

// Changed is the section of what got worse, or better.
func Changed(s *Text, heading string, list []record.Verdict, none string) document.Section {
	sec := document.Section{Heading: heading}
	if len(list) == 0 {
		sec.Blocks = append(sec.Blocks, prose.Say(none))
		return sec
	}
	sec.Blocks = append(sec.Blocks, table(s, list))
	return sec
}

// table shows verdicts with all that is known of them.
func table(s *Text, list []record.Verdict) document.Table {
	t := document.Table{Columns: slices.Concat(document.Text("scenario", "metric"), document.Numeric("base", "new", "change", "95 % interval", "p", "n", "threshold"), document.Text("verdict", "notes"))}
	for _, v := range list {
		verdict := any(v.Verdict)
		if v.Verdict == record.Regression || v.Verdict == record.IndicativeRegression {
			verdict = prose.Bold(v.Verdict)
		}
		t.Rows = append(t.Rows, document.Row(s.Name(v.Scenario), v.Metric, metric.Quantity(v.Metric, v.Base), metric.Quantity(v.Metric, v.New),
			metric.ChangeText(v), metric.IntervalText(v), text.PValue(v.P), v.N, metric.ThresholdText(v), verdict, strings.Join(v.Notes, "; ")))
	}
	return t
}

// Rest counts what neither got worse nor better, and folds every figure.
func Rest(s *Text) document.Section {
	sec := document.Section{Heading: "The rest"}
	counts := document.Table{Columns: slices.Concat(document.Text("verdict"), document.Numeric("count"), document.Text("meaning"))}
	for _, k := range verdict.Kinds[4:] {
		if n := s.Count(k.Verdict); n > 0 {
			counts.Rows = append(counts.Rows, document.Row(k.Verdict, n, k.Meaning))
		}
	}
	if len(counts.Rows) == 0 {
		sec.Blocks = append(sec.Blocks, prose.Say("Nothing else was compared."))
	}
	sec.Blocks = append(sec.Blocks, counts)
	why := document.Table{Columns: slices.Concat(document.Text("verdict", "why"), document.Numeric("verdicts"))}
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
	every.Fold = "Every verdict: " + text.Plural(len(every.Rows), "row", "rows")
	if len(s.Common) > 0 {
		every.Note = prose.Say("All scenarios have " + strings.Join(s.Common, ", ") + ". ")
	}
	every.Note = append(every.Note, prose.Say(prose.Bold("base"), ", ", prose.Bold("new"), ": medians over the valid trials. ", prose.Bold("change"), ": new / base − 1; of loss and jain the difference, in points and as it is. ",
		prose.Bold("threshold"), ": what a change must be beyond; where an A/A run says that the host cannot show less, the interval of an equivalent verdict still lies within the metric's own, in brackets. ",
		prose.Bold("p"), ": corrected. ", prose.Bold("n"), ": pairs, or valid trials of the side that has fewer.")...)
	shown := table(s, s.Shown)
	shown.Fold = "Shown, not judged: " + text.Plural(len(shown.Rows), "row", "rows")
	sec.Blocks = append(sec.Blocks, every, shown)
	return sec
}

// OnlyOnes lists what one side did not measure.
func OnlyOnes(s *Text) (document.Section, bool) {
	t := document.Table{Columns: document.Text("scenario", "only in", "what the other says")}
	for _, o := range s.Only {
		t.Rows = append(t.Rows, document.Row(prose.Mono(o.Scenario), o.Side, cmp.Or(o.Why, text.Absent)))
	}
	return document.Section{Heading: "Only on one side", Blocks: []document.Block{t.Folded("Only on one side")}}, len(t.Rows) > 0
}

func HostDifferences(s *Text) (document.Section, bool) {
	sec := document.Section{Heading: "What differs between the hosts"}
	if s.Base.Run == nil || s.New.Run == nil {
		return sec, false
	}
	if s.Base.Run == s.New.Run {
		sec.Blocks = []document.Block{prose.Say("Both sides were measured in one run, on one host.")}
		if builds := builds(s); len(builds.Rows) > 0 {
			sec.Blocks = append(sec.Blocks, prose.Say("Each by a tunbench of its own, whose processes took turns:"), builds)
		}
		return sec, true
	}
	sec.Blocks = document.Differing([]figure.Party{
		{Name: "base: " + s.Base.Name, Runs: figure.RunsOf(s.Base.Run)},
		{Name: "new: " + s.New.Name, Runs: figure.RunsOf(s.New.Run)},
	})
	return sec, true
}

// builds tells which programs measured the two sides, where there were two.
func builds(s *Text) document.Table {
	t := document.Table{Columns: document.Text("side", "program", "version", "commit", "Go", "SHA-256")}
	for i, letter := range []string{"a", "b"} {
		if b, ok := s.Base.Run.Builds[letter]; ok {
			t.Rows = append(t.Rows, document.Row([]string{"base", "new"}[i], prose.Mono(b.Path), b.Tool.Version, b.Tool.Commit, b.Tool.Go, prose.Mono(b.SHA256)))
		}
	}
	return t
}

// charts shows the changes of each metric with their intervals.
func charts(s *Text) (document.Section, bool) {
	sec := document.Section{Heading: "Changes and their intervals"}
	for _, g := range metric.Ratios() {
		var rows []chart.ChangeRow
		for _, v := range s.Verdicts {
			if v.Metric != g.Metric || v.Change == nil || v.CI == nil {
				continue
			}
			class := "muted"
			switch v.Verdict {
			case record.Regression, record.IndicativeRegression:
				class = "b"
			case record.Improvement, record.IndicativeImprovement:
				class = "a"
			}
			rows = append(rows, chart.ChangeRow{Label: s.Name(v.Scenario), Value: *v.Change, Low: v.CI[0], High: v.CI[1], Threshold: v.Threshold, Class: class, Text: metric.ChangeText(v)})
		}
		for i, part := range slices.Collect(slices.Chunk(rows, chart.RowsAChart)) {
			better := "lower is better"
			if g.Better > 0 {
				better = "higher is better"
			}
			sec.Blocks = append(sec.Blocks, document.Picture{
				File: document.Numbered("compare-"+strings.ReplaceAll(g.Metric, "_", "-"), i), Alt: "Change of " + g.Metric + " in each scenario, with its interval",
				Chart: chart.Changes{Title: "Change of " + g.Metric, Desc: "One line a scenario: the estimate and its 95 % interval; " + better + ".", Note: better, Rows: part},
			})
		}
	}
	return sec, len(sec.Blocks) > 0
}
