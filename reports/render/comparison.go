package render

import (
	"bytes"
	"fmt"
	"io"
	"slices"
	"strings"

	"tunbench/reports/document"
	"tunbench/reports/document/compare"
	"tunbench/reports/metric"
	"tunbench/reports/record"
	"tunbench/reports/screen"
	"tunbench/reports/text"
	"tunbench/reports/verdict"
)

// ComparisonSummary writes c for a terminal: what regressed, what improved, and
// how much of the rest there is. Where w is a terminal, it keeps to its width and
// its colours.
func ComparisonSummary(w io.Writer, c *verdict.Comparison) error {
	if _, err := w.Write(ComparisonText(compare.New(c), proseScreen(w))); err != nil {
		return fmt.Errorf("write summary: %w", err)
	}
	return nil
}

// Headlines are what a reader must know before any verdict of c: that nothing
// could be judged, and what the new side does not have.
func Headlines(c *verdict.Comparison) (lines []string) {
	for _, p := range compare.New(c).Headlines() {
		lines = append(lines, document.PlainText(p))
	}
	return lines
}

// verdictTone is how a verdict is shown.
func verdictTone(verdict string) screen.Tone {
	switch verdict {
	case record.Regression, record.IndicativeRegression, record.InvalidVerdict:
		return screen.Bad
	case record.Improvement, record.IndicativeImprovement, record.Equivalent:
		return screen.Good
	case record.Inconclusive, record.NotComparable:
		return screen.Caution
	}
	return screen.Plain
}

func ComparisonText(s *compare.Text, to screen.Screen) []byte {
	var b bytes.Buffer
	for _, p := range s.Headlines() {
		tone := screen.Bad
		if s.AllowMissing {
			tone = screen.Caution
		}
		wrapped(&b, to, tone, document.PlainText(p))
	}
	if b.Len() > 0 {
		fmt.Fprintln(&b)
	}
	listed := 0
	list := func(name string, rows []record.Verdict) {
		if len(rows) > 0 {
			listed += len(rows)
			fmt.Fprintf(&b, "%s\n", to.Paint(verdictTone(rows[0].Verdict), name+":"))
			groupVerdicts(&b, to, s, rows)
			fmt.Fprintln(&b)
		}
	}
	list("Regressed", s.Regressed)
	list("Improved", s.Improved)
	few := len(s.Verdicts)-listed <= document.FewVerdicts
	if few {
		for _, k := range verdict.Kinds[4:] {
			list(strings.ToUpper(k.Verdict[:1])+k.Verdict[1:], s.Of(k.Verdict))
		}
	}
	if len(s.Common) > 0 && listed > 0 {
		wrapped(&b, to, screen.Plain, "all scenarios: "+text.Printable(strings.Join(s.Common, " ")))
		fmt.Fprintln(&b)
	}
	for i, p := range s.Points() {
		tone := screen.Plain
		switch {
		case i == 0 && len(s.Regressed) > 0:
			tone = screen.Bad
		case i == 1 && len(s.Improved) > 0:
			tone = screen.Good
		}
		wrapped(&b, to, tone, document.PlainText(p))
	}
	if few {
		for _, p := range s.Undecided() {
			wrapped(&b, to, screen.Plain, document.PlainText(p))
		}
	}
	for _, a := range s.Cautions() {
		wrapped(&b, to, screen.Caution, "warning: "+document.PlainText(a))
	}
	return b.Bytes()
}

// groupVerdicts writes verdicts below the names of their scenarios. Where a line has no
// room, how sure a change is goes on below it.
func groupVerdicts(b *bytes.Buffer, to screen.Screen, s *compare.Text, rows []record.Verdict) {
	const change = 3 // the column
	t := document.Table{Columns: slices.Concat(document.Text("metric"), document.Numeric("base", "new", "change", "95 % interval", "threshold", "p", "n"))}
	for _, v := range rows {
		t.Rows = append(t.Rows, document.Row(v.Metric, metric.FigureText(v, v.Base), metric.FigureText(v, v.New), metric.ChangeText(v), metric.IntervalText(v), metric.ThresholdText(v), text.PValue(v.P), v.N))
	}
	single := to
	single.Columns = 0 // a line a verdict
	write := func() (lines []string, wide int) {
		var b bytes.Buffer
		wide = textTable(&b, single, t, func(row, column int) screen.Tone {
			if column == change {
				return verdictTone(rows[row].Verdict)
			}
			return screen.Plain
		})
		return strings.Split(strings.TrimRight(b.String(), "\n"), "\n"), wide
	}
	const outer, inner = "  ", "    "
	lines, wide := write()
	var below []string
	if len(inner)+wide > to.Columns {
		t.Columns = t.Columns[:change+1]
		for i, r := range t.Rows {
			below = append(below, to.Text("95 % interval "+document.PlainText(r[change+1])+", threshold "+document.PlainText(r[change+2])+", p "+document.PlainText(r[change+3])+", n "+document.PlainText(r[change+4])))
			t.Rows[i] = r[:change+1]
		}
		lines, _ = write()
	}
	fmt.Fprintln(b, inner+lines[0])
	scenario := ""
	for i, v := range rows {
		if i == 0 || v.Scenario != scenario {
			scenario = v.Scenario
			fmt.Fprintln(b, outer+to.Clip(to.Text(text.Printable(s.Name(scenario))), to.Columns-len(outer)))
		}
		fmt.Fprintln(b, inner+lines[i+1])
		if below != nil {
			fmt.Fprintln(b, inner+outer+to.Paint(screen.Faint, below[i]))
		}
	}
}
