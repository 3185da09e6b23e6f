// Package netns makes network namespaces without a name, configures the links
// in them, and reads back what the kernel made of it.
//
// A namespace lives on one operating-system thread that nothing else uses.
// When that thread ends, by Close or with the process, and the last descriptor
// of a device in it is closed, the kernel removes the namespace and everything
// in it: there is nothing to clean up by hand, and nothing on the host changes.
package netns

import (
	"errors"
	"fmt"
	"os"
	"runtime"
	"runtime/debug"
	"sync"
	"time"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"
)

// ErrClosed is returned by every method of a namespace that was closed.
var ErrClosed = fmt.Errorf("network namespace: %w", os.ErrClosed)

// NS is a network namespace. Its methods may be called from any goroutine.
// One that is not closed keeps its thread until the process ends.
type NS struct {
	tid   int    // of the namespace's thread
	inode uint32 // of the namespace
	// handle belongs to the thread. A closed handle would quietly talk to the
	// caller's namespace, so nothing but the thread touches it.
	handle *netlink.Handle

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

// New makes a fresh network namespace in which the loopback device is up and
// no other is. Without CAP_SYS_ADMIN the error wraps os.ErrPermission.
func New() (*NS, error) {
	n := &NS{
		calls: make(chan call),
		quit:  make(chan struct{}),
		gone:  make(chan struct{}),
	}
	ready := make(chan error, 1)
	go n.thread(ready)
	if err := <-ready; err != nil {
		return nil, fmt.Errorf("make network namespace: %w", err)
	}
	return n, nil
}

// thread finds a thread that can be thrown away and serves on it.
func (n *NS) thread(ready chan<- error) {
	runtime.LockOSThread()
	if unix.Gettid() != unix.Getpid() {
		n.serve(ready)
		return
	}
	// Go parks the main thread instead of ending it, and /proc/self speaks of
	// it: the namespace would outlive Close and show up as the process's own.
	// While it is held here, another goroutine must get another thread.
	elsewhere := make(chan struct{})
	go func() {
		runtime.LockOSThread()
		close(elsewhere)
		n.serve(ready)
	}()
	<-elsewhere
	runtime.UnlockOSThread()
}

// serve runs calls until quit. It returns with its thread locked, unless the
// thread is still in the namespace where it began: so Go ends the thread.
func (n *NS) serve(ready chan<- error) {
	defer close(n.gone)
	defer n.stop.Do(func() { close(n.quit) })

	if err := unix.Unshare(unix.CLONE_NEWNET); err != nil {
		ready <- unshareError(err)
		runtime.UnlockOSThread()
		return
	}
	if err := n.open(); err != nil {
		ready <- err
		return
	}
	defer n.handle.Close()
	ready <- nil

	for {
		select {
		case <-n.quit:
			return
		case c := <-n.calls:
			c.run()
		}
	}
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
func (n *NS) open() error {
	n.tid = unix.Gettid()
	const self = "/proc/thread-self/ns/net"
	var st unix.Stat_t
	if err := unix.Stat(self, &st); err != nil {
		return fmt.Errorf("stat %s: %w", self, err)
	}
	n.inode = uint32(st.Ino) // the kernel numbers namespaces with 32 bits

	h, err := netlink.NewHandle(unix.NETLINK_ROUTE)
	if err != nil {
		return fmt.Errorf("open rtnetlink socket: %w", err)
	}
	lo, err := h.LinkByName("lo")
	if err == nil {
		err = h.LinkSetUp(lo)
	}
	if err != nil {
		h.Close()
		return refused(err, "lo", "set link up")
	}
	n.handle = h
	return nil
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
// devices that f opens are in the namespace and stay in it, whoever uses them
// later. Calls are run one after the other, so f must not stay longer than it
// needs; within f, Do of the same namespace runs at once. A goroutine that f
// starts is not in the namespace.
//
// A panic in f becomes a panic of the caller, with f's stack in its text. If f
// ends its goroutine (t.FailNow does), the caller's ends too and the namespace
// is closed. After Close the error is ErrClosed and f is not run.
func (n *NS) Do(f func() error) error {
	if n.closed() {
		return ErrClosed
	}
	if n.onThread() {
		return f()
	}
	c := call{f: f, done: make(chan outcome, 1)}
	select {
	case n.calls <- c:
	case <-n.quit:
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

func (n *NS) closed() bool {
	select {
	case <-n.quit:
		return true
	default:
		return false
	}
}

// onThread tells whether the caller runs inside Do. Nothing else can run on
// the thread while it serves, and once it is gone its number may be reused.
func (n *NS) onThread() bool {
	select {
	case <-n.gone:
		return false
	default:
		return unix.Gettid() == n.tid
	}
}

// Inode is the inode of the namespace, ns.inum in the kernel.
func (n *NS) Inode() uint32 { return n.inode }

// closeWait is how long Close waits for the thread to end after its last call.
const closeWait = time.Second

// Close waits for the call that runs and ends the thread. The kernel then
// removes the namespace in the background, as soon as the last descriptor of a
// device or socket in it is closed as well. Closing again does nothing.
func (n *NS) Close() error {
	n.stop.Do(func() { close(n.quit) })
	if n.onThread() {
		return nil // the thread ends when the call around this one returns
	}
	<-n.gone
	deadline := time.Now().Add(closeWait)
	for unix.Tgkill(unix.Getpid(), n.tid, 0) == nil {
		if time.Now().After(deadline) {
			return fmt.Errorf("close network namespace %d: its thread %d still runs after %v", n.inode, n.tid, closeWait)
		}
		time.Sleep(50 * time.Microsecond)
	}
	return nil
}
