// Package knockout drops those of several candidates that are shown to be worse than
// another one, and keeps the chance that the best is dropped below a level, however often
// one looks.
package knockout

import (
	"math"
	"slices"

	"tunbench/reports/stat"
)

// Knockout is a contest of candidates that are measured together in blocks. A block gives
// each a score, the logarithm of what is measured, of which more is better.
//
// For each pair of candidates it bets against "the first is not worse than the second by
// more than the margin": in each block the bet wins where the score of the first is lower
// by more than the margin, and loses elsewhere. While the hypothesis is true for the
// medians, a bet wins at most every second time, whatever was seen before, so that the
// capital is a supermartingale that begins with 1; the chance that it ever reaches n is at
// most 1/n (Ville's inequality; Ramdas, Grünwald, Vovk and Shafer, Statist. Sci. 38 (2023)
// 576). Nothing is assumed about the noise, and one may look after every block.
//
// The first is dropped when the capital of one of its bets reaches its number of opponents
// over alpha: the chance that the best candidate is ever dropped is at most alpha. Those
// that are within the margin of the best stay in the contest with the same probability.
type Knockout struct {
	margin, limit float64
	bets          [][]bet // against the first, for the second
	blocks        int
	scores        [][]float64 // by candidate and block; NaN where there is none
	out           []Dropped
	gone          []bool
}

// Dropped is a candidate that was dropped.
type Dropped struct {
	Candidate int
	By        int // the candidate than which it was shown to be worse
	Block     int // after which, from 1
}

// stakes are the shares of the capital that are bet, in equal parts: small ones find a
// candidate that is worse in most blocks, large ones one that is worse in all.
var stakes = [...]float64{0.2, 0.6, 0.95}

// bet is the capital of the bets with each stake.
type bet [len(stakes)]float64

func (b *bet) play(won bool) {
	for i, stake := range stakes {
		if won {
			b[i] *= 1 + stake
		} else {
			b[i] *= 1 - stake
		}
	}
}

func (b *bet) capital() (sum float64) {
	for _, c := range b {
		sum += c / float64(len(b))
	}
	return sum
}

// New begins a contest of n candidates. The margin is a ratio, such as 0.03: what is worse
// by no more is not dropped.
func New(n int, margin, alpha float64) *Knockout {
	k := &Knockout{margin: -math.Log1p(-margin), limit: float64(max(1, n-1)) / alpha, gone: make([]bool, n)}
	for range n {
		row := make([]bet, n)
		for j := range row {
			for i := range row[j] {
				row[j][i] = 1
			}
		}
		k.bets = append(k.bets, row)
		k.scores = append(k.scores, nil)
	}
	return k
}

// BlocksNeeded is the least number of blocks after which one of n candidates can be
// dropped.
func BlocksNeeded(n int, alpha float64) int {
	var b bet
	for i := range b {
		b[i] = 1
	}
	blocks := 0
	for b.capital() < float64(max(1, n-1))/alpha {
		b.play(true)
		blocks++
	}
	return blocks
}

// Add takes in the scores of a block, NaN for a candidate that has none, and returns those
// that are dropped after it.
func (k *Knockout) Add(scores []float64) (dropped []Dropped) {
	k.blocks++
	for i, s := range scores {
		if k.gone[i] {
			s = math.NaN()
		}
		k.scores[i] = append(k.scores[i], s)
	}
	for i, own := range scores {
		for j, other := range scores {
			if i != j && !k.gone[i] && !k.gone[j] && !math.IsNaN(own) && !math.IsNaN(other) {
				k.bets[i][j].play(other-own > k.margin)
			}
		}
	}
	for i := range k.gone {
		if by, capital := k.strongest(i); !k.gone[i] && capital >= k.limit {
			dropped = append(dropped, Dropped{i, by, k.blocks})
		}
	}
	for _, d := range dropped {
		k.gone[d.Candidate] = true
	}
	k.out = append(k.out, dropped...)
	return dropped
}

// strongest is the opponent whose bet against i has the most capital.
func (k *Knockout) strongest(i int) (by int, capital float64) {
	for j := range k.bets[i] {
		if c := k.bets[i][j].capital(); i != j && c > capital {
			by, capital = j, c
		}
	}
	return by, capital
}

// Withdraw takes a candidate out that cannot be measured any more.
func (k *Knockout) Withdraw(i int) { k.gone[i] = true }

// Left lists the candidates that are neither dropped nor withdrawn.
func (k *Knockout) Left() (list []int) {
	for i, gone := range k.gone {
		if !gone {
			list = append(list, i)
		}
	}
	return list
}

// Out lists the candidates that were dropped, in the order in which they were.
func (k *Knockout) Out() []Dropped { return slices.Clone(k.out) }

// Blocks is how many there were.
func (k *Knockout) Blocks() int { return k.blocks }

// Ratio estimates what i measures relative to j, from the blocks in which both have a
// score. ok is false where there is none.
func (k *Knockout) Ratio(i, j int) (ratio float64, ok bool) {
	d, err := stat.HodgesLehmann(k.diffs(i, j))
	return math.Exp(d), err == nil
}

// Leader is the candidate among those that are left which no other beats by the estimates,
// or by the fewest; -1 if none is left.
func (k *Knockout) Leader() int {
	leader, fewest := -1, 0
	for _, i := range k.Left() {
		beaten := 0
		for _, j := range k.Left() {
			if r, ok := k.Ratio(i, j); ok && r < 1 {
				beaten++
			}
		}
		if leader < 0 || beaten < fewest {
			leader, fewest = i, beaten
		}
	}
	return leader
}

const (
	// doubt is the p below which the leader is taken to be better than a candidate, and
	// doubtful how far below the leader a candidate may be by estimate where that is open.
	doubt    = 0.1
	doubtful = 0.85
)

// Close lists the candidates that are left and may be as good as the leader, which is one of
// them: by estimate they are within the margin, or the difference may be chance.
func (k *Knockout) Close() (list []int) {
	leader := k.Leader()
	for _, i := range k.Left() {
		diffs := k.diffs(i, leader)
		d, err := stat.HodgesLehmann(diffs)
		if i != leader && err != nil {
			continue
		}
		p, err := stat.SignedRank(diffs)
		if i == leader || d >= -k.margin || err == nil && p > doubt && d > math.Log(doubtful) {
			list = append(list, i)
		}
	}
	return list
}

// diffs are the differences of the scores of i and j, in the blocks in which both have one.
func (k *Knockout) diffs(i, j int) (diffs []float64) {
	for b := range k.scores[i] {
		if d := k.scores[i][b] - k.scores[j][b]; !math.IsNaN(d) {
			diffs = append(diffs, d)
		}
	}
	return diffs
}
