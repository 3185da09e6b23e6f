package reports

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"unicode"
)

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

func pluralOnly(n int, one, many string) string {
	if n == 1 {
		return one
	}
	return many
}

func nonEmpty(s ...string) []string {
	return slices.DeleteFunc(s, func(v string) bool { return v == "" })
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

// numbers gives CPUs as people write them: "0-3, 8".
func numbers(n []int) string {
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
	intervalName = "95 % interval"
	rangeName    = "min–max"
)

// changes gives two ratios as signed changes in per cent.
func changes(low, high float64) string {
	return signedPercent(low) + " to " + signedPercent(high) + " %"
}

// change gives a ratio as a signed change in per cent.
func change(ratio float64) string { return signedPercent(ratio) + " %" }

func signedPercent(ratio float64) string {
	s := decimals(100*(ratio-1), 1)
	switch {
	case s == "−0.0":
		return "0.0"
	case ratio > 1 && s != "0.0":
		return "+" + s
	}
	return s
}
