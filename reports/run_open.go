package reports

import (
	"slices"

	"tunbench/reports/record"
)

// openMeaning says why latency counts from the intended time.
func openMeaning() prose {
	return say(bold("Open loop"), ": packets are due at a rate of their own, whatever became of the ones before, and ", bold("end to end"),
		" counts from the moment a packet was due to the return of the read that brought it. While something stalls, packets go on being due, and each of them counts with the whole time that it was delayed. "+
			"A closed loop that waits for what it has sent, such as ", mono("gen=lockstep"), ", sends nothing meanwhile: of the same stall it counts one slow batch, and its high quantiles do not show it (coordinated omission). ",
		bold("service"), " counts from the moment a packet was really sent; where it is much below end to end, packets waited to be sent.")
}

// openLoops makes the tables of latency under an open load, and of how well the
// load was kept. They have no rows if there is no open loop.
func openLoops(list []*scenario, title func(*scenario) string) (open, kept table) {
	open = table{columns: slices.Concat(text("scenario"), numeric("offered", "p50", "p90", "p99", "p99.9", "max", "service p50", "service p99", "service p99.9", "loss %", "late %"))}
	kept = table{
		columns: slices.Concat(text("scenario"), numeric("offered", "packets due", "late %", "sent − due p99", "sent − due max", "n")),
		fold:    "How the schedule was kept",
		note: say(bold("late"), ": share of the packets that were due in the measured time and sent too late, or not at all. ",
			bold("sent − due"), ": how much later than it was due a packet was sent; the median over the trials of their p99, and the latest of all. End to end holds that time, service does not. "),
	}
	top := 0.0
	for _, s := range list {
		if k, ok := s.head().schedule(); ok {
			top = max(top, k.rate)
		}
	}
	sc := rateScale(top)
	var lateNs int64
	for _, s := range list {
		h := s.head()
		k, ok := h.schedule()
		if !ok {
			continue
		}
		lateNs = max(lateNs, k.lateNs)
		late, p99 := absent, absent
		if k.sends > 0 {
			late = percent(float64(k.late) / float64(k.sends))
		}
		if k.p99 != nil {
			p99 = duration(*k.p99)
		}
		e2e, _ := h.pool(record.E2E)
		service, _ := h.pool(record.Service)
		from := quantileCells(service)
		name := any(title(s))
		if h.invalid {
			name = say(title(s)+" ", bold("invalid"))
		}
		cells := append([]any{name, sc.format(k.rate)}, quantileCells(e2e)...)
		cells = append(cells, from[0], from[2], from[3], cell(h, record.Loss, percent), late)
		open.rows = append(open.rows, row(cells...))
		kept.rows = append(kept.rows, row(title(s), sc.format(k.rate), count(k.sends), late, p99, duration(float64(k.max)), k.trials))
	}
	for _, t := range []*table{&open, &kept} {
		t.columns[1].name = "offered " + sc.unit
	}
	kept.note = append(kept.note, say("A packet is late if it is sent more than "+duration(float64(lateNs))+" after it was due; a trial with more than 1 % of them is invalid.")...)
	return open, kept
}
