package tuntap

import (
	"runtime"
	"unsafe"

	"golang.org/x/sys/unix"
)

// The parts of union bpf_attr and struct bpf_insn that BPF_PROG_LOAD of a
// minimal program needs; the kernel takes a short attr. The tests compare the
// offsets with include/uapi/linux/bpf.h.
type (
	progLoadAttr struct {
		ProgType, InsnCnt uint32
		Insns, License    uint64 // addresses
		LogLevel, LogSize uint32
		LogBuf            uint64
		KernVersion       uint32
		ProgFlags         uint32
	}
	bpfInsn struct {
		Code uint8
		Regs uint8 // destination in the lower half of the byte on little-endian hosts
		Off  int16
		Imm  int32
	}
)

// loadConstant loads a socket filter program that returns v: "r0 = v; exit".
// The caller closes the descriptor, which the kernel makes O_CLOEXEC.
func loadConstant(v int32) (int, error) {
	prog := []bpfInsn{
		{Code: unix.BPF_ALU64 | unix.BPF_MOV | unix.BPF_K, Imm: v},
		{Code: unix.BPF_JMP | unix.BPF_EXIT},
	}
	license := []byte("GPL\x00")
	var pin runtime.Pinner
	defer pin.Unpin()
	pin.Pin(&prog[0])
	pin.Pin(&license[0])
	attr := progLoadAttr{
		ProgType: unix.BPF_PROG_TYPE_SOCKET_FILTER,
		InsnCnt:  uint32(len(prog)),
		Insns:    uint64(uintptr(unsafe.Pointer(&prog[0]))),
		License:  uint64(uintptr(unsafe.Pointer(&license[0]))),
	}
	// The verifier gives up with EAGAIN when a signal is pending, and Go's
	// scheduler sends some.
	for range 10 {
		fd, _, errno := unix.Syscall(unix.SYS_BPF, unix.BPF_PROG_LOAD, uintptr(unsafe.Pointer(&attr)), unsafe.Sizeof(attr))
		switch errno {
		case 0:
			return int(fd), nil
		case unix.EAGAIN, unix.EINTR:
		default:
			return -1, &OptionError{Call: "BPF_PROG_LOAD", Errno: errno, ours: true}
		}
	}
	return -1, &OptionError{Call: "BPF_PROG_LOAD", Errno: unix.EAGAIN, ours: true}
}
