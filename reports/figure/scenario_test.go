package figure

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"tunbench/reports/record"
)

func TestAccountDoesNotCancel(t *testing.T) {
	a := &record.Trial{Accounting: record.Accounting{Offered: 10, Accepted: 10, Delivered: 5, Unexplained: 5}}
	b := &record.Trial{Accounting: record.Accounting{Offered: 10, Accepted: 10, Delivered: 15, Unexplained: -5}}
	c := &record.Trial{Accounting: record.Accounting{Offered: 10, Accepted: 10, Delivered: 9}}
	l := Account([]*record.Trial{a, b, c})
	if l.Unexplained != 10 || l.Net != 0 || l.Open != 2 || l.Contradicting != 1 {
		t.Errorf("%+v", l)
	}
}

func TestCorruptPacketsBalance(t *testing.T) {
	a := &record.Trial{Accounting: record.Accounting{Offered: 10, Accepted: 10, Delivered: 5, Corrupt: map[string]uint64{"udp-checksum": 3, "ip-length": 2}, Verified: 9}}
	b := &record.Trial{Accounting: record.Accounting{Offered: 4, Accepted: 4, Delivered: 4, Corrupt: map[string]uint64{"ip-length": 1}, Unexplained: -1}}
	l := Account([]*record.Trial{a, b})
	if l.Corrupt != 6 || l.ByFault["ip-length"] != 3 || l.Verified != 9 || l.Contradicting != 0 || l.Open != 1 {
		t.Errorf("%+v", l)
	}
}

func TestInvalidTrialsAreLeftOut(t *testing.T) {
	f := &record.File{Run: &record.Run{}, Trials: []record.Trial{
		{Scenario: "Tun/x", Arm: record.Bare, Pair: 1, Metrics: map[string]float64{record.PPS: 100}},
		{Scenario: "Tun/x", Arm: record.Bare, Pair: 2, Metrics: map[string]float64{record.PPS: 5}, Flags: []string{record.FlagSteal}},
		{Scenario: "Tun/x", Arm: record.Bare, Pair: 3, Metrics: map[string]float64{record.PPS: 110}, Flags: []string{record.FlagUnsteady}},
		{Scenario: "Tun/x", Arm: record.Observed, Pair: 1, Metrics: map[string]float64{record.PPS: 90}},
		{Scenario: "Tun/x", Arm: record.Observed, Pair: 2, Metrics: map[string]float64{record.PPS: 50}},
		{Scenario: "Tun/x", Arm: record.Observed, Pair: 4, Metrics: map[string]float64{record.PPS: 50}},
	}}
	list, _ := Scenarios(f)
	if m, ok := list[0].Bare.Metric(record.PPS); !ok || m.N != 2 || m.Median != 105 {
		t.Errorf("bare: %+v", m)
	}
	if d := cmp.Diff([]float64{0.9}, list[0].costs()); d != "" {
		t.Errorf("costs (-want +got): %s", d)
	}
	f.Trials = f.Trials[1:2]
	list, _ = Scenarios(f)
	if m, ok := list[0].Bare.Metric(record.PPS); ok || !list[0].Bare.Invalid || len(list[0].Valid()) != 0 {
		t.Errorf("with no valid trial: %+v, invalid %v", m, list[0].Bare.Invalid)
	}
	if m, ok := list[0].Bare.OrInvalid().Metric(record.PPS); !ok || m.Median != 5 {
		t.Errorf("where the place says so: %+v, %v", m, ok)
	}
}
