package reports

import (
	"slices"

	"tunbench/reports/record"
)

// queueSide is the end of a queue at which packets are counted.
type queueSide int

// did says what happened to the packets that a side counts.
func (s queueSide) did() string {
	if s == writtenSide {
		return "received"
	}
	return "read"
}

// of gives the packets and bytes that q has on that side.
func (s queueSide) of(q record.Queue) (pkts, bytes uint64) {
	if s == writtenSide {
		return q.RecvPkts, q.RecvBytes
	}
	return q.ReadPkts, q.ReadBytes
}

const (
	readSide    queueSide = iota // what user space read from the queue
	writtenSide                  // what it wrote to the queue, and the kernel received
)

// queueSides are the sides of the queues of t that its packets passed: with
// dir=both two.
func queueSides(t *record.Trial) []queueSide {
	switch axisOf(t, "dir") {
	case "u2k":
		return []queueSide{writtenSide}
	case "both":
		// A path of two devices has what its first device sent, and no more.
		if slices.ContainsFunc(t.Queues, func(q record.Queue) bool { return q.RecvPkts > 0 }) {
			return []queueSide{readSide, writtenSide}
		}
	}
	return []queueSide{readSide}
}

// spread is how a scenario's packets were spread over its queues, summed over
// the used observed trials.
type spread struct {
	side   queueSide
	both   bool // the scenario has another spread, of the other side
	queues []queueSum
	jain   float64 // median over the trials that have packets
	even   float64 // effective queues, over the same trials
	// chance is how often random hashing spreads the flows less evenly: median
	// over the trials that saw flows, which hashed is true of.
	chance float64
	hashed bool
	seen   bool // some packet was seen on that side
	trials int
	empty  int     // queues that have no packet on that side
	ratio  float64 // most loaded queue over the mean
}

// flowsKnown reports whether the flows of the queues are those of the side: with
// two sides they are those of what is read.
func (sp spread) flowsKnown() bool { return sp.side == readSide || !sp.both }

type queueSum struct {
	record.Queue
	pkts, bytes        uint64  // on the side of the spread
	share              float64 // of those packets
	lowest, highest    float64 // share in the trial where it was least, most
	flowsMin, flowsMax int
}
