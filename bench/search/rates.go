package search

import (
	"context"
	"errors"
	"fmt"
	"hash/fnv"
	"math/rand/v2"
	"slices"
	"strings"
	"time"

	"tunbench/bench/setup"
	"tunbench/bench/suite"
	"tunbench/harness/spec"
	"tunbench/reports/record"
)

const (
	// pdrLoss is the loss ratio that the partial drop rate allows.
	pdrLoss = 0.005
	// headroom is the ratio of the highest load of a search to the rate that the
	// generator offered in the closed loop. A paced generator is no faster than an
	// unpaced one, but the latter may have been held up; whether a load is out of
	// reach shows in its late sends.
	headroom = 1.25
	// span is the ratio of the highest load of a search to the lowest.
	span = 1000
	// leastLoad, in packets/s, puts 25 packets into the shortest trial.
	leastLoad = 100
	// warmup is how long traffic flows before a trial of a search is measured: too
	// short for the harness to check whether it should be longer. Its packets count
	// for the loss of the trial.
	warmup = 50 * time.Millisecond
	// lateNs is how late the generator may be with one packet in a hundred. The flag
	// `late` allows a twentieth of that, for the sake of latencies. For a rate it is
	// enough that the packets that were held up do not fill the ring by themselves: at
	// 1 Mpps these are 200 packets, of 500.
	lateNs = 200_000
)

// Check returns an error that says why rates of s cannot be searched for, nil if they
// can.
func Check(s suite.Scenario) error {
	if load := s.Axes["load"]; load != "" && load != "max" {
		return fmt.Errorf("load=%s sets the rate that a search would look for; use load=max", load)
	}
	asked := setup.Spec(s)
	if asked.Gen == spec.GenLockstep {
		return errors.New("gen=lockstep sends only what was read back, so no rate can be set; use another gen")
	}
	if err := trialSpec(asked, leastLoad, initialTrial, 0).Validate(); err != nil {
		return fmt.Errorf("a search needs an open loop: %w", err)
	}
	return nil
}

// lab measures one trial, as harness.Lab does.
type lab interface {
	Run(ctx context.Context, spec spec.Spec, hook string, floor record.Floor) (record.Trial, error)
}

// Rates is a search for the highest rates of one scenario: without loss (NDR) and
// with a loss of 0.5 % (PDR).
type Rates struct {
	Scenario suite.Scenario
	Spec     spec.Spec // of the scenario, with the CPUs to use
	Profile  Profile
	Reached  Reached // where to begin
	Seed     uint64  // of the run
	Floor    record.Floor
	Now      func() time.Time
	Tell     func(loadPPS float64) // told before each trial
}

// Find makes the search. It fills in everything of the record but Started.
func (r Rates) Find(ctx context.Context, lab lab) (record.Search, error) {
	found := record.Search{Kind: record.KindSearch, Scenario: r.Scenario.Name, Axes: r.Scenario.Axes, Profile: r.Profile.Name}
	search := Search{
		Goals: []Goal{r.Profile.Goal(record.NDRPPS, 0), r.Profile.Goal(record.PDRPPS, pdrLoss)},
		Cap:   r.Profile.Cap, Now: r.Now,
	}
	delivered, offered, ok := r.Reached.rates()
	if !ok || headroom*offered <= leastLoad {
		for _, g := range search.Goals {
			found.Goals = append(found.Goals, goalRecord(GoalResult{Goal: g, Detail: "the closed loop delivered too little to tell where to begin"}))
		}
		return found, nil
	}
	search.Guess, search.Highest = delivered, headroom*offered
	search.Lowest = max(leastLoad, search.Highest/span)
	result, err := search.Run(ctx, r.measure(lab))
	if err != nil {
		return found, err
	}
	found.Trials, found.Invalid, found.SpentNs, found.MaxPPS = result.Trials, result.Invalid, int64(result.Spent), result.MaxPPS
	found.Notes = []string{fmt.Sprintf("from %.0f to %.0f packets/s, begun at %.0f, which the closed loop delivered", search.Lowest, search.Highest, search.Guess)}
	for _, g := range result.Goals {
		found.Goals = append(found.Goals, goalRecord(g))
	}
	return found, nil
}

// goalRecord turns a result into its record, without the rates that are not known.
func goalRecord(g GoalResult) record.Goal {
	known := func(pps float64) *float64 {
		if pps == 0 {
			return nil
		}
		return &pps
	}
	return record.Goal{
		Name: g.Goal.Name, LossRatio: g.Goal.LossRatio, Resolved: g.Resolved, Detail: g.Detail,
		LowerPPS: known(g.Lower), UpperPPS: known(g.Upper), Conditional: known(g.Conditional),
	}
}

// measure returns what measures one trial of the search: bare, at fixed spacing,
// each with a device and random numbers of its own.
func (r Rates) measure(lab lab) Measure {
	rng := rand.New(rand.NewPCG(r.Seed, seedOf(r.Scenario.Name)))
	return func(ctx context.Context, loadPPS float64, d time.Duration) (Trial, error) {
		r.Tell(loadPPS)
		t, err := lab.Run(ctx, trialSpec(r.Spec, loadPPS, d, rng.Uint64()), record.HookNone, r.Floor)
		if err != nil {
			return Trial{}, err
		}
		return judge(t), nil
	}
}

// seedOf derives a seed from the name of a scenario, other than the one that a plan
// uses for its pairs.
func seedOf(name string) uint64 {
	h := fnv.New64a()
	h.Write([]byte("search " + name))
	return h.Sum64()
}

// trialSpec is spec at a load in packets/s, measured for d.
func trialSpec(spec spec.Spec, loadPPS float64, d time.Duration, seed uint64) spec.Spec {
	const windows = 5
	spec.Rate, spec.Seed = loadPPS, seed
	spec.Warmup, spec.Measure, spec.Window = warmup, d, d/windows
	return spec
}

// judge returns the loss of a valid trial: of all packets that were accepted, including
// those of the warm-up and the drain.
func judge(t record.Trial) Trial {
	other := t
	other.Flags = slices.DeleteFunc(slices.Clone(t.Flags), func(flag string) bool { return flag == record.FlagLate })
	a := t.Accounting
	switch {
	case other.Invalid():
		return Trial{Invalid: strings.Join(other.Flags, ", ")}
	case tooLate(t) && slices.Contains(t.Flags, record.FlagForeignLoad):
		// It is not known which of the two made the generator late.
		return Trial{Invalid: record.FlagForeignLoad + ", " + record.FlagLate}
	case tooLate(t):
		return Trial{Late: true}
	case a.Accepted == 0 || a.Delivered > a.Accepted:
		return Trial{Invalid: fmt.Sprintf("accepted %d packets, delivered %d", a.Accepted, a.Delivered)}
	}
	return Trial{Loss: float64(a.Accepted-a.Delivered) / float64(a.Accepted)}
}

// tooLate reports whether the generator did not reach the load of t.
func tooLate(t record.Trial) bool {
	if t.Schedule == nil {
		return slices.Contains(t.Flags, record.FlagLate)
	}
	// A load with too few packets for a quantile is not hard to make.
	p99 := t.Schedule.P99Ns
	return p99 != nil && *p99 > lateNs
}
