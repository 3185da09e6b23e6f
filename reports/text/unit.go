package text

import (
	"math"
	"regexp"
	"strconv"
	"strings"
	"time"
)

// Duration gives nanoseconds in the unit that suits them.
func Duration(ns float64) string {
	switch {
	case !finite(ns):
		return Absent
	case ns >= 999.5e6:
		return Figure(ns/1e9) + " s"
	case ns >= 999.5e3:
		return Figure(ns/1e6) + " ms"
	case ns >= 999.5:
		return Figure(ns/1e3) + " µs"
	}
	return Decimals(ns, 0) + " ns"
}

// Size gives bytes in the unit that suits them.
func Size(n uint64) string {
	v := float64(n)
	for _, unit := range []string{"B", "KiB", "MiB", "GiB"} {
		if v < 1023.5 {
			if unit == "B" {
				return Count(n) + " B"
			}
			return Figure(v) + " " + unit
		}
		v /= 1024
	}
	return Figure(v) + " TiB"
}

// Clock gives an RFC 3339 time to the minute, in UTC. Any other text is returned
// as it is.
func Clock(rfc3339 string) string {
	t, err := time.Parse(time.RFC3339Nano, rfc3339)
	if err != nil {
		return rfc3339
	}
	return t.UTC().Format("2006-01-02 15:04 UTC")
}

// Elapsed gives the time from start to end, both RFC 3339. It is false where one
// of them cannot be read, or end is before start.
func Elapsed(start, end string) (time.Duration, bool) {
	a, err := time.Parse(time.RFC3339Nano, start)
	if err != nil {
		return 0, false
	}
	b, err := time.Parse(time.RFC3339Nano, end)
	if err != nil || b.Before(a) {
		return 0, false
	}
	return b.Sub(a).Round(time.Second), true
}

// Shown matches a figure and its unit as the functions of this package write them.
// In a range it matches the lower end, and in a figure with an interval the figure.
var Shown = regexp.MustCompile(`^(?:` + RangeName + ` )?([<>]?)([+−-]?[0-9][0-9,]*(?:\.[0-9]+)?(?:e[+-][0-9]+)?)(?:[ ]?([^\s0-9–(]*))`)

// UnitFactors maps each unit that one column may mix with others to its size in
// base units.
var UnitFactors = map[string]float64{
	"ns": 1, "µs": 1e3, "ms": 1e6, "s": 1e9,
	"B": 1, "KiB": 1 << 10, "MiB": 1 << 20, "GiB": 1 << 30, "TiB": 1 << 40,
	"pps": 1, "kpps": 1e3, "Mpps": 1e6, "Gbit/s": 1e9,
}

// plainNumber turns a number as it is shown into one that strconv reads.
var plainNumber = strings.NewReplacer(",", "", "−", "-")

// ShownValue gives the value of a figure as it is shown, in base units if it has a
// unit, so that a column is sorted by what the reader sees. It is false if s is not
// a figure.
func ShownValue(s string) (float64, bool) {
	m := Shown.FindStringSubmatch(s)
	if m == nil {
		return 0, false
	}
	v, err := strconv.ParseFloat(plainNumber.Replace(m[2]), 64)
	if err != nil {
		return 0, false
	}
	switch m[1] {
	case "<":
		v = math.Nextafter(v, math.Inf(-1))
	case ">":
		v = math.Nextafter(v, math.Inf(1))
	}
	if factor, ok := UnitFactors[m[3]]; ok {
		v *= factor
	}
	return v, !math.IsInf(v, 0)
}
