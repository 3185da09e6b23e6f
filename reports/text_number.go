package reports

import (
	"math"
	"strconv"
	"strings"
)

// absent stands in a cell that has no figure.
const absent = "–"

// scale is a unit for a whole column, so that its figures can be compared by
// their length.
type scale struct {
	div  float64
	unit string
}

func (s scale) format(v float64) string { return figure(v / s.div) }

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

func gigabits(v float64) string { return figure(v / 1e9) }

func hundredths(v float64) string { return decimals(v, 2) }

// precisely gives a ratio as a signed change in per cent, to the hundredth.
func precisely(ratio float64) string {
	s := decimals(100*ratio, 2)
	switch {
	case s == "−0.00":
		return "0.00"
	case ratio > 0 && s != "0.00":
		return "+" + s
	}
	return s
}

// perPacket gives a cost so that a change of 0.1 % shows.
func perPacket(v float64) string {
	switch {
	case v >= 999.95:
		return decimals(v, 0)
	case v >= 99.995:
		return decimals(v, 1)
	case v >= 0.01:
		return decimals(v, 2)
	}
	return figure(v)
}

// plus gives a difference of costs with its sign.
func plus(v float64) string {
	digits := 2
	switch a := math.Abs(v); {
	case a >= 99.95:
		digits = 0
	case a >= 9.995:
		digits = 1
	}
	s := decimals(v, digits)
	switch {
	case strings.Trim(s, "−0.") == "":
		return "0"
	case v > 0:
		return "+" + s
	}
	return s
}

func pvalue(p *float64) string {
	switch {
	case p == nil:
		return absent
	case *p < 0.001:
		return "<0.001"
	}
	return decimals(*p, 3)
}

// exact gives v with all its digits.
func exact(v float64) string { return strconv.FormatFloat(v, 'g', -1, 64) }
