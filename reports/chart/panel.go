package chart

import (
	"tunbench/reports/text"
)

// Panels shows how packets were spread over queues, one panel a scenario.
type Panels struct {
	Title, Desc string
	Panels      []Panel
}

func (p Panels) Head() (string, string) { return p.Title, p.Desc }

func (p Panels) draw(c *canvas) float64 {
	const columns, tall, plot = 2, 152.0, 76.0
	gap := 28.0
	wide := (chartWidth - 2*margin - gap*(columns-1)) / columns
	note := "per cent; dashed: an even share"
	c.text("muted", margin, 46, "start", note, note)
	for i, pan := range p.Panels {
		x := margin + float64(i%columns)*(wide+gap)
		y := headHeight + float64(i/columns)*tall + 8
		c.text("label", x, y+10, "start", text.Clip(pan.Title, int(wide/glyph)), pan.Title)
		c.text("muted", x, y+25, "start", pan.Note, pan.Note)
		base := y + 46 + plot
		top := pan.Fair
		for _, b := range pan.Bars {
			top = max(top, b.Share)
		}
		slot := wide / float64(len(pan.Bars))
		thick := min(slot*0.72, 60)
		if slot < 4 {
			thick = slot * 0.9
		}
		every := 1 + int(26/slot)
		for j, b := range pan.Bars {
			mid := x + slot*(float64(j)+0.5)
			h := plot * b.Share / top
			c.rect("a", mid-thick/2, base-h, thick, h, "")
			if j%every == 0 {
				c.text("muted", mid, base+15, "middle", b.Name, b.Name)
			}
		}
		level := base - plot*pan.Fair/top
		c.line("fair", x, level, x+wide, level, 1, ` stroke-dasharray="4 3"`)
		c.line("axis", x, base, x+wide, base, 1, "")
		for j, b := range pan.Bars {
			if slot >= 26 {
				c.over(x+slot*(float64(j)+0.5), base-plot*b.Share/top-5, b.Text)
			}
			c.tip(x+slot*float64(j), base-plot-12, slot, plot+28, pan.Title+": queue "+b.Name+", "+text.Percent(b.Share)+" % of the packets")
		}
	}
	lines := (len(p.Panels) + columns - 1) / columns
	return headHeight + float64(lines)*tall + 12
}

type Panel struct {
	Title, Note string
	Fair        float64 // even share
	Bars        []QueueBar
}

type QueueBar struct {
	Name  string
	Share float64 // ratio
	Text  string  // the share in per cent
}
