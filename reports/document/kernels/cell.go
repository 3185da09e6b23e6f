package kernels

import (
	"strings"

	"tunbench/reports/prose"
	"tunbench/reports/stat"
	"tunbench/reports/text"
	"tunbench/reports/verdict"
)

// reach is the range of changes, from the lowest to the highest.
func reach(s stat.Summary) string {
	low, high := text.Precisely(s.Min), text.Precisely(s.Max)
	if low == high {
		return "by " + low + " %"
	}
	return "from " + low + " to " + high + " %"
}

func costCell(v *float64) string {
	if v == nil {
		return text.Absent
	}
	return text.PerPacket(*v)
}

// changeCell shows a change that is larger than the spread in bold.
func changeCell(s verdict.Shift) any {
	if s.Change == nil {
		return text.Absent
	}
	if seen, _ := s.Seen(); seen {
		return prose.Bold(text.Precisely(*s.Change))
	}
	return text.Precisely(*s.Change)
}

// spreadCell shows the spread on each kernel.
func spreadCell(costs ...*verdict.Cost) string {
	var parts []string
	for _, c := range costs {
		switch {
		case c == nil || len(c.Boots) < 2:
			parts = append(parts, text.Absent)
		default:
			parts = append(parts, text.Percent(c.Spread))
		}
	}
	return strings.Join(parts, " / ")
}

func span(lowest, highest float64) string {
	return text.FromTo(text.Plus(lowest), text.Plus(highest))
}
