package reports

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"tunbench/reports/record"
	"tunbench/reports/stat"
)

func queues(list []*scenario) (section, bool) {
	sec := section{heading: "Queues"}
	title := titles(list)
	single, written := 0, false
	type own struct {
		spread
		*scenario
	}
	var multi []own
	for _, s := range list {
		all := s.spreads()
		if len(all) > 0 && len(all[0].queues) == 1 {
			single++
			continue
		}
		for _, sp := range all {
			multi = append(multi, own{sp, s})
			written = written || sp.side == writtenSide
		}
	}
	if single+len(multi) == 0 {
		return section{}, false
	}
	if len(multi) > 0 {
		brief := table{
			columns: slices.Concat(text("scenario"), numeric("queues", "empty", "least %", "most %", "max/mean", "Jain", "effective", "hash p", "n")),
			note: say("From the observed trials. ", bold("least"), " and ", bold("most"), ": share of the packets read from the queue that had the fewest and the most. ",
				bold("max/mean"), ": 1.00 is even. ", bold("Jain"), ": fairness index over the queues, 1 is even and 1 over the number of queues is everything on one. ",
				bold("effective"), ": how many equally loaded queues would spread the packets as well. ",
				bold("hash p"), ": how often hashing at random spreads the flows over the queues less evenly than they were (chi-square); near 0 they are less even than chance leaves them, near 1 more even. The last three are medians over trials."),
		}
		full := table{
			columns: slices.Concat(text("scenario"), numeric("queue", "xmit packets", "read packets", "read bytes", "dropped", "flows", "share %", "range %")),
			note: say(bold("xmit"), " and ", bold("read"), ": what the observer counted at ", mono("tun_net_xmit"), " and ", mono("tun_do_read"),
				", in wire segments, summed over the trials, warm-up and drain included. ", bold("share"), ": of the packets read. ", bold("range"), ": that share in the trial where it was lowest and highest."),
			fold: "Every queue: packets, bytes, flows and share",
		}
		chart := panelChart{title: "Share of packets read, by queue", desc: "One panel a scenario, one bar a queue; the dashed line is an even share."}
		alt := "Share of the packets read from each queue, one panel a scenario"
		if written {
			const meaning = "what user space read from the queues or, with dir=u2k, what it wrote to them and the kernel received; with dir=both there is a row for each"
			brief.columns = slices.Insert(brief.columns, 1, text("packets")...)
			brief.note = append(brief.note, say(" ", bold("packets"), ": "+meaning+". Who writes chooses the queue, so there is no ", bold("hash p"), " of what is received. A dash: the observer saw none of these packets (native XDP ends them before it looks).")...)
			full.columns = slices.Concat(text("scenario", "packets"), numeric("queue", "xmit packets", "read or received", "bytes", "dropped", "flows", "share %", "range %"))
			full.note = say(bold("xmit"), ", ", bold("read"), " and ", bold("received"), ": what the observer counted at ", mono("tun_net_xmit"), ", at ", mono("tun_do_read"), " and behind ", mono("tun_get_user"),
				", in wire segments, summed over the trials, warm-up and drain included. ", bold("dropped"), ": on both sides of the queue. ", bold("share"), ": of the packets read, or of those received. ", bold("range"), ": that share in the trial where it was lowest and highest.")
			chart.title = "Share of packets read or received, by queue"
			alt = "Share of the packets read from each queue, or received by it, one panel a scenario"
		}
		for i, s := range multi {
			sp := s.spread
			least, most := 1.0, 0.0
			for _, q := range sp.queues {
				least, most = min(least, q.share), max(most, q.share)
			}
			lowest, highest, empty, ratio, jain, even, chance := absent, absent, absent, absent, absent, absent, absent
			if sp.seen {
				lowest, highest, empty = percent(least), percent(most), strconv.Itoa(sp.empty)
				ratio, jain, even = decimals(sp.ratio, 2), decimals(sp.jain, 3), decimals(sp.even, 2)
			}
			if sp.hashed {
				chance = probability(sp.chance)
			}
			name := title(s.scenario)
			pan := panel{title: name, note: "Jain " + jain, fair: 1 / float64(len(sp.queues))}
			if written {
				pan.note = sp.side.did() + ", " + pan.note
			}
			if i > 0 && multi[i-1].scenario == s.scenario {
				name = "" // once a scenario
			}
			cells := []any{name, len(sp.queues), empty, lowest, highest, ratio, jain, even, chance, sp.trials}
			if written {
				cells = slices.Insert(cells, 1, any(sp.side.did()))
			}
			brief.rows = append(brief.rows, row(cells...))
			did := sp.side.did()
			for _, q := range sp.queues {
				rng, share, flows, xmit := absent, absent, absent, absent
				if sp.seen {
					share = percent(q.share)
					if sp.trials > 1 {
						rng = between(percent(q.lowest), percent(q.highest))
					}
				}
				if sp.flowsKnown() {
					flows = between(strconv.Itoa(q.flowsMin), strconv.Itoa(q.flowsMax))
				}
				if sp.side == readSide {
					xmit = count(q.XmitPkts)
				}
				cells := []any{name, q.Queue.Queue, xmit, count(q.pkts), size(q.bytes), count(q.DropPkts), flows, share, rng}
				if written {
					cells = slices.Insert(cells, 1, any(did))
				}
				full.rows = append(full.rows, row(cells...))
				name, did = "", ""
				pan.bars = append(pan.bars, queueBar{strconv.Itoa(q.Queue.Queue), q.share, decimals(100*q.share, 0)})
			}
			if sp.seen {
				chart.panels = append(chart.panels, pan)
			}
		}
		sec.blocks = append(sec.blocks, brief)
		for i, part := range slices.Collect(slices.Chunk(chart.panels, panelsAChart)) {
			one := chart
			one.panels = part
			sec.blocks = append(sec.blocks, picture{file: numbered("queues", i), alt: alt, chart: one})
		}
		sec.blocks = append(sec.blocks, full)
	}
	if single > 0 {
		sec.blocks = append(sec.blocks, say(plural(single, "scenario has", "scenarios have")+" a single queue: there is nothing to distribute."))
	}
	return sec, true
}

// numbered names the i-th file of a kind of chart.
func numbered(name string, i int) string {
	if i > 0 {
		name += "-" + strconv.Itoa(i+1)
	}
	return name + ".svg"
}

// quantiles are those that are shown, by the field names of the record.
var quantiles = []struct {
	name string
	q    float64
}{{"p50", 0.50}, {"p90", 0.90}, {"p99", 0.99}, {"p99.9", 0.999}}

var latencyKinds = []struct{ name, title, meaning string }{
	{record.E2E, "End to end", "from the moment a packet was sent to the return of the read that brought it"},
	{record.Residency, "Residency", "inside the kernel, from tun_net_xmit to the copy to the reader, seen by the observer"},
}

// latencyOf pools a latency over the headline's arm, or over the observed one
// where only that has it, and tells which.
func (s *scenario) latencyOf(kind string) (l latency, of record.Arm, ok bool) {
	head := record.Bare
	if len(s.bare.all) == 0 {
		head = record.Observed
	}
	if l, ok := s.head().pool(kind); ok {
		return l, head, true
	}
	l, ok = s.observ.pool(kind)
	return l, record.Observed, ok
}

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

func drops(list []*scenario) (section, bool) {
	sec := section{heading: "Drops by reason"}
	title := titles(list)
	t := table{
		columns: slices.Concat(text("scenario", "reason"), numeric("packets", "of accepted %"), text("meaning")),
		note:    say("Summed over the trials of one arm, warm-up and drain included: the observed one, whose reasons are the kernel's, where there is one."),
	}
	clean := 0
	for _, s := range list {
		trials := s.observ.all
		if len(trials) == 0 {
			trials = s.bare.all
		}
		l := account(trials)
		if len(l.byReason) == 0 {
			clean++
			continue
		}
		reasons := slices.SortedFunc(maps.Keys(l.byReason), func(a, b string) int {
			return cmp.Or(cmp.Compare(l.byReason[b], l.byReason[a]), strings.Compare(a, b))
		})
		name := title(s)
		for _, r := range reasons {
			share := absent
			if l.accepted > 0 {
				share = percent(float64(l.byReason[r]) / float64(l.accepted))
			}
			t.rows = append(t.rows, row(name, mono(r), count(l.byReason[r]), share, reasonMeaning[r]))
			name = ""
		}
	}
	if len(t.rows) == 0 {
		sec.blocks = append(sec.blocks, say("No packet was dropped."))
		return sec, true
	}
	sec.blocks = append(sec.blocks, t.folded("Drops"))
	if clean > 0 {
		sec.blocks = append(sec.blocks, say(plural(clean, "scenario", "scenarios")+" dropped nothing."))
	}
	return sec, true
}

func observerCost(list []*scenario) (section, bool) {
	all := allCosts(list)
	sum, err := stat.Summarize(all)
	if err != nil {
		return section{}, false
	}
	sec := section{heading: "What the observer costs"}
	title := titles(list)
	t := table{}
	top := 0.0
	for _, s := range list {
		if m, ok := s.bare.metric(record.PPS); ok {
			top = max(top, m.Median)
		}
	}
	sc := rateScale(top)
	var spans []interval
	for _, s := range list {
		sp, _ := intervalOf(s.costs())
		spans = append(spans, sp)
	}
	where := intervalColumn(spans...)
	t.columns = slices.Concat(text("scenario"), numeric("bare "+sc.unit, "observed "+sc.unit, "change", where, "pairs"))
	for i, s := range list {
		c, err := stat.Summarize(s.costs())
		if err != nil {
			continue
		}
		rng := absent
		if c.N > 1 {
			rng = spans[i].changes(where)
		}
		t.rows = append(t.rows, row(title(s), cell(s.bare, record.PPS, sc.format), cell(s.observ, record.PPS, sc.format), change(c.Median), rng, c.N))
	}
	t.note = say(bold("change"), ": median over the pairs of observed over bare packet rate in the same pair. ", intervalNote(where, "pair"), " Pairs with an invalid trial are left out. The spread of the pairs is that of the host as much as that of the observer.")
	sec.blocks = append(sec.blocks,
		say("Over "+plural(sum.N, "pair", "pairs")+" of a bare and an observed trial the packet rate changed by ", bold(change(sum.Median)),
			" (median; from "+changes(sum.Min, sum.Max)+")."),
		t.folded("By scenario"))
	return sec, true
}

func accounting(list []*scenario) (section, bool) {
	total := account(allTrials(list))
	sec := section{heading: "Accounting", blocks: []block{ledgerLine(total)}}
	if total.duplicates+total.reordered > 0 {
		sec.blocks = append(sec.blocks, say(fmt.Sprintf("The readers saw %s duplicates and %s packets out of order.", count(total.duplicates), count(total.reordered))))
	}
	if total.open+total.contradicting == 0 {
		return sec, true
	}
	title := titles(list)
	t := table{
		columns: slices.Concat(text("scenario", "arm"), numeric("pair", "offered", "accepted", "delivered", "dropped", "unexplained")),
		note:    say("Only the trials whose packets are not all explained. Below 0, more arrived than were counted as sent."),
	}
	for _, s := range list {
		for _, tr := range s.all() {
			if l := account([]*record.Trial{tr}); l.open+l.contradicting > 0 {
				t.rows = append(t.rows, row(title(s), string(tr.Arm), tr.Pair, count(l.offered), count(l.accepted), count(l.delivered), count(l.dropped), signed(tr.Accounting.Unexplained)))
			}
		}
	}
	sec.blocks = append(sec.blocks, t.folded("Trials with unexplained packets"))
	return sec, true
}

func flagged(list []*scenario) (section, bool) {
	title := titles(list)
	counts := map[string]int{}
	where := table{
		columns: slices.Concat(text("scenario", "arm"), numeric("pair"), text("flags", "what was seen")),
		fold:    "Each flagged trial",
	}
	trials := 0
	for _, s := range list {
		for _, t := range s.all() {
			trials++
			if len(t.Flags) == 0 {
				continue
			}
			for _, f := range t.Flags {
				counts[f]++
			}
			where.rows = append(where.rows, row(title(s), string(t.Arm), t.Pair, strings.Join(t.Flags, ", "), strings.Join(t.Notes, "; ")))
		}
	}
	if len(counts) == 0 {
		return section{heading: "Flags", blocks: []block{say("No trial was flagged.")}}, true
	}
	t := table{columns: slices.Concat(text("flag"), numeric("trials"), text("what it means", "what to do"))}
	known := map[string]bool{}
	add := func(a advice) {
		known[a.flag] = true
		if n := counts[a.flag]; n > 0 {
			t.rows = append(t.rows, row(mono(a.flag), fmt.Sprintf("%d of %d", n, trials), a.meaning, a.next))
		}
	}
	for _, a := range advices {
		add(a)
	}
	for _, f := range slices.Sorted(maps.Keys(counts)) {
		if !known[f] {
			add(adviceOn(f))
		}
	}
	return section{heading: "Flags", blocks: []block{t, where}}, true
}

// skippedName is what was skipped: a scenario, or one arm of it.
func skippedName(s record.Skip) prose {
	if s.Arm == "" {
		return say(mono(s.Scenario))
	}
	return say(mono(s.Scenario), ", "+string(s.Arm)+" trials only")
}

func skipped(skips []record.Skip) section {
	t := table{
		columns: text("scenario", "reason", "detail"),
	}
	sorted := slices.SortedStableFunc(slices.Values(skips), func(a, b record.Skip) int { return compareNames(a.Scenario, b.Scenario) })
	seen := map[string]bool{}
	var notes prose
	for _, s := range sorted {
		t.rows = append(t.rows, row(skippedName(s), s.Reason, s.Detail))
		if m := skipMeaning[s.Reason]; m != "" && !seen[s.Reason] {
			if len(notes) > 0 {
				notes = append(notes, say(" ")...)
			}
			notes = append(notes, say(bold(s.Reason), ": "+m+".")...)
		}
		seen[s.Reason] = true
	}
	if len(notes) > 0 {
		t.note = notes
	}
	return section{heading: "Skipped", blocks: []block{t.folded("Skipped scenarios")}}
}
