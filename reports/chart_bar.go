package reports

// barChart shows one value a scenario, with its interval or the range that it
// was seen in.
type barChart struct {
	title, desc string
	class       string // "a" or "b"
	unit        string
	bars        []bar
}

func (b barChart) head() (string, string) { return b.title, b.desc }

func (b barChart) draw(c *canvas) float64 {
	const pitch, thick = 24.0, 14.0
	labels := make([]string, len(b.bars))
	top, widest, hollow, intervals, ranges := 0.0, 0.0, false, false, false
	for i, r := range b.bars {
		labels[i] = r.label
		top = max(top, r.value, r.high)
		widest = max(widest, textWidth(r.text))
		hollow = hollow || r.hollow
		if r.high > r.low {
			intervals, ranges = intervals || r.exact, ranges || !r.exact
		}
	}
	left, chars := labelWidth(labels)
	left += margin
	right := chartWidth - margin - widest - 10
	if !(top > 0) {
		top = 1
	}
	at := func(v float64) float64 { return left + (right-left)*(v/top) }
	bottom := headHeight + pitch*float64(len(b.bars))

	note := "median, " + b.unit
	switch {
	case intervals && ranges:
		note += "; line: 95 % interval, dashed where it is lowest to highest trial"
	case intervals:
		note += "; line: 95 % interval"
	case ranges:
		note += "; line: lowest to highest trial"
	}
	if hollow {
		note += "; hollow: no valid trial"
	}
	c.text("muted", margin, 46, "start", note, note)
	marks := ticks(top, 5)
	for _, t := range marks {
		c.line("grid", at(t), headHeight, at(t), bottom+4, 1, "")
		c.text("muted", at(t), bottom+18, "middle", figure(t), figure(t))
	}
	for i, r := range b.bars {
		y := headHeight + pitch*float64(i) + pitch/2
		c.text("label", left-8, y+4, "end", clip(r.label, chars), r.label)
		class, extra := b.class, ""
		if r.hollow {
			class, extra = "hollow "+b.class+"s", ` stroke-dasharray="3 2"`
		}
		c.rect(class, left, y-thick/2, at(r.value)-left, thick, extra)
		end := at(r.value)
		if r.high > r.low {
			dashes := ""
			if intervals && !r.exact {
				dashes = ` stroke-dasharray="3 2"`
			}
			c.line("range", at(r.low), y, at(r.high), y, 1.5, dashes)
			c.line("range", at(r.low), y-4, at(r.low), y+4, 1.5, "")
			c.line("range", at(r.high), y-4, at(r.high), y+4, 1.5, "")
			end = max(end, at(r.high))
		}
		c.text("strong", end+7, y+4, "start", r.text, r.text)
		c.tip(0, y-pitch/2, chartWidth, pitch, r.tip(b.unit))
	}
	c.line("axis", left, headHeight, left, bottom+4, 1, "")
	return bottom + 32
}

type bar struct {
	label            string
	value, low, high float64 // in unit; high is 0 where there is no range
	exact            bool    // low to high is the 95 % interval, else lowest to highest
	text             string
	hollow           bool // not to be quoted
}

func (r bar) tip(unit string) string {
	t := r.label + ": " + r.text + " " + unit
	switch {
	case !(r.high > r.low):
	case r.exact:
		t += ", 95 % interval " + between(figure(r.low), figure(r.high))
	default:
		t += ", lowest to highest trial " + between(figure(r.low), figure(r.high))
	}
	if r.hollow {
		t += ", no valid trial"
	}
	return t
}
