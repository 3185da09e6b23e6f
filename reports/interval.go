package reports

import (
	"strconv"

	"tunbench/reports/record"
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

// interval gives that of a metric over the trials of the arm that have it. Trials
// that are not valid have no interval.
func (a arm) interval(metric string) (interval, bool) {
	x := a.values(metric)
	if s, err := stat.Summarize(x); a.invalid && err == nil {
		return interval{low: s.Min, high: s.Max}, s.N > 1
	}
	return intervalOf(x)
}

// values gives a metric, or a quantile that verdicts are given on, of the used
// trials that have it, in order.
func (a arm) values(metric string) (x []float64) {
	for _, t := range a.used {
		if v, ok := GateValue(t, metric); ok {
			x = append(x, v)
		}
	}
	return x
}

// fewest is how many values have an interval of 95 %: of five, the signs agree
// by chance once in 16 times.
const fewest = 6

const (
	intervalName = "95 % interval"
	rangeName    = "min–max"
)

// intervalColumn names a column of spans: an interval, where there is one.
func intervalColumn(spans ...interval) string {
	for _, s := range spans {
		if s.exact {
			return intervalName
		}
	}
	return rangeName
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

// intervalNote explains a column of that name.
func intervalNote(column, unit string) prose {
	if column == rangeName {
		return say(bold(rangeName), ": the lowest and the highest "+unit+"; of fewer than "+strconv.Itoa(fewest)+" there is no 95 % interval.")
	}
	return say(bold(intervalName), ": of the median, exact by the signed-rank distribution. Fewer than "+strconv.Itoa(fewest)+" valid "+unit+"s have none: ", bold(rangeName), " is the lowest and the highest.")
}

// ratesOf gives the spans of the packet rate of each scenario that has one.
func ratesOf(list []*scenario) map[*scenario]interval {
	spans := map[*scenario]interval{}
	for _, s := range list {
		if sp, ok := s.head().interval(record.PPS); ok {
			spans[s] = sp
		}
	}
	return spans
}
