package reports

import (
	"math"
	"strings"
)

// picture checks the figures that a chart draws.
func (c *checker) picture(p picture) {
	place := c.where
	c.where += " / " + p.file
	defer func() { c.where = place }()
	finite := func(what string, values ...float64) {
		for _, v := range values {
			if math.IsNaN(v) || math.IsInf(v, 0) {
				c.fail(ruleFinite, "%s: %v", what, v)
			}
		}
	}
	title, desc := p.chart.head()
	c.text(title + " " + desc)
	if ch, ok := p.chart.(interface{ cuts() bool }); ok && ch.cuts() && !strings.Contains(desc, "beyond the scale") {
		c.fail(ruleClip, "%q", desc)
	}
	switch ch := p.chart.(type) {
	case barChart:
		for _, b := range ch.bars {
			finite(b.label, b.value, b.low, b.high)
			c.drawn(b.label, b.value, b.text)
		}
	case splitChart:
		for _, r := range ch.rows {
			for _, l := range r.lanes {
				finite(r.label, l.parts...)
				c.text(l.text)
				slack := 0.0
				if ch.shares { // the parts may add up to more where the send side is not resolved
					slack = 0.04 * l.sum()
				}
				if v, ok := shownValue(l.text); ok && math.Abs(v-l.sum()) > half(l.text)+1e-6*v+slack {
					c.fail(ruleSame, "%s: parts of %v, %q", r.label, l.sum(), l.text)
				}
			}
		}
	case panelChart:
		for _, pan := range ch.panels {
			sum := 0.0
			for _, b := range pan.bars {
				finite(pan.title, b.share)
				sum += b.share
			}
			if math.Abs(sum-1) > 1e-9 {
				c.fail(ruleShares, "%s: shares of %v", pan.title, sum)
			}
		}
	case ladderChart:
		for _, r := range ch.rows {
			for _, l := range r.lanes {
				last := 0.0
				for _, v := range append(l.at[:], l.max) {
					finite(r.label, v)
					if v > 0 && v < last {
						c.fail(ruleQuantiles, "%s, %s: %v and then %v", r.label, l.kind, last, v)
					}
					last = max(last, v)
				}
			}
		}
	case groupChart:
		for _, g := range ch.groups {
			for _, b := range g.bars {
				finite(g.label, b.value, b.min, b.max)
				if b.measured {
					c.drawn(g.label, b.value, b.text)
				}
			}
		}
	case changeChart:
		for _, r := range ch.rows {
			finite(r.label, r.value, r.low, r.high)
		}
	case trendChart:
		for _, pan := range ch.panels {
			for _, q := range pan.points {
				finite(pan.title, q.value, q.low, q.high)
			}
		}
	}
}

// drawn holds the length of a bar against the figure beside it.
func (c *checker) drawn(label string, value float64, text string) {
	if v, ok := shownValue(text); ok && math.Abs(v-value) > half(text)*(1+1e-9)+1e-9*math.Abs(v) {
		c.fail(ruleSame, "%s: a bar of %v, %q", label, value, text)
	}
}
