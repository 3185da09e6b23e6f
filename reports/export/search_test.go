package export

import (
	"strings"
	"testing"

	"tunbench/reports/record"
)

// withSearches is a run of two scenarios with every result that a search can
// have, in an order that is not that of the report.
func withSearches() *record.File {
	f := synthetic()
	f.Trials, f.Skips = f.Trials[:20], nil
	rate := func(v float64) *float64 { return &v }
	search := func(scenario string, ndr, pdr record.Goal) record.Search {
		ndr.Name, pdr.Name, pdr.LossRatio = record.NDRPPS, record.PDRPPS, 0.005
		return record.Search{
			Kind: record.KindSearch, Scenario: scenario, Started: "2026-11-20T22:54:01Z", Profile: "quick",
			Goals: []record.Goal{ndr, pdr}, Trials: 19, Invalid: 2, SpentNs: 17_250_000_000, MaxPPS: 1_270_000,
			Notes: []string{"begun at 1118 kpps"},
		}
	}
	lost := search("Tap/dir=k2u/gen=udp/queues=1/size=64",
		record.Goal{LowerPPS: rate(1e6), Conditional: rate(1e6), Detail: "not exceeded: the highest load, 1000000 packets/s, was carried"},
		record.Goal{Detail: hostile})
	lost.Notes = []string{hostile, "second"}
	f.Searches = []record.Search{
		lost,
		search(f.Trials[10].Scenario,
			record.Goal{UpperPPS: rate(1270), Detail: "exceeded even at the lowest load, 1270 packets/s"},
			record.Goal{LowerPPS: rate(800e3), UpperPPS: rate(840e3), Conditional: rate(797e3), Detail: "the search was at its cap of 1m0s"}),
		search(f.Trials[0].Scenario,
			record.Goal{Resolved: true, LowerPPS: rate(1_004_321), UpperPPS: rate(1_019_876), Conditional: rate(1_004_321)},
			record.Goal{Resolved: true, LowerPPS: rate(1_019_876), UpperPPS: rate(1_035_000), Conditional: rate(1_015_500)}),
	}
	return f
}

// What is not resolved is never printed as if it were.
func TestSearchIsMarkedUnresolved(t *testing.T) {
	f := withSearches()
	text := summaryOf(t, f)
	for _, want := range []string{
		"rate search size=64: NDR 1,004 kpps; PDR 1,020 kpps (quick, 19 trials in 17.2 s)\n",
		"rate search size=1500: NDR unresolved: exceeded even at the lowest load, 1270 packets/s; PDR at least 800 kpps, unresolved: the search was at its cap of 1m0s (",
		"rate search TAP size=64: NDR at least 1,000 kpps, unresolved: not exceeded",
	} {
		if !strings.Contains(text, want) {
			t.Errorf("summary lacks %q:\n%s", want, text)
		}
	}
}
