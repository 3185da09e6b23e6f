package bench

import (
	"fmt"
	"slices"
	"strings"

	"tunbench/reports/record"
)

// trialKey names a trial of a plan.
type trialKey struct {
	scenario string
	pair     int
	arm      record.Arm
}

// resumable tells whether a run that was begun elsewhere, or by another
// tunbench, could be gone on with here: the figures of both halves must be
// those of one run.
func (p Plan) resumable(host record.Host) error {
	was := p.Done.Run
	if p.Done.End != nil {
		return fmt.Errorf("resume the run of %s: it was finished, nothing is missing", was.Started)
	}
	var differ []string
	for _, d := range []struct{ what, was, is string }{
		{"kernel", was.Host.Kernel + " " + was.Host.KernelVersion, host.Kernel + " " + host.KernelVersion},
		{"kernel command line", was.Host.Cmdline, host.Cmdline},
		{"CPU", was.Host.CPU, host.CPU},
		{"number of CPUs", fmt.Sprint(was.Host.CPUs), fmt.Sprint(host.CPUs)},
		{"clock source", was.Host.Clocksource, host.Clocksource},
		{"governor", was.Host.Governor, host.Governor},
		{"tunbench", was.Tool.Version + " " + was.Tool.Commit, p.Tool.Version + " " + p.Tool.Commit},
		{"clock", was.Clock, p.clock()},
	} {
		if d.was != d.is {
			differ = append(differ, fmt.Sprintf("%s: %q then, %q now", d.what, d.was, d.is))
		}
	}
	if len(differ) > 0 {
		return fmt.Errorf("resume the run of %s: it would not be one run: %s; begin a new one", was.Started, strings.Join(differ, "; "))
	}
	for _, t := range p.Done.Trials {
		if !slices.ContainsFunc(p.Scenarios, func(s Scenario) bool { return s.Name == t.Scenario }) {
			return fmt.Errorf("resume the run of %s: it has trials of %s, which suite %s does not have any more; begin a new one", was.Started, t.Scenario, p.Suite)
		}
	}
	return nil
}

// done is the set of the trials that need not be made.
func (p Plan) done() map[trialKey]bool {
	if p.Done == nil {
		return nil
	}
	done := make(map[trialKey]bool, len(p.Done.Trials))
	for _, t := range p.Done.Trials {
		done[trialKey{t.Scenario, t.Pair, t.Arm}] = true
	}
	return done
}

// recall counts what the interrupted run had.
func (r *runner) recall() {
	if r.Done == nil {
		return
	}
	r.out.Trials, r.out.Skips = len(r.Done.Trials), len(r.Done.Skips)
	for _, t := range r.Done.Trials {
		if t.Invalid() {
			r.out.Invalid++
		}
		r.closed.saw(t)
	}
	for _, s := range r.Done.Skips {
		if s.Reason == record.Failed {
			r.out.Failed++
		}
	}
}

// leaveOut takes what the interrupted run had from what is left to do.
func (r *runner) leaveOut() {
	if r.Done == nil {
		return
	}
	for _, s := range r.subjects {
		for _, t := range r.Done.Trials {
			if t.Scenario == s.Name {
				s.left--
				if t.Arm == record.Bare {
					s.reached.add(t)
				}
			}
		}
		for _, skip := range r.Done.Skips {
			switch {
			case skip.Scenario != s.Name:
			case skip.Arm == record.Observed:
				r.leaveUnseen(s)
			default:
				s.left, s.gone = 0, true
			}
		}
	}
}

// missing are the arms of the pair at hand that are still to be measured.
func (r *runner) missing(s *subject, arms []record.Arm) []record.Arm {
	return slices.DeleteFunc(arms, func(a record.Arm) bool {
		return r.done[trialKey{s.Name, s.pair, a}] || s.unseen && a == record.Observed
	})
}

// halved tells whether one trial of that pair was made by the interrupted run.
func (r *runner) halved(scenario string, pair int) bool {
	return slices.ContainsFunc(r.Arms, func(a record.Arm) bool { return r.done[trialKey{scenario, pair, a}] })
}

// searched tells whether the interrupted run had searched the scenario.
func (r *runner) searched(scenario string) bool {
	return r.Done != nil && slices.ContainsFunc(r.Done.Searches, func(s record.Search) bool { return s.Scenario == scenario })
}
