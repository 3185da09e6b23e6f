package vhost

import (
	"encoding/binary"
	"slices"
	"testing"
	"unsafe"
)

// TestLayout holds structures and requests against the kernel's UAPI: sizes and
// offsets of include/uapi/linux/{vhost_types,virtio_ring}.h, and requests as
// _IOR and _IOW of asm-generic/ioctl.h make them.
func TestLayout(t *testing.T) {
	for name, sizes := range map[string][2]uintptr{
		"vring_desc":           {unsafe.Sizeof(desc{}), 16},
		"vring_desc.len":       {unsafe.Offsetof(desc{}.len), 8},
		"vring_desc.flags":     {unsafe.Offsetof(desc{}.flags), 12},
		"vring_used_elem":      {unsafe.Sizeof(usedElem{}), 8},
		"vhost_vring_state":    {unsafe.Sizeof(vringState{}), 8},
		"vhost_vring_file":     {unsafe.Sizeof(vringFile{}), 8},
		"vhost_vring_addr":     {unsafe.Sizeof(vringAddr{}), 40},
		"vhost_vring_addr.d":   {unsafe.Offsetof(vringAddr{}.desc), 8},
		"vhost_vring_addr.u":   {unsafe.Offsetof(vringAddr{}.used), 16},
		"vhost_vring_addr.a":   {unsafe.Offsetof(vringAddr{}.avail), 24},
		"vhost_memory":         {unsafe.Offsetof(memoryTable{}.region), 8},
		"vhost_memory_region":  {unsafe.Sizeof(memoryRegion{}), 32},
		"vhost_memory_region.": {unsafe.Offsetof(memoryRegion{}.user), 16},
	} {
		if sizes[0] != sizes[1] {
			t.Errorf("%s: %d, want %d", name, sizes[0], sizes[1])
		}
	}
	const (
		none, write, read = 0, 1, 2
		virtio            = 0xaf
	)
	for name, request := range map[string]struct{ got, dir, number, size uintptr }{
		"VHOST_GET_FEATURES":    {getFeatures, read, 0x00, 8},
		"VHOST_SET_FEATURES":    {setFeatures, write, 0x00, 8},
		"VHOST_SET_OWNER":       {setOwner, none, 0x01, 0},
		"VHOST_SET_MEM_TABLE":   {setMemTable, write, 0x03, unsafe.Offsetof(memoryTable{}.region)},
		"VHOST_SET_VRING_NUM":   {setNum, write, 0x10, unsafe.Sizeof(vringState{})},
		"VHOST_SET_VRING_ADDR":  {setAddr, write, 0x11, unsafe.Sizeof(vringAddr{})},
		"VHOST_SET_VRING_BASE":  {setBase, write, 0x12, unsafe.Sizeof(vringState{})},
		"VHOST_SET_VRING_KICK":  {setKick, write, 0x20, unsafe.Sizeof(vringFile{})},
		"VHOST_SET_VRING_CALL":  {setCall, write, 0x21, unsafe.Sizeof(vringFile{})},
		"VHOST_NET_SET_BACKEND": {setBackend, write, 0x30, unsafe.Sizeof(vringFile{})},
	} {
		if want := request.dir<<30 | request.size<<16 | virtio<<8 | request.number; request.got != want {
			t.Errorf("%s: %#x, want %#x", name, request.got, want)
		}
	}
}

// memoryOf gives memory of pages as mmap does, for a test that shows it to no
// kernel.
func memoryOf(n int) []byte {
	const page = 4096
	b := make([]byte, n+page)
	skip := -int(uintptr(unsafe.Pointer(&b[0]))) & (page - 1)
	return b[skip : skip+n]
}

// naive is a device as the virtio specification tells it (sections 2.7.5 to
// 2.7.8), byte by byte in the memory of a ring, without any of Ring's code.
type naive struct {
	t       testing.TB
	memory  []byte
	n, size int
	taken   uint16 // next available entry
	used    uint16
	held    []uint16
}

func (d *naive) u16(at int) uint16      { return binary.LittleEndian.Uint16(d.memory[at:]) }
func (d *naive) put16(at int, v uint16) { binary.LittleEndian.PutUint16(d.memory[at:], v) }
func (d *naive) availAt() int           { return 16 * d.n }
func (d *naive) usedAt() int            { return (d.availAt() + 4 + 2*d.n + 4 + 63) / 64 * 64 }
func (d *naive) buffersAt() int         { return (d.usedAt() + 4 + 8*d.n + 4 + 4095) / 4096 * 4096 }
func (d *naive) put32(at int, v uint32) { binary.LittleEndian.PutUint32(d.memory[at:], v) }
func (d *naive) available() int         { return int(d.u16(d.availAt()+2) - d.taken) }
func (d *naive) passed(e, n, b uint16) bool {
	for i := b; i != n; i++ {
		if i == e {
			return true
		}
	}
	return false
}

// take fetches up to count entries, and asks to be kicked for the next one.
func (d *naive) take(count int) {
	d.t.Helper()
	for range min(count, d.available()) {
		id := d.u16(d.availAt() + 4 + 2*(int(d.taken)%d.n))
		if int(id) >= d.n || slices.Contains(d.held, id) {
			d.t.Fatalf("descriptor %d is offered twice, or is none", id)
		}
		at := binary.LittleEndian.Uint64(d.memory[16*int(id):])
		if want := uintptr(unsafe.Pointer(&d.memory[d.buffersAt()+int(id)*d.size])); uintptr(at) != want {
			d.t.Fatalf("descriptor %d points to %#x, want %#x", id, at, want)
		}
		d.held = append(d.held, id)
		d.taken++
	}
	d.put16(d.usedAt()+4+8*d.n, d.taken)
}

// use fills the buffer of the entry at that position with its number, and gives
// it back. It reports whether the driver asked for a call.
func (d *naive) use(position, length int) (call bool) {
	id := d.held[position]
	d.held = slices.Delete(d.held, position, position+1)
	buffer := d.memory[d.buffersAt()+int(id)*d.size:][:length]
	for i := range buffer {
		buffer[i] = byte(id)
	}
	at := d.usedAt() + 4 + 8*(int(d.used)%d.n)
	d.put32(at, uint32(id))
	d.put32(at+4, uint32(length))
	d.used++
	d.put16(d.usedAt()+2, d.used)
	return d.passed(d.u16(d.availAt()+4+2*d.n), d.used, d.used-1)
}

// drive plays a driver against the naive device, as steps say, and holds
// that no buffer is lost or changed, and that neither side sleeps while there
// is something for it.
func drive(t testing.TB, entries, size int, steps []byte) {
	memory := memoryOf(RingBytes(entries, size))
	r := NewRing(memory, entries, size, true)
	d := &naive{t: t, memory: memory, n: entries, size: size}
	var mine []int                // buffers that the driver has
	lengths := map[int]int{}      // of used buffers
	armed, called := false, false // the driver sleeps until it is called
	asleep, kicked := true, false // the device sleeps until it is kicked
	for i := range entries {
		mine = append(mine, i)
	}
	for _, step := range steps {
		count := int(step>>3) + 1
		switch step & 7 {
		case 0, 1: // the driver offers
			for range min(count, len(mine)) {
				r.Offer(mine[0])
				mine = mine[1:]
			}
		case 2: // and shows
			r.Publish()
			if r.KickNeeded() {
				kicked = true
			}
			if asleep && d.available() > 0 && !kicked {
				t.Fatal("the device sleeps while there are buffers for it, and was not kicked")
			}
		case 3: // the device takes until there is no more, and sleeps
			d.take(entries)
			asleep, kicked = true, false
		case 4, 5: // the device uses
			for range min(count, len(d.held)) {
				position := count % len(d.held)
				id := int(d.held[position])
				length := (count*7 + id) % (size + 1)
				if _, twice := lengths[id]; twice {
					t.Fatalf("buffer %d was used twice", id)
				}
				lengths[id] = length
				if d.use(position, length) {
					called = true
				}
			}
			if armed && !called && r.Pending() > 0 {
				t.Fatal("the driver sleeps while there are packets for it, and was not called")
			}
		case 6: // the driver reaps
			armed, called = false, false
			for range min(count, r.Pending()) {
				id, n := r.Reap()
				want, ok := lengths[id]
				if !ok || n != want {
					t.Fatalf("reaped buffer %d of %d bytes, want %d (%v)", id, n, want, ok)
				}
				for _, b := range r.Buffer(id)[:n] {
					if b != byte(id) {
						t.Fatalf("buffer %d holds %d", id, b)
					}
				}
				delete(lengths, id)
				mine = append(mine, id)
			}
		case 7: // the driver sleeps, if it may
			called = false
			armed = r.Arm(1)
			if armed != (len(lengths) == 0) {
				t.Fatalf("armed: %v with %d packets waiting", armed, len(lengths))
			}
		}
		if r.Pending() != len(lengths) {
			t.Fatalf("%d pending, want %d", r.Pending(), len(lengths))
		}
		if full := len(d.held)+d.available() == entries; r.Full() != full {
			t.Fatalf("full: %v, want %v", r.Full(), full)
		}
		if held := entries - len(mine) - len(lengths); r.Held() != held {
			t.Fatalf("held: %d, want %d", r.Held(), held)
		}
	}
	if r.Foreign > 0 {
		t.Fatalf("%d foreign entries", r.Foreign)
	}
}

// TestWrap goes round the indexes of 16 bits more than once.
func TestWrap(t *testing.T) {
	round := []byte{0xf8, 2, 3, 0xfc, 7, 0x0e, 0xfe, 7}
	for _, entries := range []int{2, 4, 256} {
		drive(t, entries, 8, slices.Repeat(round, 80000/min(entries, 32)))
	}
}

func FuzzRing(f *testing.F) {
	f.Add(uint8(2), []byte{0, 2, 3, 4, 6, 7, 0xf8, 2, 3, 0xfc, 0xfe})
	f.Add(uint8(0), []byte{7, 0, 2, 4, 3, 4, 7, 4, 6, 6, 0, 2, 3, 4})
	f.Add(uint8(7), []byte{0xf9, 0xf9, 2, 3, 7, 0xfd, 0xfe, 0xf8, 2, 0xfc, 7})
	f.Fuzz(func(t *testing.T, order uint8, steps []byte) {
		drive(t, 2<<(order%8), 1+int(order%16), steps[:min(len(steps), 1000)])
	})
}

// TestNeedEvent holds the arithmetic of the kernel against counting.
func TestNeedEvent(t *testing.T) {
	d := &naive{}
	for _, base := range []uint16{0, 5, 65530} {
		for before := range uint16(8) {
			for steps := range uint16(8) {
				for event := range uint16(20) {
					b, n, e := base+before, base+before+steps, base+event
					if got, want := needEvent(e, n, b), d.passed(e, n, b); got != want {
						t.Fatalf("from %d to %d past %d: %v, want %v", b, n, e, got, want)
					}
				}
			}
		}
	}
}

// TestBroken gives entries that no device may give.
func TestBroken(t *testing.T) {
	for name, e := range map[string]usedElem{
		"descriptor": {id: 4, len: 1}, "length": {id: 0, len: 9}, "both": {id: 1 << 31, len: 1 << 31},
	} {
		r := NewRing(memoryOf(RingBytes(4, 8)), 4, 8, true)
		r.usedRing[0] = e
		*r.used = 1 << 16
		if i, n := r.Reap(); i != -1 || n != -1 || r.Foreign != 1 {
			t.Errorf("%s: %d, %d, %d foreign", name, i, n, r.Foreign)
		}
	}
}
