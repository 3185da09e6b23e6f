package chart

import (
	"bytes"
	"strings"
	"testing"
)

func TestFlame(t *testing.T) {
	leaf := func(name string, width, change float64) FlameNode {
		return FlameNode{Name: name, Width: width, Base: width - change, New: width, Change: change}
	}
	long := "a_function_whose_name_is_much_too_long_for_the_box_that_it_has"
	root := FlameNode{Name: "all", Width: 100, Base: 70, New: 100, Calls: []FlameNode{
		{Name: "send", Width: 60, Base: 30, New: 60, Calls: []FlameNode{
			{Name: "only", Width: 60, Base: 30, New: 60, Calls: []FlameNode{leaf("filter", 30, 30), leaf("same<>", 29, 0), leaf("thin", 0.01, 0)}},
		}},
		leaf(long, 8, 0), leaf("cheaper", 31, -20),
	}}
	svg := func(f Flame) string {
		var b bytes.Buffer
		if err := WriteSVG(&b, f, ""); err != nil {
			t.Fatal(err)
		}
		return b.String()
	}
	d := svg(Flame{Title: "t", Unit: "ns", Differential: true, Root: root})
	for _, want := range []string{
		flameMore, flameLess, flameSame, "send › only", // a chain has one box
		"<title>" + long, "same&lt;&gt;", "filter: 0 ns per packet before, 30.00 now; itself +30.0",
	} {
		if !strings.Contains(d, want) {
			t.Errorf("no %q in %s", want, d)
		}
	}
	for _, not := range []string{">" + long + "<", "thin", flameKernel} {
		if strings.Contains(d, not) {
			t.Errorf("%q in %s", not, d)
		}
	}
	one := svg(Flame{Title: "t", Unit: "ns", Root: root})
	if !strings.Contains(one, flameKernel) || strings.Contains(one, flameMore) || !strings.Contains(one, "filter: 30.00 ns per packet, 30.0 %") {
		t.Errorf("%s", one)
	}
	// A function that is dearer itself has a box of its own.
	root.Calls[0].Change = 10
	if d := svg(Flame{Title: "t", Differential: true, Root: root}); strings.Contains(d, "send › only") {
		t.Errorf("%s", d)
	}
	// One that is new with all that it calls has not.
	root.Calls[0].Change, root.Calls[0].Calls[0].Change = 60, 60
	if d := svg(Flame{Title: "t", Differential: true, Root: root}); !strings.Contains(d, "send › only") {
		t.Errorf("%s", d)
	}
	if d := svg(Flame{Title: "empty"}); !strings.Contains(d, "</svg>") {
		t.Errorf("%s", d)
	}
}
