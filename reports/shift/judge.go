package shift

import (
	"math"
	"slices"

	"tunbench/reports/stat"
)

const (
	// efficiency is how many degrees of freedom of the scenarios a spread keeps.
	efficiency = 0.8
	// unequal is how many of them a test of a single scenario keeps: some scenarios
	// scatter more from run to run than the others, which no comparison of two runs shows.
	unequal = 0.5
)

// preferSlower is how much more likely it must be that some scenarios became faster than
// that the others became slower.
const preferSlower = 2

// normal is a number of degrees of freedom so large that Student's t distribution is
// practically the normal distribution.
const normal = 1e6

// judgeFew judges scenarios that are too few to be compared with each other: each alone,
// against the scatter of whole runs.
func judgeFew(m *model) Result {
	r := Result{Assumed: m.options.Scatter.Runs < 2}
	n := float64(len(m.shift))
	for i, shift := range m.shift {
		variance := m.v[i] + m.shared
		sd := math.Sqrt(variance)
		// Only the noise is estimated (Satterthwaite, Biometrics Bull. 2 (1946) 110).
		freedom := normal
		if m.noise[i] > 0 {
			freedom = min(normal, m.freedom*variance*variance/(m.noise[i]*m.noise[i]))
		}
		s := alone(m, shift, sd, freedom)
		s.P = min(1, n*testP(shift, sd, freedom))
		s.Reach = reach(m, sd, freedom, Alpha/n)
		s.Moves = s.P < Alpha && counts(m, shift)
		r.Single = append(r.Single, s)
	}
	return r
}

// judgeMany judges scenarios that are compared with each other.
func judgeMany(m *model) Result {
	n := len(m.shift)
	r := Result{Assumed: m.options.Scatter.Runs < 2, Single: make([]Single, n)}
	rest := slices.Clone(m.shift) // the shifts without those of the sets that moved
	for i := range r.Single {
		r.Single[i].Moved = -1
	}
	takeGroups(m, &r, rest)
	every := slices.Repeat([]bool{true}, n)
	scale, c := 1.0, 0.0
	z := make([]float64, n)
	for range 3 {
		c = centre(rest, m.v, every, scale)
		for i := range z {
			z[i] = (rest[i] - c) / math.Sqrt(m.v[i])
		}
		scale = max(1, spread(z, 1+len(r.Moved)))
	}
	takeAll(m, &r, rest, c, scale)
	freedom := unequal * float64(n-1-len(r.Moved))
	for i := range r.Single {
		judgeSingle(m, &r, i, rest[i]-c, scale, freedom)
	}
	return r
}

// takeGroups finds the groups that moved, and takes their shifts out of rest.
func takeGroups(m *model, r *Result, rest []float64) {
	freedom := efficiency * float64(len(rest)-2)
	tests := float64(len(m.groups))
	taken := make([]bool, len(m.groups))
	for step := range mostGroups {
		best, at := contrast{p: 1}, -1
		for k, g := range m.groups {
			if taken[k] {
				continue
			}
			c := compare(m, g, rest, freedom)
			if step == 0 {
				r.Groups = append(r.Groups, Reach{g.name, g.n, reach(m, c.sd, freedom, alphaGroups/tests)})
			}
			if c.p < best.p && counts(m, c.by) {
				best, at = c, k
			}
		}
		if at < 0 || tests*best.p >= alphaGroups {
			return
		}
		g := m.groups[at]
		taken[at] = true
		moved := Moved{Name: g.name, P: scaled(tests*best.p, alphaGroups)}
		members := g.in
		others, sure := othersMoved(m, best)
		moved.Sure = sure
		if others {
			members, best.by = g.out, -best.by
			if moved.Name = g.other; moved.Name == "" {
				moved.Name, moved.Not = g.name, true
			}
		}
		moved.Change, moved.Low, moved.High = interval(m, best.by, best.sd, freedom)
		for i, in := range members {
			if in {
				moved.Members = append(moved.Members, i)
				rest[i] -= best.by
			}
		}
		r.Moved = append(r.Moved, moved)
	}
}

// othersMoved reports whether rather the others moved than the group: what all scenarios
// share is more likely to be small. Where that hardly tells, the slower ones moved. sure
// reports whether it tells.
func othersMoved(m *model, c contrast) (others, sure bool) {
	odds := (c.out*c.out - c.in*c.in) / (2 * m.shared) // logarithm; of the others
	sure = math.Abs(odds) > math.Log(Power/(1-Power))
	if c.by < 0 {
		return odds > math.Log(preferSlower), sure
	}
	return odds > -math.Log(preferSlower), sure
}

// takeAll judges the centre c of what is left.
func takeAll(m *model, r *Result, rest []float64, c, scale float64) {
	every := slices.Repeat([]bool{true}, len(rest))
	own := inefficiency * inefficiency * min(scale*scale/precision(m.v, every), 1/precision(m.most, every))
	sd := math.Sqrt(own + m.shared)
	p := testP(c, sd, normal)
	r.All = &Reach{"", len(rest), reach(m, sd, normal, alphaAll)}
	if p >= alphaAll || !counts(m, c) {
		return
	}
	moved := Moved{P: scaled(p, alphaAll), Sure: true}
	moved.Change, moved.Low, moved.High = interval(m, c, sd, normal)
	for i := range rest {
		moved.Members = append(moved.Members, i)
	}
	r.Moved = append(r.Moved, moved)
}

// judgeSingle judges a scenario that is off by that much from the centre of what is left.
func judgeSingle(m *model, r *Result, i int, off, scale, freedom float64) {
	tests := float64(len(m.shift))
	sd, freedom := sharper(m, scale*math.Sqrt(m.v[i]), freedom, math.Sqrt(m.most[i]), alphaSingle/tests)
	s := alone(m, m.shift[i], math.Sqrt(sd*sd+m.shared), freedom)
	s.P = scaled(tests*testP(off, sd, freedom), alphaSingle)
	s.Reach = reach(m, sd, freedom, alphaSingle/tests)
	defer func() { r.Single[i] = s }()
	// with is what the sets that the scenario belongs to moved by.
	with, largest := 0.0, -1
	for k, moved := range r.Moved {
		if !slices.Contains(moved.Members, i) {
			continue
		}
		by := math.Log1p(moved.Change)
		with += by
		if largest < 0 || math.Abs(by) > math.Abs(math.Log1p(r.Moved[largest].Change)) {
			largest = k
		}
	}
	total := with + off
	change, low, high := interval(m, total, sd, freedom)
	// What stayed where it was, while the centre of the others moved, did not move.
	stayed := m.shift[i]*total < 0 || !counts(m, m.shift[i]) || math.Abs(m.shift[i]) < sd*beyond(m, 0.025, freedom)
	if s.P < Alpha && counts(m, total) && low*high > 0 && !stayed {
		s.Change, s.Low, s.High, s.Moves = change, low, high, true
		return
	}
	// A scenario moves with a set only if it moved in the same direction itself.
	if largest >= 0 && counts(m, total) && total*with > 0 {
		of := r.Moved[largest]
		s.Change, s.Low, s.High, s.P = of.Change, of.Low, of.High, of.P
		s.Moves, s.Moved = true, largest
	}
}

// sharper returns the scatter that a test at alpha rests on: that which the scenarios show,
// with its degrees of freedom, or the most that is assumed, if that finds smaller changes.
func sharper(m *model, seen, freedom, most, alpha float64) (sd, f float64) {
	if most*beyond(m, alpha/2, normal) < seen*beyond(m, alpha/2, freedom) {
		return most, normal
	}
	return seen, freedom
}

// beyond is stat.StudentBeyond, computed once for each pair of arguments.
func beyond(m *model, p, freedom float64) float64 {
	key := [2]float64{p, freedom}
	t, ok := m.quantiles[key]
	if !ok {
		t = stat.StudentBeyond(p, freedom)
		m.quantiles[key] = t
	}
	return t
}

// counts reports whether a shift is beyond the threshold.
func counts(m *model, shift float64) bool {
	return math.Abs(math.Expm1(shift)) > m.options.Threshold*(1+1e-9)
}

func alone(m *model, shift, sd, freedom float64) Single {
	s := Single{Moved: -1}
	s.Change, s.Low, s.High = interval(m, shift, sd, freedom)
	s.Alone, s.AloneLow, s.AloneHigh = s.Change, s.Low, s.High
	return s
}

// interval is a shift and its 95 % interval, as ratios.
func interval(m *model, shift, sd, freedom float64) (change, low, high float64) {
	half := sd * beyond(m, 0.025, freedom)
	return math.Expm1(shift), math.Expm1(shift - half), math.Expm1(shift + half)
}

func testP(shift, sd, freedom float64) float64 {
	if sd == 0 {
		if shift == 0 {
			return 1
		}
		return 0
	}
	return 2 * stat.StudentAbove(math.Abs(shift)/sd, freedom)
}

// scaled makes a p that is compared with its part of Alpha one that is compared with Alpha.
func scaled(p, part float64) float64 { return min(1, p*Alpha/part) }

// reach is the change that a test at alpha finds with probability Power.
func reach(m *model, sd, freedom, alpha float64) float64 {
	least := max(sd*beyond(m, alpha/2, freedom), math.Log1p(m.options.Threshold))
	return math.Expm1(least + sd*beyond(m, 1-Power, freedom))
}
