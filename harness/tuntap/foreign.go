package tuntap

import (
	"fmt"

	"golang.org/x/sys/unix"
)

// Foreign is what a descriptor of someone else's queue tells of its device.
type Foreign struct {
	VnetHdrSize int // bytes, 0: none
	SndBuf      int // of the queue, bytes
}

// Look asks fd, a descriptor of a queue or a copy of one (pidfd_getfd(2)), which is left
// as it was.
func Look(fd int) (f Foreign, err error) {
	name, flags, err := getIff(fd)
	if err != nil {
		return f, fmt.Errorf("TUNGETIFF: %w", err)
	}
	if flags&unix.IFF_VNET_HDR != 0 {
		if f.VnetHdrSize, err = ioctlGetInt(fd, unix.TUNGETVNETHDRSZ); err != nil {
			return f, fmt.Errorf("TUNGETVNETHDRSZ of %s: %w", name, err)
		}
	}
	if f.SndBuf, err = ioctlGetInt(fd, unix.TUNGETSNDBUF); err != nil {
		return f, fmt.Errorf("TUNGETSNDBUF of %s: %w", name, err)
	}
	return f, nil
}

// NetnsOf opens the network namespace of the device behind fd (Linux 5.2). The caller
// closes the descriptor, which is O_CLOEXEC.
func NetnsOf(fd int) (int, error) {
	ns, err := unix.IoctlRetInt(fd, unix.TUNGETDEVNETNS)
	if err != nil {
		return -1, fmt.Errorf("TUNGETDEVNETNS: %w", err)
	}
	return ns, nil
}
