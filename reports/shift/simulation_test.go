package shift

import (
	"flag"
	"math"
	"math/rand/v2"
	"runtime"
	"slices"
	"sync"
	"testing"
)

var simulated = flag.Int("comparisons", 0, "comparisons to simulate of each kind, such as 20000; by default about a hundred")

// world is how simulated runs scatter, in logarithms.
type world struct {
	name      string
	scenarios int
	blocks    int
	low, high float64 // a scenario's trials scatter by something between, from block to block
	tails     float64 // degrees of freedom of that noise; 0: normal
	runLow    float64 // a scenario's level scatters by something between, from run to run
	runHigh   float64
	shared    float64 // what all scenarios of a run have in common, from run to run
	common    float64 // what all scenarios of a block have in common
	class     float64 // what the scenarios of one size share, from block to block; half of it from run to run
	invalid   float64 // share of the trials that are missing
	missing   int     // scenarios that the new run lacks
	wild      float64 // share of the trials that are off by up to 30 %
}

var worlds = []world{
	{name: "normal", scenarios: 45, blocks: 6, low: .03, high: .06, runLow: .007, runHigh: .021, shared: .014},
	{name: "heavy tails", scenarios: 45, blocks: 6, low: .03, high: .06, tails: 4, runLow: .007, runHigh: .021, shared: .014},
	{name: "shared offset", scenarios: 45, blocks: 6, low: .03, high: .06, tails: 4, runLow: .01, runHigh: .03, shared: .03},
	{name: "blocks", scenarios: 45, blocks: 6, low: .03, high: .06, tails: 4, runLow: .007, runHigh: .021, shared: .014, common: .05},
	{name: "invalid trials", scenarios: 45, blocks: 6, low: .03, high: .06, tails: 4, runLow: .007, runHigh: .021, shared: .014, common: .03, invalid: .1, missing: 3},
	{name: "outliers", scenarios: 45, blocks: 6, low: .03, high: .06, tails: 4, runLow: .007, runHigh: .021, shared: .014, common: .03, wild: .03},
	{name: "classes", scenarios: 45, blocks: 6, low: .03, high: .06, tails: 4, runLow: .007, runHigh: .021, shared: .014, common: .03, class: .02},
	{name: "quiet", scenarios: 45, blocks: 6, low: .005, high: .02, runLow: 0, runHigh: .005, shared: .005},
	{name: "no run scatter", scenarios: 45, blocks: 6, low: .03, high: .06},
	{name: "fifteen", scenarios: 15, blocks: 6, low: .03, high: .06, tails: 4, runLow: .007, runHigh: .021, shared: .014, common: .03},
	{name: "four", scenarios: 4, blocks: 6, low: .03, high: .06, tails: 4, runLow: .007, runHigh: .021, shared: .014, common: .03},
	{name: "one", scenarios: 1, blocks: 6, low: .03, high: .06, tails: 4, runLow: .007, runHigh: .021, shared: .014, common: .03},
	{name: "three blocks", scenarios: 45, blocks: 3, low: .03, high: .06, tails: 4, runLow: .007, runHigh: .021, shared: .014, common: .03},
}

// noise has a standard deviation of 1.
func (w world) noise(r *rand.Rand) float64 {
	if w.tails == 0 {
		return r.NormFloat64()
	}
	chi := 0.0
	for range int(w.tails) {
		z := r.NormFloat64()
		chi += z * z
	}
	return r.NormFloat64() / math.Sqrt(chi/w.tails) / math.Sqrt(w.tails/(w.tails-2))
}

// axesOf spreads values of seven axes over scenarios: two thirds have io=read.
func axesOf(i int) []string {
	io := []string{"read", "read", "spin"}[i%3]
	dir := []string{"k2u", "k2u", "u2k", "k2u", "both"}[i%5]
	groups := []string{
		"io=" + io, "dir=" + dir,
		"size=" + []string{"64", "64", "1500"}[i/2%3],
		"gen=" + []string{"udp", "udp", "tcp", "udp-gso"}[i/3%4],
		"queues=" + []string{"1", "1", "4"}[i/4%3],
		"vnet=" + []string{"off", "10", "12", "off"}[i/5%4],
		"path=" + []string{"sink", "sink", "sink", "relay"}[i/7%4],
		"flows=" + []string{"1", "64"}[i/2%2],
	}
	return append(groups, "dir="+dir+" io="+io)
}

// draw makes two runs; the new one differs by change in the scenarios that moves selects.
func (w world) draw(r *rand.Rand, change float64, moves func(i int) bool) (list []Scenario) {
	list = make([]Scenario, w.scenarios)
	trial, run := make([]float64, w.scenarios), make([]float64, w.scenarios)
	for i := range list {
		list[i].Groups = axesOf(i)
		trial[i] = w.low + (w.high-w.low)*r.Float64()
		run[i] = w.runLow + (w.runHigh-w.runLow)*r.Float64()
	}
	for side := range 2 {
		shared := w.shared * r.NormFloat64()
		classRun := map[string]float64{}
		own := make([]float64, w.scenarios)
		for i := range own {
			own[i] = run[i] * r.NormFloat64()
			size := list[i].Groups[2]
			if _, ok := classRun[size]; !ok {
				classRun[size] = w.class / 2 * r.NormFloat64()
			}
			own[i] += classRun[size]
		}
		for b := range w.blocks {
			common := w.common * r.NormFloat64()
			class := map[string]float64{}
			for i := range list {
				size := list[i].Groups[2]
				if _, ok := class[size]; !ok {
					class[size] = w.class * r.NormFloat64()
				}
				v := shared + own[i] + common + class[size] + trial[i]*w.noise(r)
				if w.wild > 0 && r.Float64() < w.wild {
					v += .6 * (r.Float64() - .5)
				}
				if side == 1 && moves(i) {
					v += math.Log1p(change)
				}
				if r.Float64() < w.invalid && b > 0 {
					continue
				}
				if side == 0 {
					list[i].Base = append(list[i].Base, Value{b + 1, v})
				} else {
					list[i].New = append(list[i].New, Value{b + 1, v})
				}
			}
		}
	}
	for range w.missing {
		k := r.IntN(len(list))
		list = append(list[:k:k], list[k+1:]...)
	}
	return list
}

func none(int) bool    { return false }
func all(int) bool     { return true }
func reads(i int) bool { return i%3 != 2 }
func one(i int) bool   { return i == 7 }

// simulate counts the comparisons for which found is true.
func simulate(t testing.TB, w world, seed uint64, n int, change float64, moves func(int) bool, found func(Result) bool) int {
	var sum int
	var guard sync.Mutex
	var workers sync.WaitGroup
	threads := runtime.GOMAXPROCS(0)
	for k := range threads {
		workers.Go(func() {
			hits := 0
			for i := k; i < n; i += threads {
				r := rand.New(rand.NewPCG(seed, uint64(i)))
				res, err := Judge(w.draw(r, change, moves), Options{Threshold: .03})
				if err != nil {
					t.Error(err)
					return
				}
				if found(res) {
					hits++
				}
			}
			guard.Lock()
			sum += hits
			guard.Unlock()
		})
	}
	workers.Wait()
	return sum
}

// anything reports whether anything moved.
func anything(r Result) bool {
	return slices.ContainsFunc(r.Single, func(s Single) bool { return s.Moves })
}

func regressed(r Result) bool {
	return slices.ContainsFunc(r.Single, func(s Single) bool { return s.Moves && s.Change < 0 })
}

// comparisons is the number of comparisons to simulate, where that many do for a quick test.
func comparisons(quick int) int {
	if *simulated > 0 {
		return *simulated
	}
	return quick
}

// most is the number of hits in n that a share of at most share exceeds with a
// probability of about 1e-4, and least the same from below.
func most(n int, share float64) int {
	return int(math.Ceil(share*float64(n) + 3.72*math.Sqrt(share*(1-share)*float64(n)) + 2))
}

func least(n int, share float64) int { return n - most(n, 1-share) }

// TestNoFalseAlarm: two runs of one build show a change in at most 0.5 % of comparisons.
func TestNoFalseAlarm(t *testing.T) {
	n := comparisons(150)
	for k, w := range worlds {
		hits := simulate(t, w, uint64(k), n, 0, none, anything)
		t.Logf("%s: %d of %d comparisons of equal runs show a change (%.2f %%)", w.name, hits, n, 100*float64(hits)/float64(n))
		if hits > most(n, Alpha) {
			t.Errorf("%s: %d false alarms of %d", w.name, hits, n)
		}
	}
}

// powers are the sizes of changes, and the least share of comparisons that find them.
var powers = []struct {
	world, what string
	moves       func(int) bool
	change      float64
	least       float64
}{
	{"normal", "30 of 45 scenarios", reads, -.08, .95},
	{"heavy tails", "30 of 45 scenarios", reads, -.08, .95},
	{"blocks", "30 of 45 scenarios", reads, -.08, .95},
	{"invalid trials", "30 of 45 scenarios", reads, -.08, .95},
	{"outliers", "30 of 45 scenarios", reads, -.08, .95},
	{"classes", "30 of 45 scenarios", reads, -.08, .94},
	{"shared offset", "30 of 45 scenarios", reads, -.08, .88},
	{"quiet", "30 of 45 scenarios", reads, -.04, .95},
	{"normal", "one scenario", one, -.08, 0},
	{"normal", "one scenario", one, -.26, .95},
	{"heavy tails", "one scenario", one, -.26, .95},
	{"quiet", "one scenario", one, -.11, .95},
	{"normal", "all scenarios", all, -.18, .95},
	{"heavy tails", "all scenarios", all, -.18, .95},
}

// TestPower: a change of that size is found.
func TestPower(t *testing.T) {
	n := comparisons(100)
	for _, p := range powers {
		k := slices.IndexFunc(worlds, func(w world) bool { return w.name == p.world })
		hits := simulate(t, worlds[k], 100+uint64(k), n, p.change, p.moves, regressed)
		t.Logf("%s: %s changed by %.0f %%: found in %.1f %% of %d", p.world, p.what, 100*p.change, 100*float64(hits)/float64(n), n)
		if hits < least(n, p.least) {
			t.Errorf("%s: %s changed by %.0f %%: found in %d of %d", p.world, p.what, 100*p.change, hits, n)
		}
	}
}

// TestUnequalChange: a change that moves few scenarios far, others a little and most not at
// all is found, although it makes the scenarios scatter; those it did not move stay. It is
// what a slower reader did to 12 scenarios.
func TestUnequalChange(t *testing.T) {
	far, n := .25, comparisons(100)
	w := world{scenarios: 12, blocks: 6, low: .01, high: .025, tails: 4, runLow: .003, runHigh: .014, shared: .01}
	changes := []float64{-far, -far, -.11, -.11, .03, .03, .01, .01, 0, 0, 0, 0}
	for name, scatter := range map[string]Scatter{"assumed": {}, "measured": {Shared: .01, Own: .01, Runs: 5}} {
		found, wrong := 0, 0
		for i := range n {
			list := w.draw(rand.New(rand.NewPCG(9, uint64(i))), 0, none)
			for k := range list {
				for b := range list[k].New {
					list[k].New[b].Log += math.Log1p(changes[k])
				}
			}
			r, err := Judge(list, Options{Threshold: .03, Scatter: scatter})
			if err != nil {
				t.Fatal(err)
			}
			if r.Single[0].Moves && r.Single[0].Change < 0 && r.Single[1].Moves {
				found++
			}
			if slices.ContainsFunc(r.Single[8:], func(s Single) bool { return s.Moves }) {
				wrong++
			}
		}
		t.Logf("scatter %s: found in %d of %d, and something else in %d", name, found, n, wrong)
		if found < least(n, .95) || wrong > most(n, .04) {
			t.Errorf("scatter %s: found in %d of %d, and something else in %d", name, found, n, wrong)
		}
	}
}

// TestReach: a change of the size that Judge says it would have found is found.
func TestReach(t *testing.T) {
	n := comparisons(100)
	for k, w := range worlds[:2] {
		r := rand.New(rand.NewPCG(1, 1))
		sum := 0.0
		for range 50 {
			res, err := Judge(w.draw(r, 0, none), Options{Threshold: .03})
			if err != nil {
				t.Fatal(err)
			}
			sum += res.Single[7].Reach / 50
		}
		hits := simulate(t, w, 200+uint64(k), n, -sum, one, regressed)
		t.Logf("%s: one scenario changed by its reach, %.1f %%: found in %.1f %%", w.name, 100*sum, 100*float64(hits)/float64(n))
		if hits < least(n, .93) {
			t.Errorf("%s: one scenario changed by its reach, %.1f %%: found in %d of %d", w.name, 100*sum, hits, n)
		}
	}
}
