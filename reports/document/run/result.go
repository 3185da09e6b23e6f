package run

import (
	"slices"

	"tunbench/reports/figure"
	"tunbench/reports/prose"
	"tunbench/reports/record"
	"tunbench/reports/text"
)

// mostQuoted is how many scenarios are quoted one by one at the top of a report.
// Of more, the lowest and the highest are.
const mostQuoted = 4

// resultKind is what is quoted of a scenario.
type resultKind string

// The kinds, by the names of their sentences.
const (
	packets      resultKind = "packets"
	goodput      resultKind = "goodput"
	transactions resultKind = "transactions"
	latency      resultKind = "latency" // of an open loop, whose load sets the rate
)

// result is a scenario and the figure that is quoted of it.
type result struct {
	*figure.Scenario
	kind  resultKind
	value float64
}

// results are the figures of the headline: of each scenario or, where there are
// many, the lowest and the highest of each mode and kind.
func results(list []*figure.Scenario) (p []prose.Prose) {
	type group struct {
		mode string
		kind resultKind
	}
	byGroup := map[group][]result{}
	var order []group
	all := 0
	for _, s := range list {
		r, ok := resultOf(s)
		if !ok {
			continue
		}
		g := group{s.Mode, r.kind}
		if len(byGroup[g]) == 0 {
			order = append(order, g)
		}
		byGroup[g] = append(byGroup[g], r)
		all++
	}
	title := figure.Named(list)
	for _, g := range order {
		own := byGroup[g]
		if all <= mostQuoted || len(own) <= 2 {
			for _, r := range own {
				p = append(p, book.Say("result", prose.Values{"Scenario": title(r.Scenario), "Figures": r.figures()}))
			}
			continue
		}
		low, high := own[0], own[0]
		for _, r := range own[1:] {
			if r.value < low.value {
				low = r
			}
			if r.value >= high.value {
				high = r
			}
		}
		p = append(p, book.Say("results", prose.Values{
			"What": book.Text(string(g.kind)+" what", nil), "N": len(own), "Mode": g.mode,
			"Low": low.figure(), "Lowest": title(low.Scenario), "High": high.figure(), "Highest": title(high.Scenario),
		}))
	}
	return p
}

// resultOf is false for a scenario that must not be quoted, or has no figure.
func resultOf(s *figure.Scenario) (result, bool) {
	h := s.Head()
	if h.Invalid || figure.Short(s) {
		return result{}, false
	}
	if h.Paced() || s.Open() {
		if l, _, ok := s.LatencyOf(record.E2E); ok {
			if v, ok := l.Quantile(0.99); ok {
				return result{s, latency, float64(v)}, true
			}
		}
	}
	for _, k := range []struct {
		resultKind
		metric string
	}{{transactions, record.TPS}, {goodput, record.GoodputBitPerS}, {packets, record.PPS}} {
		if m, ok := h.Metric(k.metric); ok {
			return result{s, k.resultKind, m.Median}, true
		}
	}
	return result{}, false
}

// figures are all that is quoted of r.
func (r result) figures() prose.Prose {
	switch r.kind {
	case latency:
		p50 := ""
		l, _, _ := r.LatencyOf(record.E2E)
		if v, ok := l.Quantile(0.5); ok {
			p50 = text.Duration(float64(v))
		}
		loss := ""
		if m, ok := r.Head().Metric(record.Loss); ok {
			loss = text.Percent(m.Median)
		}
		return book.Say("latency figure", prose.Values{"P99": text.Duration(r.value), "P50": p50, "Loss": loss})
	case packets:
		if m, ok := r.Head().Metric(record.BitPerS); ok {
			return book.Say("figure with bit rate", prose.Values{"Figure": r.figure(), "Gbit": text.Gigabits(m.Median)})
		}
	case goodput:
		return book.Say("goodput figure", prose.Values{"Figure": r.figure()})
	}
	return r.figure()
}

// figure is the median of r with its interval.
func (r result) figure() prose.Prose {
	switch r.kind {
	case latency:
		return book.Say("latency range figure", prose.Values{"P99": text.Duration(r.value)})
	case transactions:
		return r.median(record.TPS, text.Figure, book.Text("transactions unit", nil))
	case goodput:
		return r.median(record.GoodputBitPerS, text.Gigabits, book.Text("goodput unit", nil))
	}
	sc := text.RateScale(r.value)
	return r.median(record.PPS, sc.Format, book.Text("packets unit", prose.Values{"Scale": sc.Unit}))
}

func (r result) median(metric string, format func(float64) string, unit string) prose.Prose {
	trials := book.Say("figure one trial", nil)
	if sp, ok := r.Head().Interval(metric); ok {
		interval := text.Between(format(sp.Low), format(sp.High))
		trials = book.Say("figure range", prose.Values{"Range": text.RangeName, "Interval": interval, "Trials": len(r.Head().Used)})
		if sp.Exact {
			trials = book.Say("figure interval", prose.Values{"Interval": interval})
		}
	}
	return book.Say("figure", prose.Values{"Figure": format(r.value), "Unit": unit, "Trials": trials})
}

// searched says how many goals the rate searches reached; nothing where there
// was none.
func searched(searches []record.Search) []prose.Prose {
	goals, resolved := 0, 0
	for _, s := range searches {
		goals += len(s.Goals)
		resolved += len(slices.DeleteFunc(slices.Clone(s.Goals), func(g record.Goal) bool { return !g.Resolved }))
	}
	if goals == 0 {
		return nil
	}
	return []prose.Prose{book.Say("searched", prose.Values{"Resolved": resolved, "Goals": goals})}
}

// WorstFirst explains the order of figure.WorstFirst.
func WorstFirst() string { return book.Text("worst first", nil) }

// MoreScenarios says that a summary leaves out n scenarios.
func MoreScenarios(n int) string { return book.Text("more scenarios", prose.Values{"N": n}) }
