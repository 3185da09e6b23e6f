package figure

import (
	"cmp"
	"maps"
	"math"
	"slices"

	"tunbench/reports/record"
	"tunbench/reports/stat"
)

// Ratio compares a rate with another one of the same run.
type Ratio struct {
	Value float64
	// Interval is exact from six blocks on, else the range of the blocks.
	Interval Interval
	// Each has the ratio of each block or, without Rounds, of each pair of trials.
	Each []float64
	// Rounds reports that the ratios are of the rounds that both have in common:
	// windows that were measured by turns. Value is then the Hodges-Lehmann estimate,
	// else the median.
	Rounds bool
}

// Count is what a rate counts in a window.
type Count func(record.Window) uint64

// The counts of the packet rate and of the bit rate.
var (
	Packets Count = func(w record.Window) uint64 { return w.Pkts }
	Bytes   Count = func(w record.Window) uint64 { return w.Bytes }
)

// RatioOf compares the rate of a with that of base, block by block and in the rounds
// of a block that both have in common: a host whose speed wanders is the same host to
// both. Invalid trials are left out. It is false where the two share no round, as in
// files of a tunbench that measured one trial after the other.
func RatioOf(a, base Arm, of Count) (Ratio, bool) {
	byBlock := ratios(a, base, of)
	each := make([]float64, 0, len(byBlock))
	for _, b := range slices.SortedFunc(maps.Keys(byBlock), block.compare) {
		each = append(each, byBlock[b])
	}
	return byBlocks(each)
}

// byBlocks summarizes the ratios of blocks, on logarithms: a ratio and its inverse are
// as far from 1.
func byBlocks(each []float64) (Ratio, bool) {
	logs := make([]float64, len(each))
	for i, v := range each {
		logs[i] = math.Log(v)
	}
	mid, err := stat.HodgesLehmann(logs)
	if err != nil {
		return Ratio{}, false
	}
	r := Ratio{Value: math.Exp(mid), Each: each, Rounds: true}
	if in, ok := IntervalOf(logs); ok {
		r.Interval = Interval{math.Exp(in.Low), math.Exp(in.High), in.Exact}
	}
	return r, true
}

// block identifies the trials whose windows were measured by turns. They have begun at
// the same time: in a block of more scenarios than can be measured together, and in one
// that was measured again after an interruption, rounds are counted anew.
type block struct {
	shard, block, pair int
	started            string
}

func (b block) compare(c block) int {
	return cmp.Or(cmp.Compare(b.shard, c.shard), cmp.Compare(b.block, c.block), cmp.Compare(b.pair, c.pair), cmp.Compare(b.started, c.started))
}

// count is what was counted in the windows of a round.
type count struct {
	n  uint64
	ns int64
}

func (c count) rate() float64 { return float64(c.n) / float64(c.ns) }

// roundsOf sums the windows of each round of a, by block. Trials that are invalid, or were
// not measured in rounds, have none.
func roundsOf(a Arm, of Count) map[block]map[int]count {
	all := map[block]map[int]count{}
	for _, t := range a.All {
		if t.Invalid() || !t.InRounds() {
			continue
		}
		b := block{t.Shard, t.Block, t.Pair, t.Started}
		before := int64(0)
		for _, w := range t.Windows {
			ns := w.TNs - before
			before = w.TNs
			if w.Round <= 0 || ns <= 0 {
				continue
			}
			if all[b] == nil {
				all[b] = map[int]count{}
			}
			c := all[b][w.Round]
			all[b][w.Round] = count{c.n + of(w), c.ns + ns}
		}
	}
	return all
}

// ratios gives the ratio of each block in which both arms counted something in the rounds
// that they share.
func ratios(a, base Arm, of Count) map[block]float64 {
	list := map[block]float64{}
	others := roundsOf(base, of)
	for b, own := range roundsOf(a, of) {
		var x, y count
		for round, c := range own {
			if other, ok := others[b][round]; ok {
				x, y = count{x.n + c.n, x.ns + c.ns}, count{y.n + other.n, y.ns + other.ns}
			}
		}
		if r := x.rate() / y.rate(); x.n > 0 && y.n > 0 && Sane(r) {
			list[b] = r
		}
	}
	return list
}

// byPairs summarizes the ratios of pairs of trials: with their range.
func byPairs(each []float64) (Ratio, bool) {
	sum, err := stat.Summarize(each)
	return Ratio{Value: sum.Median, Interval: Interval{Low: sum.Min, High: sum.Max}, Each: each}, err == nil
}

// ObserverCost pools the cost of the observer over all scenarios: the geometric mean of
// their ratios in each block or, where there are no rounds, the ratios of all pairs, with
// their range: pairs of different scenarios have no interval in common.
func ObserverCost(list []*Scenario) (Ratio, bool) {
	logs := map[block][]float64{}
	var pairs []float64
	for _, s := range list {
		if s.Observ.Paced() {
			continue
		}
		for b, r := range ratios(s.Observ, s.Bare, Packets) {
			b.started = "" // scenarios that were measured in several groups are still one block
			logs[b] = append(logs[b], math.Log(r))
		}
		pairs = append(pairs, s.costs()...)
	}
	if len(logs) == 0 {
		return byPairs(pairs)
	}
	var each []float64
	for _, b := range slices.SortedFunc(maps.Keys(logs), block.compare) {
		each = append(each, math.Exp(mean(logs[b])))
	}
	return byBlocks(each)
}

func mean(x []float64) float64 {
	slices.Sort(x) // the sum is the same whatever the order of a map
	sum := 0.0
	for _, v := range x {
		sum += v
	}
	return sum / float64(len(x))
}
