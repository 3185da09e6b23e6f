package plan

import (
	"slices"

	"tunbench/reports/record"
)

// earlier is the interrupted run that is resumed; it is empty for a new run.
type earlier struct {
	file   *record.File // nil for a new run
	trials map[trialKey]bool
}

// trialKey names a trial of a plan.
type trialKey struct {
	scenario string
	pair     int
	arm      record.Arm
}

func newEarlier(file *record.File) earlier {
	e := earlier{file, map[trialKey]bool{}}
	if file != nil {
		for _, t := range file.Trials {
			e.trials[trialKey{t.Scenario, t.Pair, t.Arm}] = true
		}
	}
	return e
}

// count adds the trials and skips of the run to out, and its trials to closed.
func (e earlier) count(out *Outcome, closed *ClosedLoops) {
	if e.file == nil {
		return
	}
	out.Trials, out.Skips = len(e.file.Trials), len(e.file.Skips)
	for _, t := range e.file.Trials {
		if t.Invalid() {
			out.Invalid++
		}
		closed.Saw(t)
	}
	for _, s := range e.file.Skips {
		if s.Reason == record.Failed {
			out.Failed++
		}
	}
}

// leaveOut takes the trials of s that the run made from those that are left to make. s
// has so many pairs.
func (e earlier) leaveOut(s *subject, pairs int) {
	if e.file == nil {
		return
	}
	for _, t := range e.file.Trials {
		if t.Scenario == s.Name {
			s.left--
			if t.Arm == record.Bare {
				s.reached.Add(t)
			}
		}
	}
	for _, skip := range e.file.Skips {
		switch {
		case skip.Scenario != s.Name:
		case skip.Arm == record.Observed:
			s.leaveUnseen(pairs, e)
		default:
			s.left, s.gone = 0, true
		}
	}
}

// missing returns those of arms that are still to be measured in the pair at hand.
func (e earlier) missing(s *subject, arms []record.Arm) []record.Arm {
	return slices.DeleteFunc(arms, func(a record.Arm) bool {
		return e.trials[trialKey{s.Name, s.pair, a}] || s.unseen && a == record.Observed
	})
}

// halved reports whether one trial of that pair was made by the interrupted run.
func (e earlier) halved(scenario string, pair int, arms []record.Arm) bool {
	return slices.ContainsFunc(arms, func(a record.Arm) bool { return e.trials[trialKey{scenario, pair, a}] })
}

// searched reports whether the interrupted run had searched the scenario.
func (e earlier) searched(scenario string) bool {
	return e.file != nil && slices.ContainsFunc(e.file.Searches, func(s record.Search) bool { return s.Scenario == scenario })
}
