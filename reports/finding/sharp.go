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

// Sharp says how sharp a run is, and which ratios to believe; nothing where there is no
// 95 % interval. It speaks of ratios between scenarios or, where there are none, of packet
// rates.
func Sharp(list []*figure.Scenario) prose.Prose {
	sharp := figure.SharpnessOf(list)
	half := sharp.Ratios
	if half.N == 0 {
		half = sharp.Rate
	}
	if half.N == 0 {
		return nil
	}
	size := text.Decimals(100*half.Median, 1)
	above := Believe(half.Median)
	if above == 0 {
		return book.Say("sharp for nothing", prose.Values{"Half": size})
	}
	return book.Say("sharp", prose.Values{
		"Half": size, "Above": text.Exact(above), "Below": text.Decimals(1/above, 2), "N": half.N, "Ratios": sharp.Ratios.N > 0,
	})
}
