// Package profile shows where the time of packets went: flame graphs, and the functions
// that cost most or whose cost differs between two sides.
package profile

import (
	"cmp"
	"embed"
	"math"
	"path"
	"slices"
	"time"

	"tunbench/reports/chart"
	"tunbench/reports/document"
	"tunbench/reports/flame"
	"tunbench/reports/prose"
	"tunbench/reports/record"
	"tunbench/reports/text"
)

//go:embed *.txt
var files embed.FS

var book = prose.Must(prose.Read(files, "*.txt", document.Words))

const (
	// mostFunctions is how many functions a table has.
	mostFunctions = 10
	// mostGraphs is how many flame graphs a report draws: each is a file.
	mostGraphs = 24
)

// Pair is the profiles of a scenario on two sides.
type Pair struct {
	Name      string // of the scenario, in the report
	Base, New *record.Profile
	Paired    bool // their blocks were measured by turns
}

// Of shows the profiles of a run, each named by name; false if it has none.
func Of(profiles []record.Profile, name func(scenario string) string) (sec document.Section, ok bool) {
	if len(profiles) == 0 {
		return sec, false
	}
	sec.Heading = book.Text("heading", nil)
	sec.Blocks = append(sec.Blocks, document.Small(how(profiles)))
	graphs := 0
	for i := range profiles {
		p := &profiles[i]
		title := name(p.Scenario)
		if p.Reason != "" {
			sec.Blocks = append(sec.Blocks, book.Say("none", prose.Values{"Scenario": prose.Mono(title), "Reason": p.Reason, "Detail": p.Detail}))
			continue
		}
		sec.Blocks = append(sec.Blocks, book.Say("total", prose.Values{
			"Scenario": prose.Mono(title), "Cost": text.PerPacket(flame.Total(p).Mean), "Unit": p.Unit, "Samples": text.Count(kept(p)), "Shares": shares(p),
		}))
		if graphs++; graphs <= mostGraphs {
			sec.Blocks = append(sec.Blocks, document.Picture{
				File: document.Numbered("flame", i), Alt: book.Text("alt", prose.Values{"Scenario": title}),
				Chart: chart.Flame{
					Title: book.Text("title", prose.Values{"Scenario": title}), Desc: book.Text("about", nil),
					Note: book.Text("note", prose.Values{"Unit": p.Unit}), Unit: p.Unit, Root: drawn(flame.Tree(p)),
				},
			})
		}
		sec.Blocks = append(sec.Blocks, costs(p).Folded(book.Text("functions fold", prose.Values{"Scenario": title})))
	}
	if graphs > mostGraphs {
		sec.Blocks = append(sec.Blocks, document.Small(book.Say("more graphs", prose.Values{"N": graphs - mostGraphs})))
	}
	return sec, true
}

// costs is the table of the functions that cost most.
func costs(p *record.Profile) document.Table {
	t := document.Table{Columns: slices.Concat(document.Text("function", "in"), document.Numeric(p.Unit+" per packet", "share %", text.IntervalName))}
	list := flame.Costs(p)
	total := flame.Total(p).Mean
	for _, c := range list[:min(mostFunctions, len(list))] {
		t.Rows = append(t.Rows, document.Row(prose.Mono(c.Name), c.Of, text.PerPacket(c.Mean), text.Percent(c.Mean/max(total, math.SmallestNonzeroFloat64)), interval(c.Interval, cost)))
	}
	t.Note = book.Say("costs note", prose.Values{"Interval": text.IntervalName, "Blocks": len(p.Blocks)})
	return t
}

// Between shows what differs between two sides; false if there is nothing to compare.
func Between(pairs []Pair) (sec document.Section, ok bool) {
	var all []record.Profile
	for _, p := range pairs {
		all = append(all, *p.Base, *p.New)
	}
	if len(all) == 0 {
		return sec, false
	}
	sec.Heading = book.Text("difference heading", nil)
	sec.Blocks = append(sec.Blocks, document.Small(how(all)))
	for i, p := range pairs {
		for _, side := range []*record.Profile{p.Base, p.New} {
			if side.Reason != "" {
				sec.Blocks = append(sec.Blocks, book.Say("none", prose.Values{"Scenario": prose.Mono(side.Scenario), "Reason": side.Reason, "Detail": side.Detail}))
			}
		}
		if p.Base.Reason == "" && p.New.Reason == "" {
			sec.Blocks = append(sec.Blocks, p.blocks(i)...)
		}
	}
	return sec, true
}

// blocks shows one pair, the i-th.
func (p Pair) blocks(i int) (list []document.Block) {
	d := flame.Compare(p.Base, p.New, p.Paired)
	unit := p.New.Unit
	names, more := moved(d)
	list = append(list, book.Say("difference", prose.Values{
		"Scenario": prose.Mono(p.Name), "Base": text.PerPacket(flame.Total(p.Base).Mean), "New": text.PerPacket(flame.Total(p.New).Mean), "Unit": unit,
		"Change": text.Plus(d.Total.Mean), "Interval": interval(d.Total, text.Plus), "Samples": text.Count(kept(p.Base)), "Others": text.Count(kept(p.New)), "Moved": names, "More": more, "Functions": len(d.Changes),
	}))
	if i < mostGraphs {
		list = append(list, document.Picture{
			File: document.Numbered("flame-difference", i), Alt: book.Text("difference alt", prose.Values{"Scenario": p.Name}),
			Chart: chart.Flame{
				Title: book.Text("difference title", prose.Values{"Scenario": p.Name}), Desc: book.Text("difference about", nil),
				Note: book.Text("difference note", prose.Values{"Unit": unit}), Unit: unit, Differential: true, Root: drawn(flame.Join(p.Base, p.New)),
			},
		})
	}
	t := document.Table{Columns: slices.Concat(document.Text("function", "in"), document.Numeric("base", "new", "difference", text.IntervalName, "all at once"))}
	for _, c := range d.Changes[:min(mostFunctions, len(d.Changes))] {
		difference := any(text.Plus(c.Mean))
		if c.Moved() {
			difference = prose.Bold(text.Plus(c.Mean))
		}
		t.Rows = append(t.Rows, document.Row(prose.Mono(c.Name), c.Of, cost(c.Base), cost(c.New), difference, interval(c.Interval, text.Plus), interval(c.All, text.Plus)))
	}
	t.Note = book.Say("difference columns", prose.Values{"Unit": unit, "Interval": text.IntervalName, "Functions": len(d.Changes), "Paired": d.Paired, "Base": len(p.Base.Blocks), "New": len(p.New.Blocks)})
	return append(list, t)
}

// moved names the functions whose cost changed, judged for all at once, and counts those
// for which there is no room.
func moved(d flame.Difference) (list []prose.Prose, more int) {
	all := d.Moved()
	for _, c := range all[:min(mostFunctions, len(all))] {
		list = append(list, prose.Say(prose.Mono(c.Name), " ", text.Plus(c.Mean)))
	}
	return list, len(all) - len(list)
}

// how says how stacks were sampled.
func how(profiles []record.Profile) prose.Prose {
	event, period, lostOf := "", "", ""
	virtual := false
	var lost, all uint64
	for _, p := range profiles {
		if p.Reason != "" {
			continue
		}
		event, period, virtual = p.Event, time.Duration(p.PeriodNs).String(), p.Unit == record.ProfileInstructions
		if virtual {
			period = text.Count(uint64(p.PeriodNs)) + " instructions"
		}
		for _, b := range p.Blocks {
			lost, all = lost+b.Lost, all+b.Sampled+b.Lost
		}
	}
	if lost > 0 {
		lostOf = text.Count(lost) + " of " + text.Count(all)
	}
	return book.Say("how", prose.Values{"Event": event, "Period": period, "Virtual": virtual, "Lost": lostOf})
}

// kept is the number of samples of a profile.
func kept(p *record.Profile) (n uint64) {
	for _, b := range p.Blocks {
		n += b.Sampled
	}
	return n
}

// shares says what the CPUs of the trial did otherwise.
func shares(p *record.Profile) prose.Prose {
	var idle, foreign, softirq uint64
	for _, b := range p.Blocks {
		idle, foreign, softirq = idle+b.Idle, foreign+b.Foreign, softirq+b.Softirq
	}
	return book.Say("shares", prose.Values{"Softirq": text.Count(softirq), "Idle": text.Count(idle), "Foreign": text.Count(foreign)})
}

// cost is a cost per packet; nothing where it was never sampled.
func cost(v float64) string {
	if v <= 0 {
		return "0"
	}
	return text.PerPacket(v)
}

// interval shows an interval; nothing where there is none.
func interval(i flame.Interval, format func(float64) string) string {
	if math.IsInf(i.Low, 0) || math.IsInf(i.High, 0) || math.IsNaN(i.Low) {
		return text.Absent
	}
	return format(i.Low) + " to " + format(i.High)
}

// drawn is a tree for a chart, in which functions of Go have the name of their package
// without its path.
func drawn(n flame.Node) chart.FlameNode {
	out := chart.FlameNode{Name: path.Base(cmp.Or(n.Name, "all")), Width: n.Width, Base: n.Base, New: n.New, Change: n.Change}
	for _, c := range n.Calls {
		out.Calls = append(out.Calls, drawn(c))
	}
	return out
}
