package reports

import (
	"cmp"

	"tunbench/reports/record"
)

// newDocument computes the report of f.
func newDocument(f *record.File) document {
	list, common := scenarios(f)
	d := document{title: "tunbench: TUN/TAP on Linux " + cmp.Or(f.Run.Host.Kernel, unknownKernel(f.Run))}
	d.alerts = alerts(f)
	d.lead = lead(f, list)
	if len(list) == 0 {
		d.lead = append(d.lead, say(" Nothing was measured.")...)
	} else {
		d.points = points(f, list)
		d.sections = append(d.sections, throughput(list, common, f)...)
		add := func(parts ...func([]*scenario) (section, bool)) {
			for _, part := range parts {
				if sec, ok := part(list); ok {
					d.sections = append(d.sections, sec)
				}
			}
		}
		d.sections = append(d.sections, beside(list)...)
		add(directions, conversations, queues, flowQueues, written, headers, hops, latencies)
		d.sections = append(d.sections, limit(list)...)
		add(drops, observerCost, accounting, flagged)
	}
	if sec, ok := searches(f, list, common); ok {
		d.sections = append(d.sections, sec)
	}
	if len(f.Skips) > 0 {
		d.sections = append(d.sections, skipped(f.Skips))
	}
	if sec, ok := shards(f, list); ok {
		d.sections = append(d.sections, sec)
	}
	d.sections = append(d.sections, observer(f, list), host(f, list))
	return d
}
