package qdisc

import "encoding/binary"

// layout is how TCA_OPTIONS holds parameters, each of which has 32 bits.
type layout interface {
	encode([]setting) []byte
	// decode gives the values by the number of their attribute.
	decode([]byte) map[uint16]uint64
}

// word is a struct of one number.
type word struct{}

func (word) encode(s []setting) []byte {
	return binary.NativeEndian.AppendUint32(nil, uint32(s[0].value))
}

func (word) decode(b []byte) map[uint16]uint64 {
	if len(b) < 4 {
		return nil
	}
	return map[uint16]uint64{0: uint64(binary.NativeEndian.Uint32(b))}
}

// attributes are nested ones: struct nlattr of include/uapi/linux/netlink.h.
type attributes struct{}

const attributeLen = 4 // length and type, 16 bits each

func (attributes) encode(list []setting) (b []byte) {
	for _, s := range list {
		b = binary.NativeEndian.AppendUint16(b, attributeLen+4)
		b = binary.NativeEndian.AppendUint16(b, s.attribute)
		b = binary.NativeEndian.AppendUint32(b, uint32(s.value))
	}
	return b
}

func (attributes) decode(b []byte) map[uint16]uint64 {
	values := map[uint16]uint64{}
	for len(b) >= attributeLen {
		length, number := int(binary.NativeEndian.Uint16(b)), binary.NativeEndian.Uint16(b[2:])
		if length < attributeLen || length > len(b) {
			break
		}
		if length == attributeLen+4 {
			values[number] = uint64(binary.NativeEndian.Uint32(b[attributeLen:]))
		}
		b = b[min(len(b), (length+3)&^3):]
	}
	return values
}
