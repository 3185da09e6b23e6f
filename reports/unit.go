package reports

import (
	"math"
	"regexp"
	"strconv"
	"strings"
	"time"
	"unicode"
)

// absent stands in a cell that has no figure.
const absent = "–"

// scale is a unit for a whole column, so that its figures can be compared by
// their length.
type scale struct {
	div  float64
	unit string
}

// rateScale gives the unit of packet rates whose largest is top packets/s.
func rateScale(top float64) scale {
	switch {
	case top >= 1e7:
		return scale{1e6, "Mpps"}
	case top >= 1e4:
		return scale{1e3, "kpps"}
	}
	return scale{1, "pps"}
}

func (s scale) format(v float64) string { return figure(v / s.div) }

// figure gives v with three significant digits or more, its thousands
// separated.
func figure(v float64) string {
	a := math.Abs(v)
	switch {
	case a == 0:
		return "0"
	case a >= 1e15 || a < 1e-4:
		return strconv.FormatFloat(v, 'g', 3, 64)
	case a >= 99.95:
		return decimals(v, 0)
	case a >= 9.995:
		return decimals(v, 1)
	case a >= 0.0995:
		return decimals(v, 2)
	}
	return decimals(v, 4)
}

// decimals gives v with n digits behind the point, its thousands separated.
func decimals(v float64, n int) string {
	s := strconv.FormatFloat(v, 'f', n, 64)
	whole, frac, _ := strings.Cut(s, ".")
	sign := ""
	if strings.HasPrefix(whole, "-") {
		sign, whole = "−", whole[1:]
	}
	whole = separate(whole)
	if frac != "" {
		whole += "." + frac
	}
	return sign + whole
}

// count gives n with its thousands separated.
func count(n uint64) string { return separate(strconv.FormatUint(n, 10)) }

func signed(n int64) string {
	if n < 0 {
		return "−" + count(uint64(-n))
	}
	return count(uint64(n))
}

func separate(digits string) string {
	var b strings.Builder
	for i, r := range digits {
		if i > 0 && (len(digits)-i)%3 == 0 {
			b.WriteByte(',')
		}
		b.WriteRune(r)
	}
	return b.String()
}

// percent gives a ratio in per cent, without the sign. What is not 0 is not
// shown as 0, and what is not all is not shown as 100.
func percent(ratio float64) string {
	v := 100 * ratio
	switch {
	case v == 0 || v == 100:
		return decimals(v, 0)
	case v > 0 && v < 0.01:
		return "<0.01"
	case v < 100 && v >= 99.95:
		return ">99.9"
	}
	if v >= 10 || v <= -10 {
		return decimals(v, 1)
	}
	return decimals(v, 2)
}

// probability gives p with two digits that say something; what is not 0 is not
// shown as 0.
func probability(p float64) string {
	switch {
	case p < 0.0005:
		return "<0.001"
	case p < 0.0995:
		return decimals(p, 3)
	}
	return decimals(p, 2)
}

// duration gives nanoseconds in the unit that suits them.
func duration(ns float64) string {
	switch {
	case ns >= 999.5e6:
		return figure(ns/1e9) + " s"
	case ns >= 999.5e3:
		return figure(ns/1e6) + " ms"
	case ns >= 999.5:
		return figure(ns/1e3) + " µs"
	}
	return decimals(ns, 0) + " ns"
}

// size gives bytes in the unit that suits them.
func size(n uint64) string {
	v := float64(n)
	for _, unit := range []string{"B", "KiB", "MiB", "GiB"} {
		if v < 1023.5 {
			if unit == "B" {
				return count(n) + " B"
			}
			return figure(v) + " " + unit
		}
		v /= 1024
	}
	return figure(v) + " TiB"
}

// between gives lowest and highest as one range.
func between(lowest, highest string) string {
	if lowest == highest {
		return lowest
	}
	return lowest + "–" + highest
}

func plural(n int, one, many string) string {
	if n == 1 {
		return "1 " + one
	}
	return count(uint64(n)) + " " + many
}

// clock gives the moment of an RFC 3339 time for reading, or the text itself
// where it is none.
func clock(rfc3339 string) string {
	t, err := time.Parse(time.RFC3339Nano, rfc3339)
	if err != nil {
		return rfc3339
	}
	return t.UTC().Format("2006-01-02 15:04 UTC")
}

// elapsed gives the time from start to end, both RFC 3339, or false.
func elapsed(start, end string) (time.Duration, bool) {
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

// printable makes outside text safe for every renderer: one line, without
// control characters, and without the invisible ones that reorder what is read.
func printable(s string) string {
	return strings.Map(func(r rune) rune {
		switch {
		case unicode.IsSpace(r):
			return ' '
		case !unicode.IsPrint(r):
			return unicode.ReplacementChar
		}
		return r
	}, s)
}

// clip cuts s to n characters; what was cut shows as an ellipsis.
func clip(s string, n int) string {
	r := []rune(s)
	if len(r) <= n {
		return s
	}
	return strings.TrimRight(string(r[:n-1]), " ") + "…"
}

// shown is a figure as the functions above write it, with the unit behind it:
// of a range, and of a figure with its interval, the first.
var shown = regexp.MustCompile(`^(?:` + rangeName + ` )?([<>]?)([+−-]?[0-9][0-9,]*(?:\.[0-9]+)?(?:e[+-][0-9]+)?)(?:[ ]?([^\s0-9–(]*))`)

// unitFactors gives the units that stand beside each other in one column.
var unitFactors = map[string]float64{
	"ns": 1, "µs": 1e3, "ms": 1e6, "s": 1e9,
	"B": 1, "KiB": 1 << 10, "MiB": 1 << 20, "GiB": 1 << 30, "TiB": 1 << 40,
	"pps": 1, "kpps": 1e3, "Mpps": 1e6, "Gbit/s": 1e9,
}

// shownValue gives the value of a figure as it is shown, in the base unit where
// a unit stands behind it, so that a column can be sorted by what is read in it;
// false if s is no figure.
func shownValue(s string) (float64, bool) {
	m := shown.FindStringSubmatch(s)
	if m == nil {
		return 0, false
	}
	v, err := strconv.ParseFloat(strings.NewReplacer(",", "", "−", "-").Replace(m[2]), 64)
	if err != nil {
		return 0, false
	}
	switch m[1] {
	case "<":
		v = math.Nextafter(v, math.Inf(-1))
	case ">":
		v = math.Nextafter(v, math.Inf(1))
	}
	if factor, ok := unitFactors[m[3]]; ok {
		v *= factor
	}
	return v, !math.IsInf(v, 0)
}
