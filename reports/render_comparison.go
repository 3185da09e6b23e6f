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

// ComparisonSummary writes c for a terminal: what regressed, what improved, and
// how much of the rest there is. Where w is a terminal, it keeps to its width and
// its colours.
func ComparisonSummary(w io.Writer, c *Comparison) error {
	if _, err := w.Write(comparisonText(newContrast(c), proseScreen(w))); err != nil {
		return fmt.Errorf("write summary: %w", err)
	}
	return nil
}

// Headlines are what a reader must know before any verdict of c: that nothing
// could be judged, and what the new side does not have.
func Headlines(c *Comparison) (lines []string) {
	for _, p := range newContrast(c).headlines() {
		lines = append(lines, plainText(p))
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

func comparisonText(s *contrast, to screen.Screen) []byte {
	var b bytes.Buffer
	for _, p := range s.headlines() {
		tone := screen.Bad
		if s.AllowMissing {
			tone = screen.Caution
		}
		wrapped(&b, to, tone, plainText(p))
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
	list("Regressed", s.regressed)
	list("Improved", s.improved)
	few := len(s.Verdicts)-listed <= fewVerdicts
	if few {
		for _, k := range kinds[4:] {
			list(strings.ToUpper(k.verdict[:1])+k.verdict[1:], s.of(k.verdict))
		}
	}
	if len(s.common) > 0 && listed > 0 {
		wrapped(&b, to, screen.Plain, "all scenarios: "+printable(strings.Join(s.common, " ")))
		fmt.Fprintln(&b)
	}
	for i, p := range s.points() {
		tone := screen.Plain
		switch {
		case i == 0 && len(s.regressed) > 0:
			tone = screen.Bad
		case i == 1 && len(s.improved) > 0:
			tone = screen.Good
		}
		wrapped(&b, to, tone, plainText(p))
	}
	if few {
		for _, r := range s.reasons(record.Inconclusive) {
			where := "Inconclusive in " + plural(r.n, "verdict", "verdicts")
			if r.n > 1 && r.n == len(s.Verdicts) {
				where = "All verdicts"
			}
			wrapped(&b, to, screen.Plain, where+": "+printable(r.note)+".")
		}
	}
	for _, a := range s.cautions() {
		wrapped(&b, to, screen.Caution, "warning: "+plainText(a))
	}
	return b.Bytes()
}

// groupVerdicts writes verdicts below the names of their scenarios. Where a line has no
// room, how sure a change is goes on below it.
func groupVerdicts(b *bytes.Buffer, to screen.Screen, s *contrast, rows []record.Verdict) {
	const change = 3 // the column
	t := table{columns: slices.Concat(text("metric"), numeric("base", "new", "change", "95 % interval", "threshold", "p", "n"))}
	for _, v := range rows {
		t.rows = append(t.rows, row(v.Metric, quantity(v.Metric, v.Base), quantity(v.Metric, v.New), moved(v), ciText(v), thresholdText(v), pvalue(v.P), v.N))
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
		t.columns = t.columns[:change+1]
		for i, r := range t.rows {
			below = append(below, to.Text("95 % interval "+plainText(r[change+1])+", threshold "+plainText(r[change+2])+", p "+plainText(r[change+3])+", n "+plainText(r[change+4])))
			t.rows[i] = r[:change+1]
		}
		lines, _ = write()
	}
	fmt.Fprintln(b, inner+lines[0])
	scenario := ""
	for i, v := range rows {
		if i == 0 || v.Scenario != scenario {
			scenario = v.Scenario
			fmt.Fprintln(b, outer+to.Clip(to.Text(printable(s.name(scenario))), to.Columns-len(outer)))
		}
		fmt.Fprintln(b, inner+lines[i+1])
		if below != nil {
			fmt.Fprintln(b, inner+outer+to.Paint(screen.Faint, below[i]))
		}
	}
}
