package study

import (
	"cmp"
	"slices"
	"strconv"
	"strings"

	"tunbench/reports/document"
	"tunbench/reports/metric"
	"tunbench/reports/prose"
	"tunbench/reports/record"
	"tunbench/reports/stat"
	"tunbench/reports/study"
	"tunbench/reports/text"
	"tunbench/reports/verdict"
)

const verdictThreshold = metric.VirtualThreshold

// priceOf is the section on another flavour.
func priceOf(t Text, p study.Price) document.Section {
	sec := document.Section{Heading: book.Text("price heading", prose.Values{"Unit": t.Unit(), "New": p.New.Name, "Base": p.Base.Name})}
	tab := document.Table{Columns: slices.Concat(document.Text("scenario", "side"), document.Numeric("base", "PREEMPT_RT", "difference", "change %"))}
	for _, v := range p.Verdicts {
		change := any(text.Precisely(*v.Change))
		if v.Verdict == record.IndicativeRegression || v.Verdict == record.IndicativeImprovement {
			change = prose.Bold(text.Precisely(*v.Change))
		}
		tab.Rows = append(tab.Rows, document.Row(t.name(v.Scenario), sideOf(v.Metric), text.PerPacket(*v.Base), text.PerPacket(*v.New), text.Plus(*v.New-*v.Base), change))
	}
	tab.Note = book.Say("price columns", prose.Values{"Unit": t.Unit(), "Other": p.Base.Flavour == t.Flavour, "Base": p.Base.Name})
	sec.Blocks = append(sec.Blocks, tab)
	for _, pair := range study.Pairs(t.Study) {
		if pair.Base == p.Base.Name && pair.New == p.New.Name {
			sec.Blocks = append(sec.Blocks, book.Say("price functions", prose.Values{"Scenario": prose.Mono(t.name(pair.Scenario)), "Unit": t.Unit(), "Functions": functionsOf(t, pair.Name, pair.Scenario, pair.Scenario)}))
		}
	}
	return sec
}

func ofPrice(t Text, p study.Price) prose.Prose {
	differences, changes := map[string][]float64{}, map[string][]float64{}
	for _, v := range p.Verdicts {
		differences[v.Metric] = append(differences[v.Metric], *v.New-*v.Base)
		changes[v.Metric] = append(changes[v.Metric], *v.Change)
	}
	span := func(metric string) string {
		s, err := stat.Summarize(differences[metric])
		if err != nil {
			return text.Absent
		}
		return text.FromTo(text.Plus(s.Min), text.Plus(s.Max))
	}
	middle := func(metric string) string {
		if s, err := stat.Summarize(changes[metric]); err == nil {
			return text.Precisely(s.Median)
		}
		return text.Absent
	}
	return book.Say("price", prose.Values{
		"New": p.New.Name, "Base": p.Base.Name, "Unit": t.Unit(), "Send": span(record.SendNsPerPkt), "Receive": span(record.RecvNsPerPkt),
		"SendMiddle": middle(record.SendNsPerPkt), "ReceiveMiddle": middle(record.RecvNsPerPkt),
	})
}

// newest are the newest kernels of each series, on which queues are compared.
func newest(t Text) (list []*study.Kernel) {
	for _, s := range t.Series {
		list = append(list, s.Kernels[len(s.Kernels)-1])
	}
	return list
}

// queuesOf is the section on more queues on one CPU.
func queuesOf(t Text) (document.Section, bool) {
	sec := document.Section{Heading: book.Text("queues heading", prose.Values{"Unit": t.Unit()})}
	for _, q := range study.QueuesOf(t.Study) {
		fewest := text.Plural(q.Numbers[0], "queue", "queues")
		tab := document.Table{Columns: slices.Concat(document.Text("kernel", "scenario", "side"), document.Numeric(fewest, "more queues", "change %"))}
		for _, k := range newest(t) {
			for _, side := range verdict.PacketCosts {
				for i, scenario := range q.Scenarios {
					shift := q.Shift(k, i, side.Metric)
					if i == 0 || shift.Change == nil {
						continue
					}
					few, more := shift.Shown()
					tab.Rows = append(tab.Rows, document.Row(t.short(k), t.name(scenario), side.Name, text.PerPacket(*few), text.PerPacket(*more), text.Precisely(*shift.Change)))
				}
			}
		}
		tab.Note = book.Say("queues columns", prose.Values{"Unit": t.Unit(), "Fewest": fewest})
		if len(tab.Rows) > 0 {
			sec.Blocks = append(sec.Blocks, tab)
		}
	}
	for _, pair := range study.Pairs(t.Study) {
		if pair.Other != "" {
			sec.Blocks = append(sec.Blocks, book.Say("queues functions", prose.Values{
				"Kernel": pair.New, "Scenario": prose.Mono(t.name(pair.Other)), "Base": prose.Mono(t.name(pair.Scenario)), "Unit": t.Unit(),
				"Functions": functionsOf(t, pair.Name, pair.Scenario, pair.Other),
			}))
		}
	}
	return sec, len(sec.Blocks) > 0
}

func ofQueues(t Text) (p []prose.Prose) {
	for _, q := range study.QueuesOf(t.Study) {
		last := len(q.Numbers) - 1
		for _, k := range newest(t) {
			send, receive := q.Shift(k, last, record.SendNsPerPkt), q.Shift(k, last, record.RecvNsPerPkt)
			if send.Change == nil || receive.Change == nil {
				continue
			}
			p = append(p, book.Say("queues", prose.Values{
				"Kernel": t.short(k), "Name": t.name(q.Scenarios[last]), "Most": q.Numbers[last], "Fewest": q.Numbers[0],
				"Send": text.Precisely(*send.Change), "Receive": text.Precisely(*receive.Change),
			}))
		}
	}
	return p
}

// refusalsOf is the section on what kernels do not support.
func refusalsOf(t Text) (document.Section, bool) {
	tab := document.Table{Columns: document.Text("scenario", "kernels", "reason", "detail")}
	for _, r := range study.Refusals(t.Study) {
		tab.Rows = append(tab.Rows, document.Row(t.name(r.Scenario), which(t, r.Kernels), r.Reason, r.Detail))
	}
	return document.Section{Heading: book.Text("refused heading", nil), Blocks: []document.Block{tab}}, len(tab.Rows) > 0
}

// which names kernels, whole series by one name.
func which(t Text, kernels []*study.Kernel) string {
	if len(kernels) == len(t.All()) {
		return book.Text("all kernels", nil)
	}
	var names []string
	rest := slices.Clone(kernels)
	for _, s := range t.Series {
		if slices.ContainsFunc(s.Kernels, func(k *study.Kernel) bool { return !slices.Contains(rest, k) }) {
			continue
		}
		names = append(names, book.Text("all of", prose.Values{"Series": s.Name}))
		rest = slices.DeleteFunc(rest, func(k *study.Kernel) bool { return slices.Contains(s.Kernels, k) })
	}
	for _, k := range rest {
		names = append(names, t.short(k))
	}
	return strings.Join(names, ", ")
}

// kernelsOf is the section on what was measured, and what could not be had.
func kernelsOf(t Text) (document.Section, bool) {
	sec := document.Section{Heading: book.Text("kernels heading", nil)}
	tab := document.Table{Columns: slices.Concat(document.Text("kernel", "Linux", "package of"), document.Numeric("boots", "spread %", "at most %", "unsettled"))}
	for _, k := range t.All() {
		var spreads []float64
		unsettled := 0
		for _, scenario := range t.Scenarios {
			for _, side := range verdict.PacketCosts {
				if c := k.Cost(scenario, side.Metric); c != nil {
					spreads, unsettled = append(spreads, c.Spread), unsettled+c.Unsettled
				}
			}
		}
		middle, most := text.Absent, text.Absent
		if s, err := stat.Summarize(spreads); err == nil && k.Boots-len(k.Lost) > 1 {
			middle, most = text.Percent(s.Median), text.Percent(s.Max)
		}
		tab.Rows = append(tab.Rows, document.Row(prose.Mono(k.Name), cmp.Or(k.Upstream, text.Absent), cmp.Or(k.Built, text.Absent), k.Boots-len(k.Lost), middle, most, unsettled))
	}
	tab.Note = book.Say("kernel columns", nil)
	sec.Blocks = append(sec.Blocks, archiveOf(t)...)
	sec.Blocks = append(sec.Blocks, tab)
	return sec, len(tab.Rows) > 0
}

// archiveOf says which kernels there are beside those that were measured.
func archiveOf(t Text) (list []document.Block) {
	if t.Archive.Date == "" {
		return nil
	}
	known := map[string][]int{}   // numbers by series
	before := map[string]string{} // what stands before them
	var missing []string
	for _, name := range t.Archive.Releases {
		r, ok := study.ParseRelease(name)
		if !ok {
			continue
		}
		known[r.Series] = append(known[r.Series], numberOf(r))
		before[r.Series] = r.Series + "."
		if r.Numbers[3] > 0 {
			before[r.Series] += strconv.Itoa(r.Numbers[2]) + "-"
		}
		if !slices.ContainsFunc(t.All(), func(k *study.Kernel) bool { return k.Name == name }) {
			missing = append(missing, name)
		}
	}
	var gaps []string
	for _, s := range t.Series {
		gaps = append(gaps, gapsOf(before[s.Name], known[s.Name])...)
	}
	if len(gaps) > 0 {
		list = append(list, book.Say("archive", prose.Values{"Date": t.Archive.Date, "Known": len(t.Archive.Releases), "Gaps": gaps}))
	} else {
		list = append(list, book.Say("archive whole", prose.Values{"Date": t.Archive.Date, "Known": len(t.Archive.Releases)}))
	}
	if len(missing) > 0 {
		list = append(list, book.Say("not measured", prose.Values{"Names": missing}))
	}
	return list
}

// numberOf is what tells a release from the others of its series.
func numberOf(r study.Release) int { return cmp.Or(r.Numbers[3], r.Numbers[2]) }

// gapsOf are the numbers between the least and the greatest of those in have that are not
// among them: "6.12.102 to 106".
func gapsOf(before string, have []int) (list []string) {
	if len(have) == 0 {
		return nil
	}
	from, to := slices.Min(have), slices.Max(have)
	for n := from; n <= to; n++ {
		if slices.Contains(have, n) {
			continue
		}
		begin := n
		for !slices.Contains(have, n+1) {
			n++
		}
		gap := before + strconv.Itoa(begin)
		if n > begin {
			gap += " to " + strconv.Itoa(n)
		}
		list = append(list, gap)
	}
	return list
}
