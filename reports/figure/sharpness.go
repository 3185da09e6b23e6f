package figure

import (
	"tunbench/reports/record"
	"tunbench/reports/stat"
)

// Sharpness says how well a run tells its figures: how wide their 95 % intervals are.
// Open loops are left out, since the load sets their rate, and so are scenarios without
// a valid trial and figures without an interval.
type Sharpness struct {
	Loopback HalfWidth // of the ratios to loopback
	Rate     HalfWidth // of the packet rates
	Ratios   HalfWidth // of the ratios within the groups of Differences
}

// HalfWidth is half the width of intervals, as a share of the figure each belongs to.
type HalfWidth struct {
	Median float64
	N      int // intervals
}

// SharpnessOf computes the sharpness of a run.
func SharpnessOf(list []*Scenario) Sharpness {
	var loopback, rate, within []float64
	add := func(to *[]float64, value float64, in Interval) {
		if half := (in.High - in.Low) / 2 / value; in.Exact && value > 0 && Sane(half) {
			*to = append(*to, half)
		}
	}
	counts := func(s *Scenario) bool { return !s.Head().Invalid && !s.Head().Paced() }
	for _, s := range list {
		if !counts(s) {
			continue
		}
		for name, to := range map[string]*[]float64{record.LoopbackRatio: &loopback, record.PPS: &rate} {
			m, _ := s.Head().Metric(name)
			in, _ := s.Head().Interval(name)
			add(to, m.Median, in)
		}
	}
	for _, d := range Differences {
		for _, g := range d.Groups(list) {
			for _, s := range g.Scenarios[1:] {
				if r, ok := d.Ratio(s, g.Base()); ok && counts(s) && counts(g.Base()) {
					add(&within, r.Value, r.Interval)
				}
			}
		}
	}
	return Sharpness{halfWidth(loopback), halfWidth(rate), halfWidth(within)}
}

func halfWidth(x []float64) HalfWidth {
	sum, err := stat.Summarize(x)
	if err != nil {
		return HalfWidth{}
	}
	return HalfWidth{sum.Median, sum.N}
}
