package suite

import (
	"maps"
)

// Block gives some axes one or more values each and stands for their product.
type Block map[string][]string

// points multiplies the block out, axis by axis in the order of names: the
// last axis changes fastest, whatever order the block was written in.
func (b Block) points() []map[string]string {
	points := []map[string]string{{}}
	for _, a := range axes {
		values := b[a.Name]
		if len(values) == 0 {
			continue
		}
		next := make([]map[string]string, 0, len(points)*len(values))
		for _, p := range points {
			for _, v := range values {
				q := maps.Clone(p)
				q[a.Name] = v
				next = append(next, q)
			}
		}
		points = next
	}
	return points
}

// size is the number of points, or limit+1 if there are more than limit.
func (b Block) size(limit int) int {
	n := 1
	for _, values := range b {
		n *= max(1, len(values))
		if n > limit {
			return limit + 1
		}
	}
	return n
}
