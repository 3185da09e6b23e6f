// Package history makes the document on runs over time.
package history

import (
	"cmp"
	"slices"
	"strconv"
	"strings"

	"tunbench/reports/axis"
	"tunbench/reports/chart"
	"tunbench/reports/document"
	"tunbench/reports/figure"
	"tunbench/reports/metric"
	"tunbench/reports/prose"
	"tunbench/reports/record"
	"tunbench/reports/series"
	"tunbench/reports/stat"
	"tunbench/reports/text"
)

// Text writes what is said of a check.
type Text struct {
	*series.Check
	Hosts  []string // fingerprints, in order
	Common []string
}

// Called is a series without its metric.
func (t Text) Called(s *series.Series) string {
	mode, _ := axis.Split(s.Scenario)
	name := mode + " " + axis.Label(s.Scenario, t.Common)
	if s.Arm == record.Observed {
		name += " (observed by " + s.Hook + ")"
	}
	if s.Clock == record.ClockICount {
		name += " (virtual time)"
	}
	return name
}

// Of gives the series of a host.
func (t Text) Of(host string) (list []*series.Series) {
	for _, s := range t.Series {
		if s.Host == host {
			list = append(list, s)
		}
	}
	return list
}

// HostLine says which machine a fingerprint is, and what is known of it.
func (t Text) HostLine(host string) prose.Prose {
	var runs []*series.StoredRun
	for i := range t.Runs {
		if t.Runs[i].Host == host {
			runs = append(runs, &t.Runs[i])
		}
	}
	p := prose.Say("Host ", prose.Mono(host))
	if len(runs) == 0 {
		return p
	}
	first, last := runs[0], runs[len(runs)-1]
	h := last.Run.Host
	p = append(p, prose.Say(": "+strings.Join(text.NonEmpty(h.CPU, text.Plural(max(h.CPUs, 0), "CPU", "CPUs"), h.Virt), ", ")+"; "+text.Plural(len(runs), "run", "runs"))...)
	if len(runs) > 1 {
		p = append(p, prose.Say(" from "+text.Clock(first.Run.Started)+" to "+text.Clock(last.Run.Started))...)
	} else {
		p = append(p, prose.Say(", "+text.Clock(last.Run.Started))...)
	}
	return append(p, prose.Say(", the newest ", prose.Mono(last.Run.ID), " under Linux ", prose.Mono(cmp.Or(h.Kernel, "unknown")), ".")...)
}

// count counts the series with findings that still stand, those of them that are
// acknowledged, and what went back.
func (t Text) count(verdict string) (standing, acknowledged, gone int) {
	seen, known := map[*series.Series]bool{}, map[*series.Series]bool{}
	for _, f := range t.Findings {
		switch {
		case f.Verdict != verdict:
		case !f.Standing:
			gone++
		case f.Acknowledged != nil:
			known[f.Series] = true
		default:
			seen[f.Series] = true
		}
	}
	for s := range seen {
		delete(known, s)
	}
	return len(seen), len(known), gone
}

// Points is the result in a few lines.
func (t Text) Points() (p []prose.Prose) {
	if len(t.Series) == 0 {
		return []prose.Prose{prose.Say("No series: no run has a figure that was asked for.")}
	}
	for _, group := range []struct{ verdict, what string }{{record.Regression, "regressed"}, {record.Improvement, "improved"}} {
		n, known, gone := t.count(group.verdict)
		var line prose.Prose
		switch {
		case n > 0:
			line = prose.Say(prose.Bold(text.Plural(n, "series", "series")), " "+group.what)
		case known > 0:
			line = prose.Say("No other series ", group.what)
		case t.Judged > 0 && len(t.Short) == 0:
			line = prose.Say("No series ", group.what)
		case t.Judged > 0:
			line = prose.Say("Of the "+text.Plural(t.Judged, "series", "series")+" that can be judged, none ", group.what)
		case gone == 0:
			continue
		default:
			line = prose.Say("Nothing that ", group.what, " still stands")
		}
		if known > 0 {
			line = append(line, prose.Say("; what "+group.what+" in "+text.Plural(known, "series", "series")+" is acknowledged")...)
		}
		if gone > 0 {
			line = append(line, prose.Say("; "+text.Plural(gone, "change", "changes")+" went back since")...)
		}
		p = append(p, append(line, prose.Say(".")...))
	}
	if len(t.Short) > 0 {
		least, most := t.Short[0].Missing, 0
		for _, s := range t.Short {
			least, most = min(least, s.Missing), max(most, s.Missing)
		}
		more := text.Plural(most, "more valid run", "more valid runs")
		if least < most {
			more = strconv.Itoa(least) + " to " + more
		}
		p = append(p, prose.Say(prose.Bold(text.Plural(len(t.Short), "series is", "series are")+" too short to tell"), ": a change can stand there that cannot be told from noise at p < 0.001 before a series has "+
			strconv.Itoa(stat.LeastToTell(series.HistoryAlpha))+" valid runs. It takes "+more+". ", prose.Mono("tunbench compare BASE NEW"), " judges two runs by their trials."))
	}
	if t.Judged > 0 {
		p = append(p, prose.Say(text.Plural(t.Judged, "series", "series")+" judged, each after every run, at p < 0.001: change points within "+strconv.Itoa(series.HistoryWindow)+
			" runs, a run that is off on its own, and drift. What regressed is told until the level goes back or it is acknowledged; what improved or went back, if it is in the last "+
			strconv.Itoa(series.HistoryWindow)+" runs and since the last release."))
	}
	for _, host := range t.Hosts {
		if mixed := t.Mixed[host]; mixed != "" {
			p = append(p, prose.Say("Mixed: ", mixed, ". A change between two runs may be that of the machine."))
		}
	}
	return p
}

// Document is the report on a history.
func (t Text) Document() document.Document {
	d := document.Document{Title: "tunbench: history of " + t.Name, Points: t.Points()}
	for _, p := range t.Problems {
		d.Alerts = append(d.Alerts, prose.Say(p, "."))
	}
	d.Lead = prose.Say(prose.Bold(text.Plural(len(t.Runs), "run", "runs")), ", "+text.Plural(len(t.Series), "series", "series")+". A series is a metric of one scenario on one host, by the medians of its runs. Each series is judged as if after every run; change points are found by E-divisive with permutations, and count if the 95 % interval of the change reaches the threshold.")
	d.Sections = append(d.Sections, t.changed())
	for _, host := range t.Hosts {
		d.Sections = append(d.Sections, t.host(host)...)
	}
	if len(t.Runs) > 0 {
		d.Sections = append(d.Sections, t.runs())
	}
	return d
}

func (t Text) changed() document.Section {
	sec := document.Section{Heading: "What changed"}
	tab := document.Table{Columns: slices.Concat(document.Text("scenario", "metric"), document.Numeric("base", "new", "change", "95 % interval", "p", "threshold"), document.Text("verdict", "against", "since", "what else changed", "ID", "acknowledged"))}
	for _, f := range t.Findings {
		m, v := f.Series.Metric, record.Verdict{Metric: f.Series.Metric, Change: &f.Change.Change, CI: f.CI}
		verdict := any(f.Verdict)
		switch {
		case !f.Standing:
			verdict = f.Verdict + ", went back since"
		case f.Verdict == record.Regression && f.Acknowledged == nil:
			verdict = prose.Bold(f.Verdict)
		}
		name := t.Called(f.Series)
		if len(t.Hosts) > 1 {
			name += ", host " + f.Series.Host
		}
		against := map[string]string{series.ChangePoint: text.Plural(f.BaseRuns, "run", "runs") + " before", series.SinceRun: text.Plural(f.BaseRuns, "run", "runs") + " before", series.SinceRelease: "release " + f.Before.Release, series.Drift: "where it began"}[f.Kind]
		since := pointText(f.Begins)
		if f.Kind == series.SinceRelease || f.Kind == series.Drift {
			since = "between " + pointText(f.Before) + " and " + since
		}
		acknowledged := text.Absent
		if f.Acknowledged != nil {
			acknowledged = AckText(*f.Acknowledged)
		}
		tab.Rows = append(tab.Rows, document.Row(name, m, metric.Quantity(m, &f.Base), metric.Quantity(m, &f.New), metric.ChangeText(v), metric.IntervalText(v), text.PValue(&f.P), findingThreshold(f),
			verdict, against, since, cmp.Or(strings.Join(f.Notes, "; "), text.Absent), prose.Mono(f.ID), acknowledged))
	}
	if len(tab.Rows) == 0 {
		sec.Blocks = append(sec.Blocks, prose.Say("Nothing."))
	}
	tab.Note = prose.Say(prose.Bold("base"), ", ", prose.Bold("new"), ": medians of the runs on both sides; of a drift, the ends of the line through its runs. ", prose.Bold("p"), ": of a change point, the share of all orders of the runs that split as well; of a run that is off on its own, by the scatter of the runs before it; of a drift, by the pairs of runs that rise and fall. ", prose.Bold("ID"), ": for ", prose.Mono("tunbench history ack"), ".")
	sec.Blocks = append(sec.Blocks, tab.Folded("What changed"))
	return sec
}

// host is the series of one host: a table, and the charts.
func (t Text) host(host string) (secs []document.Section) {
	list := t.Of(host)
	sec := document.Section{Heading: "Series of host " + host, Blocks: []document.Block{t.HostLine(host)}}
	tab := document.Table{Columns: slices.Concat(document.Text("scenario", "metric"), document.Numeric("runs"), document.Text("trend"), TrendColumns)}
	byMetric := map[string][]chart.TrendPanel{}
	var metrics []string
	for _, s := range list {
		tab.Rows = append(tab.Rows, document.Row(slices.Concat([]any{t.Called(s), s.Metric, len(s.Shown()), TrendLine(s)}, Trend(s))...))
		if !slices.Contains(metrics, s.Metric) {
			metrics = append(metrics, s.Metric)
		}
		byMetric[s.Metric] = append(byMetric[s.Metric], t.panel(s))
	}
	if len(t.Common) > 0 {
		tab.Note = prose.Say("All scenarios have " + strings.Join(t.Common, ", ") + ". ")
	}
	tab.Note = append(tab.Note, prose.Say(prose.Bold("trend"), ": the newest "+strconv.Itoa(sparkWidth)+" runs, each series from its lowest to its highest; a dot is a run without a valid trial. ",
		prose.Bold("since"), ": the newest valid run against the first, the one before, and the last release before it; not judged.")...)
	sec.Blocks = append(sec.Blocks, tab.Folded("Series"))
	secs = append(secs, sec)
	for _, m := range metrics {
		charts := document.Section{Heading: m, Sub: true}
		for i, part := range slices.Collect(slices.Chunk(byMetric[m], chart.PanelsATrend)) {
			charts.Blocks = append(charts.Blocks, document.Picture{
				File: document.Numbered("history-"+host+"-"+strings.ReplaceAll(m, "_", "-"), i), Alt: m + " over time, one panel a scenario",
				Chart: chart.Trend{Title: m + " over time", Desc: "One panel a scenario, one point a run: the median over its trials, with changes and releases marked.", Panels: part},
			})
		}
		secs = append(secs, charts)
	}
	return secs
}

func (t Text) panel(s *series.Series) chart.TrendPanel {
	points := s.Shown()
	top := 0.0
	for _, p := range points {
		top = max(top, p.Value)
	}
	panel := chart.TrendPanel{Title: t.Called(s), Scale: metric.Scale(s.Metric, s.Unit, top), First: text.Clock(points[0].Started)}
	panel.Note = panel.Scale.Unit
	if len(points) > 1 {
		panel.Last = text.Clock(points[len(points)-1].Started)
	}
	for i, p := range points {
		text := pointText(p) + ": " + metric.Quantity(s.Metric, &p.Value)
		if p.N == 0 {
			text += ", no valid trial"
		}
		panel.Points = append(panel.Points, chart.TrendPoint{Value: p.Value, Low: p.Low, High: p.High, Hollow: p.N == 0, Text: text})
		if p.Release != "" {
			panel.Marks = append(panel.Marks, chart.TrendMark{At: i, Text: p.Release, Dotted: true})
		}
	}
	from := 0
	level := func(to int) {
		var x []float64
		for _, p := range points[from:to] {
			if p.N > 0 {
				x = append(x, p.Value)
			}
		}
		if v, err := stat.Median(x); err == nil {
			panel.Levels = append(panel.Levels, chart.TrendLevel{From: from, To: to, Value: v})
		}
	}
	for _, c := range s.Changes {
		at := s.Place(c)
		class := "as"
		if c.Verdict == record.Regression {
			class = "bs"
		}
		panel.Marks = append(panel.Marks, chart.TrendMark{At: at, Class: class, Text: metric.WithUnit(s.Metric, metric.Step(s.Metric, c.Change))})
		level(at)
		from = at
	}
	level(len(points))
	return panel
}

// runs lists the files of the history that are shown.
func (t Text) runs() document.Section {
	tab := document.Table{Columns: document.Text("started", "run", "host", "Linux", "tunbench", "suite", "release", "notes"), Fold: "Runs: " + text.Plural(len(t.Runs), "row", "rows")}
	for _, r := range t.Runs {
		note := ""
		if r.Cut {
			note = "interrupted: what was finished is in the series"
		}
		tab.Rows = append(tab.Rows, document.Row(text.Clock(r.Run.Started), prose.Mono(r.Run.ID), prose.Mono(r.Host), prose.Mono(r.Run.Host.Kernel), figure.ToolOf(r.Run), r.Run.Suite, cmp.Or(r.Release, text.Absent), note))
	}
	return document.Section{Heading: "Runs", Blocks: []document.Block{tab}}
}

func New(c *series.Check) Text {
	t := Text{Check: c}
	var names []string
	for _, s := range c.Series {
		if !slices.Contains(t.Hosts, s.Host) {
			t.Hosts = append(t.Hosts, s.Host)
		}
		if !slices.Contains(names, s.Scenario) {
			names = append(names, s.Scenario)
		}
	}
	t.Common = axis.Common(names)
	return t
}
