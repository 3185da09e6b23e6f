package reports

import (
	"tunbench/reports/record"
)

// callCost is what a packet costs user space at the device, in nanoseconds inside
// of the calls of who reads it or, where it is written, of who writes it. The
// first three add up to total.
type callCost struct {
	syscall, copied float64 // the floor: what a bare call and a copy cost
	rest            float64 // what the device adds
	total           float64
	ratio           float64 // total over the floor
}

// callEnd is an end of a device in user space, in the words of the report.
type callEnd struct {
	who, did, other string
	file            string // what the names of its charts end in
	calls, others   string // metrics: time in its calls, and on the other side
}

var (
	readEnd  = callEnd{"reader", "read", "sender", "", record.RecvNsPerPkt, record.SendNsPerPkt}
	writeEnd = callEnd{"writer", "write", "receiver", "-written", record.SendNsPerPkt, record.RecvNsPerPkt}
)

// endOf is that of the calls whose ratio to the floor t has.
func endOf(t *record.Trial) callEnd {
	if userWrites(t) {
		return writeEnd
	}
	return readEnd
}

func userWrites(t *record.Trial) bool { return axisOf(t, "dir") == "u2k" }

// packetsPerCall is 1 unless the device moved super-packets, which bring several
// wire segments in one read or write.
func packetsPerCall(t *record.Trial) float64 {
	n := t.Metrics[record.PPS] / t.Metrics[record.SKBPS]
	if w := t.Writes; userWrites(t) && w != nil {
		n = float64(t.Accounting.Accepted) / float64(w.Count())
	}
	if n >= 1 && sane(n) {
		return n
	}
	return 1
}
