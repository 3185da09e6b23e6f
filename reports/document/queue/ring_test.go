package queue

import (
	"strings"
	"testing"

	"tunbench/reports/figure"
	"tunbench/reports/fixture"
	"tunbench/reports/record"
)

// What a closed load does to the ring is told as it was observed.
func TestFullRing(t *testing.T) {
	ring := func(size int, depth *uint64, load string) *figure.Scenario {
		axes := map[string]string{"mode": "tun", "dir": "k2u", "gen": "udp", "queues": "1", "size": "64", "load": load}
		one := record.Trial{Kind: record.KindTrial, Scenario: "Tun/dir=k2u/gen=udp/queues=1/size=64", Axes: axes, Arm: record.Observed, Pair: 1, Trial: 1, Device: record.Device{TxQLen: size}}
		if depth != nil {
			one.Queues = []record.Queue{{Queue: 0, Depth: &record.Depth{Count: 100, P50: depth}}}
		}
		list, _ := figure.Scenarios(fixture.FileOf(one))
		return list[0]
	}
	deep, flat := uint64(480), uint64(3)
	full, free, unknown := ring(500, &deep, "max"), ring(500, &flat, "max"), ring(500, nil, "max")
	const mostly = "mostly the time that it takes to read the packets before it, and shows the length of the queue, not how fast a single packet passes."
	for _, c := range []struct {
		name   string
		closed []*figure.Scenario
		want   string
	}{
		{"none closed", []*figure.Scenario{}, ""},
		{"not observed", []*figure.Scenario{unknown}, "Where it is faster than the reader, the ring fills, and latency is " + mostly},
		{"one full", []*figure.Scenario{full}, "The median packet found at least half of the ring filled, so latency is " + mostly},
		{"one free", []*figure.Scenario{free}, "In the scenario whose ring was observed, the median packet found less than half of the ring filled. Where a ring is full, latency is " + mostly},
		{"some", []*figure.Scenario{full, free, unknown}, "In 1 of 2 scenarios whose rings were observed, the median packet found at least half of the ring filled: there, latency is " + mostly + " In the others, the reader kept up most of the time."},
		{"two free", []*figure.Scenario{free, ring(500, &flat, "max")}, "In none of 2 scenarios whose rings were observed, the median packet found half of the ring filled. Where a ring is full, latency is " + mostly},
		{"two full", []*figure.Scenario{full, ring(500, &deep, "max")}, "In all 2 scenarios whose rings were observed, the median packet found at least half of the ring filled, so latency is " + mostly},
	} {
		got := strings.TrimPrefix(FullRings(c.closed).String(), "Under load=max, the sender goes as fast as it can. ")
		if got != c.want {
			t.Errorf("%s: %q, want %q", c.name, got, c.want)
		}
	}
}
