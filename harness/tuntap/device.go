package tuntap

import (
	"errors"
	"fmt"
	"slices"
	"strconv"

	"golang.org/x/sys/unix"
)

// Device is a TUN or TAP device held by the descriptors of its queues. The
// kernel removes it when the last of them is closed, unless it is persistent.
// Its methods may be called from any goroutine; those that need a thread in the
// device's network namespace say so.
type Device struct {
	options
	ifindex int
	noBlock bool
	ns      namespace // of the thread that created it
}

// Create creates the device in the network namespace of the calling thread,
// which must be locked unless that is the namespace of the process. On error
// everything is closed again; an *OptionError in the chain names the option
// that could not be set.
func Create(c Config) (_ *Device, err error) {
	if err := c.validate(); err != nil {
		return nil, fmt.Errorf("create tun/tap device: %w", err)
	}
	d := &Device{noBlock: c.NonBlock}
	d.name, d.tap, d.flags = c.Name, c.TAP, c.flags()
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

// openQueue opens a descriptor, attaches it to the device and reads back the
// result. The first one creates the device and learns its name.
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

// explainIff adds to a refused TUNSETIFF what its errno does not say.
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

// verifyLink reads back by rtnetlink what TUNGETIFF does not return.
func (d *Device) verifyLink(c Config) error {
	link, err := Lookup(d.name)
	if err != nil {
		return fmt.Errorf("read back %s: %w", d.name, err)
	}
	d.ifindex = link.Ifindex
	features := uint32(0)
	if c.Backpressure {
		if features, err = getFeatures(d.queues[0].fd); err != nil {
			return err
		}
	}
	switch {
	case c.Ifindex != 0 && link.Ifindex != c.Ifindex:
		return &OptionError{Device: d.name, Call: "TUNSETIFINDEX", Arg: strconv.Itoa(c.Ifindex), Got: strconv.Itoa(link.Ifindex)}
	case c.NoCarrier && link.Carrier:
		return &OptionError{Device: d.name, Call: "TUNSETIFF", Arg: "IFF_NO_CARRIER", Got: "with carrier"}
	case c.Backpressure && features&iffBackpressure == 0:
		return &OptionError{Device: d.name, Call: "TUNSETIFF", Arg: flagText(d.flags), Got: flagText(d.flags &^ iffBackpressure), Hint: "TUNGETFEATURES does not know IFF_BACKPRESSURE"}
	case link.Detailed && link.Flags&unix.IFF_NO_PI != d.flags&unix.IFF_NO_PI:
		return &OptionError{Device: d.name, Call: "TUNSETIFF", Arg: flagText(d.flags), Got: flagText(link.Flags)}
	}
	return nil
}

// namespace identifies a network namespace by its file in /proc.
type namespace struct{ dev, ino uint64 }

func threadNamespace() (namespace, error) {
	var st unix.Stat_t
	if err := unix.Stat("/proc/thread-self/ns/net", &st); err != nil {
		return namespace{}, fmt.Errorf("find the network namespace of the thread: %w", err)
	}
	return namespace{uint64(st.Dev), st.Ino}, nil
}

// AddQueue opens one more queue of a multi-queue device. The calling thread
// must be in the namespace in which the device was created: in another one the
// kernel would create a second device of that name.
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

// settle sets on a queue that was just attached the options that the kernel
// keeps for each queue.
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

// Queues returns the open queues in the order of their creation.
func (d *Device) Queues() []*Queue {
	d.mu.Lock()
	defer d.mu.Unlock()
	return slices.Clone(d.queues)
}

// Close wakes all Reads and closes all queues. The kernel then removes the
// device unless it is persistent. Further calls do nothing. Nobody may use a
// raw descriptor any more when Close is called.
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

// closeQueue needs d.mu held.
func (d *Device) closeQueue(q *Queue) error {
	i := slices.Index(d.queues, q)
	if i < 0 {
		return nil
	}
	d.queues = slices.Delete(d.queues, i, i+1)
	d.unnumber(q)
	return q.shut()
}

// unnumber removes q from attached as the kernel does: the last queue takes the
// number that becomes free (drivers/net/tun.c, __tun_detach).
func (d *Device) unnumber(q *Queue) {
	i := slices.Index(d.attached, q)
	if i < 0 {
		return
	}
	last := len(d.attached) - 1
	d.attached[i] = d.attached[last]
	d.attached = d.attached[:last]
}
