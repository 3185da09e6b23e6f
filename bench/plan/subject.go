package plan

import (
	"math/rand/v2"
	"time"

	"tunbench/bench/search"
	"tunbench/bench/suite"
	"tunbench/harness/spec"
	"tunbench/reports/record"
)

// subject is a scenario while it is measured.
type subject struct {
	suite.Scenario
	spec   spec.Spec
	index  int // in the plan
	rng    *rand.Rand
	pair   int           // that is at hand, from 1
	left   int           // trials that are still to be made
	probed bool          // its device can be built
	gone   bool          // it was skipped
	unseen bool          // its observed arm was skipped
	note   string        // on its load, for its trials
	lasts  time.Duration // of a pair; 0: not known yet

	reached search.Reached // where a search begins
	costs   []float64      // of a packet in each trial, as PacketCost gives it
}

// timeLeft is about how long the trials take that are left of s in a run of those arms.
func (s *subject) timeLeft(arms []record.Arm, clock string) time.Duration {
	if s.lasts == 0 {
		s.lasts = pairTime(s.Scenario, arms, clock)
	}
	return time.Duration(float64(s.left) / float64(len(arms)) * float64(s.lasts))
}

// leaveUnseen takes the observed trials of s, which has so many pairs, from what is
// left to do.
func (s *subject) leaveUnseen(pairs int, e earlier) {
	s.unseen = true
	for pair := max(1, s.pair); pair <= pairs; pair++ {
		if !e.trials[trialKey{s.Name, pair, record.Observed}] {
			s.left--
		}
	}
}
