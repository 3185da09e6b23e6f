package netns

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// newNS makes a namespace for one test. Without the right to do so the test is
// skipped, or fails under CI.
func newNS(t *testing.T) *NS {
	t.Helper()
	n, err := New()
	if errors.Is(err, os.ErrPermission) {
		if os.Getenv("CI") == "true" {
			t.Fatal(err)
		}
		t.Skip(err)
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := n.Close(); err != nil {
			t.Error(err)
		}
	})
	return n
}

func inodeOf(t *testing.T, path string) uint32 {
	t.Helper()
	var st unix.Stat_t
	if err := unix.Stat(path, &st); err != nil {
		t.Fatal(err)
	}
	return uint32(st.Ino)
}

func TestNamespaceIsOfItsOwn(t *testing.T) {
	before := inodeOf(t, "/proc/self/ns/net")
	a, b := newNS(t), newNS(t)
	if a.Inode() == 0 || a.Inode() == b.Inode() || a.Inode() == before {
		t.Fatalf("inodes %d and %d, host %d: want three different ones", a.Inode(), b.Inode(), before)
	}
	for _, n := range []*NS{a, b} {
		err := n.Do(func() error {
			if got := inodeOf(t, "/proc/thread-self/ns/net"); got != n.Inode() {
				return fmt.Errorf("on the thread: inode %d, want %d", got, n.Inode())
			}
			return nil
		})
		if err != nil {
			t.Error(err)
		}
	}
	if after := inodeOf(t, "/proc/self/ns/net"); after != before {
		t.Errorf("the process is in namespace %d, was in %d", after, before)
	}
}

// A namespace must not settle on the main thread, wherever New is called from.
func TestNeverOnTheMainThread(t *testing.T) {
	for range 20 {
		n := newNS(t)
		if err := n.Do(func() error {
			if unix.Gettid() == unix.Getpid() {
				return errors.New("the namespace is on the main thread")
			}
			return nil
		}); err != nil {
			t.Fatal(err)
		}
	}
}

func TestDo(t *testing.T) {
	n := newNS(t)
	want := errors.New("wanted")
	if err := n.Do(func() error { return want }); err != want {
		t.Errorf("error %v, want %v", err, want)
	}
	if err := n.Do(func() error { return n.Do(func() error { return want }) }); err != want {
		t.Errorf("within Do: error %v, want %v", err, want)
	}

	var wg sync.WaitGroup
	running := 0 // written by calls only, which must not overlap
	for range 8 {
		wg.Go(func() {
			for range 50 {
				if err := n.Do(func() error {
					running++
					defer func() { running-- }()
					if running != 1 {
						return fmt.Errorf("%d calls at once", running)
					}
					return nil
				}); err != nil {
					t.Error(err)
				}
			}
		})
	}
	wg.Wait()
}

func TestDoPanics(t *testing.T) {
	n := newNS(t)
	func() {
		defer func() {
			text := fmt.Sprint(recover())
			for _, want := range []string{"broken", "TestDoPanics"} {
				if !strings.Contains(text, want) {
					t.Errorf("panic %q does not mention %q", text, want)
				}
			}
		}()
		_ = n.Do(func() error { panic("broken") })
		t.Error("no panic")
	}()
	if err := n.Do(func() error { return nil }); err != nil {
		t.Errorf("after a panic: %v", err)
	}
}

func TestDoGoexit(t *testing.T) {
	n := newNS(t)
	ended := make(chan bool, 1)
	go func() {
		normal := false
		defer func() { ended <- normal }()
		_ = n.Do(func() error { runtime.Goexit(); return nil })
		normal = true
	}()
	if <-ended {
		t.Error("Do returned although f ended its goroutine")
	}
	<-n.gone
	if err := n.Do(func() error { return nil }); !errors.Is(err, ErrClosed) {
		t.Errorf("afterwards: %v, want %v", err, ErrClosed)
	}
}

func TestClose(t *testing.T) {
	n := newNS(t)
	for range 3 {
		if err := n.Close(); err != nil {
			t.Fatal(err)
		}
	}
	never := func() error { t.Error("run after Close"); return nil }
	if err := n.Do(never); !errors.Is(err, os.ErrClosed) {
		t.Errorf("Do: %v, want %v", err, os.ErrClosed)
	}
	if _, err := n.Device("lo"); !errors.Is(err, ErrClosed) {
		t.Errorf("Device: %v, want %v", err, ErrClosed)
	}
	if _, err := n.Counters("lo"); !errors.Is(err, ErrClosed) {
		t.Errorf("Counters: %v, want %v", err, ErrClosed)
	}
	if err := n.Configure("lo", Link{}); !errors.Is(err, ErrClosed) {
		t.Errorf("Configure: %v, want %v", err, ErrClosed)
	}
}

func TestCloseWithinDo(t *testing.T) {
	n := newNS(t)
	if err := n.Do(n.Close); err != nil {
		t.Fatal(err)
	}
	if err := n.Close(); err != nil {
		t.Fatal(err)
	}
}

func entries(t *testing.T, dir string) []string {
	t.Helper()
	d, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, e := range d {
		target, _ := os.Readlink(filepath.Join(dir, e.Name()))
		names = append(names, e.Name()+" "+target)
	}
	return names
}

func TestNothingLeaks(t *testing.T) {
	turn := func() {
		n := newNS(t)
		dev := openTun(t, n, "tun0", unix.IFF_TUN|unix.IFF_NO_PI)
		if err := n.Configure("tun0", Link{Qdisc: "noqueue"}); err != nil {
			t.Fatal(err)
		}
		if _, err := n.Device("tun0"); err != nil {
			t.Fatal(err)
		}
		if err := unix.Close(dev); err != nil {
			t.Fatal(err)
		}
		if err := n.Close(); err != nil {
			t.Fatal(err)
		}
	}
	for range 3 { // the runtime starts threads of its own at first
		turn()
	}
	fds, threads, goroutines := entries(t, "/proc/self/fd"), len(entries(t, "/proc/self/task")), runtime.NumGoroutine()
	const turns = 20
	for range turns {
		turn()
	}
	if now := entries(t, "/proc/self/fd"); len(now) != len(fds) {
		t.Errorf("descriptors %q, were %q", now, fds)
	}
	if now := runtime.NumGoroutine(); now != goroutines {
		t.Errorf("%d goroutines, were %d", now, goroutines)
	}
	// The runtime may add a thread or two for its own work, not one a turn.
	if now := len(entries(t, "/proc/self/task")); now > threads+turns/4 {
		t.Errorf("%d threads, were %d", now, threads)
	}
}

func TestWithoutTheRight(t *testing.T) {
	for _, c := range []struct {
		errno      unix.Errno
		permission bool
		text       string
	}{
		{unix.EPERM, true, "CAP_SYS_ADMIN"},
		{unix.ENOSPC, false, "max_net_namespaces"},
		{unix.EINVAL, false, "CONFIG_NET_NS"},
		{unix.ENOMEM, false, "unshare"},
	} {
		err := unshareError(c.errno)
		if errors.Is(err, os.ErrPermission) != c.permission || !errors.Is(err, c.errno) || !strings.Contains(err.Error(), c.text) {
			t.Errorf("%v: %q", c.errno, err)
		}
	}
}

// withoutCapability runs f on a thread that lacks one effective capability.
func withoutCapability(t *testing.T, capability int, f func()) {
	t.Helper()
	done := make(chan error)
	go func() {
		runtime.LockOSThread() // never unlocked: the thread stays without it
		hdr := unix.CapUserHeader{Version: unix.LINUX_CAPABILITY_VERSION_3}
		var set [2]unix.CapUserData
		err := unix.Capget(&hdr, &set[0])
		if err == nil {
			set[capability/32].Effective &^= 1 << (capability % 32)
			err = unix.Capset(&hdr, &set[0])
		}
		if err == nil {
			f()
		}
		done <- err
	}()
	select {
	case err := <-done:
		if err != nil {
			t.Fatal(err)
		}
	case <-time.After(10 * time.Second):
		t.Fatal("f does not return")
	}
}

func TestUnshareRefused(t *testing.T) {
	newNS(t) // without the right there is nothing to drop
	withoutCapability(t, unix.CAP_SYS_ADMIN, func() {
		err := unix.Unshare(unix.CLONE_NEWNET)
		if err = unshareError(err); !errors.Is(err, os.ErrPermission) {
			t.Errorf("%v, want permission denied", err)
		}
	})
}
