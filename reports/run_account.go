package reports

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"

	"tunbench/reports/record"
	"tunbench/reports/stat"
)

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
