package render

import (
	"bytes"
	"fmt"
	"io"

	"tunbench/reports/advice"
	"tunbench/reports/document"
	"tunbench/reports/document/advise"
	"tunbench/reports/prose"
	"tunbench/reports/screen"
)

// Advice writes a for a terminal: the recommendation, what each choice is worth, what the
// host lacks, and the commands that show it.
func Advice(w io.Writer, a *advice.Advice) error {
	var b bytes.Buffer
	b.Write(AdviceText(proseScreen(w), a))
	return flush(w, &b)
}

// AdviceText is a for a screen.
func AdviceText(to screen.Screen, a *advice.Advice) []byte {
	s := advise.Text{Advice: a}
	var b bytes.Buffer
	tone := screen.Good
	if a.Verdict == advice.Inconclusive {
		tone = screen.Caution
	}
	wrapped(&b, to, tone, document.PlainText(s.Headline()))
	for _, p := range s.Points() {
		wrapped(&b, to, screen.Plain, document.PlainText(p))
	}
	adviceTable(&b, to, advise.StepsFollow(), s.Steps(), a.Of(advice.Step, advice.Aside))
	adviceTable(&b, to, s.ChangesFollow(), s.Changes(), a.Of(advice.Change))
	fmt.Fprintln(&b)
	for _, p := range append(s.Lacking(), s.Spent()) {
		wrapped(&b, to, screen.Plain, document.PlainText(p))
	}
	if lines := s.FewCommands(); len(lines) > 0 {
		wrapped(&b, to, screen.Plain, document.PlainText(advise.CommandsFollow()))
		for _, line := range lines {
			fmt.Fprintln(&b, "  sudo "+to.Text(line)) // in one line, so that it can be copied
		}
	}
	return b.Bytes()
}

// adviceTable writes a table of comparisons after its caption. A terminal has no room for the intervals of
// CPU time, nor for the names of the choices, which their values tell.
func adviceTable(b *bytes.Buffer, to screen.Screen, caption prose.Prose, t document.Table, of []advice.Comparison) {
	if len(t.Rows) == 0 {
		return
	}
	shown := []int{0, 1, 2, 4, 3}
	var columns []document.Column
	for _, i := range shown {
		columns = append(columns, t.Columns[i])
	}
	t.Columns = columns
	for k, r := range t.Rows {
		var row []prose.Prose
		for _, i := range shown {
			row = append(row, r[i])
		}
		row[len(row)-1] = prose.Say(advise.Briefly(of[k]))
		t.Rows[k] = row
	}
	fmt.Fprintln(b)
	wrapped(b, to, screen.Plain, document.PlainText(caption))
	textTable(b, to, t, func(row, column int) screen.Tone {
		if column != len(shown)-1 {
			return screen.Plain
		}
		switch of[row].Verdict {
		case advice.Better:
			return screen.Good
		case advice.Worse:
			return screen.Bad
		case advice.Inconclusive:
			return screen.Caution
		}
		return screen.Faint
	})
}
