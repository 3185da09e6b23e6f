package reports

import (
	"cmp"
	"slices"
	"strconv"
	"strings"

	"tunbench/reports/record"
	"tunbench/reports/stat"
)

// historyText writes what is said of a check.
type historyText struct {
	*Check
	hosts  []string // fingerprints, in order
	common []string
}

// name is a series without its metric.
func (t historyText) name(s *Series) string {
	mode, _ := split(s.Scenario)
	name := mode + " " + label(s.Scenario, t.common)
	if s.Arm == record.Observed {
		name += " (observed by " + s.Hook + ")"
	}
	if s.Clock == virtualClock {
		name += " (virtual time)"
	}
	return name
}

// of gives the series of a host.
func (t historyText) of(host string) (list []*Series) {
	for _, s := range t.Series {
		if s.Host == host {
			list = append(list, s)
		}
	}
	return list
}

// hostLine says which machine a fingerprint is, and what is known of it.
func (t historyText) hostLine(host string) prose {
	var runs []*StoredRun
	for i := range t.Runs {
		if t.Runs[i].Host == host {
			runs = append(runs, &t.Runs[i])
		}
	}
	p := say("Host ", mono(host))
	if len(runs) == 0 {
		return p
	}
	first, last := runs[0], runs[len(runs)-1]
	h := last.Run.Host
	p = append(p, say(": "+strings.Join(nonEmpty(h.CPU, plural(max(h.CPUs, 0), "CPU", "CPUs"), h.Virt), ", ")+"; "+plural(len(runs), "run", "runs"))...)
	if len(runs) > 1 {
		p = append(p, say(" from "+clock(first.Run.Started)+" to "+clock(last.Run.Started))...)
	} else {
		p = append(p, say(", "+clock(last.Run.Started))...)
	}
	return append(p, say(", the newest ", mono(last.Run.ID), " under Linux ", mono(cmp.Or(h.Kernel, "unknown")), ".")...)
}

// count counts the series with findings that still stand, those of them that are
// acknowledged, and what went back.
func (t historyText) count(verdict string) (standing, acknowledged, gone int) {
	seen, known := map[*Series]bool{}, map[*Series]bool{}
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

// points is the result in a few lines.
func (t historyText) points() (p []prose) {
	if len(t.Series) == 0 {
		return []prose{say("No series: no run has a figure that was asked for.")}
	}
	for _, group := range []struct{ verdict, what string }{{record.Regression, "regressed"}, {record.Improvement, "improved"}} {
		n, known, gone := t.count(group.verdict)
		var line prose
		switch {
		case n > 0:
			line = say(bold(plural(n, "series", "series")), " "+group.what)
		case known > 0:
			line = say("No other series ", group.what)
		case t.Judged > 0 && len(t.Short) == 0:
			line = say("No series ", group.what)
		case t.Judged > 0:
			line = say("Of the "+plural(t.Judged, "series", "series")+" that can be judged, none ", group.what)
		case gone == 0:
			continue
		default:
			line = say("Nothing that ", group.what, " still stands")
		}
		if known > 0 {
			line = append(line, say("; what "+group.what+" in "+plural(known, "series", "series")+" is acknowledged")...)
		}
		if gone > 0 {
			line = append(line, say("; "+plural(gone, "change", "changes")+" went back since")...)
		}
		p = append(p, append(line, say(".")...))
	}
	if len(t.Short) > 0 {
		least, most := t.Short[0].Missing, 0
		for _, s := range t.Short {
			least, most = min(least, s.Missing), max(most, s.Missing)
		}
		more := plural(most, "more valid run", "more valid runs")
		if least < most {
			more = strconv.Itoa(least) + " to " + more
		}
		p = append(p, say(bold(plural(len(t.Short), "series is", "series are")+" too short to tell"), ": a change can stand there that cannot be told from noise at p < 0.001 before a series has "+
			strconv.Itoa(stat.LeastToTell(historyAlpha))+" valid runs. It takes "+more+". ", mono("tunbench compare BASE NEW"), " judges two runs by their trials."))
	}
	if t.Judged > 0 {
		p = append(p, say(plural(t.Judged, "series", "series")+" judged, each after every run, at p < 0.001: change points within "+strconv.Itoa(historyWindow)+
			" runs, a run that is off on its own, and drift. What regressed is told until the level goes back or it is acknowledged; what improved or went back, if it is in the last "+
			strconv.Itoa(historyWindow)+" runs and since the last release."))
	}
	for _, host := range t.hosts {
		if mixed := t.Mixed[host]; mixed != "" {
			p = append(p, say("Mixed: ", mixed, ". A change between two runs may be that of the machine."))
		}
	}
	return p
}

// document is the report on a history.
func (t historyText) document() document {
	d := document{title: "tunbench: history of " + t.Name, points: t.points()}
	for _, p := range t.Problems {
		d.alerts = append(d.alerts, say(p, "."))
	}
	d.lead = say(bold(plural(len(t.Runs), "run", "runs")), ", "+plural(len(t.Series), "series", "series")+". A series is a metric of one scenario on one host, by the medians of its runs. Each series is judged as if after every run; change points are found by E-divisive with permutations, and count if the 95 % interval of the change reaches the threshold.")
	d.sections = append(d.sections, t.changed())
	for _, host := range t.hosts {
		d.sections = append(d.sections, t.host(host)...)
	}
	if len(t.Runs) > 0 {
		d.sections = append(d.sections, t.runs())
	}
	return d
}

func (t historyText) changed() section {
	sec := section{heading: "What changed"}
	tab := table{columns: slices.Concat(text("scenario", "metric"), numeric("base", "new", "change", "95 % interval", "p", "threshold"), text("verdict", "against", "since", "what else changed", "ID", "acknowledged"))}
	for _, f := range t.Findings {
		m, v := f.Series.Metric, record.Verdict{Metric: f.Series.Metric, Change: &f.Change.Change, CI: f.CI}
		verdict := any(f.Verdict)
		switch {
		case !f.Standing:
			verdict = f.Verdict + ", went back since"
		case f.Verdict == record.Regression && f.Acknowledged == nil:
			verdict = bold(f.Verdict)
		}
		name := t.name(f.Series)
		if len(t.hosts) > 1 {
			name += ", host " + f.Series.Host
		}
		against := map[string]string{ChangePoint: plural(f.BaseRuns, "run", "runs") + " before", SinceRun: plural(f.BaseRuns, "run", "runs") + " before", SinceRelease: "release " + f.Before.Release, Drift: "where it began"}[f.Kind]
		since := pointText(f.Begins)
		if f.Kind == SinceRelease || f.Kind == Drift {
			since = "between " + pointText(f.Before) + " and " + since
		}
		acknowledged := absent
		if f.Acknowledged != nil {
			acknowledged = ackText(*f.Acknowledged)
		}
		tab.rows = append(tab.rows, row(name, m, quantity(m, &f.Base), quantity(m, &f.New), moved(v), ciText(v), pvalue(&f.P), findingThreshold(f),
			verdict, against, since, cmp.Or(strings.Join(f.Notes, "; "), absent), mono(f.ID), acknowledged))
	}
	if len(tab.rows) == 0 {
		sec.blocks = append(sec.blocks, say("Nothing."))
	}
	tab.note = say(bold("base"), ", ", bold("new"), ": medians of the runs on both sides; of a drift, the ends of the line through its runs. ", bold("p"), ": of a change point, the share of all orders of the runs that split as well; of a run that is off on its own, by the scatter of the runs before it; of a drift, by the pairs of runs that rise and fall. ", bold("ID"), ": for ", mono("tunbench history ack"), ".")
	sec.blocks = append(sec.blocks, tab.folded("What changed"))
	return sec
}

// host is the series of one host: a table, and the charts.
func (t historyText) host(host string) (secs []section) {
	list := t.of(host)
	sec := section{heading: "Series of host " + host, blocks: []block{t.hostLine(host)}}
	tab := table{columns: slices.Concat(text("scenario", "metric"), numeric("runs"), text("trend"), trendColumns)}
	byMetric := map[string][]trendPanel{}
	var metrics []string
	for _, s := range list {
		tab.rows = append(tab.rows, row(slices.Concat([]any{t.name(s), s.Metric, len(s.shown()), trendLine(s)}, trend(s))...))
		if !slices.Contains(metrics, s.Metric) {
			metrics = append(metrics, s.Metric)
		}
		byMetric[s.Metric] = append(byMetric[s.Metric], t.panel(s))
	}
	if len(t.common) > 0 {
		tab.note = say("All scenarios have " + strings.Join(t.common, ", ") + ". ")
	}
	tab.note = append(tab.note, say(bold("trend"), ": the newest "+strconv.Itoa(sparkWidth)+" runs, each series from its lowest to its highest; a dot is a run without a valid trial. ",
		bold("since"), ": the newest valid run against the first, the one before, and the last release before it; not judged.")...)
	sec.blocks = append(sec.blocks, tab.folded("Series"))
	secs = append(secs, sec)
	for _, m := range metrics {
		charts := section{heading: m, sub: true}
		for i, part := range slices.Collect(slices.Chunk(byMetric[m], panelsATrend)) {
			charts.blocks = append(charts.blocks, picture{
				file: numbered("history-"+host+"-"+strings.ReplaceAll(m, "_", "-"), i), alt: m + " over time, one panel a scenario",
				chart: trendChart{title: m + " over time", desc: "One panel a scenario, one point a run: the median over its trials, with changes and releases marked.", panels: part},
			})
		}
		secs = append(secs, charts)
	}
	return secs
}

func (t historyText) panel(s *Series) trendPanel {
	points := s.shown()
	top := 0.0
	for _, p := range points {
		top = max(top, p.Value)
	}
	panel := trendPanel{title: t.name(s), scale: metricScale(s.Metric, s.Unit, top), first: clock(points[0].Started)}
	panel.note = panel.scale.unit
	if len(points) > 1 {
		panel.last = clock(points[len(points)-1].Started)
	}
	for i, p := range points {
		text := pointText(p) + ": " + quantity(s.Metric, &p.Value)
		if p.N == 0 {
			text += ", no valid trial"
		}
		panel.points = append(panel.points, trendPoint{p.Value, p.Low, p.High, p.N == 0, text})
		if p.Release != "" {
			panel.marks = append(panel.marks, trendMark{at: i, text: p.Release, dotted: true})
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
			panel.levels = append(panel.levels, trendLevel{from, to, v})
		}
	}
	for _, c := range s.Changes {
		at := s.place(c)
		class := "as"
		if c.Verdict == record.Regression {
			class = "bs"
		}
		panel.marks = append(panel.marks, trendMark{at: at, class: class, text: withUnit(s.Metric, step(s.Metric, c.Change))})
		level(at)
		from = at
	}
	level(len(points))
	return panel
}

// runs lists the files of the history that are shown.
func (t historyText) runs() section {
	tab := table{columns: text("started", "run", "host", "Linux", "tunbench", "suite", "release", "notes"), fold: "Runs: " + plural(len(t.Runs), "row", "rows")}
	for _, r := range t.Runs {
		note := ""
		if r.Cut {
			note = "interrupted: what was finished is in the series"
		}
		tab.rows = append(tab.rows, row(clock(r.Run.Started), mono(r.Run.ID), mono(r.Host), mono(r.Run.Host.Kernel), toolOf(r.Run), r.Run.Suite, cmp.Or(r.Release, absent), note))
	}
	return section{heading: "Runs", blocks: []block{tab}}
}

func newHistoryText(c *Check) historyText {
	t := historyText{Check: c}
	var names []string
	for _, s := range c.Series {
		if !slices.Contains(t.hosts, s.Host) {
			t.hosts = append(t.hosts, s.Host)
		}
		if !slices.Contains(names, s.Scenario) {
			names = append(names, s.Scenario)
		}
	}
	t.common = commonAxes(names)
	return t
}
