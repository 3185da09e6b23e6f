package export

import (
	"bytes"
	"strings"
	"testing"
	"unicode"

	"tunbench/reports/document"
	"tunbench/reports/document/compare"
	"tunbench/reports/document/kernels"
	"tunbench/reports/fixture"
	"tunbench/reports/prose"
	"tunbench/reports/record"
	"tunbench/reports/render"
	"tunbench/reports/verdict"
)

// hostileSide is a run whose host, devices, flags and warnings are hostile.
func hostileSide() *record.File {
	f, _ := fixture.BeforeAndAfter()
	for i := range f.Trials {
		f.Trials[i].Device.Qdisc = fixture.Hostile
		if i%7 == 0 {
			f.Trials[i].Flags = []string{record.FlagSteal, fixture.Hostile}
		}
	}
	f.Run.Host.Kernel, f.Run.Host.CPU, f.Warnings = fixture.Hostile, fixture.Hostile, []string{fixture.Hostile}
	return f
}

// A report in markdown tells each text of its document, in its order, whatever it holds.
func TestMarkdownTells(t *testing.T) {
	docs := documents(t)
	_, next := fixture.BeforeAndAfter()
	docs["compare-hostile"] = compare.New(compared(t, hostileSide(), next, verdict.Options{Allow: verdict.AllowFields})).Document()
	docs["kernels-hostile"] = kernels.New(verdict.NewLab(kernelVariants()["kernels-hostile"])).Document()
	for name, d := range docs {
		var b bytes.Buffer
		if err := render.Markdown(&b, d, render.Options{}); err != nil {
			t.Fatal(err)
		}
		md := b.String()
		if missing := untold(d, md); missing != "" {
			t.Errorf("%s: the report does not tell %q", name, missing)
		}
		// A report that lacks a row, or has two exchanged, is found out.
		lines := strings.Split(md, "\n")
		for i, l := range lines {
			if strings.HasPrefix(l, "|") && i+1 < len(lines) && strings.HasPrefix(lines[i+1], "|") && letters(l) != letters(lines[i+1]) && len(letters(l)) > 20 && i > 2 && strings.HasPrefix(lines[i-1], "|") {
				lines[i] = ""
				if untold(d, strings.Join(lines, "\n")) == "" {
					t.Errorf("%s: nobody misses %q", name, l)
				}
				break
			}
		}
	}
}

// letters are what any way to escape leaves of s.
func letters(s string) string {
	return strings.Map(func(r rune) rune {
		if unicode.IsLetter(r) || unicode.IsDigit(r) {
			return r
		}
		return -1
	}, s)
}

// untold returns the first text of d that md does not have where it belongs.
func untold(d document.Document, md string) (missing string) {
	md = strings.NewReplacer("<code>", "", "</code>", "", "<details>", "", "</details>", "", "<summary>", "", "</summary>", "", "<sub>", "", "</sub>", "", "&lt;", "", "&gt;", "", "&amp;", "", "&#124;", "").Replace(md)
	rest := letters(md)
	tell := func(s string) {
		s = strings.NewReplacer("&lt;", "", "&gt;", "", "&amp;", "").Replace(s)
		want := letters(s)
		at := strings.Index(rest, want)
		if at < 0 {
			if missing == "" {
				missing = s
			}
			return
		}
		rest = rest[at+len(want):]
	}
	var of func(b document.Block)
	of = func(b document.Block) {
		switch b := b.(type) {
		case prose.Prose:
			tell(document.PlainText(b))
		case document.Small:
			tell(document.PlainText(prose.Prose(b)))
		case document.Bullets:
			for _, item := range b {
				tell(document.PlainText(item))
			}
		case document.Fold:
			if !b.Empty() {
				tell(b.Summary)
				for _, inner := range b.Blocks {
					of(inner)
				}
			}
		case document.Table:
			if len(b.Rows) == 0 {
				return
			}
			tell(b.Fold)
			for _, c := range b.Columns {
				tell(c.Name)
			}
			for _, r := range b.Rows {
				for _, c := range r {
					tell(document.PlainText(c))
				}
			}
			tell(document.PlainText(b.Note))
		}
	}
	tell(d.Title)
	for _, a := range d.Alerts {
		of(a)
	}
	of(d.Lead)
	of(document.Bullets(d.Points))
	for _, s := range d.Sections {
		tell(s.Heading)
		for _, b := range s.Blocks {
			of(b)
		}
	}
	return missing
}
