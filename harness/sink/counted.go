package sink

import "tunbench/harness/worker"

// Counted is a reader of packets that the kernel itself counts: no thread
// receives them, and nothing is known of each.
type Counted struct {
	Tally
	CountedConfig
	closed bool
	err    error
}

// CountedConfig is the configuration of a Counted.
type CountedConfig struct {
	// Count returns the packets so far, GSO packets as one, and their bytes, each
	// GSO packet with one set of headers.
	Count     func() (packets, bytes uint64, err error)
	Segments  uint64 // wire segments of each packet
	HeaderLen int    // bytes of headers of each segment
}

// NewCounted prepares a Counted.
func NewCounted(c CountedConfig, control *Control) *Counted {
	r := &Counted{CountedConfig: c}
	r.prepare(0, false, control)
	return r
}

// Seen looks at the counters, until Close, and gives what they say. It must not
// be called by two goroutines at once.
func (r *Counted) Seen() *Tally {
	if r.closed {
		return &r.Tally
	}
	packets, bytes, err := r.Count()
	if err != nil {
		r.err = err
		return &r.Tally
	}
	r.Reads, r.ReadBytes = packets, bytes
	r.Delivered = packets * r.Segments
	r.WireBytes = bytes + packets*(r.Segments-1)*uint64(r.HeaderLen)
	r.publish()
	return &r.Tally
}

// Start does nothing: nothing runs.
func (r *Counted) Start() error { return nil }

// Thread is nil.
func (r *Counted) Thread() *worker.Thread { return nil }

// Finish does nothing.
func (r *Counted) Finish() error { return nil }

// Close returns the error of the last look that failed. The counters are their
// owner's.
func (r *Counted) Close() error {
	r.closed = true
	return r.err
}
