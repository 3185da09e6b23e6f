// Package text writes numbers, times and counts for people, and makes text from
// elsewhere safe to show.
package text

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"unicode"
)

// Between gives lowest and highest as one range.
func Between(lowest, highest string) string {
	if lowest == highest {
		return lowest
	}
	return lowest + "–" + highest
}

// FromTo is Between in words, for figures that may have a sign.
func FromTo(lowest, highest string) string {
	if lowest == highest {
		return lowest
	}
	return lowest + " to " + highest
}

func Plural(n int, one, many string) string {
	if n == 1 {
		return "1 " + one
	}
	return Count(uint64(n)) + " " + many
}

func PluralOnly(n int, one, many string) string {
	if n == 1 {
		return one
	}
	return many
}

// Words are the functions that templates of sentences call:
//
//   - {{plural .N "trial" "trials"}} is "1 trial" or "3 trials",
//   - {{word .N "it is" "they are"}} is the word alone.
var Words = map[string]any{"plural": Plural, "word": PluralOnly}

func NonEmpty(s ...string) []string {
	return slices.DeleteFunc(s, func(v string) bool { return v == "" })
}

// Printable makes text from outside safe for every renderer: one line, without
// control characters and without invisible characters that reorder text.
func Printable(s string) string {
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

// Clip shortens s to n characters, the last of which is then an ellipsis.
func Clip(s string, n int) string {
	r := []rune(s)
	if len(r) <= n {
		return s
	}
	return strings.TrimRight(string(r[:n-1]), " ") + "…"
}

// ClipMiddle shortens s to n characters, with an ellipsis in the middle: what names have in
// common is rarely both their beginning and their end.
func ClipMiddle(s string, n int) string {
	r := []rune(s)
	if len(r) <= n {
		return s
	}
	head := n / 2
	return strings.TrimRight(string(r[:head]), " ") + "…" + strings.TrimLeft(string(r[len(r)-(n-1-head):]), " ")
}

// Numbers gives a list of CPUs as ranges: "0-3, 8".
func Numbers(n []int) string {
	var parts []string
	for i := 0; i < len(n); {
		j := i
		for j+1 < len(n) && n[j+1] == n[j]+1 {
			j++
		}
		if j > i+1 {
			parts = append(parts, fmt.Sprintf("%d-%d", n[i], n[j]))
			i = j + 1
		} else {
			parts = append(parts, strconv.Itoa(n[i]))
			i++
		}
	}
	return strings.Join(parts, ", ")
}

const (
	IntervalName = "95 % interval"
	RangeName    = "min–max"
)

// Changes gives two ratios as signed changes in per cent.
func Changes(low, high float64) string {
	if !finite(low) && !finite(high) {
		return Absent
	}
	return signedPercent(low) + " to " + signedPercent(high) + " %"
}

// Change gives a ratio as a signed change in per cent.
func Change(ratio float64) string {
	if !finite(ratio) {
		return Absent
	}
	return signedPercent(ratio) + " %"
}

func signedPercent(ratio float64) string {
	s := Decimals(100*(ratio-1), 1)
	switch {
	case s == Absent:
		return s
	case s == "−0.0":
		return "0.0"
	case ratio > 1 && s != "0.0":
		return "+" + s
	}
	return s
}
