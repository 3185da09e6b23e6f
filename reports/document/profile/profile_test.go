package profile

import (
	"strings"
	"testing"

	"tunbench/reports/document"
	"tunbench/reports/prose"
	"tunbench/reports/prose/prosetest"
	"tunbench/reports/record"
)

func TestWords(t *testing.T) { prosetest.Check(t, book) }

// profiled is a profile of three blocks in which xmit costs about that much.
func profiled(xmit float64, lost uint64) *record.Profile {
	p := &record.Profile{Scenario: "Tun/size=64", Unit: record.ProfileNs, Event: "cpu-clock", PeriodNs: 499_000, Functions: []record.ProfileFunction{
		{Name: "copy", Of: "vmlinux", Self: []float64{100, 101, 102}}, {Name: "xmit", Of: "tun", Self: []float64{xmit, xmit + 1, xmit + 2}},
	}}
	for i := range 3 {
		p.Blocks = append(p.Blocks, record.ProfileBlock{Pkts: 1000, Cost: 100 + xmit + 2*float64(i), Sampled: 400, Lost: lost})
	}
	p.Root = record.ProfileNode{Name: "all", Calls: []record.ProfileNode{{Name: "copy", Self: 101}, {Name: "a/b.xmit", Self: xmit + 1}}}
	return p
}

// words is the text of a section.
func words(sec document.Section) string {
	var b strings.Builder
	for _, block := range sec.Blocks {
		switch v := block.(type) {
		case prose.Prose:
			b.WriteString(v.String() + "\n")
		case document.Small:
			b.WriteString(prose.Prose(v).String() + "\n")
		case document.Table:
			for _, row := range v.Rows {
				for _, cell := range row {
					b.WriteString(cell.String() + "|")
				}
				b.WriteString("\n")
			}
		case document.Picture:
			b.WriteString("picture " + v.File + "\n")
		}
	}
	return b.String()
}

func TestOf(t *testing.T) {
	name := func(s string) string { return strings.TrimPrefix(s, "Tun/") }
	failed := record.Profile{Scenario: "Tun/size=9", Unit: record.ProfileNs, Reason: record.Unsupported, Detail: "it cannot"}
	sec, ok := Of([]record.Profile{*profiled(50, 3), failed}, name)
	got := words(sec)
	for _, want := range []string{"499µs", "9 of 1,209 samples were lost", "size=64: 152.0 ns per packet by 1,200 samples", "picture flame.svg", "copy|vmlinux|101.0|66.4|", "No profile of size=9: unsupported: it cannot"} {
		if !ok || !strings.Contains(got, want) {
			t.Errorf("no %q in %s", want, got)
		}
	}
	if _, ok := Of(nil, name); ok {
		t.Error("a section without profiles")
	}
}

func TestBetween(t *testing.T) {
	sec, ok := Between([]Pair{{Name: "size=64", Base: profiled(50, 0), New: profiled(66, 0), Paired: true}})
	got := words(sec)
	for _, want := range []string{"from 152.0 to 168.0 ns per packet, +16.0", "Dearer or cheaper: xmit +16.0. No other of 2 functions", "picture flame-difference.svg", "xmit|tun|51.00|67.00|+16.0|"} {
		if !ok || !strings.Contains(got, want) {
			t.Errorf("no %q in %s", want, got)
		}
	}
	if strings.Contains(got, "lost") {
		t.Errorf("lost samples in %s", got)
	}
	sec, _ = Between([]Pair{{Name: "size=64", Base: profiled(50, 0), New: profiled(50, 0), Paired: true}})
	if got := words(sec); !strings.Contains(got, "None of 2 functions") {
		t.Errorf("%s", got)
	}
	virtual := profiled(50, 0)
	virtual.Unit, virtual.PeriodNs = record.ProfileInstructions, 50_021
	sec, _ = Between([]Pair{{Name: "x", Base: virtual, New: virtual}})
	if got := words(sec); !strings.Contains(got, "50,021 instructions") || !strings.Contains(got, "In virtual time") {
		t.Errorf("%s", got)
	}
	if _, ok := Between(nil); ok {
		t.Error("a section without profiles")
	}
}
