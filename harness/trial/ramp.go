package trial

import (
	"slices"
	"time"
)

const (
	// A ramp is looked for in slices of rampSlice, over rampLimit. It is over once
	// rampRun slices reach rampLevel of the rate in the second half.
	rampSlice = 5 * time.Millisecond
	rampLimit = 150 * time.Millisecond
	rampRun   = 3
	rampLevel = 0.9
)

// rampOf is how many slices pass before the rate is that of the second half.
func rampOf(rates []float64) int {
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
