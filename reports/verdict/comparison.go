// Package verdict compares two sides, BASE and NEW: two stored runs, the two variants
// of tunbench ab, or the first of several kernels and each other one.
package verdict

import (
	"cmp"
	"strings"

	"tunbench/reports/record"
)

// Side is BASE or NEW.
type Side struct {
	Name  string // what the text calls it: a path, a variant, a release
	Short string // what headings and charts call it, if that is shorter
	// Run is the header of the side's file, which both sides may share.
	Run      *record.Run
	Warnings []string // about the file
	Cut      bool     // the file has no end record
}

// Called is the name of the side in headings and charts.
func (s Side) Called() string { return cmp.Or(s.Short, s.Name) }

// Comparison is two sides and the verdicts on them, with all that a report needs. Its
// slices are in the order of reports.
type Comparison struct {
	Base, New Side
	// Paired is set where trials were interleaved and are judged in pairs.
	Paired bool
	// Verdicts are the verdicts on the gates.
	Verdicts []record.Verdict
	// Shown are figures without a test of their own. Where they have a verdict, it is
	// that of another metric, or says that the two sides do not count the same.
	Shown []record.Verdict
	// Only are the scenarios that only one side measured, by name.
	Only []OnlyOne
	// Warnings are for the reader, before any figure.
	Warnings []string
	// Differences are sentences on what differs between the hosts of two runs and may
	// cause part of any change.
	Differences []string
	// Stored is set where rates were judged by their ratios to loopback.
	Stored *Stored
	// Profiles are those of scenarios that both sides have.
	Profiles []Profiles
	// Strict reports that an indicative regression fails a job, Unknown that a verdict
	// does that is not known, and AllowMissing that a scenario which New does not have
	// passes: see ExitRule.
	Strict, Unknown, AllowMissing bool
}

// ApartNote begins the note of a figure that the two sides do not count the same.
const ApartNote = "not comparable: "

// Apart are the elements of Shown of which the two sides do not count the same.
func (c *Comparison) Apart() (list []record.Verdict) {
	for _, v := range c.Shown {
		if v.Verdict == record.NotComparable && strings.HasPrefix(v.Notes[0], ApartNote) {
			list = append(list, v)
		}
	}
	return list
}

// Profiles are the profiles of what is compared, on both sides.
type Profiles struct{ Base, New *record.Profile }

// Taken are the elements of Shown that have a verdict.
func (c *Comparison) Taken() (list []record.Verdict) {
	for _, v := range c.Shown {
		if v.Verdict != "" {
			list = append(list, v)
		}
	}
	return list
}

// Exit is the exit code for the comparison.
func (c *Comparison) Exit(strict bool) int {
	rule := c.Rule()
	rule.Strict = strict
	return rule.Code(c.Verdicts)
}

// Rule says how the exit code follows from the verdicts.
func (c *Comparison) Rule() ExitRule {
	return ExitRule{Strict: c.Strict, Unknown: c.Unknown, AllowMissing: c.AllowMissing}
}

// Count is the number of verdicts of that kind.
func (c *Comparison) Count(verdict string) (n int) {
	for _, v := range c.Verdicts {
		if v.Verdict == verdict {
			n++
		}
	}
	return n
}

// OnlyOne is a scenario that only one side measured.
type OnlyOne struct {
	Scenario string
	Side     string // the side that measured it: "base" or "new"
	Why      string // why the other side did not; "" if not known
}

// Kind is a verdict and what it means.
type Kind struct{ Verdict, Meaning string }

// Kinds of verdicts, in the order in which they are counted.
var Kinds = []Kind{
	{record.Regression, "worse by more than the threshold, and seen again in a fresh block"},
	{record.IndicativeRegression, "worse by more than the threshold, between trials that were not interleaved, or without the fresh block that would confirm it"},
	{record.Improvement, "better by more than the threshold, and seen again in a fresh block"},
	{record.IndicativeImprovement, "better by more than the threshold, between trials that were not interleaved, or without the fresh block that would confirm it"},
	{record.Equivalent, "the whole interval lies within the metric's own threshold"},
	{record.Inconclusive, "neither a change nor equivalence is shown: measure more trials"},
	{record.InvalidVerdict, "a side has no valid trial or no figure: nothing is judged"},
	{record.NotComparable, "the two sides differ in something other than what is compared"},
	{record.UnsupportedVerdict, "one side cannot run the scenario"},
}
