// Package search searches for the highest loads that a device carries with no more
// than a given loss, by multiple loss ratio search (RFC 9971). It knows the
// device only by what Measure returns. Rates makes such a search of one scenario.
package search

import (
	"context"
	"errors"
	"fmt"
	"math"
	"slices"
	"strconv"
	"time"
)

// Trial is the result of one measurement at one load.
type Trial struct {
	Loss float64 // share of the packets that did not arrive, 0 to 1
	// Late says that the generator did not reach the load. The trial does not count; a
	// load at which this happens repeatedly is out of reach.
	Late bool
	// Invalid is another reason for which the trial does not count and is repeated,
	// "" if there is none.
	Invalid string
}

// Measure makes one trial at a load in packets/s. An error ends the search.
type Measure func(ctx context.Context, loadPPS float64, d time.Duration) (Trial, error)

// Search is a search to be made.
type Search struct {
	Goals []Goal
	// Lowest and Highest bound the loads that are tried, in packets/s. Lowest
	// should bring at least a few packets within the shortest trial.
	Lowest, Highest float64
	// Guess is the load to begin at, in packets/s; RFC 9971 uses the forwarding
	// rate at the highest load. 0 begins at Highest.
	Guess float64
	// Cap is the time that the whole search may take. A trial that would not
	// end before is not begun.
	Cap time.Duration
	// Now, if not nil, replaces time.Now.
	Now func() time.Time
}

// Result is what a search found.
type Result struct {
	Goals   []GoalResult // one a goal, in the same order
	Trials  int          // all that were made
	Invalid int          // of these, the ones that did not count, late ones included
	Spent   time.Duration
	MaxPPS  float64 // the highest load that was tried
}

// GoalResult is what a search found for one goal. Rates are in packets/s, and 0
// where they are not known.
type GoalResult struct {
	Goal Goal
	// Resolved means that this is a Regular Goal Result of RFC 9971: both bounds
	// are known and no further apart than the goal's width.
	Resolved bool
	// Lower and Upper are the relevant bounds. Without an Upper, Lower is the
	// highest load that fulfilled the goal.
	Lower, Upper float64
	// Conditional is the conditional throughput at Lower: the forwarding rate to
	// expect there.
	Conditional float64
	// Detail says why the goal is not resolved.
	Detail string
}

// invalidLimit is the number of invalid trials in a row, and patience the time
// without a valid one, that together end a search: the host is too disturbed to
// measure.
const (
	invalidLimit = 10
	patience     = 15 * time.Second
)

// Run makes the search. It ends at the latest when Cap is used up, by the clock or by
// the durations of the trials.
//
// A goal that could not be resolved is no error: its result says why. An error
// means that the search cannot be made, that a trial failed, or that ctx ended.
func (s Search) Run(ctx context.Context, measure Measure) (Result, error) {
	if err := s.validate(); err != nil {
		return Result{}, err
	}
	if s.Now == nil {
		s.Now = time.Now
	}
	r := newRun(s, measure)
	for {
		step, d, ok := r.next()
		if !ok {
			break
		}
		if r.stop = r.exhausted(d); r.stop != "" {
			break
		}
		if err := r.trial(ctx, step, d); err != nil {
			return Result{}, err
		}
	}
	r.out.Spent = r.spent()
	for _, k := range r.seekers {
		r.out.Goals = append(r.out.Goals, r.conclude(k))
	}
	return r.out, nil
}

func (s Search) validate() error {
	if len(s.Goals) == 0 {
		return errors.New("search for nothing: give at least one goal")
	}
	for _, g := range s.Goals {
		if err := g.validate(); err != nil {
			return err
		}
	}
	switch {
	case !(s.Lowest > 0 && s.Lowest < s.Highest) || math.IsInf(s.Highest, 0):
		return fmt.Errorf("search from %v to %v packets/s: the lowest load must be above 0 and below the highest", s.Lowest, s.Highest)
	case s.Cap <= 0:
		return fmt.Errorf("search for %v: the cap must be above 0", s.Cap)
	}
	return nil
}

// run is a Search while it goes on.
type run struct {
	Search
	measure Measure
	seekers []*seeker
	history *history
	out     Result

	start    time.Time
	measured time.Duration // durations of the trials
	pause    time.Duration // the longest that a trial took beside its duration
	inARow   int           // invalid trials
	valid    time.Duration // spent when the last other one ended
	invalid  string        // why the last of them was
	stop     string        // why the search ended before its goals were reached
}

func newRun(s Search, measure Measure) *run {
	narrowest := slices.MinFunc(s.Goals, func(a, b Goal) int {
		if a.Width < b.Width {
			return -1
		}
		return 1
	}).Width
	g := newGrid(s.Lowest, s.Highest, narrowest)
	r := &run{Search: s, measure: measure, start: s.Now()}
	r.history = &history{grid: g, guess: g.top, results: map[int][]result{}, late: map[int]int{}}
	if s.Guess > 0 {
		r.history.guess = g.nearest(s.Guess)
	}
	for _, goal := range s.Goals {
		r.seekers = append(r.seekers, newSeeker(goal, g))
	}
	return r
}

// next returns the trial that the goal which is furthest behind asks for; among
// several, that of the smallest load, since a loss there makes larger loads irrelevant.
func (r *run) next() (step int, d time.Duration, ok bool) {
	best := 0
	for _, k := range r.seekers {
		at, length, wants := k.nominate(r.history)
		if wants && (!ok || k.at < best || k.at == best && at < step) {
			step, d, best, ok = at, length, k.at, true
		}
	}
	return step, d, ok
}

// spent is the time since the start, and no less than the sum of the durations of the
// trials: with a clock that stands still a search would not end.
func (r *run) spent() time.Duration { return max(r.Now().Sub(r.start), r.measured) }

// exhausted returns why no further trial of duration d may begin, "" if one may.
func (r *run) exhausted(d time.Duration) string {
	switch {
	case r.spent()+d+r.pause > r.Cap:
		return fmt.Sprintf("the search was at its cap of %v", r.Cap)
	case r.inARow >= invalidLimit && r.spent()-r.valid >= patience:
		return fmt.Sprintf("%d trials in a row were invalid, the last for: %s", r.inARow, r.invalid)
	}
	return ""
}

func (r *run) trial(ctx context.Context, step int, d time.Duration) error {
	load := r.history.grid.load(step)
	before := r.Now()
	t, err := r.measure(ctx, load, d)
	if err != nil {
		return fmt.Errorf("measure at %s packets/s: %w", rate(load), err)
	}
	r.pause = max(r.pause, r.Now().Sub(before)-d)
	r.measured += d
	r.out.Trials++
	r.out.MaxPPS = max(r.out.MaxPPS, load)
	switch {
	case t.Invalid != "":
		r.out.Invalid++
		r.inARow++
		r.invalid = t.Invalid
		return nil
	case t.Late:
		r.out.Invalid++
		r.history.late[step]++
	case !(t.Loss >= 0 && t.Loss <= 1):
		return fmt.Errorf("measure at %s packets/s: loss ratio %v is not within 0 and 1", rate(load), t.Loss)
	default:
		r.history.results[step] = append(r.history.results[step], result{t.Loss, d})
	}
	r.inARow, r.valid = 0, r.spent()
	return nil
}

// conclude returns the result for the goal of a seeker.
func (r *run) conclude(k *seeker) GoalResult {
	h, t := r.history, k.last()
	out := GoalResult{Goal: k.goal}
	lower, upper := h.bounds(t)
	reached := upper == none || h.class(upper, t) == upperBound
	if lower != none {
		out.Lower = h.grid.load(lower)
		out.Conditional = t.conditional(out.Lower, h.results[lower])
	}
	if upper != none && reached {
		out.Upper = h.grid.load(upper)
	}
	switch {
	case k.done && upper == none:
		out.Detail = fmt.Sprintf("not exceeded: the highest load, %s packets/s, was carried", rate(out.Lower))
	case k.done && !reached && lower == none:
		out.Detail = fmt.Sprintf("the generator did not make even %s packets/s in time", rate(h.grid.load(upper)))
	case k.done && !reached:
		out.Detail = fmt.Sprintf("not exceeded: %s packets/s were carried, and the generator did not make %s in time", rate(out.Lower), rate(h.grid.load(upper)))
	case k.done && lower == none:
		out.Detail = fmt.Sprintf("exceeded even at the lowest load, %s packets/s", rate(out.Upper))
	case k.done:
		out.Resolved = true
	default:
		out.Detail = r.stop + k.hint(h)
	}
	return out
}

// rate formats a load for a sentence.
func rate(pps float64) string { return strconv.FormatFloat(pps, 'f', 0, 64) }
