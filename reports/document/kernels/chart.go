package kernels

import (
	"cmp"
	"slices"

	"tunbench/reports/chart"
	"tunbench/reports/document"
	"tunbench/reports/prose"
	"tunbench/reports/record"
	"tunbench/reports/text"
	"tunbench/reports/verdict"
)

// charts shows both sides of every scenario, kernels side by side.
func charts(l Text) (document.Section, bool) {
	sec := document.Section{Heading: "Cost of a packet, as charts", Sub: true}
	var names []string
	for _, k := range l.Kernels {
		names = append(names, k.Short)
	}
	for _, side := range verdict.PacketCosts {
		var groups []chart.BarGroup
		for _, scenario := range l.Scenarios {
			g := chart.BarGroup{Label: l.Name(scenario)}
			any := false
			for _, k := range l.Kernels {
				b := chart.GroupBar{Text: text.Absent}
				if c := k.Cost(scenario, side.Metric); c != nil {
					any = true
					b = chart.GroupBar{Value: c.Median, Min: c.Min, Max: c.Max, Text: text.PerPacket(c.Median), Hollow: c.Unsettled+c.Invalid > 0, Measured: true}
				} else if reason, _ := k.Why(scenario); len(k.Bare[scenario]) == 0 {
					b.Text = cmp.Or(reason, "missing")
				}
				g.Bars = append(g.Bars, b)
			}
			if any {
				groups = append(groups, g)
			}
		}
		for i, part := range slices.Collect(slices.Chunk(groups, max(1, chart.RowsAChart/max(1, len(names))))) {
			file := map[string]string{record.SendNsPerPkt: "kernels-send", record.RecvNsPerPkt: "kernels-receive"}[side.Metric]
			sec.Blocks = append(sec.Blocks, document.Picture{
				File: document.Numbered(file, i), Alt: book.Text("chart alt", prose.Values{"Side": side.Name}),
				Chart: chart.Groups{
					Title: book.Text("chart title", prose.Values{"Side": side.Name}), Desc: book.Text("chart about", nil),
					Unit: l.Unit(), Names: names, Groups: part,
				},
			})
		}
	}
	return sec, len(sec.Blocks) > 0
}
