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
	case chart.Ratios:
		for _, g := range ch.Groups {
			base := 0.0
			for i, b := range g.Bars {
				finite(b.Label, b.Value, b.Low, b.High)
				number, _, _ := strings.Cut(b.Text, " ")
				c.drawn(b.Label, b.Value, number)
				c.ratio(b, base)
				if i == 0 {
					base = b.Value
				}
			}
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

// ratio checks that a ratio is about that of the bars, from whose medians it may differ,
// and that the side of the base is that of its interval.
func (c *checker) ratio(b chart.RatioBar, base float64) {
	v, ok := text.ShownValue(b.Ratio)
	if b.Ratio == "" || !ok || base <= 0 {
		return
	}
	if v > 0 && (b.Value/base > 3*v || v > 3*b.Value/base) {
		c.fail(ruleSame, "%s: a bar of %v beside one of %v, %q", b.Label, b.Value, base, b.Ratio)
	}
	if b.Side > 0 && v < 1 || b.Side < 0 && v > 1 {
		c.fail(ruleSame, "%s: on side %d of the base, %q", b.Label, b.Side, b.Ratio)
	}
}

// cuts checks that a chart says so where its scale is
// too short.
func (c *checker) cuts(ch chart.Changes, desc string) {
	for _, r := range ch.Rows {
		reach := 0.0
		for _, v := range []float64{r.Value, r.Low, r.High} {
			reach = max(reach, math.Abs(math.Log1p(max(v, -1+1e-9))))
		}
		if reach > math.Log1p(chart.Farthest) && !strings.Contains(desc, "beyond the scale") {
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
