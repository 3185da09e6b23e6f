package tuntap

import (
	"errors"
	"fmt"
	"math"
	"strconv"

	"golang.org/x/sys/unix"
)

// options are what can be set and read back once the device exists.
type options struct {
	filters
	sndbuf int // as set by us; 0: never
}

// Flags returns the IFF_ flags of the device, read with TUNGETIFF. IFF_NO_PI is
// as Create verified it, because TUNGETIFF shows IFF_NOFILTER in that bit.
func (o *options) Flags() (uint32, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	var flags uint32
	err := o.call("TUNGETIFF", "", func(fd int) (err error) {
		_, flags, err = getIff(fd)
		return err
	})
	if err != nil {
		return 0, err
	}
	const ofQueue = unix.IFF_NO_PI | unix.IFF_DETACH_QUEUE
	return flags&^ofQueue | o.flags&unix.IFF_NO_PI, nil
}

// FlagNames returns the names of Flags.
func (o *options) FlagNames() ([]string, error) {
	flags, err := o.Flags()
	if err != nil {
		return nil, err
	}
	return FlagNames(flags), nil
}

// Features returns the IFF_ flags that the kernel says it knows.
func (o *options) Features() (uint32, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if len(o.queues) == 0 {
		return 0, o.closedError("get features of")
	}
	return getFeatures(o.queues[0].fd)
}

// VnetHdrSize returns the size of the virtio-net header in bytes, 0 if the
// device has none.
func (o *options) VnetHdrSize() (int, error) {
	if o.flags&unix.IFF_VNET_HDR == 0 {
		return 0, nil
	}
	return o.get("TUNGETVNETHDRSZ", unix.TUNGETVNETHDRSZ)
}

// setVnetHdr sets size and byte order on every queue. Today the kernel keeps
// both for the device; macvtap, which has the same UAPI, keeps them for each
// queue.
func (o *options) setVnetHdr(size int) error {
	arg := strconv.Itoa(size)
	for _, q := range o.queues {
		if err := unix.IoctlSetPointerInt(q.fd, unix.TUNSETVNETHDRSZ, size); err != nil {
			return optionError(o.name, "TUNSETVNETHDRSZ", arg, err)
		}
		got, err := ioctlGetInt(q.fd, unix.TUNGETVNETHDRSZ)
		if err != nil {
			return optionError(o.name, "TUNGETVNETHDRSZ", "", err)
		}
		if got != size {
			return &OptionError{Device: o.name, Call: "TUNSETVNETHDRSZ", Arg: arg, Got: strconv.Itoa(got)}
		}
		if err := unix.IoctlSetPointerInt(q.fd, unix.TUNSETVNETLE, 1); err != nil {
			return optionError(o.name, "TUNSETVNETLE", "on", err)
		}
		le, err := ioctlGetInt(q.fd, unix.TUNGETVNETLE)
		if err != nil {
			return optionError(o.name, "TUNGETVNETLE", "", err)
		}
		if le != 1 {
			return &OptionError{Device: o.name, Call: "TUNSETVNETLE", Arg: "on", Got: "off"}
		}
	}
	return nil
}

// SetVnetLE makes the fields of the virtio-net header little-endian, or
// restores the host's order.
func (o *options) SetVnetLE(on bool) error {
	return o.setBool("TUNSETVNETLE", unix.TUNSETVNETLE, unix.TUNGETVNETLE, on)
}

// SetVnetBE makes the fields of a legacy virtio-net header big-endian. Kernels
// without CONFIG_TUN_VNET_CROSS_LE refuse it.
func (o *options) SetVnetBE(on bool) error {
	return o.setBool("TUNSETVNETBE", unix.TUNSETVNETBE, unix.TUNGETVNETBE, on)
}

// SetOffload announces what the reader can handle: a mask of Off bits. An
// unknown bit is refused with EINVAL. The ethtool features show the effect.
func (o *options) SetOffload(mask uint) error {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.setOffload(mask)
}

func (o *options) setOffload(mask uint) error {
	return o.call("TUNSETOFFLOAD", offloadText(mask), func(fd int) error {
		return unix.IoctlSetInt(fd, unix.TUNSETOFFLOAD, int(mask))
	})
}

// SndBuf returns the send buffer of the first queue in bytes.
func (o *options) SndBuf() (int, error) { return o.get("TUNGETSNDBUF", unix.TUNGETSNDBUF) }

// DefaultSndBuf is the send buffer of a queue on which none was set: no bound
// at all (tun_chr_open of drivers/net/tun.c).
const DefaultSndBuf = math.MaxInt32

// SetSndBuf bounds the bytes, above 0, that are written to a queue and not yet
// received, on every attached queue and on those attached later.
func (o *options) SetSndBuf(bytes int) error {
	o.mu.Lock()
	defer o.mu.Unlock()
	if bytes > math.MaxInt32 {
		return fmt.Errorf("set send buffer of %s to %d: at most %d bytes", o.name, bytes, math.MaxInt32)
	}
	return o.setSndBuf(bytes)
}

func (o *options) setSndBuf(bytes int) error {
	arg := strconv.Itoa(bytes)
	err := o.call("TUNSETSNDBUF", arg, func(fd int) error {
		return unix.IoctlSetPointerInt(fd, unix.TUNSETSNDBUF, bytes)
	})
	if err != nil {
		var e *OptionError
		if errors.As(err, &e) && bytes <= 0 {
			e.ours = true
			e.Hint = "choose at least 1 byte"
		}
		return err
	}
	for _, q := range o.attached {
		got, err := ioctlGetInt(q.fd, unix.TUNGETSNDBUF)
		if err != nil {
			return optionError(o.name, "TUNGETSNDBUF", "", err)
		}
		if got != bytes {
			return &OptionError{Device: o.name, Call: "TUNSETSNDBUF", Arg: arg, Got: strconv.Itoa(got)}
		}
	}
	o.sndbuf = bytes
	return nil
}

// SetPersist decides whether the device outlives its descriptors.
func (o *options) SetPersist(on bool) error {
	v := 0
	if on {
		v = 1
	}
	return o.set("TUNSETPERSIST", unix.TUNSETPERSIST, onOff(on), v)
}

// SetOwner lets the user open queues of the device without CAP_NET_ADMIN.
func (o *options) SetOwner(uid uint32) error {
	return o.set("TUNSETOWNER", unix.TUNSETOWNER, strconv.FormatUint(uint64(uid), 10), int(uid))
}

// SetGroup lets the group open queues of the device without CAP_NET_ADMIN.
func (o *options) SetGroup(gid uint32) error {
	return o.set("TUNSETGROUP", unix.TUNSETGROUP, strconv.FormatUint(uint64(gid), 10), int(gid))
}

// SetLinkType changes the hardware type, one of unix.ARPHRD_; the device must
// be down.
func (o *options) SetLinkType(arphrd uint16) error {
	return o.set("TUNSETLINK", unix.TUNSETLINK, strconv.Itoa(int(arphrd)), int(arphrd))
}

// SetDebug sets the driver's message level, a mask of the kernel's NETIF_MSG_
// bits.
func (o *options) SetDebug(mask uint32) error {
	return o.set("TUNSETDEBUG", unix.TUNSETDEBUG, fmt.Sprintf("%#x", mask), int(mask))
}

// SetCarrier turns the carrier on or off (Linux 5.0). Without an attached queue
// it cannot be turned on.
func (o *options) SetCarrier(on bool) error {
	o.mu.Lock()
	defer o.mu.Unlock()
	err := o.setBoolLocked("TUNSETCARRIER", unix.TUNSETCARRIER, 0, on)
	var e *OptionError
	if errors.As(err, &e) && e.Errno == unix.EPERM && len(o.attached) == 0 {
		e.Hint = "all of its queues are detached"
	}
	return err
}

// NetnsFD opens the network namespace that the device is in now (Linux 5.2).
// The caller closes the descriptor, which is O_CLOEXEC.
func (o *options) NetnsFD() (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	ns := -1
	err := o.call("TUNGETDEVNETNS", "", func(fd int) (err error) {
		ns, err = unix.IoctlRetInt(fd, unix.TUNGETDEVNETNS)
		return err
	})
	if err != nil {
		return -1, err
	}
	return ns, nil
}
