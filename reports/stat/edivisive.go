package stat

import (
	"encoding/binary"
	"errors"
	"hash/fnv"
	"math"
	"math/bits"
	"math/rand/v2"
	"slices"
)

// LeastSegment is how many values must lie on each side of a change point.
// Below it, a few outliers in a row pass for a change.
const LeastSegment = 4

// Up to exactSplit values all orders of a series are counted, in time and memory
// that grow with two to the power of the number of values. Of a longer series
// randomOrders orders are drawn.
const (
	exactSplit   = 18
	randomOrders = 19_999
)

// ChangePoint is a place in a series where its distribution changes.
type ChangePoint struct {
	At int // index of the first value after the change
	// P is the share of all orders of the same values whose best split is at least
	// as good.
	P float64
}

// LeastP is the smallest P of a change with that many values before and after it:
// each order that keeps the two groups apart splits as well, whichever group comes
// first. It is 1 where a group is smaller than LeastSegment.
func LeastP(before, after int) float64 {
	k := min(before, after)
	if k < LeastSegment {
		return 1
	}
	return 2 / binomial(before+after, k)
}

// CanTell reports whether a change with that many values before and after it can be
// significant at alpha.
func CanTell(before, after int, alpha float64) bool { return LeastP(before, after) < alpha }

// LeastToTell is how many values a series needs so that a change can be significant
// at alpha wherever it lies, if LeastSegment values or more are before it and after
// it.
func LeastToTell(alpha float64) int {
	n := 2 * LeastSegment
	for !CanTell(n-LeastSegment, LeastSegment, alpha) {
		n++
	}
	return n
}

// Split returns the index at which the values of x before and after differ most, by
// their energy distance. It is 0 where x has no room for two segments, or nothing
// differs.
func Split(x []float64) (at int, err error) {
	if err := check(x); err != nil {
		return 0, err
	}
	at, _ = newEnergy(x).split()
	return at, nil
}

// FindChange tests whether the distribution of x changes at the place that Split
// gives: one step of E-divisive (Matteson and James, J. Amer. Statist. Assoc. 109
// (2014) 334). The change is found if fewer than alpha of all orders of the values
// split at least as well. The test assumes nothing of the values but that they
// are exchangeable where nothing changes.
//
// Up to 18 values the share is counted. For more it is (b+1) / (m+1), where b of m
// random orders split as well. m is 19,999, or less where it is clear earlier whether
// the share is above or below alpha. The random orders are seeded by the values: the
// same x gives the same answer, and x with one more value draws other orders.
func FindChange(x []float64, alpha float64) (c ChangePoint, found bool, err error) {
	if err := checkAlpha(alpha); err != nil {
		return c, false, err
	}
	if err := check(x); err != nil {
		if errors.Is(err, ErrEmpty) {
			return c, false, nil
		}
		return c, false, err
	}
	e := newEnergy(x)
	at, best := e.split()
	if at == 0 || !CanTell(at, len(x)-at, alpha) {
		return c, false, nil
	}
	best *= 1 - 1e-9 // the same values in another order, but for rounding
	p, open := e.random(best, alpha, len(x) <= exactSplit)
	if open {
		p = e.exact(best)
	}
	return ChangePoint{at, p}, p < alpha, nil
}

// energy holds the values of a series, in an order that may change, and the sums
// from which energy distances are computed.
type energy struct {
	x     []float64
	all   []float64 // of each value, the sum of the distances to all others
	total float64   // the sum of the distances of all pairs
	over  []float64 // 1 / i, since divisions would take most of the time
}

func newEnergy(x []float64) *energy {
	e := &energy{x: slices.Clone(x), all: make([]float64, len(x)), over: make([]float64, len(x)+1)}
	for i, v := range x {
		for _, w := range x {
			e.all[i] += math.Abs(v - w)
		}
		e.total += e.all[i] / 2
		e.over[i+1] = 1 / float64(i+1)
	}
	return e
}

// split returns the index with the largest distance, and that distance; 0 where no
// distance is positive.
func (e *energy) split() (at int, best float64) {
	within, sum := 0.0, 0.0
	for i, v := range e.x[:max(0, len(e.x)-LeastSegment)] {
		for _, w := range e.x[:i] {
			within += math.Abs(v - w)
		}
		sum += e.all[i]
		if i+1 >= LeastSegment {
			if q := e.distance(i+1, within, sum); q > best {
				at, best = i+1, q
			}
		}
	}
	return at, best
}

// shuffle puts the values into a random order. Drawing an integer below i by a
// multiplication makes some orders likelier than others by 1 in 1e8.
func (e *energy) shuffle(random *rand.PCG) {
	for i := len(e.x) - 1; i > 0; i-- {
		k := int(random.Uint64() >> 32 * uint64(i+1) >> 32)
		e.x[i], e.x[k] = e.x[k], e.x[i]
		e.all[i], e.all[k] = e.all[k], e.all[i]
	}
}

// distance is the scaled energy distance of n of all values to the m others:
// n m / (n + m) times (twice the mean distance between the groups less the mean
// distance inside each), here multiplied out. within is the sum of the distances
// inside the n values, and sum the sum of the distances from each of them to all.
func (e *energy) distance(n int, within, sum float64) float64 {
	all := len(e.x)
	m := all - n
	between := sum - 2*within
	inside := e.total - within - between // sum of the distances inside the others
	return 2 * e.over[all] * (between - float64(m)*within*e.over[n-1] - float64(n)*inside*e.over[m-1])
}

// random draws orders of the values and returns as p the share that splits as well as
// best. It stops early where it is clear whether p is above or below alpha. With short
// it stops as soon as p may be below alpha, and open is then true.
func (e *energy) random(best, alpha float64, short bool) (p float64, open bool) {
	random := rand.NewPCG(e.seed(), uint64(len(e.x)))
	as, drawn := 0, 0 // orders that split as well; all orders drawn
	for _, stage := range []int{randomOrders / 100, randomOrders / 10, randomOrders / 4, randomOrders} {
		// If p is alpha, this limit is exceeded once in some ten million runs.
		expected := alpha * float64(stage)
		limit := min(expected+5*math.Sqrt(expected)+5, alpha*(randomOrders+1)-1)
		for ; drawn < stage; drawn++ {
			if float64(as) >= limit {
				return max(alpha, float64(as+1)/float64(drawn+1)), false
			}
			e.shuffle(random)
			if _, q := e.split(); q >= best {
				as++
			}
		}
		if short {
			return alpha, true
		}
		// If p is alpha, the count stays below this limit once in 150 runs.
		if as == 0 && expected >= 5 {
			break
		}
	}
	return float64(as+1) / float64(drawn+1), false
}

// seed is a hash of the values and their order.
func (e *energy) seed() uint64 {
	h := fnv.New64a()
	var b [8]byte
	for _, v := range e.x {
		binary.LittleEndian.PutUint64(b[:], math.Float64bits(v))
		h.Write(b[:])
	}
	return h.Sum64()
}

// exact is the share of all orders that have a split as good as best. For each set
// of values that come first, the share is 1 where the set is such a split itself, and
// else the mean over the values that may be the last of the set.
func (e *energy) exact(best float64) float64 {
	n := len(e.x)
	type first struct{ within, sum, share float64 }
	sets := make([]first, 1<<n)
	for set := 1; set < len(sets); set++ {
		last := bits.TrailingZeros(uint(set))
		rest := set &^ (1 << last)
		s := first{within: sets[rest].within, sum: sets[rest].sum + e.all[last]}
		for left := rest; left != 0; left &= left - 1 {
			s.within += math.Abs(e.x[last] - e.x[bits.TrailingZeros(uint(left))])
		}
		size := bits.OnesCount(uint(set))
		if size >= LeastSegment && size <= n-LeastSegment && e.distance(size, s.within, s.sum) >= best {
			s.share = 1
		} else {
			for left := set; left != 0; left &= left - 1 {
				s.share += sets[set&^(left&-left)].share
			}
			s.share *= e.over[size]
		}
		sets[set] = s
	}
	return sets[len(sets)-1].share
}
