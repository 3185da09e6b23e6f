package compare

import (
	"cmp"
	"math"
	"slices"
	"strconv"
	"strings"
	"unicode"

	"tunbench/reports/chart"
	"tunbench/reports/document"
	"tunbench/reports/metric"
	"tunbench/reports/prose"
	"tunbench/reports/record"
	"tunbench/reports/text"
)

// MostBars is how many changes a chart shows: mermaid draws no more legibly.
const MostBars = 16

// CutOff marks a bar that would not fit its chart.
const CutOff = "cut off"

// Bars draws the changes of each metric that is judged by a ratio, the largest
// first. The intervals are in the tables: a mermaid chart has none.
func Bars(s *Text) (blocks []document.Block) {
	for _, g := range metric.Ratios() {
		var list []record.Verdict
		for _, v := range s.Verdicts {
			if v.Metric == g.Metric && v.Change != nil && v.Verdict != record.NotComparable && v.Verdict != record.InvalidVerdict {
				list = append(list, v)
			}
		}
		if len(list) == 0 {
			continue
		}
		slices.SortStableFunc(list, func(a, b record.Verdict) int {
			return cmp.Compare(math.Abs(*b.Change), math.Abs(*a.Change))
		})
		better := "lower is better"
		if g.Better > 0 {
			better = "higher is better"
		}
		shown := list[:min(MostBars, len(list))]
		note := prose.Say(prose.Bold(g.Metric), ": "+better+". ")
		if n := len(list) - len(shown); n > 0 {
			note = append(note, prose.Say("The "+strconv.Itoa(MostBars)+" largest changes; "+strconv.Itoa(n)+" smaller ones are in the table of every verdict. ")...)
		}
		if slices.ContainsFunc(shown, func(v record.Verdict) bool { return math.Abs(*v.Change) > chart.Farthest }) {
			note = append(note, prose.Say("A bar marked ", prose.Bold(CutOff), " ends at ±"+chart.FarthestText+" %; the change stands beside its name. ")...)
		}
		blocks = append(blocks, barsOf(s, g.Metric, shown), document.Small(append(note, prose.Say("The intervals are in the tables.")...)))
	}
	return blocks
}

func barsOf(s *Text, metric string, list []record.Verdict) document.Mermaid {
	var labels, values []string
	reach := 0.01
	for _, v := range list {
		label := text.Clip(s.Name(v.Scenario), 60)
		if math.Abs(*v.Change) > chart.Farthest {
			label += " (" + CutOff + ", " + text.Precisely(*v.Change) + " per cent)"
		}
		labels = append(labels, mermaidText(label))
		change := min(max(*v.Change, -chart.Farthest), chart.Farthest)
		values = append(values, strconv.FormatFloat(100*change, 'f', 2, 64))
		reach = max(reach, math.Abs(change))
	}
	limit := strconv.Itoa(int(math.Ceil(110 * reach)))
	return document.Mermaid("xychart-beta horizontal\n" +
		"  title " + mermaidText("Change of "+metric+", per cent of base") + "\n" +
		"  x-axis [" + strings.Join(labels, ", ") + "]\n" +
		"  y-axis " + mermaidText("per cent") + " -" + limit + " --> " + limit + "\n" +
		"  bar [" + strings.Join(values, ", ") + "]\n")
}

// mermaidText quotes s for mermaid, which has no escapes between quotes and
// takes # and ; for entities, %% for comments and backticks for markdown: what
// would mean something is put as a character that looks like it. The tables
// have the true name.
func mermaidText(s string) string {
	return `"` + strings.Map(func(r rune) rune {
		switch {
		case r == '"' || r == '`':
			return '\''
		case strings.ContainsRune(`#;%&<>\[]{}|$`, r) || !unicode.IsPrint(r):
			return '_'
		}
		return r
	}, text.Printable(s)) + `"`
}
