package reports

// schedule is how the used trials of an arm kept theirs.
type schedule struct {
	rate        float64 // asked for, packets/s: median
	sends, late uint64  // packets
	lateNs      int64
	p99         *float64 // of sent minus due in ns: median over the trials that have it
	max         uint64   // of the same
	trials      int
}
