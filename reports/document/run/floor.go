package run

import (
	"cmp"
	"maps"
	"slices"
	"strings"

	"tunbench/reports/chart"
	"tunbench/reports/document"
	"tunbench/reports/document/question"
	"tunbench/reports/document/trust"
	"tunbench/reports/figure"
	"tunbench/reports/prose"
	"tunbench/reports/record"
	"tunbench/reports/text"
)

// limit compares the cost of a packet with the least that it can be on this
// host. It is nil where no floor was measured.
func limit(list []*figure.Scenario) (secs []document.Section) {
	sec := document.Section{Heading: book.Text("floor heading", nil)}
	title := figure.Titles(list)
	costs := map[*figure.Scenario]figure.CallCost{}
	floors := figure.FloorsOf(list)
	for _, s := range list {
		if c, ok := s.Head().CallCost(s.Run.Floor); ok {
			costs[s] = c
		}
	}
	if len(costs) == 0 || len(floors) == 0 {
		return nil
	}
	fast := map[bool]bool{} // whether some scenario goes as fast as it can, of those in which user space writes or does not
	for s := range costs {
		if !s.Open() && !s.Head().Invalid {
			fast[s.UserWrites()] = true
		}
	}
	partly := trust.PartlyTimed(slices.Collect(maps.Keys(costs)))
	p := floorSentence(floors, figure.CostUnit(list))
	called := figure.Named(list)
	times := func(s *figure.Scenario) string { return text.Decimals(costs[s].Ratio, 2) }
	var charts, tables []document.Block
	for _, end := range []figure.CallEnd{figure.ReadEnd, figure.WriteEnd} {
		var own []*figure.Scenario
		var near, far *figure.Scenario
		for _, s := range list {
			c, ok := costs[s]
			if !ok || s.UserWrites() != (end == figure.WriteEnd) {
				continue
			}
			own = append(own, s)
			// A reader that sleeps between packets costs another order of magnitude.
			if s.Head().Invalid || partly[s] || s.Open() && fast[end == figure.WriteEnd] {
				continue
			}
			if near == nil || c.Ratio < costs[near].Ratio {
				near = s
			}
			if far == nil || c.Ratio > costs[far].Ratio {
				far = s
			}
		}
		switch {
		case near == nil:
		case near == far:
			p = and(p, book.Say("floor of one", prose.Values{"Who": end.Who, "Scenario": called(near), "Times": times(near), "Fast": fast[end == figure.WriteEnd] && len(own) > 1}))
		default:
			p = and(p, book.Say("floor nearest and farthest", prose.Values{"Who": end.Who, "Near": called(near), "Least": times(near), "Far": called(far), "Most": times(far), "Fast": fast[end == figure.WriteEnd]}))
		}
		drawn := slices.DeleteFunc(slices.Clone(own), func(s *figure.Scenario) bool { return partly[s] })
		for _, pic := range LimitCharts(drawn, costs, end) {
			charts = append(charts, pic)
		}
		if len(own) > 0 {
			tables = append(tables, limitTable(own, costs, end, title))
		}
	}
	if len(partly) > 0 {
		p = and(p, book.Say("floor of part of the calls", prose.Values{"Scenarios": len(partly), "Engines": trust.Engines(partly)}))
	}
	sec.Blocks = slices.Concat([]document.Block{p}, charts, tables)
	return append([]document.Section{sec}, passages(list, figure.Passages(list))...)
}

// floorSentence says what a call and a copy cost.
func floorSentence(floors []record.Floor, unit string) prose.Prose {
	low, high := floors[0].SyscallNs, floors[0].SyscallNs
	for _, f := range floors[1:] {
		low, high = min(low, f.SyscallNs), max(high, f.SyscallNs)
	}
	call, copied := text.Decimals(low, 0), copies(floors[0], unit)
	if len(floors) > 1 {
		call, copied = text.Between(text.Decimals(low, 0), text.Decimals(high, 0)), nil
	}
	return book.Say("floor", prose.Values{"Call": call, "Copies": copied, "Unit": unit, "Shards": len(floors) > 1})
}

// copies says what a copy of each size costs.
func copies(f record.Floor, unit string) (parts []prose.Prose) {
	for _, size := range figure.CopySizes(f) {
		if ns := f.CopyNs[size]; figure.Sane(ns) {
			parts = append(parts, book.Say("floor copy", prose.Values{"Size": size, "Cost": text.Decimals(ns, 0), "Unit": unit}))
		}
	}
	return parts
}

// EndParts are the colours of the lanes of a limit chart.
func EndParts(e figure.CallEnd) []chart.Part {
	return []chart.Part{
		{Name: book.Text("floor part call", nil), Class: "e"},
		{Name: book.Text("floor part copy", nil), Class: "a"},
		{Name: book.Text("floor part rest", prose.Values{"Who": e.Who}), Class: "b"},
		{Name: book.Text("floor part other", prose.Values{"Other": e.Other}), Class: "c"},
	}
}

// LimitCharts draws closed and open loads apart: a reader that sleeps between
// packets costs another order of magnitude.
func LimitCharts(list []*figure.Scenario, costs map[*figure.Scenario]figure.CallCost, end figure.CallEnd) (pics []document.Picture) {
	for _, load := range []struct {
		open             bool
		file, title, alt string
	}{
		{
			false, "limit" + end.File,
			book.Text("floor chart title", prose.Values{"Who": end.Who}), book.Text("floor chart alt", prose.Values{"Who": end.Who, "Other": end.Other}),
		},
		{
			true, "limit" + end.File + "-open",
			book.Text("floor chart title at fixed rates", prose.Values{"Who": end.Who}), book.Text("floor chart alt at fixed rates", prose.Values{"Who": end.Who, "Other": end.Other}),
		},
	} {
		var own []*figure.Scenario
		for _, s := range list {
			if _, ok := costs[s]; ok && s.Open() == load.open {
				own = append(own, s)
			}
		}
		if len(own) == 0 {
			continue
		}
		shown, note, unit := ends(own, costs), "", figure.CostUnit(list)
		if len(shown) < len(own) {
			note = book.Text("floor chart ends", prose.Values{"N": len(shown) / 2, "All": len(own)})
		}
		name, shared := question.Sharing(shown)
		var rows []chart.SplitRow
		for _, s := range shown {
			c := costs[s]
			r := chart.SplitRow{Label: name(s), Lanes: []chart.SplitLane{
				{Parts: []float64{c.Syscall, c.Copied, c.Rest, 0}, Text: book.Text("floor lane", prose.Values{"Cost": text.Decimals(c.Total, 0), "Unit": unit, "Times": text.Decimals(c.Ratio, 2)})},
			}}
			if m, ok := s.Head().Metric(end.Others); ok && figure.Sane(m.Median) {
				r.Lanes = append(r.Lanes, chart.SplitLane{Parts: []float64{0, 0, 0, m.Median}, Text: book.Text("floor lane other", prose.Values{"Cost": text.Decimals(m.Median, 0), "Unit": unit})})
			}
			rows = append(rows, r)
		}
		pics = append(pics, document.Picture{
			File: document.Numbered(load.file, 0), Alt: load.alt, N: document.TrialsEach(shown),
			Chart: chart.Split{
				Title: load.title, Desc: book.Text("floor chart description", prose.Values{"Who": end.Who, "Other": end.Other}),
				Note: strings.Join(text.NonEmpty(book.Text("floor chart unit", prose.Values{"Unit": unit}), note, shared), "; "), Parts: EndParts(end), Rows: rows,
			},
		})
	}
	return pics
}

// ends are the scenarios of a chart, those with the least time first, which it draws: of many,
// those at both ends.
func ends(list []*figure.Scenario, costs map[*figure.Scenario]figure.CallCost) []*figure.Scenario {
	sorted := slices.SortedStableFunc(slices.Values(list), func(a, b *figure.Scenario) int { return cmp.Compare(costs[a].Total, costs[b].Total) })
	if len(sorted) <= chart.SplitsAChart {
		return sorted
	}
	half := chart.SplitsAChart / 2
	return slices.Concat(sorted[:half], sorted[len(sorted)-half:])
}

func limitTable(list []*figure.Scenario, costs map[*figure.Scenario]figure.CallCost, end figure.CallEnd, title func(*figure.Scenario) string) document.Table {
	t := document.Table{
		Columns: slices.Concat(document.Text("scenario"), document.Numeric("system call", "copy", "rest", end.Who, "× floor", end.Other)),
		Note:    book.Say("floor "+end.Did+" note", nil),
		Fold:    book.Text("floor "+end.Did+" fold", prose.Values{"Unit": figure.CostUnit(list)}),
	}
	for _, s := range list {
		c, ok := costs[s]
		if !ok {
			continue
		}
		t.Rows = append(t.Rows, document.Row(title(s), text.Figure(c.Syscall), text.Figure(c.Copied), text.Figure(c.Rest), text.Figure(c.Total), text.Decimals(c.Ratio, 2), Cell(s.Head(), end.Others, text.Figure)))
	}
	return t
}
