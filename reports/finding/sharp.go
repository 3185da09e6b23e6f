package finding

import (
	"tunbench/reports/figure"
	"tunbench/reports/prose"
	"tunbench/reports/text"
)

// believable are the ratios from which a threshold is chosen: a reader remembers round
// ones.
var believable = []float64{1.01, 1.02, 1.03, 1.05, 1.1, 1.15, 1.2, 1.3, 1.5, 2, 3, 5, 10}

// margin is how many times as far from 1 as the half-width of an interval a ratio is to be
// believed. The half-width is a median: half of the intervals are wider.
const margin = 1.5

// Believe is the ratio from which on a run whose ratios are good to half, such as 0.06,
// shows a difference; 0 if it shows none that can be named.
func Believe(half float64) float64 {
	for _, r := range believable {
		if 1+margin*half <= r+1e-9 {
			return r
		}
	}
	return 0
}

// Trust is the ratio from which on a run is to be believed; 0 where none is.
type Trust float64

// String is the ratio, "" where none is to be believed.
func (t Trust) String() string {
	if t == 0 {
		return ""
	}
	return text.Exact(float64(t))
}

// TrustOf is that of a run: of its ratios between scenarios or, where it has none, of its
// packet rates.
func TrustOf(list []*figure.Scenario) Trust {
	if half := halfWidth(figure.SharpnessOf(list)); half.N > 0 {
		return Trust(Believe(half.Median))
	}
	return 0
}

// Shows reports whether r shows a difference: it is as far from 1 as the run is to be
// believed, and its 95 % interval does not include 1.
func (t Trust) Shows(r figure.Ratio) bool {
	if t == 0 || !r.Interval.Exact {
		return false
	}
	return r.Interval.Low > 1 && r.Value >= float64(t) || r.Interval.High < 1 && r.Value <= 1/float64(t)
}

func halfWidth(sharp figure.Sharpness) figure.HalfWidth {
	if sharp.Ratios.N > 0 {
		return sharp.Ratios
	}
	return sharp.Rate
}

// Sharp says how sharp a run is, and which ratios to believe; nothing where there is no
// 95 % interval. It speaks of ratios between scenarios or, where there are none, of packet
// rates.
func Sharp(list []*figure.Scenario) prose.Prose {
	sharp := figure.SharpnessOf(list)
	half := halfWidth(sharp)
	if half.N == 0 {
		return nil
	}
	size := text.Decimals(100*half.Median, 1)
	above := Believe(half.Median)
	if above == 0 {
		return book.Say("sharp for nothing", prose.Values{"Half": size})
	}
	return book.Say("sharp", prose.Values{
		"Half": size, "Above": text.Exact(above), "Below": text.Decimals(1/above, 2), "Margin": text.Exact(margin), "N": half.N, "Ratios": sharp.Ratios.N > 0,
	})
}
