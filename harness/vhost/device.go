package vhost

import (
	"errors"
	"fmt"
	"math/bits"
	"runtime"
	"sync"
	"unsafe"

	"golang.org/x/sys/unix"

	"tunbench/harness/call"
)

// Path is where a process gets a vhost-net device.
const Path = "/dev/vhost-net"

// Lengths in bytes of the virtio-net header in a buffer of the driver's.
const (
	headerLegacy = 10 // before virtio 1.0
	headerV1     = 12 // with num_buffers
)

// Config is the configuration of a Device.
type Config struct {
	Backend int // descriptor of a queue of a TUN/TAP device
	// VnetHdr is the length of the device's virtio-net header in bytes: 10 or 12,
	// which the driver sees as it is, or 0, where vhost adds one of 12 bytes for
	// the driver and takes it away.
	VnetHdr           int
	Receive, Transmit Buffers // the zero value: no such queue
}

// Buffers are those of one virtqueue.
type Buffers struct {
	Entries int // a power of two
	Size    int // bytes for a packet, its virtio-net header left out
}

// Device is one vhost-net device: the driver's end of a queue of a TUN/TAP
// device, with a worker of the kernel's in between.
type Device struct {
	RX, TX *Queue // nil where there is none
	Config
	task // its worker
	fd   int
	// mu guards whether the worker may receive.
	mu sync.Mutex
}

// Queue is a virtqueue and how its two sides wake each other.
type Queue struct {
	*Ring
	index      uint32
	kick, call int // eventfds
	epoll      int // of call, edge-triggered: nobody needs to read it
	events     [1]unix.EpollEvent
	memory     []byte
}

// Supported returns an error if the kernel cannot drive a device with a virtio-net
// header of that many bytes.
func Supported(vnetHdr int) error {
	fd, err := open()
	if err != nil {
		return err
	}
	_, err = negotiate(fd, vnetHdr)
	return errors.Join(err, unix.Close(fd))
}

func open() (int, error) {
	fd, err := unix.Open(Path, unix.O_RDWR|unix.O_CLOEXEC, 0)
	if err != nil {
		return -1, &call.Error{Call: "open " + Path, Err: err}
	}
	return fd, nil
}

// negotiate returns the features to use, of those that the kernel has.
func negotiate(fd, vnetHdr int) (features uint64, err error) {
	var offered uint64
	if err := ioctl(fd, "VHOST_GET_FEATURES", getFeatures, unsafe.Pointer(&offered)); err != nil {
		return 0, err
	}
	features = 1 << featureEventIdx
	switch vnetHdr {
	case 0:
		features |= 1<<featureVersion1 | 1<<featureHeader
	case headerV1:
		features |= 1 << featureVersion1
	case headerLegacy:
	default:
		return 0, fmt.Errorf("vhost: a header of %d bytes is not %d, %d or none", vnetHdr, headerLegacy, headerV1)
	}
	if lacks := features &^ offered; lacks != 0 {
		return 0, &call.Error{Call: fmt.Sprintf("ioctl VHOST_GET_FEATURES: bit %d is not offered", bits.TrailingZeros64(lacks)), Err: unix.EOPNOTSUPP}
	}
	return features, nil
}

// Open makes a device whose worker moves packets from now on; the receive queue
// has all its buffers.
func Open(c Config) (*Device, error) {
	d := &Device{Config: c, fd: -1}
	if err := d.open(); err != nil {
		return nil, errors.Join(err, d.Close())
	}
	return d, nil
}

func (d *Device) open() (err error) {
	if d.fd, err = open(); err != nil {
		return err
	}
	features, err := negotiate(d.fd, d.VnetHdr)
	if err != nil {
		return err
	}
	if err := d.own(); err != nil {
		return err
	}
	if err := d.ioctl("VHOST_SET_FEATURES", setFeatures, unsafe.Pointer(&features)); err != nil {
		return err
	}
	return d.openQueues()
}

// own makes the worker, which the kernel names after the calling thread.
func (d *Device) own() error {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	before := tasks()
	// To make a worker is to fork, which fails with ENOMEM while the thread has a
	// signal pending (copy_process of kernel/fork.c, vhost_worker_create of
	// drivers/vhost/vhost.c), and Go's scheduler sends them often.
	var all, old unix.Sigset_t
	for i := range all.Val {
		all.Val[i] = ^all.Val[i]
	}
	if err := unix.PthreadSigmask(unix.SIG_BLOCK, &all, &old); err != nil {
		return &call.Error{Call: "rt_sigprocmask", Err: err}
	}
	err := ioctl(d.fd, "VHOST_SET_OWNER", setOwner, nil)
	if restored := unix.PthreadSigmask(unix.SIG_SETMASK, &old, nil); restored != nil {
		err = errors.Join(err, &call.Error{Call: "rt_sigprocmask", Err: restored})
	}
	if err == nil {
		d.task = newTask(before, tasks(), unix.Gettid())
	}
	return err
}

// openQueues makes the queues, shows the kernel the memory in which they lie,
// and only then where they lie in it.
func (d *Device) openQueues() (err error) {
	if d.Receive.Entries > 0 {
		if d.RX, err = newQueue(rxQueue, d.Receive, d.HeaderLen(), true); err != nil {
			return err
		}
		for i := range d.RX.Entries() {
			d.RX.Offer(i)
		}
		d.RX.Publish()
	}
	if d.Transmit.Entries > 0 {
		if d.TX, err = newQueue(txQueue, d.Transmit, d.HeaderLen(), false); err != nil {
			return err
		}
	}
	var table memoryTable
	for _, q := range d.queues() {
		// The guest's physical addresses are this process's virtual ones.
		at := uint64(uintptr(unsafe.Pointer(&q.memory[0])))
		table.region[table.regions] = memoryRegion{guest: at, size: uint64(len(q.memory)), user: at}
		table.regions++
	}
	if err := d.ioctl("VHOST_SET_MEM_TABLE", setMemTable, unsafe.Pointer(&table)); err != nil {
		return err
	}
	for _, q := range d.queues() {
		if err := d.attach(q); err != nil {
			return err
		}
	}
	return nil
}

func (d *Device) queues() (list []*Queue) {
	for _, q := range []*Queue{d.RX, d.TX} {
		if q != nil {
			list = append(list, q)
		}
	}
	return list
}

func newQueue(index uint32, b Buffers, header int, write bool) (q *Queue, err error) {
	q = &Queue{index: index, kick: -1, call: -1, epoll: -1}
	if q.kick, err = unix.Eventfd(0, unix.EFD_CLOEXEC|unix.EFD_NONBLOCK); err != nil {
		return q, &call.Error{Call: "eventfd", Err: err}
	}
	if q.call, err = unix.Eventfd(0, unix.EFD_CLOEXEC|unix.EFD_NONBLOCK); err != nil {
		return q, &call.Error{Call: "eventfd", Err: err}
	}
	if q.epoll, err = unix.EpollCreate1(unix.EPOLL_CLOEXEC); err != nil {
		return q, &call.Error{Call: "epoll_create1", Err: err}
	}
	if err := unix.EpollCtl(q.epoll, unix.EPOLL_CTL_ADD, q.call, &unix.EpollEvent{Events: unix.EPOLLIN | unix.EPOLLET}); err != nil {
		return q, &call.Error{Call: "epoll_ctl", Err: err}
	}
	// Present from the start: a page that is missing would be the worker's fault
	// to handle in the middle of a trial.
	bytes := RingBytes(b.Entries, header+b.Size)
	q.memory, err = unix.Mmap(-1, 0, bytes, unix.PROT_READ|unix.PROT_WRITE, unix.MAP_PRIVATE|unix.MAP_ANONYMOUS|unix.MAP_POPULATE)
	if err != nil {
		return q, &call.Error{Call: fmt.Sprintf("mmap %d bytes for a virtqueue", bytes), Err: err}
	}
	q.Ring = NewRing(q.memory, b.Entries, header+b.Size, write)
	return q, nil
}

// attach describes a queue to the kernel and starts it.
func (d *Device) attach(q *Queue) error {
	r := q.Ring
	at := func(p unsafe.Pointer) uint64 { return uint64(uintptr(p)) }
	for _, step := range []struct {
		name    string
		request uintptr
		arg     unsafe.Pointer
	}{
		{"VHOST_SET_VRING_NUM", setNum, unsafe.Pointer(&vringState{q.index, uint32(r.entries)})},
		{"VHOST_SET_VRING_BASE", setBase, unsafe.Pointer(&vringState{q.index, 0})},
		{"VHOST_SET_VRING_ADDR", setAddr, unsafe.Pointer(&vringAddr{
			index: q.index, desc: at(unsafe.Pointer(&r.descs[0])),
			used: at(unsafe.Pointer(r.used)), avail: at(unsafe.Pointer(r.avail)),
		})},
		{"VHOST_SET_VRING_KICK", setKick, unsafe.Pointer(&vringFile{q.index, int32(q.kick)})},
		{"VHOST_SET_VRING_CALL", setCall, unsafe.Pointer(&vringFile{q.index, int32(q.call)})},
	} {
		if err := d.ioctl(step.name, step.request, step.arg); err != nil {
			return err
		}
	}
	return d.setBackend(q, d.Backend)
}

func (d *Device) ioctl(name string, request uintptr, arg unsafe.Pointer) error {
	return ioctl(d.fd, name, request, arg)
}

func (d *Device) setBackend(q *Queue, fd int) error {
	return d.ioctl("VHOST_NET_SET_BACKEND", setBackend, unsafe.Pointer(&vringFile{q.index, int32(fd)}))
}

// HeaderLen is how many bytes of virtio-net header stand before each packet in
// a buffer.
func (d *Device) HeaderLen() int {
	if d.VnetHdr == 0 {
		return headerV1
	}
	return d.VnetHdr
}

// Added is how many of these come from vhost and not from the device.
func (d *Device) Added() int { return d.HeaderLen() - d.VnetHdr }

// Empty reports whether the worker has nothing in hand of what the device gave
// it, when no more comes into the device. The worker takes up to 64 packets from
// the device before it moves the first (VHOST_NET_BATCH of drivers/vhost/net.c);
// where poll(2) says that the device is empty, these may be left. Taking the
// backend away waits for the worker and puts them back.
func (d *Device) Empty() (bool, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if readable, err := d.readable(); readable || err != nil {
		return false, err
	}
	if err := d.setBackend(d.RX, -1); err != nil {
		return false, err
	}
	readable, err := d.readable()
	return !readable && d.RX.Full(), errors.Join(err, d.setBackend(d.RX, d.Backend))
}

// Pause ends receiving: the worker returns to the device's ring what it has
// taken and not moved, as far as there is room.
func (d *Device) Pause() error {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.setBackend(d.RX, -1)
}

// Resume continues receiving.
func (d *Device) Resume() error {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.setBackend(d.RX, d.Backend)
}

// readable reports whether the device has packets; it returns an error if the
// device no longer exists.
func (d *Device) readable() (bool, error) {
	fds := [1]unix.PollFd{{Fd: int32(d.Backend), Events: unix.POLLIN}}
	for {
		_, err := unix.Poll(fds[:], 0)
		switch {
		case err == unix.EINTR:
			continue
		case err != nil:
			return false, &call.Error{Call: "poll", Err: err}
		case fds[0].Revents&unix.POLLERR != 0:
			// What read(2) of such a descriptor says (tun_chr_read_iter).
			return false, &call.Error{Call: "poll: the device is gone", Err: unix.EBADFD}
		}
		return fds[0].Revents&unix.POLLIN != 0, nil
	}
}

// Check returns an error if the device no longer exists, which the queues do
// not show.
func (d *Device) Check() error {
	_, err := d.readable()
	return err
}

// Kick notifies the worker of published buffers.
func (q *Queue) Kick() error { return signal(q.kick) }

// Wake ends a Wait, or the next one.
func (q *Queue) Wake() error { return signal(q.call) }

func signal(fd int) error {
	one := uint64(1)
	_, _, errno := unix.RawSyscall(unix.SYS_WRITE, uintptr(fd), uintptr(unsafe.Pointer(&one)), unsafe.Sizeof(one))
	if errno != 0 && errno != unix.EAGAIN { // full: it says so already
		return &call.Error{Call: "write to an eventfd", Err: errno}
	}
	return nil
}

// Wait returns when the worker has called since it returned last, or after the
// timeout in ms; it may return for no reason.
func (q *Queue) Wait(timeout int) (called bool, err error) {
	n, err := unix.EpollWait(q.epoll, q.events[:], timeout)
	if err != nil && err != unix.EINTR {
		return false, &call.Error{Call: "epoll_wait", Err: err}
	}
	return n > 0, nil
}

// Close stops the worker. The descriptor of the backend belongs to the caller.
func (d *Device) Close() error {
	var errs []error
	if d.fd >= 0 {
		// The kernel is done with the memory when this returns.
		errs = append(errs, unix.Close(d.fd))
		d.fd = -1
	}
	for _, q := range d.queues() {
		errs = append(errs, q.close())
	}
	d.RX, d.TX = nil, nil
	if err := errors.Join(errs...); err != nil {
		return fmt.Errorf("close a vhost-net device: %w", err)
	}
	return nil
}

func (q *Queue) close() error {
	var errs []error
	for _, fd := range []int{q.kick, q.call, q.epoll} {
		if fd >= 0 {
			errs = append(errs, unix.Close(fd))
		}
	}
	if q.memory != nil {
		errs = append(errs, unix.Munmap(q.memory))
	}
	return errors.Join(errs...)
}
