package figure

import (
	"testing"

	"tunbench/reports/record"
	"tunbench/reports/text"
)

// An interval is given where there is one, and nothing else is called so.
func TestInterval(t *testing.T) {
	for _, tt := range []struct {
		x    []float64
		want Interval
		ok   bool
	}{
		{nil, Interval{}, false},
		{[]float64{3}, Interval{Low: 3, High: 3, Exact: false}, false},
		{[]float64{3, 1, 2}, Interval{Low: 1, High: 3, Exact: false}, true},
		{[]float64{5, 1, 2, 4, 3}, Interval{Low: 1, High: 5, Exact: false}, true},
		// Six values: the interval of 96.9 % is from the lowest to the highest.
		{[]float64{5, 1, 2, 4, 3, 9}, Interval{Low: 1, High: 9, Exact: true}, true},
		{[]float64{7, 7, 7, 7, 7, 7}, Interval{Low: 7, High: 7, Exact: true}, true},
		// Of -4, -3 .. 4, 5 it is from the 9th Walsh average to the 9th from the
		// top: Hollander, Wolfe and Chicken, table A.4, n = 10.
		{[]float64{-4, -3, -2, -1, 0, 1, 2, 3, 4, 5}, Interval{Low: -2, High: 3, Exact: true}, true},
	} {
		got, ok := IntervalOf(tt.x)
		if got != tt.want || ok != tt.ok {
			t.Errorf("intervalOf(%v) = %+v, %v, want %+v, %v", tt.x, got, ok, tt.want, tt.ok)
		}
	}
	exact, rough := Interval{Low: 1, High: 2, Exact: true}, Interval{Low: 1, High: 2, Exact: false}
	if got := IntervalColumn(rough, rough); got != text.RangeName {
		t.Errorf("a column of ranges is called %s", got)
	}
	column := IntervalColumn(rough, exact)
	if column != text.IntervalName || exact.Text(column, text.Figure) != "1.00–2.00" || rough.Text(column, text.Figure) != "min–max 1.00–2.00" {
		t.Errorf("in a column of both, %s: %s and %s", column, exact.Text(column, text.Figure), rough.Text(column, text.Figure))
	}
	// Six trials of which none is valid have no interval.
	var a []*record.Trial
	for i := range 6 {
		a = append(a, &record.Trial{Metrics: map[string]float64{record.PPS: float64(i)}, Flags: []string{record.FlagSteal}})
	}
	if got, ok := NewArm(a).Interval(record.PPS); ok {
		t.Errorf("invalid trials: %+v", got)
	}
	for _, one := range a {
		one.Flags = nil
	}
	if got, ok := NewArm(a).Interval(record.PPS); !ok || !got.Exact {
		t.Errorf("the same trials, valid: %+v, %v", got, ok)
	}
}
