package reports

import (
	"bytes"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"

	"tunbench/reports/record"
	"tunbench/reports/screen"
)

// Summary writes the result of f for a terminal: one line a scenario, the worst
// first, then what there is to know about the run as a whole. Where w is a
// terminal, it keeps to its width and its colours.
func Summary(w io.Writer, f *record.File) error {
	if _, err := w.Write(runSummary(screen.Of(w), f)); err != nil {
		return fmt.Errorf("write summary: %w", err)
	}
	return nil
}

func runSummary(s screen.Screen, f *record.File) []byte {
	var b bytes.Buffer
	list, common := scenarios(f)
	if len(list) == 0 {
		fmt.Fprintln(&b, "Nothing was measured.")
	} else {
		worst := worstFirst(list)
		t := brief(worst)
		textTable(&b, s, t, func(row, column int) screen.Tone {
			if column == len(t.columns)-1 || worst[row].head().invalid {
				return toneOf(worst[row])
			}
			return screen.Plain
		})
		if len(list) > 1 {
			fmt.Fprintln(&b)
		}
		if len(common) > 0 { // which one scenario alone has not
			wrapped(&b, s, screen.Plain, "all scenarios: "+printable(strings.Join(common, " ")))
		}
		if len(list) > 1 {
			wrapped(&b, s, screen.Plain, "worst first: "+worstMeans)
		}
		fmt.Fprintln(&b)
		for _, p := range points(f, list) {
			wrapped(&b, s, screen.Plain, plainText(p))
		}
	}
	var lines bytes.Buffer
	searchLines(&lines, f, list, common)
	skipLines(&lines, f.Skips)
	for line := range strings.Lines(lines.String()) {
		wrapped(&b, s, screen.Plain, line)
	}
	for _, a := range alerts(f) {
		wrapped(&b, s, screen.Caution, "warning: "+plainText(a))
	}
	return b.Bytes()
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
		what := plural(len(names[c]), "scenario", "scenarios")
		if len(names[c]) == 1 {
			what = names[c][0]
		}
		if c.arm != "" {
			what = string(c.arm) + " trials of " + what
		}
		fmt.Fprintf(b, "skipped %s: %s: %s\n", printable(what), printable(c.reason), printable(c.detail))
	}
}

// brief is the headline for a terminal.
func brief(list []*scenario) table {
	top := 0.0
	for _, s := range list {
		if m, ok := s.head().metric(record.PPS); ok {
			top = max(top, m.Median)
		}
	}
	sc := rateScale(top)
	title := titles(list)
	rates := ratesOf(list)
	where := intervalColumn(slices.Collect(maps.Values(rates))...)
	t := table{columns: slices.Concat(text("scenario"), numeric(sc.unit, where, "Gbit/s", "loss %", "CPU ns", "× floor", "p50", "p99"), text("flags"))}
	for _, s := range list {
		h := s.head()
		p50, p99 := absent, absent
		if l, _, ok := s.latencyOf(record.E2E); ok {
			if v, ok := l.quantile(0.5); ok {
				p50 = duration(float64(v))
			}
			if v, ok := l.quantile(0.99); ok {
				p99 = duration(float64(v))
			}
		}
		rng := absent
		if sp, ok := rates[s]; ok {
			rng = sp.text(where, sc.format)
		}
		t.rows = append(t.rows, row(title(s), cell(h, record.PPS, sc.format), rng,
			cell(h, record.BitPerS, gigabits), cell(h, record.Loss, percent),
			cell(h, record.CPUNsPerPkt, figure), cell(h, record.FloorRatio, hundredths),
			p50, p99, marks(s)))
	}
	return t
}

// searchLines gives each search of f one line on a terminal.
func searchLines(b *bytes.Buffer, f *record.File, list []*scenario, common []string) {
	all, title := sortedSearches(f), searched(list, common)
	sc := searchScale(all)
	for _, s := range all {
		fmt.Fprintf(b, "rate search %s:", printable(title(s)))
		for i, g := range s.Goals {
			if i > 0 {
				b.WriteByte(';')
			}
			fmt.Fprintf(b, " %s %s", printable(goalName(g)), inBrief(g, sc))
		}
		fmt.Fprintf(b, " (%s, %s in %s)\n", printable(s.Profile), plural(s.Trials, "trial", "trials"), duration(float64(s.SpentNs)))
	}
}

// inBrief is a goal's lower bound, or why there is none to quote.
func inBrief(g record.Goal, sc scale) string {
	switch {
	case g.Resolved:
		return rateOf(g.LowerPPS, sc) + " " + sc.unit
	case g.LowerPPS != nil:
		return "at least " + sc.format(*g.LowerPPS) + " " + sc.unit + ", unresolved: " + printable(g.Detail)
	}
	return "unresolved: " + printable(g.Detail)
}

// toneOf is how the row of a scenario is shown.
func toneOf(s *scenario) screen.Tone {
	switch {
	case invalidShare(s) > 0:
		return screen.Bad
	case flaggedShare(s) > 0:
		return screen.Caution
	}
	return screen.Plain
}
