package reports

import (
	"slices"

	"tunbench/reports/record"
)

func latencies(list []*scenario) (section, bool) {
	sec := section{heading: "Latency"}
	title := titles(list)
	rows := make([]ladderRow, len(list))
	full, lockstep := false, false
	// apart reports that the latencies come from different trials, which may have met
	// different hosts and filled the ring differently.
	apart := slices.ContainsFunc(list, func(s *scenario) bool {
		_, from, ok := s.latencyOf(record.E2E)
		_, inside, seen := s.latencyOf(record.Residency)
		return ok && seen && from != inside
	})
	for i, s := range list {
		rows[i].label = title(s)
		for _, t := range s.all() {
			step := axisOf(t, "gen") == "lockstep"
			full = full || !openLoop(t) && !step
			lockstep = lockstep || step
		}
	}
	open, kept := openLoops(list, title)
	if len(open.rows) > 0 {
		sec.blocks = append(sec.blocks, openMeaning(), open.folded("Open loop"), kept)
	}
	for _, kind := range latencyKinds {
		t := table{columns: slices.Concat(text("scenario"), numeric("p50", "p90", "p99", "p99.9", "max", "samples", "missed"))}
		for i, s := range list {
			l, _, ok := s.latencyOf(kind.name)
			if !ok {
				continue
			}
			lane := lane{kind: kind.title, max: float64(l.max)}
			if apart && kind.name == record.Residency {
				lane.kind += " (observed trials)"
			}
			for j, q := range quantiles {
				if v, ok := l.quantile(q.q); ok {
					lane.at[j] = float64(v)
				}
			}
			rows[i].lanes = append(rows[i].lanes, lane)
			if kind.name == record.E2E && s.head().paced() {
				continue // has its row above
			}
			cells := append([]any{title(s)}, quantileCells(l)...)
			t.rows = append(t.rows, row(append(cells, count(l.count+l.overflow), count(l.missed))...))
		}
		if len(t.rows) == 0 {
			continue
		}
		what := say(bold(kind.title), ": "+kind.meaning+".")
		if apart && kind.name == record.Residency {
			what = append(what, say(" It is from the observed trials, and end to end is from the bare ones where there are such: they are different trials, so that residency may lie above end to end.")...)
		}
		sec.blocks = append(sec.blocks, what, t.folded(kind.title))
	}
	if len(sec.blocks) == 0 {
		return section{}, false
	}
	sec.blocks = append(sec.blocks, small(say("The histograms of a scenario's trials are summed and the quantiles taken from the sum; each is right to 1.6 %. A dash: fewer than ten samples lie above. ",
		bold("missed"), ": packets whose sample was lost, and is not part of the quantiles.")))
	if lockstep {
		sec.blocks = append(sec.blocks, small(say("With ", mono("gen=lockstep"), " one thread sends a batch and reads it back, and only then sends the next: end to end is the round trip of a batch, and a stall meets one of them.")))
	}
	if full {
		sec.blocks = append(sec.blocks, small(say("Under ", mono("load=max"), " the sender keeps the ring full, so latency is mostly the time that a full ring takes to read: it tells of the length of the queue, not of how fast a lone packet passes.")))
	}
	rows = slices.DeleteFunc(rows, func(r ladderRow) bool { return len(r.lanes) == 0 })
	for i, part := range slices.Collect(slices.Chunk(rows, rowsAChart)) {
		sec.blocks = append(sec.blocks, picture{
			file: numbered("latency", i), alt: "Latency of each scenario: p50, p90, p99, p99.9 and the maximum on a logarithmic scale",
			chart: ladderChart{title: "Latency", desc: "Median, p90, p99, p99.9 and maximum of each scenario on a logarithmic scale; lower is better.", rows: part},
		})
	}
	return sec, true
}

// quantileCells gives the quantiles of l that are shown, and its maximum; a quantile
// that is not known is absent.
func quantileCells(l latency) (cells []any) {
	for _, q := range quantiles {
		if v, ok := l.quantile(q.q); ok {
			cells = append(cells, duration(float64(v)))
		} else {
			cells = append(cells, absent)
		}
	}
	return append(cells, duration(float64(l.max)))
}
