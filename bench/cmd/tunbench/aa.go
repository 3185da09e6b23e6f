package main

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	"tunbench/bench/compare"
	"tunbench/reports/aa"
	"tunbench/reports/metric"
	"tunbench/reports/record"
)

// resultOf is what an A/A run saw, as it is kept.
func resultOf(s compare.Detectable) aa.Result {
	return aa.Result{Scenario: s.Scenario, Pairs: s.Pairs, Trials: s.Trials, Disturbed: s.Disturbed, Seen: s.Changes}
}

// keepAA keeps what an A/A run saw, and says it; or says why that is of no use.
func keepAA(a *app, host record.Host, clock string, s compare.Detectable) error {
	pps, ok := s.Changes[record.PPS]
	if clock == record.ClockICount || !ok {
		return nil
	}
	fit, wrong := resultOf(s).Fit(metric.SightRefusal)
	if len(fit.Seen) == 0 {
		a.warnf("the A/A run of %s is not kept: %s; compare equal variants again when the host is quiet, tunbench doctor tells what disturbs it", s.Scenario, wrong[record.PPS])
		return nil
	}
	a.warnf("this host can see changes of %.1f %% in pps of %s, by %s", 100*pps, s.Scenario, record.Plural(s.Pairs, "pair", "pairs"))
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
func forgetAA(a *app) error {
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
