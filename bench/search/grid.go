package search

import "math"

// stepsPerWidth is how fine the grid is: a width of the narrowest goal is that
// many steps, and can be halved twice.
const stepsPerWidth = 4

// grid holds the loads that a search may try, so that trials made for one goal
// are found again by the other, and the interval between two bounds is a whole
// number. Step 0 is the lowest load, top the highest; each is 1/ratio times the
// one below.
type grid struct {
	max   float64 // packets/s
	ratio float64
	top   int
}

// newGrid makes a grid from lowest to highest load in which stepsPerWidth
// steps are a relative width.
func newGrid(lowest, highest, width float64) grid {
	ratio := math.Pow(1-width, 1.0/stepsPerWidth)
	return grid{max: highest, ratio: ratio, top: int(math.Log(lowest/highest) / math.Log(ratio))}
}

// load is in packets/s.
func (g grid) load(step int) float64 { return g.max * math.Pow(g.ratio, float64(g.top-step)) }

// nearest is the step closest to a load in packets/s.
func (g grid) nearest(load float64) int {
	if !(load > 0) {
		return 0
	}
	return min(g.top, max(0, g.top-int(math.Round(math.Log(load/g.max)/math.Log(g.ratio)))))
}

// steps is how many steps fit into a relative width.
func (g grid) steps(width float64) int {
	// The narrowest width is stepsPerWidth but for rounding.
	return max(1, int(math.Log(1-width)/math.Log(g.ratio)+1e-9))
}
