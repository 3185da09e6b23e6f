package reports

import (
	"bytes"
	"fmt"
	"io"
	"slices"
	"strings"

	"tunbench/reports/record"
	"tunbench/reports/screen"
)

// HistorySummary writes the series of c for a terminal.
func HistorySummary(w io.Writer, c *Check) error {
	t, to := newHistoryText(c), proseScreen(w)
	var b bytes.Buffer
	for _, host := range t.hosts {
		wrapped(&b, to, screen.Plain, plainText(t.hostLine(host)))
		fmt.Fprintln(&b)
		groupSeries(&b, to, t, t.of(host))
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
	historyProblems(&b, to, t)
	return flush(w, &b)
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
	historyProblems(&b, to, t)
	return flush(w, &b)
}

// groupSeries writes series below the names of their scenarios.
func groupSeries(b *bytes.Buffer, to screen.Screen, t historyText, list []*Series) {
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

func historyProblems(b *bytes.Buffer, to screen.Screen, t historyText) {
	for _, p := range t.Problems {
		wrapped(b, to, screen.Caution, "warning: "+printable(p))
	}
}
