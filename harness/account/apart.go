package account

import (
	"maps"
	"math"
	"slices"

	"tunbench/harness/sink"
	"tunbench/harness/spec"
	"tunbench/reports/record"
)

// Apart takes the lost packets of a probe out of the drops of a trial, which the counters of
// the path count with those of the traffic. Where there are several reasons, the probe's are
// shared out in proportion to them. Sockets of the traffic and its checks drop nothing of the
// probe. It returns how many of the probe's packets no drop explains.
func Apart(t *record.Trial, p *record.Probe) (missing uint64) {
	requests, answers := p.Requests-min(p.Requests, p.Arrived), p.Answers-min(p.Answers, p.Received)
	if t.Directions == nil {
		taken := dropsOfPath(t.Accounting.Dropped, requests+answers)
		take(t.Accounting.Dropped, taken)
		return requests + answers - sum(taken)
	}
	for dir, lost := range map[spec.Dir]uint64{spec.K2U: requests, spec.U2K: answers} {
		taken := dropsOfPath(t.Directions[string(dir)].Accounting.Dropped, lost)
		take(t.Directions[string(dir)].Accounting.Dropped, taken)
		take(t.Accounting.Dropped, taken)
		missing += lost - sum(taken)
	}
	return missing
}

// dropsOfPath shares out up to so many packets over the drops that a path counted.
func dropsOfPath(dropped map[string]uint64, packets uint64) map[string]uint64 {
	of := maps.Clone(dropped)
	maps.DeleteFunc(of, func(reason string, n uint64) bool {
		return slices.Contains([]string{sink.SocketDrops, record.SentAgain, record.TCPChecksum}, reason)
	})
	return Share(min(packets, sum(of)), of)
}

func take(from, n map[string]uint64) {
	for reason, k := range n {
		if from[reason] -= k; from[reason] == 0 {
			delete(from, reason)
		}
	}
}

func sum(of map[string]uint64) (n uint64) {
	for _, k := range of {
		n += k
	}
	return n
}

// Share shares out packets in proportion to weights, to the last one.
func Share(packets uint64, weights map[string]uint64) map[string]uint64 {
	total, left := sum(weights), packets
	shares := map[string]uint64{}
	for _, name := range slices.Sorted(maps.Keys(weights)) {
		if total == 0 {
			break
		}
		n := uint64(math.Round(float64(left) * float64(weights[name]) / float64(total)))
		left, total = left-n, total-weights[name]
		if n > 0 {
			shares[name] = n
		}
	}
	return shares
}
