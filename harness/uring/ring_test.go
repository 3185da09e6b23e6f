package uring

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"golang.org/x/sys/unix"
)

// opened gives an enabled ring, on a thread that the test keeps.
func opened(t *testing.T, requests, completions int) *Ring {
	t.Helper()
	runtime.LockOSThread()
	t.Cleanup(runtime.UnlockOSThread)
	r, err := Open(requests, completions)
	var refused *CallError
	if errors.As(err, &refused) && refused.Unsupported() && os.Getenv("CI") != "true" {
		t.Skipf("this kernel has no io_uring: %v", err)
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := r.Close(); err != nil {
			t.Error(err)
		}
	})
	if err := r.Enable(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := r.Release(); err != nil {
			t.Error(err)
		}
	})
	return r
}

func buffers(t *testing.T, count, size int) *Buffers {
	t.Helper()
	b, err := NewBuffers(count, size)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := b.Close(); err != nil {
			t.Error(err)
		}
	})
	return b
}

// datagrams gives a pair of sockets, of which the first is read: as a queue of
// a device, it gives one packet for each read.
func datagrams(t *testing.T) (reads, writes int) {
	t.Helper()
	fds, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC|unix.SOCK_NONBLOCK, 0)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { unix.Close(fds[0]); unix.Close(fds[1]) })
	return fds[0], fds[1]
}

func put(t *testing.T, fd int, text string) {
	t.Helper()
	if _, err := unix.Write(fd, []byte(text)); err != nil {
		t.Fatal(err)
	}
}

// await enters until that many completions are there, and takes them.
func await(t *testing.T, r *Ring, n int) (list []CQE) {
	t.Helper()
	for r.Ready() < n {
		if _, errno := r.Enter(n); errno != 0 && errno != unix.EINTR {
			t.Fatalf("enter: %v", errno)
		}
	}
	for i := range r.Ready() {
		list = append(list, *r.Completion(i))
	}
	r.Seen(len(list))
	return list
}

// TestReadsComeInOrder holds that requests of one call are done one after the
// other, whatever kind of read they are, and that those that find nothing say
// so and do not wait.
func TestReadsComeInOrder(t *testing.T) {
	r := opened(t, 8, 16)
	b := buffers(t, 8, 100)
	in, out := datagrams(t)
	if err := errors.Join(r.RegisterBuffers(b), r.RegisterFiles(in)); err != nil {
		t.Fatal(err)
	}
	for round := range 20 { // more than the queues are long
		for i := range 5 {
			put(t, out, fmt.Sprint("packet ", round, " ", i))
		}
		for i := range 8 {
			e := r.Prepare()
			if i%2 == 0 {
				e.ReadFixed(0, b.At(i), i, NoWait)
				e.Flags |= FixedFile
			} else {
				e.Read(in, b.At(i), NoWait)
			}
			e.Data = uint64(i)
		}
		if r.Prepare() != nil {
			t.Fatal("a full queue gave a place")
		}
		if n, errno := r.Submit(); n != 8 || errno != 0 {
			t.Fatalf("%d requests were taken, want 8: %v", n, errno)
		}
		if r.Ready() != 8 {
			t.Fatalf("%d completions, want 8 without waiting", r.Ready())
		}
		for i, e := range await(t, r, 8) {
			want := fmt.Sprint("packet ", round, " ", i)
			switch {
			case e.Data != uint64(i):
				t.Errorf("completion %d is of request %d", i, e.Data)
			case i >= 5 && e.Err() != unix.EAGAIN:
				t.Errorf("request %d: %v, want EAGAIN", i, e.Err())
			case i < 5 && (e.Err() != 0 || string(b.At(i)[:e.Res]) != want):
				t.Errorf("request %d: %v %q, want %q", i, e.Err(), b.At(i)[:max(0, e.Res)], want)
			}
		}
	}
}

// TestReadWaits: a read without NoWait waits for what is to come, and a kernel
// that has SINGLE_ISSUER needs the wait to do the work.
func TestReadWaits(t *testing.T) {
	r := opened(t, 4, 8)
	b := buffers(t, 1, 100)
	in, out := datagrams(t)
	r.Prepare().Read(in, b.At(0), 0)
	if n, errno := r.Enter(0); n != 1 || errno != 0 || r.Ready() != 0 {
		t.Fatalf("%d taken, %v, %d complete, want 1 that waits", n, errno, r.Ready())
	}
	put(t, out, "late")
	if e := await(t, r, 1)[0]; e.Err() != 0 || string(b.At(0)[:e.Res]) != "late" {
		t.Errorf("%v %q", e.Err(), b.At(0)[:max(0, e.Res)])
	}
}

// TestCancel holds that what is cancelled says so and nothing is lost: a packet
// is either in a buffer or still to be read.
func TestCancel(t *testing.T) {
	for _, all := range []bool{false, true} {
		r := opened(t, 4, 8)
		b := buffers(t, 1, 100)
		in, out := datagrams(t)
		e := r.Prepare()
		e.Read(in, b.At(0), 0)
		e.Data = 7
		if _, errno := r.Enter(0); errno != 0 {
			t.Fatal(errno)
		}
		e = r.Prepare()
		if all {
			e.CancelAll()
		} else {
			e.Cancel(7)
		}
		e.Data = 8
		for _, e := range await(t, r, 2) {
			if e.Data == 7 && e.Err() != unix.ECANCELED || e.Data == 8 && e.Err() != 0 {
				t.Errorf("all %v: request %d: %v", all, e.Data, e.Err())
			}
		}
		put(t, out, "still there")
		r.Prepare().Read(in, b.At(0), NoWait)
		if e := await(t, r, 1)[0]; string(b.At(0)[:max(0, e.Res)]) != "still there" {
			t.Errorf("all %v: %v %q", all, e.Err(), b.At(0)[:max(0, e.Res)])
		}
	}
}

// TestWrites holds that writes of one call arrive in order and that each error
// is that of its own request.
func TestWrites(t *testing.T) {
	r := opened(t, 8, 16)
	b := buffers(t, 8, 100)
	in, out := datagrams(t)
	if err := errors.Join(r.RegisterBuffers(b), r.RegisterFiles(out)); err != nil {
		t.Fatal(err)
	}
	for i := range 8 {
		n := copy(b.At(i), fmt.Sprint("packet ", i))
		e := r.Prepare()
		switch {
		case i == 3:
			e.Write(-1, b.At(i)[:n], 0)
		case i%2 == 0:
			e.Write(out, b.At(i)[:n], 0)
		default:
			e.WriteFixed(0, b.At(i)[:n], i, 0)
			e.Flags |= FixedFile
		}
		e.Data = uint64(i)
	}
	for _, e := range await(t, r, 8) {
		if want := map[bool]unix.Errno{true: unix.EBADF}[e.Data == 3]; e.Err() != want {
			t.Errorf("request %d: %v, want %v", e.Data, e.Err(), want)
		}
	}
	got := make([]byte, 100)
	for _, i := range []int{0, 1, 2, 4, 5, 6, 7} {
		if n, err := unix.Read(in, got); err != nil || string(got[:n]) != fmt.Sprint("packet ", i) {
			t.Errorf("%v %q, want packet %d", err, got[:max(0, n)], i)
		}
	}
}

// TestMultishot holds that reads without end use every buffer of their group
// over and over, stop when there are none, and go on.
func TestMultishot(t *testing.T) {
	r := opened(t, 4, 16)
	if err := lacks(Multishot); err != nil {
		t.Skipf("this kernel has no %s: %v", Multishot, err)
	}
	b := buffers(t, 4, 100)
	in, out := datagrams(t)
	g, err := r.RegisterGroup(3, b)
	if err != nil {
		t.Fatal(err)
	}
	armed, next := false, 0
	for sent := range 1000 {
		put(t, out, fmt.Sprint("packet ", sent))
		if sent%7 != 0 { // up to seven wait, for four buffers
			continue
		}
		for next <= sent {
			if !armed {
				r.Prepare().ReadMultishot(in, 3)
				armed = true
			}
			for _, e := range await(t, r, 1) {
				armed = e.More()
				if e.Err() == unix.ENOBUFS {
					continue
				}
				i, ok := e.Buffer()
				if !ok || e.Err() != 0 || string(b.At(i)[:e.Res]) != fmt.Sprint("packet ", next) {
					t.Fatalf("packet %d: %v, buffer %d %v", next, e.Err(), i, ok)
				}
				clear(b.At(i))
				g.Give(i)
				next++
			}
			g.Publish()
		}
	}
	r.Prepare().CancelAll()
	for armed {
		for _, e := range await(t, r, 1) {
			armed = armed && e.Err() != unix.ECANCELED
		}
	}
}

func lacks(feature string) error {
	for _, f := range Probe() {
		if f.Name == feature {
			return f.Err
		}
	}
	return nil
}

func TestProbe(t *testing.T) {
	opened(t, 1, 1)
	for i, f := range Probe() {
		t.Logf("%s: %s %v", f.Name, f.Detail, f.Err)
		var refused *CallError
		if f.Err != nil && (i == 0 || !errors.As(f.Err, &refused) || !refused.Unsupported()) {
			t.Errorf("%s: %v", f.Name, f.Err)
		}
		if f.Err == nil && f.Detail == "" {
			t.Errorf("%s: no detail", f.Name)
		}
	}
}

// TestReleaseLetsGo holds that a file is closed when the ring has let go of it,
// while the ring is still there.
func TestReleaseLetsGo(t *testing.T) {
	for _, enabled := range []bool{false, true} {
		runtime.LockOSThread()
		r, err := Open(4, 8)
		if err != nil {
			t.Fatal(err)
		}
		var pipe [2]int
		if err := unix.Pipe2(pipe[:], unix.O_CLOEXEC|unix.O_NONBLOCK); err != nil {
			t.Fatal(err)
		}
		if err := r.RegisterFiles(pipe[1]); err != nil {
			t.Fatal(err)
		}
		unix.Close(pipe[1])
		hungUp := func() bool {
			_, err := unix.Read(pipe[0], make([]byte, 1))
			return err == nil // end of file
		}
		if hungUp() {
			t.Fatal("the ring does not hold the file")
		}
		if enabled {
			err = r.Enable()
		}
		if err := errors.Join(err, r.Release()); err != nil {
			t.Fatal(err)
		}
		if !hungUp() {
			t.Errorf("enabled %v: the file is still held", enabled)
		}
		if err := errors.Join(r.Close(), r.Close()); err != nil {
			t.Errorf("close twice: %v", err)
		}
		unix.Close(pipe[0])
		runtime.UnlockOSThread()
	}
}

// TestNothingIsLeft: every descriptor and mapping of a ring goes with it.
func TestNothingIsLeft(t *testing.T) {
	descriptors := func() int {
		entries, err := os.ReadDir("/proc/self/fd")
		if err != nil {
			t.Fatal(err)
		}
		return len(entries)
	}
	mappings := func() int {
		maps, err := os.ReadFile("/proc/self/maps")
		if err != nil {
			t.Fatal(err)
		}
		return bytes.Count(maps, []byte("io_uring"))
	}
	Probe()
	fds, maps := descriptors(), mappings()
	for range 20 {
		Probe()
	}
	if now := descriptors(); now != fds {
		t.Errorf("%d descriptors before, %d after", fds, now)
	}
	if now := mappings(); now != maps {
		t.Errorf("%d mappings before, %d after", maps, now)
	}
	links, err := filepath.Glob("/proc/self/fd/*")
	if err != nil {
		t.Fatal(err)
	}
	for _, link := range links {
		if to, err := os.Readlink(link); err == nil && strings.Contains(to, "io_uring") {
			t.Errorf("%s is %s", link, to)
		}
	}
}

func TestUnsupported(t *testing.T) {
	for errno, want := range map[unix.Errno]bool{
		unix.ENOSYS: true, unix.EPERM: true, unix.EINVAL: true, unix.ENOMEM: false, unix.EIO: false, unix.EMFILE: false,
	} {
		err := fmt.Errorf("open the ring: %w", &CallError{"io_uring_setup", errno})
		var refused *CallError
		if !errors.As(err, &refused) || refused.Unsupported() != want || !errors.Is(err, errno) {
			t.Errorf("%v: unsupported %v, want %v", err, refused.Unsupported(), want)
		}
	}
}

// TestBuffersLieApart holds that buffers do not overlap and begin in different
// sets of a cache.
func TestBuffersLieApart(t *testing.T) {
	for _, size := range []int{1, 64, 100, 1542, 65577} {
		b := buffers(t, 8, size)
		if b.Len() != 8 || len(b.At(0)) != size || cap(b.At(0)) != size {
			t.Fatalf("%d buffers of %d bytes, want 8 of %d", b.Len(), len(b.At(0)), size)
		}
		sets := map[uint64]bool{}
		for i := range b.Len() {
			for j := range b.At(i) {
				if b.At(i)[j] != 0 {
					t.Fatalf("buffer %d of %d bytes overlaps", i, size)
				}
				b.At(i)[j] = 1
			}
			sets[address(b.At(i))/line%64] = true
		}
		if len(sets) != 8 {
			t.Errorf("size %d: 8 buffers begin in %d sets", size, len(sets))
		}
	}
}
