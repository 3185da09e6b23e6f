package compare

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"tunbench/bench/setup"
	"tunbench/bench/suite"
	"tunbench/reports/record"
)

// Variant is one of the two things that are compared.
type Variant struct {
	suite.Scenario
	Hook string // of the observer, or record.HookNone for bare
}

// ParseVariant changes base by words: `axis=value`, and `hook=` with the name
// of a hook, auto or none.
func ParseVariant(base Variant, words string) (Variant, error) {
	v := base
	values := maps.Clone(base.Axes)
	seen := map[string]bool{}
	for _, word := range strings.Fields(words) {
		name, value, _ := strings.Cut(word, "=")
		if seen[name] {
			return v, fmt.Errorf("%s is given twice", name)
		}
		seen[name] = true
		if name == "hook" {
			if names := record.HookNames(); !slices.Contains(names, value) {
				return v, fmt.Errorf("hook=%s: choose %s", suite.Printable(value), strings.Join(names, ", "))
			}
			v.Hook = value
			continue
		}
		if axis, err := suite.FindAxis(name); err == nil && strings.Contains(value, ",") {
			return v, fmt.Errorf("%s=%s: a variant has one value on each axis; --set %[1]s=%[2]s compares the variants at each of them", axis.Name, suite.Printable(value))
		}
		a, value, err := suite.ParseAssignment(word)
		if err != nil {
			return v, err
		}
		values[a.Name] = value
	}
	if seen["program"] && !seen["path"] && values["program"] != "none" {
		values["path"] = "program" // the only path that has one
	}
	scenario, err := setup.New(values)
	if err != nil {
		return v, err
	}
	scenario.Timing = base.Timing
	v.Scenario = scenario
	return v, nil
}

// Equal reports whether two variants are the same.
func (v Variant) Equal(w Variant) bool { return v.Name == w.Name && v.Hook == w.Hook }

const (
	// turn is the length of the windows in which two variants alternate, and shortTurn that of
	// windows whose traffic has its rate at once. A shared host changes its speed within
	// tenths of a second: the shorter the windows, the more of these changes both sides meet.
	turn      = 50 * time.Millisecond
	shortTurn = 10 * time.Millisecond
	// leastTurns is the least number of windows of a trial.
	leastTurns = 6
)

// Subjects returns what to compare: for each scenario the variants that a and b
// make of it, observed by hook unless they name another. Equal subjects are kept
// once.
func Subjects(scenarios []suite.Scenario, hook, a, b string) (subjects [][2]Variant, err error) {
	for _, scenario := range scenarios {
		var pair [2]Variant
		for i, words := range []string{a, b} {
			if pair[i], err = ParseVariant(Variant{Scenario: scenario, Hook: hook}, words); err != nil {
				return nil, fmt.Errorf("--%s %q: %w", []string{"a", "b"}[i], words, err)
			}
		}
		window := max(time.Millisecond, min(turnOf(pair), scenario.Measure/leastTurns))
		for i := range pair {
			pair[i].Window = window
		}
		if !slices.ContainsFunc(subjects, func(other [2]Variant) bool { return pair[0].Equal(other[0]) && pair[1].Equal(other[1]) }) {
			subjects = append(subjects, pair)
		}
	}
	return subjects, nil
}

// turnOf is the length of the windows in which the pair alternates. What is observed has long
// ones, since the observer is attached in each of them.
func turnOf(pair [2]Variant) time.Duration {
	for _, v := range pair {
		if v.Hook != record.HookNone || !setup.Spec(v.Scenario).Prompt() {
			return turn
		}
	}
	return shortTurn
}
