// Package study makes the document on a study: the cost of a packet over the versions of a
// kernel.
package study

import (
	"embed"
	"math"
	"slices"
	"strings"

	"tunbench/reports/axis"
	"tunbench/reports/document"
	"tunbench/reports/metric"
	"tunbench/reports/prose"
	"tunbench/reports/record"
	"tunbench/reports/stat"
	"tunbench/reports/study"
	"tunbench/reports/text"
	"tunbench/reports/verdict"
)

//go:embed *.txt
var files embed.FS

var book = prose.Must(prose.Read(files, "*.txt", document.Words))

// Text writes what is said of a study.
type Text struct {
	*study.Study
	Profiles map[string]*verdict.Lab // of pairs of kernels, by study.Pair.Name
	Archive  Archive
}

// Archive is what was known of the kernels that can be had.
type Archive struct {
	Date     string   // YYYY-MM-DD; "" if it was not asked
	Releases []string // of the flavour of the series
}

// Document is the report.
func (t Text) Document() document.Document {
	d := document.Document{
		Title: book.Text("title", prose.Values{"Kernels": len(t.All())}), Alerts: t.alerts(),
		Source: document.SourceOf(t.Lab.Runs()...), N: document.Counted(t.Lab.Delivered(), document.Boots()),
	}
	if len(t.Scenarios) == 0 || len(t.Series) == 0 {
		d.Alerts = append(d.Alerts, book.Say("nothing", nil))
		return d
	}
	d.Lead, d.Points = t.lead(), t.Points()
	d.Sections = append(d.Sections, versionsOf(t)...)
	d.Sections = append(d.Sections, stepsOf(t))
	for _, p := range t.Prices {
		d.Sections = append(d.Sections, priceOf(t, p))
	}
	for _, part := range []func(Text) (document.Section, bool){queuesOf, refusalsOf, kernelsOf} {
		if sec, ok := part(t); ok {
			d.Sections = append(d.Sections, sec)
		}
	}
	return d
}

func (t Text) alerts() (a []prose.Prose) {
	if len(t.Strange) > 0 {
		a = append(a, book.Say("strange", prose.Values{"Names": t.Strange}))
	}
	for _, k := range t.All() {
		if n := len(k.Lost); n > 0 {
			a = append(a, book.Say("boots lost", prose.Values{"Kernel": k.Name, "Lost": n, "Boots": k.Boots}))
		}
	}
	return a
}

// measured counts the scenarios that some kernel measured.
func (t Text) measured() (n int) {
	for _, s := range t.Scenarios {
		if slices.ContainsFunc(t.All(), func(k *study.Kernel) bool { return len(k.Bare[s]) > 0 }) {
			n++
		}
	}
	return n
}

// lead says what was measured and how far the figures can be trusted.
func (t Text) lead() prose.Prose {
	var list []string
	boots := 0
	for _, s := range t.Series {
		first, last := ends(s)
		list = append(list, book.Text("series", prose.Values{"Name": s.Name, "First": first, "Last": last}))
	}
	for _, k := range t.All() {
		boots = max(boots, k.Boots)
	}
	p := book.Say("lead", prose.Values{
		"Kernels": len(t.All()), "Series": list, "Boots": boots, "Scenarios": t.measured(), "Suites": code(t.Suites), "Unit": t.Unit(),
		"Clocks": code(t.Clocks), "Tools": code(t.Tools),
	})
	if slices.Contains(t.Clocks, record.ClockICount) {
		p = append(append(p, prose.Say(" ")...), document.VirtualTime()...)
	}
	return p
}

// ends are the first and the last version of a series.
func ends(s *study.Series) (first, last string) {
	return s.Kernels[0].Version, s.Kernels[len(s.Kernels)-1].Version
}

// Points is the result in a few lines.
func (t Text) Points() (p []prose.Prose) {
	for _, s := range t.Series {
		p = append(p, t.ofSeries(s))
	}
	p = append(p, t.betweenSeries()...)
	for _, price := range t.Prices {
		p = append(p, ofPrice(t, price))
	}
	p = append(p, ofQueues(t)...)
	return append(p, t.stability()...)
}

// place is a pair of neighbours with steps between them.
type place struct {
	study.Step
	n         int     // costs
	low, high float64 // changes
}

// places groups the steps of a series by the kernels between which they are.
func places(s *study.Series) (list []place) {
	for _, step := range s.Steps() {
		n := len(list)
		if n == 0 || list[n-1].At != step.At {
			list = append(list, place{step, 0, math.Inf(1), math.Inf(-1)})
			n++
		}
		p := &list[n-1]
		p.n++
		p.low, p.high = min(p.low, *step.Change), max(p.high, *step.Change)
	}
	return list
}

func (t Text) ofSeries(s *study.Series) prose.Prose {
	first, last := ends(s)
	open, pairs := s.Unjudged()
	steps, list := s.Steps(), places(s)
	if len(steps) == 0 {
		lowest, highest := 0.0, 0.0
		for _, l := range s.Lines {
			low, high := l.Reach()
			lowest, highest = min(lowest, low), max(highest, high)
		}
		return book.Say("no step", prose.Values{"Reach": reach(lowest, highest), "Series": s.Name, "First": first, "Last": last, "Lines": len(s.Lines), "Threshold": threshold(), "Kernels": len(s.Kernels), "Open": open, "Pairs": pairs})
	}
	steady := 0
	for _, l := range s.Lines {
		if len(l.Steps) == 0 {
			steady++
		}
	}
	var said []prose.Prose
	for _, p := range list {
		said = append(said, book.Say("place", prose.Values{"Base": p.Base.Version, "New": p.New.Version, "N": p.n, "Reach": reach(p.low, p.high)}))
	}
	return book.Say("steps", prose.Values{
		"Series": s.Name, "First": first, "Last": last, "Steps": len(steps), "Threshold": threshold(), "Places": len(list), "Kernels": len(s.Kernels),
		"List": said, "Steady": steady, "Lines": len(s.Lines), "Open": open, "Pairs": pairs,
	})
}

// betweenSeries compares the newest kernel of each series with that of the one before.
func (t Text) betweenSeries() (p []prose.Prose) {
	for i := 1; i < len(t.Series); i++ {
		a, b := t.Series[i-1].Kernels, t.Series[i].Kernels
		base, next := a[len(a)-1], b[len(b)-1]
		changes := map[string][]float64{}
		for _, scenario := range t.Scenarios {
			for _, side := range verdict.PacketCosts {
				if v := t.Lab.Verdict(base.Kernel, next.Kernel, scenario, side.Metric); v.Change != nil {
					changes[side.Metric] = append(changes[side.Metric], *v.Change)
				}
			}
		}
		send, receive := rangeOf(changes[record.SendNsPerPkt]), rangeOf(changes[record.RecvNsPerPkt])
		if send == "" || receive == "" {
			continue
		}
		p = append(p, book.Say("between series", prose.Values{
			"New": t.Series[i].Name, "Base": t.Series[i-1].Name, "NewKernel": next.Version, "BaseKernel": base.Version, "Send": send, "Receive": receive,
		}))
	}
	return p
}

func (t Text) stability() []prose.Prose {
	var spreads []float64
	for _, k := range t.All() {
		for _, scenario := range t.Scenarios {
			for _, side := range verdict.PacketCosts {
				if c := k.Cost(scenario, side.Metric); c != nil && len(c.Boots) > 1 {
					spreads = append(spreads, c.Spread)
				}
			}
		}
	}
	s, err := stat.Summarize(spreads)
	if err != nil {
		return nil
	}
	return []prose.Prose{book.Say("spread", prose.Values{"Median": text.Percent(s.Median), "N": s.N, "Most": text.Percent(s.Max)})}
}

// threshold is the smallest change that counts.
func threshold() string {
	return metric.ThresholdText(record.Verdict{Threshold: metric.VirtualThreshold})
}

// reach is a range of changes in per cent.
func reach(low, high float64) string {
	return text.FromTo(text.Precisely(low), text.Precisely(high)) + " %"
}

// rangeOf is the range of changes; "" of none.
func rangeOf(changes []float64) string {
	s, err := stat.Summarize(changes)
	if err != nil {
		return ""
	}
	return "by " + reach(s.Min, s.Max)
}

// name is the name of a scenario in the tables.
func (t Text) name(scenario string) string {
	mode, _ := axis.Split(scenario)
	return mode + " " + axis.Label(scenario, t.Common)
}

func code(list []string) (p []prose.Piece) {
	for _, s := range list {
		p = append(p, prose.Mono(s))
	}
	return p
}

// short names k within a series: its flavour only where that is another.
func (t Text) short(k *study.Kernel) string {
	if k.Flavour == t.Flavour {
		return k.Version
	}
	return strings.TrimSuffix(k.Name, "-amd64")
}
