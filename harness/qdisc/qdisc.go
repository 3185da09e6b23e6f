// Package qdisc knows queueing disciplines and their parameters: how they are spelled, as
// in `fq_codel:limit=1000:target=5ms`, and how netlink carries them.
package qdisc

import (
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// None is the kind that holds no packets: a packet goes to the device at once, or is dropped.
const None = "noqueue"

// Discipline is a queueing discipline with the parameters that are set; the kernel chooses the
// others.
type Discipline struct {
	Kind     string // as `tc qdisc` and TCA_KIND name it
	settings []setting
}

// setting is the value of a parameter, in its unit.
type setting struct {
	parameter
	value uint64
}

// Parameters reports whether any are set.
func (d Discipline) Parameters() bool { return len(d.settings) > 0 }

// String spells the discipline: its parameters are in the order of the table, whatever the
// order in which they were given.
func (d Discipline) String() string {
	text := d.Kind
	for _, s := range d.settings {
		text += ":" + s.name + "=" + s.unit.spell(s.value)
	}
	return text
}

var (
	kindPattern = regexp.MustCompile(`^[a-z0-9_]+$`)
	printable   = regexp.MustCompile(`^[!-~]*$`)
)

// Parse reads a kind and its parameters. Every kind may stand alone, also one that only the
// kernel knows; the error names the kind, the parameter and those that there are.
func Parse(text string) (Discipline, error) {
	kind, rest, given := strings.Cut(text, ":")
	d := Discipline{Kind: kind}
	shown := text
	if !printable.MatchString(text) {
		shown = strconv.Quote(text)
	}
	if !kindPattern.MatchString(kind) {
		return d, fmt.Errorf("qdisc=%s: a qdisc's name has lower-case letters, digits and _, such as pfifo_fast or fq_codel", shown)
	}
	if !given {
		return d, nil
	}
	known, ok := kinds[kind]
	if !ok {
		return d, fmt.Errorf("qdisc=%s: no parameter of %s can be set: those of %s can; write qdisc=%s", shown, kind, strings.Join(Kinds(), ", "), kind)
	}
	values := map[string]uint64{}
	for _, part := range strings.Split(rest, ":") {
		name, value, _ := strings.Cut(part, "=")
		p, ok := known.find(name)
		if !ok {
			return d, fmt.Errorf("qdisc=%s: %s has no parameter %q: choose from %s", shown, kind, name, strings.Join(known.names(), ", "))
		}
		if _, twice := values[name]; twice {
			return d, fmt.Errorf("qdisc=%s: parameter %s of %s is given twice", shown, name, kind)
		}
		n, ok := p.unit.read(value)
		if !ok || n < p.least || n > p.most {
			return d, fmt.Errorf("qdisc=%s: %s=%s of %s: choose %s", shown, name, strings.Trim(strconv.Quote(value), `"`), kind, p.allowed())
		}
		values[name] = n
	}
	for _, p := range known.parameters {
		if n, ok := values[p.name]; ok {
			d.settings = append(d.settings, setting{p, n})
		}
	}
	return d, nil
}

// Kinds lists those whose parameters can be set, sorted.
func Kinds() []string {
	names := make([]string, 0, len(kinds))
	for name := range kinds {
		names = append(names, name)
	}
	slices.Sort(names)
	return names
}

// Options is the value of TCA_OPTIONS that sets the parameters; nil if there are none.
func (d Discipline) Options() []byte {
	if len(d.settings) == 0 {
		return nil
	}
	return kinds[d.Kind].layout.encode(d.settings)
}

// Spell spells what the kernel has made of d, whose TCA_OPTIONS are options: its kind, and each
// of the parameters that are set in d as d spells it if it took, or else with the kernel's value.
func (d Discipline) Spell(kind string, options []byte) string {
	got := Discipline{Kind: kind}
	if kind == d.Kind && len(d.settings) > 0 {
		values := kinds[d.Kind].layout.decode(options)
		for _, s := range d.settings {
			value, ok := values[s.attribute]
			if !ok {
				continue
			}
			if s.unit != duration || !sameTime(s.value, value) {
				s.value = value
			}
			got.settings = append(got.settings, s)
		}
	}
	return got.String()
}

// sameTime reports whether the kernel, which was given a time in us, may show it as got: CoDel
// keeps times in units of 1,024 ns and rounds down twice (codel_time_to_us of
// include/net/codel.h).
func sameTime(given, got uint64) bool { return got <= given && given-got <= 2 }
