package netns

import (
	"errors"
	"fmt"
	"runtime"
	"runtime/debug"
	"sync"
	"time"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"
)

// self is the namespace of the calling thread.
const self = "/proc/thread-self/ns/net"

// thread is an operating-system thread in a network namespace of its own.
type thread struct {
	tid   int
	inode uint32 // of the namespace
	// handle belongs to the thread: a closed handle would silently operate on
	// the caller's namespace, so that only the thread uses it.
	handle     *netlink.Handle
	counters   counters
	statistics statistics

	path string // of the namespace to join; "": the thread makes one

	calls chan call
	stop  sync.Once     // closes quit
	quit  chan struct{} // closed when no further call is taken
	gone  chan struct{} // closed when the thread runs nothing any more
}

type call struct {
	f    func() error
	done chan outcome // has room for one
}

// outcome is how f ended: it returned err, it panicked, or it called
// runtime.Goexit, as t.FailNow does.
type outcome struct {
	err      error
	panicked any
	stack    []byte
	exited   bool
}

// outcomes are channels of calls that are over: Do is called in polls.
var outcomes = sync.Pool{New: func() any { return make(chan outcome, 1) }}

// begin finds a thread that may end and serves on it.
func (t *thread) begin(ready chan<- error) {
	runtime.LockOSThread()
	if unix.Gettid() != unix.Getpid() {
		t.serve(ready)
		return
	}
	// Go parks the main thread instead of ending it, and /proc/self is the main
	// thread's: the namespace would outlive Close and show up as the process's own.
	// While this goroutine holds the main thread, another one gets another thread.
	elsewhere := make(chan struct{})
	go func() {
		runtime.LockOSThread()
		close(elsewhere)
		t.serve(ready)
	}()
	<-elsewhere
	runtime.UnlockOSThread()
}

// serve runs calls until quit. It returns with its thread locked, so that Go
// ends the thread, unless the thread is still in the namespace where it began.
func (t *thread) serve(ready chan<- error) {
	defer close(t.gone)
	defer t.stop.Do(func() { close(t.quit) })

	if err := t.enter(); err != nil {
		ready <- err
		runtime.UnlockOSThread()
		return
	}
	if err := t.open(); err != nil {
		ready <- err
		return
	}
	defer t.handle.Close()
	defer t.counters.close()
	defer t.statistics.close()
	ready <- nil

	for {
		select {
		case <-t.quit:
			return
		case c := <-t.calls:
			c.run()
		}
	}
}

// enter puts the calling thread into the namespace.
func (t *thread) enter() error {
	if t.path == "" {
		if err := unix.Unshare(unix.CLONE_NEWNET); err != nil {
			return unshareError(err)
		}
		return nil
	}
	fd, err := unix.Open(t.path, unix.O_RDONLY|unix.O_CLOEXEC, 0)
	if err != nil {
		return fmt.Errorf("open %s: %w", t.path, err)
	}
	defer unix.Close(fd)
	if here, err := sameFile(fd, self); here || err != nil {
		return err // nothing to enter, for which no right is needed
	}
	switch err := unix.Setns(fd, unix.CLONE_NEWNET); {
	case errors.Is(err, unix.EINVAL):
		return fmt.Errorf("%s is not a network namespace", t.path)
	case err != nil:
		return fmt.Errorf("enter %s: %w", t.path, err)
	}
	return nil
}

// sameFile reports whether fd is the file at path.
func sameFile(fd int, path string) (bool, error) {
	var a, b unix.Stat_t
	if err := unix.Fstat(fd, &a); err != nil {
		return false, fmt.Errorf("stat descriptor %d: %w", fd, err)
	}
	if err := unix.Stat(path, &b); err != nil {
		return false, fmt.Errorf("stat %s: %w", path, err)
	}
	return a.Dev == b.Dev && a.Ino == b.Ino, nil
}

func unshareError(err error) error {
	switch {
	case errors.Is(err, unix.EPERM):
		return fmt.Errorf("unshare(CLONE_NEWNET): %w: CAP_SYS_ADMIN is missing", err)
	case errors.Is(err, unix.ENOSPC):
		return fmt.Errorf("unshare(CLONE_NEWNET): %w: raise user.max_net_namespaces", err)
	case errors.Is(err, unix.EINVAL):
		return fmt.Errorf("unshare(CLONE_NEWNET): %w: this kernel has no network namespaces (CONFIG_NET_NS)", err)
	}
	return fmt.Errorf("unshare(CLONE_NEWNET): %w", err)
}

// open runs once, on the new thread, in the new namespace.
func (t *thread) open() error {
	t.tid = unix.Gettid()
	var st unix.Stat_t
	if err := unix.Stat(self, &st); err != nil {
		return fmt.Errorf("stat %s: %w", self, err)
	}
	t.inode = uint32(st.Ino) // the kernel numbers namespaces with 32 bits

	h, err := netlink.NewHandle(unix.NETLINK_ROUTE)
	if err != nil {
		return fmt.Errorf("open rtnetlink socket: %w", err)
	}
	if t.path == "" {
		if err := loopbackUp(h); err != nil {
			h.Close()
			return err
		}
	}
	t.handle = h
	return nil
}

func loopbackUp(h *netlink.Handle) error {
	lo, err := h.LinkByName("lo")
	if err == nil {
		err = h.LinkSetUp(lo)
	}
	return refused(err, "lo", "set link up")
}

func (c call) run() {
	var out outcome
	returned := false
	defer func() {
		if !returned {
			if out.panicked = recover(); out.panicked != nil {
				out.stack = debug.Stack()
			} else {
				out.exited = true
			}
		}
		c.done <- out
	}()
	out.err = c.f()
	returned = true
}

// Do runs f on the namespace's thread and returns what f returns. Sockets and
// devices that f opens are in the namespace and stay there, whichever thread
// uses them later. Calls run one after the other, so f should be short; within
// f, Do of the same namespace runs at once. A goroutine that f starts is not in
// the namespace.
//
// A panic in f becomes a panic of the caller, with f's stack in its text. If f
// ends its goroutine (t.FailNow does), the caller's ends too and the namespace
// is closed. After Close the error is ErrClosed and f is not run.
func (t *thread) Do(f func() error) error {
	if t.closed() {
		return ErrClosed
	}
	if t.onThread() {
		return f()
	}
	c := call{f: f, done: outcomes.Get().(chan outcome)}
	defer outcomes.Put(c.done)
	select {
	case t.calls <- c:
	case <-t.quit:
		return ErrClosed
	}
	out := <-c.done
	switch {
	case out.panicked != nil:
		panic(fmt.Sprintf("%v, in network namespace:\n%s", out.panicked, out.stack))
	case out.exited:
		runtime.Goexit()
	}
	return out.err
}

func (t *thread) closed() bool {
	select {
	case <-t.quit:
		return true
	default:
		return false
	}
}

// onThread reports whether the caller runs inside Do. Nothing else can run on
// the thread while it serves, and once it has ended its number may be reused.
func (t *thread) onThread() bool {
	select {
	case <-t.gone:
		return false
	default:
		return unix.Gettid() == t.tid
	}
}

// Inode is the inode of the namespace, ns.inum in the kernel.
func (t *thread) Inode() uint32 { return t.inode }

// closeWait is how long Close waits for the thread to end after its last call.
const closeWait = time.Second

// Close waits for the running call and ends the thread. The kernel then removes
// the namespace in the background, as soon as the last descriptor of a device
// or socket in it is closed as well. Closing again does nothing.
func (t *thread) Close() error {
	t.stop.Do(func() { close(t.quit) })
	if t.onThread() {
		return nil // the thread ends when the call around this one returns
	}
	<-t.gone
	deadline := time.Now().Add(closeWait)
	for unix.Tgkill(unix.Getpid(), t.tid, 0) == nil {
		if time.Now().After(deadline) {
			return fmt.Errorf("close network namespace %d: its thread %d still runs after %v", t.inode, t.tid, closeWait)
		}
		time.Sleep(50 * time.Microsecond)
	}
	return nil
}

// descriptor opens the namespace itself, which keeps it alive. The caller
// closes the descriptor.
func (t *thread) descriptor() (fd int, err error) {
	err = t.Do(func() (err error) {
		if fd, err = unix.Open(self, unix.O_RDONLY|unix.O_CLOEXEC, 0); err != nil {
			return fmt.Errorf("open %s: %w", self, err)
		}
		return nil
	})
	return fd, err
}
