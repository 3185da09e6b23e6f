package question

import (
	"testing"

	"tunbench/reports/figure"
	"tunbench/reports/record"
)

// The title of a chart says the range of the ratios, not the largest of them alone.
func TestTimes(t *testing.T) {
	arm := func(name string) *figure.Scenario {
		list, _ := figure.Scenarios(&record.File{Run: &record.Run{}, Trials: []record.Trial{{
			Kind: record.KindTrial, Scenario: name, Arm: record.Bare, Pair: 1, Trial: 1, Metrics: map[string]float64{record.PPS: 1},
		}}})
		return list[0]
	}
	of := func(ratios ...float64) (s set) {
		for range len(ratios) + 1 {
			s.Scenarios = append(s.Scenarios, arm("Tun/dir=k2u/gen=udp/queues=1/size=64"))
		}
		s.ratios = append(s.ratios, figure.Ratio{Value: 1})
		for _, r := range ratios {
			s.ratios = append(s.ratios, figure.Ratio{Value: r})
		}
		return s
	}
	all := func(set, int) bool { return true }
	second := func(_ set, j int) bool { return j == 2 }
	for _, c := range []struct {
		sets  []set
		meant func(set, int) bool
		want  string
	}{
		{[]set{of(2)}, all, "2.00"},
		{[]set{of(1.24), of(0.767)}, all, "0.767 to 1.24"},
		{[]set{of(9, 3), of(9, 2)}, second, "2.00 to 3.00"},
		{[]set{of(2), of(2.0001)}, all, "2.00"},
		{[]set{of()}, all, "–"},
	} {
		if got := times(c.sets, c.meant); got != c.want {
			t.Errorf("%s, want %s", got, c.want)
		}
	}
}
