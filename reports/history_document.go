package reports

import (
	"bytes"
	"cmp"
	"encoding/json"
	"fmt"
	"io"
	"math"
	"slices"
	"strconv"
	"strings"

	"tunbench/reports/record"
	"tunbench/reports/screen"
	"tunbench/reports/stat"
)

// shown are the points that are not too old.
func (s *Series) shown() []Point { return s.Points[s.shownFrom:] }

// MarshalJSON leaves out the points that are too old.
func (s *Series) MarshalJSON() ([]byte, error) {
	type fields Series
	out := fields(*s)
	out.Points = s.shown()
	return json.Marshal(out)
}

// MarshalJSON puts the names of the series beside the change.
func (f Finding) MarshalJSON() ([]byte, error) {
	return json.Marshal(struct {
		Host     string     `json:"host"`
		Scenario string     `json:"scenario"`
		Metric   string     `json:"metric"`
		Unit     string     `json:"unit"`
		Arm      record.Arm `json:"arm"`
		Hook     string     `json:"hook"`
		Clock    string     `json:"clock"`
		Change
	}{f.Series.Host, f.Series.Scenario, f.Series.Metric, f.Series.Unit, f.Series.Arm, f.Series.Hook, f.Series.Clock, f.Change})
}

// MarshalJSON gives a series that is too short to tell the fields of a finding
// that it has.
func (s Short) MarshalJSON() ([]byte, error) {
	return json.Marshal(struct {
		Host     string     `json:"host"`
		Scenario string     `json:"scenario"`
		Metric   string     `json:"metric"`
		Unit     string     `json:"unit"`
		Arm      record.Arm `json:"arm"`
		Hook     string     `json:"hook"`
		Clock    string     `json:"clock"`
		Kind     string     `json:"kind"`
		Verdict  string     `json:"verdict"`
		Runs     int        `json:"runs"`
		Missing  int        `json:"missing"`
		Notes    []string   `json:"notes"`
	}{s.Series.Host, s.Series.Scenario, s.Series.Metric, s.Series.Unit, s.Series.Arm, s.Series.Hook, s.Series.Clock,
		TooShort, record.Inconclusive, s.Runs, s.Missing, []string{"too short to tell: it takes " + plural(s.Missing, "more valid run", "more valid runs")}})
}

// historyText writes what is said of a check.
type historyText struct {
	*Check
	hosts  []string // fingerprints, in order
	common []string
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

// delta gives the change from one point to another.
func delta(s *Series, from, to Point) string {
	v := to.Value - from.Value
	if !s.absolute() {
		if !(from.Value > 0) {
			return absent
		}
		v = to.Value/from.Value - 1
	}
	if math.IsInf(v, 0) {
		return absent
	}
	return withUnit(s.Metric, step(s.Metric, v))
}

// ends gives the first and the newest point shown that are valid, the one
// before the newest, and the last release before it; nil where there is none.
func ends(s *Series) (first, before, release, newest *Point) {
	for i := range s.shown() {
		p := &s.shown()[i]
		if p.N == 0 {
			continue
		}
		if first == nil {
			first = p
		}
		if newest != nil && newest.Release != "" {
			release = newest
		}
		before, newest = newest, p
	}
	return first, before, release, newest
}

// trend is the row of a series: what it is now, and since when.
func trend(s *Series) []any {
	first, before, release, newest := ends(s)
	if newest == nil {
		return []any{absent, absent, absent, absent}
	}
	cells := []any{quantity(s.Metric, &newest.Value)}
	for _, p := range []*Point{first, before, release} {
		switch {
		case p == nil || p == newest:
			cells = append(cells, absent)
		case p == release:
			cells = append(cells, delta(s, *p, *newest)+" ("+clip(printable(p.Release), 16)+")")
		default:
			cells = append(cells, delta(s, *p, *newest))
		}
	}
	return cells
}

var trendColumns = numeric("newest", "since first", "since last", "since release")

const sparkWidth = 32

// trendLine draws the newest values in one line of text. A run without a valid trial
// is a dot.
func trendLine(s *Series) string {
	const bars = "▁▂▃▄▅▆▇█"
	points := s.shown()
	points = points[max(0, len(points)-sparkWidth):]
	low, high := math.Inf(1), math.Inf(-1)
	for _, p := range points {
		if p.N > 0 {
			low, high = min(low, p.Value), max(high, p.Value)
		}
	}
	var b strings.Builder
	for _, p := range points {
		switch {
		case p.N == 0:
			b.WriteRune('·')
		case high > low:
			b.WriteRune([]rune(bars)[min(7, int(8*(p.Value/2-low/2)/(high/2-low/2)))])
		default:
			b.WriteRune('▄')
		}
	}
	return b.String()
}

// HistorySummary writes the series of c for a terminal.
func HistorySummary(w io.Writer, c *Check) error {
	t, to := newHistoryText(c), proseScreen(w)
	var b bytes.Buffer
	for _, host := range t.hosts {
		wrapped(&b, to, screen.Plain, plainText(t.hostLine(host)))
		fmt.Fprintln(&b)
		t.grouped(&b, to, t.of(host))
		fmt.Fprintln(&b)
	}
	if len(t.common) > 0 {
		wrapped(&b, to, screen.Plain, "all scenarios: "+printable(strings.Join(t.common, " ")))
	}
	if len(t.Series) > 0 {
		fmt.Fprintln(&b, "Each trend has a scale of its own, from its lowest to its highest run.")
	}
	for _, p := range t.points() {
		wrapped(&b, to, screen.Plain, plainText(p))
	}
	for _, f := range t.Findings {
		if f.Acknowledged != nil {
			wrapped(&b, to, screen.Plain, printable(t.name(f.Series)+": "+findingFigures(f)+"; "+ackText(*f.Acknowledged)))
		}
	}
	t.warnings(&b, to)
	return flush(w, &b)
}

// grouped writes series below the names of their scenarios.
func (t historyText) grouped(b *bytes.Buffer, to screen.Screen, list []*Series) {
	tab := table{columns: slices.Concat(text("metric"), numeric("runs"), text("trend"), trendColumns)}
	for _, s := range list {
		tab.rows = append(tab.rows, row(slices.Concat([]any{s.Metric, len(s.shown()), trendLine(s)}, trend(s))...))
	}
	var lines bytes.Buffer
	single := to
	single.Columns = 0 // a line a series
	textTable(&lines, single, tab, nil)
	line := strings.Split(strings.TrimRight(lines.String(), "\n"), "\n")
	fmt.Fprintln(b, "    "+line[0])
	last := ""
	for i, s := range list {
		if name := t.name(s); i == 0 || name != last {
			last = name
			fmt.Fprintln(b, "  "+to.Clip(to.Text(printable(name)), to.Columns-2))
		}
		fmt.Fprintln(b, "    "+line[i+1])
	}
}

// CheckSummary writes the findings of c for a terminal.
func CheckSummary(w io.Writer, c *Check) error {
	t, to := newHistoryText(c), proseScreen(w)
	var b bytes.Buffer
	for _, host := range t.hosts {
		wrapped(&b, to, screen.Plain, plainText(t.hostLine(host)))
	}
	for _, group := range []struct {
		heading, verdict string
		acknowledged     bool
	}{{"Regressed", record.Regression, false}, {"Acknowledged", record.Regression, true}, {"Improved", record.Improvement, false}, {"Improved, acknowledged", record.Improvement, true}} {
		var last *Series
		for _, f := range t.Findings {
			if f.Verdict != group.verdict || (f.Acknowledged != nil) != group.acknowledged {
				continue
			}
			if last == nil {
				tone := verdictTone(group.verdict)
				if group.acknowledged {
					tone = screen.Plain
				}
				fmt.Fprintf(&b, "\n%s\n", to.Paint(tone, group.heading+":"))
			}
			if last != f.Series {
				last = f.Series
				name := t.name(f.Series)
				if len(t.hosts) > 1 {
					name += ", host " + f.Series.Host
				}
				fmt.Fprintln(&b, "  "+to.Clip(to.Text(printable(name)), to.Columns-2))
			}
			fmt.Fprintln(&b, "    "+to.Text(printable(findingFigures(f))))
			for _, line := range findingStory(f) {
				fmt.Fprintln(&b, "      "+to.Text(printable(line)))
			}
		}
	}
	fmt.Fprintln(&b)
	if len(t.common) > 0 && len(t.Findings) > 0 {
		wrapped(&b, to, screen.Plain, "all scenarios: "+printable(strings.Join(t.common, " ")))
	}
	for _, p := range t.points() {
		wrapped(&b, to, screen.Plain, plainText(p))
	}
	t.warnings(&b, to)
	return flush(w, &b)
}

func (t historyText) warnings(b *bytes.Buffer, to screen.Screen) {
	for _, p := range t.Problems {
		wrapped(b, to, screen.Caution, "warning: "+printable(p))
	}
}

func flush(w io.Writer, b *bytes.Buffer) error {
	if _, err := w.Write(b.Bytes()); err != nil {
		return fmt.Errorf("write summary: %w", err)
	}
	return nil
}

// findingFigures says how much a finding is, and how sure.
func findingFigures(f Finding) string {
	m := f.Series.Metric
	s := m + ": " + quantity(m, &f.Base) + " → " + quantity(m, &f.New) + ", " + findingMoved(f) + ", p " + pvalue(&f.P) + ", threshold " + findingThreshold(f)
	if !f.Standing {
		s += "; it has gone back since"
	}
	return s + "; ID " + f.ID
}

// findingMoved is the change and its interval.
func findingMoved(f Finding) string {
	v := record.Verdict{Metric: f.Series.Metric, Change: &f.Change.Change, CI: f.CI}
	s := moved(v)
	if f.CI != nil {
		s += " (" + ciText(v) + ")"
	}
	return s
}

func findingThreshold(f Finding) string {
	return thresholdText(record.Verdict{Metric: f.Series.Metric, Threshold: f.Threshold})
}

// findingStory says of which runs a finding is, when it began, and what else changed
// then.
func findingStory(f Finding) []string {
	runs := func(n int) string { return plural(n, "run", "runs") }
	var kind, with string
	switch f.Kind {
	case ChangePoint:
		kind, with = "change point: "+runs(f.BaseRuns)+" before, "+runs(f.NewRuns)+" since; begins with ", "changed with it: "
	case SinceRun:
		kind = "off on its own, " + runs(f.BaseRuns) + " before, " + runs(f.NewRuns) + " since; begins with "
		with = "changed with it: "
	case Drift:
		kind, with = "drift over "+runs(f.NewRuns)+", by the line through them: up to ", "differs from where it began: "
	default:
		kind = "the newest " + runs(f.NewRuns) + " against " + runs(f.BaseRuns) + " up to release " + f.Before.Release + ": up to "
		if f.isDrift() {
			kind = "drift over " + runs(f.NewRuns) + " since release " + f.Before.Release + ", by the line through them: up to "
		}
		with = "differs from the release: "
	}
	lines := []string{kind + pointText(f.Begins)}
	if f.Kind == ChangePoint || f.Kind == SinceRun {
		lines = append(lines, "the last run without it: "+pointText(f.Before))
	}
	if f.Acknowledged != nil {
		lines = append(lines, ackText(*f.Acknowledged))
	}
	if n := len(f.Notes); n > 0 {
		const most = 6
		s := with + strings.Join(f.Notes[:min(n, most)], "; ")
		if n > most {
			s += "; and " + strconv.Itoa(n-most) + " more"
		}
		lines = append(lines, s)
	} else {
		lines = append(lines, strings.Join(nonEmpty("nothing else that a run's header tells differs", findingFloors(f)), "; "))
	}
	return lines
}

// ackText tells since when and why a finding is acknowledged.
func ackText(a Ack) string {
	if a.Time == "" {
		return "acknowledged: " + a.Reason
	}
	return "acknowledged " + clock(a.Time) + ": " + a.Reason
}

// pointText names the run of a point.
func pointText(p Point) string {
	s := p.Run + " (" + clock(p.Started) + ", Linux " + cmp.Or(p.Kernel, "unknown") + ", tunbench " + cmp.Or(p.Commit, "unknown")
	if p.Release != "" {
		s += ", release " + p.Release
	}
	return s + ")"
}

// count counts the series with findings that still stand, those of them that are
// acknowledged, and what went back.
func (t historyText) count(verdict string) (series, acknowledged, gone int) {
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

// metricScale is the unit in which a chart of a metric with that largest value
// is labelled.
func metricScale(metric, unit string, top float64) scale {
	switch metric {
	case record.PPS, record.NDRPPS, record.PDRPPS:
		return rateScale(top)
	case record.BitPerS:
		return scale{1e9, "Gbit/s"}
	case record.Loss:
		return scale{0.01, "%"}
	case LatencyP50, LatencyP99:
		switch {
		case top >= 1e6:
			return scale{1e6, "ms"}
		case top >= 1e3:
			return scale{1e3, "µs"}
		}
	}
	return scale{1, unit}
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
		at := c.at - s.shownFrom
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
