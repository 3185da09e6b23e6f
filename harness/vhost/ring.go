package vhost

import (
	"math/bits"
	"sync/atomic"
	"unsafe"
)

// desc is struct vring_desc of include/uapi/linux/virtio_ring.h.
type desc struct {
	addr  uint64
	len   uint32
	flags uint16
	next  uint16
}

// usedElem is struct vring_used_elem.
type usedElem struct {
	id  uint32 // of the descriptor
	len uint32 // bytes that the device wrote
}

// descWrite is VRING_DESC_F_WRITE: the device writes to the buffer.
const descWrite = 2

// MaxEntries is the maximum of a split virtqueue.
const MaxEntries = 32768

// Ring is the driver's side of a split virtqueue in which each packet takes one
// buffer: descriptor i is always buffer i. One thread offers and reaps; Idle
// may be called from another.
//
// The kernel and the driver share three words of 16 bits in each direction.
// Each is beside flags or padding, and is loaded and stored together with them
// as a little-endian word of 32 bits, since Go has no smaller atomics. Go's
// atomics are sequentially consistent: that is required between a store to one
// word and a load of the other side's.
type Ring struct {
	entries int
	size    int // bytes of a buffer
	memory  []byte
	buffers []byte

	descs      []desc
	avail      *uint32 // struct vring_avail: flags, and above them the index
	availRing  []uint16
	usedEvent  *uint32 // behind availRing: call when the used index passes this
	used       *uint32 // struct vring_used: flags, and above them the index
	usedRing   []usedElem
	availEvent *uint32 // behind usedRing: kick when the available index passes this

	offered   uint16 // what Offer has put into availRing
	published uint16 // of these, what the device can see
	kicked    uint16 // published when KickNeeded was last asked
	reaped    uint16
	// Foreign counts used entries that name no buffer of ours, or more bytes than
	// it has: the device broke the protocol.
	Foreign uint64
}

// Layout of a ring of n entries in one piece of memory: descriptors, the
// driver's half, the device's half on a cache line of its own, buffers on pages
// of their own.
func layout(n, size int) (avail, used, buffers, total int) {
	const line, page = 64, 4096
	up := func(v, to int) int { return (v + to - 1) / to * to }
	avail = n * int(unsafe.Sizeof(desc{}))
	used = up(avail+4+2*n+4, line)
	buffers = up(used+4+n*int(unsafe.Sizeof(usedElem{}))+4, page)
	return avail, used, buffers, up(buffers+n*size, page)
}

// RingBytes is the memory that a ring of n entries, a power of two up to
// MaxEntries, needs for itself and its buffers of size bytes each.
func RingBytes(n, size int) int {
	_, _, _, total := layout(n, size)
	return total
}

// NewRing lays a ring out in memory, which is zero, page-aligned, of RingBytes,
// and not of Go's heap. With write the device writes the buffers: they are
// received into; else it reads them. Addresses are those of this process.
func NewRing(memory []byte, n, size int, write bool) *Ring {
	if bits.OnesCount(uint(n)) != 1 || n > MaxEntries || n < 2 {
		panic("vhost: the entries of a ring are a power of two")
	}
	avail, used, buffers, total := layout(n, size)
	memory = memory[:total]
	at := func(offset int) unsafe.Pointer { return unsafe.Pointer(&memory[offset]) }
	r := &Ring{
		entries: n, size: size, memory: memory, buffers: memory[buffers : buffers+n*size],
		descs:      unsafe.Slice((*desc)(at(0)), n),
		avail:      (*uint32)(at(avail)),
		availRing:  unsafe.Slice((*uint16)(at(avail+4)), n),
		usedEvent:  (*uint32)(at(avail + 4 + 2*n)),
		used:       (*uint32)(at(used)),
		usedRing:   unsafe.Slice((*usedElem)(at(used+4)), n),
		availEvent: (*uint32)(at(used + 4 + n*int(unsafe.Sizeof(usedElem{})))),
	}
	for i := range r.descs {
		r.descs[i] = desc{addr: uint64(uintptr(unsafe.Pointer(&r.buffers[i*size]))), len: uint32(size)}
		if write {
			r.descs[i].flags = descWrite
		}
	}
	return r
}

// Entries is how many buffers the ring has.
func (r *Ring) Entries() int { return r.entries }

// Buffer is the memory of buffer i.
func (r *Ring) Buffer(i int) []byte {
	return r.buffers[i*r.size : (i+1)*r.size : (i+1)*r.size]
}

// SetLen says how many bytes of buffer i the device may read.
func (r *Ring) SetLen(i, n int) { r.descs[i].len = uint32(n) }

// Offer gives buffer i to the device, as soon as Publish shows it.
func (r *Ring) Offer(i int) {
	r.availRing[int(r.offered)&(r.entries-1)] = uint16(i)
	r.offered++
}

// Publish makes the offered buffers visible to the device.
func (r *Ring) Publish() {
	if r.published != r.offered {
		r.published = r.offered
		atomic.StoreUint32(r.avail, uint32(r.published)<<16)
	}
}

// KickNeeded reports whether the device must be notified of what was published
// since the last call.
func (r *Ring) KickNeeded() bool {
	before := r.kicked
	r.kicked = r.published
	return needEvent(uint16(atomic.LoadUint32(r.availEvent)), r.published, before)
}

// needEvent is vring_need_event of include/uapi/linux/virtio_ring.h: whether an
// index on its way from before to now passed event.
func needEvent(event, now, before uint16) bool { return now-event-1 < now-before }

func (r *Ring) usedIndex() uint16 { return uint16(atomic.LoadUint32(r.used) >> 16) }

// Pending is how many buffers the device has used that were not reaped.
func (r *Ring) Pending() int { return int(r.usedIndex() - r.reaped) }

// Idle reports whether the device has used all that was published. It may be
// called from another thread.
func (r *Ring) Idle() bool { return uint16(atomic.LoadUint32(r.avail)>>16) == r.usedIndex() }

// Held is how many buffers the device has: offered and not used yet.
func (r *Ring) Held() int { return int(r.offered - r.usedIndex()) }

// Reap takes back the next used buffer, of which there must be one Pending, and
// returns how many bytes the device wrote into it. It returns -1, -1 for an
// entry that is not of this ring.
func (r *Ring) Reap() (i, n int) {
	e := r.usedRing[int(r.reaped)&(r.entries-1)]
	r.reaped++
	if e.id >= uint32(r.entries) || e.len > uint32(r.size) {
		r.Foreign++
		return -1, -1
	}
	return int(e.id), int(e.len)
}

// Arm asks the device to call when it has used so many buffers beyond those
// that were reaped, and reports whether it still has to: if not, there may be
// no call. A ring that is not armed is called only once in 65,536 buffers.
func (r *Ring) Arm(beyond int) bool {
	atomic.StoreUint32(r.usedEvent, uint32(r.reaped+uint16(beyond)-1))
	return r.Pending() < beyond
}

// Full reports whether the device has all buffers and has used none of them.
func (r *Ring) Full() bool {
	return uint16(atomic.LoadUint32(r.avail)>>16)-r.usedIndex() == uint16(r.entries)
}
