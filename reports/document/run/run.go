// Package run makes the document on one run.
package run

import (
	"slices"

	"tunbench/reports/document"
	"tunbench/reports/document/curve"
	"tunbench/reports/document/ladder"
	"tunbench/reports/document/profile"
	"tunbench/reports/document/program"
	"tunbench/reports/document/question"
	"tunbench/reports/document/queue"
	"tunbench/reports/document/trust"
	"tunbench/reports/document/window"
	"tunbench/reports/figure"
	"tunbench/reports/finding"
	"tunbench/reports/prose"
	"tunbench/reports/record"
)

// Options say how much a report shows.
type Options struct {
	// Full shows each trial and each setting of the host, where a report otherwise sums
	// them up.
	Full bool
}

// New computes the report of f, without what only Options.Full shows.
func New(f *record.File) document.Document { return With(f, Options{}) }

// With computes the report of f.
func With(f *record.File, o Options) document.Document {
	list, common := figure.Scenarios(f)
	d := document.Document{
		Title:  book.Text("title", prose.Values{"Kernel": kernelOf(f.Run)}),
		Alerts: Alerts(f), Lead: lead(f.Run, list), Source: document.SourceOf(f.Run),
	}
	d.N = document.TrialsEach(list)
	limits, limited := required(f, list)
	if limited {
		d.Points = []prose.Prose{Required(f)}
	}
	if len(list) == 0 {
		d.Lead = and(d.Lead, book.Say("nothing measured", nil))
		d.Points = slices.Concat(d.Points, trust.Left(f, list), []prose.Prose{provenance(f, list)})
	} else {
		d.Lead = and(d.Lead, trust.Sentence(list))
		d.Sections = append(d.Sections, findings(f, list), trusted(f, list))
	}
	if limited {
		d.Sections = append(d.Sections, limits)
	}
	open := len(d.Sections)
	if len(list) > 0 {
		d.Sections = append(d.Sections, throughput(list, common, f)...)
		add := func(parts ...func([]*figure.Scenario) (document.Section, bool)) {
			for _, part := range parts {
				if sec, ok := part(list); ok {
					d.Sections = append(d.Sections, sec)
				}
			}
		}
		add(program.Section)
		curves, questions := curve.Sections(f, list), roomy(differences(list), mostQuestions)
		if len(document.Document{Sections: curves}.Pictures()) > 1 { // what such a run was made for
			curves, questions = questions, curves
		}
		d.Sections = slices.Concat(d.Sections, questions, curves)
		open = len(d.Sections)
		add(directions, streams, queue.Spreads, queue.Flows, queue.Waits, written, headers, hops, links, guests, Latencies, ladder.Probes)
		d.Sections = append(d.Sections, limit(list)...)
		add(drops, observerCost, accounting)
		d.Sections = append(d.Sections, trust.Flags(f.Run, list, o.Full))
	}
	if sec, ok := profile.Of(f.Profiles, titled(list, common)); ok {
		d.Sections = append(d.Sections, sec)
	}
	if sec, ok := searches(f, list, common); ok {
		d.Sections = append(d.Sections, sec)
	}
	if len(f.Skips) > 0 {
		d.Sections = append(d.Sections, skipped(f.Skips))
	}
	if sec, ok := shards(f, list); ok {
		d.Sections = append(d.Sections, sec)
	}
	d.Sections = append(d.Sections, observer(f, list), host(f, list))
	for i := open; i < len(d.Sections); i++ {
		d.Sections[i].Folded = !d.Sections[i].Sub
	}
	d.Details = window.Details(list)
	if o.Full {
		return d.Whole()
	}
	return d.Brief()
}

// mostQuestions is how many respects in which scenarios differ a phone shows unfolded.
const mostQuestions = 2

// roomy folds sections where there is little room, but for the first so many of one level
// lower.
func roomy(secs []document.Section, unfolded int) []document.Section {
	for i := range secs {
		if s := &secs[i]; s.Sub || unfolded == 0 {
			unfolded--
			s.Roomy = unfolded < 0
		}
	}
	return secs
}

// findings is what the report leads with: for each respect the best supported ratio and,
// where there are few scenarios or no ratios, the figures themselves.
func findings(f *record.File, list []*figure.Scenario) document.Section {
	sec := document.Section{Heading: book.Text("findings heading", nil)}
	found, of := finding.Of(list)
	if len(found) == 0 {
		sec.Blocks = append(sec.Blocks, finding.None(list))
	}
	var lines []prose.Prose
	respects := map[string]bool{}
	for _, f := range found {
		lines = append(lines, f.Sentence())
		respects[f.Difference.Name] = true
	}
	if len(list) <= mostQuoted || len(found) == 0 {
		lines = append(lines, results(list)...)
	}
	sec.Blocks = append(sec.Blocks, document.Bullets(append(lines, searched(f.Searches)...)))
	if len(found) > 0 {
		checks := question.Commands(found)
		sec.Blocks = append(sec.Blocks, document.Small(book.Say("findings note", prose.Values{
			"N": len(found), "Of": of, "Twice": len(respects) < len(found), "Commands": len(checks.Blocks) > 0, "Header": finding.OnHeaders(list), "Chart": question.ChartOf(found[0], list),
		})))
		if len(checks.Blocks) > 0 {
			sec.Blocks = append(sec.Blocks, checks)
		}
	}
	return sec
}

// trusted is how far to trust the report: how sharp the run is, what was left out, and
// when and with what it was measured.
func trusted(f *record.File, list []*figure.Scenario) document.Section {
	var lines []prose.Prose
	if sharp := finding.Sharp(list); len(sharp) > 0 {
		lines = append(lines, sharp)
	}
	lines = slices.Concat(lines, trust.Left(f, list), trust.Rest(f, list), []prose.Prose{provenance(f, list)})
	sec := document.Section{Heading: book.Text("trust heading", nil), Blocks: []document.Block{document.Bullets(lines)}}
	if crowded := trust.Crowded(list); len(crowded.Rows) > 0 {
		sec.Blocks = append(sec.Blocks, crowded)
	}
	if sharp := trust.Sharpness(list); len(sharp) > 0 {
		sec.Blocks = append(sec.Blocks, document.Small(sharp))
	}
	return sec
}
