package metric

import (
	"fmt"
	"math"
	"regexp"
	"strconv"
	"strings"

	"tunbench/reports/record"
)

// LimitNames are what a suite can require something of: the metrics of trials and of
// searches, and the quantiles of latencies, such as e2e_p99.
func LimitNames() []string {
	names := Names()
	for _, latency := range LatencyNames {
		for _, q := range LatencyQuantiles {
			names = append(names, latency+"_p"+q.Percentile)
		}
	}
	return names
}

// Limited describes the metric or quantile of that name; false where there is none.
func Limited(name string) (Kind, bool) {
	if k, ok := Find(name); ok {
		return k, true
	}
	if _, _, ok := quantileOf(name); ok {
		return Kind{Metric: name, Unit: "ns", Better: -1, Quantile: true}, true
	}
	return Kind{}, false
}

// quantileOf splits a name such as e2e_p99.
func quantileOf(name string) (latency string, of func(record.Latency) *uint64, ok bool) {
	for _, latency := range LatencyNames {
		for _, q := range LatencyQuantiles {
			if name == latency+"_p"+q.Percentile {
				return latency, q.Of, true
			}
		}
	}
	return "", nil, false
}

// LimitedValue gives what a limit on the metric or quantile of that name is compared
// with, of one trial; false where the trial does not have it.
func LimitedValue(t *record.Trial, name string) (float64, bool) {
	latency, of, ok := quantileOf(name)
	if !ok {
		v, ok := t.Metrics[name]
		return v, ok
	}
	l, ok := t.Latency[latency]
	if !ok {
		return 0, false
	}
	q := l.Bounded(of(l))
	if q == nil {
		return 0, false
	}
	return float64(*q), true
}

// decimal are the prefixes of rates and sizes.
var decimal = map[string]float64{"": 1, "k": 1e3, "M": 1e6, "G": 1e9}

// limitUnits are the units that a limit may be written in, by the unit of the metric:
// what to multiply by, and an example for errors.
var limitUnits = map[string]struct {
	factors map[string]float64
	example string
}{
	"packets/s":      {decimal, "> 300k"},
	"skbs/s":         {decimal, "> 300k"},
	"transactions/s": {decimal, "> 20k"},
	"bit/s":          {decimal, "> 2.5G"},
	"bytes":          {decimal, "< 64M"},
	"ratio":          {map[string]float64{"": 1, "%": 0.01}, "< 0.1%"},
	"ns":             {map[string]float64{"": 1, "ns": 1, "us": 1e3, "µs": 1e3, "ms": 1e6, "s": 1e9}, "< 900ns"},
}

var limitSyntax = regexp.MustCompile(`^(<=|>=|<|>) *([0-9]+(?:\.[0-9]+)?) *([a-zA-Zµ%]*)$`)

// ParseLimit reads a limit on the metric or quantile of that name, which exists: an
// operator, a number and a unit, such as `< 0.1%`, `> 300k` or `<= 1ms`. Latencies need
// a unit. A limit that every value or none keeps is an error.
func ParseLimit(name, s string) (record.Limit, error) {
	k, _ := Limited(name)
	units := limitUnits[k.Unit]
	if k.Quantile {
		units.example = "< 1ms"
	}
	m := limitSyntax.FindStringSubmatch(strings.TrimSpace(s))
	if m == nil {
		return record.Limit{}, fmt.Errorf("%q is not a limit: write <, <=, > or >=, a number and its unit, like %q", s, units.example)
	}
	op, unit := m[1], m[3]
	factor, ok := units.factors[unit]
	if !ok || k.Quantile && unit == "" {
		return record.Limit{}, fmt.Errorf("%q: %s; write it like %q", s, unitFault(k, unit), units.example)
	}
	v, err := strconv.ParseFloat(m[2], 64)
	if err != nil || math.IsInf(v*factor, 0) {
		return record.Limit{}, fmt.Errorf("%q: %s is too large", s, m[2])
	}
	// Division is exact for a power of ten, where multiplication by 0.01 is not.
	value := v * factor
	if factor < 1 {
		value = v / math.Round(1/factor)
	}
	switch {
	case value == 0 && op == "<":
		return record.Limit{}, fmt.Errorf("%q: no %s is below 0: write \"<= 0\" if it must be 0", s, name)
	case value == 0 && op == ">=":
		return record.Limit{}, fmt.Errorf("%q: no %s is below 0, so that this limit says nothing", s, name)
	}
	limit := record.Limit{Metric: name, Op: op, Value: value, Written: op + " " + m[2] + unit}
	return limit, checkShare(k, limit, m[2], unit)
}

// checkShare returns an error if a limit on a share of a whole, given as a number and a
// unit, is one that every share or none keeps, such as a percentage without its sign.
func checkShare(k Kind, l record.Limit, number, unit string) error {
	beyond := l.Value > 1 || l.Value == 1 && (l.Op == "<=" || l.Op == ">")
	if !k.Share || !beyond {
		return nil
	}
	says := "so that this limit says nothing"
	if strings.HasPrefix(l.Op, ">") {
		says = "so that it is always missed"
	}
	if unit == "" && l.Value > 1 && l.Value <= 100 {
		says += fmt.Sprintf(": write \"%s %s%%\" if per cent are meant", l.Op, number)
	}
	return fmt.Errorf("%q: %s is a ratio from 0 to 1 (100 %%), %s", l.Written, k.Metric, says)
}

// unitFault says what is wrong with the unit of a limit on k.
func unitFault(k Kind, unit string) string {
	var names []string
	for _, u := range []string{"k", "M", "G", "%", "ns", "us", "ms", "s"} {
		if _, ok := limitUnits[k.Unit].factors[u]; ok {
			names = append(names, u)
		}
	}
	known := strings.Join(names, ", ")
	if unit == "" {
		return fmt.Sprintf("%s needs a unit: choose %s", k.Metric, known)
	}
	if _, bare := limitUnits[k.Unit].factors[""]; bare && !k.Quantile {
		return fmt.Sprintf("%s cannot have the unit %s: choose %s or none (%s)", k.Metric, unit, known, k.Unit)
	}
	return fmt.Sprintf("%s cannot have the unit %s: choose %s", k.Metric, unit, known)
}

// Keeps reports whether v is on the side of the limit that l requires.
func Keeps(l record.Limit, v float64) bool {
	switch l.Op {
	case "<":
		return v < l.Value
	case "<=":
		return v <= l.Value
	case ">":
		return v > l.Value
	}
	return l.Op == ">=" && v >= l.Value
}

// CheckLimits returns an error if limits, all on one metric, exclude each other or if two
// of them bound it on the same side.
func CheckLimits(limits []record.Limit) error {
	var low, high []record.Limit
	for _, l := range limits {
		if strings.HasPrefix(l.Op, ">") {
			low = append(low, l)
		} else {
			high = append(high, l)
		}
	}
	for _, side := range [][]record.Limit{low, high} {
		if len(side) > 1 {
			return fmt.Errorf("%q and %q bound it on the same side: keep one of them", side[0].Written, side[1].Written)
		}
	}
	if len(low) == 1 && len(high) == 1 {
		if a, b := low[0], high[0]; a.Value > b.Value || a.Value == b.Value && (a.Op == ">" || b.Op == "<") {
			return fmt.Errorf("no figure can be both %q and %q", a.Written, b.Written)
		}
	}
	return nil
}
