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

// A table with more rows than a bounded document has says below it how many it leaves out;
// one that is open is bounded only where that is asked for.
func TestBounded(t *testing.T) {
	rows := func(n int) (list [][]prose.Prose) {
		for i := range n {
			list = append(list, Row(i))
		}
		return list
	}
	open := Table{Columns: Text("open"), Rows: rows(9)}
	long := Table{Columns: Text("long"), Rows: rows(9), Fold: "all: 9 rows", Note: prose.Say("note")}
	short := Table{Columns: Text("short"), Rows: rows(3), Fold: "short"}
	d := Document{Sections: []Section{{Heading: "h", Blocks: []Block{open, long, short, Fold{"f", []Block{open}}}}}}
	blocks := d.Bounded(3, false).Sections[0].Blocks
	if len(blocks) != 4 || len(blocks[0].(Table).Rows) != 9 || len(blocks[2].(Table).Rows) != 3 {
		t.Fatalf("%+v", blocks)
	}
	const want = "6 of 9 rows are left out, so that this report stays short: tunbench report --full has all."
	for i, summary := range map[int]string{1: "all: 9 rows", 3: "f"} {
		fold := blocks[i].(Fold)
		if cut := fold.Blocks[0].(Table); len(fold.Blocks) != 2 || fold.Summary != summary || len(cut.Rows) != 3 || cut.Fold != "" {
			t.Errorf("%s: %+v", summary, fold)
		}
		if got := prose.Prose(fold.Blocks[1].(Small)).String(); got != want {
			t.Errorf("%s: %q, want %q", summary, got, want)
		}
	}
	if blocks = d.Bounded(3, true).Sections[0].Blocks; len(blocks) != 5 || len(blocks[0].(Table).Rows) != 3 {
		t.Errorf("unfolded: %+v", blocks)
	}
	if len(open.Rows) != 9 || len(d.Sections[0].Blocks[1].(Table).Rows) != 9 {
		t.Error("the document itself was changed")
	}
}
