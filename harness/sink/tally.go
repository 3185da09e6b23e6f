package sink

import (
	"sync/atomic"

	"tunbench/bpf/hist"
	"tunbench/harness/packet"
)

// Counts is what a reader has counted since its start.
type Counts struct {
	Calls      uint64 // system calls, those that waited or found nothing included
	Reads      uint64 // packets or GSO packets that came
	ReadBytes  uint64 // of these, all headers included
	Delivered  uint64 // unique stamped segments
	WireBytes  uint64 // of these: IP bytes, or frame bytes on a TAP
	Duplicates uint64
	Reordered  uint64
	Foreign    uint64 // packets without a stamp of ours
	Again      uint64 // reads that found nothing
	Verified   uint64 // packets or GSO packets whose checksums, or payloads, were added up
	// Corrupt counts segments by what is wrong with them. They are not delivered.
	Corrupt [packet.Faults]uint64
}

// Add adds what another reader has counted.
func (c *Counts) Add(o Counts) {
	c.Calls += o.Calls
	c.Reads += o.Reads
	c.ReadBytes += o.ReadBytes
	c.Delivered += o.Delivered
	c.WireBytes += o.WireBytes
	c.Duplicates += o.Duplicates
	c.Reordered += o.Reordered
	c.Foreign += o.Foreign
	c.Again += o.Again
	c.Verified += o.Verified
	for fault, n := range o.Corrupt {
		c.Corrupt[fault] += n
	}
}

// Progress is what others may read of a running reader.
type Progress struct {
	Delivered, WireBytes, Reads, Calls uint64
}

// Flow is what a reader has counted of one flow.
type Flow struct {
	Delivered, Duplicates, Reordered uint64
}

// Tally counts the segments of a reader: each is recognised by its stamp,
// compared with earlier ones of its flow, and timed.
type Tally struct {
	Counts

	// E2E is the time in ns from when a packet was due, which in a closed loop
	// is when it was sent, to the return of the read.
	E2E hist.Histogram
	// Service is the time in ns from when a packet was sent to the return of the
	// read. Empty in a closed loop, where E2E is the same.
	Service hist.Histogram
	// Vnet is what virtio-net headers said, where packets come with them.
	Vnet Vnet

	control *Control
	open    bool // packets were due at times of their own
	flows   []*flow
	every   bool // each packet is verified, not a sample
	skip    int  // packets until the next one that is verified
	last    packet.Stamp

	_         [64]byte // keeps what others poll off the cache line that the loop writes
	published struct{ delivered, wireBytes, reads, calls atomic.Uint64 }
	_         [64]byte
}

// prepare makes t ready for that many flows.
func (t *Tally) prepare(flows int, open bool, control *Control) {
	t.control, t.open, t.flows = control, open, make([]*flow, flows)
	// Touched beforehand, unless that would take too much memory: then a flow
	// gets its place when its first packet comes.
	if flows <= 4096 {
		list := make([]flow, flows)
		for i := range list {
			t.flows[i] = &list[i]
		}
	}
}

// Seen returns the tally itself, for callers that hold readers of several
// kinds.
func (t *Tally) Seen() *Tally { return t }

// Progress may be called while the reader runs; it lags by at most a few
// dozen packets.
func (t *Tally) Progress() Progress {
	return Progress{
		t.published.delivered.Load(), t.published.wireBytes.Load(),
		t.published.reads.Load(), t.published.calls.Load(),
	}
}

func (t *Tally) publish() {
	t.published.delivered.Store(t.Delivered)
	t.published.wireBytes.Store(t.WireBytes)
	t.published.reads.Store(t.Reads)
	t.published.calls.Store(t.Calls)
}

// Flow returns what was seen of flow i, once the reader has ended.
func (t *Tally) Flow(i int) Flow {
	if f := t.flows[i]; f != nil {
		return Flow{f.delivered, f.duplicates, f.reordered}
	}
	return Flow{}
}

// segment counts one wire segment, given its payload and the length of the
// headers before it, that came at now. It is false for one without a stamp of ours,
// which is not counted.
func (t *Tally) segment(payload []byte, headers int, now int64) bool {
	if !t.last.Parse(payload) || int(t.last.Flow) >= len(t.flows) {
		return false
	}
	t.count(&t.last, headers+len(payload), now)
	return true
}

// flow gives the place of flow i.
func (t *Tally) flow(i int) *flow {
	f := t.flows[i]
	if f == nil {
		f = new(flow)
		t.flows[i] = f
	}
	return f
}

// count counts a segment of that many bytes on the wire by its stamp.
func (t *Tally) count(s *packet.Stamp, bytes int, now int64) {
	f := t.flow(int(s.Flow))
	late, dup := f.reordered, f.duplicates
	if f.see(s.Seq) {
		t.Delivered++
		t.WireBytes += uint64(bytes)
	}
	t.Reordered += f.reordered - late
	t.Duplicates += f.duplicates - dup
	switch {
	case t.open:
		if t.control.Measured.Holds(s.Intended) {
			t.E2E.Record(uint64(max(0, now-s.Intended)))
			t.Service.Record(uint64(max(0, now-s.Sent)))
		}
	case s.Intended != 0 && t.control.Measuring.Load():
		t.E2E.Record(uint64(max(0, now-s.Intended)))
	}
}

// sampled reports whether the packet that came is one to verify: one of the first, of
// a sample, or any after a corrupt one was found.
func (t *Tally) sampled() bool {
	if t.skip--; t.skip > 0 {
		return false
	}
	t.Verified++
	if !t.every && t.Verified >= verifyFirst {
		t.skip = verifyEvery
	}
	return true
}

// spoiled counts segments that are corrupt. From now on all are verified: the trial
// is invalid, and its cost no longer matters.
func (t *Tally) spoiled(fault packet.Fault, segments int) {
	t.Corrupt[fault] += uint64(segments)
	t.every, t.skip = true, 0
}

// behind counts a stub that follows its neighbour, the last segment with a stamp.
func (t *Tally) behind(stub []byte, headers int, now int64) {
	t.last.Seq++
	t.count(&t.last, headers+len(stub), now)
}

// alone counts a stub that came as a packet b of its own. It is false for one of
// another flow.
func (t *Tally) alone(c *Stubs, b []byte, l *packet.Layout, now int64) bool {
	number := int(l.SourcePort(b)) - int(c.FirstPort)
	if number < 0 || number >= len(t.flows) || len(b) == l.Payload {
		return false
	}
	f := t.flow(number)
	s := packet.Stamp{Flow: uint32(number)}
	if seq, ok := l.TCPSeq(b); ok {
		// Segment k begins at k times the stride: the nearest to the next one.
		s.Seq = f.next + uint64(int64(int32(seq-uint32(f.next)*c.Stride))/int64(c.Stride))
	} else {
		low, mask := packet.Stub(b[l.Payload:])
		s.Seq = f.lastOf(low, mask, c.Segments)
	}
	t.count(&s, len(b), now)
	return true
}
