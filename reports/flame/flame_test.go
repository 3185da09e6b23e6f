package flame

import (
	"math"
	"math/rand/v2"
	"testing"

	"github.com/google/go-cmp/cmp"

	"tunbench/reports/record"
)

// profileOf has those functions, with what each costs in each block.
func profileOf(self map[string][]float64) *record.Profile {
	p := &record.Profile{Unit: record.ProfileNs}
	for name, x := range self {
		p.Functions = append(p.Functions, record.ProfileFunction{Name: name, Self: x})
		for i, v := range x {
			for len(p.Blocks) <= i {
				p.Blocks = append(p.Blocks, record.ProfileBlock{})
			}
			p.Blocks[i].Cost += v
		}
	}
	return p
}

func near(a, b float64) bool { return math.Abs(a-b) < 0.005 }

func TestInterval(t *testing.T) {
	// By hand: mean 3, standard error sqrt(2.5/5), t(0.975, 4) = 2.776.
	if i := sampleOf([]float64{1, 2, 3, 4, 5}).interval(alpha); !near(i.Mean, 3) || !near(i.Low, 1.037) || !near(i.High, 4.963) {
		t.Errorf("%+v", i)
	}
	if i := sampleOf([]float64{7}).interval(alpha); i.Mean != 7 || !math.IsInf(i.Low, -1) || !math.IsInf(i.High, 1) {
		t.Errorf("of one block: %+v", i)
	}
	if i := sampleOf([]float64{7, 7}).interval(alpha); i != (Interval{7, 7, 7}) {
		t.Errorf("without scatter: %+v", i)
	}
	// R: t.test(c(5,6,7), c(1,2,3)), 95 %: 1.733 to 6.267.
	if i := sampleOf([]float64{5, 6, 7}).less(sampleOf([]float64{1, 2, 3})).interval(alpha); !near(i.Mean, 4) || !near(i.Low, 1.733) || !near(i.High, 6.267) {
		t.Errorf("of two samples: %+v", i)
	}
}

func TestCompare(t *testing.T) {
	base := profileOf(map[string][]float64{"same": {10, 30, 20}, "xmit": {5, 15, 10}, "gone": {1, 1.1, 0.9}})
	next := profileOf(map[string][]float64{"same": {10.1, 29.9, 20}, "xmit": {21.2, 30.9, 25.9}, "fresh": {1, 1, 1}})
	d := Compare(base, next, true)
	names := func(list []Change) (names []string) {
		for _, c := range list {
			names = append(names, c.Name)
		}
		return names
	}
	// The host was three times as fast in one block as in another: pairs do not mind.
	if got := names(d.Changes); got[0] != "xmit" || len(got) != 4 {
		t.Errorf("%q", got)
	}
	if c := d.Changes[0]; !near(c.Mean, 16) || !c.Moved() || !near(c.Base, 10) || !near(c.New, 26) || c.All.Low >= c.Low || c.High-c.Low > 1 {
		t.Errorf("%+v", c)
	}
	for _, c := range d.Changes {
		if c.Name == "same" && c.Moved() {
			t.Errorf("%+v", c)
		}
		if c.Name == "gone" && (!near(c.Mean, -1) || c.New != 0) {
			t.Errorf("%+v", c)
		}
	}
	if !near(d.Total.Mean, 16) {
		t.Errorf("total %+v", d.Total)
	}
	// Taken as independent samples, the host's speed drowns it.
	if d := Compare(base, next, false); len(d.Moved()) != 1 || d.Moved()[0].Name != "fresh" && d.Moved()[0].Name != "gone" {
		for _, c := range d.Moved() {
			if c.Name == "xmit" {
				t.Errorf("unpaired: %+v", c)
			}
		}
	}
}

// TestMovedFirst: what changed stands above a larger difference that is noise.
func TestMovedFirst(t *testing.T) {
	base := profileOf(map[string][]float64{"copy": {100, 200, 100, 200, 100}, "xmit": {10, 10, 10, 10, 10}})
	next := profileOf(map[string][]float64{"copy": {200, 150, 300, 190, 150}, "xmit": {26.1, 25.9, 26, 26.1, 26}})
	d := Compare(base, next, true)
	if d.Changes[0].Name != "xmit" || !d.Changes[0].Moved() || d.Changes[1].Moved() || d.Changes[1].Mean < 30 {
		t.Errorf("%+v", d.Changes)
	}
}

// TestCounted: blocks that agree by chance do not make an interval narrower than the
// number of samples allows.
func TestCounted(t *testing.T) {
	base := profileOf(map[string][]float64{"xmit": {100, 100.1, 99.9, 100}})
	next := profileOf(map[string][]float64{"xmit": {103, 103, 102.9, 103.1}})
	if c := Compare(base, next, true).Changes[0]; !c.Moved() {
		t.Fatalf("%+v", c)
	}
	for _, p := range []*record.Profile{base, next} {
		for i := range p.Blocks {
			p.Blocks[i].Cost, p.Blocks[i].Sampled = 1000, 1000 // 100 samples of xmit
		}
	}
	// The standard error of each side is that of 400 samples, a fourth of a block each.
	c := Compare(base, next, true).Changes[0]
	if want := 1.962 * math.Sqrt(400+412) / 4; c.Moved() || math.Abs(c.High-c.Mean-want) > 0.1 {
		t.Errorf("%+v, want ± %.2f", c, want)
	}
	if cost := Costs(base)[0]; math.Abs(cost.High-cost.Mean-1.962*5) > 0.1 {
		t.Errorf("%+v", cost)
	}
}

// TestSimultaneous: of comparisons of equal profiles, about one in twenty shows any
// function as moved.
func TestSimultaneous(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	const comparisons, functions, blocks = 400, 30, 10
	shown, alone := 0, 0
	for range comparisons {
		sides := [2]map[string][]float64{{}, {}}
		for f := range functions {
			for i := range sides {
				for range blocks {
					name := string(rune('a' + f))
					sides[i][name] = append(sides[i][name], 100+rng.NormFloat64())
				}
			}
		}
		d := Compare(profileOf(sides[0]), profileOf(sides[1]), true)
		if len(d.Moved()) > 0 {
			shown++
		}
		for _, c := range d.Changes {
			if c.excludes0() {
				alone++
			}
		}
	}
	if shown < 5 || shown > 40 {
		t.Errorf("%d of %d comparisons of equal profiles show a function as moved", shown, comparisons)
	}
	if share := float64(alone) / comparisons / functions; share < 0.035 || share > 0.065 {
		t.Errorf("%.3f of the intervals of one function alone exclude 0", share)
	}
}

func TestJoin(t *testing.T) {
	node := func(name string, self float64, calls ...record.ProfileNode) record.ProfileNode {
		return record.ProfileNode{Name: name, Self: self, Calls: calls}
	}
	base := &record.Profile{Root: node("all", 0, node("xmit", 10, node("gone", 4)))}
	next := &record.Profile{Root: node("all", 0, node("xmit", 9, node("filter", 2, node("clock", 20))))}
	want := Node{Name: "all", Base: 14, New: 31, Width: 36, Calls: []Node{{
		Name: "xmit", Base: 14, New: 31, Width: 36, Change: -1, Calls: []Node{
			{Name: "filter", New: 22, Width: 22, Change: 22, Calls: []Node{{Name: "clock", New: 20, Width: 20, Change: 20}}},
			{Name: "gone", Base: 4, Width: 4, Change: -4},
		},
	}}}
	if d := cmp.Diff(want, Join(base, next)); d != "" {
		t.Errorf("-want +got:\n%s", d)
	}
	if one := Tree(next); one.Width != 31 || one.Base != 31 || one.Calls[0].Change != 0 {
		t.Errorf("%+v", one)
	}
}

func TestMerge(t *testing.T) {
	one := profileOf(map[string][]float64{"a": {1, 2}, "b": {5, 5}})
	two := profileOf(map[string][]float64{"a": {3, 4}, "c": {7, 7}})
	one.Root, two.Root = record.ProfileNode{Name: "all", Self: 10}, record.ProfileNode{Name: "all", Calls: []record.ProfileNode{{Name: "x", Self: 2}}}
	sum := Merge([]*record.Profile{one, {Reason: record.Failed}, two})
	want := []record.ProfileFunction{{Name: "a", Self: []float64{1, 2, 3, 4}}, {Name: "b", Self: []float64{5, 5, 0, 0}}, {Name: "c", Self: []float64{0, 0, 7, 7}}}
	if d := cmp.Diff(want, sum.Functions); d != "" {
		t.Errorf("-want +got:\n%s", d)
	}
	if d := cmp.Diff(record.ProfileNode{Name: "all", Self: 5, Calls: []record.ProfileNode{{Name: "x", Self: 1}}}, sum.Root); d != "" || len(sum.Blocks) != 4 {
		t.Errorf("%d blocks, -want +got:\n%s", len(sum.Blocks), d)
	}
	if Merge([]*record.Profile{{Reason: record.Failed}}) != nil {
		t.Error("a profile of none")
	}
}
