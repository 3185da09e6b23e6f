package run

import (
	"slices"

	"tunbench/reports/document"
	"tunbench/reports/figure"
	"tunbench/reports/prose"
	"tunbench/reports/record"
	"tunbench/reports/text"
)

// openMeaning says why latency counts from the intended time.
func openMeaning() prose.Prose {
	return prose.Say(prose.Bold("Open loop"), ": packets are due at a rate of their own, whatever became of the ones before, and ", prose.Bold("end to end"),
		" counts from the moment a packet was due to the return of the read that brought it. While something stalls, packets go on being due, and each of them counts with the whole time that it was delayed. "+
			"A closed loop that waits for what it has sent, such as ", prose.Mono("gen=lockstep"), ", sends nothing meanwhile: of the same stall it counts one slow batch, and its high quantiles do not show it (coordinated omission). ",
		prose.Bold("service"), " counts from the moment a packet was really sent; where it is much below end to end, packets waited to be sent.")
}

// OpenLoops makes the tables of latency under an open load, and of how well the
// load was kept. They have no rows if there is no open loop.
func OpenLoops(list []*figure.Scenario, title func(*figure.Scenario) string) (open, kept document.Table) {
	open = document.Table{Columns: slices.Concat(document.Text("scenario"), document.Numeric("offered", "p50", "p90", "p99", "p99.9", "max", "service p50", "service p99", "service p99.9", "loss %", "late %"))}
	kept = document.Table{
		Columns: slices.Concat(document.Text("scenario"), document.Numeric("offered", "packets due", "late %", "sent − due p99", "sent − due max", "n")),
		Fold:    "How the schedule was kept",
		Note: prose.Say(prose.Bold("late"), ": share of the packets that were due in the measured time and sent too late, or not at all. ",
			prose.Bold("sent − due"), ": how much later than it was due a packet was sent; the median over the trials of their p99, and the latest of all. End to end holds that time, service does not. "),
	}
	top := 0.0
	for _, s := range list {
		if k, ok := s.Head().Schedule(); ok {
			top = max(top, k.Rate)
		}
	}
	sc := text.RateScale(top)
	var lateNs int64
	for _, s := range list {
		h := s.Head()
		k, ok := h.Schedule()
		if !ok {
			continue
		}
		lateNs = max(lateNs, k.LateNs)
		late, p99 := text.Absent, text.Absent
		if k.Sends > 0 {
			late = text.Percent(float64(k.Late) / float64(k.Sends))
		}
		if k.P99 != nil {
			p99 = text.Duration(*k.P99)
		}
		e2e, _ := h.Pool(record.E2E)
		service, _ := h.Pool(record.Service)
		from := quantileCells(service)
		name := any(title(s))
		if h.Invalid {
			name = prose.Say(title(s)+" ", prose.Bold("invalid"))
		}
		cells := append([]any{name, sc.Format(k.Rate)}, quantileCells(e2e)...)
		cells = append(cells, from[0], from[2], from[3], Cell(h, record.Loss, text.Percent), late)
		open.Rows = append(open.Rows, document.Row(cells...))
		kept.Rows = append(kept.Rows, document.Row(title(s), sc.Format(k.Rate), text.Count(k.Sends), late, p99, text.Duration(float64(k.Max)), k.Trials))
	}
	for _, t := range []*document.Table{&open, &kept} {
		t.Columns[1].Name = "offered " + sc.Unit
	}
	kept.Note = append(kept.Note, prose.Say("A packet is late if it is sent more than "+text.Duration(float64(lateNs))+" after it was due; a trial with more than 1 % of them is invalid.")...)
	return open, kept
}
