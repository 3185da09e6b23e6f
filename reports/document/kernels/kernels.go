// Package kernels makes the document on a comparison of kernels.
package kernels

import (
	"embed"
	"slices"
	"strconv"
	"strings"

	"tunbench/reports/axis"
	"tunbench/reports/document"
	"tunbench/reports/prose"
	"tunbench/reports/record"
	"tunbench/reports/verdict"
)

//go:embed *.txt
var files embed.FS

var book = prose.Must(prose.Read(files, "*.txt", document.Words))

// Text writes what is said of a kernel lab.
type Text struct{ *verdict.Lab }

// New prepares the report on l.
func New(l *verdict.Lab) Text { return Text{l} }

// Columns are the kernels that get a table of their own beside the first; with
// a single kernel that is nil, which stands for nothing to compare with.
func (l Text) Columns() []*verdict.Kernel {
	if len(l.Kernels) == 1 {
		return []*verdict.Kernel{nil}
	}
	return l.Rest()
}

// Document is the report.
func (l Text) Document() document.Document {
	d := document.Document{Title: l.title(), Alerts: l.alerts(), Lead: l.lead(), Points: append(l.Points(), l.method()), Source: document.SourceOf(l.Runs()...)}
	d.N = document.Counted(l.Delivered(), document.Boots())
	if slices.ContainsFunc(l.Kernels, func(k *verdict.Kernel) bool { return len(k.Bare) > 0 }) {
		d.Sections = append(d.Sections, costs(l)...)
		if sec, ok := charts(l); ok {
			d.Sections = append(d.Sections, sec)
		}
	} else {
		d.Lead = append(append(d.Lead, prose.Say(" ")...), book.Say("nothing measured", nil)...)
	}
	for _, part := range []func(Text) (document.Section, bool){profiles, observerCost, refusals, differences, raw} {
		if sec, ok := part(l); ok {
			d.Sections = append(d.Sections, sec)
		}
	}
	return d
}

func (l Text) title() string {
	var names []string
	for _, k := range l.Kernels {
		names = append(names, k.Name)
	}
	switch len(names) {
	case 0:
		return book.Text("title none", nil)
	case 1:
		return book.Text("title one", prose.Values{"Base": names[0]})
	}
	return book.Text("title", prose.Values{"New": strings.Join(names[1:], ", "), "Base": names[0]})
}

func (l Text) alerts() (a []prose.Prose) { return slices.Concat(l.Headlines(), l.Cautions()) }

// rule is what makes an exit code of the verdicts.
func (l Text) rule() verdict.ExitRule {
	return verdict.ExitRule{AllowMissing: slices.Contains(l.Allow, verdict.AllowMissing)}
}

// Headlines are what a reader must know before anything else: that nothing could
// be judged, and which scenarios a kernel does not have that the first has.
func (l Text) Headlines() (a []prose.Prose) {
	if len(l.Kernels) < 2 {
		return nil // nothing is compared
	}
	var verdicts []record.Verdict
	type lack struct{ kernel, scenario string }
	missing := map[lack]string{}
	var order []lack
	for _, v := range l.Verdicts() {
		verdicts = append(verdicts, v.Verdict)
		at := lack{v.NewKernel, v.Scenario}
		if _, told := missing[at]; v.Missing == record.NewSide && !told {
			missing[at] = strings.TrimPrefix(strings.Join(v.Notes, "; "), v.NewKernel+": ")
			order = append(order, at)
		}
	}
	if l.rule().Unjudged(verdicts) {
		why := book.Text("unjudged no scenario", nil)
		if i := slices.IndexFunc(verdicts, func(v record.Verdict) bool { return v.Missing == "" }); i >= 0 {
			why = strings.Join(verdicts[i].Notes, "; ")
		}
		a = append(a, book.Say("unjudged", prose.Values{"Why": why}))
	}
	for i, m := range order {
		if i == document.FewVerdicts {
			a = append(a, book.Say("lacking more", prose.Values{"N": len(order) - i}))
			break
		}
		a = append(a, book.Say("lacking", prose.Values{"Kernel": m.kernel, "Scenario": m.scenario, "Why": missing[m], "Allowed": l.rule().AllowMissing}))
	}
	return a
}

// Cautions are for the reader, before any figure.
func (l Text) Cautions() (a []prose.Prose) {
	for _, k := range l.Kernels {
		if n := len(k.Lost); n > 0 {
			var list []string
			for _, boot := range k.Lost {
				list = append(list, strconv.Itoa(boot))
			}
			a = append(a, book.Say("boots lost", prose.Values{"N": n, "Kernel": k.Name, "Numbers": list, "Boots": k.Boots, "All": n == k.Boots}))
		}
		if k.Cut > 0 {
			a = append(a, book.Say("runs cut", prose.Values{"N": k.Cut, "Kernel": k.Name}))
		}
		told := map[string]bool{}
		for _, f := range k.Files {
			for _, w := range f.Warnings {
				if !told[w] {
					a = append(a, book.Say("file warning", prose.Values{"Kernel": k.Name, "Warning": w}))
				}
				told[w] = true
			}
		}
	}
	if len(l.Clocks) > 1 {
		a = append(a, book.Say("clocks", prose.Values{"Clocks": l.Clocks}))
	}
	for _, next := range l.Rest() {
		differences, allowed := l.Incomparable(l.Kernels[0], next)
		for _, why := range differences {
			a = append(a, book.Say("not comparable", prose.Values{"New": next.Name, "Base": l.Kernels[0].Name, "Why": why}))
		}
		for _, difference := range allowed {
			a = append(a, book.Say("allowed", prose.Values{"Difference": difference}))
		}
	}
	return a
}

// lead says what was measured and how far the figures can be trusted.
func (l Text) lead() prose.Prose {
	measured := 0
	for _, name := range l.Scenarios {
		if slices.ContainsFunc(l.Kernels, func(k *verdict.Kernel) bool { return len(k.Bare[name]) > 0 }) {
			measured++
		}
	}
	var list []prose.Prose
	for i, k := range l.Kernels {
		list = append(list, book.Say("kernel", prose.Values{"Name": k.Name, "Boots": k.Boots - len(k.Lost), "Base": i == 0 && len(l.Kernels) > 1}))
	}
	p := book.Say("scenarios", prose.Values{"Scenarios": measured, "Suites": code(l.Suites), "Kernels": list})
	if len(l.Kernels) > 1 {
		p = append(append(p, prose.Say(" ")...), book.Say("indicative", nil)...)
	}
	return p
}

// method says what the figures are. It follows the result.
func (l Text) method() prose.Prose {
	p := book.Say("costs", nil)
	say := func(sentence prose.Prose) { p = append(append(p, prose.Say(" ")...), sentence...) }
	if len(l.Clocks) > 0 {
		say(book.Say("clock", prose.Values{"Clocks": code(l.Clocks)}))
	}
	if len(l.Tools) > 0 {
		say(book.Say("tool", prose.Values{"Tools": code(l.Tools)}))
	}
	if slices.Contains(l.Clocks, record.ClockICount) {
		say(document.VirtualTime())
	}
	return p
}

// Points is the result in a few lines.
func (l Text) Points() (p []prose.Prose) {
	for _, next := range l.Rest() {
		p = append(p, points(l, next)...)
	}
	return append(p, stability(l)...)
}

// Name is the name of a scenario in the tables.
func (l Text) Name(scenario string) string {
	var modes []string
	for _, s := range l.Scenarios {
		if mode, _ := axis.Split(s); !slices.Contains(modes, mode) {
			modes = append(modes, mode)
		}
	}
	own := axis.Label(scenario, l.Common)
	if len(modes) < 2 && len(l.Common) > 0 {
		return own
	}
	mode, _ := axis.Split(scenario)
	return mode + " " + own
}

// code are words as they are typed.
func code(words []string) (list []prose.Piece) {
	for _, w := range words {
		list = append(list, prose.Mono(w))
	}
	return list
}
