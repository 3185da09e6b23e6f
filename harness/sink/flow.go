package sink

import "math"

// window is how far back, in packets, a flow can tell a late packet from one
// that it has seen already.
const window = 1024

// flow follows the sequence numbers of one flow at one reader.
type flow struct {
	next       uint64              // one above the highest sequence number seen
	seen       [window / 64]uint64 // of next-window .. next-1, a ring of bits
	delivered  uint64              // unique packets
	duplicates uint64
	reordered  uint64 // unique packets that came after one with a higher number
}

// see takes note of a packet and reports whether it is the first with its
// number. A packet from before the window counts as reordered.
func (f *flow) see(seq uint64) bool {
	word, bit := &f.seen[seq%window/64], uint64(1)<<(seq%64)
	switch {
	case seq == f.next:
		if seq%64 == 0 {
			*word = 0
		}
		f.next++
	case seq > f.next:
		f.skip(seq)
		f.next = seq + 1
	case f.next-seq > window-64:
		f.reordered++
		f.delivered++
		return true
	case *word&bit != 0:
		f.duplicates++
		return false
	default:
		f.reordered++
	}
	*word |= bit
	f.delivered++
	return true
}

// has reports whether the number was seen, or is from before the window, where that is
// not known any more.
func (f *flow) has(seq uint64) bool {
	switch {
	case seq >= f.next:
		return false
	case f.next-seq > window-64:
		return true
	}
	return f.seen[seq%window/64]&(1<<(seq%64)) != 0
}

// skip clears the words that the ring enters on its way from next to seq. The
// word of next-1 is in use already.
func (f *flow) skip(seq uint64) {
	first := (f.next + 63) / 64
	last := seq / 64
	if last-first >= window/64 && last >= first {
		f.seen = [window / 64]uint64{}
		return
	}
	for w := first; w <= last; w++ {
		f.seen[w%(window/64)] = 0
	}
}

// lastOf is the number of the last segment of the GSO packet whose number has those
// bits of mask: the first that was not seen, from as far back as the window tells. So a
// GSO packet may be behind by some hundred segments, or ahead by up to 256 GSO packets,
// if the stub is a single byte; one that is further ahead is taken for a GSO packet
// between, which was lost as well.
func (f *flow) lastOf(low, mask, segments uint64) uint64 {
	next := f.next / segments
	from := next - min(next, (window-64)/segments-1, mask/2)
	number := from + (low-from)&mask
	for mask != math.MaxUint64 && f.has(number*segments+segments-1) {
		number += mask + 1
	}
	return number*segments + segments - 1
}
