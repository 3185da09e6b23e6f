package flame

import (
	"maps"
	"math"
	"slices"

	"tunbench/reports/record"
)

// Node is a function in the tree of calls of one profile or of two.
type Node struct {
	Name      string
	Base, New float64 // cost with all that the function calls; of one profile both are the same
	// Width is the larger of both, own cost and called functions each taken by
	// themselves, so that what is gone in one profile has its place too.
	Width float64
	// Change is by how much the function itself is dearer in the new profile. Of a
	// function that only one profile has, it is all of its cost: whatever it calls comes or
	// goes with it.
	Change float64
	Calls  []Node // by name
}

// Tree is that of one profile.
func Tree(p *record.Profile) Node { return join("all", &p.Root, &p.Root) }

// Join joins those of two profiles.
func Join(base, next *record.Profile) Node { return join("all", &base.Root, &next.Root) }

// join joins the calls of a function in two profiles, one of which may lack it.
func join(name string, a, b *record.ProfileNode) Node {
	var x, y record.ProfileNode
	if a != nil {
		x = *a
	}
	if b != nil {
		y = *b
	}
	n := Node{Name: name, Base: x.Self, New: y.Self, Width: max(x.Self, y.Self)}
	callsA, callsB := calls(x), calls(y)
	names := map[string]bool{}
	for called := range callsA {
		names[called] = true
	}
	for called := range callsB {
		names[called] = true
	}
	for _, called := range slices.Sorted(maps.Keys(names)) {
		c := join(called, callsA[called], callsB[called])
		n.Base, n.New, n.Width = n.Base+c.Base, n.New+c.New, n.Width+c.Width
		n.Calls = append(n.Calls, c)
	}
	n.Change = y.Self - x.Self
	if a == nil || b == nil {
		n.Change = n.New - n.Base
	}
	return n
}

func calls(n record.ProfileNode) map[string]*record.ProfileNode {
	of := map[string]*record.ProfileNode{}
	for i := range n.Calls {
		of[n.Calls[i].Name] = &n.Calls[i]
	}
	return of
}

// Merge adds the blocks of several profiles of a scenario, such as those of the boots of
// a kernel; nil if there are none.
func Merge(list []*record.Profile) *record.Profile {
	list = slices.DeleteFunc(slices.Clone(list), func(p *record.Profile) bool { return p.Reason != "" || len(p.Blocks) == 0 })
	if len(list) == 0 {
		return nil
	}
	sum := *list[0]
	sum.Blocks, sum.Functions, sum.Root = nil, nil, record.ProfileNode{}
	functions := map[string]*record.ProfileFunction{}
	for _, p := range list {
		before := len(sum.Blocks)
		sum.Blocks = append(sum.Blocks, p.Blocks...)
		for _, f := range p.Functions {
			of := functions[f.Name]
			if of == nil {
				of = &record.ProfileFunction{Name: f.Name, Of: f.Of}
				functions[f.Name] = of
			}
			of.Self = append(append(of.Self, make([]float64, before-len(of.Self))...), f.Self...)
		}
	}
	for _, name := range slices.Sorted(maps.Keys(functions)) {
		f := functions[name]
		f.Self = append(f.Self, make([]float64, len(sum.Blocks)-len(f.Self))...)
		sum.Functions = append(sum.Functions, *f)
	}
	for _, p := range list {
		sum.Root = addTree(sum.Root, p.Root, float64(len(p.Blocks))/float64(len(sum.Blocks)))
	}
	return &sum
}

// addTree adds a share of n to sum.
func addTree(sum, n record.ProfileNode, share float64) record.ProfileNode {
	sum.Name = n.Name
	sum.Self += share * n.Self
	sum.Calls = slices.Clone(sum.Calls)
	for _, c := range n.Calls {
		i := slices.IndexFunc(sum.Calls, func(s record.ProfileNode) bool { return s.Name == c.Name })
		if i < 0 {
			i = len(sum.Calls)
			sum.Calls = append(sum.Calls, record.ProfileNode{})
		}
		sum.Calls[i] = addTree(sum.Calls[i], c, share)
	}
	return sum
}

// LargestChange is the largest own change of a node of the tree.
func (n *Node) LargestChange() float64 {
	most := math.Abs(n.Change)
	for i := range n.Calls {
		most = max(most, n.Calls[i].LargestChange())
	}
	return most
}
