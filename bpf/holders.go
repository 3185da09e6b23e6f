package bpf

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"

	"github.com/cilium/ebpf"
	"github.com/cilium/ebpf/link"
	"golang.org/x/sys/unix"
)

// Holder is a descriptor that holds a queue of a TUN/TAP device.
type Holder struct {
	PID, FD int
	Ifindex int    // of the device, in its namespace
	Netns   uint32 // inode of that namespace
	Queue   int    // -1 if the queue is detached (IFF_DETACH_QUEUE)
	Name    string // of the device
}

// Holders lists the descriptors of all processes that hold a queue. It needs Linux
// 5.8 with type information, and CAP_BPF with CAP_PERFMON, or root.
func Holders() (list []Holder, err error) {
	spec, err := loadHolders()
	if err != nil {
		return nil, err
	}
	coll, err := ebpf.NewCollectionWithOptions(spec, ebpf.CollectionOptions{Cache: kernelTypes})
	switch {
	case err != nil && noBTF():
		return nil, fmt.Errorf("this kernel has no type information, %s is missing (CONFIG_DEBUG_INFO_BTF)", btfPath)
	case err != nil && !hasBPF():
		return nil, errors.New("loading BPF programs needs CAP_BPF and CAP_PERFMON, or root")
	case err != nil:
		return nil, fmt.Errorf("load the program that lists who holds a queue: %w", err)
	}
	defer coll.Close()
	iter, err := link.AttachIter(link.IterOptions{Program: coll.Programs[holdersProgTunHolders]})
	if err != nil {
		return nil, fmt.Errorf("attach the program that lists who holds a queue: %w", err)
	}
	defer func() { err = errors.Join(err, iter.Close()) }()
	r, err := iter.Open()
	if err != nil {
		return nil, fmt.Errorf("list who holds a queue: %w", err)
	}
	defer func() { err = errors.Join(err, r.Close()) }()
	for {
		var h holdersHolder
		switch err := binary.Read(r, binary.LittleEndian, &h); {
		case errors.Is(err, io.EOF):
			return list, nil
		case err != nil:
			return nil, fmt.Errorf("list who holds a queue: %w", err)
		}
		queue := int(h.Queue)
		if h.Detached != 0 {
			queue = -1
		}
		list = append(list, Holder{
			PID: int(h.Pid), FD: int(h.Fd), Ifindex: int(h.Ifindex), Netns: h.Netns,
			Queue: queue, Name: unix.ByteSliceToString(charsOf(h.Name)),
		})
	}
}

func charsOf(c [16]int8) []byte {
	b := make([]byte, len(c))
	for i := range c {
		b[i] = byte(c[i])
	}
	return b
}
