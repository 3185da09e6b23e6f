package reports

import (
	"strings"

	"tunbench/reports/stat"
)

// reach gives the lowest and the highest of changes.
func reach(s stat.Summary) string {
	low, high := precisely(s.Min), precisely(s.Max)
	if low == high {
		return "by " + low + " %"
	}
	return "from " + low + " to " + high + " %"
}

func costCell(v *float64) string {
	if v == nil {
		return absent
	}
	return perPacket(*v)
}

// changeCell shows a change that is larger than the spread in bold.
func changeCell(s shift) any {
	if s.change == nil {
		return absent
	}
	if seen, _ := s.seen(); seen {
		return bold(precisely(*s.change))
	}
	return precisely(*s.change)
}

// spreadCell gives the spread of each kernel that was measured.
func spreadCell(costs ...*cost) string {
	var parts []string
	for _, c := range costs {
		switch {
		case c == nil || len(c.boots) < 2:
			parts = append(parts, absent)
		default:
			parts = append(parts, percent(c.spread))
		}
	}
	return strings.Join(parts, " / ")
}

func span(lowest, highest float64) string {
	low, high := plus(lowest), plus(highest)
	if low == high {
		return low
	}
	return low + " to " + high
}
