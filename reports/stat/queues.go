package stat

import (
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"sort"
	"sync"

	"github.com/montanaflynn/stats"
)

// Jain is the fairness index (sum x)^2 / (n sum x^2) of Jain, Chiu and Hawe
// (DEC-TR-301): 1 when all x are equal, 1/n when one has everything. It
// refuses negative values, and a sample of zeros, which has no index.
func Jain(x []float64) (float64, error) {
	if err := check(x); err != nil {
		return 0, err
	}
	top, err := stats.Max(x)
	if err != nil {
		return 0, err
	}
	if top == 0 {
		return 0, errors.New("all values are 0")
	}
	var sum, squares float64
	for i, v := range x {
		if v < 0 {
			return 0, fmt.Errorf("value %d is negative: %v", i, v)
		}
		v /= top // so that squares cannot overflow
		sum += v
		squares += v * v
	}
	return sum * sum / (float64(len(x)) * squares), nil
}

// EffectiveQueues is the number of equally loaded queues that would spread the
// load as well as these do: 1 / sum of share^2, which is n times the Jain index and
// lies between 1 and len(x). (The inverse of Simpson's index, Nature 163 (1949) 688;
// the number of order 2 in Hill, Ecology 54 (1973) 427.)
func EffectiveQueues(x []float64) (float64, error) {
	j, err := Jain(x)
	return j * float64(len(x)), err
}

// leastExpected is the least number of expected flows per queue for the chi-square
// distribution: below, it is too far from that of the statistic (Cochran, Biometrics 10 (1954) 417).
const leastExpected = 5

// FlowSpread compares the flows of each queue with random hashing, where every flow goes to every queue with the same probability: Pearson's statistic, and
// the probability of one at least as large. A small p says that the flows are
// less even than random hashing leaves them; one near 1, that they are more even.
//
// p is the tail of the chi-square distribution with len(flows)-1 degrees of
// freedom where at least five flows a queue are expected. Below, it is
// simulated with a fixed seed: (1 + b) / (1 + 9,999), of which b draws are at least as
// uneven (Davison and Hinkley, Bootstrap Methods, 1997, section 4.2).
func FlowSpread(flows []int) (chi2, p float64, err error) {
	if len(flows) == 0 {
		return 0, 0, ErrEmpty
	}
	total, squares := 0, 0.0
	for q, n := range flows {
		if n < 0 {
			return 0, 0, fmt.Errorf("queue %d has %d flows", q, n)
		}
		total += n
		squares += float64(n) * float64(n)
	}
	if total <= 0 {
		return 0, 0, errors.New("no queue has a flow")
	}
	expected := float64(total) / float64(len(flows))
	for _, n := range flows {
		d := float64(n) - expected
		chi2 += d * d / expected
	}
	if len(flows) == 1 {
		return chi2, 1, nil
	}
	if expected < leastExpected {
		return chi2, spreadTail(len(flows), total, squares), nil
	}
	return chi2, chiSquareTail(chi2, len(flows)-1), nil
}

// spreadTail simulates how often flows, spread at random over queues, have a sum
// of squares of at least squares. For a given number of flows and queues, sums of
// squares have the order of Pearson's statistic, without its rounding.
func spreadTail(queues, flows int, squares float64) float64 {
	sums := spreads.of(queues, flows)
	below := sort.Search(len(sums), func(i int) bool { return float64(sums[i]) >= squares })
	return float64(1+len(sums)-below) / float64(1+len(sums))
}

// spreads caches simulations: all trials of a run have the same few numbers of flows
// and queues.
var spreads simulations

type simulations struct {
	mu   sync.Mutex       // guards sums
	sums map[[2]int][]int // by queues and flows; ascending
}

// of returns the sums of squares of flows spread at random over queues, ascending.
func (s *simulations) of(queues, flows int) []int {
	const (
		draws = 9999
		most  = 64 // kept, of 80 KB each
	)
	key := [2]int{queues, flows}
	s.mu.Lock()
	defer s.mu.Unlock()
	if sums, ok := s.sums[key]; ok {
		return sums
	}
	if s.sums == nil || len(s.sums) >= most {
		s.sums = map[[2]int][]int{}
	}
	random := rand.New(rand.NewPCG(uint64(queues), uint64(flows)))
	count := make([]int, queues)
	sums := make([]int, draws)
	for i := range sums {
		clear(count)
		for range flows {
			q := random.IntN(queues)
			sums[i] += 2*count[q] + 1 // (c+1)^2 - c^2
			count[q]++
		}
	}
	slices.Sort(sums)
	s.sums[key] = sums
	return sums
}

// chiSquareTail is the probability that chi-square with df degrees of freedom is
// at least x: the regularized upper incomplete gamma function Q(df/2, x/2).
func chiSquareTail(x float64, df int) float64 {
	if x <= 0 {
		return 1
	}
	a := float64(df) / 2
	x /= 2
	logGamma, _ := math.Lgamma(a)
	front := math.Exp(a*math.Log(x) - x - logGamma)
	if x < a+1 {
		return 1 - front*lowerSeries(a, x)
	}
	return front * upperFraction(a, x)
}

const (
	gammaTerms   = 100000 // both converge in about 10 sqrt(a) terms
	gammaEpsilon = 1e-16
)

// lowerSeries is the sum of x^k / (a (a+1) ... (a+k)), DLMF 8.7.1.
func lowerSeries(a, x float64) float64 {
	term := 1 / a
	sum := term
	for k := 1; k < gammaTerms && term > sum*gammaEpsilon; k++ {
		term *= x / (a + float64(k))
		sum += term
	}
	return sum
}

// upperFraction is the continued fraction of Gamma(a, x) / (x^a e^-x), DLMF
// 8.9.2 contracted to its even part, by the method of Lentz.
func upperFraction(a, x float64) float64 {
	const tiny = 1e-300
	b := x + 1 - a
	c := 1 / tiny
	d := 1 / b
	h := d
	for k := 1.0; k < gammaTerms; k++ {
		an := -k * (k - a)
		b += 2
		d = an*d + b
		if math.Abs(d) < tiny {
			d = tiny
		}
		c = b + an/c
		if math.Abs(c) < tiny {
			c = tiny
		}
		d = 1 / d
		h *= d * c
		if math.Abs(d*c-1) < gammaEpsilon {
			break
		}
	}
	return h
}
