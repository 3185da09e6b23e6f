package search

import (
	"fmt"
	"time"
)

// seeker looks for the bounds of one goal. It works through targets that ask for more
// and more precision, and chooses the loads to measure next.
type seeker struct {
	goal    Goal
	targets []target
	at      int // target

	// lower and upper are the bounds under the previous target, at which the search
	// under this one begins; none if there was none.
	lower, upper int
	expand       int  // steps of the next extension beyond a known bound
	pick         int  // the load that is being measured until it is decided
	done         bool // by the last call of nominate: the goal is reached, or cannot be
}

// none stands for a step that does not exist.
const none = -1

// coarse and mid are the widths of the first two targets, in widths of the goal.
const coarse, mid = 4, 2

func newSeeker(g Goal, grid grid) *seeker {
	width := grid.steps(g.Width)
	last := target{loss: g.LossRatio, exceed: g.ExceedRatio, final: g.Final, sum: g.Sum, steps: width, late: lastLateLimit}
	first, second := last, last
	first.final, first.sum, first.steps, first.late = g.Initial, g.Initial, coarse*width, lateLimit
	second.sum, second.steps, second.late = g.Final, mid*width, lateLimit
	s := &seeker{goal: g, lower: none, upper: none, pick: none, targets: []target{first, second, last}}
	s.expand = s.target().steps
	return s
}

func (s *seeker) target() target { return s.targets[s.at] }

// last is the goal itself.
func (s *seeker) last() target { return s.targets[len(s.targets)-1] }

// nominate returns the load to measure next and for how long; false once the goal is
// reached, or cannot be reached.
func (s *seeker) nominate(h *history) (step int, d time.Duration, ok bool) {
	s.done = false // a trial for another goal may have moved a bound
	for {
		t := s.target()
		lower, upper := h.bounds(t)
		if !s.picked(h, lower, upper) {
			s.pick = s.choose(h, lower, upper)
		}
		if s.pick != none {
			return s.pick, t.final, true
		}
		if s.at+1 == len(s.targets) {
			s.done = true
			return 0, 0, false
		}
		s.at++
		s.lower, s.upper, s.expand = lower, upper, s.target().steps
	}
}

// picked reports whether the load at hand still needs a trial.
func (s *seeker) picked(h *history, lower, upper int) bool {
	return s.pick != none && s.pick > lower && (upper == none || s.pick < upper) && h.class(s.pick, s.target()) == undecided
}

// choose returns the next load, or none if the bounds are precise enough for this
// target.
func (s *seeker) choose(h *history, lower, upper int) int {
	width := s.target().steps
	switch {
	case s.halves(lower, upper, width):
		return (s.lower + s.upper) / 2
	case lower == none && upper == none:
		return s.first(h)
	case lower == none:
		return s.below(upper)
	case upper == none:
		return s.above(lower, h.grid.top)
	case upper-lower <= width:
		return none
	case s.lower > lower && s.lower < upper && upper-s.lower <= width:
		return s.lower
	case s.upper > lower && s.upper < upper && s.upper-lower <= width:
		return s.upper
	}
	return (lower + upper) / 2
}

// halves reports whether the middle between the earlier bounds is measured first:
// whichever bound it turns out to be, only one of the two must be measured again.
func (s *seeker) halves(lower, upper, width int) bool {
	gap := s.upper - s.lower
	return s.lower != none && s.upper != none && gap > width && gap <= 2*width &&
		lower <= s.lower && (upper == none || upper >= s.upper)
}

// first is the load to begin at if nothing is decided yet.
func (s *seeker) first(h *history) int {
	switch {
	case s.lower != none:
		return s.lower
	case s.upper != none:
		return s.upper
	}
	return h.guess
}

// below returns a load below upper that may be a lower bound: the previous one, else
// one at a distance that doubles each time.
func (s *seeker) below(upper int) int {
	switch {
	case upper == 0:
		return none // even the lowest load is too high
	case s.lower != none && s.lower < upper:
		return s.lower
	}
	return max(0, upper-s.stride())
}

// above returns a load above lower that may be an upper bound, in the same way.
func (s *seeker) above(lower, top int) int {
	switch {
	case lower == top:
		return none // even the highest load is not too high
	case s.upper > lower:
		return s.upper
	}
	return min(top, lower+s.stride())
}

func (s *seeker) stride() int {
	n := s.expand
	s.expand *= 2
	return n
}

// hint says between which rates the result probably lies, if the trials are too few.
func (s *seeker) hint(h *history) string {
	for at := len(s.targets) - 2; at >= 0; at-- {
		if lower, upper := h.bounds(s.targets[at]); lower != none && upper != none {
			return fmt.Sprintf("; fewer or shorter trials put it between %s and %s packets/s", rate(h.grid.load(lower)), rate(h.grid.load(upper)))
		}
	}
	return ""
}

// history holds the measurements of a search.
type history struct {
	grid    grid
	guess   int // step to begin at
	results map[int][]result
	late    map[int]int // trials whose load the generator did not reach
}

// lateLimit is the number of trials in which the generator may miss a load before the
// load is out of reach, unless it has reached it as often. The last target has a higher
// limit: a load that was missed while the host was disturbed gets another chance.
const lateLimit, lastLateLimit = 3, 6

func (h *history) class(step int, t target) class {
	c := t.classify(h.results[step])
	if n := h.late[step]; c == undecided && n >= t.late && n > len(h.results[step]) {
		return unreachable
	}
	return c
}

// bounds returns the smallest upper bound and the largest lower bound below it, each
// none if there is none (RFC 9971, sections 4.8.1 and 4.8.2). A load out of reach
// counts as an upper bound, so that the loads below it are searched.
func (h *history) bounds(t target) (lower, upper int) {
	lower, upper = none, none
	tooMuch := func(step int) {
		if c := h.class(step, t); (c == upperBound || c == unreachable) && (upper == none || step < upper) {
			upper = step
		}
	}
	for step := range h.results {
		tooMuch(step)
	}
	for step := range h.late {
		tooMuch(step)
	}
	for step := range h.results {
		if (upper == none || step < upper) && step > lower && h.class(step, t) == lowerBound {
			lower = step
		}
	}
	return lower, upper
}
