// Package flame computes what profiles show: the functions that cost most, those whose
// cost differs between two profiles, with intervals from blocks, and the tree of calls
// that a flame graph draws.
package flame

import (
	"cmp"
	"maps"
	"math"
	"slices"

	"tunbench/reports/record"
	"tunbench/reports/stat"
)

// Interval is a mean over blocks with its 95 % interval, by Student's t. It is no narrower
// than the number of samples allows. Without two blocks there is none, and Low and High are
// infinite.
type Interval struct{ Mean, Low, High float64 }

// excludes0 reports whether the interval does not hold 0.
func (i Interval) excludes0() bool { return i.Low > 0 || i.High < 0 }

// sample is a mean, its standard error and the degrees of freedom of that.
type sample struct {
	mean, error, freedom float64
	// counted is the least that the standard error can be: that of counting samples, which
	// are taken independently of each other. That of few blocks may come out far too small.
	counted float64
}

func sampleOf(x []float64) sample {
	n := float64(len(x))
	mean, squares := 0.0, 0.0
	for _, v := range x {
		mean += v / n
	}
	for _, v := range x {
		squares += (v - mean) * (v - mean)
	}
	if n < 2 {
		return sample{mean: mean, error: math.Inf(1), freedom: 1}
	}
	return sample{mean: mean, error: math.Sqrt(squares / (n - 1) / n), freedom: n - 1}
}

// interval is that of coverage 1 - alpha.
func (s sample) interval(alpha float64) Interval {
	if s.error == 0 && s.counted == 0 {
		return Interval{s.mean, s.mean, s.mean}
	}
	reach := max(s.error*stat.StudentBeyond(alpha/2, s.freedom), s.counted*stat.StudentBeyond(alpha/2, 1000))
	return Interval{s.mean, s.mean - reach, s.mean + reach}
}

// less is s without o, which was sampled independently: Welch's approximation.
func (s sample) less(o sample) sample {
	a, b := s.error*s.error, o.error*o.error
	d := sample{mean: s.mean - o.mean, error: math.Sqrt(a + b), freedom: s.freedom + o.freedom}
	if a+b > 0 && !math.IsInf(a+b, 0) {
		d.freedom = (a + b) * (a + b) / (a*a/s.freedom + b*b/o.freedom)
	} else if a+b > 0 {
		d.freedom = 1
	}
	return d
}

const alpha = 0.05

// counted is the standard error of what a function costs in p, as far as it comes from
// counting samples: the variance of each block is its cost times that of a sample.
func counted(p *record.Profile, self []float64) float64 {
	sum := 0.0
	for i, b := range p.Blocks {
		if b.Sampled > 0 {
			sum += self[i] * b.Cost / float64(b.Sampled)
		}
	}
	return math.Sqrt(sum) / float64(max(1, len(p.Blocks)))
}

// Cost is what a function costs itself, per packet.
type Cost struct {
	Name, Of string
	Interval
}

// Costs are the functions of a profile, the dearest first.
func Costs(p *record.Profile) (list []Cost) {
	for _, f := range p.Functions {
		of := sampleOf(f.Self)
		of.counted = counted(p, padded(f.Self, len(p.Blocks)))
		list = append(list, Cost{f.Name, f.Of, of.interval(alpha)})
	}
	slices.SortStableFunc(list, func(a, b Cost) int { return cmp.Compare(b.Mean, a.Mean) })
	return list
}

// Total is the cost of a packet in all functions together.
func Total(p *record.Profile) Interval { return sampleOf(costs(p)).interval(alpha) }

func costs(p *record.Profile) (list []float64) {
	for _, b := range p.Blocks {
		list = append(list, b.Cost)
	}
	return list
}

// Change is the difference between two profiles in what a function costs itself.
type Change struct {
	Name, Of  string
	Base, New float64
	Interval  // of the difference
	// All is wider: all of these intervals, of all functions, hold at once in 95 % of
	// comparisons.
	All Interval
}

// Moved reports whether the cost changed, judged for all functions at once.
func (c Change) Moved() bool { return c.All.excludes0() }

// Difference is the comparison of two profiles.
type Difference struct {
	Base, New *record.Profile
	// Paired is set where the blocks of the two were measured by turns.
	Paired  bool
	Total   Interval // of the difference in cost of a packet
	Changes []Change // those that Moved first, of these and of the others the largest first
}

// Compare compares two profiles. Their blocks are compared in pairs if they were measured
// by turns, in which the speed of the host cancels; else as independent samples.
func Compare(base, next *record.Profile, paired bool) Difference {
	d := Difference{Base: base, New: next, Paired: paired && len(base.Blocks) == len(next.Blocks)}
	d.Total = d.sample(costs(base), costs(next)).interval(alpha)
	a, b := byName(base), byName(next)
	names := slices.Sorted(maps.Keys(a))
	for name := range b {
		if _, both := a[name]; !both {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	for _, name := range names {
		c := Change{Name: name, Of: cmp.Or(b[name].Of, a[name].Of)}
		x, y := padded(a[name].Self, len(base.Blocks)), padded(b[name].Self, len(next.Blocks))
		c.Base, c.New = sampleOf(x).mean, sampleOf(y).mean
		of := d.sample(x, y)
		of.counted = math.Hypot(counted(base, x), counted(next, y))
		c.Interval, c.All = of.interval(alpha), of.interval(alpha/float64(len(names)))
		d.Changes = append(d.Changes, c)
	}
	slices.SortStableFunc(d.Changes, func(a, b Change) int {
		if a.Moved() != b.Moved() {
			if a.Moved() {
				return -1
			}
			return 1
		}
		return cmp.Compare(math.Abs(b.Mean), math.Abs(a.Mean))
	})
	return d
}

// sample is the difference y - x.
func (d Difference) sample(x, y []float64) sample {
	if !d.Paired {
		return sampleOf(y).less(sampleOf(x))
	}
	differences := make([]float64, len(x))
	for i := range x {
		differences[i] = y[i] - x[i]
	}
	return sampleOf(differences)
}

// Moved are the functions whose cost changed, judged for all functions at once.
func (d Difference) Moved() (list []Change) {
	for _, c := range d.Changes {
		if c.Moved() {
			list = append(list, c)
		}
	}
	return list
}

func byName(p *record.Profile) map[string]record.ProfileFunction {
	of := map[string]record.ProfileFunction{}
	for _, f := range p.Functions {
		of[f.Name] = f
	}
	return of
}

// padded is what a function cost in each of n blocks: nothing, where it was never
// sampled.
func padded(x []float64, n int) []float64 {
	if len(x) == n {
		return x
	}
	return make([]float64, n)
}
