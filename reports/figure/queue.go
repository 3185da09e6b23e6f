package figure

import (
	"slices"

	"tunbench/reports/axis"
	"tunbench/reports/record"
)

// queueSide is the end of a queue at which packets are counted.
type queueSide int

// Did says what happened to the packets that a side counts.
func (s queueSide) Did() string {
	if s == WrittenSide {
		return "received"
	}
	return "read"
}

// Of gives the packets and bytes that q has on that side.
func (s queueSide) Of(q record.Queue) (pkts, bytes uint64) {
	if s == WrittenSide {
		return q.RecvPkts, q.RecvBytes
	}
	return q.ReadPkts, q.ReadBytes
}

const (
	ReadSide    queueSide = iota // what user space read from the queue
	WrittenSide                  // what it wrote to the queue, and the kernel received
)

// QueueSides are the sides of the queues of t that its packets passed: with
// dir=both two.
func QueueSides(t *record.Trial) []queueSide {
	switch axis.Of(t, "dir") {
	case "u2k":
		return []queueSide{WrittenSide}
	case "both":
		// A path of two devices has what its first device sent, and no more.
		if slices.ContainsFunc(t.Queues, func(q record.Queue) bool { return q.RecvPkts > 0 }) {
			return []queueSide{ReadSide, WrittenSide}
		}
	}
	return []queueSide{ReadSide}
}

// Spread is how a scenario's packets were spread over its queues, summed over
// the used observed trials.
type Spread struct {
	Side   queueSide
	both   bool // the scenario has another spread, of the other side
	Queues []queueSum
	Jain   float64 // median over the trials that have packets
	Even   float64 // effective queues, over the same trials
	// Chance is how often random hashing spreads the flows less evenly: median
	// over the trials that saw flows, which hashed is true of.
	Chance float64
	Hashed bool
	Seen   bool // some packet was seen on that side
	Trials int
	Empty  int     // queues that have no packet on that side
	Ratio  float64 // most loaded queue over the mean
}

// FlowsKnown reports whether the flows of the queues are those of the side: with
// two sides they are those of what is read.
func (sp Spread) FlowsKnown() bool { return sp.Side == ReadSide || !sp.both }

type queueSum struct {
	record.Queue
	Pkts, Bytes        uint64  // on the side of the spread
	Share              float64 // of those packets
	Lowest, Highest    float64 // share in the trial where it was least, most
	FlowsMin, FlowsMax int
}

// newQueueSum returns the sum for the queue of q, which has that share of the packets in
// a first trial.
func newQueueSum(q record.Queue, share float64) *queueSum {
	sum := &queueSum{Lowest: share, Highest: share, FlowsMin: q.Flows, FlowsMax: q.Flows}
	sum.Queue.Queue = q.Queue
	return sum
}

// add adds the queue of a trial, in which it has that share of the packets. pkts and
// bytes are those of the side that is summed up.
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
