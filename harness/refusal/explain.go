package refusal

import (
	"errors"
	"fmt"
	"os"
	"strings"

	"golang.org/x/sys/unix"
	"tunbench/harness/call"
	"tunbench/harness/netns"
	"tunbench/harness/vhost"
)

// MaxRing is how many packets the ring behind a queue can hold: the kernel takes
// its memory, 8 bytes a packet, in one piece of at most 4 MiB where pages have 4 KiB
// (KMALLOC_MAX_SIZE in __ptr_ring_init_queue_alloc of include/linux/ptr_ring.h).
const MaxRing = 4 << 20 / 8

// OfLink explains the errno of a refused setting of a link. The length of the ring:
// whatever kept the kernel from making the rings, tun_device_event of
// drivers/net/tun.c answers with NOTIFY_BAD, which becomes EPERM. The qdisc: ENOENT
// stands for one that the kernel does not know and has no module for, EINVAL for
// parameters that it does not take or that are missing, and EOPNOTSUPP for one that this
// device cannot have.
func OfLink(err error, l netns.Link) error {
	var call *netns.CallError
	if errors.As(err, &call) && call.Call == fmt.Sprintf("set root qdisc %s (RTM_NEWQDISC)", l.Qdisc) {
		kind, parameters, _ := strings.Cut(l.Qdisc, ":")
		switch {
		case call.Err == unix.ENOENT:
			return &Unsupported{fmt.Sprintf("qdisc=%s: this kernel has no such queueing discipline; choose another, or load its module if there is one (modprobe sch_%s): %v", l.Qdisc, kind, err)}
		case call.Err == unix.EINVAL && parameters != "":
			return &Unsupported{fmt.Sprintf("qdisc=%s: this kernel does not take these parameters of %s; set others: %v", l.Qdisc, kind, err)}
		case call.Err == unix.EINVAL:
			return &Unsupported{fmt.Sprintf("qdisc=%s: the kernel does not take %s without parameters, and tunbench sets none of it; choose another: %v", l.Qdisc, kind, err)}
		case call.Err == unix.EOPNOTSUPP && kind == "mq":
			return &Unsupported{fmt.Sprintf("qdisc=%s: a device with one queue cannot have it; choose another, or several queues: %v", l.Qdisc, err)}
		case call.Err == unix.EOPNOTSUPP:
			return &Unsupported{fmt.Sprintf("qdisc=%s: %s cannot be the root qdisc of this device; choose another: %v", l.Qdisc, kind, err)}
		}
	}
	if !errors.As(err, &call) || call.Err != unix.EPERM || call.Call != fmt.Sprintf("set txqueuelen %d", l.TxQLen) || !allPrivileges() {
		return err
	}
	if l.TxQLen > MaxRing && os.Getpagesize() == 4096 {
		return &Unsupported{fmt.Sprintf("txqlen=%d: the kernel makes no ring of more than %d packets; choose at most that: %v", l.TxQLen, MaxRing, err)}
	}
	return &Missing{fmt.Sprintf("txqlen=%d: the kernel could not make the rings, 8 bytes a packet of each queue; choose a smaller one or fewer queues: %v", l.TxQLen, err)}
}

// ofSegments explains the errno of a sender of GSO packets; "" for any other error. Before
// Linux 6.11 (commit 10154dbded6d), udp_send_skb of net/ipv4/udp.c answers with EIO where the
// device has no checksum offload.
func ofSegments(err error) string {
	var c *call.Error
	if !errors.As(err, &c) || c.Call != "sendmmsg" || !errors.Is(c, unix.EIO) {
		return ""
	}
	return fmt.Sprintf("this kernel sends no GSO packets of UDP into a device without checksum offload; choose vnet=10 offload=csum, or boot Linux 6.11 or newer: %v (EIO)", c)
}

// noVhost says why there is no vhost-net, and what to do.
func noVhost(err error, errno unix.Errno) error {
	err = fmt.Errorf("%w (%s)", err, unix.ErrnoName(errno))
	switch kernelConfig()["CONFIG_VHOST_NET"] {
	case "n":
		return &Unsupported{fmt.Sprintf("this kernel was built without vhost-net (CONFIG_VHOST_NET is not set); boot one that has it: %v", err)}
	case "y":
		return &Missing{fmt.Sprintf("vhost-net is built into this kernel, but its device is not here; in a container add --device %s: %v", vhost.Path, err)}
	}
	return &Unsupported{fmt.Sprintf("this kernel has no vhost-net, or its module is not loaded (modprobe vhost_net): %v", err)}
}

// OfVhost explains an error of vhost-net: a kernel without vhost-net is unsupported, and
// any other error is a failure.
func OfVhost(err error) error {
	for _, errno := range []unix.Errno{unix.ENOENT, unix.ENODEV, unix.ENXIO} {
		if errors.Is(err, errno) && strings.Contains(err.Error(), vhost.Path) {
			return noVhost(err, errno)
		}
	}
	if errors.Is(err, unix.ENOTTY) || errors.Is(err, unix.EISDIR) {
		return &Missing{fmt.Sprintf("%s is not the vhost-net device: remove it and load the module, or in a container add --device %s: %v", vhost.Path, vhost.Path, err)}
	}
	return fmt.Errorf("drive a queue by vhost-net: %w", err)
}
