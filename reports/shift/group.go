package shift

import (
	"math"
	"slices"
	"strings"

	"tunbench/reports/stat"
)

// group is a set of scenarios that is compared with all others.
type group struct {
	name string
	// other is the group of all others; "" where that has no name.
	other   string
	in, out []bool
	n       int     // scenarios that are in
	blocks  float64 // variance of the difference to the others, see blockVariance
}

// groupsOf returns the groups of list that have enough scenarios, each set once.
func groupsOf(list []Scenario) (groups []group) {
	members := map[string][]bool{}
	var names []string
	for i, s := range list {
		for _, name := range s.Groups {
			if members[name] == nil {
				members[name] = make([]bool, len(list))
				names = append(names, name)
			}
			members[name][i] = true
		}
	}
	slices.SortFunc(names, func(a, b string) int {
		// The shorter of two names of one set says more.
		if d := strings.Count(a, " ") - strings.Count(b, " "); d != 0 {
			return d
		}
		return strings.Compare(a, b)
	})
	for _, name := range names {
		g := group{name: name, in: members[name], out: make([]bool, len(list))}
		for i, in := range g.in {
			g.out[i] = !in
			if in {
				g.n++
			}
		}
		if g.n < leastGroup || len(list)-g.n < leastGroup {
			continue
		}
		same := func(o group) bool { return slices.Equal(o.in, g.in) || slices.Equal(o.in, g.out) }
		if i := slices.IndexFunc(groups, same); i < 0 {
			groups = append(groups, g)
		} else if slices.Equal(groups[i].in, g.out) && groups[i].other == "" {
			groups[i].other = g.name
		}
	}
	return groups
}

// contrast is the difference between the centre of a group and that of the others.
type contrast struct {
	in, out  float64 // centres
	by, sd   float64
	p        float64 // of one test
	residual []float64
}

// compare compares a group with the others by the values x. freedom is that of the scale.
func compare(m *model, g group, x []float64, freedom float64) contrast {
	var c contrast
	scale := 1.0
	for range 3 { // centres and scale depend on each other
		c.in, c.out = centre(x, m.v, g.in, scale), centre(x, m.v, g.out, scale)
		c.residual = make([]float64, len(x))
		for i := range x {
			at := c.out
			if g.in[i] {
				at = c.in
			}
			c.residual[i] = (x[i] - at) / math.Sqrt(m.v[i])
		}
		scale = max(1, spread(c.residual, 2))
	}
	c.by = c.in - c.out
	variance := scale * scale * inefficiency * inefficiency * (1/precision(m.v, g.in) + 1/precision(m.v, g.out))
	c.sd = math.Sqrt(max(variance, g.blocks))
	c.p = 2 * stat.StudentAbove(math.Abs(c.by)/c.sd, freedom)
	return c
}

// blockVariance is the variance of the difference between a group and the others by how
// far it scatters from block to block, made larger by what blocks of a run may share: a
// group whose scenarios share a yardstick moves as one.
func blockVariance(m *model, g group) float64 {
	squares, freedom, inverse, blocks := 0.0, 0.0, 0.0, 0.0
	for _, side := range m.blocks {
		var d []float64
		for _, b := range side {
			var sum, weight [2]float64
			for _, r := range b.rest {
				k := 0
				if g.in[r.scenario] {
					k = 1
				}
				w := 1 / m.v[r.scenario]
				sum[k], weight[k] = sum[k]+w*r.value, weight[k]+w
			}
			if weight[0] > 0 && weight[1] > 0 {
				d = append(d, sum[1]/weight[1]-sum[0]/weight[0])
			}
		}
		if len(d) < 2 {
			return 0
		}
		mean := 0.0
		for _, v := range d {
			mean += v / float64(len(d))
		}
		for _, v := range d {
			squares += (v - mean) * (v - mean)
		}
		freedom += float64(len(d) - 1)
		inverse += 1 / float64(len(d))
		blocks += float64(len(d)) / 2
	}
	return squares / freedom * inverse * (1 + blocks*sharedBlocks*sharedBlocks)
}
