package search

import (
	"tunbench/reports/record"
	"tunbench/reports/stat"
)

// Reached holds the rates of the bare trials of a scenario under load=max, in packets/s.
// Invalid trials count too, because a search only begins there.
type Reached struct{ delivered, offered []float64 }

// Add takes in a bare trial.
func (c *Reached) Add(t record.Trial) {
	pps := t.Metrics[record.PPS]
	if pps <= 0 {
		return
	}
	c.delivered = append(c.delivered, pps)
	c.offered = append(c.offered, max(pps, t.Metrics[record.OfferedPPS]))
}

// rates returns the medians; false if nothing was delivered.
func (c *Reached) rates() (delivered, offered float64, ok bool) {
	d, err := stat.Summarize(c.delivered)
	if err != nil {
		return 0, 0, false
	}
	o, err := stat.Summarize(c.offered)
	return d.Median, o.Median, err == nil
}
