package tuntap

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"
	"unsafe"

	"github.com/google/go-cmp/cmp"
	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"
)

// inNamespace runs f on a thread of its own in a fresh network namespace. The
// thread is never unlocked, so that it ends with the goroutine and the
// namespace with it. f must not call t.Fatal: it returns an error.
func inNamespace(t *testing.T, f func() error) {
	t.Helper()
	requireRoot(t)
	done := make(chan error, 1)
	go func() {
		runtime.LockOSThread()
		if err := unix.Unshare(unix.CLONE_NEWNET); err != nil {
			done <- fmt.Errorf("unshare the network namespace: %w", err)
			return
		}
		done <- f()
	}()
	if err := <-done; err != nil {
		t.Fatal(err)
	}
}

func requireRoot(t *testing.T) {
	t.Helper()
	if os.Geteuid() == 0 {
		return
	}
	const reason = "needs root: network namespaces and TUN/TAP devices are made"
	if os.Getenv("CI") == "true" {
		t.Fatal(reason)
	}
	t.Skip(reason)
}

// descriptors counts the open ones of the process.
func descriptors(t *testing.T) int {
	t.Helper()
	entries, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		t.Fatal(err)
	}
	return len(entries)
}

// noLeak fails the test if it ends with more descriptors than it began with.
func noLeak(t *testing.T) {
	t.Helper()
	// Go's poller takes two descriptors with the first pipe and keeps them.
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	r.Close()
	w.Close()
	before := descriptors(t)
	t.Cleanup(func() {
		if after := descriptors(t); after > before {
			t.Errorf("%d descriptors before, %d after", before, after)
		}
	})
}

// withDevice creates a device in a fresh namespace, runs f and closes it.
func withDevice(t *testing.T, c Config, f func(d *Device) error) {
	t.Helper()
	noLeak(t)
	inNamespace(t, func() error {
		d, err := Create(c)
		if err != nil {
			return err
		}
		return errors.Join(f(d), d.Close())
	})
}

func TestCreate(t *testing.T) {
	for _, test := range []struct {
		name  string
		c     Config
		flags uint32 // besides those of the kind
	}{
		{"tun", Config{Queues: 1}, unix.IFF_NO_PI},
		{"tap", Config{Queues: 1, TAP: true}, unix.IFF_NO_PI},
		{"pi", Config{Queues: 1, PI: true}, 0},
		{"vnet 10", Config{Queues: 1, VnetHdr: 10, Offload: OffCsum | OffTSO4 | OffTSO6}, unix.IFF_NO_PI | unix.IFF_VNET_HDR},
		{"vnet 12", Config{Queues: 2, VnetHdr: 12}, unix.IFF_NO_PI | unix.IFF_VNET_HDR | unix.IFF_MULTI_QUEUE},
		{"vnet 20", Config{Queues: 1, TAP: true, VnetHdr: 20}, unix.IFF_NO_PI | unix.IFF_VNET_HDR},
		{"vnet 24", Config{Queues: 4, VnetHdr: 24, PI: true}, unix.IFF_VNET_HDR | unix.IFF_MULTI_QUEUE},
		{"napi", Config{Queues: 2, NAPI: true}, unix.IFF_NO_PI | unix.IFF_NAPI | unix.IFF_MULTI_QUEUE},
		{"napi frags", Config{Queues: 1, TAP: true, NAPIFrags: true}, unix.IFF_NO_PI | unix.IFF_NAPI | unix.IFF_NAPI_FRAGS},
		{"sndbuf", Config{Queues: 2, SndBuf: 1 << 17}, unix.IFF_NO_PI | unix.IFF_MULTI_QUEUE},
		{"exclusive", Config{Name: "excl0", Queues: 2, Exclusive: true}, unix.IFF_NO_PI | unix.IFF_MULTI_QUEUE},
		{"no carrier", Config{Queues: 2, NoCarrier: true}, unix.IFF_NO_PI | unix.IFF_MULTI_QUEUE},
		{"index", Config{Queues: 2, Ifindex: 4711}, unix.IFF_NO_PI | unix.IFF_MULTI_QUEUE},
		{"non-blocking", Config{Queues: 1, NonBlock: true}, unix.IFF_NO_PI},
		{"name pattern", Config{Name: "bench%d", Queues: 2, TAP: true}, unix.IFF_NO_PI | unix.IFF_MULTI_QUEUE},
		{"256 queues", Config{Queues: 256}, unix.IFF_NO_PI | unix.IFF_MULTI_QUEUE},
	} {
		t.Run(test.name, func(t *testing.T) {
			withDevice(t, test.c, func(d *Device) error {
				want := test.flags | unix.IFF_TUN
				if test.c.TAP {
					want = test.flags | unix.IFF_TAP
				}
				flags, err := d.Flags()
				if err != nil {
					return err
				}
				if diff := cmp.Diff(FlagNames(want), FlagNames(flags)); diff != "" {
					t.Errorf("flags (-want +got):\n%s", diff)
				}
				names, err := d.FlagNames()
				if err != nil || !slices.Equal(names, FlagNames(flags)) {
					t.Errorf("flag names %v, %v", names, err)
				}
				if size, err := d.VnetHdrSize(); err != nil || size != test.c.VnetHdr {
					t.Errorf("vnet header size %d, %v; want %d", size, err, test.c.VnetHdr)
				}
				if bytes, err := d.SndBuf(); err != nil || test.c.SndBuf != 0 && bytes != test.c.SndBuf {
					t.Errorf("send buffer %d, %v; want %d", bytes, err, test.c.SndBuf)
				}
				if n := len(d.Queues()); n != test.c.Queues {
					t.Errorf("%d queues, want %d", n, test.c.Queues)
				}
				for i, q := range d.Queues() {
					if q.Index() != i {
						t.Errorf("queue %d has index %d", i, q.Index())
					}
					checkDescriptor(t, q.FD(), test.c.NonBlock)
				}
				link, err := Lookup(d.Name())
				if err != nil {
					return err
				}
				wantLink := Existing{
					Name: d.Name(), Ifindex: d.Ifindex(), TAP: test.c.TAP, Detailed: true, Queues: test.c.Queues,
					Flags: want &^ (unix.IFF_NAPI | unix.IFF_NAPI_FRAGS), Carrier: !test.c.NoCarrier,
				}
				if diff := cmp.Diff(wantLink, link); diff != "" {
					t.Errorf("link (-want +got):\n%s", diff)
				}
				if test.c.Ifindex != 0 && d.Ifindex() != test.c.Ifindex {
					t.Errorf("index %d, want %d", d.Ifindex(), test.c.Ifindex)
				}
				return nil
			})
		})
	}
}

func checkDescriptor(t *testing.T, fd int, nonblock bool) {
	t.Helper()
	if f, err := unix.FcntlInt(uintptr(fd), unix.F_GETFD, 0); err != nil || f&unix.FD_CLOEXEC == 0 {
		t.Errorf("descriptor flags %#x, %v; want FD_CLOEXEC", f, err)
	}
	if f, err := unix.FcntlInt(uintptr(fd), unix.F_GETFL, 0); err != nil || f&unix.O_NONBLOCK != 0 != nonblock {
		t.Errorf("status flags %#x, %v; want O_NONBLOCK %t", f, err, nonblock)
	}
}

func TestCreateRefused(t *testing.T) {
	noLeak(t)
	inNamespace(t, func() error {
		held, err := Create(Config{Name: "held0", Queues: 1})
		if err != nil {
			return err
		}
		defer held.Close()
		for _, test := range []struct {
			name        string
			c           Config
			text        string
			is          error
			unsupported bool
		}{
			{"257 queues", Config{Name: "many0", Queues: 257},
				"add a queue to many0 as IFF_TUN|IFF_MULTI_QUEUE|IFF_NO_PI: argument list too long (TUNSETIFF): it has 256 queues already and the kernel takes no more", unix.E2BIG, true},
			{"unknown offload", Config{Name: "off0", Queues: 2, VnetHdr: 10, Offload: OffCsum | 1<<20},
				"set offloads of off0 to csum+0x100000: invalid argument (TUNSETOFFLOAD)", unix.EINVAL, true},
			{"uso4 alone", Config{Name: "off0", Queues: 1, VnetHdr: 10, Offload: OffCsum | OffUSO4},
				"set offloads of off0 to csum+uso4: invalid argument (TUNSETOFFLOAD)", unix.EINVAL, true},
			{"name in use", Config{Name: "held0", Queues: 1},
				"create held0 as IFF_TUN|IFF_NO_PI: device or resource busy (TUNSETIFF): a device of that name exists and is in use, or was to be new", unix.EBUSY, false},
			{"exclusive name", Config{Name: "held0", Queues: 1, Exclusive: true},
				"create held0 as IFF_TUN|IFF_NO_PI|IFF_TUN_EXCL: device or resource busy (TUNSETIFF): a device of that name exists and is in use, or was to be new", unix.EBUSY, false},
			{"another kind", Config{Name: "held0", Queues: 1, TAP: true},
				"create held0 as IFF_TAP|IFF_NO_PI: invalid argument (TUNSETIFF): a tun/tap device of that name exists, of another kind or queue mode", unix.EINVAL, false},
			{"loopback", Config{Name: "lo", Queues: 1},
				"create lo as IFF_TUN|IFF_NO_PI: invalid argument (TUNSETIFF): an interface of that name exists and is not a tun/tap device", unix.EINVAL, false},
			{"not a program", Config{Name: "prog0", Queues: 1, SteeringFD: held.Queues()[0].FD()},
				fmt.Sprintf("set steering program of prog0 to descriptor %d: invalid argument (TUNSETSTEERINGEBPF)", held.Queues()[0].FD()), unix.EINVAL, true},
		} {
			before := descriptors(t)
			d, err := Create(test.c)
			if err == nil {
				t.Errorf("%s: created", test.name)
				d.Close()
				continue
			}
			if err.Error() != test.text || !errors.Is(err, test.is) {
				t.Errorf("%s:\n got %q\nwant %q", test.name, err, test.text)
			}
			var e *OptionError
			if !errors.As(err, &e) || e.Unsupported() != test.unsupported {
				t.Errorf("%s: unsupported is not %t", test.name, test.unsupported)
			}
			if after := descriptors(t); after != before {
				t.Errorf("%s: %d descriptors before, %d after", test.name, before, after)
			}
		}
		left, err := List()
		if err != nil {
			return err
		}
		if len(left) != 1 || left[0].Name != "held0" {
			t.Errorf("devices left behind: %v", left)
		}
		return nil
	})
}

func TestIgnoredFlagIsAnError(t *testing.T) {
	noLeak(t)
	inNamespace(t, func() error {
		known, err := Features()
		if err != nil {
			return err
		}
		d, err := Create(Config{Name: "bp0", Queues: 1, Backpressure: true})
		if err == nil {
			defer d.Close()
			if known&iffBackpressure == 0 {
				t.Error("created, although the kernel does not know IFF_BACKPRESSURE")
			}
			return nil
		}
		var e *OptionError
		if !errors.As(err, &e) || !e.Unsupported() || e.Errno != 0 || errors.Unwrap(e) != nil {
			t.Errorf("got %#v", err)
		}
		const want = "create bp0 as IFF_TUN|IFF_BACKPRESSURE: the kernel accepted it, but made it IFF_TUN (TUNSETIFF)"
		if err.Error() != want {
			t.Errorf("got %q, want %q", err, want)
		}
		return nil
	})
}

func TestConfigRefused(t *testing.T) {
	for _, c := range []Config{
		{},
		{Queues: -1},
		{Queues: 1, Name: "sixteen-bytes-xx"},
		{Queues: 1, Name: "a/b"},
		{Queues: 1, Name: ".."},
		{Queues: 1, VnetHdr: 11},
		{Queues: 1, Offload: OffCsum},
		{Queues: 1, NAPIFrags: true},
		{Queues: 1, SndBuf: -1},
		{Queues: 1, Ifindex: -1},
		{Queues: 1, SteeringFD: -1},
	} {
		if d, err := Create(c); err == nil {
			d.Close()
			t.Errorf("%+v: created", c)
		} else if !strings.HasPrefix(err.Error(), "create tun/tap device: ") {
			t.Errorf("%+v: %v", c, err)
		}
	}
}

func TestAddQueueAndClose(t *testing.T) {
	noLeak(t)
	var d *Device
	inNamespace(t, func() (err error) {
		if d, err = Create(Config{Queues: 2, SndBuf: 1 << 16}); err != nil {
			return err
		}
		q, err := d.AddQueue()
		if err != nil {
			return err
		}
		if got, err := ioctlGetInt(q.FD(), unix.TUNGETSNDBUF); err != nil || got != 1<<16 {
			t.Errorf("send buffer of the new queue %d, %v", got, err)
		}
		first := d.Queues()[0]
		if err := first.Close(); err != nil {
			return err
		}
		if i := q.Index(); i != 0 {
			t.Errorf("after closing queue 0, the last queue is %d", i)
		}
		if i := first.Index(); i != -1 {
			t.Errorf("a closed queue has index %d", i)
		}
		if err := first.Detach(); !errors.Is(err, os.ErrClosed) {
			t.Errorf("detach a closed queue: %v", err)
		}
		return first.Close()
	})
	// Elsewhere TUNSETIFF would make a second device of that name.
	inNamespace(t, func() error {
		if _, err := d.AddQueue(); err == nil || !strings.Contains(err.Error(), "namespace") {
			t.Errorf("add a queue from another namespace: %v", err)
		}
		left, err := List()
		if len(left) != 0 {
			t.Errorf("devices made in the wrong namespace: %v", left)
		}
		return err
	})
	for range 2 {
		if err := d.Close(); err != nil {
			t.Error(err)
		}
	}
	if _, err := d.AddQueue(); !errors.Is(err, os.ErrClosed) {
		t.Errorf("add a queue after close: %v", err)
	}
	if _, err := d.Flags(); !errors.Is(err, os.ErrClosed) {
		t.Errorf("flags after close: %v", err)
	}
	withDevice(t, Config{Name: "one0", Queues: 1}, func(d *Device) error {
		_, err := d.AddQueue()
		if err == nil || !strings.Contains(err.Error(), "single queue") {
			t.Errorf("second queue of a single-queue device: %v", err)
		}
		return nil
	})
}

func TestAttachDetach(t *testing.T) {
	withDevice(t, Config{Queues: 3}, func(d *Device) error {
		count := func(queues, disabled int) {
			t.Helper()
			link, err := Lookup(d.Name())
			if err != nil || link.Queues != queues || link.DisabledQueues != disabled {
				t.Errorf("link %+v, %v; want %d queues, %d disabled", link, err, queues, disabled)
			}
		}
		q := d.Queues()
		count(3, 0)
		if err := q[0].Detach(); err != nil {
			return err
		}
		count(2, 1)
		if got := []int{q[0].Index(), q[1].Index(), q[2].Index()}; !slices.Equal(got, []int{-1, 1, 0}) {
			t.Errorf("indices %v after detaching queue 0", got)
		}
		if flags, err := d.Flags(); err != nil || flags&unix.IFF_DETACH_QUEUE != 0 {
			t.Errorf("device flags %v, %v", FlagNames(flags), err)
		}
		var e *OptionError
		if err := q[0].Detach(); !errors.As(err, &e) || e.Unsupported() || !strings.Contains(err.Error(), "detached already") {
			t.Errorf("detach twice: %v", err)
		}
		if err := q[1].Attach(); !errors.As(err, &e) || e.Unsupported() || !strings.Contains(err.Error(), "attached already") {
			t.Errorf("attach twice: %v", err)
		}
		if err := q[0].Attach(); err != nil {
			return err
		}
		count(3, 0)
		if i := q[0].Index(); i != 2 {
			t.Errorf("reattached queue has index %d", i)
		}
		return nil
	})
	withDevice(t, Config{Queues: 1}, func(d *Device) error {
		if err := d.Queues()[0].Detach(); err == nil || !strings.Contains(err.Error(), "multi-queue") {
			t.Errorf("detach of a single queue: %v", err)
		}
		return nil
	})
}

// raise gives the device an address and sets it up; destinations in
// 10.7.0.0/16 then leave through it.
func raise(d *Device) error {
	link, err := netlink.LinkByName(d.Name())
	if err != nil {
		return err
	}
	addr, err := netlink.ParseAddr("10.7.0.1/16")
	if err != nil {
		return err
	}
	return errors.Join(netlink.AddrAdd(link, addr), netlink.LinkSetUp(link))
}

// sendUDP sends one datagram to 10.7.0.2.
func sendUDP(payload []byte) error {
	s, err := unix.Socket(unix.AF_INET, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return err
	}
	defer unix.Close(s)
	return unix.Sendto(s, payload, 0, &unix.SockaddrInet4{Port: 9, Addr: [4]byte{10, 7, 0, 2}})
}

// receiver waits for payload on one of the queues and returns that queue. Other
// packets, such as router solicitations, are skipped.
func receiver(queues []*Queue, payload []byte) (*Queue, error) {
	deadline := time.Now().Add(5 * time.Second)
	b := make([]byte, 2048)
	for time.Now().Before(deadline) {
		for _, q := range queues {
			n, err := unix.Read(q.FD(), b)
			if err != nil && !errors.Is(err, unix.EAGAIN) {
				return nil, err
			}
			if err == nil && bytes.HasSuffix(b[:n], payload) {
				return q, nil
			}
		}
		time.Sleep(time.Millisecond)
	}
	return nil, errors.New("no queue received the packet")
}

// TestIndexIsTheKernels proves Index by steering to each number, also after a
// queue has been detached and the last one has taken over its number.
func TestIndexIsTheKernels(t *testing.T) {
	withDevice(t, Config{Queues: 4, NonBlock: true}, func(d *Device) error {
		if err := raise(d); err != nil {
			return err
		}
		check := func() error {
			for want := range len(d.attached) {
				prog, err := loadConstant(int32(want))
				if err != nil {
					return err
				}
				err = errors.Join(d.SetSteering(prog), unix.Close(prog))
				if err != nil {
					return err
				}
				payload := fmt.Appendf(nil, "for queue %d", want)
				if err := sendUDP(payload); err != nil {
					return err
				}
				q, err := receiver(d.Queues(), payload)
				if err != nil {
					return err
				}
				if q.Index() != want {
					t.Errorf("steered to %d, received by the queue with index %d", want, q.Index())
				}
			}
			return nil
		}
		q := d.Queues()
		return errors.Join(check(), q[1].Detach(), check(), q[0].Detach(), q[1].Attach(), check(), q[2].Close(), check())
	})
}

func TestFilterPrograms(t *testing.T) {
	noLeak(t)
	inNamespace(t, func() error {
		keepNone, err := loadConstant(0)
		if err != nil {
			return err
		}
		keepAll, err := loadConstant(-1)
		if err != nil {
			return err
		}
		d, err := Create(Config{Queues: 1, NonBlock: true, FilterFD: keepNone, SteeringFD: keepAll})
		if err != nil {
			return err
		}
		defer d.Close()
		if err := errors.Join(unix.Close(keepAll), raise(d), sendUDP([]byte("dropped")), d.SetFilterEBPF(-1), unix.Close(keepNone), sendUDP([]byte("kept"))); err != nil {
			return err
		}
		b := make([]byte, 2048)
		for {
			n, err := d.Queues()[0].Read(b)
			switch {
			case err != nil:
				return err
			case bytes.HasSuffix(b[:n], []byte("dropped")):
				t.Error("the filter program let a packet pass")
			case bytes.HasSuffix(b[:n], []byte("kept")):
				return d.SetSteering(-1)
			}
		}
	})
}

func TestClassicFilter(t *testing.T) {
	withDevice(t, Config{Queues: 2, TAP: true}, func(d *Device) error {
		if _, err := d.GetFilter(); err == nil {
			t.Error("got a filter where there is none")
		}
		if err := d.AttachFilter(acceptAll); err != nil {
			return err
		}
		got, err := d.GetFilter()
		if err != nil {
			return err
		}
		if diff := cmp.Diff(acceptAll, got); diff != "" {
			t.Errorf("filter (-want +got):\n%s", diff)
		}
		var e *OptionError
		if err := d.AttachFilter([]unix.SockFilter{{Code: 0xffff}}); !errors.As(err, &e) || e.Errno != unix.EINVAL {
			t.Errorf("attach nonsense: %v", err)
		}
		if got, err = d.GetFilter(); err != nil || !slices.Equal(got, acceptAll) {
			t.Errorf("after a refused program the filter is %v, %v", got, err)
		}
		// A filter makes tun_attach skip the queue and report success.
		q, err := d.AddQueue()
		if err != nil {
			return err
		}
		if err := q.Detach(); err != nil {
			return err
		}
		if err := q.Attach(); err != nil && !strings.Contains(err.Error(), "DetachFilter") {
			t.Errorf("attach a queue while there is a filter: %v", err)
		} else if link, err2 := Lookup(d.Name()); err2 != nil || (link.Queues == 3) != (err == nil) {
			t.Errorf("attach says %v, the link says %+v, %v", err, link, err2)
		}
		if err := d.DetachFilter(); err != nil {
			return err
		}
		if q.Index() < 0 {
			if err := q.Attach(); err != nil {
				return err
			}
		}
		if q.Index() != 2 {
			t.Errorf("index %d", q.Index())
		}
		return nil
	})
	withDevice(t, Config{Queues: 2, TAP: true, PI: true}, func(d *Device) error {
		if err := d.AttachFilter(acceptAll); err != nil {
			return err
		}
		if _, err := d.AddQueue(); err != nil {
			return err
		}
		link, err := Lookup(d.Name())
		if link.Queues != 3 || link.Flags&unix.IFF_NO_PI != 0 {
			t.Errorf("link %+v", link)
		}
		return err
	})
	withDevice(t, Config{Queues: 1}, func(d *Device) error {
		for _, err := range []error{d.AttachFilter(acceptAll), d.DetachFilter(), d.SetTxFilter(nil, false)} {
			var e *OptionError
			if !errors.As(err, &e) || e.Unsupported() || !strings.Contains(err.Error(), "only tap devices have it") {
				t.Errorf("classic filter of a tun device: %v", err)
			}
		}
		return nil
	})
}

func TestTxFilter(t *testing.T) {
	unicast := func(n int) (addrs []net.HardwareAddr) {
		for i := range n {
			addrs = append(addrs, net.HardwareAddr{2, 0, 0, 0, 0, byte(i)})
		}
		return addrs
	}
	withDevice(t, Config{Queues: 1, TAP: true}, func(d *Device) error {
		multicast := append(unicast(8), net.HardwareAddr{0x33, 0x33, 0, 0, 0, 1})
		if err := errors.Join(d.SetTxFilter(unicast(1), false), d.SetTxFilter(multicast, true), d.SetTxFilter(nil, false)); err != nil {
			return err
		}
		// The kernel turns the filter off and reports success.
		if err := d.SetTxFilter(unicast(9), false); err == nil || !strings.Contains(err.Error(), "multicast") {
			t.Errorf("nine unicast addresses: %v", err)
		}
		if err := d.SetTxFilter([]net.HardwareAddr{{1, 2, 3}}, false); err == nil {
			t.Error("a short address was taken")
		}
		return nil
	})
	b, err := txFilter(unicast(1), true)
	if err != nil {
		t.Fatal(err)
	}
	want := binary.NativeEndian.AppendUint16(binary.NativeEndian.AppendUint16(nil, 1), 1)
	want = append(want, 2, 0, 0, 0, 0, 0)
	if !bytes.Equal(b, want) {
		t.Errorf("struct tun_filter is % x, want % x", b, want)
	}
}

func TestDeviceOptions(t *testing.T) {
	withDevice(t, Config{Name: "opt0", Queues: 2, VnetHdr: 12}, func(d *Device) error {
		if err := errors.Join(d.SetOwner(7), d.SetGroup(8), d.SetPersist(true), d.SetCarrier(false), d.SetDebug(1), d.SetLinkType(unix.ARPHRD_ETHER)); err != nil {
			return err
		}
		link, err := Lookup("opt0")
		if err != nil {
			return err
		}
		if link.Owner == nil || *link.Owner != 7 || link.Group == nil || *link.Group != 8 || !link.Persist || link.Carrier || link.Flags&unix.IFF_PERSIST == 0 {
			t.Errorf("link %+v", link)
		}
		if err := errors.Join(d.SetPersist(false), d.SetCarrier(true), d.SetOffload(OffCsum), d.SetOffload(0), d.SetVnetLE(false), d.SetVnetLE(true)); err != nil {
			return err
		}
		if err := d.SetSndBuf(0); err == nil || !strings.Contains(err.Error(), "at least 1 byte") {
			t.Errorf("send buffer of 0: %v", err)
		}
		if err := d.SetSndBuf(4096); err != nil {
			return err
		}
		fd, err := d.NetnsFD()
		if err != nil {
			return err
		}
		defer unix.Close(fd)
		var of, here unix.Stat_t
		if err := errors.Join(unix.Fstat(fd, &of), unix.Stat("/proc/thread-self/ns/net", &here)); err != nil {
			return err
		}
		if of.Ino != here.Ino {
			t.Errorf("namespace %d, want %d", of.Ino, here.Ino)
		}
		checkDescriptor(t, fd, false)
		for _, q := range d.Queues() {
			if err := q.Detach(); err != nil {
				return err
			}
		}
		if err := d.SetCarrier(true); err == nil || !strings.Contains(err.Error(), "detached") {
			t.Errorf("carrier without queues: %v", err)
		}
		return nil
	})
}

func TestPersistentDeviceIsFoundAgain(t *testing.T) {
	noLeak(t)
	inNamespace(t, func() error {
		d, err := Create(Config{Name: "keep0", Queues: 2, TAP: true})
		if err != nil {
			return err
		}
		if err := errors.Join(d.SetPersist(true), d.Close()); err != nil {
			return err
		}
		devices, err := List()
		if err != nil {
			return err
		}
		want := []Existing{{
			Name: "keep0", Ifindex: d.Ifindex(), TAP: true, Persist: true, Detailed: true,
			Flags: unix.IFF_TAP | unix.IFF_NO_PI | unix.IFF_MULTI_QUEUE | unix.IFF_PERSIST,
		}}
		if diff := cmp.Diff(want, devices); diff != "" {
			t.Errorf("devices (-want +got):\n%s", diff)
		}
		again, err := Create(Config{Name: "keep0", Queues: 2, TAP: true})
		if err != nil {
			return err
		}
		if again.Ifindex() != d.Ifindex() {
			t.Errorf("another device: index %d, was %d", again.Ifindex(), d.Ifindex())
		}
		return errors.Join(again.SetPersist(false), again.Close())
	})
}

func TestList(t *testing.T) {
	noLeak(t)
	inNamespace(t, func() error {
		if devices, err := List(); err != nil || devices == nil || len(devices) != 0 {
			t.Errorf("an empty namespace has %v, %v", devices, err)
		}
		var want []string
		for i := range 5 {
			d, err := Create(Config{Queues: i + 1, TAP: i%2 == 1})
			if err != nil {
				return err
			}
			defer d.Close()
			want = append(want, fmt.Sprintf("%s %t %d", d.Name(), d.TAP(), i+1))
		}
		devices, err := List()
		if err != nil {
			return err
		}
		var got []string
		for _, e := range devices {
			got = append(got, fmt.Sprintf("%s %t %d", e.Name, e.TAP, e.Queues))
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("devices (-want +got):\n%s", diff)
		}
		_, err = Lookup("lo")
		if !errors.Is(err, errNotTUN) {
			t.Errorf("look up lo: %v", err)
		}
		return nil
	})
}

func TestReadWrite(t *testing.T) {
	for _, nonblock := range []bool{false, true} {
		withDevice(t, Config{Queues: 2, NonBlock: nonblock}, func(d *Device) error {
			q := d.Queues()[0]
			if _, err := q.Write([]byte{0x45}); !errors.Is(err, unix.EIO) && !errors.Is(err, unix.EINVAL) {
				t.Errorf("write to a device that is down: %v", err)
			}
			failed := make(chan error, 3)
			for range 3 {
				go func() {
					_, err := q.Read(make([]byte, 2048))
					failed <- err
				}()
			}
			// Most of them are waiting by now; those that are not see the flag.
			time.Sleep(20 * time.Millisecond)
			if err := q.Close(); err != nil {
				return err
			}
			for range 3 {
				if err := <-failed; !errors.Is(err, os.ErrClosed) {
					t.Errorf("read during close: %v", err)
				}
			}
			if _, err := q.Write(nil); !errors.Is(err, os.ErrClosed) {
				t.Errorf("write after close: %v", err)
			}
			return nil
		})
	}
	withDevice(t, Config{Queues: 1}, func(d *Device) error {
		if err := raise(d); err != nil {
			return err
		}
		q := d.Queues()[0]
		if err := sendUDP([]byte("there and back")); err != nil {
			return err
		}
		b := make([]byte, 2048)
		for {
			n, err := q.Read(b)
			if err != nil {
				return err
			}
			if bytes.HasSuffix(b[:n], []byte("there and back")) {
				written, err := q.Write(b[:n])
				if written != n {
					t.Errorf("wrote %d of %d bytes", written, n)
				}
				return errors.Join(err, q.SetNonblock(true), q.SetNonblock(false))
			}
		}
	})
}

func TestOpenErrors(t *testing.T) {
	noLeak(t)
	missing := filepath.Join(t.TempDir(), "tun")
	_, err := open(missing, false)
	want := missing + " is missing: load the tun module with `modprobe tun`, or in a container add --device /dev/net/tun (no such file or directory)"
	if !errors.Is(err, ErrNoTUN) || !errors.Is(err, os.ErrNotExist) || err.Error() != want {
		t.Errorf("got %q, want %q", err, want)
	}

	// No driver has that number; a temporary folder mounted nodev refuses it
	// before anybody looks.
	requireRoot(t)
	noDriver := filepath.Join(t.TempDir(), "tun")
	if err := unix.Mknod(noDriver, unix.S_IFCHR|0o600, int(unix.Mkdev(511, 7))); err != nil {
		t.Fatal(err)
	}
	if fd, err := open(noDriver, false); err == nil {
		unix.Close(fd)
		t.Error("opened a device without a driver")
	} else if !errors.Is(err, ErrNotTUN) && !errors.Is(err, os.ErrPermission) {
		t.Errorf("device without a driver: %v", err)
	}

	// What can be opened and is something else.
	plain, dir := filepath.Join(t.TempDir(), "tun"), t.TempDir()
	if err := os.WriteFile(plain, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	for path, what := range map[string]string{plain: "a regular file", dir: "a folder", "/dev/null": "the character device 1:3"} {
		fd, err := open(path, true)
		if err == nil {
			unix.Close(fd)
		}
		if !errors.Is(err, ErrNotTUN) || !strings.HasPrefix(err.Error(), "open "+path+": it is "+what+", not the TUN/TAP device: remove it") {
			t.Errorf("%s: %v", what, err)
		}
	}
}

func TestUnprivileged(t *testing.T) {
	noLeak(t)
	forbidden := filepath.Join(t.TempDir(), "tun")
	if err := os.WriteFile(forbidden, nil, 0); err != nil {
		t.Fatal(err)
	}
	inNamespace(t, func() error {
		before, err := Create(Config{Name: "mine0", Queues: 2})
		if err != nil {
			return err
		}
		defer before.Close()
		if err := dropCapabilities(); err != nil {
			return err
		}
		_, err = open(forbidden, false)
		want := "open " + forbidden + ": permission denied: TUN/TAP devices need read and write access to it and CAP_NET_ADMIN"
		if !errors.Is(err, os.ErrPermission) || err.Error() != want {
			t.Errorf("got %q, want %q", err, want)
		}
		d, err := Create(Config{Name: "priv0", Queues: 1})
		if err == nil {
			d.Close()
			t.Error("created without CAP_NET_ADMIN")
			return nil
		}
		var e *OptionError
		if !errors.Is(err, os.ErrPermission) || !errors.As(err, &e) || e.Unsupported() || !strings.Contains(err.Error(), "CAP_NET_ADMIN") {
			t.Errorf("without CAP_NET_ADMIN: %v", err)
		}
		if _, err := Probe(Programs{}); !errors.Is(err, os.ErrPermission) {
			t.Errorf("probe without CAP_NET_ADMIN: %v", err)
		}
		if devices, err := List(); err != nil || len(devices) != 1 {
			t.Errorf("list without CAP_NET_ADMIN: %v, %v", devices, err)
		}
		return nil
	})
}

// dropCapabilities takes all effective and permitted capabilities from the
// calling thread.
func dropCapabilities() error {
	head := unix.CapUserHeader{Version: unix.LINUX_CAPABILITY_VERSION_3}
	var none [2]unix.CapUserData
	return unix.Capset(&head, &none[0])
}

func TestOptionErrorText(t *testing.T) {
	for _, test := range []struct {
		e    OptionError
		text string
		un   bool
	}{
		{OptionError{Device: "tun0", Call: "TUNSETOFFLOAD", Arg: "tso", Errno: unix.EINVAL}, "set offloads of tun0 to tso: invalid argument (TUNSETOFFLOAD)", true},
		{OptionError{Call: "TUNSETIFF", Arg: "IFF_TAP", Errno: unix.EPERM}, "create a tun/tap device as IFF_TAP: operation not permitted (TUNSETIFF)", false},
		{OptionError{Device: "x", Call: "TUNSETVNETHDRSZ", Arg: "24", Got: "12"}, "set vnet header size of x to 24: the kernel accepted it, but made it 12 (TUNSETVNETHDRSZ)", true},
		{OptionError{Device: "x", Call: "OTHER", Arg: "1", Errno: unix.ENOTTY}, "configure x to 1: inappropriate ioctl for device (OTHER)", true},
		{OptionError{Device: "x", Call: "TUNGETIFF", Errno: unix.EMFILE}, "get flags of x: too many open files (TUNGETIFF)", false},
	} {
		if got := test.e.Error(); got != test.text {
			t.Errorf("got %q, want %q", got, test.text)
		}
		if got := test.e.Unsupported(); got != test.un {
			t.Errorf("%s: unsupported %t", test.text, got)
		}
	}
}

func TestNames(t *testing.T) {
	if got := FlagNames(unix.IFF_TUN | unix.IFF_NO_PI | 0x10000); !slices.Equal(got, []string{"IFF_TUN", "IFF_NO_PI", "0x10000"}) {
		t.Error(got)
	}
	if got := FlagNames(0); got == nil || len(got) != 0 {
		t.Error(got)
	}
	all := OffCsum | OffTSO4 | OffTSO6 | OffTSOECN | OffUFO | OffUSO4 | OffUSO6 | OffTunnel | OffTunnelCsum
	if all != 0x1ff || len(OffloadNames(all)) != 9 {
		t.Errorf("%#x is %v", all, OffloadNames(all))
	}
}

// TestLayout compares the mirrored structures with the kernel's: sock_fprog of
// linux/filter.h by way of x/sys, bpf_attr and bpf_insn of linux/bpf.h.
func TestLayout(t *testing.T) {
	for _, test := range []struct {
		name      string
		got, want uintptr
	}{
		{"sock_fprog", unsafe.Sizeof(sockFprog{}), unsafe.Sizeof(unix.SockFprog{})},
		{"sock_fprog.filter", unsafe.Offsetof(sockFprog{}.Filter), unsafe.Offsetof(unix.SockFprog{}.Filter)},
		{"sock_filter", unsafe.Sizeof(unix.SockFilter{}), 8},
		{"bpf_insn", unsafe.Sizeof(bpfInsn{}), 8},
		{"bpf_insn.imm", unsafe.Offsetof(bpfInsn{}.Imm), 4},
		{"bpf_attr", unsafe.Sizeof(progLoadAttr{}), 48},
		{"bpf_attr.insn_cnt", unsafe.Offsetof(progLoadAttr{}.InsnCnt), 4},
		{"bpf_attr.insns", unsafe.Offsetof(progLoadAttr{}.Insns), 8},
		{"bpf_attr.license", unsafe.Offsetof(progLoadAttr{}.License), 16},
		{"bpf_attr.log_level", unsafe.Offsetof(progLoadAttr{}.LogLevel), 24},
		{"bpf_attr.log_buf", unsafe.Offsetof(progLoadAttr{}.LogBuf), 32},
		{"bpf_attr.kern_version", unsafe.Offsetof(progLoadAttr{}.KernVersion), 40},
	} {
		if test.got != test.want {
			t.Errorf("%s: %d, want %d", test.name, test.got, test.want)
		}
	}
}

// TestProbeWithoutProgram probes when no program could be loaded: the two options
// that need one fail and say why, and nothing is said about the kernel.
func TestProbeWithoutProgram(t *testing.T) {
	for name, c := range map[string]struct {
		err           error
		errno, detail string
	}{
		"refused":    {fmt.Errorf("load steering program: %w", unix.EPERM), "EPERM", "load a socket filter program for a tun/tap device: operation not permitted (BPF_PROG_LOAD)"},
		"not parsed": {errors.New("no object"), "", "load a socket filter program: no object"},
	} {
		for _, pr := range probes {
			if pr.call != "TUNSETSTEERINGEBPF" && pr.call != "TUNSETFILTEREBPF" {
				continue
			}
			o := pr.run(Programs{Err: c.err})
			if o.Status != Failed || o.Errno != c.errno || o.Detail != c.detail {
				t.Errorf("%s, %s: %+v", name, pr.name, o)
			}
		}
	}
}

func TestProbe(t *testing.T) {
	noLeak(t)
	inNamespace(t, func() error {
		prog, err := loadConstant(0)
		if err != nil {
			return err
		}
		defer unix.Close(prog)
		options, err := Probe(Programs{Steering: prog})
		if err != nil {
			return err
		}
		seen := map[string]Option{}
		for _, o := range options {
			t.Log(o)
			if _, twice := seen[o.Name]; twice {
				t.Errorf("%s is probed twice", o.Name)
			}
			seen[o.Name] = o
			switch o.Status {
			case Supported:
			case Unsupported:
				if o.Detail == "" || o.Call == "" {
					t.Errorf("%s says nothing about why", o.Name)
				}
			default:
				t.Errorf("%s failed: %s", o.Name, o.Detail)
			}
		}
		// These are in every kernel that the module runs on.
		for _, name := range []string{"IFF_TUN", "IFF_TAP", "IFF_VNET_HDR", "IFF_MULTI_QUEUE", "IFF_NAPI", "TUN_F_CSUM", "TUNSETSTEERINGEBPF", "TUNSETCARRIER"} {
			if o := seen[name]; o.Status != Supported {
				t.Errorf("%s", o)
			}
		}
		if o := seen["MAX_TAP_QUEUES"]; o.Value != MaxQueues {
			t.Errorf("%s: %d queues, want %d", o, o.Value, MaxQueues)
		}
		known, err := Features()
		if err != nil {
			return err
		}
		if got := seen["IFF_BACKPRESSURE"].Status == Supported; got != (known&iffBackpressure != 0) {
			t.Errorf("IFF_BACKPRESSURE supported %t, but features are %v", got, FlagNames(known))
		}
		left, err := List()
		if len(left) != 0 {
			t.Errorf("left behind: %v", left)
		}
		return err
	})
}

func FuzzParseLink(f *testing.F) {
	attr := func(typ uint16, v []byte) []byte {
		b := binary.NativeEndian.AppendUint16(nil, uint16(4+len(v)))
		b = append(binary.NativeEndian.AppendUint16(b, typ), v...)
		return append(b, make([]byte, (4-len(b)%4)%4)...)
	}
	detail := slices.Concat(
		attr(unix.IFLA_TUN_TYPE, []byte{unix.IFF_TAP}), attr(unix.IFLA_TUN_PI, []byte{0}),
		attr(unix.IFLA_TUN_OWNER, []byte{1, 0, 0, 0}), attr(unix.IFLA_TUN_MULTI_QUEUE, []byte{1}),
		attr(unix.IFLA_TUN_NUM_QUEUES, []byte{4, 0, 0, 0}))
	info := slices.Concat(attr(unix.IFLA_INFO_KIND, []byte("tun\x00")), attr(unix.IFLA_INFO_DATA, detail))
	whole := slices.Concat(make([]byte, unix.SizeofIfInfomsg), attr(unix.IFLA_IFNAME, []byte("tap7\x00")), attr(unix.IFLA_LINKINFO, info))
	if e, err := parseLink(whole); err != nil || e.Name != "tap7" || !e.TAP || e.Owner == nil || !e.Detailed {
		f.Fatalf("%+v, %v", e, err)
	}
	f.Add(whole)
	f.Add(whole[:len(whole)-3])
	f.Add(slices.Concat(whole, []byte{5, 0, 0, 0, 0})) // an attribute without its padding
	f.Add(slices.Concat(whole, []byte{3, 0, 0, 0}))    // an attribute shorter than its header
	f.Add([]byte{})
	f.Fuzz(func(t *testing.T, b []byte) {
		e, err := parseLink(b)
		if err != nil && e != (Existing{}) {
			t.Errorf("an error and a device: %+v, %v", e, err)
		}
	})
}
