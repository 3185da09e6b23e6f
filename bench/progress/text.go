package progress

import (
	"fmt"
	"strings"
	"time"

	"tunbench/reports/record"
	"tunbench/reports/screen"
)

// pad fills text with spaces up to so many columns.
func pad(text string, columns int) string {
	return text + strings.Repeat(" ", max(0, columns-screen.Width(text)))
}

// searchResult is the result of a search for people; the record holds the exact figures
// and the reasons.
func searchResult(s record.Search) string {
	var parts []string
	for _, g := range s.Goals {
		what := g.Name + " unresolved"
		if g.Resolved && g.LowerPPS != nil {
			what = g.Name + " " + packetRate(*g.LowerPPS)
		}
		parts = append(parts, what)
	}
	return strings.Join(parts, ", ")
}

func left(d time.Duration) string {
	if d < time.Minute {
		return fmt.Sprintf("%ds", int(d.Round(time.Second)/time.Second))
	}
	d = d.Round(time.Second)
	return fmt.Sprintf("%dm%02ds", int(d/time.Minute), int(d%time.Minute/time.Second))
}

// packetRate is pps for people; the records hold the exact figure.
func packetRate(pps float64) string {
	switch {
	case pps >= 1e6:
		return fmt.Sprintf("%.2f Mpps", pps/1e6)
	case pps >= 1e3:
		return fmt.Sprintf("%.0f kpps", pps/1e3)
	}
	return fmt.Sprintf("%.0f pps", pps)
}
