package figure

import (
	"tunbench/reports/axis"
	"tunbench/reports/record"
)

// CallCost is what a packet costs user space at the device, in nanoseconds inside
// the calls of the reader or, where user space writes, of the writer. The
// first three add up to total.
type CallCost struct {
	Syscall, Copied float64 // the floor: what a bare call and a copy cost
	Rest            float64 // what the device adds
	Total           float64
	Ratio           float64 // total over the floor
}

// CallEnd is an end of a device in user space, in the words of the report.
type CallEnd struct {
	Who, Did, Other string
	File            string // what the names of its charts end in
	calls, Others   string // metrics: time in its calls, and on the other side
}

var (
	ReadEnd  = CallEnd{"reader", "read", "sender", "", record.RecvNsPerPkt, record.SendNsPerPkt}
	WriteEnd = CallEnd{"writer", "write", "receiver", "-written", record.SendNsPerPkt, record.RecvNsPerPkt}
)

// endOf is that of the calls whose ratio to the floor t has.
func endOf(t *record.Trial) CallEnd {
	if userWrites(t) {
		return WriteEnd
	}
	return ReadEnd
}

func userWrites(t *record.Trial) bool { return axis.Of(t, "dir") == "u2k" }

// packetsPerCall is 1 unless the device moved GSO packets, which bring several
// wire segments in one read or write.
func packetsPerCall(t *record.Trial) float64 {
	n := t.Metrics[record.PPS] / t.Metrics[record.SKBPS]
	if w := t.Writes; userWrites(t) && w != nil {
		n = float64(t.Accounting.Accepted) / float64(w.Count())
	}
	if n >= 1 && Sane(n) {
		return n
	}
	return 1
}
