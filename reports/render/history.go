package render

import (
	"bytes"
	"fmt"
	"io"
	"slices"
	"strings"

	"tunbench/reports/document"
	"tunbench/reports/document/history"
	"tunbench/reports/record"
	"tunbench/reports/screen"
	"tunbench/reports/series"
	"tunbench/reports/text"
)

// HistorySummary writes the series of c for a terminal.
func HistorySummary(w io.Writer, c *series.Check) error {
	t, to := history.New(c), proseScreen(w)
	var b bytes.Buffer
	for _, host := range t.Hosts {
		wrapped(&b, to, screen.Plain, document.PlainText(t.HostLine(host)))
		fmt.Fprintln(&b)
		groupSeries(&b, to, t, t.Of(host))
		fmt.Fprintln(&b)
	}
	if len(t.Common) > 0 {
		wrapped(&b, to, screen.Plain, "all scenarios: "+text.Printable(strings.Join(t.Common, " ")))
	}
	if len(t.Series) > 0 {
		fmt.Fprintln(&b, history.TrendNote())
	}
	for _, p := range t.Points() {
		wrapped(&b, to, screen.Plain, document.PlainText(p))
	}
	for _, line := range t.Acknowledged() {
		wrapped(&b, to, screen.Plain, text.Printable(line))
	}
	historyProblems(&b, to, t)
	return flush(w, &b)
}

// CheckSummary writes the findings of c for a terminal.
func CheckSummary(w io.Writer, c *series.Check) error {
	t, to := history.New(c), proseScreen(w)
	var b bytes.Buffer
	for _, host := range t.Hosts {
		wrapped(&b, to, screen.Plain, document.PlainText(t.HostLine(host)))
	}
	heading := ""
	for _, i := range t.Incidents {
		name, tone := incidentGroup(i)
		if name != heading {
			heading = name
			fmt.Fprintf(&b, "\n%s\n", to.Paint(tone, heading+":"))
		}
		incident(&b, to, t, i)
	}
	fmt.Fprintln(&b)
	if len(t.Common) > 0 && len(t.Findings) > 0 {
		wrapped(&b, to, screen.Plain, "all scenarios: "+text.Printable(strings.Join(t.Common, " ")))
	}
	for _, p := range t.Points() {
		wrapped(&b, to, screen.Plain, document.PlainText(p))
	}
	historyProblems(&b, to, t)
	return flush(w, &b)
}

// incidentGroup is the heading that an incident stands below.
func incidentGroup(i series.Incident) (heading string, tone screen.Tone) {
	switch of := i.Lead().Verdict; {
	case of == record.Regression && i.Acknowledged():
		return "Acknowledged", screen.Plain
	case of == record.Regression:
		return "Regressed", verdictTone(of)
	case i.Acknowledged():
		return "Improved, acknowledged", screen.Plain
	default:
		return "Improved", verdictTone(of)
	}
}

// mostOfIncident is how many findings of an incident are shown.
const mostOfIncident = 12

// incident writes the findings of i below the names of their series. What several findings
// say in the same words is said once.
func incident(b *bytes.Buffer, to screen.Screen, t history.Text, i series.Incident) {
	if len(i.Findings) > 1 {
		fmt.Fprintln(b, "  "+to.Text(text.Printable(history.IncidentHead(i))))
	}
	told := map[string]bool{}
	var last *series.Series
	list := history.BySeries(t, i)
	for n, f := range list {
		if n == mostOfIncident {
			fmt.Fprintln(b, "  "+to.Text(history.MoreOfIncident(len(list)-n)))
			break
		}
		if last != f.Series {
			last = f.Series
			fmt.Fprintln(b, "  "+to.Clip(to.Text(text.Printable(t.OnHost(f.Series))), to.Columns-2))
		}
		fmt.Fprintln(b, "    "+to.Text(text.Printable(history.FindingFigures(f))))
		for _, line := range history.FindingStory(f) {
			if !told[line] {
				fmt.Fprintln(b, "      "+to.Text(text.Printable(line)))
			}
			told[line] = true
		}
	}
}

// groupSeries writes series below the names of their scenarios.
func groupSeries(b *bytes.Buffer, to screen.Screen, t history.Text, list []*series.Series) {
	tab := document.Table{Columns: slices.Concat(document.Text("metric"), document.Numeric("runs"), document.Text("trend"), history.TrendColumns)}
	for _, s := range list {
		tab.Rows = append(tab.Rows, document.Row(slices.Concat([]any{s.Metric, len(s.Shown()), history.TrendLine(s)}, history.Trend(s))...))
	}
	var lines bytes.Buffer
	single := to
	single.Columns = 0 // a line a series
	textTable(&lines, single, tab, nil)
	line := strings.Split(strings.TrimRight(lines.String(), "\n"), "\n")
	fmt.Fprintln(b, "    "+line[0])
	last := ""
	for i, s := range list {
		if name := t.Called(s); i == 0 || name != last {
			last = name
			fmt.Fprintln(b, "  "+to.Clip(to.Text(text.Printable(name)), to.Columns-2))
		}
		fmt.Fprintln(b, "    "+line[i+1])
	}
}

func historyProblems(b *bytes.Buffer, to screen.Screen, t history.Text) {
	for _, p := range t.Problems {
		wrapped(b, to, screen.Caution, "warning: "+text.Printable(p))
	}
}
