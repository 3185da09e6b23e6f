package charttest

import (
	"slices"
	"strings"

	"tunbench/reports/chart"
	"tunbench/reports/text"
)

// Narrow is the part of a page for a phone that ch has beside the wide one; "" where it has
// none. page is what WriteInline wrote.
func Narrow(page string) string {
	_, part, found := strings.Cut(page, `<svg class="chart narrow"`)
	if !found {
		return ""
	}
	return `<svg class="chart narrow"` + part
}

// NarrowFaults lists what cannot be read in svg, which Narrow gave of a drawing of ch: what
// leaves it, what lies on something else, and names of rows that are not above their marks.
func NarrowFaults(ch chart.Chart, svg string) []string {
	p := (&picture{narrow: true}).read(svg)
	if len(p.faults) > 0 {
		return p.faults
	}
	if p.width > 400 {
		p.fault("it is %v wide", p.width)
	}
	inside(p)
	offEdge(p)
	apart(p)
	var labels []string
	switch ch := ch.(type) {
	case chart.Ratios:
		for _, g := range ch.Groups {
			for _, b := range g.Bars {
				labels = append(labels, b.Label)
				written(p, b.Text)
			}
		}
		above(p, labels, thick(p, 18))
	case chart.Changes:
		for _, r := range ch.Rows {
			labels = append(labels, r.Label)
			written(p, r.Text)
			written(p, r.Figures)
		}
	case chart.Split:
		for _, r := range ch.Rows {
			labels = append(labels, r.Label)
			for _, l := range r.Lanes {
				written(p, l.Text)
			}
		}
	case chart.Ladder:
		for _, r := range ch.Rows {
			labels = append(labels, r.Label)
		}
	default:
		panelsNarrow(p, ch)
	}
	order(p, labels)
	return p.faults
}

// panelsNarrow looks for the words of a chart without rows, which may take several lines.
func panelsNarrow(p *picture, ch chart.Chart) {
	all := joined(p.all("text", ""))
	said := func(words ...string) {
		for _, w := range words {
			if w = text.Printable(w); !strings.Contains(all, unspaced(w)) {
				p.fault("%q is not written", w)
			}
		}
	}
	switch ch := ch.(type) {
	case chart.Curve:
		said(ch.X.Title, ch.Y.Title)
		for _, l := range ch.Lines {
			if len(ch.Lines) > 1 {
				said(l.Name)
			}
		}
		for _, m := range ch.Marks {
			said(m.Text)
		}
		if !slices.ContainsFunc(p.all("line", "axis"), func(e *element) bool { return e.width() > 200 }) {
			p.fault("the plot is narrower than 200")
		}
	case chart.Heat:
		said(ch.Shared)
		for _, pan := range ch.Panels {
			said(pan.Title, pan.Note)
		}
	case chart.Panels:
		said(ch.Shared)
		for _, pan := range ch.Panels {
			said(pan.Title, pan.Note)
		}
	case chart.Trend:
		for _, pan := range ch.Panels {
			said(pan.Title, pan.Note, pan.First, pan.Last)
			for _, m := range pan.Marks {
				if !m.Dotted {
					said(m.Text)
				}
			}
		}
	case chart.Timeline:
		for _, pan := range ch.Panels {
			said(pan.Title)
			for _, l := range pan.Lines {
				if len(pan.Lines) > 1 {
					said(l.Name)
				}
			}
		}
	case chart.Versions:
		said(ch.Note)
		for _, s := range ch.Series {
			said(s.Name, s.Versions[len(s.Versions)-1])
		}
		for _, pan := range ch.Panels {
			said(pan.Title)
			for _, m := range pan.Marks {
				said(m.Text)
			}
		}
	case chart.Flame:
		said(ch.Note)
	default:
		p.fault("no rules for a narrow %T", ch)
	}
}

// above makes sure that the name of each bar stands between it and the bar before.
func above(p *picture, labels []string, bars []*element) {
	shown, last := p.all("text", "label"), 0.0
	if len(bars) != len(labels) {
		p.fault("%d bars of %d", len(bars), len(labels))
		return
	}
	for _, b := range bars {
		n := 0
		for _, e := range shown {
			if e.y > last && e.y <= b.top {
				n++
			}
		}
		if n == 0 {
			p.fault("no name above the bar at %.1f", b.top)
		}
		last = b.base
	}
}
