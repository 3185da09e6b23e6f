package figure

import (
	"math"

	"tunbench/reports/stat"
	"tunbench/reports/text"
)

// Alpha is the probability that a 95 % interval does not contain the true value.
const Alpha = 0.05

// Interval is the range of a figure.
type Interval struct {
	Low, High float64
	// Exact reports that this is the 95 % interval of the median. Otherwise it is the
	// range from the lowest to the highest trial.
	Exact bool
}

// Text gives s for a column of that name. It marks a range in a column of intervals.
func (s Interval) Text(column string, format func(float64) string) string {
	t := text.Between(format(s.Low), format(s.High))
	if column == text.IntervalName && !s.Exact {
		return text.RangeName + " " + t
	}
	return t
}

// Changes is Text for a ratio, as signed changes in per cent.
func (s Interval) Changes(column string) string {
	t := text.Changes(s.Low, s.High)
	if column == text.IntervalName && !s.Exact {
		return text.RangeName + " " + t
	}
	return t
}

// IntervalOf gives the interval of x by the signed-rank distribution, which is the
// interval of the median where the trials scatter symmetrically about it. Fewer than six
// values have no 95 % interval: their range is given instead. It is false for fewer than
// two values.
func IntervalOf(x []float64) (Interval, bool) {
	if e, err := stat.SignedRankInterval(x, Alpha); err == nil && Sane(max(e.Low, -e.Low)) && Sane(max(e.High, -e.High)) {
		return Interval{e.Low, e.High, true}, true
	}
	s, err := stat.Summarize(x)
	return Interval{Low: s.Min, High: s.Max}, err == nil && s.N > 1
}

// Fewest is the least number of values that have a 95 % interval: the signs of five
// values agree by chance once in 16 times.
const Fewest = 6

// IntervalColumn is the title of a column of spans: that of intervals if one is exact.
func IntervalColumn(spans ...Interval) string {
	for _, s := range spans {
		if s.Exact {
			return text.IntervalName
		}
	}
	return text.RangeName
}

// Sane reports whether a measurement can give ns, or a ratio. A file from elsewhere may
// hold any number that JSON can express.
func Sane(ns float64) bool { return ns >= 0 && ns < math.MaxInt64 }
