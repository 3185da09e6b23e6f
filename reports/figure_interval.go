package reports

import (
	"math"

	"tunbench/reports/stat"
)

// alpha is the chance that an interval of 95 % misses.
const alpha = 0.05

// interval is where a figure lies.
type interval struct {
	low, high float64
	// exact tells that it is the 95 % interval of the median; otherwise nothing
	// is known but the lowest and the highest trial.
	exact bool
}

// text gives s under a column of that name, which marks what is not of its
// kind.
func (s interval) text(column string, format func(float64) string) string {
	t := between(format(s.low), format(s.high))
	if column == intervalName && !s.exact {
		return rangeName + " " + t
	}
	return t
}

// changes is text for a ratio, as signed changes in per cent.
func (s interval) changes(column string) string {
	t := changes(s.low, s.high)
	if column == intervalName && !s.exact {
		return rangeName + " " + t
	}
	return t
}

// intervalOf gives the interval of x by the signed-rank distribution, which is that
// of the median where the trials scatter evenly about it. Of fewer than six
// values there is none at 95 %: what is given then is where they lay. It is
// false for fewer than two values.
func intervalOf(x []float64) (interval, bool) {
	if e, err := stat.SignedRankInterval(x, alpha); err == nil && sane(max(e.Low, -e.Low)) && sane(max(e.High, -e.High)) {
		return interval{e.Low, e.High, true}, true
	}
	s, err := stat.Summarize(x)
	return interval{low: s.Min, high: s.Max}, err == nil && s.N > 1
}

// fewest is how many values have an interval of 95 %: of five, the signs agree
// by chance once in 16 times.
const fewest = 6

// intervalColumn names a column of spans: an interval, where there is one.
func intervalColumn(spans ...interval) string {
	for _, s := range spans {
		if s.exact {
			return intervalName
		}
	}
	return rangeName
}

// sane tells whether ns, or a ratio, is one that a measurement can give. A file
// from elsewhere may hold anything that JSON can spell.
func sane(ns float64) bool { return ns >= 0 && ns < math.MaxInt64 }
