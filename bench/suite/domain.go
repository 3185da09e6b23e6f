package suite

import (
	"fmt"
	"regexp"
	"strconv"
	"strings"

	"tunbench/harness/qdisc"
)

// maxQueues is how many queues a device can have.
const maxQueues = 256

// domain is the set of values of an axis: words, and possibly the whole numbers from lo
// to hi, whole numbers with a unit, the words that match a pattern, or what a function
// can spell.
type domain struct {
	words   []string
	lo, hi  int // no numbers if hi is 0
	units   []unit
	queue   bool // a number with a unit may end in @queue
	match   *regexp.Regexp
	spell   func(string) (string, error) // any other value has the spelling that this returns
	matches string                       // a description of match or spell for people
}

// unit is a suffix of the numbers from lo to hi.
type unit struct {
	suffix string
	lo, hi int
}

func measures(word string, units ...unit) domain { return domain{words: []string{word}, units: units} }

// measuresOfQueue are measures that may be of one queue alone.
func measuresOfQueue(word string, units ...unit) domain {
	return domain{words: []string{word}, units: units, queue: true}
}
func words(w ...string) domain                   { return domain{words: w} }
func numbers(lo, hi int, words ...string) domain { return domain{words: words, lo: lo, hi: hi} }
func pattern(expr, about string, words ...string) domain {
	return domain{words: words, match: regexp.MustCompile(`^(?:` + expr + `)$`), matches: about}
}

func spelled(spell func(string) (string, error), about string, words ...string) domain {
	return domain{words: words, spell: spell, matches: about}
}

// spellQdisc gives a qdisc with parameters its only spelling.
func spellQdisc(value string) (string, error) {
	d, err := qdisc.Parse(value)
	return d.String(), err
}

func (d domain) canonical(value string) (string, bool) {
	for _, w := range d.words {
		if w == value {
			return w, true
		}
	}
	if d.match != nil && d.match.MatchString(value) {
		return value, true
	}
	if n, err := strconv.Atoi(value); err == nil && d.hi > 0 && n >= d.lo && n <= d.hi {
		return strconv.Itoa(n), true
	}
	at := ""
	if d.queue {
		if head, queue, ok := strings.Cut(value, "@"); ok {
			n, err := strconv.Atoi(queue)
			if err != nil || n < 0 || n >= maxQueues {
				return "", false
			}
			value, at = head, "@"+strconv.Itoa(n)
		}
	}
	for _, u := range d.units {
		digits, ok := strings.CutSuffix(value, u.suffix)
		if n, err := strconv.Atoi(digits); ok && err == nil && n >= u.lo && n <= u.hi {
			return strconv.Itoa(n) + u.suffix + at, true
		}
	}
	return "", false
}

func (d domain) String() string {
	var parts []string
	if d.hi > 0 {
		parts = append(parts, fmt.Sprintf("%d to %d", d.lo, d.hi))
	}
	if d.matches != "" {
		return d.matches + ", such as " + strings.Join(d.words, ", ")
	}
	parts = append(parts, d.words...)
	for _, u := range d.units {
		parts = append(parts, fmt.Sprintf("%d%s to %d%s", u.lo, u.suffix, u.hi, u.suffix))
		if d.queue {
			parts = append(parts, fmt.Sprintf("%d%s@0 and so on for the reader of one queue", u.lo, u.suffix))
		}
	}
	return strings.Join(parts, ", ")
}
