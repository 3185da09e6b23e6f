package reports

// panelChart shows how packets were spread over queues, one panel a scenario.
type panelChart struct {
	title, desc string
	panels      []panel
}

func (p panelChart) head() (string, string) { return p.title, p.desc }

func (p panelChart) draw(c *canvas) float64 {
	const columns, tall, plot = 2, 152.0, 76.0
	gap := 28.0
	wide := (chartWidth - 2*margin - gap*(columns-1)) / columns
	note := "per cent; dashed: an even share"
	c.text("muted", margin, 46, "start", note, note)
	for i, pan := range p.panels {
		x := margin + float64(i%columns)*(wide+gap)
		y := headHeight + float64(i/columns)*tall + 8
		c.text("label", x, y+10, "start", clip(pan.title, int(wide/glyph)), pan.title)
		c.text("muted", x, y+25, "start", pan.note, pan.note)
		base := y + 46 + plot
		top := pan.fair
		for _, b := range pan.bars {
			top = max(top, b.share)
		}
		slot := wide / float64(len(pan.bars))
		thick := min(slot*0.72, 60)
		if slot < 4 {
			thick = slot * 0.9
		}
		every := 1 + int(26/slot)
		for j, b := range pan.bars {
			mid := x + slot*(float64(j)+0.5)
			h := plot * b.share / top
			c.rect("a", mid-thick/2, base-h, thick, h, "")
			if j%every == 0 {
				c.text("muted", mid, base+15, "middle", b.name, b.name)
			}
		}
		level := base - plot*pan.fair/top
		c.line("fair", x, level, x+wide, level, 1, ` stroke-dasharray="4 3"`)
		c.line("axis", x, base, x+wide, base, 1, "")
		for j, b := range pan.bars {
			if slot >= 26 {
				c.over(x+slot*(float64(j)+0.5), base-plot*b.share/top-5, b.text)
			}
			c.tip(x+slot*float64(j), base-plot-12, slot, plot+28, pan.title+": queue "+b.name+", "+percent(b.share)+" % of the packets")
		}
	}
	lines := (len(p.panels) + columns - 1) / columns
	return headHeight + float64(lines)*tall + 12
}

type panel struct {
	title, note string
	fair        float64 // even share
	bars        []queueBar
}

type queueBar struct {
	name  string
	share float64 // ratio
	text  string  // the share in per cent
}
