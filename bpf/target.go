package bpf

import (
	"fmt"
	"net"
	"os"

	"golang.org/x/sys/unix"
)

// Here is the device of that name in the network namespace of the calling thread, which has
// at most so many queues.
func Here(name string, queues int) (Target, error) {
	dev, err := net.InterfaceByName(name)
	if err != nil {
		return Target{}, fmt.Errorf("look for %s: %w", name, err)
	}
	const self = "/proc/thread-self/ns/net"
	var st unix.Stat_t
	if err := unix.Stat(self, &st); err != nil {
		return Target{}, &os.PathError{Op: "stat", Path: self, Err: err}
	}
	return Target{Ifindex: uint32(dev.Index), Netns: uint32(st.Ino), Queues: queues}, nil
}
