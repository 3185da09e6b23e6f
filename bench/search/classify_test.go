package search

import (
	"math"
	"testing"
	"time"
)

// exampleGoals are those of RFC 9971, appendix C, where examplePoints has the
// trials. At points 5 and 6 the last row of the tables calls the goal `20% exceed`
// a lower bound, against the figures above it (exceed ratios of 42.857 % and
// 27.273 % are more than 20 %) and against the code of appendix A, which counts.
var exampleGoals = []struct {
	name   string
	target target
	// classes at points 1 to 6 of appendix C.3: undecided, lower, upper.
	classes string
	// conditional throughput at point 6 by appendix C.4, in frames/s.
	conditional float64
}{
	{"RFC2544", target{loss: 0, exceed: 0, final: time.Minute, sum: time.Minute}, "?UUUUU", 0},
	{"TST009", target{loss: 0, exceed: 0.5, final: time.Minute, sum: 2 * time.Minute}, "?????L", 1e6},
	{"1s final", target{loss: 0.005, exceed: 0.5, final: time.Second, sum: 2 * time.Minute}, "???LLL", 1e6},
	{"20% exceed", target{loss: 0.005, exceed: 0.2, final: time.Minute, sum: time.Minute}, "??UUUU", 999e3},
}

// examplePoints gives the trials of each point: those before and some more.
func examplePoints() (points [][]result) {
	var all []result
	add := func(n int, d time.Duration, loss float64) {
		for range n {
			all = append(all, result{loss, d})
		}
		points = append(points, all[:len(all):len(all)])
	}
	add(59, time.Second, 0)
	add(1, time.Second, 0.01)
	add(59, time.Second, 0.01)
	add(1, time.Second, 0)
	add(1, time.Minute, 0.001)
	add(1, time.Minute, 0)
	return points
}

func TestClassifyExampleOfRFC9971(t *testing.T) {
	letter := map[class]byte{undecided: '?', lowerBound: 'L', upperBound: 'U'}
	for _, goal := range exampleGoals {
		var got []byte
		for _, results := range examplePoints() {
			got = append(got, letter[goal.target.classify(results)])
		}
		if string(got) != goal.classes {
			t.Errorf("%s: points 1 to 6 are %s, want %s by appendix C.3", goal.name, got, goal.classes)
		}
	}
}

func TestConditionalExampleOfRFC9971(t *testing.T) {
	points := examplePoints()
	for _, goal := range exampleGoals[1:] { // the first has the load as an upper bound
		if got := goal.target.conditional(1e6, points[5]); math.Abs(got-goal.conditional) > 1e-6 {
			t.Errorf("%s: conditional throughput %v, appendix C.4 has %v", goal.name, got, goal.conditional)
		}
	}
}

func TestConditional(t *testing.T) {
	goal := target{loss: 0.5, exceed: 0.5, final: time.Second, sum: 5 * time.Second}
	for _, c := range []struct {
		name string
		loss []float64 // of trials of 1 s
		want float64   // at a load of 1000
	}{
		{"half of 5 s is reached in the third trial", []float64{0.3, 0.1, 0.2}, 700},
		{"the better trials count", []float64{0, 0.4, 0, 0.4, 0}, 1000},
		{"beyond the sum the middle moves on", []float64{0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7}, 600},
		{"too few trials: what is missing counts as lost", []float64{0, 0}, 0},
		{"none", nil, 0},
	} {
		var results []result
		for _, loss := range c.loss {
			results = append(results, result{loss, time.Second})
		}
		results = append(results, result{0.9, time.Second / 4}) // a short trial has no say
		if got := goal.conditional(1000, results); math.Abs(got-c.want) > 1e-9 {
			t.Errorf("%s: %v, want %v", c.name, got, c.want)
		}
	}
}

// Once a load is decided with the duration sum not yet used up, no result
// within the rest may change it: that is what lets a search stop early.
func TestDecidedStaysDecidedWithinTheSum(t *testing.T) {
	for _, sum := range []int{1, 5, 11, 21} {
		goal := target{loss: 0.005, exceed: 0.5, final: time.Second, sum: time.Duration(sum) * time.Second}
		for high := range sum + 1 {
			for low := range sum + 1 - high {
				var results []result
				for range high {
					results = append(results, result{0.006, time.Second})
				}
				for range low {
					results = append(results, result{0.005, time.Second})
				}
				got := goal.classify(results)
				want := undecided
				switch {
				case 2*high > sum:
					want = upperBound
				case 2*(sum-low) <= sum: // even if the rest were lost
					want = lowerBound
				}
				if got != want {
					t.Errorf("sum %d s, %d trials with high loss, %d with low: %v, want %v", sum, high, low, got, want)
				}
			}
		}
	}
}

func TestGrid(t *testing.T) {
	g := newGrid(1e3, 1e6, 0.02)
	if got := g.load(g.top); got != 1e6 {
		t.Errorf("the top is %v, not the highest load", got)
	}
	if got := g.load(0); got < 1e3 || got > 1e3*1.005 {
		t.Errorf("step 0 is %v: within one step of the lowest load and not below it is wanted", got)
	}
	if got := 1 - g.load(7)/g.load(7+stepsPerWidth); math.Abs(got-0.02) > 1e-12 {
		t.Errorf("%d steps are a width of %v, want 0.02", stepsPerWidth, got)
	}
	for step := 0; step <= g.top; step++ {
		if got := g.nearest(g.load(step)); got != step {
			t.Fatalf("nearest to the load of step %d is %d", step, got)
		}
	}
	for load, want := range map[float64]int{0: 0, -1: 0, math.NaN(): 0, 1: 0, 1e9: g.top} {
		if got := g.nearest(load); got != want {
			t.Errorf("nearest to %v is %d, want %d", load, got, want)
		}
	}
	for width, want := range map[float64]int{0.02: 4, 0.0396: 8, 0.001: 1} {
		if got := g.steps(width); got != want {
			t.Errorf("a width of %v is %d steps, want %d", width, got, want)
		}
	}
}

func TestProfiles(t *testing.T) {
	for _, c := range []struct {
		name       string
		sum, limit time.Duration
		width      float64
	}{
		{"quick", 5 * time.Second, time.Minute, 0.02},
		{"default", 11 * time.Second, 3 * time.Minute, 0.01},
		{"full", 21 * time.Second, 20 * time.Minute, 0.005},
	} {
		p, err := ParseProfile(c.name)
		if err != nil {
			t.Fatal(err)
		}
		g := p.Goal("pdr_pps", 0.005)
		if g.Sum != c.sum || p.Cap != c.limit || g.Width != c.width || g.Final != time.Second || g.ExceedRatio != 0.5 || g.LossRatio != 0.005 {
			t.Errorf("%s: cap %v, goal %+v", c.name, p.Cap, g)
		}
		if err := g.validate(); err != nil {
			t.Errorf("%s: %v", c.name, err)
		}
	}
	if _, err := ParseProfile("slow"); err == nil || err.Error() != `no search profile "slow": choose quick, default, full` {
		t.Errorf("an unknown profile: %v", err)
	}
}
