package uring

import (
	"fmt"
	"sync/atomic"
	"unsafe"

	"golang.org/x/sys/unix"
)

// Buffers are pieces of memory of the same size, outside of Go's heap, which
// the kernel may read and write at any time.
type Buffers struct {
	mem          []byte
	count        int
	size, stride int // bytes
}

// line is a cache line in bytes.
const line = 64

// NewBuffers maps count buffers of size bytes. They are an odd number of cache
// lines apart, so that their first bytes do not share sets of a cache.
func NewBuffers(count, size int) (*Buffers, error) {
	b := &Buffers{count: count, size: size, stride: ((size+line-1)/line | 1) * line}
	var err error
	b.mem, err = unix.Mmap(-1, 0, count*b.stride, unix.PROT_READ|unix.PROT_WRITE, unix.MAP_PRIVATE|unix.MAP_ANONYMOUS|unix.MAP_POPULATE)
	if err != nil {
		return nil, fmt.Errorf("map %d buffers of %d bytes: %w", count, size, err)
	}
	return b, nil
}

// Len is how many there are.
func (b *Buffers) Len() int { return b.count }

// At is buffer i.
func (b *Buffers) At(i int) []byte {
	at := i * b.stride
	return b.mem[at : at+b.size : at+b.size]
}

// Close unmaps the buffers.
func (b *Buffers) Close() error {
	if b == nil || b.mem == nil {
		return nil
	}
	err := unix.Munmap(b.mem)
	b.mem = nil
	return err
}

// Group is a ring of buffers from which the kernel takes one for each read.
type Group struct {
	Buffers *Buffers
	number  uint16
	mem     []byte
	slots   []groupBuffer
	tail    uint16
	first   uint16 // bid of the first slot, whose word holds the tail, too
}

// Give returns buffer i to the kernel, which sees it at the next Publish.
func (g *Group) Give(i int) {
	at := int(g.tail) & (len(g.slots) - 1)
	s := &g.slots[at]
	s.addr, s.len = address(g.Buffers.At(i)), uint32(g.Buffers.size)
	if at == 0 {
		g.first = uint16(i)
	} else {
		s.bid = uint16(i)
	}
	g.tail++
}

// Publish makes the returned buffers visible to the kernel. The tail has 16
// bits, which Go cannot store atomically: it is stored together with the bid
// beside it, which only the first slot has. Both supported architectures are
// little-endian.
func (g *Group) Publish() {
	atomic.StoreUint32((*uint32)(unsafe.Pointer(&g.slots[0].bid)), uint32(g.tail)<<16|uint32(g.first))
}

func (g *Group) close() error {
	if g == nil || g.mem == nil {
		return nil
	}
	err := unix.Munmap(g.mem)
	g.mem, g.slots = nil, nil
	return err
}

func address(b []byte) uint64 { return uint64(uintptr(unsafe.Pointer(unsafe.SliceData(b)))) }
