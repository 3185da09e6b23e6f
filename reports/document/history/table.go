package history

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
	"tunbench/reports/series"
	"tunbench/reports/text"
)

// changed lists what was found: incidents, and every change in a folded table.
func changed(t Text) document.Section {
	sec := document.Section{Heading: "Changes"}
	if len(t.Incidents) == 0 {
		sec.Blocks = append(sec.Blocks, book.Say("no changes", nil))
		return sec
	}
	sec.Blocks = append(sec.Blocks, incidents(t), everyChange(t))
	return sec
}

// everyChange has a row for each finding, folded.
func everyChange(t Text) document.Table {
	tab := document.Table{Columns: slices.Concat(document.Text("scenario", "metric"), document.Numeric("base", "new"), document.Leading(document.Numeric("change")), document.Interval("95 % interval"), document.Numeric("p", "threshold"),
		document.Leading(document.Text("verdict")), document.Text("compared with", "since", "what else changed", "ID", "incident", "acknowledged"))}
	for _, f := range t.Findings {
		m, v := f.Series.Metric, record.Verdict{Metric: f.Series.Metric, Change: &f.Change.Change, CI: f.CI}
		verdict := any(f.Verdict)
		switch {
		case !f.Standing:
			verdict = book.Text("gone", prose.Values{"Verdict": f.Verdict})
		case f.Verdict == record.Regression && f.Acknowledged == nil:
			verdict = prose.Bold(f.Verdict)
		}
		since := pointText(f.Begins)
		if f.Kind == series.SinceRelease || f.Kind == series.Drift {
			since = book.Text("between", prose.Values{"Before": pointText(f.Before), "Begins": since})
		}
		acknowledged := text.Absent
		if f.Acknowledged != nil {
			acknowledged = AckText(*f.Acknowledged)
		}
		tab.Rows = append(tab.Rows, document.Row(t.OnHost(f.Series), m, metric.Quantity(m, &f.Base), metric.Quantity(m, &f.New), metric.ChangeText(v), metric.IntervalText(v), text.PValue(&f.P), findingThreshold(f),
			verdict, against(f), since, cmp.Or(strings.Join(f.Notes, "; "), text.Absent), prose.Mono(f.ID), prose.Mono(f.Incident), acknowledged))
	}
	tab.Note = book.Say("changes columns", nil)
	tab.Fold = book.Text("every change", prose.Values{"Rows": len(tab.Rows)})
	return tab
}

// against says what a finding is compared with.
func against(f series.Finding) string {
	switch f.Kind {
	case series.SinceRelease:
		return book.Text("against release", prose.Values{"Release": f.Before.Release})
	case series.Drift:
		return book.Text("against start", nil)
	}
	return book.Text("against runs", prose.Values{"N": f.BaseRuns})
}

// ofHost are the series of one host: a table, and the charts.
func ofHost(t Text, host string) (secs []document.Section) {
	list := worstFirst(t, t.Of(host))
	sec := document.Section{Heading: book.Text("series heading", prose.Values{"Host": host}), Blocks: []document.Block{t.HostLine(host)}}
	tab := document.Table{Columns: slices.Concat(document.Text("scenario", "metric"), document.Text("state"), document.Numeric("runs"), document.Text("trend"), TrendColumns)}
	byMetric := map[string][]chart.TrendPanel{}
	var metrics []string
	for _, s := range list {
		tab.Rows = append(tab.Rows, document.Row(slices.Concat([]any{t.Called(s), s.Metric, stateCell(t, s), len(s.Shown()), TrendLine(s)}, Trend(s))...))
		if !slices.Contains(metrics, s.Metric) {
			metrics = append(metrics, s.Metric)
		}
		byMetric[s.Metric] = append(byMetric[s.Metric], panel(t, s))
	}
	tab.Note = book.Say("series columns", prose.Values{"Common": strings.Join(t.Common, ", "), "Width": sparkWidth})
	sec.Blocks = append(sec.Blocks, tab.Folded("Series"))
	secs = append(secs, sec)
	source := sourceOf(t, host)
	for _, m := range metrics {
		charts := document.Section{Heading: m, Sub: true}
		for i, part := range slices.Collect(slices.Chunk(byMetric[m], chart.PanelsATrend)) {
			charts.Blocks = append(charts.Blocks, document.Picture{
				File: document.Numbered("history-"+host+"-"+strings.ReplaceAll(m, "_", "-"), i), Alt: book.Text("chart alt", prose.Values{"Metric": m}),
				Chart: chart.Trend{Title: book.Text("chart title", prose.Values{"Metric": m}), Desc: book.Text("chart about", nil), Panels: part},
				N:     points(part), Source: source,
			})
		}
		secs = append(secs, charts)
	}
	return secs
}

// points says of how many runs panels are.
func points(panels []chart.TrendPanel) string {
	var counts []int
	for _, p := range panels {
		counts = append(counts, len(p.Points))
	}
	return document.Counted(counts, document.Runs())
}

// sourceOf is where the figures of a host come from.
func sourceOf(t Text, host string) string {
	var runs []*record.Run
	for i := range t.Runs {
		if t.Runs[i].Host == host {
			runs = append(runs, t.Runs[i].Run)
		}
	}
	return document.SourceOf(runs...)
}

// runs lists the files of the history that are shown.
func runs(t Text) document.Section {
	tab := document.Table{Columns: document.Text("started", "run", "host", "Linux", "tunbench", "suite", "release", "notes"), Fold: book.Text("runs", prose.Values{"Rows": len(t.Runs)})}
	for _, r := range t.Runs {
		note := ""
		if r.Cut {
			note = book.Text("interrupted", nil)
		}
		tab.Rows = append(tab.Rows, document.Row(text.Clock(r.Run.Started), prose.Mono(r.Run.ID), prose.Mono(r.Host), prose.Mono(r.Run.Host.Kernel), figure.ToolOf(r.Run), r.Run.Suite, cmp.Or(r.Release, text.Absent), note))
	}
	return document.Section{Heading: "Runs", Blocks: []document.Block{tab}}
}
