package chart

import (
	"bytes"
	"math"
	"strings"
	"testing"

	"tunbench/reports/text"
)

// TestTimeline holds that a gap interrupts a line, that a point alone is seen, and that a
// panel without a value is drawn.
func TestTimeline(t *testing.T) {
	nan := math.NaN()
	tl := Timeline{
		Title: "t", Desc: "d", Seconds: []float64{1, 2, 3, 4},
		Panels: []TimePanel{
			{Title: "two", Scale: text.Scale{Div: 1e3}, Lines: []TimeLine{{Name: "a", Values: []float64{1, 2, nan, 4}}, {Name: "b", Values: []float64{nan, nan, nan, nan}}}},
			{Title: "none", Scale: text.Scale{Div: 1}, Lines: []TimeLine{{Values: []float64{0, 0, 0, 0}}}},
		},
	}
	var b bytes.Buffer
	if err := WriteSVG(&b, tl, ""); err != nil {
		t.Fatal(err)
	}
	if n := strings.Count(b.String(), "<polyline"); n != 3 {
		t.Errorf("%d lines, want two of a and one of zeros:\n%s", n, b.String())
	}
	if strings.Contains(b.String(), "NaN") || strings.Contains(b.String(), "Inf") {
		t.Errorf("%s", b.String())
	}
	if got := runs([]float64{1, 2, 3}, []float64{nan, 5, nan}); len(got) != 1 || len(got[0]) != 2 || got[0][0] != [2]float64{1, 5} || got[0][1] != [2]float64{2, 5} {
		t.Errorf("a point alone is drawn as %v, want a line from the end of the one before it", got)
	}
	for _, empty := range []Timeline{{}, {Panels: []TimePanel{{}}}} {
		if err := WriteSVG(&b, empty, ""); err != nil {
			t.Error(err)
		}
	}
}

// The names of the ticks have no digits that are the computer's alone.
func TestTimeTicks(t *testing.T) {
	c := canvas{width: chartWidth, y: headTop}
	Timeline{Seconds: []float64{0.876}, Panels: []TimePanel{{Title: "rate", Scale: text.Scale{Div: 1}, Lines: []TimeLine{{Values: []float64{1}}}}}}.draw(&c)
	drawn := c.b.String()
	if !strings.Contains(drawn, ">0.6 s</text>") || strings.Contains(drawn, "0000") {
		t.Errorf("%s", drawn)
	}
}
