// Package uring drives an io_uring, by which a program hands many system calls to
// the kernel at once. It supports reads and writes, with registered buffers and
// registered descriptors.
package uring

import (
	"errors"
	"fmt"
	"runtime"
	"sync/atomic"
	"syscall"
	"unsafe"

	"golang.org/x/sys/unix"
)

// CallError is a call that the kernel refused.
type CallError struct {
	Call string
	Err  error
}

func (e *CallError) Error() string { return e.Call + ": " + e.Err.Error() }

func (e *CallError) Unwrap() error { return e.Err }

// Unsupported reports whether the kernel does not have the feature, or has it
// switched off (EPERM: sysctl kernel.io_uring_disabled, or a seccomp filter),
// as opposed to a failure.
func (e *CallError) Unsupported() bool {
	for _, errno := range []unix.Errno{
		unix.ENOSYS, unix.EPERM, unix.EACCES, unix.EINVAL, unix.EOPNOTSUPP, unix.EBADFD,
	} {
		if errors.Is(e.Err, errno) {
			return true
		}
	}
	return false
}

// Ring is a pair of queues shared with the kernel. From Enable on only one
// thread may use it.
type Ring struct {
	fd       int
	flags    uint32
	rings    []byte // both queues' heads and tails, and the completions
	entries  []byte // the memory of sqes
	sqes     []SQE
	sqHead   *uint32
	sqTail   *uint32
	tail     uint32 // of what is prepared; the kernel sees it at the next Enter
	cqes     []CQE
	cqHead   *uint32
	cqTail   *uint32
	head     uint32 // of what was seen; the kernel sees it at Seen
	enabled  bool
	group    *Group
	files    bool // are registered
	overflow *uint32
}

// setups are flags of io_uring_setup, the best first: with a single submitting
// thread that processes completions only when it asks for them, or at least is
// not interrupted for them.
var setups = []uint32{
	setupSubmitAll | setupSingleIssuer | setupDeferTaskrun,
	setupSubmitAll | setupCoopTaskrun,
	0,
}

// Open makes a ring for that many requests and completions at once, each
// rounded up to a power of two. It needs Linux 5.10. The ring accepts no
// request before Enable.
func Open(requests, completions int) (*Ring, error) {
	var err error
	for _, flags := range setups {
		p := params{flags: flags | setupDisabled | setupCQSize, cqEntries: uint32(completions)}
		fd, _, errno := unix.Syscall(unix.SYS_IO_URING_SETUP, uintptr(requests), uintptr(unsafe.Pointer(&p)), 0)
		if errno == 0 {
			return newRing(int(fd), p)
		}
		err = &CallError{"io_uring_setup", errno}
		if errno != unix.EINVAL {
			break
		}
	}
	return nil, err
}

func newRing(fd int, p params) (*Ring, error) {
	r := &Ring{fd: fd, flags: p.flags}
	if lacks := uint32(featSingleMmap|featNoDrop|featFastPoll) &^ p.features; lacks != 0 {
		err := &CallError{fmt.Sprintf("io_uring_setup: features %#x, without %#x", p.features, lacks), unix.EOPNOTSUPP}
		return nil, errors.Join(err, r.Close())
	}
	if err := r.mapQueues(p); err != nil {
		return nil, errors.Join(err, r.Close())
	}
	return r, nil
}

func (r *Ring) mapQueues(p params) (err error) {
	const shared = unix.MAP_SHARED | unix.MAP_POPULATE
	size := max(
		int(p.sq.array)+int(p.sqEntries)*4,
		int(p.cq.cqes)+int(p.cqEntries)*int(unsafe.Sizeof(CQE{})),
	)
	if r.rings, err = unix.Mmap(r.fd, offRings, size, unix.PROT_READ|unix.PROT_WRITE, shared); err != nil {
		return &CallError{"mmap the queues of io_uring", err}
	}
	size = int(p.sqEntries) * int(unsafe.Sizeof(SQE{}))
	if r.entries, err = unix.Mmap(r.fd, offSQEs, size, unix.PROT_READ|unix.PROT_WRITE, shared); err != nil {
		return &CallError{"mmap the requests of io_uring", err}
	}
	at := func(offset uint32) *uint32 { return (*uint32)(unsafe.Pointer(&r.rings[offset])) }
	r.sqHead, r.sqTail = at(p.sq.head), at(p.sq.tail)
	r.cqHead, r.cqTail = at(p.cq.head), at(p.cq.tail)
	r.overflow = at(p.cq.overflow)
	r.sqes = unsafe.Slice((*SQE)(unsafe.Pointer(&r.entries[0])), p.sqEntries)
	r.cqes = unsafe.Slice((*CQE)(unsafe.Pointer(&r.rings[p.cq.cqes])), p.cqEntries)
	// Each place of the submission queue always refers to the request of the same
	// number.
	for i, array := uint32(0), unsafe.Slice(at(p.sq.array), p.sqEntries); i < p.sqEntries; i++ {
		array[i] = i
	}
	return nil
}

// register calls io_uring_register.
func (r *Ring) register(call string, command, arg, n uintptr) error {
	errno := unix.EINTR
	for errno == unix.EINTR {
		_, _, errno = unix.Syscall6(unix.SYS_IO_URING_REGISTER, uintptr(r.fd), command, arg, n, 0, 0)
	}
	if errno != 0 {
		return &CallError{"io_uring_register " + call, errno}
	}
	return nil
}

// Enable begins to take requests, from the calling thread and no other.
func (r *Ring) Enable() error {
	if err := r.register("IORING_REGISTER_ENABLE_RINGS", registerEnable, 0, 0); err != nil {
		return err
	}
	r.enabled = true
	return nil
}

// RegisterBuffers registers buffers for ReadFixed and WriteFixed, which name
// them by number. They must stay mapped while the ring is open.
func (r *Ring) RegisterBuffers(b *Buffers) error {
	iovecs := make([]unix.Iovec, b.Len())
	for i := range iovecs {
		buf := b.At(i)
		iovecs[i].Base = &buf[0]
		iovecs[i].SetLen(len(buf))
	}
	return r.register("IORING_REGISTER_BUFFERS", registerBuffers, uintptr(unsafe.Pointer(&iovecs[0])), uintptr(len(iovecs)))
}

// RegisterFiles registers descriptors, which requests with FixedFile name by
// their position. The ring holds the files until Release.
func (r *Ring) RegisterFiles(fds ...int) error {
	list := make([]int32, len(fds))
	for i, fd := range fds {
		list[i] = int32(fd)
	}
	err := r.register("IORING_REGISTER_FILES", registerFiles, uintptr(unsafe.Pointer(&list[0])), uintptr(len(list)))
	r.files = err == nil
	return err
}

// Prepare returns the place of the next request, all zero, or nil if there is
// no room. The kernel sees the request at the next Submit or Enter.
func (r *Ring) Prepare() *SQE {
	if r.tail-atomic.LoadUint32(r.sqHead) == uint32(len(r.sqes)) {
		return nil
	}
	e := &r.sqes[r.tail&uint32(len(r.sqes)-1)]
	r.tail++
	*e = SQE{}
	return e
}

// Submit submits what is prepared. It neither waits nor processes completions
// that the kernel deferred. It returns how many requests were taken.
func (r *Ring) Submit() (int, unix.Errno) { return r.enter(0, 0) }

// Enter submits what is prepared, processes completions that the kernel
// deferred, and returns when there are as many as wait, or with EINTR.
func (r *Ring) Enter(wait int) (int, unix.Errno) { return r.enter(wait, enterGetEvents) }

// enter is a raw call: it keeps its processor from Go's scheduler while it
// waits.
func (r *Ring) enter(wait int, flags uintptr) (int, unix.Errno) {
	atomic.StoreUint32(r.sqTail, r.tail)
	pending := r.tail - atomic.LoadUint32(r.sqHead)
	n, _, errno := syscall.RawSyscall6(unix.SYS_IO_URING_ENTER, uintptr(r.fd), uintptr(pending), uintptr(wait), flags, 0, 0)
	if errno != 0 {
		return 0, errno
	}
	return int(n), 0
}

// TakesNoWait reports whether requests on a descriptor may have the flag
// NoWait: TUN/TAP devices support it since Linux 6.4. It tries a read of no
// bytes, which takes no packet.
func TakesNoWait(fd int) (_ bool, err error) {
	runtime.LockOSThread() // whose the ring is
	defer runtime.UnlockOSThread()
	r, err := Open(1, 2)
	if err != nil {
		return false, err
	}
	defer func() { err = errors.Join(err, r.Close()) }()
	if err := r.Enable(); err != nil {
		return false, err
	}
	r.Prepare().Read(fd, nil, NoWait)
	for r.Ready() == 0 {
		if _, errno := r.Enter(1); errno != 0 && errno != unix.EINTR {
			return false, &CallError{"io_uring_enter", errno}
		}
	}
	return r.Completion(0).Err() != unix.EOPNOTSUPP, nil
}

// Ready is how many completions there are.
func (r *Ring) Ready() int { return int(atomic.LoadUint32(r.cqTail) - r.head) }

// Completion is number i of those that are ready, until Seen.
func (r *Ring) Completion(i int) *CQE { return &r.cqes[(r.head+uint32(i))&uint32(len(r.cqes)-1)] }

// Seen returns the places of the first n completions to the kernel.
func (r *Ring) Seen(n int) {
	r.head += uint32(n)
	atomic.StoreUint32(r.cqHead, r.head)
}

// Release releases the registered files at once, where Close lets the kernel do
// that later. No request may be under way. After Enable it is to be called by
// the thread that uses the ring. Close frees the buffers.
func (r *Ring) Release() error {
	var errs []error
	if r.files {
		errs = append(errs, r.register("IORING_UNREGISTER_FILES", unregisterFiles, 0, 0))
	}
	if r.group != nil {
		errs = append(errs, r.unregisterGroup())
	}
	r.files, r.group = false, nil
	return errors.Join(errs...)
}

// Close frees the ring. The buffers may be unmapped once it has returned if
// nothing is under way.
func (r *Ring) Close() error {
	if r.fd < 0 {
		return nil
	}
	var errs []error
	if !r.enabled {
		errs = append(errs, r.Release())
	}
	for _, mapped := range [][]byte{r.rings, r.entries} {
		if mapped != nil {
			errs = append(errs, unix.Munmap(mapped))
		}
	}
	errs = append(errs, unix.Close(r.fd))
	*r = Ring{fd: -1}
	if err := errors.Join(errs...); err != nil {
		return fmt.Errorf("close a ring of io_uring: %w", err)
	}
	return nil
}

// Describe names the flags that the ring was made with.
func (r *Ring) Describe() string {
	switch {
	case r.flags&setupDeferTaskrun != 0:
		return "IORING_SETUP_SINGLE_ISSUER, IORING_SETUP_DEFER_TASKRUN"
	case r.flags&setupCoopTaskrun != 0:
		return "IORING_SETUP_COOP_TASKRUN"
	}
	return "no flags"
}

// RegisterGroup gives the kernel all buffers, whose count must be a power of
// two, as a group of that number. It needs Linux 5.19. The ring unmaps
// the group when it is closed.
func (r *Ring) RegisterGroup(number uint16, b *Buffers) (*Group, error) {
	g := &Group{Buffers: b, number: number}
	var err error
	size := b.Len() * int(unsafe.Sizeof(groupBuffer{}))
	if g.mem, err = unix.Mmap(-1, 0, size, unix.PROT_READ|unix.PROT_WRITE, unix.MAP_PRIVATE|unix.MAP_ANONYMOUS|unix.MAP_POPULATE); err != nil {
		return nil, fmt.Errorf("map a ring of %d buffers: %w", b.Len(), err)
	}
	g.slots = unsafe.Slice((*groupBuffer)(unsafe.Pointer(&g.mem[0])), b.Len())
	reg := groupRegister{addr: address(g.mem), entries: uint32(b.Len()), group: number}
	if err := r.register("IORING_REGISTER_PBUF_RING", registerBufferRing, uintptr(unsafe.Pointer(&reg)), 1); err != nil {
		return nil, errors.Join(err, g.close())
	}
	r.group = g
	for i := range b.Len() {
		g.Give(i)
	}
	g.Publish()
	return g, nil
}

func (r *Ring) unregisterGroup() error {
	reg := groupRegister{group: r.group.number}
	if err := r.register("IORING_UNREGISTER_PBUF_RING", unregisterBufferRing, uintptr(unsafe.Pointer(&reg)), 1); err != nil {
		return err
	}
	return r.group.close()
}

// cancel ends the one request that is under way.
func (r *Ring) cancel() error {
	r.Prepare().CancelAll()
	for r.Ready() < 2 {
		if _, errno := r.Enter(2); errno != 0 && errno != unix.EINTR {
			return &CallError{"io_uring_enter IORING_OP_ASYNC_CANCEL", errno}
		}
	}
	r.Seen(2)
	return nil
}
