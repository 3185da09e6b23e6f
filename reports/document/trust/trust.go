// Package trust says how far the figures of a run can be trusted: which trials are valid,
// what disturbed them, how sharp the run is, and what was left out.
package trust

import (
	"cmp"
	"embed"
	"maps"
	"slices"
	"strings"

	"tunbench/reports/document"
	"tunbench/reports/figure"
	"tunbench/reports/prose"
	"tunbench/reports/record"
	"tunbench/reports/text"
)

//go:embed *.txt
var files embed.FS

// book has the sentences on trust. Those on flags stand in a file of their own.
var book = prose.Must(prose.Read(files, "*.txt", document.Words))

// ofHost are the flags of trials that something else on the host disturbed.
var ofHost = []string{
	record.FlagSteal, record.FlagCPUQuota, record.FlagClockStep, record.FlagForeignLoad, record.FlagPressure, record.FlagThrottled,
}

// Sentence says how far the figures of list can be trusted: which trials are valid,
// whether all packets are accounted for, and what disturbed the trials.
func Sentence(list []*figure.Scenario) prose.Prose {
	trials := figure.AllTrials(list)
	l := figure.Account(trials)
	valid, flagged, disturbed, marked, flags := 0, 0, 0, 0, map[string]int{}
	for _, t := range trials {
		if !t.Invalid() {
			valid++
		}
		marks := figure.Marks(t)
		marked += len(marks)
		if len(marks) > 0 {
			flagged++
		}
		if slices.ContainsFunc(marks, func(f string) bool { return slices.Contains(ofHost, f) }) {
			disturbed++
		}
		for _, f := range marks {
			flags[f]++
		}
	}
	p := book.Say("trust", prose.Values{
		"Valid": valid, "Trials": len(trials),
		"Open": l.Open, "Packets": text.Count(l.Unexplained), "Single": l.Unexplained == 1,
		"Complete": l.Offered > 0 && l.Open+l.Contradicting == 0,
	})
	if l.Contradicting > 0 {
		p = document.And(p, book.Say("contradicting trials", prose.Values{"N": l.Contradicting}))
	}
	if flagged == 0 {
		return document.And(p, book.Say("no flags", nil))
	}
	names := slices.SortedFunc(maps.Keys(flags), func(a, b string) int {
		return cmp.Or(cmp.Compare(flags[b], flags[a]), strings.Compare(a, b))
	})
	var counts []prose.Prose
	for _, f := range names {
		counts = append(counts, book.Say("flag count", prose.Values{"Flag": f, "Trials": flags[f], "Flagged": flagged}))
	}
	p = document.And(p, book.Say("flags", prose.Values{"Flagged": flagged, "Flags": counts, "Several": marked > flagged}))
	if 2*disturbed > len(trials) {
		p = document.And(p, book.Say("disturbed by the host", prose.Values{"Disturbed": disturbed, "Trials": len(trials)}))
	}
	return p
}

// Unexplained says where the packets of l are not all accounted for; nothing where
// they are.
func Unexplained(l figure.Ledger) (p prose.Prose) {
	if l.Open > 0 {
		p = book.Say("unexplained packets", prose.Values{"Packets": text.Count(l.Unexplained), "Single": l.Unexplained == 1, "Open": l.Open})
	}
	if l.Contradicting > 0 {
		p = document.And(p, book.Say("contradicting trials", prose.Values{"N": l.Contradicting}))
	}
	return p
}

// Sharpness gives the half-widths of the intervals by kind; nothing where none is exact.
func Sharpness(list []*figure.Scenario) prose.Prose {
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
	return book.Say("sharpness", prose.Values{"Widths": widths})
}

// crowded says how many scenarios run more threads than the host has CPUs: a fact of the
// host, and no reason to repeat them there. It says nothing where none does.
func crowded(run *record.Run, list []*figure.Scenario) prose.Prose {
	n := len(crowds(list))
	if n == 0 {
		return nil
	}
	return book.Say("crowded", prose.Values{"N": n, "Of": len(list), "CPUs": run.Host.CPUs, "Flag": record.FlagOversubscribed})
}

// crowds are the scenarios that run more threads than the host has CPUs.
func crowds(list []*figure.Scenario) (own []*figure.Scenario) {
	for _, s := range list {
		if slices.ContainsFunc(s.All(), func(t *record.Trial) bool { return slices.Contains(t.Flags, record.FlagOversubscribed) }) {
			own = append(own, s)
		}
	}
	return own
}

// Crowded lists the scenarios that run more threads than the host has CPUs, where a line
// says only how many they are.
func Crowded(list []*figure.Scenario) document.Table {
	own := crowds(list)
	t := document.Table{Columns: document.Text("scenario", "threads")}
	if len(own) == 0 || len(own) == len(list) {
		return t
	}
	t.Fold = book.Text("crowded fold", prose.Values{"N": len(own)})
	title := figure.Titles(list)
	for _, s := range own {
		t.Rows = append(t.Rows, document.Row(title(s), threads(s)))
	}
	return t
}

// threads is what the trials of s say of their threads and CPUs.
func threads(s *figure.Scenario) string {
	for _, t := range s.All() {
		for _, n := range t.Notes {
			if said, ok := strings.CutPrefix(n, record.FlagOversubscribed+": "); ok {
				return said
			}
		}
	}
	return text.Absent
}
