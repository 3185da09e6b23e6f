package figure

import (
	"slices"

	"tunbench/reports/axis"
	"tunbench/reports/record"
)

// queueEnd is the end of a queue at which packets are counted: packets that user space
// read, or packets that it wrote.
type queueEnd int

// Did says what happened to the packets that are counted at that end.
func (s queueEnd) Did() string {
	if s == IntoQueue {
		return "received"
	}
	return "read"
}

// Of gives the packets and bytes that q has at that end.
func (s queueEnd) Of(q record.Queue) (pkts, bytes uint64) {
	if s == IntoQueue {
		return q.RecvPkts, q.RecvBytes
	}
	return q.ReadPkts, q.ReadBytes
}

const (
	FromQueue queueEnd = iota // what user space read from the queue
	IntoQueue                 // what user space wrote to the queue and the kernel received
)

// QueueEnds are the ends of the queues of t at which packets were counted: two with
// dir=both.
func QueueEnds(t *record.Trial) []queueEnd {
	switch axis.Of(t, "dir") {
	case "u2k":
		return []queueEnd{IntoQueue}
	case "both":
		// For a path of two devices, only the packets of its first device count.
		if slices.ContainsFunc(t.Queues, func(q record.Queue) bool { return q.RecvPkts > 0 }) {
			return []queueEnd{FromQueue, IntoQueue}
		}
	}
	return []queueEnd{FromQueue}
}

// Spread is how a scenario's packets were spread over its queues, summed over
// the used observed trials.
type Spread struct {
	End    queueEnd
	both   bool // the scenario has a spread of the other end, too
	Queues []queueSum
	Jain   float64 // median over the trials that have packets
	Even   float64 // effective queues, over the same trials
	// Chance is how often random hashing spreads the flows less evenly: median over
	// the trials with flows, if hashed.
	Chance float64
	Hashed bool
	Seen   bool // some packet was counted at that end
	Trials int
	Empty  int     // queues that have no packet at that end
	Ratio  float64 // most loaded queue over the mean
}

// FlowsKnown reports whether the flows of the queues are those of the end: where both
// ends count, flows are those of the packets that were read.
func (sp Spread) FlowsKnown() bool { return sp.End == FromQueue || !sp.both }

type queueSum struct {
	record.Queue
	Pkts, Bytes        uint64  // at the end that the spread is about
	Share              float64 // of those packets
	Lowest, Highest    float64 // smallest and largest share in a trial
	FlowsMin, FlowsMax int
}

// newQueueSum returns the sum for the queue of q, which has that share of the packets in
// its first trial.
func newQueueSum(q record.Queue, share float64) *queueSum {
	sum := &queueSum{Lowest: share, Highest: share, FlowsMin: q.Flows, FlowsMax: q.Flows}
	sum.Queue.Queue = q.Queue
	return sum
}

// add adds the counts of a queue in one trial, in which the queue has that share of the
// packets. pkts and bytes are those at the end that the spread is about.
func (sum *queueSum) add(q record.Queue, pkts, bytes uint64, share float64) {
	sum.XmitPkts += q.XmitPkts
	sum.XmitBytes += q.XmitBytes
	sum.ReadPkts += q.ReadPkts
	sum.ReadBytes += q.ReadBytes
	sum.RecvPkts += q.RecvPkts
	sum.RecvBytes += q.RecvBytes
	sum.Pkts += pkts
	sum.Bytes += bytes
	sum.DropPkts += q.DropPkts
	sum.Lowest, sum.Highest = min(sum.Lowest, share), max(sum.Highest, share)
	sum.FlowsMin, sum.FlowsMax = min(sum.FlowsMin, q.Flows), max(sum.FlowsMax, q.Flows)
}
