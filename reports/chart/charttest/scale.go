package charttest

import (
	"math"

	"tunbench/reports/text"
)

// scale is what the numbers below a chart say of its horizontal direction.
type scale struct {
	at, value []float64
	of        func(float64) float64 // what grows evenly along the scale
}

// How scales grow.
func evenly(v float64) float64  { return v }
func byRatio(v float64) float64 { return math.Log1p(v / 100) } // of changes in per cent: by their ratios

// readScale reads the row of numbers at the foot.
func readScale(p *picture, of func(float64) float64) *scale {
	s := &scale{of: of}
	foot := p.foot() - 14
	for _, e := range p.elements {
		if e.name != "text" || !e.has("muted") || math.Abs(e.y-foot) > 0.11 || e.attr["text-anchor"] != "middle" {
			continue
		}
		v, ok := text.ShownValue(e.text)
		if !ok {
			p.fault("%q on the scale is no number", e.text)
			continue
		}
		s.at, s.value = append(s.at, e.x), append(s.value, of(v))
	}
	for i := range s.at {
		for j := range i {
			if (s.at[i] > s.at[j]) != (s.value[i] > s.value[j]) || s.at[i] == s.at[j] {
				p.fault("the scale is not monotone: %v at %v", s.value, s.at)
				return s
			}
		}
	}
	if i, j := s.ends(); len(s.at) > 2 { // even between its ends
		for k := range s.at {
			want := s.at[i] + (s.value[k]-s.value[i])/(s.value[j]-s.value[i])*(s.at[j]-s.at[i])
			if math.Abs(want-s.at[k]) > 0.2 {
				p.fault("the scale is uneven: %v at %v", s.value, s.at)
			}
		}
	}
	return s
}

// ends are the indices of the least and the greatest value.
func (s *scale) ends() (least, greatest int) {
	for i := range s.value {
		if s.value[i] < s.value[least] {
			least = i
		}
		if s.value[i] > s.value[greatest] {
			greatest = i
		}
	}
	return least, greatest
}

// place returns where v belongs, and ok where the scale has two numbers to tell it by.
func (s *scale) place(v float64) (x float64, ok bool) {
	i, j := s.ends()
	if len(s.at) < 2 || i == j {
		return 0, false
	}
	return s.at[i] + (s.of(v)-s.value[i])/(s.value[j]-s.value[i])*(s.at[j]-s.at[i]), true
}
