package compare

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	"tunbench/reports/aa"
	"tunbench/reports/metric"
	"tunbench/reports/record"
)

// ForgetCommand is the command line that removes the A/A runs of this host.
const ForgetCommand = "tunbench ab --forget-aa"

// Known returns what A/A runs showed of this host, nil where there is none. They were
// made in real time and say nothing about virtual time. A run does not need them:
// what is wrong with them is a warning, which goes to warnf.
func Known(clock string, host record.Host, warnf func(format string, args ...any)) *aa.Known {
	if clock == record.ClockICount {
		return nil
	}
	dir, err := aa.Dir()
	if err != nil {
		return nil // no home: a guest, or a service
	}
	known, err := aa.Load(dir, host, metric.RefuseDetectable)
	switch {
	case errors.Is(err, aa.ErrNone):
		return nil
	case err != nil:
		warnf("warning: %v", err)
		return nil
	}
	if n := len(known.Unfit); n > 0 {
		warnf("warning: %s", unfit(known.Unfit))
	}
	if len(known.Results) == 0 {
		return nil
	}
	return known
}

// Keep stores what an A/A run of the build named tool showed of host. A message to
// warnf says what is stored, or why it cannot be used.
func Keep(host record.Host, tool, clock string, s aa.Result, warnf func(format string, args ...any)) error {
	pps, ok := s.Seen[record.PPS]
	if clock == record.ClockICount || !ok {
		return nil
	}
	fit, wrong := s.Fit(metric.RefuseDetectable)
	if len(fit.Seen) == 0 {
		warnf("the A/A run of %s is not kept: %s; compare equal variants again when the host is quiet, tunbench doctor says what disturbs it", s.Scenario, wrong[record.PPS])
		return nil
	}
	warnf("this host can detect changes of %.1f %% in pps of %s, by %s", 100*pps, s.Scenario, record.Plural(s.Pairs, "pair", "pairs"))
	for _, metric := range slices.Sorted(maps.Keys(wrong)) {
		warnf("what this A/A run could see of %s is not kept: %s", metric, wrong[metric])
	}
	dir, err := aa.Dir()
	if err != nil {
		return err
	}
	return aa.Store(dir, aa.New(host, tool, time.Now(), fit))
}

// unfit says why stored A/A runs are not used. It gives the reason of the first.
func unfit(list []aa.Result) string {
	first := list[0]
	others := ""
	switch n := len(list) - 1; {
	case n == 1:
		others = ", and one more,"
	case n > 1:
		others = fmt.Sprintf(", and %d more,", n)
	}
	return fmt.Sprintf("the A/A run of %s of %s%s says nothing about this host and is not used: %s; compare equal variants again when the host is quiet, or forget what is kept: %s",
		first.Measured, first.Scenario, others, first.Unfit(metric.RefuseDetectable), ForgetCommand)
}
