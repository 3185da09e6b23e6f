package figure

// schedule is how well the used trials of an arm kept their schedules.
type schedule struct {
	Rate        float64 // requested packets/s, median
	Sends, Late uint64  // packets
	LateNs      int64
	P99         *float64 // of sent minus due in ns: median over the trials that have it
	Max         uint64   // of the same
	Trials      int
}
