package run

import (
	"cmp"
	"maps"
	"slices"
	"strings"
	"time"

	"tunbench/reports/document"
	"tunbench/reports/figure"
	"tunbench/reports/prose"
	"tunbench/reports/record"
	"tunbench/reports/text"
)

// ofHost are the flags of trials that something else on the host disturbed.
var ofHost = []string{
	record.FlagSteal, record.FlagCPUQuota, record.FlagClockStep, record.FlagForeignLoad, record.FlagPressure, record.FlagThrottled,
}

// Trust says how far the figures of list can be trusted: which trials are valid,
// whether all packets are accounted for, and what disturbed the trials.
func Trust(list []*figure.Scenario) prose.Prose {
	trials := figure.AllTrials(list)
	l := figure.Account(trials)
	valid, flagged, disturbed, flags := 0, 0, 0, map[string]int{}
	for _, t := range trials {
		if !t.Invalid() {
			valid++
		}
		if len(t.Flags) > 0 {
			flagged++
		}
		if slices.ContainsFunc(t.Flags, func(f string) bool { return slices.Contains(ofHost, f) }) {
			disturbed++
		}
		for _, f := range t.Flags {
			flags[f]++
		}
	}
	p := book.Say("trust", prose.Values{
		"Valid": valid, "Trials": len(trials),
		"Open": l.Open, "Packets": text.Count(l.Unexplained), "Single": l.Unexplained == 1,
		"Complete": l.Offered > 0 && l.Open+l.Contradicting == 0,
	})
	if l.Contradicting > 0 {
		p = and(p, book.Say("contradicting trials", prose.Values{"N": l.Contradicting}))
	}
	if flagged == 0 {
		return and(p, book.Say("no flags", nil))
	}
	names := slices.SortedFunc(maps.Keys(flags), func(a, b string) int {
		return cmp.Or(cmp.Compare(flags[b], flags[a]), strings.Compare(a, b))
	})
	var counts []prose.Prose
	for _, f := range names {
		counts = append(counts, book.Say("flag count", prose.Values{"Flag": f, "Trials": flags[f], "Flagged": flagged}))
	}
	p = and(p, book.Say("flags", prose.Values{"Flagged": flagged, "Flags": counts}))
	if 2*disturbed > len(trials) {
		p = and(p, book.Say("disturbed by the host", prose.Values{"Disturbed": disturbed, "Trials": len(trials)}))
	}
	return p
}

// Limits are what a reader of the figures of f must bear in mind.
func Limits(f *record.File, list []*figure.Scenario) (p []prose.Prose) {
	invalid, short := 0, 0
	for _, s := range list {
		switch {
		case s.Head().Invalid:
			invalid++
		case figure.Short(s):
			short++
		}
	}
	if invalid > 0 {
		p = append(p, book.Say("scenarios without valid trials", prose.Values{"N": invalid}))
	}
	if short > 0 {
		p = append(p, book.Say("too short", prose.Values{"N": short, "Least": time.Duration(record.LeastMeasureNs)}))
	}
	p = append(p, sharpness(list)...)
	if cost, ok := figure.ObserverCost(list); ok {
		p = append(p, book.Say("observer changed the rate", prose.Values{
			"Change": text.Change(cost.Value), "Changes": cost.Interval.Changes(text.RangeName), "Exact": cost.Interval.Exact, "Rounds": cost.Rounds, "Of": len(cost.Each),
		}))
	}
	if line := document.Detectable(f.Run.Sees); len(line) > 0 {
		p = append(p, line)
	}
	p = append(p, ledger(figure.Account(figure.AllTrials(list))))
	arms := 0
	for _, s := range f.Skips {
		if s.Arm != "" {
			arms++
		}
	}
	if n := len(f.Skips) - arms; n > 0 {
		p = append(p, book.Say("scenarios skipped", prose.Values{"N": n}))
	}
	if arms > 0 {
		p = append(p, book.Say("observed arm skipped", prose.Values{"N": arms}))
	}
	return p
}

// sharpness says how narrow the intervals of a run are; nothing where none of them is
// exact.
func sharpness(list []*figure.Scenario) []prose.Prose {
	sharp := figure.SharpnessOf(list)
	var widths []prose.Prose
	for _, w := range []struct {
		of        figure.HalfWidth
		one, many string
	}{{sharp.Loopback, "a loopback ratio", "loopback ratios"}, {sharp.Rate, "a rate", "rates"}, {sharp.Ratios, "a ratio", "ratios"}} {
		if w.of.N > 0 {
			widths = append(widths, book.Say("half-width", prose.Values{
				"Half": text.Decimals(100*w.of.Median, 1), "N": w.of.N,
				"One": book.Text("sharpness of "+w.one, nil), "Many": book.Text("sharpness of "+w.many, nil),
			}))
		}
	}
	if len(widths) == 0 {
		return nil
	}
	return []prose.Prose{book.Say("sharpness", prose.Values{"Widths": widths})}
}

// ledger is the sum of the packets of l.
func ledger(l figure.Ledger) prose.Prose {
	return book.Say("ledger", prose.Values{
		"Offered": text.Count(l.Offered), "Accepted": text.Count(l.Accepted), "PushedBack": text.Count(l.PushedBack),
		"Delivered": text.Count(l.Delivered), "Dropped": text.Count(l.Dropped), "Net": text.Signed(l.Net),
		"Corrupt": corruptIn(l),
	})
}

// corruptIn is how many packets of l were corrupt, in words that are left out where none
// was.
func corruptIn(l figure.Ledger) string {
	if l.Corrupt == 0 {
		return ""
	}
	return text.Count(l.Corrupt)
}

// unexplained says where the packets of l are not all accounted for; nothing where
// they are.
func unexplained(l figure.Ledger) (p prose.Prose) {
	if l.Open > 0 {
		p = book.Say("unexplained packets", prose.Values{"Packets": text.Count(l.Unexplained), "Single": l.Unexplained == 1, "Open": l.Open})
	}
	if l.Contradicting > 0 {
		p = and(p, book.Say("contradicting trials", prose.Values{"N": l.Contradicting}))
	}
	return p
}
