package trial

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"time"

	"tunbench/harness/condition"
	"tunbench/harness/spec"
	"tunbench/reports/record"
)

// Side is one side of a pair that is measured by turns: in this process, or in
// another one. Between calls it uses no CPU; what it built stays until Close,
// which is called whatever happens.
type Side interface {
	// Do takes a step. Steps come in the order of their constants, but for Look,
	// which comes before the first turn and after the last.
	Do(ctx context.Context, s Step) error
	// Turn measures a window.
	Turn(ctx context.Context) (Turn, error)
	// Keep makes the turn of that number, from 0, part of the trial. The other
	// side's rate in the turn beside it is given; 0 if there is none.
	Keep(ctx context.Context, turn int, other float64) error
	// Trial tears down what was built, and returns what was seen in the turns that
	// were kept.
	Trial(ctx context.Context) (record.Trial, error)
	Close() error
}

// Step is a step of a Side that has no result.
type Step string

const (
	Build Step = "build" // make the device
	Start Step = "start" // start the workers, which are held at once
	Warm  Step = "warm"  // let the traffic flow for Spec.Warmup, or until it is steady
	Ramp  Step = "ramp"  // find how long the rate needs after a pause; of a block only
	Look  Step = "look"  // note the state of the host
	Stop  Step = "stop"  // end the traffic and wait for what is on its way
)

// Turn is what one side did in a window of its own.
type Turn struct {
	Rate float64 `json:"rate"` // of delivery, in packets/ns
	// Ns is the length of the window. Packets are wire segments.
	Ns    int64  `json:"ns,omitempty"`
	Pkts  uint64 `json:"pkts,omitempty"`
	Bytes uint64 `json:"bytes,omitempty"`
	// Spent is the CPU time of the whole host in ns, Stolen what the hypervisor
	// took of it.
	Spent  int64 `json:"spent_ns"`
	Stolen int64 `json:"stolen_ns"`
}

const (
	// mostTries is how often a pair of windows may be measured for each that is
	// wanted.
	mostTries = 3
	// LeastWindows is how many windows make a trial, if the host does not give more that
	// are undisturbed.
	LeastWindows = 6
)

// OfAll says in a trial's note what does not leave out windows that were measured again.
const OfAll = "accounts, queues and latencies are of all windows"

// TakeTurns makes a trial of each side: both devices are there from the beginning,
// and the traffic goes through one or the other in turn, a window of s.Window at a
// time, until each side has been measured for s.Measure. A host whose speed wanders
// over tenths of seconds is the same host to both, as it is not to trials one after
// the other. seed decides which side comes first in each pair of windows.
//
// A pair of windows from which the hypervisor stole is measured again, as long as
// there are fewer than three times the planned pairs; the trials' notes say how
// often.
func TakeTurns(ctx context.Context, sides [2]Side, s spec.Spec, seed uint64) (trials [2]record.Trial, err error) {
	started := time.Now().UTC().Format(time.RFC3339Nano)
	a := alternation{want: max(1, int(s.Measure/s.Window)), rng: rand.New(rand.NewPCG(seed, 0))}
	if trials, err = a.run(ctx, sides); err != nil {
		return trials, err
	}
	for i := range trials {
		trials[i].Started = started
		if n := a.tried - a.kept; n > 0 {
			trials[i].Notes = append(trials[i].Notes, fmt.Sprintf("%d of %d pairs of windows were measured again, since CPU time was stolen from them; "+OfAll, n, a.tried))
		}
	}
	return trials, nil
}

// alternation takes two sides through a pair of trials.
type alternation struct {
	want int // pairs of windows
	rng  *rand.Rand

	tried, kept int
}

// windowPair is a turn of each side, one right after the other.
type windowPair struct {
	number int
	of     [2]Turn
	stolen float64 // share of the CPU time
}

func (a *alternation) run(ctx context.Context, sides [2]Side) (trials [2]record.Trial, err error) {
	defer func() {
		for _, s := range sides {
			if closeErr := s.Close(); closeErr != nil {
				err = errors.Join(err, fmt.Errorf("tear down: %w", closeErr))
			}
		}
	}()
	if err := ctx.Err(); err != nil {
		return trials, err
	}
	each := func(steps ...Step) error {
		for _, step := range steps {
			for _, s := range sides {
				if err := s.Do(ctx, step); err != nil {
					return err
				}
			}
		}
		return nil
	}
	if err := each(Build, Start, Warm, Look); err != nil {
		return trials, err
	}
	if err := a.measure(ctx, sides); err != nil {
		return trials, err
	}
	if err := each(Look, Stop); err != nil {
		return trials, err
	}
	for i, s := range sides {
		if trials[i], err = s.Trial(ctx); err != nil {
			return trials, err
		}
	}
	return trials, nil
}

// measure goes on until enough pairs of windows are undisturbed, or the limit is
// reached: then the least disturbed of the others fill up what is missing.
func (a *alternation) measure(ctx context.Context, sides [2]Side) error {
	var spare []windowPair
	for a.kept < a.want && a.tried < mostTries*a.want {
		next, err := a.turns(ctx, sides)
		if err != nil {
			return err
		}
		if next.stolen > condition.StealLimit {
			spare = append(spare, next)
			continue
		}
		if err := a.keep(ctx, sides, next); err != nil {
			return err
		}
	}
	slices.SortStableFunc(spare, func(a, b windowPair) int { return cmp.Compare(a.stolen, b.stolen) })
	for len(spare) > 0 && a.kept < min(a.want, LeastWindows) {
		if err := a.keep(ctx, sides, spare[0]); err != nil {
			return err
		}
		spare = spare[1:]
	}
	return nil
}

// turns measures a pair of windows.
func (a *alternation) turns(ctx context.Context, sides [2]Side) (next windowPair, err error) {
	order := [2]int{0, 1}
	if a.rng.IntN(2) == 1 {
		order = [2]int{1, 0}
	}
	var spent, stolen int64
	for _, i := range order {
		if next.of[i], err = sides[i].Turn(ctx); err != nil {
			return next, err
		}
		spent, stolen = spent+next.of[i].Spent, stolen+next.of[i].Stolen
	}
	if spent > 0 {
		next.stolen = float64(stolen) / float64(spent)
	}
	next.number = a.tried
	a.tried++
	return next, nil
}

func (a *alternation) keep(ctx context.Context, sides [2]Side, next windowPair) error {
	a.kept++
	for i, s := range sides {
		if err := s.Keep(ctx, next.number, next.of[1-i].Rate); err != nil {
			return err
		}
	}
	return nil
}
