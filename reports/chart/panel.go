package chart

import (
	"tunbench/reports/text"
)

// Panels shows how packets were spread over queues, one panel a scenario.
type Panels struct {
	Title, Desc string
	Shared      string // what the panels have in common
	Panels      []Panel
}

func (p Panels) Head() (string, string) { return p.Title, p.Desc }

// Of panels: their number in a row, the space between them, and heights.
const (
	panelColumns = 2
	panelGap     = 28.0
	panelPlot    = 76.0
	panelRest    = 63.0
)

func (p Panels) draw(c *canvas) float64 {
	columns := panelColumns
	if c.narrow {
		columns = 1
	}
	wide := (c.width - 2*margin - panelGap*float64(columns-1)) / float64(columns)
	y := c.note("per cent of the packets of all trials; Jain: median of the trials; dashed: an even share") + 8
	if p.Shared != "" {
		y = c.note(p.Shared) + 8
	}
	for row := 0; row < len(p.Panels); row += columns {
		own := p.Panels[row:min(row+columns, len(p.Panels))]
		titles, lines := make([][]string, len(own)), 1
		for i, pan := range own {
			titles[i] = c.lines(pan.Title, wide)
			lines = max(lines, len(titles[i]))
		}
		for i, pan := range own {
			x := margin + float64(i)*(wide+panelGap)
			for j, l := range titles[i] {
				c.text("label", x, y+10+labelLine*float64(j), "start", l, pan.Title)
			}
			below := y + 12 + labelLine*float64(lines)
			c.text("muted", x, below, "start", pan.Note, pan.Note)
			pan.draw(c, x, below+21+panelPlot, wide)
		}
		y += panelRest + panelPlot + labelLine*float64(lines)
	}
	return y + 4
}

// draw draws the bars from x on, above the height base.
func (p Panel) draw(c *canvas, x, base, wide float64) {
	top := p.Fair
	for _, b := range p.Bars {
		top = max(top, b.Share)
	}
	slot := wide / float64(len(p.Bars))
	thick := min(slot*0.72, 60)
	if slot < 4 {
		thick = slot * 0.9
	}
	every := 1 + int(26/slot)
	for j, b := range p.Bars {
		mid := x + slot*(float64(j)+0.5)
		h := panelPlot * b.Share / top
		c.rect("a", mid-thick/2, base-h, thick, h, "")
		if j%every == 0 {
			c.text("muted", mid, base+15, "middle", b.Name, b.Name)
		}
	}
	level := base - panelPlot*p.Fair/top
	c.line("fair", x, level, x+wide, level, 1, ` stroke-dasharray="4 3"`)
	c.line("axis", x, base, x+wide, base, 1, "")
	for j, b := range p.Bars {
		if slot >= 26 {
			c.over(x+slot*(float64(j)+0.5), base-panelPlot*b.Share/top-5, b.Text)
		}
		c.tip(x+slot*float64(j), base-panelPlot-12, slot, panelPlot+28, p.Title+": queue "+b.Name+", "+text.Percent(b.Share)+" % of the packets")
	}
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
