package knockout

import (
	"math"
	"math/rand/v2"
	"slices"
	"testing"
)

// contest measures candidates of those true ratios, with noise of that deviation that is
// not normal: one block in ten is disturbed. It ends after so many blocks.
func contest(rng *rand.Rand, truth []float64, noise float64, blocks int) *Knockout {
	k := New(len(truth), 0.03, 0.05)
	for range blocks {
		host := 0.3 * rng.NormFloat64() // the same to all
		scores := make([]float64, len(truth))
		for i, r := range truth {
			spread := noise
			if rng.IntN(10) == 0 {
				spread *= 8
			}
			scores[i] = host + math.Log(r) + spread*rng.NormFloat64()
		}
		k.Add(scores)
	}
	return k
}

// The best is dropped in at most 5 % of contests, with equals and with rivals just below it,
// however noisy, although one looks after each of many blocks.
func TestBestIsKept(t *testing.T) {
	const contests = 400
	for name, truth := range map[string][]float64{
		"equal":  {1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1},
		"close":  {1, 0.999, 0.999, 0.99, 0.99, 0.98, 0.98, 0.97, 0.97, 0.96, 0.96, 0.95},
		"spread": {1, 0.999, 0.7, 0.6, 0.5, 0.4, 0.3, 0.2, 0.2, 0.2, 0.2, 0.2},
	} {
		for _, noise := range []float64{0.01, 0.1} {
			rng := rand.New(rand.NewPCG(1, 2))
			lost := 0
			for range contests {
				if !slices.Contains(contest(rng, truth, noise, 60).Left(), 0) {
					lost++
				}
			}
			// 20 are expected at most; 33 are three deviations above.
			if lost > 33 {
				t.Errorf("%s, noise %v: the best was dropped in %d of %d contests", name, noise, lost, contests)
			}
		}
	}
}

// Without a margin, and with a rival that is a little worse: the level is used, so the test
// above can fail.
func TestLevelIsTight(t *testing.T) {
	rng := rand.New(rand.NewPCG(3, 4))
	dropped, wrong := 0, 0
	for range 2000 {
		k := New(2, 0, 0.05)
		for range 200 {
			k.Add([]float64{rng.NormFloat64(), rng.NormFloat64()})
		}
		dropped += len(k.Out())
		k = New(2, 0, 0.05)
		for range 200 {
			k.Add([]float64{rng.NormFloat64() - 0.5, rng.NormFloat64()})
		}
		if len(k.Out()) == 0 || k.Out()[0].Candidate != 0 {
			wrong++
		}
	}
	// Each of two equals may be dropped in 5 %.
	if dropped < 20 || dropped > 200 {
		t.Errorf("one of two equals was dropped in %d of 2000 contests", dropped)
	}
	if wrong > 200 {
		t.Errorf("the worse was not dropped in %d of 2000", wrong)
	}
}

func TestLosersAreDropped(t *testing.T) {
	truth := []float64{1, 1, 0.99, 0.5, 0.4, 0.3, 0.2, 0.2, 0.2, 0.2, 0.15, 0.1, 0.1, 0.1, 0.1, 0.1}
	rng := rand.New(rand.NewPCG(5, 6))
	need := BlocksNeeded(len(truth), 0.05)
	for range 50 {
		k := contest(rng, truth, 0.03, need+3)
		left := k.Left()
		if len(left) > 5 || !slices.Contains(left, 0) || !slices.Contains(left, 1) {
			t.Errorf("after %d blocks %v are left", need+3, left)
		}
		for _, d := range k.Out() {
			if truth[d.Candidate] >= truth[d.By] || d.Block < need {
				t.Errorf("%+v", d)
			}
		}
	}
	if need < 8 || need > 11 {
		t.Errorf("%d blocks are needed to drop one of 16", need)
	}
}

// Ten per cent below with a spread of 5 % in each block is found within sixty blocks.
func TestPower(t *testing.T) {
	rng := rand.New(rand.NewPCG(7, 8))
	found := 0
	for range 200 {
		if !slices.Contains(contest(rng, []float64{1, 0.9, 0.9, 0.9, 0.9, 0.9}, 0.05, 60).Left(), 1) {
			found++
		}
	}
	if found < 160 {
		t.Errorf("found in %d of 200 contests", found)
	}
}

func TestRatios(t *testing.T) {
	k := New(4, 0.03, 0.05)
	nan := math.NaN()
	for _, s := range [][]float64{{1, 2, nan, 1.99}, {1.1, 2.1, nan, 2.08}, {1, 2, 3, nan}} {
		k.Add(s)
	}
	if r, ok := k.Ratio(1, 0); !ok || math.Abs(r-math.E) > 1e-9 {
		t.Errorf("ratio %v, %v", r, ok)
	}
	if _, ok := k.Ratio(2, 3); ok {
		t.Error("a ratio of two that were never measured together")
	}
	if got := k.Leader(); got != 2 {
		t.Errorf("leader %d", got)
	}
	k.Withdraw(2)
	if got := k.Close(); k.Leader() != 1 || !slices.Equal(got, []int{1, 3}) {
		t.Errorf("leader %d, close %v", k.Leader(), got)
	}
	if k.Blocks() != 3 || len(k.Out()) != 0 || !slices.Equal(k.Left(), []int{0, 1, 3}) {
		t.Errorf("%d blocks, out %v, left %v", k.Blocks(), k.Out(), k.Left())
	}
	for range 3 {
		k.Withdraw(k.Leader())
	}
	if k.Leader() != -1 || k.Close() != nil {
		t.Error("a leader of nobody")
	}
}
