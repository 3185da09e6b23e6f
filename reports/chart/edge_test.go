package chart_test

import (
	"strings"
	"testing"

	"tunbench/reports/chart"
	"tunbench/reports/chart/charttest"
)

// The text behind the longest bar of a chart, in bold letters of a wide font, stays in it; and
// text that would not is a fault.
func TestTextStaysInside(t *testing.T) {
	split := chart.Split{Title: "Cost", Desc: "ns.", Note: "ns per packet", Parts: []chart.Part{{Name: "call", Class: "e"}}, Rows: []chart.SplitRow{
		{Label: "size=64", Lanes: []chart.SplitLane{{Parts: []float64{2522}, Text: "2,522 ns, 12.55 × floor"}, {Parts: []float64{2500}, Text: "112,522 ns, 4,112.55 × floor, at one rate"}}},
	}}
	svg := charttest.Draw(t, split)
	for _, fault := range charttest.Faults(split, svg) {
		t.Error(fault)
	}
	i := strings.Index(svg, `<text class="strong" x="`) + len(`<text class="strong" x="`)
	moved := svg[:i] + "760" + svg[i+strings.Index(svg[i:], `"`):]
	if !strings.Contains(strings.Join(charttest.Faults(split, moved), "\n"), "too near to the edge") {
		t.Error("text near the edge is no fault")
	}
}
