package packet

// Fault is what is wrong with a virtio-net header or the packet behind it; the
// zero value is nothing.
type Fault uint8

const (
	FaultNone       Fault = iota
	FaultLength           // the IP or UDP header says another length
	FaultGSOType          // unknown, or not that of the IP version and the protocol
	FaultGSOSize          // 0, or larger than the payload
	FaultHdrLen           // ends within the headers, or behind the packet
	FaultNoPartial        // a GSO packet whose checksum is not left to the reader
	FaultCsumStart        // not at the transport header
	FaultCsumOffset       // not at its checksum
	FaultPartialSum       // the field does not hold the sum of the pseudo-header
	FaultChecksum         // complete, and wrong
	FaultTunnel           // offsets, type or flags are not those of the tunnel
	FaultBuffers          // num_buffers is not the one buffer that the packet came in
	FaultHash             // a hash that was not requested
	Faults                // how many there are
)

// String names a fault as it stands in a record.
func (f Fault) String() string {
	return [Faults]string{"none", "length", "gso_type", "gso_size", "hdr_len", "no partial checksum",
		"csum_start", "csum_offset", "partial sum", "checksum", "tunnel", "num_buffers", "hash"}[f]
}

// congruent reports whether two sums are the same: 0 has two forms.
func congruent(a, b uint16) bool { return a == b || a+b == 0xffff && (a == 0 || b == 0) }
