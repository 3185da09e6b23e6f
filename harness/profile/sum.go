package profile

import (
	"maps"
	"math"
	"slices"

	"tunbench/bpf"
	"tunbench/reports/record"
)

// leastShare is the share of all cost below which a function is not shown apart from its
// caller.
const leastShare = 0.0005

// Sum makes the record of a scenario's blocks, as far as they say it: what was costly, in
// unit. Blocks without packets are left out.
func Sum(unit string, blocks []Block) record.Profile {
	blocks = slices.DeleteFunc(slices.Clone(blocks), func(b Block) bool { return b.Pkts == 0 })
	p := record.Profile{Unit: unit}
	functions := map[string]*record.ProfileFunction{}
	var root node
	for i, b := range blocks {
		p.Event, p.PeriodNs = b.Event, b.PeriodNs
		per := b.Weight / float64(b.Pkts) // of a sample
		p.Blocks = append(p.Blocks, record.ProfileBlock{
			Pkts: b.Pkts, Cost: round(per * float64(b.Kept())), Sampled: b.Kept(), Softirq: b.Counts[bpf.StackSoftirq],
			Idle: b.Counts[bpf.StackIdle], Foreign: b.Counts[bpf.StackOther], Lost: b.Counts[bpf.StackLost],
		})
		for _, s := range b.Stacks {
			cost := per * float64(s.Count)
			root.add(s.Frames, cost/float64(len(blocks)))
			leaf := s.Frames[len(s.Frames)-1]
			f := functions[leaf.Name]
			if f == nil {
				f = &record.ProfileFunction{Name: leaf.Name, Of: leaf.Of, Self: make([]float64, len(blocks))}
				functions[leaf.Name] = f
			}
			f.Self[i] += cost
		}
	}
	for _, name := range slices.Sorted(maps.Keys(functions)) {
		f := functions[name]
		for i := range f.Self {
			f.Self[i] = round(f.Self[i])
		}
		p.Functions = append(p.Functions, *f)
	}
	p.Root = root.record("all", leastShare*root.total())
	return p
}

// round keeps thousandths: of a nanosecond, or of an instruction.
func round(v float64) float64 { return math.Round(1000*v) / 1000 }

// node is a function in a tree of calls.
type node struct {
	self  float64
	calls map[string]*node
}

func (n *node) add(frames []Frame, cost float64) {
	for _, f := range frames {
		if n.calls == nil {
			n.calls = map[string]*node{}
		}
		next := n.calls[f.Name]
		if next == nil {
			next = new(node)
			n.calls[f.Name] = next
		}
		n = next
	}
	n.self += cost
}

func (n *node) total() float64 {
	sum := n.self
	for _, c := range n.calls {
		sum += c.total()
	}
	return sum
}

// record makes the record of n. What costs less than least is added to the caller.
func (n *node) record(name string, least float64) record.ProfileNode {
	out := record.ProfileNode{Name: name, Self: n.self}
	for _, called := range slices.Sorted(maps.Keys(n.calls)) {
		c := n.calls[called]
		if cost := c.total(); cost < least {
			out.Self += cost
			continue
		}
		out.Calls = append(out.Calls, c.record(called, least))
	}
	out.Self = round(out.Self)
	return out
}
