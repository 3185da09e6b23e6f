package account

import (
	"slices"
)

const (
	// Blocks is how many blocks make a figure of gen=lockstep; in virtual
	// time, the last ones, which must agree.
	Blocks        = 5
	SettledSpread = 0.001 // by which they may differ: largest over smallest, less 1
)

// Rounds is what gen=lockstep measured, block by block.
type Rounds struct {
	Began      int64     // when the first block began, in ns of the trial's clock
	Send, Recv []float64 // ns per packet of each block
}

// sendNs and recvNs are the figures of the two ends: the median of the last blocks;
// false if there is no block.
func (r *Rounds) sendNs() (float64, bool) { return medianOfLast(r.Send) }
func (r *Rounds) recvNs() (float64, bool) { return medianOfLast(r.Recv) }

// Agree reports whether the last blocks agree with each other.
func (r *Rounds) Agree() bool { return agree(lastBlocks(r.Send)) && agree(lastBlocks(r.Recv)) }

func medianOfLast(blocks []float64) (float64, bool) {
	if len(blocks) == 0 {
		return 0, false
	}
	return median(lastBlocks(blocks)), true
}

func lastBlocks(x []float64) []float64 { return x[max(0, len(x)-Blocks):] }

func agree(x []float64) bool {
	return slices.Max(x) <= slices.Min(x)*(1+SettledSpread)
}

func median(x []float64) float64 {
	x = slices.Sorted(slices.Values(x))
	return (x[(len(x)-1)/2] + x[len(x)/2]) / 2
}
