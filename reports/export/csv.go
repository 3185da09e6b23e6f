package export

import (
	"bytes"
	"encoding/csv"
	"fmt"
	"maps"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"tunbench/reports/axis"
	"tunbench/reports/figure"
	"tunbench/reports/metric"
	"tunbench/reports/record"
	"tunbench/reports/render"
	"tunbench/reports/verdict"
)

// Names of the tables of --format csv.
const (
	TrialsName   = "trials.csv"
	SkipsName    = "skips.csv"
	VerdictsName = "verdicts.csv"
)

// A table is one header row and one row for each trial, verdict or skip, as RFC
// 4180 has them, except that lines end in a line feed: with CRLF encoding/csv
// would take the carriage returns out of a cell. Figures are in base units with
// all their digits, and a cell without one is empty.
//
// What is not one figure a trial is in run.jsonl alone: windows, histograms,
// queues, flows, the directions of a trial that has two, places of a path,
// headers, rate searches, and the header of the run but for its name.

// csvColumn is a column of a table whose rows are of T.
type csvColumn[T any] struct {
	name string
	of   func(T) string
}

// csvTable renders rows.
func csvTable[T any](columns []csvColumn[T], rows []T) ([]byte, error) {
	var b bytes.Buffer
	w := csv.NewWriter(&b)
	cells := make([]string, len(columns))
	for i, c := range columns {
		cells[i] = c.name
	}
	if err := w.Write(cells); err != nil {
		return nil, err
	}
	for _, r := range rows {
		for i, c := range columns {
			cells[i] = c.of(r)
		}
		if err := w.Write(cells); err != nil {
			return nil, err
		}
	}
	w.Flush()
	return b.Bytes(), w.Error()
}

// csvColumns collects columns, whose names differ: those of tunbench keep theirs.
type csvColumns[T any] struct {
	list  []csvColumn[T]
	kinds []string // of each, "" for one of tunbench
}

func (c *csvColumns[T]) add(kind, name string, of func(T) string) {
	c.list, c.kinds = append(c.list, csvColumn[T]{name, of}), append(c.kinds, kind)
}

// apart gives the columns, with its kind before the name of one that would
// bear the name of another.
func (c *csvColumns[T]) apart() []csvColumn[T] {
	taken := map[string]bool{}
	for i, kind := range c.kinds {
		if kind == "" {
			taken[c.list[i].name] = true
		}
	}
	for i, kind := range c.kinds {
		if kind == "" {
			continue
		}
		for taken[c.list[i].name] {
			c.list[i].name = kind + "_" + c.list[i].name
		}
		taken[c.list[i].name] = true
	}
	return c.list
}

// unlessKnown is the kind of a column whose name comes from a run file.
func unlessKnown(kind, name string, known []string) string {
	if slices.Contains(known, name) {
		return ""
	}
	return kind
}

// csvTrial is a row of the table of trials.
type csvTrial struct {
	run record.Named
	*record.Trial
}

func csvRuns(runs []record.Named, alone bool) ([]render.Output, error) {
	var rows []csvTrial
	var skips []csvSkip
	for _, r := range runs {
		list, _ := figure.Scenarios(r.File)
		for _, t := range figure.AllTrials(list) {
			rows = append(rows, csvTrial{r, t})
		}
		for _, s := range r.Skips {
			skips = append(skips, csvSkip{r, s})
		}
	}
	trials, err := csvTable(trialColumns(rows), rows)
	if err != nil {
		return nil, fmt.Errorf("write %s: %w", TrialsName, err)
	}
	files := []render.Output{{Name: TrialsName, Content: trials}}
	if alone {
		return files, nil
	}
	skipped, err := csvTable(skipColumns(), skips)
	if err != nil {
		return nil, fmt.Errorf("write %s: %w", SkipsName, err)
	}
	return append(files, render.Output{Name: SkipsName, Content: skipped}), nil
}

// csvAxes are the axes that always have a column. Those that came later have one
// where a run has them.
var csvAxes = record.Axes[:slices.Index(record.Axes, "cipher")+1]

// trialColumns are those of the table of trials: all that are known, whether a
// trial has them or not, so that tables of different runs can be put together,
// and what else the rows have.
func trialColumns(rows []csvTrial) []csvColumn[csvTrial] {
	axes, figures, latencies := map[string]bool{}, map[string]bool{}, map[string]bool{}
	for _, t := range rows {
		for name := range t.Axes {
			axes[name] = true
		}
		for name := range t.Metrics {
			figures[name] = true
		}
		for name := range t.Latency {
			latencies[name] = true
		}
	}
	var c csvColumns[csvTrial]
	text := func(name string, of func(csvTrial) string) { c.add("", name, of) }
	text("run", func(t csvTrial) string { return t.run.Name })
	text("run_id", func(t csvTrial) string { return t.run.Run.ID })
	text("run_finished", func(t csvTrial) string { return strconv.FormatBool(t.run.End != nil) })
	text("scenario", func(t csvTrial) string { return t.Scenario })
	for _, name := range metric.Known(csvAxes, axes) {
		c.add(unlessKnown("axis", name, csvAxes), name, func(t csvTrial) string { return axis.Of(t.Trial, name) })
	}
	text("arm", func(t csvTrial) string { return string(t.Arm) })
	text("variant", func(t csvTrial) string { return t.Variant })
	text("block", func(t csvTrial) string { return unlessZero(t.Block) })
	text("pair", func(t csvTrial) string { return strconv.Itoa(t.Pair) })
	text("trial", func(t csvTrial) string { return strconv.Itoa(t.Trial.Trial) })
	text("started", func(t csvTrial) string { return t.Started })
	text("duration_ns", func(t csvTrial) string { return strconv.FormatInt(t.DurationNs, 10) })
	text("valid", func(t csvTrial) string { return strconv.FormatBool(!t.Invalid()) })
	text("flags", func(t csvTrial) string { return escapedList(t.Flags) })
	for _, name := range metric.Known(metric.Names(), figures) {
		c.add(unlessKnown("metric", name, metric.Names()), name, func(t csvTrial) string {
			v, ok := t.Metrics[name]
			if !ok {
				return ""
			}
			return number(v)
		})
	}
	for _, s := range []struct {
		name string
		of   func(record.Accounting) string
	}{
		{"offered", func(a record.Accounting) string { return whole(a.Offered) }},
		{"pushed_back", func(a record.Accounting) string { return whole(a.PushedBack) }},
		{"accepted", func(a record.Accounting) string { return whole(a.Accepted) }},
		{"xmit", func(a record.Accounting) string { return wholeOr(a.Xmit) }},
		{"dropped", func(a record.Accounting) string { return whole(a.DroppedTotal()) }},
		{"drop_reasons", func(a record.Accounting) string { return escapedCounts(a.Dropped) }},
		{"read", func(a record.Accounting) string { return wholeOr(a.Read) }},
		{"delivered", func(a record.Accounting) string { return whole(a.Delivered) }},
		{"duplicates", func(a record.Accounting) string { return whole(a.Duplicates) }},
		{"reordered", func(a record.Accounting) string { return whole(a.Reordered) }},
		{"unexplained", func(a record.Accounting) string { return strconv.FormatInt(a.Unexplained, 10) }},
		{"xmit_skbs", func(a record.Accounting) string { return wholeOr(a.XmitSKBs) }},
		{"read_skbs", func(a record.Accounting) string { return wholeOr(a.ReadSKBs) }},
		{"verified", func(a record.Accounting) string { return whole(a.Verified) }},
		{"corrupt", func(a record.Accounting) string { return whole(a.CorruptTotal()) }},
		{"corrupt_kinds", func(a record.Accounting) string { return escapedCounts(a.Corrupt) }},
	} {
		text(s.name, func(t csvTrial) string { return s.of(t.Accounting) })
	}
	for _, kind := range metric.Known(metric.LatencyNames, latencies) {
		for _, f := range latencyFields {
			c.add(unlessKnown("latency", kind, metric.LatencyNames), kind+"_"+f.name, func(t csvTrial) string {
				l, ok := t.Latency[kind]
				if !ok {
					return ""
				}
				return wholeOr(f.of(&l))
			})
		}
	}
	return c.apart()
}

// latencyFields are the figures of a latency of one trial, by the field names of
// the record; nil where the trial does not know one.
var latencyFields = []struct {
	name string
	of   func(*record.Latency) *uint64
}{
	{"count", func(l *record.Latency) *uint64 { return &l.Count }},
	{"missed", func(l *record.Latency) *uint64 { return &l.Missed }},
	{"overflow", func(l *record.Latency) *uint64 { return &l.Overflow }},
	{"min_ns", func(l *record.Latency) *uint64 { return &l.MinNs }},
	{"p50_ns", func(l *record.Latency) *uint64 { return l.Bounded(l.P50Ns) }},
	{"p90_ns", func(l *record.Latency) *uint64 { return l.Bounded(l.P90Ns) }},
	{"p99_ns", func(l *record.Latency) *uint64 { return l.Bounded(l.P99Ns) }},
	{"p999_ns", func(l *record.Latency) *uint64 { return l.Bounded(l.P999Ns) }},
	{"max_ns", func(l *record.Latency) *uint64 { return &l.MaxNs }},
}

type csvSkip struct {
	run record.Named
	record.Skip
}

func skipColumns() []csvColumn[csvSkip] {
	return []csvColumn[csvSkip]{
		{"run", func(s csvSkip) string { return s.run.Name }},
		{"run_id", func(s csvSkip) string { return s.run.Run.ID }},
		{"scenario", func(s csvSkip) string { return s.Scenario }},
		{"reason", func(s csvSkip) string { return s.Reason }},
		{"detail", func(s csvSkip) string { return s.Detail }},
		{"arm", func(s csvSkip) string { return string(s.Arm) }},
	}
}

// csvVerdict is a row of the table of verdicts.
type csvVerdict struct {
	record.Verdict
	// tested is set for a verdict of its own; else the row shows figures for
	// which no test was made, or a scenario that one side alone has.
	tested bool
}

// csvComparison gives the verdicts, with the figures that no test was made for
// and the scenarios that one side did not measure. Warnings about the comparison
// as a whole are not in it: the other formats have them.
func csvComparison(c *verdict.Comparison, _ bool) ([]render.Output, error) {
	var rows []csvVerdict
	for _, v := range c.Verdicts {
		rows = append(rows, csvVerdict{v, true})
	}
	for _, v := range c.Shown {
		rows = append(rows, csvVerdict{v, false})
	}
	for _, o := range c.Only {
		v := record.Verdict{Scenario: o.Scenario, Notes: []string{o.Side + " alone measured it"}}
		if o.Why != "" {
			v.Notes = append(v.Notes, o.Why)
		}
		rows = append(rows, csvVerdict{v, false})
	}
	constant := func(name, value string) csvColumn[csvVerdict] {
		return csvColumn[csvVerdict]{name, func(csvVerdict) string { return value }}
	}
	bound := func(v csvVerdict, i int) string {
		if v.CI == nil {
			return ""
		}
		return number(v.CI[i])
	}
	figures := func(of func(csvVerdict) string) func(csvVerdict) string {
		return func(v csvVerdict) string {
			if v.Metric == "" {
				return ""
			}
			return of(v)
		}
	}
	table, err := csvTable([]csvColumn[csvVerdict]{
		{"scenario", func(v csvVerdict) string { return v.Scenario }},
		{"metric", func(v csvVerdict) string { return v.Metric }},
		{"unit", func(v csvVerdict) string { return v.Unit }},
		{"verdict", func(v csvVerdict) string { return v.Verdict.Verdict }},
		{"base", func(v csvVerdict) string { return numberOr(v.Base) }},
		{"new", func(v csvVerdict) string { return numberOr(v.New) }},
		{"change", func(v csvVerdict) string { return numberOr(v.Change) }},
		{"ci_low", func(v csvVerdict) string { return bound(v, 0) }},
		{"ci_high", func(v csvVerdict) string { return bound(v, 1) }},
		{"p", func(v csvVerdict) string { return numberOr(v.P) }},
		{"n", figures(func(v csvVerdict) string { return strconv.Itoa(v.N) })},
		{"threshold", figures(func(v csvVerdict) string { return number(v.Threshold) })},
		{"tested", func(v csvVerdict) string { return strconv.FormatBool(v.tested) }},
		{"notes", func(v csvVerdict) string { return strings.Join(v.Notes, "; ") }},
		constant("paired", strconv.FormatBool(c.Paired)),
		constant("base_name", c.Base.Name), constant("new_name", c.New.Name),
		constant("base_run_id", c.Base.Run.ID), constant("new_run_id", c.New.Run.ID),
		constant("base_kernel", c.Base.Run.Host.Kernel), constant("new_kernel", c.New.Run.Host.Kernel),
		constant("base_tool", figure.ToolOf(c.Base.Run)), constant("new_tool", figure.ToolOf(c.New.Run)),
		{"own_threshold", func(v csvVerdict) string { return numberOr(v.OwnThreshold) }},
		{"detectable", func(v csvVerdict) string { return numberOr(v.Detectable) }},
		{"missing", func(v csvVerdict) string { return v.Missing }},
		{"differs", func(v csvVerdict) string { return strings.Join(v.Differs, "; ") }},
	}, rows)
	if err != nil {
		return nil, fmt.Errorf("write %s: %w", VerdictsName, err)
	}
	return []render.Output{{Name: VerdictsName, Content: table}}, nil
}

// number gives v with all its digits, without an exponent where that is short.
func number(v float64) string {
	if a := max(v, -v); a != 0 && (a < 1e-6 || a >= 1e21) {
		return strconv.FormatFloat(v, 'e', -1, 64)
	}
	return strconv.FormatFloat(v, 'f', -1, 64)
}

func numberOr(v *float64) string {
	if v == nil {
		return ""
	}
	return number(*v)
}

func whole(n uint64) string { return strconv.FormatUint(n, 10) }

func wholeOr(n *uint64) string {
	if n == nil {
		return ""
	}
	return whole(*n)
}

func unlessZero(n int) string {
	if n == 0 {
		return ""
	}
	return strconv.Itoa(n)
}

// escapedList puts names in one cell, with spaces between. A name is escaped as in
// the query of a URL, which leaves letters, digits, `-`, `_`, `.` and `~` alone.
func escapedList(names []string) string {
	escaped := make([]string, len(names))
	for i, name := range names {
		escaped[i] = url.QueryEscape(name)
	}
	return strings.Join(escaped, " ")
}

// escapedCounts puts counts in one cell, as `REASON=n` with spaces between, by
// name; names are escaped as in escapedList.
func escapedCounts(counts map[string]uint64) string {
	var pairs []string
	for _, name := range slices.Sorted(maps.Keys(counts)) {
		pairs = append(pairs, url.QueryEscape(name)+"="+whole(counts[name]))
	}
	return strings.Join(pairs, " ")
}
