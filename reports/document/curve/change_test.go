package curve

import (
	"testing"

	"tunbench/reports/curve"
	"tunbench/reports/figure"
)

// A title says how much a figure changes only where the run shows that it does, along each
// line.
func TestChange(t *testing.T) {
	at := func(x, y, half float64, exact bool) curve.Point {
		return curve.Point{X: x, Value: curve.Value{Y: y, Ranged: half > 0, Interval: figure.Interval{Low: y - half, High: y + half, Exact: exact}}}
	}
	line := func(points ...curve.Point) curve.Line { return curve.Line{Points: points} }
	for name, test := range map[string]struct {
		x     string
		lines []curve.Line
		want  string
	}{
		"one line":   {"size", []curve.Line{line(at(64, 100, 5, true), at(256, 90, 5, true), at(1500, 250, 5, true))}, "2.50 × as high at 1500 bytes as at 64"},
		"two lines":  {"queues", []curve.Line{line(at(1, 100, 5, true), at(8, 250, 5, true)), line(at(1, 100, 5, true), at(8, 50, 5, true))}, "0.500 to 2.50 × as high at 8 as at 1"},
		"other ends": {"queues", []curve.Line{line(at(1, 100, 5, true), at(8, 250, 5, true)), line(at(1, 100, 5, true), at(4, 250, 5, true))}, "2.50 × as high at the highest as at the lowest"},
		"rates":      {"load", []curve.Line{line(at(1e5, 100, 5, true), at(1e6, 250, 5, true))}, "2.50 × as high at the highest as at the lowest"},
		"overlap":    {"queues", []curve.Line{line(at(1, 100, 5, true), at(8, 250, 5, true)), line(at(1, 100, 5, true), at(8, 108, 5, true))}, ""},
		"few trials": {"queues", []curve.Line{line(at(1, 100, 5, false), at(8, 250, 5, false))}, ""},
		"no range":   {"queues", []curve.Line{line(at(1, 100, 0, true), at(8, 250, 5, true))}, ""},
		"from zero":  {"size", []curve.Line{line(at(64, 0, 0.1, true), at(1500, 250, 5, true))}, ""},
		"a point":    {"size", []curve.Line{line(at(64, 100, 5, true))}, ""},
		"no points":  {"size", []curve.Line{line()}, ""},
		"no lines":   {"size", nil, ""},
	} {
		if got := (view{Curve: curve.Curve{X: test.x, Lines: test.lines}}).change(); got != test.want {
			t.Errorf("%s: %q, want %q", name, got, test.want)
		}
	}
}
