package figure

import (
	"maps"
	"slices"
)

// FlowMap says which queues the flows of a scenario took. A socket may get another hash
// in each trial, so that trials are not added up.
type FlowMap struct {
	Flows  []int
	Queues int
	Trials []spreadOfFlows // bare trials first
	Jain   float64         // of the packets, median of the trials
	One    float64         // share of the flows seen on one queue only, median
}

// ByChance is the Jain index that hashing at random gives so many flows of the
// same rate: the expected sum of squares of a multinomial is F + F(F-1)/Q, and
// the index F^2 over Q times that.
func (m FlowMap) ByChance() float64 {
	f, q := float64(len(m.Flows)), float64(m.Queues)
	return f / (f + q - 1)
}

// Moved counts the flows of which more than one queue carried a considerable share, in
// the trial that has most such flows.
func (m FlowMap) Moved() (most int) {
	const worth = 0.01
	for _, trial := range m.Trials {
		n := 0
		for _, byQueue := range trial {
			on := 0
			for _, pkts := range byQueue {
				if float64(pkts) >= worth*float64(Sum(byQueue)) {
					on++
				}
			}
			if on > 1 {
				n++
			}
		}
		most = max(most, n)
	}
	return most
}

// Alike is the share of the flows that took the same queue in all trials; false with a
// single trial.
func (m FlowMap) Alike() (share float64, ok bool) {
	if len(m.Trials) < 2 {
		return 0, false
	}
	n := 0
	for _, flow := range m.Flows {
		first, same := m.Trials[0].Main(flow), true
		for _, trial := range m.Trials[1:] {
			same = same && trial.Main(flow) == first
		}
		if same {
			n++
		}
	}
	return float64(n) / float64(len(m.Flows)), true
}

// spreadOfFlows is packets by flow, by queue, of one trial.
type spreadOfFlows map[int]map[int]uint64

// Main is the queue that carried most packets of a flow; -1 if none carried any.
func (s spreadOfFlows) Main(flow int) int {
	queue, most := -1, uint64(0)
	for _, q := range slices.Sorted(maps.Keys(s[flow])) {
		if n := s[flow][q]; n > most {
			queue, most = q, n
		}
	}
	return queue
}

// mostQueues is MAX_TAP_QUEUES of drivers/net/tun.c.
const mostQueues = 256

func Sum[K comparable](byQueue map[K]uint64) (total uint64) {
	for _, n := range byQueue {
		total += n
	}
	return total
}
