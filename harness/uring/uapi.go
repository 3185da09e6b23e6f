package uring

// The structures and numbers of include/uapi/linux/io_uring.h that are used
// here. A test holds them against the header.

// SQE is struct io_uring_sqe: what is asked of the kernel. Unions are named
// after what this package puts there.
type SQE struct {
	Opcode  uint8
	Flags   uint8
	ioprio  uint16
	FD      int32 // a descriptor, or its place among the registered ones with FixedFile
	Off     uint64
	Addr    uint64
	Len     uint32
	OpFlags uint32 // rw_flags, cancel_flags, poll32_events
	Data    uint64 // comes back in the completion
	Buf     uint16 // buf_index, buf_group
	person  uint16
	file    int32
	_       [2]uint64
}

// CQE is struct io_uring_cqe: a completion.
type CQE struct {
	Data  uint64
	Res   int32 // bytes, or a negative errno
	Flags uint32
}

// Opcodes, and the kernel that they came in.
const (
	opReadFixed     = 4  // 5.1
	opWriteFixed    = 5  // 5.1
	opCancel        = 14 // 5.5
	opRead          = 22 // 5.6
	opWrite         = 23 // 5.6
	opReadMultishot = 49 // 6.7
)

// Flags of an SQE.
const (
	FixedFile    = 1 << 0
	Link         = 1 << 2
	bufferSelect = 1 << 5
)

// cancelAny lets IORING_OP_ASYNC_CANCEL match every request (5.19).
const (
	cancelAll = 1 << 0
	cancelAny = 1 << 2
)

// Flags of a CQE.
const (
	hasBuffer   = 1 << 0
	more        = 1 << 1
	bufferShift = 16
)

// Flags of io_uring_setup, and the kernel that they came in.
const (
	setupCQSize       = 1 << 3  // 5.5
	setupDisabled     = 1 << 6  // 5.10
	setupSubmitAll    = 1 << 7  // 5.18
	setupCoopTaskrun  = 1 << 8  // 5.19
	setupSingleIssuer = 1 << 12 // 6.0
	setupDeferTaskrun = 1 << 13 // 6.1
)

// Features that io_uring_setup tells of.
const (
	featSingleMmap = 1 << 0 // 5.4
	featNoDrop     = 1 << 1 // 5.5
	featFastPoll   = 1 << 5 // 5.7
)

const enterGetEvents = 1 << 0

// Commands of io_uring_register, and the kernel that they came in.
const (
	registerBuffers      = 0  // 5.1
	registerFiles        = 2  // 5.1
	unregisterFiles      = 3  // 5.1
	registerEnable       = 12 // 5.10
	registerBufferRing   = 22 // 5.19
	unregisterBufferRing = 23 // 5.19
)

// Offsets for mmap of a ring's descriptor.
const (
	offRings = 0
	offSQEs  = 0x10000000
)

// params is struct io_uring_params.
type params struct {
	sqEntries    uint32
	cqEntries    uint32
	flags        uint32
	sqThreadCPU  uint32
	sqThreadIdle uint32
	features     uint32
	wqFD         uint32
	_            [3]uint32
	sq           sqOffsets
	cq           cqOffsets
}

// sqOffsets is struct io_sqring_offsets.
type sqOffsets struct {
	head, tail, mask, entries, flags, dropped, array, _ uint32
	_                                                   uint64
}

// cqOffsets is struct io_cqring_offsets.
type cqOffsets struct {
	head, tail, mask, entries, overflow, cqes, flags, _ uint32
	_                                                   uint64
}

// groupBuffer is struct io_uring_buf. In the first one of a group, resv is the
// tail of the group's ring.
type groupBuffer struct {
	addr uint64
	len  uint32
	bid  uint16
	resv uint16
}

// groupRegister is struct io_uring_buf_reg.
type groupRegister struct {
	addr    uint64
	entries uint32
	group   uint16
	flags   uint16
	_       [3]uint64
}
