package packet

import "encoding/binary"

// A stub is the payload of the last segment of a GSO packet that is too short for a
// stamp. It holds the low bytes of the number of its GSO packet within the flow, as many
// as fit, little-endian: where it stands alone, the header says of which flow it is.

// PutStub fills b, which is shorter than a stamp, for the GSO packet of that number.
func PutStub(b []byte, number uint64) {
	var low [8]byte
	binary.LittleEndian.PutUint64(low[:], number)
	copy(b, low[:])
}

// Stub reads what PutStub wrote: the number, of which only the bits of mask are known. An
// empty payload holds none.
func Stub(b []byte) (number, mask uint64) {
	var low [8]byte
	n := copy(low[:], b)
	mask = 1<<(8*n) - 1 // with 8 bytes, all bits
	return binary.LittleEndian.Uint64(low[:]), mask
}
