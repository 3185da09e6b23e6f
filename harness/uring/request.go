package uring

import (
	"unsafe"

	"golang.org/x/sys/unix"
)

// NoWait lets a read or write that would have to wait complete with EAGAIN
// (RWF_NOWAIT; see TakesNoWait). Without it the kernel waits for the
// descriptor to be ready, also if that is O_NONBLOCK.
const NoWait = unix.RWF_NOWAIT

// position is that of descriptors without one.
const position = ^uint64(0)

// Read asks to read into b. Flags are NoWait or 0.
func (e *SQE) Read(fd int, b []byte, flags uint32) { e.transfer(opRead, fd, b, flags) }

// Write asks to write b.
func (e *SQE) Write(fd int, b []byte, flags uint32) { e.transfer(opWrite, fd, b, flags) }

// ReadFixed asks to read into b, which lies in the registered buffer of that
// number.
func (e *SQE) ReadFixed(fd int, b []byte, number int, flags uint32) {
	e.transfer(opReadFixed, fd, b, flags)
	e.Buf = uint16(number)
}

// WriteFixed asks to write b, which lies in the registered buffer of that
// number.
func (e *SQE) WriteFixed(fd int, b []byte, number int, flags uint32) {
	e.transfer(opWriteFixed, fd, b, flags)
	e.Buf = uint16(number)
}

func (e *SQE) transfer(opcode uint8, fd int, b []byte, flags uint32) {
	e.Opcode, e.FD, e.Off, e.OpFlags = opcode, int32(fd), position, flags
	e.Addr, e.Len = uint64(uintptr(unsafe.Pointer(unsafe.SliceData(b)))), uint32(len(b))
}

// ReadMultishot asks to read again and again, each time into a buffer of the
// group, until a completion comes without More. It needs Linux 6.7.
func (e *SQE) ReadMultishot(fd int, group uint16) {
	e.Opcode, e.FD, e.Off, e.Flags, e.Buf = opReadMultishot, int32(fd), position, bufferSelect, group
}

// CancelAll asks to cancel whatever is under way. Each such request completes
// with what it has done, or with ECANCELED. It needs Linux 5.19.
func (e *SQE) CancelAll() { e.Opcode, e.FD, e.OpFlags = opCancel, -1, cancelAll|cancelAny }

// Cancel asks to cancel the request with that Data.
func (e *SQE) Cancel(data uint64) { e.Opcode, e.FD, e.Addr = opCancel, -1, data }

// Err is what a request failed with, or 0.
func (e *CQE) Err() unix.Errno {
	if e.Res >= 0 {
		return 0
	}
	return unix.Errno(-e.Res)
}

// More tells whether the request that this completion is of will have others.
func (e *CQE) More() bool { return e.Flags&more != 0 }

// Buffer is the number of the buffer of a group that was taken, if one was.
func (e *CQE) Buffer() (int, bool) { return int(e.Flags >> bufferShift), e.Flags&hasBuffer != 0 }
