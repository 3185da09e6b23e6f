package chart

import (
	"fmt"
	"strconv"

	"tunbench/reports/text"
)

// Heat shows how the packets of each flow were spread over the queues.
type Heat struct {
	Title, Desc string
	Shared      string // what the panels have in common
	Panels      []HeatPanel
}

func (h Heat) Head() (string, string) { return h.Title, h.Desc }

func (h Heat) draw(c *canvas) float64 {
	const (
		cellHeight = 16.0
		left       = margin + 62
	)
	right := c.width - margin
	y := c.note("columns: flows; rows: queues; darker: larger share of the flow's packets; first trial") + 8
	if h.Shared != "" {
		y = c.note(h.Shared) + 8
	}
	for _, p := range h.Panels {
		y = c.titled(y+10, right, p.Title, p.Note) + 10
		wide := min((right-left)/float64(max(1, len(p.Columns))), 26)
		gap := 1.0
		if wide < 5 {
			gap = 0
		}
		for q := range p.Rows {
			c.text("muted", left-8, y+cellHeight*float64(q)+12, "end", "queue "+strconv.Itoa(q), "queue "+strconv.Itoa(q))
		}
		for i, column := range p.Columns {
			x := left + wide*float64(i)
			for q := range p.Rows {
				top := y + cellHeight*float64(q)
				c.rect("band", x, top, wide-gap, cellHeight-1, "")
				if share := column.Share[q]; share > 0 {
					// What is there at all can be seen.
					opacity := strconv.FormatFloat(max(0.06, min(share, 1)), 'f', 2, 64)
					tip := fmt.Sprintf("flow %s, queue %d: %s %% of %s packets", column.Name, q, text.Percent(share), column.Total)
					c.cell("a", x, top, wide-gap, cellHeight-1, opacity, tip)
				}
			}
		}
		y += cellHeight * float64(p.Rows)
		every := 1 + int(30/wide)
		for i, column := range p.Columns {
			if i%every == 0 {
				c.text("muted", left+wide*(float64(i)+0.5), y+14, "middle", column.Name, column.Name)
			}
		}
		y += 32
	}
	return y + 4
}

type HeatPanel struct {
	Title, Note string
	Rows        int // queues
	Columns     []HeatColumn
}

type HeatColumn struct {
	Name  string    // of the flow
	Total string    // packets
	Share []float64 // by queue, ratios of the flow's packets
}

// Bounds of what a heat map shows so that a cell can still be seen.
const (
	MostHeatFlows  = 256
	MostHeatQueues = 32
	HeatsAChart    = 4
)
