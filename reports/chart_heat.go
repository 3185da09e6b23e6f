package reports

import (
	"fmt"
	"strconv"
)

// heatChart shows how the packets of each flow were spread over the queues.
type heatChart struct {
	title, desc string
	panels      []heatPanel
}

func (h heatChart) head() (string, string) { return h.title, h.desc }

func (h heatChart) draw(c *canvas) float64 {
	const (
		cellHeight = 16.0
		left       = margin + 62
		right      = chartWidth - margin
	)
	note := "columns: flows; rows: queues; the darker, the larger the share of the flow's packets; first trial"
	c.text("muted", margin, 46, "start", note, note)
	y := headHeight + 8
	for _, p := range h.panels {
		c.text("label", margin, y+10, "start", clip(p.title, 78), p.title)
		c.text("muted", right, y+10, "end", p.note, p.note)
		y += 20
		wide := min((right-left)/float64(max(1, len(p.columns))), 26)
		gap := 1.0
		if wide < 5 {
			gap = 0
		}
		for q := range p.rows {
			c.text("muted", left-8, y+cellHeight*float64(q)+12, "end", "queue "+strconv.Itoa(q), "queue "+strconv.Itoa(q))
		}
		for i, column := range p.columns {
			x := left + wide*float64(i)
			for q := range p.rows {
				top := y + cellHeight*float64(q)
				c.rect("band", x, top, wide-gap, cellHeight-1, "")
				if share := column.share[q]; share > 0 {
					// What is there at all can be seen.
					opacity := strconv.FormatFloat(max(0.06, min(share, 1)), 'f', 2, 64)
					tip := fmt.Sprintf("flow %s, queue %d: %s %% of %s packets", column.name, q, percent(share), column.total)
					c.cell("a", x, top, wide-gap, cellHeight-1, opacity, tip)
				}
			}
		}
		y += cellHeight * float64(p.rows)
		every := 1 + int(30/wide)
		for i, column := range p.columns {
			if i%every == 0 {
				c.text("muted", left+wide*(float64(i)+0.5), y+14, "middle", column.name, column.name)
			}
		}
		y += 32
	}
	return y + 4
}

type heatPanel struct {
	title, note string
	rows        int // queues
	columns     []heatColumn
}

type heatColumn struct {
	name  string    // of the flow
	total string    // packets
	share []float64 // by queue, ratios of the flow's packets
}

// Bounds of what a heat map shows so that a cell can still be seen.
const (
	mostHeatFlows  = 256
	mostHeatQueues = 32
	heatsAChart    = 12
)
