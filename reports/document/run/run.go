// Package run makes the document on one run.
package run

import (
	"slices"

	"tunbench/reports/document"
	"tunbench/reports/document/curve"
	"tunbench/reports/document/profile"
	"tunbench/reports/document/program"
	"tunbench/reports/document/queue"
	"tunbench/reports/figure"
	"tunbench/reports/prose"
	"tunbench/reports/record"
)

// New computes the report of f.
func New(f *record.File) document.Document {
	list, common := figure.Scenarios(f)
	d := document.Document{
		Title:  book.Text("title", prose.Values{"Kernel": kernelOf(f.Run)}),
		Alerts: Alerts(f), Lead: lead(f.Run, list), Source: document.SourceOf(f.Run),
	}
	d.N = document.TrialsEach(list)
	limits, limited := required(f, list)
	if limited {
		d.Sections = append(d.Sections, limits)
	}
	if len(list) == 0 {
		d.Lead = and(d.Lead, book.Say("nothing measured", nil))
		d.Points = []prose.Prose{provenance(f, list)}
	} else {
		d.Lead = and(d.Lead, Trust(list))
		d.Points = slices.Concat(results(list), searched(f.Searches), Limits(f, list), []prose.Prose{provenance(f, list)})
		d.Sections = append(d.Sections, throughput(list, common, f)...)
		add := func(parts ...func([]*figure.Scenario) (document.Section, bool)) {
			for _, part := range parts {
				if sec, ok := part(list); ok {
					d.Sections = append(d.Sections, sec)
				}
			}
		}
		add(program.Section)
		d.Sections = slices.Concat(d.Sections, differences(list), curve.Sections(f, list))
		add(directions, streams, queue.Spreads, queue.Flows, queue.Waits, written, headers, hops, links, guests, Latencies, probes)
		d.Sections = append(d.Sections, limit(list)...)
		add(drops, observerCost, accounting, flagged)
	}
	if limited {
		d.Points = append([]prose.Prose{Required(f)}, d.Points...)
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
	return d
}
