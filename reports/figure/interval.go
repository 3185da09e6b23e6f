package figure

import (
	"math"

	"tunbench/reports/stat"
	"tunbench/reports/text"
)

// Alpha is the chance that an interval of 95 % misses.
const Alpha = 0.05

// Interval is where a figure lies.
type Interval struct {
	Low, High float64
	// Exact tells that it is the 95 % interval of the median; otherwise nothing
	// is known but the lowest and the highest trial.
	Exact bool
}

// Text gives s under a column of that name, which marks what is not of its
// kind.
func (s Interval) Text(column string, format func(float64) string) string {
	t := text.Between(format(s.Low), format(s.High))
	if column == text.IntervalName && !s.Exact {
		return text.RangeName + " " + t
	}
	return t
}

// Changes is text for a ratio, as signed changes in per cent.
func (s Interval) Changes(column string) string {
	t := text.Changes(s.Low, s.High)
	if column == text.IntervalName && !s.Exact {
		return text.RangeName + " " + t
	}
	return t
}

// IntervalOf gives the interval of x by the signed-rank distribution, which is that
// of the median where the trials scatter evenly about it. Of fewer than six
// values there is none at 95 %: what is given then is where they lay. It is
// false for fewer than two values.
func IntervalOf(x []float64) (Interval, bool) {
	if e, err := stat.SignedRankInterval(x, Alpha); err == nil && Sane(max(e.Low, -e.Low)) && Sane(max(e.High, -e.High)) {
		return Interval{e.Low, e.High, true}, true
	}
	s, err := stat.Summarize(x)
	return Interval{Low: s.Min, High: s.Max}, err == nil && s.N > 1
}

// Fewest is how many values have an interval of 95 %: of five, the signs agree
// by chance once in 16 times.
const Fewest = 6

// IntervalColumn names a column of spans: an interval, where there is one.
func IntervalColumn(spans ...Interval) string {
	for _, s := range spans {
		if s.Exact {
			return text.IntervalName
		}
	}
	return text.RangeName
}

// Sane reports whether ns, or a ratio, is one that a measurement can give. A file
// from elsewhere may hold anything that JSON can spell.
func Sane(ns float64) bool { return ns >= 0 && ns < math.MaxInt64 }
