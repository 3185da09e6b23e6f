package bench

import (
	"context"
	"errors"
	"fmt"
	"hash/fnv"
	"math/rand/v2"
	"slices"
	"strings"
	"time"

	"tunbench/bench/mlr"
	"tunbench/harness/spec"
	"tunbench/reports/record"
	"tunbench/reports/stat"
)

// SearchProfile says how thorough a rate search is; the zero value is none.
type SearchProfile = mlr.Profile

// SearchProfiles lists the names that ParseSearch takes, the fastest first.
func SearchProfiles() []string { return mlr.ProfileNames() }

// ParseSearch finds a profile by its name; an empty name is no search.
func ParseSearch(name string) (SearchProfile, error) {
	if name == "" {
		return SearchProfile{}, nil
	}
	return mlr.ParseProfile(name)
}

const (
	// pdrLoss is the loss ratio that the partial drop rate allows.
	pdrLoss = 0.005
	// searchHeadroom is the highest load of a search over what the generator of
	// the closed loop offered. A paced generator makes no more than an unpaced
	// one does, but the closed loop's may have been held up; a load that is out
	// of reach after all is found out by its late sends.
	searchHeadroom = 1.25
	// searchSpan is the highest load of a search over the lowest.
	searchSpan = 1000
	// leastLoad, in packets/s, brings 25 packets into the shortest trial.
	leastLoad = 100
	// searchWarmup is how long traffic flows before a trial of a search is
	// measured: too short for the harness to look whether it should be longer.
	// Its packets are part of the trial's loss.
	searchWarmup = 50 * time.Millisecond
	// searchLateNs is how far behind its schedule the generator may be with one
	// packet in a hundred. The flag `late` allows a twentieth of that, for the
	// sake of latencies; to a rate it matters only that what was held up does not
	// fill the ring by itself: at 1 Mpps these are 200 packets, of 500.
	searchLateNs = 200_000
)

// Searchable says why no rate can be searched for in s, if so.
func Searchable(s Scenario) error {
	if load := s.Axes["load"]; load != "" && load != "max" {
		return fmt.Errorf("load=%s sets the rate that a search would look for; use load=max", load)
	}
	if s.Spec.Gen == spec.GenLockstep {
		return errors.New("gen=lockstep sends only what was read back, so no rate can be set; use another gen")
	}
	shortest := SearchProfile{}.Goal("", 0).Initial
	if err := searchSpec(s.Spec, nil, leastLoad, shortest, 0).Validate(); err != nil {
		return fmt.Errorf("a search needs an open loop: %w", err)
	}
	return nil
}

// CheckSearch says why p cannot search for rates, if it is to: in none of its
// scenarios, or not with these arms or this clock.
func (p Plan) CheckSearch() error {
	if p.Search.Name == "" {
		return nil
	}
	if !slices.Contains(p.Arms, record.Bare) {
		return errors.New("a rate search begins at what the bare trials reached: measure them too, --arm both or bare")
	}
	if p.Clock == ClockICount {
		return errors.New("a rate search looks for packets a second, and in virtual time a second is a number of instructions")
	}
	if p.Shard != nil {
		return nil // the whole plan has some, this share may have none
	}
	var reason error
	for _, s := range p.Scenarios {
		err := Searchable(s)
		if err == nil {
			return nil
		}
		reason = fmt.Errorf("%s: %w", s.Name, err)
	}
	return fmt.Errorf("no scenario can be searched for rates; %w", reason)
}

// searchTime is about how long the searches of scenarios take.
func (p Plan) searchTime(scenarios []Scenario) (d time.Duration) {
	// Each goal decides about two loads or three, in half of the sum or more.
	one := min(p.Search.Cap, 5*p.Search.Sum)
	for _, s := range scenarios {
		if one > 0 && Searchable(s) == nil {
			d += one
		}
	}
	return d
}

// reached is what the bare trials of a scenario reached under load=max, in
// packets/s. Trials that are invalid count too: a search only begins there.
type reached struct{ delivered, offered []float64 }

func (c *reached) add(t record.Trial) {
	pps := t.Metrics[record.PPS]
	if pps <= 0 {
		return
	}
	c.delivered = append(c.delivered, pps)
	c.offered = append(c.offered, max(pps, t.Metrics[record.OfferedPPS]))
}

// rates are the medians; false if nothing came through.
func (c *reached) rates() (delivered, offered float64, ok bool) {
	d, err := stat.Summarize(c.delivered)
	if err != nil {
		return 0, 0, false
	}
	o, err := stat.Summarize(c.offered)
	return d.Median, o.Median, err == nil
}

// searches makes the rate search of each scenario that was measured. Its error
// is one that ends the run.
func (r *runner) searches(ctx context.Context) error {
	if r.Search.Name == "" {
		return nil
	}
	for _, s := range r.subjects {
		if s.gone || r.searched(s.Name) || Searchable(s.Scenario) != nil {
			continue
		}
		if err := r.search(ctx, s); err != nil || r.out.Interrupted {
			return err
		}
	}
	return nil
}

// search makes the search of a scenario and writes it.
func (r *runner) search(ctx context.Context, s *subject) error {
	if ctx.Err() != nil {
		r.out.Interrupted = true
		return nil
	}
	found, err := r.look(ctx, s)
	if err != nil {
		return r.skip(ctx, s, fmt.Errorf("search for rates: %w", err))
	}
	if err := r.rec.Write(found); err != nil {
		if fatal(err) {
			return err
		}
		return r.skip(ctx, s, err)
	}
	for _, g := range found.Goals {
		if !g.Resolved {
			r.out.Unresolved++
		}
	}
	r.tellSearch(s, Step{Search: &found})
	return nil
}

// look searches for the rates of a scenario.
func (r *runner) look(ctx context.Context, s *subject) (record.Search, error) {
	found := record.Search{Kind: record.KindSearch, Scenario: s.Name, Axes: s.Axes, Started: timestamp(r.Now()), Profile: r.Search.Name}
	search := mlr.Search{
		Goals: []mlr.Goal{r.Search.Goal(record.NDRPPS, 0), r.Search.Goal(record.PDRPPS, pdrLoss)},
		Cap:   r.Search.Cap, Now: r.Now,
	}
	delivered, offered, ok := s.reached.rates()
	if !ok || searchHeadroom*offered <= leastLoad {
		for _, g := range search.Goals {
			found.Goals = append(found.Goals, goalRecord(mlr.GoalResult{Goal: g, Detail: "the closed loop delivered too little to tell where to begin"}))
		}
		return found, nil
	}
	search.Guess, search.Highest = delivered, searchHeadroom*offered
	search.Lowest = max(leastLoad, search.Highest/searchSpan)
	result, err := search.Run(ctx, r.searchTrial(s))
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

// goalRecord leaves out the rates that are not known.
func goalRecord(g mlr.GoalResult) record.Goal {
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

// searchTrial measures one trial of a search: bare, at fixed spacing, each with
// a device and random numbers of its own.
func (r *runner) searchTrial(s *subject) mlr.Measure {
	rng := rand.New(rand.NewPCG(r.Seed, searchHash(s.Name)))
	return func(ctx context.Context, loadPPS float64, d time.Duration) (mlr.Trial, error) {
		r.tellSearch(s, Step{Rate: loadPPS})
		t, err := r.lab.Run(ctx, searchSpec(s.Spec, r.CPUs, loadPPS, d, rng.Uint64()), NoHook, r.floor)
		if err != nil {
			return mlr.Trial{}, err
		}
		return judge(t), nil
	}
}

// searchHash is another one than nameHash, whose random numbers were used for
// the pairs.
func searchHash(name string) uint64 {
	h := fnv.New64a()
	h.Write([]byte("search " + name))
	return h.Sum64()
}

func searchSpec(s spec.Spec, cpus []int, loadPPS float64, d time.Duration, seed uint64) spec.Spec {
	const windows = 5
	s.CPUs, s.Rate, s.Seed = cpus, loadPPS, seed
	s.Warmup, s.Measure, s.Window = searchWarmup, d, d/windows
	return s
}

// judge is what a search makes of a trial: its loss over all that was accepted,
// warm-up and drain included, as far as the trial is valid.
func judge(t record.Trial) mlr.Trial {
	other := t
	other.Flags = slices.DeleteFunc(slices.Clone(t.Flags), func(flag string) bool { return flag == record.FlagLate })
	a := t.Accounting
	switch {
	case other.Invalid():
		return mlr.Trial{Invalid: strings.Join(other.Flags, ", ")}
	case behind(t) && slices.Contains(t.Flags, record.FlagForeignLoad):
		// Whose fault that was cannot be told.
		return mlr.Trial{Invalid: record.FlagForeignLoad + ", " + record.FlagLate}
	case behind(t):
		return mlr.Trial{Late: true}
	case a.Accepted == 0 || a.Delivered > a.Accepted:
		return mlr.Trial{Invalid: fmt.Sprintf("accepted %d packets, delivered %d", a.Accepted, a.Delivered)}
	}
	return mlr.Trial{Loss: float64(a.Accepted-a.Delivered) / float64(a.Accepted)}
}

// behind tells whether the generator did not make the load of t.
func behind(t record.Trial) bool {
	if t.Schedule == nil {
		return slices.Contains(t.Flags, record.FlagLate)
	}
	// Too few packets for a quantile are no load that is hard to make.
	p99 := t.Schedule.P99Ns
	return p99 != nil && *p99 > searchLateNs
}

// tellSearch completes a step of the search of a scenario and passes it on.
func (r *runner) tellSearch(s *subject, step Step) {
	if r.Progress == nil {
		return
	}
	left := r.Scenarios[s.index:]
	if step.Search != nil {
		left = left[1:] // this one is finished
	}
	step.Scenario, step.Index, step.Scenarios = s.Name, s.index+1, len(r.Scenarios)
	step.Pair, step.Pairs = r.Pairs, r.Pairs
	step.Left = r.searchTime(left)
	r.Progress(step)
}
