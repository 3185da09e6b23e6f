package export

import (
	"math"
	"strings"

	"tunbench/reports/chart"
	"tunbench/reports/document"
	"tunbench/reports/text"
)

// picture checks the figures that a chart draws.
func (c *checker) picture(p document.Picture) {
	place := c.where
	c.where += " / " + p.File
	defer func() { c.where = place }()
	finite := func(what string, values ...float64) {
		for _, v := range values {
			if math.IsNaN(v) || math.IsInf(v, 0) {
				c.fail(ruleFinite, "%s: %v", what, v)
			}
		}
	}
	title, desc := p.Chart.Head()
	c.text(title + " " + desc)
	switch ch := p.Chart.(type) {
	case chart.Bars:
		for _, b := range ch.Bars {
			finite(b.Label, b.Value, b.Low, b.High)
			c.drawn(b.Label, b.Value, b.Text)
		}
	case chart.Split:
		for _, r := range ch.Rows {
			for _, l := range r.Lanes {
				finite(r.Label, l.Parts...)
				c.text(l.Text)
				slack := 0.0
				if ch.Shares { // the parts may add up to more where the send side is not resolved
					slack = 0.04 * l.Sum()
				}
				if v, ok := text.ShownValue(l.Text); ok && math.Abs(v-l.Sum()) > half(l.Text)+1e-6*v+slack {
					c.fail(ruleSame, "%s: parts of %v, %q", r.Label, l.Sum(), l.Text)
				}
			}
		}
	case chart.Panels:
		for _, pan := range ch.Panels {
			sum := 0.0
			for _, b := range pan.Bars {
				finite(pan.Title, b.Share)
				sum += b.Share
			}
			if math.Abs(sum-1) > 1e-9 {
				c.fail(ruleShares, "%s: shares of %v", pan.Title, sum)
			}
		}
	case chart.Ladder:
		for _, r := range ch.Rows {
			for _, l := range r.Lanes {
				last := 0.0
				for _, v := range append(l.At[:], l.Max) {
					finite(r.Label, v)
					if v > 0 && v < last {
						c.fail(ruleQuantiles, "%s, %s: %v and then %v", r.Label, l.Kind, last, v)
					}
					last = max(last, v)
				}
			}
		}
	case chart.Groups:
		for _, g := range ch.Groups {
			for _, b := range g.Bars {
				finite(g.Label, b.Value, b.Min, b.Max)
				if b.Measured {
					c.drawn(g.Label, b.Value, b.Text)
				}
			}
		}
	case silentChart:
		c.cuts(ch.Changes, desc)
	case chart.Changes:
		c.cuts(ch, desc)
		for _, r := range ch.Rows {
			finite(r.Label, r.Value, r.Low, r.High)
		}
	case chart.Trend:
		for _, pan := range ch.Panels {
			for _, q := range pan.Points {
				finite(pan.Title, q.Value, q.Low, q.High)
			}
		}
	}
}

// cuts checks that a chart says so where its scale is
// too short.
func (c *checker) cuts(ch chart.Changes, desc string) {
	for _, r := range ch.Rows {
		if max(math.Abs(r.Value), math.Abs(r.Low), math.Abs(r.High)) > chart.Farthest && !strings.Contains(desc, "beyond the scale") {
			c.fail(ruleClip, "%s: %q", r.Label, desc)
		}
	}
}

// drawn holds the length of a bar against the figure beside it.
func (c *checker) drawn(label string, value float64, beside string) {
	if v, ok := text.ShownValue(beside); ok && math.Abs(v-value) > half(beside)*(1+1e-9)+1e-9*math.Abs(v) {
		c.fail(ruleSame, "%s: a bar of %v, %q", label, value, beside)
	}
}
