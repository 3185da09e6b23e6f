package text

import (
	"math"
	"strconv"
	"strings"
)

// Absent stands in a cell that has no figure.
const Absent = "–"

// finite reports whether v can be shown. What cannot, such as the ratio of a rate to none, is
// Absent in every format for people; Exact is for programs.
func finite(v float64) bool { return !math.IsNaN(v) && !math.IsInf(v, 0) }

// Scale is the unit of a whole column. Figures in one unit can be compared by
// their length.
type Scale struct {
	Div  float64
	Unit string
}

func (s Scale) Format(v float64) string { return Significant(v / s.Div) }

// RateScale returns the unit for packet rates of which the largest is top packets/s. All
// but very low rates are in kpps: a rate beside a hundred times as many packets then still
// has the digits that its ratio to others can be checked with.
func RateScale(top float64) Scale {
	if top >= 1e4 {
		return Scale{1e3, "kpps"}
	}
	return Scale{1, "pps"}
}

// Significant gives v with three significant digits or more, its thousands separated: also
// where it is below 1, unlike Figure.
func Significant(v float64) string {
	a := math.Abs(v)
	if a == 0 || a >= 0.9995 || a < 1e-4 {
		return Figure(v)
	}
	digits := 3
	for ; a < 0.09995; a *= 10 {
		digits++
	}
	return Decimals(v, digits)
}

// Figure gives v with three significant digits or more, its thousands
// separated.
func Figure(v float64) string {
	a := math.Abs(v)
	switch {
	case !finite(v):
		return Absent
	case a == 0:
		return "0"
	case a >= 1e15 || a < 1e-4:
		return strconv.FormatFloat(v, 'g', 3, 64)
	case a >= 99.95:
		return Decimals(v, 0)
	case a >= 9.995:
		return Decimals(v, 1)
	case a >= 0.0995:
		return Decimals(v, 2)
	}
	return Decimals(v, 4)
}

// Ratio gives v, a ratio, with three significant digits: its intervals may be as narrow
// as a few per cent.
func Ratio(v float64) string {
	digits := 2
	switch a := math.Abs(v); {
	case a >= 9.995 || a == 0:
		return Figure(v)
	case a < 0.09995:
		digits = 4
	case a < 0.9995:
		digits = 3
	}
	return Decimals(v, digits)
}

// Decimals gives v with n digits behind the point, its thousands separated.
func Decimals(v float64, n int) string {
	if !finite(v) {
		return Absent
	}
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

// Count gives n with its thousands separated.
func Count(n uint64) string { return separate(strconv.FormatUint(n, 10)) }

func Signed(n int64) string {
	if n < 0 {
		return "−" + Count(uint64(-n))
	}
	return Count(uint64(n))
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

// Percent gives a ratio in per cent, without the character %. Only 0 is shown as
// 0, and only 1 as 100.
func Percent(ratio float64) string {
	v := 100 * ratio
	switch {
	case v == 0 || v == 100:
		return Decimals(v, 0)
	case v > 0 && v < 0.01:
		return "<0.01"
	case v < 100 && v >= 99.95:
		return ">99.9"
	}
	if v >= 10 || v <= -10 {
		return Decimals(v, 1)
	}
	return Decimals(v, 2)
}

// Probability gives p with two significant digits. A p below 0.0005 is shown as
// <0.001.
func Probability(p float64) string {
	switch {
	case p < 0.0005:
		return "<0.001"
	case p < 0.0995:
		return Decimals(p, 3)
	}
	return Decimals(p, 2)
}

func Gigabits(v float64) string { return Significant(v / 1e9) }

func Hundredths(v float64) string { return Decimals(v, 2) }

// Precisely gives a ratio as a signed change in per cent, to the hundredth.
func Precisely(ratio float64) string {
	s := Decimals(100*ratio, 2)
	switch {
	case s == Absent:
		return s
	case s == "−0.00":
		return "0.00"
	case ratio > 0 && s != "0.00":
		return "+" + s
	}
	return s
}

// PerPacket gives a cost with enough digits to show a change of 0.1 %.
func PerPacket(v float64) string {
	switch {
	case v >= 999.95:
		return Decimals(v, 0)
	case v >= 99.995:
		return Decimals(v, 1)
	case v >= 0.01:
		return Decimals(v, 2)
	}
	return Figure(v)
}

// Plus gives a difference of costs with its sign.
func Plus(v float64) string {
	digits := 2
	switch a := math.Abs(v); {
	case a >= 99.95:
		digits = 0
	case a >= 9.995:
		digits = 1
	}
	s := Decimals(v, digits)
	switch {
	case s == Absent:
		return s
	case strings.Trim(s, "−0.") == "":
		return "0"
	case v > 0:
		return "+" + s
	}
	return s
}

func PValue(p *float64) string {
	switch {
	case p == nil:
		return Absent
	case *p < 0.001:
		return "<0.001"
	}
	return Decimals(*p, 3)
}

// Exact gives v with all its digits.
func Exact(v float64) string { return strconv.FormatFloat(v, 'g', -1, 64) }
