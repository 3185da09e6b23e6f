package vhost

import (
	"unsafe"

	"tunbench/harness/call"

	"golang.org/x/sys/unix"
)

// Requests of include/uapi/linux/vhost.h.
const (
	getFeatures = 0x8008af00 // VHOST_GET_FEATURES
	setFeatures = 0x4008af00 // VHOST_SET_FEATURES
	setOwner    = 0xaf01     // VHOST_SET_OWNER
	setMemTable = 0x4008af03 // VHOST_SET_MEM_TABLE
	setNum      = 0x4008af10 // VHOST_SET_VRING_NUM
	setAddr     = 0x4028af11 // VHOST_SET_VRING_ADDR
	setBase     = 0x4008af12 // VHOST_SET_VRING_BASE
	setKick     = 0x4008af20 // VHOST_SET_VRING_KICK
	setCall     = 0x4008af21 // VHOST_SET_VRING_CALL
	setBackend  = 0x4008af30 // VHOST_NET_SET_BACKEND
)

// Features, as bit numbers. To vhost-net 27 is VHOST_NET_F_VIRTIO_NET_HDR of
// vhost_types.h, and not VIRTIO_F_ANY_LAYOUT, which has the same number.
const (
	featureHeader   = 27 // vhost adds and strips the header, the device has none
	featureEventIdx = 29 // VIRTIO_RING_F_EVENT_IDX
	featureVersion1 = 32 // VIRTIO_F_VERSION_1: the header is 12 bytes long
)

// Queues of a vhost-net device.
const (
	rxQueue = 0
	txQueue = 1
)

// vringState is struct vhost_vring_state.
type vringState struct{ index, num uint32 }

// vringFile is struct vhost_vring_file; a descriptor of -1 takes it away.
type vringFile struct {
	index uint32
	fd    int32
}

// vringAddr is struct vhost_vring_addr: addresses of this process.
type vringAddr struct {
	index, flags             uint32
	desc, used, avail, logTo uint64
}

// memoryTable is struct vhost_memory with room for the queues' two regions.
type memoryTable struct {
	regions, _ uint32
	region     [2]memoryRegion
}

// memoryRegion is struct vhost_memory_region.
type memoryRegion struct{ guest, size, user, _ uint64 }

// ioctl makes a call whose argument is a structure, or nil.
func ioctl(fd int, name string, request uintptr, arg unsafe.Pointer) error {
	if _, _, errno := unix.Syscall(unix.SYS_IOCTL, uintptr(fd), request, uintptr(arg)); errno != 0 {
		return &call.Error{Call: "ioctl " + name, Err: errno}
	}
	return nil
}
