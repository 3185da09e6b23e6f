package harness

import "slices"

const (
	// lockstepBlocks is how many blocks make a figure of gen=lockstep; in virtual
	// time, the last ones, which must agree.
	lockstepBlocks = 5
	settledSpread  = 0.001 // by which they may differ: largest over smallest, less 1
)

// rounds is what gen=lockstep measured, block by block.
type rounds struct {
	began      int64     // when the first block began, in ns of the trial's clock
	send, recv []float64 // ns per packet of each block
}

// sendNs and recvNs are the figures of the two ends: the median of the last blocks;
// false if there is no block.
func (r *rounds) sendNs() (float64, bool) { return medianOfLast(r.send) }
func (r *rounds) recvNs() (float64, bool) { return medianOfLast(r.recv) }

// agree reports whether the last blocks agree with each other.
func (r *rounds) agree() bool { return agree(lastBlocks(r.send)) && agree(lastBlocks(r.recv)) }

func medianOfLast(blocks []float64) (float64, bool) {
	if len(blocks) == 0 {
		return 0, false
	}
	return median(lastBlocks(blocks)), true
}

func lastBlocks(x []float64) []float64 { return x[max(0, len(x)-lockstepBlocks):] }

func agree(x []float64) bool {
	return slices.Max(x) <= slices.Min(x)*(1+settledSpread)
}

func median(x []float64) float64 {
	x = slices.Sorted(slices.Values(x))
	return (x[(len(x)-1)/2] + x[len(x)/2]) / 2
}
