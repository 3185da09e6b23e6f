package render

import (
	"io"
	"strings"

	"github.com/olekukonko/tablewriter/renderer"
	"github.com/olekukonko/tablewriter/tw"
)

// compact writes a table in GitHub's markdown without padding: who reads it sees the table
// that it makes, and spaces were a third of a long report.
type compact struct {
	*renderer.Markdown // for its settings and its logger

	w       io.Writer
	err     error
	numeric []bool // of each column
}

func (c *compact) Start(w io.Writer) error {
	c.w = w
	return nil
}

// Header writes the names of the columns, and how each is aligned.
func (c *compact) Header(headers [][]string, _ tw.Formatting) {
	for _, cells := range headers {
		c.line(cells)
	}
	marks := make([]string, len(c.numeric))
	for i, numeric := range c.numeric {
		marks[i] = ":--"
		if numeric {
			marks[i] = "--:"
		}
	}
	c.line(marks)
}

func (c *compact) Row(cells []string, _ tw.Formatting) { c.line(cells) }

func (c *compact) Footer([][]string, tw.Formatting) {}

func (c *compact) Line(tw.Formatting) {}

func (c *compact) Close() error { return c.err }

func (c *compact) line(cells []string) {
	if c.err != nil {
		return
	}
	var b strings.Builder
	b.WriteByte('|')
	for _, cell := range cells {
		b.WriteString(strings.TrimRight(" "+strings.TrimSpace(cell), " ") + " |")
	}
	b.WriteByte('\n')
	_, c.err = io.WriteString(c.w, b.String())
}
