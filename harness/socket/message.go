package socket

import (
	"unsafe"

	"golang.org/x/sys/unix"

	"tunbench/harness/call"
)

// Message is struct mmsghdr of include/linux/socket.h: a message of sendmmsg(2) or
// recvmmsg(2).
type Message struct {
	Header unix.Msghdr
	Len    uint32 // bytes sent or received
	_      [4]byte
}

// Drops is how many packets the kernel had for a socket and dropped since it was
// opened (sk_drops of include/net/sock.h).
func Drops(fd int) (uint64, error) {
	var counts [unix.SK_MEMINFO_DROPS + 1]uint32
	size := uint32(unsafe.Sizeof(counts))
	_, _, errno := unix.Syscall6(unix.SYS_GETSOCKOPT, uintptr(fd), unix.SOL_SOCKET, unix.SO_MEMINFO,
		uintptr(unsafe.Pointer(&counts[0])), uintptr(unsafe.Pointer(&size)), 0)
	if errno != 0 {
		return 0, &call.Error{Call: "getsockopt SO_MEMINFO", Err: errno}
	}
	return uint64(counts[unix.SK_MEMINFO_DROPS]), nil
}
