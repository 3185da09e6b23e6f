package packet

import (
	"encoding/binary"
	"math/bits"
)

// StampLen is the length of a stamp in bytes. It fits a 64-byte IPv4 packet.
const StampLen = 32

// magic marks a packet as ours: "tunb".
const magic = 0x626e7574

// Stamp is what the generator writes at the start of each payload, all fields
// little-endian: magic, flow, sequence, intended and sent time.
type Stamp struct {
	Flow     uint32
	Seq      uint64 // within the flow, from 0
	Intended int64  // when the packet was due, in ns of the trial's clock; 0 if it is not timed
	Sent     int64  // when its system call began, in ns of the trial's clock
}

// Put writes the stamp to the first StampLen bytes of b.
func (s *Stamp) Put(b []byte) {
	_ = b[StampLen-1]
	binary.LittleEndian.PutUint32(b[0:], magic)
	binary.LittleEndian.PutUint32(b[4:], s.Flow)
	binary.LittleEndian.PutUint64(b[8:], s.Seq)
	binary.LittleEndian.PutUint64(b[16:], uint64(s.Intended))
	binary.LittleEndian.PutUint64(b[24:], uint64(s.Sent))
}

// Parse reads a stamp from the start of b; false if there is none.
func (s *Stamp) Parse(b []byte) bool {
	if len(b) < StampLen || binary.LittleEndian.Uint32(b) != magic {
		return false
	}
	s.Flow = binary.LittleEndian.Uint32(b[4:])
	s.Seq = binary.LittleEndian.Uint64(b[8:])
	s.Intended = int64(binary.LittleEndian.Uint64(b[16:]))
	s.Sent = int64(binary.LittleEndian.Uint64(b[24:]))
	return true
}

// Sum is what the stamp adds to a checksum, as Put writes it. The sum of little-endian
// words is that of big-endian ones with its bytes swapped (RFC 1071, section 2 (B)).
func (s *Stamp) Sum() uint64 {
	v, carry := bits.Add64(magic|uint64(s.Flow)<<32, s.Seq, 0)
	v, carry = bits.Add64(v, uint64(s.Intended), carry)
	v, carry = bits.Add64(v, uint64(s.Sent), carry)
	return uint64(bits.ReverseBytes16(fold(v>>32 + v&0xffffffff + carry)))
}
