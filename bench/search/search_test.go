package search

import (
	"context"
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"strings"
	"testing"
	"time"
)

// device is the loss that a simulated device shows in a trial.
type device func(load float64, d time.Duration, rng *rand.Rand) Trial

const capacity = 812_345.0 // packets/s; on no grid

func carries(limit, load float64) float64 { return max(0, 1-limit/load) }

// sharp carries its capacity and no packet more.
func sharp(load float64, _ time.Duration, _ *rand.Rand) Trial {
	return Trial{Loss: carries(capacity, load)}
}

// cliff collapses to a tenth above its capacity.
func cliff(load float64, _ time.Duration, _ *rand.Rand) Trial {
	if load <= capacity {
		return Trial{}
	}
	return Trial{Loss: carries(capacity/10, load)}
}

// leaky loses 0.1 % at every load.
func leaky(load float64, _ time.Duration, _ *rand.Rand) Trial {
	return Trial{Loss: max(0.001, carries(capacity, load))}
}

// buffering takes in 40,000 packets before it loses any: short trials flatter.
func buffering(load float64, d time.Duration, _ *rand.Rand) Trial {
	const buffer = 40_000
	lost := (load-capacity)*d.Seconds() - buffer
	return Trial{Loss: max(0, lost/(load*d.Seconds()))}
}

// noisy has a capacity that moves by 0.5 % from trial to trial, and one trial
// in eight loses some packets at any load.
func noisy(load float64, _ time.Duration, rng *rand.Rand) Trial {
	loss := carries(capacity*(1+0.005*rng.NormFloat64()), load)
	if rng.IntN(8) == 0 {
		loss = max(loss, 0.0005)
	}
	return Trial{Loss: loss}
}

// drifting is noisy, and loses 2 % of its capacity in its first 60 trials.
func drifting() device {
	n := 0.0
	return func(load float64, _ time.Duration, rng *rand.Rand) Trial {
		n++
		return Trial{Loss: carries(capacity*(1-0.02*min(1, n/60)+0.002*rng.NormFloat64()), load)}
	}
}

// banded loses 3 % between 0.5 and 0.6 of its capacity, as a device does that
// changes its mode there.
func banded(load float64, _ time.Duration, _ *rand.Rand) Trial {
	if load > 0.5*capacity && load < 0.6*capacity {
		return Trial{Loss: 0.03}
	}
	return Trial{Loss: carries(capacity, load)}
}

func lossless(float64, time.Duration, *rand.Rand) Trial { return Trial{} }

// behind is d behind a generator that makes no more than limit packets/s.
func behind(limit float64, d device) device {
	return func(load float64, length time.Duration, rng *rand.Rand) Trial {
		t := d(load, length, rng)
		t.Late = load > limit
		return t
	}
}

// disturbed is d on a host where one trial in n is stolen from.
func disturbed(n int, d device) device {
	return func(load float64, length time.Duration, rng *rand.Rand) Trial {
		if rng.IntN(n) == 0 {
			return Trial{Loss: 0.7, Invalid: "steal"}
		}
		return d(load, length, rng)
	}
}

// bench is a clock that only trials move, and what they were.
type bench struct {
	now   time.Time
	trial []result
	loads []float64
}

const pause = 150 * time.Millisecond // to build and drain a device

func (b *bench) measure(dev device, seed uint64) Measure {
	rng := rand.New(rand.NewPCG(seed, 7))
	return func(_ context.Context, load float64, d time.Duration) (Trial, error) {
		b.now = b.now.Add(d + pause)
		t := dev(load, d, rng)
		b.trial = append(b.trial, result{t.Loss, d})
		b.loads = append(b.loads, load)
		return t, nil
	}
}

func profile(t *testing.T, name string) Profile {
	t.Helper()
	p, err := ParseProfile(name)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// search is NDR and PDR by a profile, from 1 to 1,000 kpps, begun at guess.
func (b *bench) search(p Profile, guess float64) Search {
	return Search{
		Goals:  []Goal{p.Goal("ndr_pps", 0), p.Goal("pdr_pps", 0.005)},
		Lowest: 1e3, Highest: 1e6, Guess: guess, Cap: p.Cap, Now: func() time.Time { return b.now },
	}
}

func (b *bench) run(t *testing.T, p Profile, dev device, guess float64, seed uint64) Result {
	t.Helper()
	out, err := b.search(p, guess).Run(context.Background(), b.measure(dev, seed))
	if err != nil {
		t.Fatal(err)
	}
	if out.Spent > p.Cap+pause || out.Spent != b.now.Sub(time.Time{}) {
		t.Errorf("spent %v, the clock says %v, the cap is %v", out.Spent, b.now.Sub(time.Time{}), p.Cap)
	}
	if out.Trials != len(b.trial) {
		t.Errorf("%d trials are told, %d were made", out.Trials, len(b.trial))
	}
	for _, load := range b.loads {
		if load < 1e3 || load > 1e6 {
			t.Errorf("tried %v packets/s, out of bounds", load)
		}
	}
	return out
}

// resolved checks that the bounds of a goal bracket truth, give or take slack
// of it, and lie as close as the goal asks.
func resolved(t *testing.T, g GoalResult, truth, slack float64) {
	t.Helper()
	if !g.Resolved || g.Detail != "" {
		t.Errorf("%s is not resolved: %+v", g.Goal.Name, g)
		return
	}
	if g.Lower > truth*(1+slack) || g.Upper < truth*(1-slack) || g.Lower >= g.Upper {
		t.Errorf("%s: bounds %.0f and %.0f do not bracket %.0f", g.Goal.Name, g.Lower, g.Upper, truth)
	}
	if width := 1 - g.Lower/g.Upper; width > g.Goal.Width+1e-9 {
		t.Errorf("%s: bounds are %.4f apart, %.4f at most are wanted", g.Goal.Name, width, g.Goal.Width)
	}
	if g.Conditional > g.Lower || g.Conditional < g.Lower*(1-g.Goal.LossRatio) {
		t.Errorf("%s: conditional throughput %.0f at a lower bound of %.0f", g.Goal.Name, g.Conditional, g.Lower)
	}
}

func TestKnownCapacity(t *testing.T) {
	for _, c := range []struct {
		name     string
		dev      device
		ndr, pdr float64 // where the goals' loss begins
		slack    float64
	}{
		{"sharp", sharp, capacity, capacity / 0.995, 0},
		{"cliff", cliff, capacity, capacity, 0},
		{"buffering", buffering, capacity + 40_000, (capacity + 40_000) / 0.995, 0},
		{"disturbed", disturbed(5, sharp), capacity, capacity / 0.995, 0},
		// Half of the trials may lose more: the medians are what is looked for.
		{"noisy", noisy, capacity, capacity / 0.995, 0.01},
		{"drifting", drifting(), capacity * 0.98, capacity * 0.98 / 0.995, 0.025},
		{"generator above", behind(0.95e6, sharp), capacity, capacity / 0.995, 0},
	} {
		for _, name := range ProfileNames() {
			for _, guess := range []float64{0, capacity * 1.02, capacity / 20} {
				var b bench
				out := b.run(t, profile(t, name), c.dev, guess, 1)
				t.Logf("%s %s from %.0f: %d trials, %v", c.name, name, guess, out.Trials, out.Spent)
				resolved(t, out.Goals[0], c.ndr, c.slack)
				resolved(t, out.Goals[1], c.pdr, c.slack)
				if t.Failed() {
					t.Fatalf("%s, profile %s, begun at %.0f", c.name, name, guess)
				}
			}
		}
	}
}

// With noise every seed must come out near the truth, whatever it meets first.
func TestNoiseOfManySeeds(t *testing.T) {
	for seed := range uint64(200) {
		var b bench
		out := b.run(t, profile(t, "default"), noisy, capacity, seed)
		resolved(t, out.Goals[0], capacity, 0.02)
		resolved(t, out.Goals[1], capacity/0.995, 0.02)
		if t.Failed() {
			t.Fatalf("seed %d", seed)
		}
	}
}

func TestLossAtEveryLoad(t *testing.T) {
	var b bench
	out := b.run(t, profile(t, "quick"), leaky, capacity, 1)
	ndr := out.Goals[0]
	if ndr.Resolved || ndr.Lower != 0 || ndr.Conditional != 0 || !strings.Contains(ndr.Detail, "exceeded even at the lowest load") {
		t.Errorf("NDR of a device that always loses: %+v", ndr)
	}
	resolved(t, out.Goals[1], capacity/0.995, 0)
}

func TestNeverExceeded(t *testing.T) {
	var b bench
	out := b.run(t, profile(t, "quick"), lossless, 5e5, 1)
	for _, g := range out.Goals {
		if g.Resolved || g.Upper != 0 || g.Lower != 1e6 || g.Conditional != 1e6 || g.Detail != "not exceeded: the highest load, 1000000 packets/s, was carried" {
			t.Errorf("%+v", g)
		}
	}
	if out.MaxPPS != 1e6 {
		t.Errorf("the highest load tried was %v", out.MaxPPS)
	}
}

// Loss that comes and goes with the load: the bounds lie at one of the edges,
// and each is what it says.
func TestLossInABand(t *testing.T) {
	for _, guess := range []float64{0, 0.55 * capacity, 0.3 * capacity} {
		var b bench
		for _, g := range b.run(t, profile(t, "default"), banded, guess, 1).Goals {
			if !g.Resolved {
				t.Errorf("begun at %.0f: %+v", guess, g)
			}
			if loss := banded(g.Lower, 0, nil).Loss; loss > g.Goal.LossRatio {
				t.Errorf("begun at %.0f: %s: loses %v at its lower bound %.0f", guess, g.Goal.Name, loss, g.Lower)
			}
			if loss := banded(g.Upper, 0, nil).Loss; loss <= g.Goal.LossRatio {
				t.Errorf("begun at %.0f: %s: loses %v at its upper bound %.0f", guess, g.Goal.Name, loss, g.Upper)
			}
		}
	}
}

func TestGeneratorTooSlow(t *testing.T) {
	const limit = 654_321
	var b bench
	for _, g := range b.run(t, profile(t, "quick"), behind(limit, sharp), 0, 1).Goals {
		if g.Resolved || g.Upper != 0 || g.Lower > limit || g.Lower < limit*(1-2*g.Goal.Width) || g.Conditional != g.Lower ||
			!strings.Contains(g.Detail, "the generator did not make") {
			t.Errorf("%+v", g)
		}
	}
	b = bench{}
	for _, g := range b.run(t, profile(t, "quick"), behind(10, sharp), 0, 1).Goals {
		if g.Resolved || g.Upper != 0 || g.Lower != 0 || !strings.Contains(g.Detail, "the generator did not make even") {
			t.Errorf("of a generator that makes nothing: %+v", g)
		}
	}
}

// A generator that was late for a while, for whatever reason, is not taken to be
// at its end.
func TestGeneratorLateForAWhile(t *testing.T) {
	var b bench
	dev := func(load float64, d time.Duration, rng *rand.Rand) Trial {
		trial := sharp(load, d, rng)
		trial.Late = b.now.Sub(time.Time{}) < 2*time.Second && load > capacity/2
		return trial
	}
	for _, g := range b.run(t, profile(t, "quick"), dev, capacity, 1).Goals {
		resolved(t, g, capacity/(1-g.Goal.LossRatio), 0)
	}
}

// A search is over when its time is, and says so, and what it had by then.
func TestCap(t *testing.T) {
	for _, limit := range []time.Duration{time.Millisecond, 3 * time.Second, 8 * time.Second, 12 * time.Second} {
		p := profile(t, "full")
		p.Cap = limit
		var b bench
		out := b.run(t, p, sharp, capacity, 1)
		for _, g := range out.Goals {
			if g.Resolved || !strings.Contains(g.Detail, "the search was at its cap of "+limit.String()) {
				t.Errorf("cap %v: %+v", limit, g)
			}
		}
		if limit > 5*time.Second && !strings.Contains(out.Goals[0].Detail, "fewer or shorter trials put it between") {
			t.Errorf("cap %v: no hint in %q", limit, out.Goals[0].Detail)
		}
		if limit == time.Millisecond && out.Trials != 0 {
			t.Errorf("%d trials within a millisecond", out.Trials)
		}
	}
}

func TestNothingButInvalidTrials(t *testing.T) {
	stolen := func(float64, time.Duration, *rand.Rand) Trial { return Trial{Invalid: "steal"} }
	var b bench
	out := b.run(t, profile(t, "full"), stolen, capacity, 1)
	// Of 0.25 s and a pause each.
	if want := int(math.Ceil(float64(patience) / float64(initialTrial+pause))); out.Trials != want || out.Invalid != want ||
		out.Goals[0].Detail != fmt.Sprintf("%d trials in a row were invalid, the last for: steal", want) {
		t.Errorf("%+v, want %d trials", out, want)
	}
}

// A host that is disturbed for a while is waited for.
func TestDisturbedForAWhile(t *testing.T) {
	var b bench
	dev := func(load float64, d time.Duration, rng *rand.Rand) Trial {
		if b.now.Sub(time.Time{}) < patience-time.Second {
			return Trial{Invalid: "steal"}
		}
		return sharp(load, d, rng)
	}
	out := b.run(t, profile(t, "quick"), dev, capacity, 1)
	resolved(t, out.Goals[0], capacity, 0)
	resolved(t, out.Goals[1], capacity/0.995, 0)
}

// A clock that stands still, or goes back, must not make a search endless.
func TestClockThatDoesNotMove(t *testing.T) {
	for _, back := range []time.Duration{0, time.Hour} {
		p := profile(t, "quick")
		p.Cap = 10 * time.Second
		var b bench
		s := b.search(p, capacity)
		now := time.Now()
		s.Now = func() time.Time { now = now.Add(-back); return now }
		out, err := s.Run(context.Background(), b.measure(disturbed(2, leaky), 1))
		if err != nil {
			t.Fatal(err)
		}
		if out.Spent > p.Cap || out.Spent < p.Cap-2*time.Second {
			t.Errorf("spent %v of %v", out.Spent, p.Cap)
		}
	}
}

// bisection is the plain way: each goal for itself, from the ends of the grid,
// every load decided in full.
func (b *bench) bisection(s Search, measure Measure) {
	for _, goal := range s.Goals {
		g := newGrid(s.Lowest, s.Highest, goal.Width)
		t := newSeeker(goal, g).last()
		decide := func(step int) class {
			var results []result
			for {
				got, _ := measure(context.Background(), g.load(step), goal.Final)
				results = append(results, result{got.Loss, goal.Final})
				if c := t.classify(results); c != undecided {
					return c
				}
			}
		}
		lower, upper := 0, g.top
		decide(lower)
		decide(upper)
		for upper-lower > t.steps {
			if at := (lower + upper) / 2; decide(at) == lowerBound {
				lower = at
			} else {
				upper = at
			}
		}
	}
}

func TestCheaperThanBisection(t *testing.T) {
	for name, dev := range map[string]device{"sharp": sharp, "cliff": cliff, "noisy": noisy} {
		for _, profileName := range ProfileNames() {
			p := profile(t, profileName)
			var search, plain bench
			out := search.run(t, p, dev, capacity*1.01, 3)
			plain.bisection(plain.search(p, 0), plain.measure(dev, 3))
			spent, plainly := out.Spent, plain.now.Sub(time.Time{})
			t.Logf("%s, %s: %d trials in %v; bisection: %d in %v", name, profileName, out.Trials, spent, len(plain.trial), plainly)
			if spent > plainly*6/10 {
				t.Errorf("%s, %s: took %v, bisection %v", name, profileName, spent, plainly)
			}
		}
	}
}

func TestRunRefuses(t *testing.T) {
	good := profile(t, "quick").Goal("ndr_pps", 0)
	with := func(change func(*Goal)) []Goal { g := good; change(&g); return []Goal{g} }
	s := Search{Goals: []Goal{good}, Lowest: 1, Highest: 2, Cap: time.Second}
	for name, c := range map[string]struct {
		change func(*Search)
		want   string
	}{
		"no goal":       {func(s *Search) { s.Goals = nil }, "at least one goal"},
		"no lowest":     {func(s *Search) { s.Lowest = 0 }, "lowest load"},
		"order":         {func(s *Search) { s.Highest = 1 }, "lowest load"},
		"NaN":           {func(s *Search) { s.Highest = math.NaN() }, "lowest load"},
		"infinite":      {func(s *Search) { s.Highest = math.Inf(1) }, "lowest load"},
		"no cap":        {func(s *Search) { s.Cap = 0 }, "cap"},
		"loss 1":        {func(s *Search) { s.Goals = with(func(g *Goal) { g.LossRatio = 1 }) }, "loss ratio"},
		"loss NaN":      {func(s *Search) { s.Goals = with(func(g *Goal) { g.LossRatio = math.NaN() }) }, "loss ratio"},
		"exceed 1":      {func(s *Search) { s.Goals = with(func(g *Goal) { g.ExceedRatio = 1 }) }, "exceed ratio"},
		"width 0":       {func(s *Search) { s.Goals = with(func(g *Goal) { g.Width = 0 }) }, "width"},
		"initial 0":     {func(s *Search) { s.Goals = with(func(g *Goal) { g.Initial = 0 }) }, "initial trial"},
		"sum too short": {func(s *Search) { s.Goals = with(func(g *Goal) { g.Sum = g.Final / 2 }) }, "duration sum"},
	} {
		bad := s
		c.change(&bad)
		_, err := bad.Run(context.Background(), func(context.Context, float64, time.Duration) (Trial, error) {
			t.Errorf("%s: measured", name)
			return Trial{}, errors.New("not to be called")
		})
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v, want something about %q", name, err, c.want)
		}
	}
}

func TestMeasureFails(t *testing.T) {
	broken := errors.New("set offloads: EINVAL")
	var b bench
	s := b.search(profile(t, "quick"), capacity)
	_, err := s.Run(context.Background(), func(context.Context, float64, time.Duration) (Trial, error) { return Trial{}, broken })
	if !errors.Is(err, broken) || !strings.HasPrefix(err.Error(), "measure at 81") {
		t.Errorf("%v", err)
	}
	for _, loss := range []float64{math.NaN(), -0.1, 1.5} {
		_, err := s.Run(context.Background(), func(context.Context, float64, time.Duration) (Trial, error) { return Trial{Loss: loss}, nil })
		if err == nil || !strings.Contains(err.Error(), "not within 0 and 1") {
			t.Errorf("loss %v: %v", loss, err)
		}
	}
}
