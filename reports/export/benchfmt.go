package export

import (
	"bufio"
	"bytes"
	"cmp"
	"fmt"
	"maps"
	"math"
	"slices"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/perf/benchfmt"
	"golang.org/x/perf/benchunit"

	"tunbench/reports/document"
	"tunbench/reports/document/run"
	"tunbench/reports/figure"
	"tunbench/reports/metric"
	"tunbench/reports/record"
	"tunbench/reports/render"
)

// BenchmarksName is the name of the file of --format benchfmt.
const BenchmarksName = "benchmarks.txt"

// A file in Go's benchmark format (https://go.dev/design/14313-benchmark-format)
// holds one result line for each valid trial and each rate that a search found.
// The number of iterations is that of the packets that the trial delivered, its
// warm-up included; 1 for what delivered none, and for a search.
//
// Figures are in the record's own units, and those in nanoseconds are named so
// that readers of the format make seconds of them: `CPU-ns/pkt` is printed as
// CPU-sec/pkt. No statistical assumption is made of what trials measured
// (assume=nothing); a bound that a search found is exact.
//
// What the format cannot carry stands in lines that begin with #, which its
// readers pass over: invalid trials, which must not become part of a median,
// skips, and whether the run was interrupted. Windows, histograms, queues,
// flows, accounting and flags are in run.jsonl alone.

// benchUnit names the unit of a metric. In virtual time a nanosecond is an
// instruction, and must not be made a second.
func benchUnit(name, clock string) string {
	k, known := metric.Find(name)
	unit := k.Bench
	if !known {
		unit = cmp.Or(benchText(name, false), "%") // a metric without a name is one all the same
	}
	if clock == record.ClockICount {
		unit = strings.Replace(unit, "-ns/", "-instructions/", 1)
	}
	return unit
}

// benchQuantiles are the figures of a latency that are given.
var benchQuantiles = []string{"p50_ns", "p90_ns", "p99_ns", "p999_ns", "max_ns"}

// benchWriter writes a file in Go's benchmark format.
type benchWriter struct {
	b     bytes.Buffer
	w     *benchfmt.Writer
	units map[string]bool // that were described
}

// run writes one run. Name is "" where the file holds no other.
func (w *benchWriter) run(f *record.File, name string) error {
	w.note("run " + cmp.Or(f.Run.ID, "without an id") + " of suite " + cmp.Or(f.Run.Suite, "unnamed") + ", started " + cmp.Or(f.Run.Started, "at an unknown time"))
	for _, a := range run.Alerts(f) {
		w.note("warning: " + document.PlainText(a))
	}
	for _, s := range f.Skips {
		what := s.Scenario
		if s.Arm != "" {
			what = string(s.Arm) + " trials of " + what
		}
		w.note("skipped " + what + ": " + s.Reason + ": " + s.Detail)
	}
	list, _ := figure.Scenarios(f)
	if len(list) == 0 {
		w.note("nothing was measured")
	}
	variants := map[string]bool{}
	for _, t := range f.Trials {
		variants[t.Variant] = true
	}
	w.describe(list, f.Run.Clock)
	// Results that share a configuration stand together: it is written once.
	for _, variant := range slices.Sorted(maps.Keys(variants)) {
		for _, kind := range []record.Arm{record.Bare, record.Observed} {
			for _, s := range list {
				for _, t := range s.Arm(kind).All {
					if t.Variant != variant {
						continue
					}
					if err := w.trial(f.Run, t, kind, name); err != nil {
						return err
					}
				}
			}
		}
	}
	for _, s := range figure.SortedSearches(f) {
		for _, g := range s.Goals {
			if err := w.goal(f.Run, s.Scenario, g, name); err != nil {
				return err
			}
		}
	}
	return nil
}

// note writes a line that readers of the format pass over.
func (w *benchWriter) note(text string) {
	w.b.WriteString("# " + benchText(text, true) + "\n")
}

// describe writes what is known of the units of list, and of the rates that
// searches find, before the first result: readers keep it for what follows.
func (w *benchWriter) describe(list []*figure.Scenario, clock string) {
	figures, latencies := map[string]bool{}, map[string]bool{}
	for _, t := range figure.AllTrials(list) {
		for name := range t.Metrics {
			figures[name] = true
		}
		for name := range t.Latency {
			latencies[name] = true
		}
	}
	for _, name := range metric.Only(metric.Names(), figures) {
		w.unit(benchUnit(name, clock), metric.Of(name, clock).Better, "nothing")
	}
	for _, kind := range metric.Only(metric.LatencyNames, latencies) {
		for _, q := range benchQuantiles {
			w.unit(benchLatency(kind, q, clock), -1, "nothing")
		}
	}
}

// unit writes the lines that describe a unit, unless they are there.
func (w *benchWriter) unit(unit string, better int, assume string) {
	if w.units[unit] {
		return
	}
	w.units[unit] = true
	_, tidy := benchunit.Tidy(1, unit)
	line := func(key, value string) {
		// It cannot fail: it is written to memory.
		_ = w.w.Write(&benchfmt.UnitMetadata{UnitMetadataKey: benchfmt.UnitMetadataKey{Unit: tidy, Key: key}, OrigUnit: unit, Value: value})
	}
	switch better {
	case +1:
		line("better", "higher")
	case -1:
		line("better", "lower")
	}
	line("assume", assume)
}

// trial writes the result line of t, as a note if t is invalid.
func (w *benchWriter) trial(r *record.Run, t *record.Trial, kind record.Arm, name string) error {
	var values []benchfmt.Value
	add := func(v float64, unit string) { values = append(values, benchfmt.Value{Value: v, Unit: unit}) }
	one := figure.NewArm([]*record.Trial{t})
	for _, m := range one.Metrics() {
		add(t.Metrics[m], benchUnit(m, r.Clock))
	}
	for _, of := range one.Latencies() {
		l := t.Latency[of]
		for _, f := range latencyFields {
			if !slices.Contains(benchQuantiles, f.name) || l.Count+l.Overflow == 0 {
				continue
			}
			if v := f.of(&l); v != nil {
				add(float64(*v), benchLatency(of, f.name, r.Clock))
			}
		}
	}
	result := &benchfmt.Result{
		Name:   benchfmt.Name(benchText(t.Scenario, false)),
		Iters:  int(min(max(t.Accounting.Delivered, 1), math.MaxInt64)),
		Values: values,
	}
	if reason := whyNoResult(t, values); reason != "" {
		var line bytes.Buffer
		if err := benchfmt.NewWriter(&line).Write(result); err != nil {
			return err
		}
		w.note(string(kind) + ", " + reason + ": " + strings.TrimSpace(line.String()))
		return nil
	}
	result.Config = benchConfig(r, kind, t.Variant, name)
	return w.w.Write(result)
}

// goal writes the rate that a search found, as a note if it is not resolved.
func (w *benchWriter) goal(r *record.Run, scenario string, g record.Goal, name string) error {
	if !g.Resolved || g.LowerPPS == nil {
		w.note("search of " + scenario + ": " + metric.GoalName(g) + " is unresolved: " + g.Detail)
		return nil
	}
	unit := benchUnit(g.Name, r.Clock)
	w.unit(unit, +1, "exact")
	return w.w.Write(&benchfmt.Result{
		Config: benchConfig(r, record.Bare, "", name),
		Name:   benchfmt.Name(benchText(scenario, false)), Iters: 1,
		Values: []benchfmt.Value{{Value: *g.LowerPPS, Unit: unit}},
	})
}

func benchRuns(runs []record.Named, _ bool) ([]render.Output, error) {
	w := &benchWriter{units: map[string]bool{}}
	w.w = benchfmt.NewWriter(&w.b)
	for i, r := range runs {
		name := ""
		if len(runs) > 1 {
			name = r.Name
		}
		if i > 0 {
			w.b.WriteByte('\n')
		}
		if err := w.run(r.File, name); err != nil {
			return nil, err
		}
	}
	// A reader of the format gives up at such a line.
	for line := range bytes.Lines(w.b.Bytes()) {
		if len(line) >= bufio.MaxScanTokenSize {
			return nil, fmt.Errorf("a line of %d bytes, which begins with %.60q: Go's benchmark format has at most %d", len(line), line, bufio.MaxScanTokenSize-1)
		}
	}
	return []render.Output{{Name: BenchmarksName, Content: w.b.Bytes()}}, nil
}

// benchLatency names the unit of a quantile, such as `e2e-p99-ns`.
func benchLatency(kind, quantile, clock string) string {
	quantile, _ = strings.CutSuffix(quantile, "_ns")
	unit := "-ns"
	if clock == record.ClockICount {
		unit = "-instructions"
	}
	return benchText(kind, false) + "-" + quantile + unit
}

// whyNoResult says why t must not be read as a result; "" if it may be.
func whyNoResult(t *record.Trial, values []benchfmt.Value) string {
	switch {
	case t.Invalid():
		return "invalid (" + strings.Join(t.Flags, ", ") + ")"
	case len(values) == 0:
		return "without a figure"
	}
	return ""
}

// benchConfig is what benchstat makes tables by: results that differ in a key
// stand in different tables unless it is told to ignore that key, or to make
// columns of it. So it holds what keeps figures apart, and not what differs from
// one run to the next all the same, such as the time. The bare arm has no hook,
// whatever that of the other arm is.
func benchConfig(r *record.Run, a record.Arm, variant, run string) (config []benchfmt.Config) {
	add := func(key, value string) {
		// An empty value would delete the key.
		if value = benchText(value, true); value != "" {
			config = append(config, benchfmt.Config{Key: key, Value: []byte(value), File: true})
		}
	}
	add("tunbench", figure.ToolOf(r))
	add("kernel", r.Host.Kernel)
	add("arch", r.Host.Arch)
	add("cpu", r.Host.CPU)
	if r.Host.CPUs > 0 {
		add("cpus", strconv.Itoa(r.Host.CPUs))
	}
	add("virt", r.Host.Virt)
	add("clock", r.Clock)
	add("run", run)
	add("variant", variant)
	add("arm", string(a))
	hook := record.HookNone
	if a == record.Observed {
		hook = cmp.Or(r.Hook.Used, hook)
	}
	add("hook", hook)
	return config
}

// benchText makes s part of a line of the format: what would end a field or a
// line is percent-encoded, as in a URL, and so is what cannot be seen. Spaces are
// kept inside the value of a key.
func benchText(s string, spaces bool) string {
	var b strings.Builder
	for i, n := 0, 0; i < len(s); i += n {
		var r rune
		r, n = utf8.DecodeRuneInString(s[i:])
		inner := spaces && r == ' ' && i > 0 && i+n < len(s)
		if inner || r != '%' && !unicode.IsSpace(r) && unicode.IsPrint(r) && !(r == utf8.RuneError && n == 1) {
			b.WriteString(s[i : i+n])
			continue
		}
		for _, c := range []byte(s[i : i+n]) {
			fmt.Fprintf(&b, "%%%02X", c)
		}
	}
	return b.String()
}
