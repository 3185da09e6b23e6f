package sink

// Stubs says how to recognise the last segments of GSO packets where they are too short
// for a stamp: behind their neighbours in the same packet or, where the kernel has cut
// that, by the port and by what packet.PutStub wrote or the sequence number of TCP.
type Stubs struct {
	Segments  uint64 // of each GSO packet; 0: none ends in a stub
	Stride    uint32 // bytes of payload of its other segments
	FirstPort uint16 // flow i comes from FirstPort+i
}
