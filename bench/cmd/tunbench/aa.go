package main

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"tunbench/bench/compare"
	"tunbench/harness"
	"tunbench/reports/aa"
	"tunbench/reports/document"
	"tunbench/reports/metric"
	"tunbench/reports/record"
)

// forgetCommand is what forgets the A/A runs of this host.
const forgetCommand = "tunbench ab --forget-aa"

// resultOf is what an A/A run saw, as it is kept.
func resultOf(s compare.Sight) aa.Result {
	return aa.Result{Scenario: s.Scenario, Pairs: s.Pairs, Trials: s.Trials, Disturbed: s.Disturbed, Seen: s.Seen}
}

// remember keeps what an A/A run saw, and says it; or says why that is of no use.
func (a *app) remember(host record.Host, clock string, s compare.Sight) error {
	pps, ok := s.Seen[record.PPS]
	if clock == record.ClockICount || !ok {
		return nil
	}
	fit, wrong := resultOf(s).Fit(metric.SightRefusal)
	if len(fit.Seen) == 0 {
		a.warnf("the A/A run of %s is not kept: %s; compare equal variants again when the host is quiet, tunbench doctor tells what disturbs it", s.Scenario, wrong[record.PPS])
		return nil
	}
	a.warnf("this host can detect changes of %.1f %% in pps of %s, by %s", 100*pps, s.Scenario, record.Plural(s.Pairs, "pair", "pairs"))
	for _, metric := range slices.Sorted(maps.Keys(wrong)) {
		a.warnf("what this A/A run could see of %s is not kept: %s", metric, wrong[metric])
	}
	dir, err := aa.Dir()
	if err != nil {
		return err
	}
	return aa.Store(dir, aa.New(host, tool().Version, time.Now(), fit))
}

// forgetAA removes the A/A runs of this host.
func (a *app) forgetAA() error {
	dir, err := aa.Dir()
	if err != nil {
		return err
	}
	file, err := aa.Forget(dir, a.host())
	switch {
	case errors.Is(err, aa.ErrNone):
		_, err = fmt.Fprintf(a.stdout, "No A/A run of this host is kept: there is no %s.\n", file)
	case err == nil:
		_, err = fmt.Fprintf(a.stdout, "The A/A runs of this host are forgotten: %s is removed.\n", file)
	}
	return err
}

// unfitText says why stored A/A runs are not used, by the first of them.
func unfitText(list []aa.Result) string {
	first := list[0]
	others := ""
	switch n := len(list) - 1; {
	case n == 1:
		others = ", and one more,"
	case n > 1:
		others = fmt.Sprintf(", and %d more,", n)
	}
	return fmt.Sprintf("the A/A run of %s of %s%s says nothing about this host and is not used: %s; compare equal variants again when the host is quiet, or forget what is kept: %s",
		first.Measured, first.Scenario, others, first.Unfit(metric.SightRefusal), forgetCommand)
}

// aaSection shows what A/A runs of this host are kept, and how old they are.
func aaSection(host record.Host, now time.Time) harness.Section {
	s := harness.Section{Title: "A/A runs of this host: what it can see"}
	dir, err := aa.Dir()
	if err != nil {
		s.Rows = []harness.Row{{Name: "kept", Status: harness.StatusUnknown, Detail: err.Error()}}
		return s
	}
	all, file, err := aa.Stored(dir, host)
	switch {
	case err != nil:
		s.Rows = []harness.Row{{Name: "kept", Status: harness.StatusWarning, Detail: err.Error(), Advice: "forget what is kept: " + forgetCommand}}
		return s
	case len(all) == 0:
		s.Rows = []harness.Row{{Name: "kept", Status: harness.StatusUnknown, Detail: "none: how small a change this host can show is not known; compare equal variants: sudo tunbench ab --a size=64 --b size=64"}}
		return s
	}
	for _, r := range slices.Backward(all) {
		s.Rows = append(s.Rows, aaRow(r, host, now))
	}
	s.Rows = append(s.Rows, harness.Row{Name: "kept", Status: harness.StatusOK, Detail: file + "; to forget all of them: " + forgetCommand})
	return s
}

// aaRow is one stored A/A run: whether it is used, what it saw, and how old it is.
func aaRow(r aa.Result, host record.Host, now time.Time) harness.Row {
	row := harness.Row{Name: r.Scenario, Status: harness.StatusUsed}
	age := "at a time that cannot be read"
	if measured, err := time.Parse(time.RFC3339, r.Measured); err == nil {
		age = ago(now.Sub(measured)) + " (" + r.Measured + ")"
	}
	disturbed := "disturbed trials were not counted"
	if r.Trials > 0 {
		disturbed = fmt.Sprintf("%d of %d trials disturbed", r.Disturbed, r.Trials)
	}
	fit, wrong := r.Fit(metric.SightRefusal)
	var parts []string
	switch {
	case r.Kernel != host.Kernel || r.KernelVersion != host.KernelVersion:
		row.Status = harness.StatusUnknown
		parts = append(parts, "not used: made under another kernel, "+r.Kernel)
	case len(fit.Seen) == 0:
		row.Status = harness.StatusWarning
		parts = append(parts, "not used: "+r.Unfit(metric.SightRefusal))
		row.Advice = "compare equal variants again when the host is quiet, or forget it: " + forgetCommand
	default:
		parts = append(parts, "sees "+document.DetectableText(fit.Seen))
		for _, metric := range slices.Sorted(maps.Keys(wrong)) {
			parts = append(parts, "not used for "+metric+": "+wrong[metric])
		}
	}
	row.Detail = strings.Join(append(parts, fmt.Sprintf("%d pairs, %s, %s", r.Pairs, disturbed, age)), "; ")
	return row
}

// ago gives an age in the largest unit of which there is more than one.
func ago(d time.Duration) string {
	const day = 24 * time.Hour
	switch {
	case d >= 2*day:
		return fmt.Sprintf("%d days ago", int(d/day))
	case d >= 2*time.Hour:
		return fmt.Sprintf("%d hours ago", int(d/time.Hour))
	case d >= 2*time.Minute:
		return fmt.Sprintf("%d minutes ago", int(d/time.Minute))
	}
	return "just now"
}
