package plan

import (
	"fmt"
	"strings"

	"tunbench/reports/record"
	"tunbench/reports/requirement"
)

// Outcome is the result of a run.
type Outcome struct {
	Begun      bool // the header is written, so there is a file to report on
	Trials     int
	Skips      int
	Failed     int // skips for which tunbench is the cause, not the kernel
	Invalid    int // trials whose figures must not be used
	Unresolved int // goals of searches whose rates are not known
	// Limits are the verdicts on the limits of the suite, of a run that was completed.
	Limits      []requirement.Result
	Interrupted bool
	Share       bool // of a plan: if nothing was measured, only the merged run can be judged
}

// Exit is the process' exit code; strict makes invalid trials count. A limit that could
// not be judged is 3, whatever the reason: what was not judged must not pass.
func (o Outcome) Exit(strict bool) int {
	switch {
	case o.Interrupted:
		return 130
	case o.Failed > 0 || o.Trials == 0 && !o.Share:
		return 2
	case len(requirement.Of(o.Limits, requirement.Missed)) > 0:
		return 1
	case len(requirement.Of(o.Limits, requirement.NotJudged)) > 0:
		return 3
	case strict && o.Invalid+o.Unresolved > 0:
		return 3
	}
	return 0
}

// Why returns the reason for which a completed run of so many scenarios exits with a
// code other than 0. file is the path of the run file, report that of the report.
func (o Outcome) Why(scenarios int, file, report string) error {
	switch {
	case o.Trials == 0:
		all := record.Plural(o.Skips, "scenario was", "scenarios were")
		if o.Skips > 1 {
			all = "all " + all
		}
		return fmt.Errorf("nothing was measured: %s skipped, for the reasons in %s; tunbench doctor reports what this host can do", all, file)
	case o.Failed > 0:
		return fmt.Errorf("%d of %d scenarios failed, for the reasons in %s", o.Failed, scenarios, file)
	}
	if missed := requirement.Of(o.Limits, requirement.Missed); len(missed) > 0 {
		return fmt.Errorf("limits of the suite: %d of %d missed: %s", len(missed), len(o.Limits), first(missed))
	}
	if open := requirement.Of(o.Limits, requirement.NotJudged); len(open) > 0 {
		return fmt.Errorf("limits of the suite: %d of %d not judged: %s", len(open), len(o.Limits), first(open))
	}
	if o.Invalid == 0 {
		return fmt.Errorf("%s unresolved; %s says why", record.Plural(o.Unresolved, "rate is", "rates are"), report)
	}
	return fmt.Errorf("%d of %d trials are invalid; %s says what to do about them", o.Invalid, o.Trials, report)
}

// first describes the first three of results, and says how many more there are.
func first(results []requirement.Result) string {
	var parts []string
	for _, r := range results[:min(3, len(results))] {
		parts = append(parts, r.Scenario+": "+r.Text())
	}
	if rest := len(results) - len(parts); rest > 0 {
		parts = append(parts, fmt.Sprintf("and %d more", rest))
	}
	return strings.Join(parts, "; ")
}
