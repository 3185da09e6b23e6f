package render

import (
	"bytes"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"

	"tunbench/reports/document"
	"tunbench/reports/document/run"
	"tunbench/reports/document/trust"
	"tunbench/reports/figure"
	"tunbench/reports/finding"
	"tunbench/reports/metric"
	"tunbench/reports/prose"
	"tunbench/reports/record"
	"tunbench/reports/requirement"
	"tunbench/reports/screen"
	"tunbench/reports/text"
)

// Summary writes the result of f for a terminal: what the run found and how far to trust
// that, then one line a scenario, the worst first: of many only the first, unless full is
// set. Where w is a terminal, it keeps to its width and its colours.
func Summary(w io.Writer, f *record.File, full bool) error {
	if _, err := w.Write(RunSummary(screen.Of(w), f, full)); err != nil {
		return fmt.Errorf("write summary: %w", err)
	}
	return nil
}

// RunSummary is what Summary writes.
func RunSummary(s screen.Screen, f *record.File, full bool) []byte {
	var b bytes.Buffer
	list, common := figure.Scenarios(f)
	for _, a := range run.Alerts(f) {
		wrapped(&b, s, screen.Caution, "warning: "+document.PlainText(a))
	}
	if len(list) == 0 {
		fmt.Fprintln(&b, "Nothing was measured.")
	} else {
		found, _ := finding.Said(list)
		if len(found) == 0 && len(list) > 1 {
			found = []prose.Prose{finding.None(list)}
		}
		for _, p := range found {
			wrapped(&b, s, screen.Strong, document.PlainText(p))
		}
		if len(found) > 0 {
			fmt.Fprintln(&b)
		}
		wrapped(&b, s, screen.Plain, document.PlainText(trust.Sentence(list)))
		if sharp := finding.Sharp(list); len(sharp) > 0 {
			wrapped(&b, s, screen.Plain, document.PlainText(sharp))
		}
	}
	for _, p := range trust.Left(f, list) {
		wrapped(&b, s, screen.Caution, document.PlainText(p))
	}
	if len(list) > 0 {
		for _, p := range trust.Rest(f, list) {
			wrapped(&b, s, screen.Plain, document.PlainText(p))
		}
		fmt.Fprintln(&b)
		scenarioLines(&b, s, list, common, full)
	}
	requirementLines(&b, s, f)
	var lines bytes.Buffer
	searchLines(&lines, f, list, common)
	if full {
		skipLines(&lines, f.Skips)
	}
	for line := range strings.Lines(lines.String()) {
		wrapped(&b, s, screen.Plain, line)
	}
	return b.Bytes()
}

// mostRows is how many scenarios a terminal shows, unless all are asked for.
const mostRows = 16

// scenarioLines has a line for each scenario, the worst first, and says what all have in
// common.
func scenarioLines(b *bytes.Buffer, s screen.Screen, list []*figure.Scenario, common []string, full bool) {
	worst := figure.WorstFirst(list)
	if !full {
		worst = worst[:min(len(worst), mostRows)]
	}
	t := brief(worst, figure.Titles(list))
	textTable(b, s, t, func(row, column int) screen.Tone {
		if column == len(t.Columns)-1 || worst[row].Head().Invalid {
			return toneOf(worst[row])
		}
		return screen.Plain
	})
	if n := len(list) - len(worst); n > 0 {
		wrapped(b, s, screen.Plain, run.MoreScenarios(n))
	}
	if len(list) > 1 {
		fmt.Fprintln(b)
	}
	if len(common) > 0 { // which one scenario alone has not
		if modes := figure.ModesOf(list); len(modes) == 1 {
			common = append(modes, common...)
		}
		wrapped(b, s, screen.Plain, "all scenarios: "+text.Printable(strings.Join(common, " ")))
	}
	if len(list) > 1 {
		wrapped(b, s, screen.Plain, run.WorstFirst())
	}
}

// mostLimits is how many limits that are not met a terminal lists.
const mostLimits = 20

// requirementLines sum up the limits of the suite, if it sets any, and list those that
// are not met.
func requirementLines(b *bytes.Buffer, s screen.Screen, f *record.File) {
	all := requirement.Judge(f)
	open := slices.Concat(requirement.Of(all, requirement.Missed), requirement.Of(all, requirement.NotJudged))
	for _, r := range open[:min(len(open), mostLimits)] {
		tone := screen.Caution
		if r.Verdict == requirement.Missed {
			tone = screen.Bad
		}
		wrapped(b, s, tone, text.Printable("limit: "+r.Scenario+": "+r.Text()))
	}
	if len(all) > 0 {
		wrapped(b, s, screen.Plain, document.PlainText(run.Required(f)))
	}
}

// skipLines gives each cause of skips one line.
func skipLines(b *bytes.Buffer, skips []record.Skip) {
	type cause struct {
		reason, detail string
		arm            record.Arm
	}
	var order []cause
	names := map[cause][]string{}
	for _, s := range skips {
		c := cause{s.Reason, s.Detail, s.Arm}
		if names[c] == nil {
			order = append(order, c)
		}
		names[c] = append(names[c], s.Scenario)
	}
	for _, c := range order {
		what := text.Plural(len(names[c]), "scenario", "scenarios")
		if len(names[c]) == 1 {
			what = names[c][0]
		}
		if c.arm != "" {
			what = string(c.arm) + " trials of " + what
		}
		fmt.Fprintf(b, "skipped %s: %s: %s\n", text.Printable(what), text.Printable(c.reason), text.Printable(c.detail))
	}
}

// brief is the headline for a terminal.
func brief(list []*figure.Scenario, title func(*figure.Scenario) string) document.Table {
	top := 0.0
	for _, s := range list {
		if m, ok := s.Head().Metric(record.PPS); ok {
			top = max(top, m.Median)
		}
	}
	sc := text.RateScale(top)
	rates := figure.IntervalsOf(list, record.PPS)
	where := figure.IntervalColumn(slices.Collect(maps.Values(rates))...)
	// A terminal has room for one of the two ratios; the report has both.
	ratio, times := "× floor", func(h figure.Arm) string { return run.Cell(h, record.FloorRatio, text.Hundredths) }
	if figure.OnLoopback(list) {
		ratio, times = "× loopback", func(h figure.Arm) string { return run.Cell(h, record.LoopbackRatio, text.Ratio) }
	}
	t := document.Table{Columns: slices.Concat(document.Text("scenario"), document.Numeric(sc.Unit, where, "Gbit/s", "loss %", "CPU "+figure.CostUnit(list), ratio, "p50", "p99"), document.Text("flags"))}
	for _, s := range list {
		h := s.Head()
		p50, p99 := text.Absent, text.Absent
		// Of a scenario without a valid trial, the observed ones do not stand for the others.
		if l, _, ok := s.LatencyOf(record.E2E); ok && !h.Invalid {
			if v, ok := l.Quantile(0.5); ok {
				p50 = text.Duration(float64(v))
			}
			if v, ok := l.Quantile(0.99); ok {
				p99 = text.Duration(float64(v))
			}
		}
		rng := text.Absent
		if sp, ok := rates[s]; ok {
			rng = sp.Text(where, sc.Format)
		}
		t.Rows = append(t.Rows, document.Row(title(s), run.Cell(h, record.PPS, sc.Format), rng,
			run.Cell(h, record.BitPerS, text.Gigabits), run.Cell(h, record.Loss, text.Percent),
			run.Cell(h, record.CPUNsPerPkt, text.Figure), times(h),
			p50, p99, marks(s)))
	}
	return t
}

// marks are the flags of s, behind how many of its trials are valid, if not all.
func marks(s *figure.Scenario) prose.Prose {
	h, flags := s.Head(), run.Marks(s)
	few := document.OfFew(h)
	if few == "" || h.Invalid {
		return flags
	}
	return append(prose.Say(few, ", "), flags...)
}

// searchLines gives each search of f one line on a terminal.
func searchLines(b *bytes.Buffer, f *record.File, list []*figure.Scenario, common []string) {
	all, title := figure.SortedSearches(f), run.Searched(list, common)
	sc := figure.SearchScale(all)
	for _, s := range all {
		fmt.Fprintf(b, "rate search %s:", text.Printable(title(s)))
		for i, g := range s.Goals {
			if i > 0 {
				b.WriteByte(';')
			}
			fmt.Fprintf(b, " %s %s", text.Printable(metric.GoalName(g)), inBrief(g, sc))
		}
		fmt.Fprintf(b, " (%s, %s in %s)\n", text.Printable(s.Profile), text.Plural(s.Trials, "trial", "trials"), text.Duration(float64(s.SpentNs)))
	}
}

// inBrief is a goal's lower bound, or why there is none to quote.
func inBrief(g record.Goal, sc text.Scale) string {
	switch {
	case g.Resolved:
		return run.RateOf(g.LowerPPS, sc) + " " + sc.Unit
	case g.LowerPPS != nil:
		return "at least " + sc.Format(*g.LowerPPS) + " " + sc.Unit + ", unresolved: " + text.Printable(g.Detail)
	}
	return "unresolved: " + text.Printable(g.Detail)
}

// toneOf is how the row of a scenario is shown.
func toneOf(s *figure.Scenario) screen.Tone {
	switch {
	case figure.InvalidShare(s) > 0:
		return screen.Bad
	case figure.FlaggedShare(s) > 0:
		return screen.Caution
	}
	return screen.Plain
}
