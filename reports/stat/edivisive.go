package stat

import (
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
)

// LeastSegment is how many values must lie on each side of a change point.
// Below it, a few outliers in a row pass for a change.
const LeastSegment = 4

// permutations is how often a change point is held against the same values in
// a random order. The smallest p is 1 in one more.
const permutations = 1999

// permutationSeed makes a series of values give the same change points always.
const permutationSeed = 0x74756e62656e6368

// ChangePoint is a place in a series where its distribution changes.
type ChangePoint struct {
	At int // index of the first value after the change
	// P is the share of random orders of the same values that split at least as
	// well.
	P float64
}

// ChangePoints finds where the distribution of x changes, by E-divisive
// (Matteson and James, J. Amer. Statist. Assoc. 109 (2014) 334): the split with
// the largest energy distance between the values before and after it, after it
// until any later end, is taken if fewer than alpha of the random orders have as
// large a one; then the next, inside of what was split, until one is not
// significant. It assumes nothing of the values but that they are exchangeable
// where nothing changes. The change points are in the order of the series, and
// are the same for the same x.
func ChangePoints(x []float64, alpha float64) ([]ChangePoint, error) {
	if err := checkAlpha(alpha); err != nil {
		return nil, err
	}
	if err := check(x); err != nil {
		if errors.Is(err, ErrEmpty) {
			return nil, nil
		}
		return nil, err
	}
	var found []ChangePoint
	random := rand.New(rand.NewPCG(permutationSeed, uint64(len(x))))
	e := newEnergy(len(x))
	shuffled := make([]float64, len(x))
	ends := []int{0, len(x)} // of the segments
	for {
		at, best := 0, 0.0
		for i, from := range ends[:len(ends)-1] {
			if split, q := e.split(x[from:ends[i+1]]); q > best {
				at, best = from+split, q
			}
		}
		if at == 0 {
			break
		}
		copy(shuffled, x)
		p, significant := e.test(shuffled, ends, best, alpha, random)
		if !significant {
			break
		}
		found = append(found, ChangePoint{at, p})
		ends = append(ends, at)
		slices.Sort(ends)
	}
	slices.SortFunc(found, func(a, b ChangePoint) int { return a.At - b.At })
	return found, nil
}

// energy is the room in which splits are sought.
type energy struct {
	within []float64 // sum of the distances in [i, k)
	head   []float64 // the same in [0, i), over i - 1
	over   []float64 // 1 / i: a division takes longer than all else
}

func newEnergy(n int) energy {
	e := energy{within: make([]float64, n), head: make([]float64, n+1), over: make([]float64, n+1)}
	for i := 1; i <= n; i++ {
		e.over[i] = 1 / float64(i)
	}
	return e
}

// test shuffles x inside of its segments to see how often chance splits as well
// as best. It stops when it is clear that p will not be below alpha, so that
// only what is significant takes its time.
func (e *energy) test(x []float64, ends []int, best, alpha float64, random *rand.Rand) (p float64, significant bool) {
	best *= 1 - 1e-12 // the same values in another order, but for rounding
	as := 1
	for range permutations {
		for i, from := range ends[:len(ends)-1] {
			part := x[from:ends[i+1]]
			random.Shuffle(len(part), func(a, b int) { part[a], part[b] = part[b], part[a] })
		}
		for i, from := range ends[:len(ends)-1] {
			if _, q := e.split(x[from:ends[i+1]]); q >= best {
				as++
				break
			}
		}
		if float64(as) >= alpha*(permutations+1) {
			return 0, false
		}
	}
	return float64(as) / (permutations + 1), true
}

// split gives where the values of x before and after differ most, and their
// scaled energy distance: n m / (n + m) times twice the mean distance between
// the sides less the mean distance inside of each. It is 0 where x has no room
// for two segments.
//
// All sums of distances come from those for one value less, so that the time
// grows with the square of the values.
func (e *energy) split(x []float64) (at int, best float64) {
	within, head, over := e.within[:len(x)], e.head[:len(x)+1], e.over[:len(x)+1]
	clear(within)
	clear(head)
	for k, last := range x {
		sum := 0.0 // of the distances of the last value to those from i on
		for i := k - 1; i >= 0; i-- {
			sum += math.Abs(last - x[i])
			within[i] += sum
		}
		if k > 0 {
			head[k+1] = within[0] * over[k]
		}
		for i := LeastSegment; i <= k+1-LeastSegment; i++ {
			// n m / (n + m) times the energy distance, multiplied out.
			n, m := float64(i), float64(k+1-i)
			between := within[0] - head[i]*(n-1) - within[i]
			q := 2 * over[k+1] * (between - m*head[i] - n*within[i]*over[k-i])
			if q > best {
				at, best = i, q
			}
		}
	}
	return at, best
}

// LeastForScatter is the shortest series whose noise is worth knowing.
const LeastForScatter = leastForScale + 1

// Scatter estimates the standard deviation of the noise of a series whose level
// may creep or step: the scale, by Qn, of the differences from one value to the next, over
// the root of 2. It needs LeastForScatter values.
func Scatter(x []float64) (float64, error) {
	if err := check(x); err != nil {
		return 0, err
	}
	if len(x) < LeastForScatter {
		return 0, fmt.Errorf("too few values for a scatter: %d, and at least %d are needed", len(x), LeastForScatter)
	}
	d := make([]float64, len(x)-1)
	for i := range d {
		d[i] = x[i+1] - x[i]
	}
	if err := check(d); err != nil {
		return 0, err // a difference overflowed
	}
	return qn(d) / math.Sqrt2, nil
}

// Move is by how much the median of some values of a series lies above that of
// others, and how often the noise alone gives as much.
type Move struct {
	Value float64 // in the unit of the values
	P     float64 // two-sided
	// Least is the smallest move that would have P below the level asked for.
	Least float64
}

// JudgeMove holds the values new of a series against the values base. Scatter is
// that of the whole series of n values, as Scatter gives it.
//
// The test is that of Student. The scatter is worth half as many degrees of
// freedom as there are differences: the successive differences of normal values
// keep two thirds (von Neumann, Ann. Math. Statist. 12 (1941) 367), and Qn four
// fifths of that or, of few values, less.
func JudgeMove(base, new []float64, scatter float64, n int, alpha float64) (Move, error) {
	if err := checkAlpha(alpha); err != nil {
		return Move{}, err
	}
	from, err := Median(base)
	if err != nil {
		return Move{}, err
	}
	to, err := Median(new)
	if err != nil {
		return Move{}, err
	}
	if !(scatter >= 0) || math.IsInf(scatter, 0) || n < LeastForScatter {
		return Move{}, fmt.Errorf("scatter %v of %d values", scatter, n)
	}
	m := Move{Value: to - from}
	if math.IsInf(m.Value, 0) {
		return Move{}, fmt.Errorf("the values from %v to %v are too far apart", from, to)
	}
	sd := scatter * math.Sqrt(medianVariance(len(base))+medianVariance(len(new)))
	freedom := float64(n-1) / 2
	switch {
	case m.Value == 0:
		m.P = 1
	case sd > 0:
		m.P = 2 * studentAbove(math.Abs(m.Value)/sd, freedom)
	}
	m.Least = sd * studentQuantile(alpha/2, freedom)
	return m, nil
}

// medianVariance is an upper estimate of the variance of the median of n
// standard normal values: the limit pi / 2n, or that of one.
func medianVariance(n int) float64 { return min(1, math.Pi/2/float64(n)) }

// studentAbove is the probability that Student's t with that many degrees of
// freedom, which need not be whole, is above t >= 0.
func studentAbove(t, freedom float64) float64 {
	return betaBelow(freedom/(freedom+t*t), freedom/2, 0.5) / 2
}

// studentQuantile is the t with studentAbove(t) = tail, for a tail below a half.
func studentQuantile(tail, freedom float64) float64 {
	low, high := 0.0, 1.0
	for studentAbove(high, freedom) > tail {
		high *= 2
	}
	for range 100 {
		middle := (low + high) / 2
		if studentAbove(middle, freedom) > tail {
			low = middle
		} else {
			high = middle
		}
	}
	return high
}

// betaBelow is the regularized incomplete beta function of x in [0, 1], by its
// continued fraction (Abramowitz and Stegun 26.5.8), which is taken on the side
// where it converges fast.
func betaBelow(x, a, b float64) float64 {
	switch {
	case x <= 0:
		return 0
	case x >= 1:
		return 1
	case x > (a+1)/(a+b+2):
		return 1 - betaBelow(1-x, b, a)
	}
	la, _ := math.Lgamma(a)
	lb, _ := math.Lgamma(b)
	lab, _ := math.Lgamma(a + b)
	front := math.Exp(lab-la-lb+a*math.Log(x)+b*math.Log1p(-x)) / a
	// Lentz's method, from the front.
	const tiny = 1e-300
	f, c, d := 1.0, 1.0, 0.0
	for i := range 1000 {
		m := float64(i / 2)
		var numerator float64
		switch {
		case i == 0:
			numerator = 1
		case i%2 == 0:
			numerator = m * (b - m) * x / ((a + 2*m - 1) * (a + 2*m))
		default:
			numerator = -(a + m) * (a + b + m) * x / ((a + 2*m) * (a + 2*m + 1))
		}
		if d = 1 + numerator*d; math.Abs(d) < tiny {
			d = tiny
		}
		d = 1 / d
		if c = 1 + numerator/c; math.Abs(c) < tiny {
			c = tiny
		}
		f *= c * d
		if math.Abs(1-c*d) < 1e-14 {
			break
		}
	}
	return front * (f - 1)
}
