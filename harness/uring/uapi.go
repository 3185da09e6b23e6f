package uring

import (
	"unsafe"

	"golang.org/x/sys/unix"
)

// The structures and numbers of include/uapi/linux/io_uring.h that are used
// here. A test compares them with the header.

// NoWait makes a read or write that would have to wait complete with EAGAIN
// (RWF_NOWAIT; see TakesNoWait). Without it the kernel waits until the
// descriptor is ready, even if that is O_NONBLOCK.
const NoWait = unix.RWF_NOWAIT

// position is the offset for descriptors that have none.
const position = ^uint64(0)

// SQE is struct io_uring_sqe, a request. Unions are named after what this
// package uses them for.
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

// Read prepares a read into b. Flags are NoWait or 0.
func (e *SQE) Read(fd int, b []byte, flags uint32) { e.transfer(opRead, fd, b, flags) }

// Write prepares a write of b.
func (e *SQE) Write(fd int, b []byte, flags uint32) { e.transfer(opWrite, fd, b, flags) }

// ReadFixed prepares a read into b, which lies in the registered buffer of that
// number.
func (e *SQE) ReadFixed(fd int, b []byte, number int, flags uint32) {
	e.transfer(opReadFixed, fd, b, flags)
	e.Buf = uint16(number)
}

// WriteFixed prepares a write of b, which lies in the registered buffer of that
// number.
func (e *SQE) WriteFixed(fd int, b []byte, number int, flags uint32) {
	e.transfer(opWriteFixed, fd, b, flags)
	e.Buf = uint16(number)
}

func (e *SQE) transfer(opcode uint8, fd int, b []byte, flags uint32) {
	e.Opcode, e.FD, e.Off, e.OpFlags = opcode, int32(fd), position, flags
	e.Addr, e.Len = uint64(uintptr(unsafe.Pointer(unsafe.SliceData(b)))), uint32(len(b))
}

// ReadMultishot prepares any number of reads, each into a buffer of the group,
// until a completion comes without More. It needs Linux 6.7.
func (e *SQE) ReadMultishot(fd int, group uint16) {
	e.Opcode, e.FD, e.Off, e.Flags, e.Buf = opReadMultishot, int32(fd), position, bufferSelect, group
}

// CancelAll prepares the cancellation of all requests. Each completes with what
// it has done, or with ECANCELED. It needs Linux 5.19.
func (e *SQE) CancelAll() { e.Opcode, e.FD, e.OpFlags = opCancel, -1, cancelAll|cancelAny }

// Cancel prepares the cancellation of the request with that Data.
func (e *SQE) Cancel(data uint64) { e.Opcode, e.FD, e.Addr = opCancel, -1, data }

// CQE is struct io_uring_cqe: a completion.
type CQE struct {
	Data  uint64
	Res   int32 // bytes, or a negative errno
	Flags uint32
}

// Err is what a request failed with, or 0.
func (e *CQE) Err() unix.Errno {
	if e.Res >= 0 {
		return 0
	}
	return unix.Errno(-e.Res)
}

// More reports whether the request that this completion is of will have others.
func (e *CQE) More() bool { return e.Flags&more != 0 }

// Buffer is the number of the buffer of a group that was taken, if one was.
func (e *CQE) Buffer() (int, bool) { return int(e.Flags >> bufferShift), e.Flags&hasBuffer != 0 }

// Opcodes, and the kernel that they came in.
const (
	opReadFixed     = 4  // 5.1
	opWriteFixed    = 5  // 5.1
	opCancel        = 14 // 5.5
	opRead          = 22 // 5.6
	opWrite         = 23 // 5.6
	opReadMultishot = 49 // 6.7
)

// Flags of an SQE. The next request begins when one with Link has done all that it asked
// for, else it is cancelled: a read of a packet that is shorter than its buffer has not.
// With HardLink (5.5) it begins in any case.
const (
	FixedFile    = 1 << 0
	Link         = 1 << 2
	HardLink     = 1 << 3
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

// Features that io_uring_setup reports.
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
