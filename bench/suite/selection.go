package suite

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
)

// Selection narrows and changes the scenarios of a suite.
type Selection struct {
	// Filter keeps a scenario if each entry allows its value on that axis.
	// Entries for the same axis must all allow it.
	Filter []Allow
	// Set sets axes of every scenario, before Filter is applied; if an axis has several
	// values, each scenario is multiplied by them.
	Set Block
}

// Allow is the set of values that a filter keeps on one axis.
type Allow struct {
	Axis   string
	Values []string
}

// ParseSelection reads the arguments of --filter (`axis=v1,v2 axis=v`) and of
// --set (`axis=v1,v2`, also several axes in one argument).
func ParseSelection(filters, sets []string) (Selection, error) {
	sel := Selection{Set: Block{}}
	for _, f := range filters {
		words := strings.Fields(f)
		if len(words) == 0 {
			return Selection{}, fmt.Errorf("--filter %q: is empty: write it like 'mode=tun size=64,1500'", f)
		}
		for _, word := range words {
			allow, err := parseAllow(word)
			if err != nil {
				return Selection{}, fmt.Errorf("--filter %q: %w", f, err)
			}
			sel.Filter = append(sel.Filter, allow)
		}
	}
	for _, s := range sets {
		words := strings.Fields(s)
		if len(words) == 0 {
			return Selection{}, fmt.Errorf("--set %q: is empty: write it like flows=64", s)
		}
		for _, word := range words {
			set, err := parseAllow(word)
			if err != nil {
				return Selection{}, fmt.Errorf("--set %q: %w", s, err)
			}
			if before, twice := sel.Set[set.Axis]; twice && !slices.Equal(before, set.Values) {
				all := strings.Join(slices.Concat(before, set.Values), ",")
				return Selection{}, fmt.Errorf("--set %q: %s is already set to %s; give all its values at once: %[2]s=%[4]s", s, set.Axis, strings.Join(before, ","), all)
			}
			for i, v := range set.Values {
				if slices.Contains(set.Values[:i], v) {
					return Selection{}, fmt.Errorf("--set %q: %s=%s is given twice", s, set.Axis, v)
				}
			}
			sel.Set[set.Axis] = set.Values
		}
	}
	return sel, nil
}

func parseAllow(word string) (Allow, error) {
	name, list, found := strings.Cut(word, "=")
	if !found {
		return Allow{}, fmt.Errorf("%q is not axis=value or axis=value,value", word)
	}
	a, err := FindAxis(name)
	if err != nil {
		return Allow{}, err
	}
	allow := Allow{Axis: a.Name}
	for _, v := range strings.Split(list, ",") {
		v, err := a.Parse(v)
		if err != nil {
			return Allow{}, err
		}
		allow.Values = append(allow.Values, v)
	}
	return allow, nil
}

// matches reports whether every entry of the filter allows full.
func (sel Selection) matches(full map[string]string) bool {
	for _, allow := range sel.Filter {
		if !slices.Contains(allow.Values, full[allow.Axis]) {
			return false
		}
	}
	return true
}

// Keeps reports whether the filter keeps the scenario of that name. A name that this
// tunbench cannot read is kept only if there is no filter.
func (sel Selection) Keeps(name string) bool {
	if len(sel.Filter) == 0 {
		return true
	}
	s, err := ParseName(name)
	return err == nil && sel.matches(s.Axes)
}

// ErrNoMatch is the error of Select where the filter leaves nothing.
var ErrNoMatch = errors.New("the filter matches none")

// Select returns what sel makes of scenarios: Set is applied first, then
// Filter, so that a filter applies to the names that `tunbench list` prints. Scenarios
// that have become equal are kept once, at the first place. It is an error if possible
// refuses a scenario that is left, if none is left, or if there are more than
// MaxScenarios.
func Select(scenarios []Scenario, sel Selection, possible Check) ([]Scenario, error) {
	if sel.Set.size(MaxScenarios) > MaxScenarios {
		return nil, fmt.Errorf("--set makes more than %d scenarios of each: give fewer values", MaxScenarios)
	}
	var selected []Scenario
	seen := make(map[string]bool)
	var passed []map[string]string
	points := sel.Set.points()
	for _, s := range scenarios {
		for _, point := range points {
			full := maps.Clone(s.Axes)
			maps.Copy(full, point)
			passed = append(passed, full)
			if n := nameOf(full); !sel.matches(full) || seen[n] {
				continue
			} else {
				seen[n] = true
			}
			changed, err := New(full)
			if err == nil {
				err = possible(changed)
			}
			if err != nil {
				return nil, err
			}
			changed.Timing, changed.Require = s.Timing, s.Require
			if selected = append(selected, changed); len(selected) > MaxScenarios {
				return nil, fmt.Errorf("more than %d scenarios: give --set fewer values, or keep fewer with --filter", MaxScenarios)
			}
		}
	}
	if len(selected) == 0 {
		return nil, fmt.Errorf("%w of %d scenarios; they have %s", ErrNoMatch, len(scenarios), present(passed, sel))
	}
	return selected, nil
}

// present lists the values that points have on the axes that sel filters by
// and on those where the points differ.
func present(points []map[string]string, sel Selection) string {
	var parts []string
	for _, a := range axes {
		var values []string
		for _, p := range points {
			if !slices.Contains(values, p[a.Name]) {
				values = append(values, p[a.Name])
			}
		}
		slices.SortFunc(values, a.compare)
		filtered := slices.ContainsFunc(sel.Filter, func(f Allow) bool { return f.Axis == a.Name })
		if len(values) > 1 || filtered {
			parts = append(parts, a.Name+"="+strings.Join(values, ","))
		}
	}
	text := strings.Join(parts, " ")
	if len(parts) > 0 && len(sel.Filter) > 1 {
		text += ", not in every combination"
	}
	return text
}
