package document

import (
	"testing"

	"tunbench/reports/prose"
)

// A brief document lacks the tables that only a full one has, wherever they are, and
// nothing else.
func TestBrief(t *testing.T) {
	kept := Table{Columns: Text("kept"), Rows: [][]prose.Prose{Row("kept")}}
	left := Table{Columns: Text("left"), Rows: [][]prose.Prose{Row("left")}, Detail: true}
	d := Document{Title: "t", Sections: []Section{{Heading: "h", Sub: true, Blocks: []Block{kept, left, Fold{"f", []Block{left, prose.Say("p"), kept}}, Fold{"g", []Block{left}}}}}}
	brief := d.Brief()
	s := brief.Sections[0]
	if s.Heading != "h" || !s.Sub || len(s.Blocks) != 3 {
		t.Fatalf("%+v", s)
	}
	if inner := s.Blocks[1].(Fold); len(inner.Blocks) != 2 || inner.Summary != "f" {
		t.Errorf("fold %+v", inner)
	}
	if !s.Blocks[2].(Fold).Empty() {
		t.Error("a fold of what is left out is not empty")
	}
	if len(d.Sections[0].Blocks) != 4 {
		t.Error("the document itself was changed")
	}
}

// A full document lacks the tables that sum up what it has.
func TestWhole(t *testing.T) {
	digest := Table{Columns: Text("sum"), Rows: [][]prose.Prose{Row("sum")}, Digest: true}
	every := Table{Columns: Text("every"), Rows: [][]prose.Prose{Row("every")}, Detail: true}
	d := Document{Sections: []Section{{Heading: "h", Folded: true, Roomy: true, Blocks: []Block{digest, every}}}}
	for what, c := range map[string]struct {
		got  Document
		want string
	}{"brief": {d.Brief(), "sum"}, "whole": {d.Whole(), "every"}} {
		s := c.got.Sections[0]
		if len(s.Blocks) != 1 || s.Blocks[0].(Table).Columns[0].Name != c.want || !s.Folded || !s.Roomy {
			t.Errorf("%s: %+v", what, s)
		}
	}
}
