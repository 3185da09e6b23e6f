package account

import "slices"

const (
	// A ramp is over once rampRun slices reach rampLevel of the rate in the second half.
	rampRun   = 3
	rampLevel = 0.9
)

// Ramp is how many slices pass before the rate is that of the second half. There are at least
// twice rampRun.
func Ramp(rates []float64) int {
	tail := slices.Sorted(slices.Values(rates[len(rates)/2:]))
	level := rampLevel * tail[len(tail)/2]
	for i := range rates[:len(rates)/2] {
		var sum float64
		for _, rate := range rates[i : i+rampRun] {
			sum += rate
		}
		if sum/rampRun >= level {
			return i
		}
	}
	return len(rates) / 2
}
