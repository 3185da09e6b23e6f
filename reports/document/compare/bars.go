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

// MermaidText quotes s for mermaid, which has no escapes between quotes and
// takes # and ; for entities, %% for comments and backticks for markdown: what
// would mean something is put as a character that looks like it. The tables
// have the true name.
func MermaidText(s string) string {
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
		shown := list[:min(MostBars, len(list))]
		cut := slices.ContainsFunc(shown, func(v record.Verdict) bool { return math.Abs(*v.Change) > chart.Farthest })
		blocks = append(blocks, bars(s, g.Metric, shown), document.Small(book.Say("bars", prose.Values{
			"Metric": g.Metric, "Better": betterText(g), "Most": MostBars, "Smaller": len(list) - len(shown), "Cut": cut, "CutOff": CutOff, "Farthest": chart.FarthestText,
		})))
	}
	return blocks
}

func bars(s *Text, metric string, list []record.Verdict) document.Mermaid {
	var labels, values []string
	reach := 0.01
	for _, v := range list {
		label := text.ClipMiddle(s.Name(v.Scenario), 60)
		if math.Abs(*v.Change) > chart.Farthest {
			label += " (" + CutOff + ", " + text.Precisely(*v.Change) + " per cent)"
		}
		labels = append(labels, MermaidText(label))
		change := min(max(*v.Change, -chart.Farthest), chart.Farthest)
		values = append(values, strconv.FormatFloat(100*change, 'f', 2, 64))
		reach = max(reach, math.Abs(change))
	}
	limit := strconv.Itoa(int(math.Ceil(110 * reach)))
	return document.Mermaid("xychart-beta horizontal\n" +
		"  title " + MermaidText(book.Text("bars title", prose.Values{"Metric": metric})) + "\n" +
		"  x-axis [" + strings.Join(labels, ", ") + "]\n" +
		"  y-axis " + MermaidText("per cent") + " -" + limit + " --> " + limit + "\n" +
		"  bar [" + strings.Join(values, ", ") + "]\n")
}
