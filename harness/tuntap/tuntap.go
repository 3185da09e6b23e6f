// Package tuntap makes TUN and TAP devices and speaks the whole UAPI of
// include/uapi/linux/if_tun.h, but for TUNSETNOCSUM, which the kernel accepts
// and ignores.
//
// Whatever can be read back is read back: an option that the kernel takes and
// then ignores is an OptionError, like one that it refuses.
package tuntap

import (
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"net"
	"os"
	"slices"
	"strconv"
	"strings"
	"sync"
	"unsafe"

	"golang.org/x/sys/unix"
)

// Config says what to create. Its zero value, with Queues set to 1, is a TUN
// device with one queue and bare IP packets.
type Config struct {
	// Name is that of the device, up to 15 bytes; it may hold one "%d". Empty:
	// "tun%d" or "tap%d". If a device of that name exists, a queue is added to
	// it, as far as the kernel lets that happen; see Exclusive.
	Name string
	TAP  bool // frames instead of IP packets
	// Queues is the number of descriptors, at least 1; the kernel takes up to
	// 256. Above 1 the device is IFF_MULTI_QUEUE (Linux 3.8).
	Queues int
	// PI puts 4 bytes of packet information before each packet.
	PI bool
	// VnetHdr is the size of the virtio-net header before each packet in bytes:
	// 0 (none), 10, 12, 20 or 24. Its fields are little-endian on every host.
	VnetHdr int
	// Offload is a mask of Off bits, announced whenever VnetHdr is not 0, also
	// when it is 0. The effect shows in the device's ethtool features.
	Offload uint
	// NAPI receives what is written through NAPI (Linux 4.15). NAPIFrags lets
	// it build fragmented skbs; it is for TAP, needs CAP_NET_ADMIN in the
	// initial user namespace and implies NAPI.
	NAPI, NAPIFrags bool
	// SndBuf bounds in bytes what is written and not yet received. 0 leaves the
	// kernel's default, INT_MAX.
	SndBuf int
	// Exclusive refuses a name that exists (IFF_TUN_EXCL).
	Exclusive bool
	// NoCarrier brings the device up without carrier (Linux 6.1).
	NoCarrier bool
	// Backpressure stops the transmit queue when its ring is full instead of
	// dropping; needs a qdisc (after Linux 6.18).
	Backpressure bool
	// SteeringFD and FilterFD are loaded eBPF socket filter programs, 0 for
	// none; the caller may close them after Create (Linux 4.16). Steering returns the
	// queue, the filter how many bytes of the packet to keep.
	SteeringFD, FilterFD int
	// Ifindex is the interface index to be given; 0 lets the kernel choose
	// (Linux 3.12).
	Ifindex int
	// NonBlock opens the descriptors with O_NONBLOCK.
	NonBlock bool
}

func (c Config) validate() error {
	switch {
	case len(c.Name) >= unix.IFNAMSIZ:
		return fmt.Errorf("device name %q is longer than %d bytes", c.Name, unix.IFNAMSIZ-1)
	case c.Name == "." || c.Name == ".." || strings.ContainsAny(c.Name, "/: \t\n\v\f\r\x00"):
		return fmt.Errorf("device name %q: the kernel takes no slash, colon, space, \".\" or \"..\"", c.Name)
	case c.Queues < 1:
		return fmt.Errorf("%d queues: a device needs at least one", c.Queues)
	case !slices.Contains([]int{0, 10, 12, 20, 24}, c.VnetHdr):
		return fmt.Errorf("vnet header of %d bytes: choose 0 (none), 10, 12, 20 or 24", c.VnetHdr)
	case c.Offload != 0 && c.VnetHdr == 0:
		return fmt.Errorf("offloads %s need a vnet header", offloadText(c.Offload))
	case c.NAPIFrags && !c.TAP:
		return errors.New("napi frags are for tap devices")
	case c.SndBuf < 0 || c.SndBuf > math.MaxInt32:
		return fmt.Errorf("send buffer of %d bytes: choose 1 to %d, or 0 for the kernel's default", c.SndBuf, math.MaxInt32)
	case c.Ifindex < 0 || c.Ifindex > math.MaxInt32:
		return fmt.Errorf("interface index %d: choose 1 to %d, or 0 to let the kernel choose", c.Ifindex, math.MaxInt32)
	case c.SteeringFD < 0 || c.FilterFD < 0:
		return errors.New("program descriptors are positive, or 0 for none")
	}
	return nil
}

// flags gives the argument of TUNSETIFF for every queue, without IFF_TUN_EXCL,
// which only the first may carry.
func (c Config) flags() uint32 {
	flags := uint32(unix.IFF_TUN)
	if c.TAP {
		flags = unix.IFF_TAP
	}
	for _, f := range []struct {
		on  bool
		bit uint32
	}{
		{!c.PI, unix.IFF_NO_PI},
		{c.Queues > 1, unix.IFF_MULTI_QUEUE},
		{c.VnetHdr > 0, unix.IFF_VNET_HDR},
		{c.NAPI || c.NAPIFrags, unix.IFF_NAPI},
		{c.NAPIFrags, unix.IFF_NAPI_FRAGS},
		{c.NoCarrier, unix.IFF_NO_CARRIER},
		{c.Backpressure, iffBackpressure},
	} {
		if f.on {
			flags |= f.bit
		}
	}
	return flags
}

// Device is a TUN or TAP device held by the descriptors of its queues. The
// kernel removes it when the last of them is closed, unless it is persistent.
// Its methods may be called from any goroutine, but those that say so need a
// thread in the device's network namespace.
type Device struct {
	name    string
	ifindex int
	tap     bool
	flags   uint32 // of TUNSETIFF, as asked for
	noBlock bool
	ns      namespace // of the thread that created it

	mu sync.Mutex // guards what follows, and keeps descriptors open during a call
	// queues holds the open ones in the order of creation. attached holds those
	// that are not detached by their number in the kernel.
	queues   []*Queue
	attached []*Queue
	sndbuf   int // as set by us; 0: never
	// classic is what TUNATTACHFILTER was given. The kernel keeps its address and
	// reads it again when a queue attaches, so it lives as long as that may be;
	// Go's heap does not move.
	classic []unix.SockFilter
}

// Create makes the device in the network namespace of the calling thread,
// which must be locked unless that is the namespace of the process. On error
// everything is closed again; an *OptionError in the chain says which option
// was the obstacle.
func Create(c Config) (_ *Device, err error) {
	if err := c.validate(); err != nil {
		return nil, fmt.Errorf("create tun/tap device: %w", err)
	}
	d := &Device{name: c.Name, tap: c.TAP, flags: c.flags(), noBlock: c.NonBlock}
	defer func() {
		if err != nil {
			_ = d.Close()
		}
	}()
	// Without /proc the namespace stays unknown, and AddQueue says so.
	d.ns, _ = threadNamespace()

	d.mu.Lock()
	defer d.mu.Unlock()
	for i := range c.Queues {
		flags, ifindex := d.flags, 0
		if i == 0 {
			ifindex = c.Ifindex
			if c.Exclusive {
				flags |= unix.IFF_TUN_EXCL
			}
		}
		if err := d.openQueue(flags, ifindex); err != nil {
			return nil, err
		}
	}
	if err := d.verifyLink(c); err != nil {
		return nil, err
	}
	if c.VnetHdr > 0 {
		if err := d.setVnetHdr(c.VnetHdr); err != nil {
			return nil, err
		}
		if err := d.setOffload(c.Offload); err != nil {
			return nil, err
		}
	}
	if c.SndBuf > 0 {
		if err := d.setSndBuf(c.SndBuf); err != nil {
			return nil, err
		}
	}
	if c.SteeringFD > 0 {
		if err := d.setProgram("TUNSETSTEERINGEBPF", unix.TUNSETSTEERINGEBPF, c.SteeringFD); err != nil {
			return nil, err
		}
	}
	if c.FilterFD > 0 {
		if err := d.setProgram("TUNSETFILTEREBPF", unix.TUNSETFILTEREBPF, c.FilterFD); err != nil {
			return nil, err
		}
	}
	return d, nil
}

// openQueue opens a descriptor, attaches it to the device and reads back what
// came of it. The first one creates the device and learns its name.
func (d *Device) openQueue(flags uint32, ifindex int) (err error) {
	fd, err := open(devicePath, d.noBlock)
	if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			_ = unix.Close(fd)
		}
	}()
	if ifindex != 0 {
		if err := unix.IoctlSetPointerInt(fd, unix.TUNSETIFINDEX, ifindex); err != nil {
			return optionError(d.name, "TUNSETIFINDEX", strconv.Itoa(ifindex), err)
		}
	}
	ifr, err := unix.NewIfreq(d.name)
	if err != nil {
		return fmt.Errorf("device name %q: %w", d.name, err)
	}
	ifr.SetUint16(uint16(flags))
	if err := unix.IoctlIfreq(fd, unix.TUNSETIFF, ifr); err != nil {
		return d.explainIff(optionError(d.name, "TUNSETIFF", flagText(flags), err))
	}
	name, got, err := getIff(fd)
	if err != nil {
		return optionError(ifr.Name(), "TUNGETIFF", "", err)
	}
	if len(d.queues) > 0 && name != d.name {
		return fmt.Errorf("add a queue to %s: the kernel made %s instead", d.name, name)
	}
	if got&createFlags != flags&createFlags {
		e := &OptionError{Device: name, Call: "TUNSETIFF", Arg: flagText(flags & createFlags), Got: flagText(got & createFlags)}
		if got&createFlags&^flags != 0 {
			e.ours = true
			e.Hint = "it existed with other flags"
		}
		return e
	}
	d.name = name
	q := newQueue(d, fd)
	d.queues = append(d.queues, q)
	d.attached = append(d.attached, q)
	return nil
}

// explainIff adds to a refused TUNSETIFF what the errno leaves open.
func (d *Device) explainIff(err error) error {
	var e *OptionError
	if !errors.As(err, &e) {
		return err
	}
	if len(d.queues) > 0 {
		e.verb = "add a queue to"
		switch {
		case e.Errno == unix.E2BIG:
			e.Hint = fmt.Sprintf("it has %d queues already and the kernel takes no more", len(d.queues))
		case e.Errno == unix.EBUSY && d.flags&unix.IFF_MULTI_QUEUE == 0:
			e.Hint = "it was created with a single queue"
		}
		return e
	}
	switch {
	case d.name == "":
	case e.Errno == unix.EBUSY:
		e.Hint = "a device of that name exists and is in use, or was to be new"
	case e.Errno == unix.EINVAL:
		_, err := Lookup(d.name)
		switch {
		case err == nil:
			e.ours = true
			e.Hint = "a tun/tap device of that name exists, of another kind or queue mode"
		case errors.Is(err, errNotTUN):
			e.ours = true
			e.Hint = "an interface of that name exists and is not a tun/tap device"
		}
	}
	return e
}

// verifyLink reads back by rtnetlink what TUNGETIFF cannot tell.
func (d *Device) verifyLink(c Config) error {
	link, err := Lookup(d.name)
	if err != nil {
		return fmt.Errorf("read back %s: %w", d.name, err)
	}
	d.ifindex = link.Ifindex
	switch {
	case c.Ifindex != 0 && link.Ifindex != c.Ifindex:
		return &OptionError{Device: d.name, Call: "TUNSETIFINDEX", Arg: strconv.Itoa(c.Ifindex), Got: strconv.Itoa(link.Ifindex)}
	case c.NoCarrier && link.Carrier:
		return &OptionError{Device: d.name, Call: "TUNSETIFF", Arg: "IFF_NO_CARRIER", Got: "with carrier"}
	case link.Detailed && link.Flags&unix.IFF_NO_PI != d.flags&unix.IFF_NO_PI:
		return &OptionError{Device: d.name, Call: "TUNSETIFF", Arg: flagText(d.flags), Got: flagText(link.Flags)}
	}
	return nil
}

// namespace identifies a network namespace by the file that stands for it.
type namespace struct{ dev, ino uint64 }

func threadNamespace() (namespace, error) {
	var st unix.Stat_t
	if err := unix.Stat("/proc/thread-self/ns/net", &st); err != nil {
		return namespace{}, fmt.Errorf("find the network namespace of the thread: %w", err)
	}
	return namespace{uint64(st.Dev), st.Ino}, nil
}

// AddQueue opens one more queue of a multi-queue device. The calling thread
// must be in the namespace in which the device was created: elsewhere the
// kernel would make another device of that name.
func (d *Device) AddQueue() (*Queue, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if len(d.queues) == 0 {
		return nil, d.closedError("add a queue to")
	}
	ns, err := threadNamespace()
	if err != nil {
		return nil, fmt.Errorf("add a queue to %s: %w", d.name, err)
	}
	if ns != d.ns {
		return nil, fmt.Errorf("add a queue to %s: the calling thread is not in the device's network namespace", d.name)
	}
	flags := d.flags
	if d.classic != nil {
		// With a filter in place tun_attach returns success without attaching the
		// queue, unless told to skip the filter; so skip it and attach it again.
		// On a device that has queues the flag changes nothing else, although it
		// is the bit of IFF_NO_PI.
		flags |= unix.IFF_NOFILTER
	}
	if err := d.openQueue(flags, 0); err != nil {
		return nil, err
	}
	q := d.queues[len(d.queues)-1]
	if err := d.settle(); err != nil {
		_ = d.closeQueue(q)
		return nil, err
	}
	return q, nil
}

// settle gives a queue that was just attached what the kernel keeps by queue.
func (d *Device) settle() error {
	if d.sndbuf > 0 {
		if err := d.setSndBuf(d.sndbuf); err != nil {
			return err
		}
	}
	if d.classic != nil {
		return d.attachClassic()
	}
	return nil
}

// Name is the name that the device had when it was created.
func (d *Device) Name() string { return d.name }

// Ifindex is the interface index in the namespace of creation.
func (d *Device) Ifindex() int { return d.ifindex }

// TAP reports whether the device carries frames.
func (d *Device) TAP() bool { return d.tap }

// Queues gives the open queues in the order of their creation.
func (d *Device) Queues() []*Queue {
	d.mu.Lock()
	defer d.mu.Unlock()
	return slices.Clone(d.queues)
}

// Close closes all queues, after waking their Reads. The kernel then removes
// the device unless it is persistent. Further calls do nothing. Whoever uses a
// raw descriptor must have stopped before.
func (d *Device) Close() error {
	d.mu.Lock()
	defer d.mu.Unlock()
	var errs []error
	for len(d.queues) > 0 {
		// From the end, so that no queue changes its number.
		errs = append(errs, d.closeQueue(d.queues[len(d.queues)-1]))
	}
	d.classic = nil
	return errors.Join(errs...)
}

// closeQueue is under d.mu.
func (d *Device) closeQueue(q *Queue) error {
	i := slices.Index(d.queues, q)
	if i < 0 {
		return nil
	}
	d.queues = slices.Delete(d.queues, i, i+1)
	d.unnumber(q)
	return q.shut()
}

// unnumber takes q out of attached as the kernel does: the last queue takes
// the number that becomes free (drivers/net/tun.c, __tun_detach).
func (d *Device) unnumber(q *Queue) {
	i := slices.Index(d.attached, q)
	if i < 0 {
		return
	}
	last := len(d.attached) - 1
	d.attached[i] = d.attached[last]
	d.attached = d.attached[:last]
}

func (d *Device) closedError(verb string) error {
	return fmt.Errorf("%s %s: %w", verb, d.name, os.ErrClosed)
}

// control runs a call on a descriptor of the device.
func (d *Device) control(call, arg string, f func(fd int) error) error {
	if len(d.queues) == 0 {
		return d.closedError(verbs[call][0])
	}
	return optionError(d.name, call, arg, f(d.queues[0].fd))
}

// set is a control whose argument is passed by value.
func (d *Device) set(call string, req uint, arg string, value int) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.control(call, arg, func(fd int) error { return unix.IoctlSetInt(fd, req, value) })
}

// get is a control that fills in a C int.
func (d *Device) get(call string, req uint) (v int, err error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	err = d.control(call, "", func(fd int) (err error) {
		v, err = ioctlGetInt(fd, req)
		return err
	})
	return v, err
}

// setBool is a control that is given a C int and reads it back, if there is a
// call to read it.
func (d *Device) setBool(call string, req uint, getReq uint, on bool) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.setBoolLocked(call, req, getReq, on)
}

func (d *Device) setBoolLocked(call string, req uint, getReq uint, on bool) error {
	v := 0
	if on {
		v = 1
	}
	got := v
	err := d.control(call, onOff(on), func(fd int) (err error) {
		if err = unix.IoctlSetPointerInt(fd, req, v); err == nil && getReq != 0 {
			got, err = ioctlGetInt(fd, getReq)
		}
		return err
	})
	if err == nil && got != v {
		err = &OptionError{Device: d.name, Call: call, Arg: onOff(on), Got: onOff(!on)}
	}
	return err
}

func onOff(on bool) string {
	if on {
		return "on"
	}
	return "off"
}

// Flags gives the IFF_ flags of the device, read with TUNGETIFF. IFF_NO_PI is
// the one that Create verified, because TUNGETIFF shows IFF_NOFILTER in its
// place.
func (d *Device) Flags() (uint32, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	var flags uint32
	err := d.control("TUNGETIFF", "", func(fd int) (err error) {
		_, flags, err = getIff(fd)
		return err
	})
	if err != nil {
		return 0, err
	}
	const ofQueue = unix.IFF_NO_PI | unix.IFF_DETACH_QUEUE
	return flags&^ofQueue | d.flags&unix.IFF_NO_PI, nil
}

// FlagNames gives the names of Flags.
func (d *Device) FlagNames() ([]string, error) {
	flags, err := d.Flags()
	if err != nil {
		return nil, err
	}
	return FlagNames(flags), nil
}

// Features gives the IFF_ flags that the kernel says it knows.
func (d *Device) Features() (uint32, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if len(d.queues) == 0 {
		return 0, d.closedError("get features of")
	}
	return getFeatures(d.queues[0].fd)
}

// VnetHdrSize gives the size of the virtio-net header in bytes, 0 if the device
// has none.
func (d *Device) VnetHdrSize() (int, error) {
	if d.flags&unix.IFF_VNET_HDR == 0 {
		return 0, nil
	}
	return d.get("TUNGETVNETHDRSZ", unix.TUNGETVNETHDRSZ)
}

// setVnetHdr sets size and byte order on every queue. The kernel keeps both by
// device today; macvtap, which speaks the same UAPI, keeps them by queue.
func (d *Device) setVnetHdr(size int) error {
	arg := strconv.Itoa(size)
	for _, q := range d.queues {
		if err := unix.IoctlSetPointerInt(q.fd, unix.TUNSETVNETHDRSZ, size); err != nil {
			return optionError(d.name, "TUNSETVNETHDRSZ", arg, err)
		}
		got, err := ioctlGetInt(q.fd, unix.TUNGETVNETHDRSZ)
		if err != nil {
			return optionError(d.name, "TUNGETVNETHDRSZ", "", err)
		}
		if got != size {
			return &OptionError{Device: d.name, Call: "TUNSETVNETHDRSZ", Arg: arg, Got: strconv.Itoa(got)}
		}
		if err := unix.IoctlSetPointerInt(q.fd, unix.TUNSETVNETLE, 1); err != nil {
			return optionError(d.name, "TUNSETVNETLE", "on", err)
		}
		le, err := ioctlGetInt(q.fd, unix.TUNGETVNETLE)
		if err != nil {
			return optionError(d.name, "TUNGETVNETLE", "", err)
		}
		if le != 1 {
			return &OptionError{Device: d.name, Call: "TUNSETVNETLE", Arg: "on", Got: "off"}
		}
	}
	return nil
}

// SetVnetLE makes the fields of the virtio-net header little-endian, or gives
// them back the host's order.
func (d *Device) SetVnetLE(on bool) error {
	return d.setBool("TUNSETVNETLE", unix.TUNSETVNETLE, unix.TUNGETVNETLE, on)
}

// SetVnetBE makes the fields of a legacy virtio-net header big-endian. Kernels
// without CONFIG_TUN_VNET_CROSS_LE refuse it.
func (d *Device) SetVnetBE(on bool) error {
	return d.setBool("TUNSETVNETBE", unix.TUNSETVNETBE, unix.TUNGETVNETBE, on)
}

// SetOffload announces what the reader can take: a mask of Off bits. An
// unknown bit is refused with EINVAL. The effect shows in the ethtool features.
func (d *Device) SetOffload(mask uint) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.setOffload(mask)
}

func (d *Device) setOffload(mask uint) error {
	return d.control("TUNSETOFFLOAD", offloadText(mask), func(fd int) error {
		return unix.IoctlSetInt(fd, unix.TUNSETOFFLOAD, int(mask))
	})
}

// SndBuf gives the send buffer of the first queue in bytes.
func (d *Device) SndBuf() (int, error) { return d.get("TUNGETSNDBUF", unix.TUNGETSNDBUF) }

// DefaultSndBuf is the send buffer of a queue that nobody has set: no bound at all
// (tun_chr_open of drivers/net/tun.c).
const DefaultSndBuf = math.MaxInt32

// SetSndBuf bounds what is written to a queue and not yet received, in bytes
// above 0, on every attached queue and on those attached later.
func (d *Device) SetSndBuf(bytes int) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	if bytes > math.MaxInt32 {
		return fmt.Errorf("set send buffer of %s to %d: at most %d bytes", d.name, bytes, math.MaxInt32)
	}
	return d.setSndBuf(bytes)
}

func (d *Device) setSndBuf(bytes int) error {
	arg := strconv.Itoa(bytes)
	err := d.control("TUNSETSNDBUF", arg, func(fd int) error {
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
	for _, q := range d.attached {
		got, err := ioctlGetInt(q.fd, unix.TUNGETSNDBUF)
		if err != nil {
			return optionError(d.name, "TUNGETSNDBUF", "", err)
		}
		if got != bytes {
			return &OptionError{Device: d.name, Call: "TUNSETSNDBUF", Arg: arg, Got: strconv.Itoa(got)}
		}
	}
	d.sndbuf = bytes
	return nil
}

// SetPersist lets the device outlive its descriptors, or no longer.
func (d *Device) SetPersist(on bool) error {
	v := 0
	if on {
		v = 1
	}
	return d.set("TUNSETPERSIST", unix.TUNSETPERSIST, onOff(on), v)
}

// SetOwner lets the user open queues of the device without CAP_NET_ADMIN.
func (d *Device) SetOwner(uid uint32) error {
	return d.set("TUNSETOWNER", unix.TUNSETOWNER, strconv.FormatUint(uint64(uid), 10), int(uid))
}

// SetGroup lets the group open queues of the device without CAP_NET_ADMIN.
func (d *Device) SetGroup(gid uint32) error {
	return d.set("TUNSETGROUP", unix.TUNSETGROUP, strconv.FormatUint(uint64(gid), 10), int(gid))
}

// SetLinkType changes the hardware type, one of unix.ARPHRD_; the device must
// be down.
func (d *Device) SetLinkType(arphrd uint16) error {
	return d.set("TUNSETLINK", unix.TUNSETLINK, strconv.Itoa(int(arphrd)), int(arphrd))
}

// SetDebug sets the driver's message level, a mask of the kernel's NETIF_MSG_
// bits.
func (d *Device) SetDebug(mask uint32) error {
	return d.set("TUNSETDEBUG", unix.TUNSETDEBUG, fmt.Sprintf("%#x", mask), int(mask))
}

// SetCarrier turns the carrier on or off (Linux 5.0). Without an attached queue
// it cannot be turned on.
func (d *Device) SetCarrier(on bool) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	err := d.setBoolLocked("TUNSETCARRIER", unix.TUNSETCARRIER, 0, on)
	var e *OptionError
	if errors.As(err, &e) && e.Errno == unix.EPERM && len(d.attached) == 0 {
		e.Hint = "all of its queues are detached"
	}
	return err
}

// exactAddresses is FLT_EXACT_COUNT of drivers/net/tun.c.
const exactAddresses = 8

// SetTxFilter lets a TAP device send only frames to the given addresses; none
// turns the filter off. The first eight are matched exactly, those after them
// must be multicast and are matched by hash; allMulti lets all multicast pass.
// Broadcast passes only if it is among the addresses.
func (d *Device) SetTxFilter(addrs []net.HardwareAddr, allMulti bool) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	arg := fmt.Sprintf("%d addresses", len(addrs))
	if len(addrs) > math.MaxUint16 {
		return fmt.Errorf("set address filter of %s to %s: at most %d", d.name, arg, math.MaxUint16)
	}
	b, err := txFilter(addrs, allMulti)
	if err != nil {
		return fmt.Errorf("set address filter of %s: %w", d.name, err)
	}
	exact := 0
	err = d.control("TUNSETTXFILTER", arg, func(fd int) (err error) {
		exact, err = ioctlPtr(fd, unix.TUNSETTXFILTER, unsafe.Pointer(&b[0]))
		return err
	})
	if err != nil {
		return d.onlyTAP(err)
	}
	// The call returns how many addresses are matched exactly.
	if want := min(len(addrs), exactAddresses); exact != want {
		return &OptionError{
			Device: d.name, Call: "TUNSETTXFILTER", Arg: arg, Got: "a filter that is off", ours: true,
			Hint: "from the ninth on, addresses must be multicast",
		}
	}
	return nil
}

// txFilter lays out struct tun_filter: flags, count, addresses.
func txFilter(addrs []net.HardwareAddr, allMulti bool) ([]byte, error) {
	var flags uint16
	if allMulti {
		flags = fltAllMulti
	}
	b := make([]byte, 0, 4+6*len(addrs))
	b = binary.NativeEndian.AppendUint16(b, flags)
	b = binary.NativeEndian.AppendUint16(b, uint16(len(addrs)))
	for _, a := range addrs {
		if len(a) != 6 {
			return nil, fmt.Errorf("address %s has %d bytes, not 6", a, len(a))
		}
		b = append(b, a...)
	}
	return b, nil
}

// onlyTAP marks a refusal on a TUN device as ours: the call is for TAP.
func (d *Device) onlyTAP(err error) error {
	var e *OptionError
	if !d.tap && errors.As(err, &e) && e.Errno == unix.EINVAL {
		e.ours = true
		e.Hint = "only tap devices have it"
	}
	return err
}

// AttachFilter runs a classic BPF program on every frame that a TAP device
// sends; it returns how many bytes of it to keep.
func (d *Device) AttachFilter(prog []unix.SockFilter) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	if len(prog) == 0 || len(prog) > unix.BPF_MAXINSNS {
		return fmt.Errorf("attach classic filter to %s: %d instructions, choose 1 to %d", d.name, len(prog), unix.BPF_MAXINSNS)
	}
	before := d.classic
	d.classic = slices.Clone(prog)
	if err := d.attachClassic(); err != nil {
		d.classic = before
		if before != nil {
			// Refusing the new program, the kernel has taken its address.
			err = errors.Join(err, d.attachClassic())
		}
		return d.onlyTAP(err)
	}
	return nil
}

func (d *Device) attachClassic() error {
	f := sockFprog{Len: uint16(len(d.classic)), Filter: uintptr(unsafe.Pointer(&d.classic[0]))}
	return d.control("TUNATTACHFILTER", fmt.Sprintf("%d instructions", f.Len), func(fd int) error {
		_, err := ioctlPtr(fd, unix.TUNATTACHFILTER, unsafe.Pointer(&f))
		return err
	})
}

// DetachFilter takes the classic program away.
func (d *Device) DetachFilter() error {
	d.mu.Lock()
	defer d.mu.Unlock()
	err := d.control("TUNDETACHFILTER", "", func(fd int) error {
		// The kernel does not read the argument.
		_, err := ioctlPtr(fd, unix.TUNDETACHFILTER, nil)
		return err
	})
	if err != nil {
		return d.onlyTAP(err)
	}
	d.classic = nil
	return nil
}

// GetFilter gives the classic program that was attached last. The kernel only
// keeps its address (also after DetachFilter), so it is an error if that is
// not one that this Device gave it.
func (d *Device) GetFilter() ([]unix.SockFilter, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	f, err := d.getFilter()
	switch {
	case err != nil:
		return nil, d.onlyTAP(err)
	case d.classic == nil:
		return nil, fmt.Errorf("get classic filter of %s: none is attached here", d.name)
	case f.Filter != uintptr(unsafe.Pointer(&d.classic[0])) || int(f.Len) != len(d.classic):
		return nil, fmt.Errorf("get classic filter of %s: its %d instructions belong to another process", d.name, f.Len)
	}
	return slices.Clone(d.classic), nil
}

func (d *Device) getFilter() (f sockFprog, err error) {
	err = d.control("TUNGETFILTER", "", func(fd int) error {
		_, err := ioctlPtr(fd, unix.TUNGETFILTER, unsafe.Pointer(&f))
		return err
	})
	return f, err
}

// SetSteering lets the eBPF socket filter program behind fd choose the transmit
// queue: its result modulo the number of attached queues. -1 gives the choice
// back to the kernel's flow hash.
func (d *Device) SetSteering(fd int) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.setProgram("TUNSETSTEERINGEBPF", unix.TUNSETSTEERINGEBPF, fd)
}

// SetFilterEBPF runs the eBPF socket filter program behind fd on every packet
// sent; it returns how many bytes to keep, 0 drops. -1 takes it away.
func (d *Device) SetFilterEBPF(fd int) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.setProgram("TUNSETFILTEREBPF", unix.TUNSETFILTEREBPF, fd)
}

func (d *Device) setProgram(call string, req uint, prog int) error {
	arg := "none"
	if prog >= 0 {
		arg = fmt.Sprintf("descriptor %d", prog)
	} else {
		prog = -1
	}
	return d.control(call, arg, func(fd int) error { return unix.IoctlSetPointerInt(fd, req, prog) })
}

// NetnsFD opens the network namespace in which the device is now (Linux 5.2).
// The caller closes the descriptor, which is O_CLOEXEC.
func (d *Device) NetnsFD() (int, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	ns := -1
	err := d.control("TUNGETDEVNETNS", "", func(fd int) (err error) {
		ns, err = unix.IoctlRetInt(fd, unix.TUNGETDEVNETNS)
		return err
	})
	if err != nil {
		return -1, err
	}
	return ns, nil
}
