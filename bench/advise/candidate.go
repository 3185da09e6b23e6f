package advise

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"

	"tunbench/bench/setup"
	"tunbench/bench/suite"
	"tunbench/harness/spec"
)

// candidate is a value of each choice.
type candidate struct {
	values    []int // by choice; 0 is the simplest
	words     string
	planted   string           // what a plant gave it
	scenarios []suite.Scenario // one for each traffic
	specs     []spec.Spec
}

// field is the candidates of a topic.
type field struct {
	*Topic
	choices []Choice // those of the topic, and then those that are details only
	main    []int    // how many values of each are measured in every combination
	plants  []Plant
	known   map[string]*candidate // by their values
}

func newField(t *Topic, plants []Plant) *field {
	f := &field{Topic: t, plants: plants, known: map[string]*candidate{}}
	for _, c := range t.Choices {
		f.choices = append(f.choices, Choice{c.Name, slices.Clone(c.Values)})
		f.main = append(f.main, len(c.Values))
	}
	for _, c := range t.Details {
		i := slices.IndexFunc(f.choices, func(o Choice) bool { return o.Name == c.Name })
		if i >= 0 {
			f.choices[i].Values = append(f.choices[i].Values, c.Values...)
			continue
		}
		f.choices = append(f.choices, Choice{c.Name, slices.Clone(c.Values)})
		f.main = append(f.main, 1)
	}
	return f
}

// of returns the candidate with these values. It is an error if no device can be that.
func (f *field) of(values []int) (*candidate, error) {
	key := fmt.Sprint(values)
	if c := f.known[key]; c != nil {
		return c, nil
	}
	c := &candidate{values: slices.Clone(values)}
	var words, shown []string
	for i, v := range values {
		words = append(words, f.choices[i].Values[v])
		// A detail that is left as it is needs no word.
		if v > 0 || i < len(f.Choices) {
			shown = append(shown, f.choices[i].Values[v])
		}
	}
	for _, traffic := range f.Traffic {
		s, planted, err := f.scenario(append([]string{traffic}, words...))
		if err != nil {
			return nil, err
		}
		if planted != "" && !slices.Contains(shown, planted) {
			shown = append(shown, planted)
			c.planted = " " + planted
		}
		c.scenarios, c.specs = append(c.scenarios, s), append(c.specs, setup.Spec(s))
	}
	c.words = strings.Join(shown, " ")
	f.known[key] = c
	return c, nil
}

// scenario is the one with these lists of axes, the later ones overruling the earlier ones,
// and with what is planted in it.
func (f *field) scenario(lists []string) (s suite.Scenario, planted string, err error) {
	axes := map[string]string{}
	for _, words := range lists {
		set, err := assignments(words)
		if err != nil {
			return s, "", err
		}
		maps.Copy(axes, set)
	}
	if s, err = suite.New(axes); err != nil {
		return s, "", err
	}
	for _, p := range f.plants {
		if p.matches(s) {
			maps.Copy(axes, p.set)
			planted = p.what
		}
	}
	if s, err = setup.New(axes); err != nil {
		return s, "", err
	}
	s.Timing = suite.Timing{Warmup: f.Warmup, Measure: f.Measure, Window: f.Window}
	if sp := setup.Spec(s); !sp.SideBySide() || sp.Open() || sp.Pause > 0 {
		return s, "", fmt.Errorf("%s: advise measures in short windows by turns, which this traffic does not allow: choose another", s.Name)
	}
	return s, planted, nil
}

// base is the candidate with the simplest value of each choice.
func (f *field) base() (*candidate, error) { return f.of(make([]int, len(f.choices))) }

// with is c with another value of a choice.
func (f *field) with(c *candidate, choice, value int) (*candidate, error) {
	values := slices.Clone(c.values)
	values[choice] = value
	return f.of(values)
}

// combinations are all values of the choices with one another, the simplest first. Those
// that no device can be are left out.
func (f *field) combinations() (list []*candidate) {
	values := make([]int, len(f.choices))
	for {
		if c, err := f.of(values); err == nil {
			list = append(list, c)
		}
		i := 0
		for ; i < len(values); i++ {
			if values[i]++; values[i] < f.main[i] {
				break
			}
			values[i] = 0
		}
		if i == len(values) {
			break
		}
	}
	slices.SortStableFunc(list, (*candidate).compare)
	return list
}

// compare orders candidates by how simple they are: by the number of choices that are not
// at their simplest value, and then by how far they are from it.
func (c *candidate) compare(o *candidate) int {
	count := func(of *candidate) (changed, far int) {
		for _, v := range of.values {
			if v > 0 {
				changed++
			}
			far += v
		}
		return changed, far
	}
	changed, far := count(c)
	otherChanged, otherFar := count(o)
	return cmp.Or(cmp.Compare(changed, otherChanged), cmp.Compare(far, otherFar), slices.Compare(c.values, o.values))
}

// change is a candidate that differs from another one in one choice.
type change struct {
	choice int
	value  int
	*candidate
}

// changes are the candidates that differ from c in one choice.
func (f *field) changes(c *candidate) (list []change) {
	for choice := range f.choices {
		for value := range f.choices[choice].Values {
			if value == c.values[choice] {
				continue
			}
			if o, err := f.with(c, choice, value); err == nil {
				list = append(list, change{choice, value, o})
			}
		}
	}
	return list
}

// step is a part of the way from the plain candidate to the best: its value of one more
// choice or, on the way to that, a simpler value.
type step struct {
	choice   int
	from, to *candidate
	aside    bool // it is not on the way: a simpler value of the choice
}

// steps lead from the plain candidate to c, a choice at a time.
func (f *field) steps(c *candidate) (list []step) {
	from, err := f.base()
	if err != nil {
		return nil
	}
	for choice, value := range c.values {
		for v := 1; v <= value; v++ {
			if v < value && v >= f.main[choice] {
				continue // a detail on the way says little
			}
			to, err := f.with(from, choice, v)
			if err == nil {
				list = append(list, step{choice, from, to, v < value})
			}
		}
		if to, err := f.with(from, choice, value); err == nil {
			from = to
		}
	}
	return list
}

// label names the value of a choice that c has, and what is planted in c.
func (f *field) label(c *candidate, choice int) string {
	return f.choices[choice].Values[c.values[choice]] + c.planted
}

// abLines are the commands that compare two candidates at full length, one for each traffic.
func abLines(a, b *candidate) (lines []string) {
	for i := range a.scenarios {
		lines = append(lines, abLine(a.scenarios[i], b.scenarios[i]))
	}
	return lines
}

// abLine sets for both sides what they have in common, unless no device can be that alone.
func abLine(a, b suite.Scenario) string {
	var of [2][]string
	common := map[string]string{}
	var sets string
	for _, axis := range suite.Axes() {
		switch x, y := a.Axes[axis.Name], b.Axes[axis.Name]; {
		case x != y:
			of[0], of[1] = append(of[0], axis.Name+"="+x), append(of[1], axis.Name+"="+y)
		case x != axis.Default:
			common[axis.Name] = x
			sets += " --set " + axis.Name + "=" + x
		}
	}
	if _, err := setup.New(common); err != nil {
		sets = ""
		for k := range of {
			for _, axis := range suite.Axes() {
				if v, ok := common[axis.Name]; ok {
					of[k] = append(of[k], axis.Name+"="+v)
				}
			}
		}
	}
	return fmt.Sprintf("tunbench ab --a '%s' --b '%s'%s", strings.Join(of[0], " "), strings.Join(of[1], " "), sets)
}

// planted returns an error if a plant changes no candidate.
func (f *field) planted() error {
	for _, p := range f.plants {
		all := f.combinations()
		for _, c := range all {
			all = append(all, candidatesOf(f.changes(c))...)
		}
		if !slices.ContainsFunc(all, func(c *candidate) bool {
			return slices.ContainsFunc(c.scenarios, func(s suite.Scenario) bool { return p.matches(s) && p.in(s) })
		}) {
			return fmt.Errorf("--plant '%s': no candidate of %s has %s and can have that", p.written, f.Name, p.wanted)
		}
	}
	return nil
}

func candidatesOf(changes []change) (list []*candidate) {
	for _, c := range changes {
		list = append(list, c.candidate)
	}
	return list
}
