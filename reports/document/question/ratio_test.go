package question

import (
	"testing"

	"tunbench/reports/figure"
	"tunbench/reports/record"
)

// A bar has a ratio only if it shares rounds with the base, as in the table below the chart:
// never that of two medians.
func TestRatioNeedsSharedRounds(t *testing.T) {
	of := func(name string, round int, started string) *figure.Scenario {
		list, _ := figure.Scenarios(&record.File{Run: &record.Run{}, Trials: []record.Trial{{
			Kind: record.KindTrial, Scenario: name, Arm: record.Bare, Pair: 1, Block: 1, Trial: 1, Started: started, Metrics: map[string]float64{record.PPS: 1000},
			Windows: []record.Window{{TNs: 1e8, Pkts: 100, Round: round}, {TNs: 2e8, Pkts: 200, Round: round + 1}},
		}}})
		return list[0]
	}
	var path figure.Difference
	for _, d := range figure.Differences {
		if d.Name == "path" {
			path = d
		}
	}
	base := of("Tun/path=veth/dir=k2u/size=64", 1, "2026-11-30T22:00:00Z")
	for name, c := range map[string]struct {
		other *figure.Scenario
		want  string
	}{
		"the same rounds": {of("Tun/path=relay/dir=k2u/size=64", 1, "2026-11-30T22:00:00Z"), "1.00 ×"},
		"another group":   {of("Tun/path=wireguard-go/dir=k2u/size=64", 1, "2026-11-30T22:01:00Z"), "–"},
	} {
		if got := RatioText(ratio(path, c.other, base)); got != c.want {
			t.Errorf("%s: %q, want %q", name, got, c.want)
		}
	}
}
