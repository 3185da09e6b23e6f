package watch

import (
	"cmp"
	"slices"
	"strconv"

	"tunbench/bpf"
	"tunbench/reports/live"
)

// heaviest is how many flows a record has.
const heaviest = 5

var protocols = map[uint8]string{1: "icmp", 6: "tcp", 17: "udp", 58: "icmp6", 132: "sctp"}

// flowsRecord is what happened to flows from one look to the next.
func flowsRecord(from, to map[bpf.Flow]bpf.FlowCount) *live.Flows {
	f := &live.Flows{Heaviest: []live.Flow{}}
	var all []live.Flow
	for flow, n := range to {
		old := from[flow]
		if n.Pkts < old.Pkts { // it made room for another, and came again
			old = bpf.FlowCount{}
		}
		if n.Pkts == old.Pkts {
			continue
		}
		dir := "k2u"
		if flow.Recv {
			dir = "u2k"
		}
		all = append(all, live.Flow{
			Dir: dir, Proto: cmp.Or(protocols[flow.Proto], strconv.Itoa(int(flow.Proto))),
			Src: flow.Src.String(), Dst: flow.Dst.String(), Pkts: n.Pkts - old.Pkts, Bytes: n.Bytes - old.Bytes,
		})
	}
	slices.SortFunc(all, func(a, b live.Flow) int {
		return cmp.Or(-cmp.Compare(a.Pkts, b.Pkts), cmp.Compare(a.Src+a.Dst, b.Src+b.Dst))
	})
	f.Count = len(all)
	f.Heaviest = append(f.Heaviest, all[:min(heaviest, len(all))]...)
	return f
}
