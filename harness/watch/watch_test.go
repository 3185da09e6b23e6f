package watch

import (
	"bufio"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math"
	"net"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
	"unsafe"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"

	"tunbench/bpf"
	"tunbench/harness/netns"
	"tunbench/harness/tuntap"
	"tunbench/harness/vm/guest"
	"tunbench/harness/vm/vmtest"
	"tunbench/reports/live"
	"tunbench/reports/record"
)

func TestMain(m *testing.M) {
	if guest.IsInit() {
		guest.Init() // does not return
	}
	if os.Getenv(holderEnv) != "" {
		if err := hold(); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		os.Exit(0)
	}
	if os.Getenv(refusedEnv) != "" {
		if err := lookWithoutRight(); err != nil {
			fmt.Fprintln(os.Stderr, err)
		}
		os.Exit(0)
	}
	os.Exit(m.Run())
}

// refusedEnv makes this program one that may not enter the network namespace of its third
// descriptor.
const refusedEnv = "TUNBENCH_TEST_REFUSED"

// lookWithoutRight gives up CAP_SYS_ADMIN, and then looks into the namespace.
func lookWithoutRight() error {
	header := unix.CapUserHeader{Version: unix.LINUX_CAPABILITY_VERSION_3}
	var data [2]unix.CapUserData
	if err := unix.Capget(&header, &data[0]); err != nil {
		return err
	}
	data[0].Effective &^= 1 << unix.CAP_SYS_ADMIN
	data[0].Permitted &^= 1 << unix.CAP_SYS_ADMIN
	_, _, errno := syscall.AllThreadsSyscall(unix.SYS_CAPSET, uintptr(unsafe.Pointer(&header)), uintptr(unsafe.Pointer(&data[0])), 0)
	if errno != 0 {
		return errno
	}
	_, err := search(Options{Device: "other0", Netns: "/proc/self/fd/3"})
	return err
}

// holderEnv makes this program one that holds a device.
const holderEnv = "TUNBENCH_TEST_HOLDER"

// hold reads a device in a namespace of its own until standard input ends.
func hold() error {
	ns, err := netns.New()
	if err != nil {
		return err
	}
	var d *tuntap.Device
	err = ns.Do(func() (err error) {
		d, err = tuntap.Create(tuntap.Config{Name: "other0", Queues: 1})
		return err
	})
	if err != nil {
		return err
	}
	if err := ns.Configure("other0", netns.Link{Addr: []netip.Prefix{address}}); err != nil {
		return err
	}
	go func() {
		b := make([]byte, 2000)
		for {
			if _, err := unix.Read(d.Queues()[0].FD(), b); err != nil && !errors.Is(err, unix.EINTR) {
				return
			}
		}
	}()
	fmt.Println("ready")
	_, err = io.Copy(io.Discard, os.Stdin)
	return err
}

// TestOther watches a device that another process holds, until that is killed.
func TestOther(t *testing.T) {
	needRoot(t)
	for _, hook := range hooks(t) {
		t.Run(hook, func(t *testing.T) {
			self, err := os.Executable()
			if err != nil {
				t.Fatal(err)
			}
			holder := exec.Command(self)
			holder.Env = append(os.Environ(), holderEnv+"=1")
			stdin, err := holder.StdinPipe() // its end ends the holder
			if err != nil {
				t.Fatal(err)
			}
			defer stdin.Close()
			stdout, err := holder.StdoutPipe()
			if err != nil {
				t.Fatal(err)
			}
			holder.Stderr = os.Stderr
			if err := holder.Start(); err != nil {
				t.Fatal(err)
			}
			defer holder.Wait()
			defer holder.Process.Kill()
			if line, err := bufio.NewReader(stdout).ReadString('\n'); err != nil || line != "ready\n" {
				t.Fatalf("%q, %v", line, err)
			}
			s := open(t, Options{Device: "other0", Hook: hook})
			ns, err := netns.Join(s.Device().Netns.path)
			if err != nil {
				t.Fatal(err)
			}
			defer ns.Close()
			send(t, ns, 90, 1)
			var read, transmitted uint64
			for deadline := time.Now().Add(5 * time.Second); read < 90 && time.Now().Before(deadline); {
				w := next(t, s)
				read += w.Queues[0].ReadPkts
				transmitted += w.Counters.TxPackets
				if o := w.Device.Owners; len(o) != 1 || o[0].PID != holder.Process.Pid || o[0].Queue == nil || *o[0].Queue != 0 {
					t.Fatalf("owners %+v, want process %d with queue 0", o, holder.Process.Pid)
				}
			}
			if read != 90 || transmitted != 90 {
				t.Errorf("%d packets were read, %d by the device's counter, want 90", read, transmitted)
			}
			if err := errors.Join(holder.Process.Kill(), ns.Close()); err != nil {
				t.Fatal(err)
			}
			holder.Wait()
			var gone *GoneError
			for deadline := time.Now().Add(5 * time.Second); !errors.As(err, &gone) && time.Now().Before(deadline); {
				if _, err = s.Next(t.Context()); err != nil && !errors.As(err, &gone) {
					t.Fatal(err)
				}
			}
			if gone == nil {
				t.Error("the device of a process that was killed is still there")
			}
		})
	}
}

// TestInGuests runs tests of this package under kernels that have the hooks which the host
// may lack.
func TestInGuests(t *testing.T) {
	all := []string{"TestFind", "TestCounts", "TestOther", "TestReturns", "TestChanges", "TestMoved", "TestTagged", "TestHairpin", "TestDown", "TestInterrupted"}
	vmtest.InGuests(t, map[string][]string{"6.1": all, "6.12": all}, func(t *testing.T, name, out string) {
		if name == "TestInterrupted" && strings.Contains(out, "--- SKIP") {
			t.Error(out)
		}
		if !slices.Contains([]string{"TestCounts", "TestOther", "TestReturns", "TestTagged", "TestHairpin", "TestDown"}, name) {
			return
		}
		for _, hook := range []string{"kprobe", "fentry"} {
			if !strings.Contains(out, "--- PASS: "+name+"/"+hook) {
				t.Errorf("%s was not tested:\n%s", hook, out)
			}
		}
	})
}

func needRoot(t *testing.T) {
	t.Helper()
	if os.Geteuid() != 0 {
		t.Skip("needs root")
	}
}

var (
	address = netip.MustParsePrefix("198.51.100.1/24")
	peer    = netip.MustParseAddr("198.51.100.2")
)

// device is a TUN device that is up in a namespace of its own.
func newDevice(t *testing.T, c tuntap.Config) (*netns.NS, *tuntap.Device) {
	t.Helper()
	needRoot(t)
	ns, err := netns.New()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { ns.Close() })
	return ns, newDeviceIn(t, ns, c)
}

func newDeviceIn(t *testing.T, ns *netns.NS, c tuntap.Config) (d *tuntap.Device) {
	t.Helper()
	c.Queues, c.NonBlock = max(c.Queues, 1), true
	err := ns.Do(func() (err error) {
		d, err = tuntap.Create(c)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { d.Close() })
	if err := ns.Configure(c.Name, netns.Link{Addr: []netip.Prefix{address}, TxQLen: 100}); err != nil {
		t.Fatal(err)
	}
	return d
}

// send sends n UDP packets of 64 bytes to the device, from so many ports.
func send(t *testing.T, ns *netns.NS, n, flows int) {
	t.Helper()
	err := ns.Do(func() error {
		for f := range flows {
			c, err := net.DialUDP("udp4", nil, net.UDPAddrFromAddrPort(netip.AddrPortFrom(peer, uint16(9000+f))))
			if err != nil {
				return err
			}
			defer c.Close()
			for range n / flows {
				if _, err := c.Write(make([]byte, 36)); err != nil {
					return err
				}
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

// drain reads what is there and returns the packets.
func drain(t *testing.T, d *tuntap.Device) (list [][]byte) {
	t.Helper()
	for _, q := range d.Queues() {
		for {
			b := make([]byte, 2000)
			n, err := unix.Read(q.FD(), b)
			if errors.Is(err, unix.EAGAIN) {
				break
			}
			if err != nil {
				t.Fatal(err)
			}
			list = append(list, b[:n])
		}
	}
	return list
}

// hooks are those that this kernel has.
func hooks(t *testing.T) (list []string) {
	t.Helper()
	for _, h := range bpf.Hooks {
		if bpf.Try(h, bpf.Both) == nil {
			list = append(list, string(h))
		}
	}
	if len(list) == 0 {
		t.Fatal("no hook can be used")
	}
	return list
}

func open(t *testing.T, o Options) *Session {
	t.Helper()
	if o.Say == nil {
		o.Say = t.Logf
	}
	if o.Hook == "" {
		o.Hook = record.HookAuto
	}
	o.Interval = max(o.Interval, 50*time.Millisecond)
	s, err := Open(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	return s
}

func next(t *testing.T, s *Session) live.Watch {
	t.Helper()
	w, err := s.Next(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return w
}

func TestFind(t *testing.T) {
	ns, d := newDevice(t, tuntap.Config{Name: "find0", TAP: true, Queues: 3, VnetHdr: 12})
	if err := d.Queues()[1].Detach(); err != nil {
		t.Fatal(err)
	}
	list, gaps, err := Find("")
	if err != nil {
		t.Fatal(err)
	}
	if len(gaps) > 0 {
		t.Errorf("not known: %q", gaps)
	}
	i := slices.IndexFunc(list, func(d Device) bool { return d.Name == "find0" && d.Netns.Inode == ns.Inode() })
	if i < 0 {
		t.Fatalf("find0 is not in %+v", list)
	}
	got := list[i]
	if got.Mode != "tap" || !got.MultiQueue || !got.VnetHeader || got.VnetHdrSize != 12 || got.PI || got.Persist ||
		got.Tun.Queues != 2 || got.Detached != 1 || got.TxQLen != 100 || got.Owner != -1 || got.Group != -1 || !got.Carrier {
		t.Errorf("%+v", got)
	}
	// Only a thread of this process is there, and --netns takes what names it.
	if space, err := choose(got.Netns.String(), namespaces()); err != nil || space.Inode != ns.Inode() {
		t.Errorf("%q names namespace %d (%v), want %d", got.Netns, space.Inode, err, ns.Inode())
	}
	if own, ok := linkedNetns("/proc/self/ns/net"); !ok || own != 0 && !slices.Contains(namespaces()[own].PIDs, os.Getpid()) {
		t.Errorf("the namespace of this process, %d, does not have it", own)
	}
	var queues []int
	for _, o := range got.Owners {
		queues = append(queues, o.Queue)
		if o.PID != os.Getpid() || o.Comm == "" || !slices.ContainsFunc(d.Queues(), func(q *tuntap.Queue) bool { return q.FD() == o.FD }) {
			t.Errorf("owner %+v", o)
		}
	}
	if !slices.Equal(queues, []int{-1, 0, 1}) {
		t.Errorf("queues %v, want one detached, 0 and 1", queues)
	}
	// What the kernel lists and what /proc shows are the same descriptors.
	for _, h := range holdersByProc() {
		if h.name == "find0" && (h.netns != ns.Inode() || !slices.ContainsFunc(got.Owners, func(o Owner) bool { return o.FD == h.FD && o.PID == h.PID })) {
			t.Errorf("/proc shows %+v", h)
		}
	}
	if r := got.Record(); len(r.Owners) != 3 || r.Owners[0].Queue != nil || *r.Owners[2].Queue != 1 || !slices.Contains(r.Flags, "IFF_MULTI_QUEUE") {
		t.Errorf("%+v", r)
	}
	if err := d.SetPersist(true); err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(d.SetOwner(1234), d.SetGroup(5678), d.Close()); err != nil {
		t.Fatal(err)
	}
	list, _, err = Find("")
	if err != nil {
		t.Fatal(err)
	}
	i = slices.IndexFunc(list, func(d Device) bool { return d.Name == "find0" && d.Netns.Inode == ns.Inode() })
	if i < 0 || len(list[i].Owners) > 0 || !list[i].Persist || list[i].Owner != 1234 || list[i].Group != 5678 || list[i].VnetHdrSize != -1 || list[i].Carrier {
		t.Errorf("without a holder: %+v", list)
	}
}

func TestCounts(t *testing.T) {
	ns, d := newDevice(t, tuntap.Config{Name: "counts0", Queues: 2})
	var listening *net.UDPConn
	err := ns.Do(func() (err error) {
		listening, err = net.ListenUDP("udp4", net.UDPAddrFromAddrPort(netip.AddrPortFrom(address.Addr(), 0)))
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	defer listening.Close()
	for _, hook := range append(hooks(t), record.HookNone) {
		t.Run(hook, func(t *testing.T) {
			s := open(t, Options{Device: "counts0", Hook: hook})
			send(t, ns, 80, 8)
			packets := drain(t, d)
			if len(packets) != 80 {
				t.Fatalf("%d packets came, want 80", len(packets))
			}
			for _, p := range packets[:30] {
				// To a socket: nobody answers.
				copy(p[12:16], peer.AsSlice())
				copy(p[16:20], address.Addr().AsSlice())
				binary.BigEndian.PutUint16(p[22:], uint16(listening.LocalAddr().(*net.UDPAddr).Port))
				p[26], p[27] = 0, 0 // no checksum
				if _, err := unix.Write(d.Queues()[1].FD(), p); err != nil {
					t.Fatal(err)
				}
			}
			send(t, ns, 300, 1) // of which 100 fit, or fewer where the reader has not cleared all places
			w := next(t, s)
			if w.Counters.TxPackets != 80 || w.Counters.RxPackets != 30 || w.Counters.TxDropped < 200 || w.Counters.TxDropped > 216 {
				t.Errorf("the device counted %+v", w.Counters)
			}
			fit := 300 - w.Counters.TxDropped
			if hook == record.HookNone {
				if w.Unobserved == "" || len(w.Queues) > 0 {
					t.Errorf("%+v", w)
				}
				drain(t, d)
				return
			}
			var sum record.Queue
			for _, q := range w.Queues {
				sum.XmitPkts += q.XmitPkts
				sum.ReadPkts += q.ReadPkts
				sum.ReadBytes += q.ReadBytes
				sum.RecvPkts += q.RecvPkts
				sum.RecvBytes += q.RecvBytes
			}
			if len(w.Queues) != 2 || sum.XmitPkts != 380 || sum.ReadPkts != 80 || sum.ReadBytes != 80*64 || sum.RecvPkts != 30 || sum.RecvBytes != 30*64 {
				t.Errorf("queues %+v", w.Queues)
			}
			if w.Queues[1].RecvPkts != 30 {
				t.Errorf("queue 1 received %d packets, want all 30", w.Queues[1].RecvPkts)
			}
			var dropped uint64
			for _, n := range w.Dropped {
				dropped += n
			}
			if dropped != w.Counters.TxDropped || w.Missed > 0 {
				t.Errorf("dropped %v, missed %d", w.Dropped, w.Missed)
			}
			if l := w.Latency[record.Residency]; l.Count != 80 || l.MinNs == 0 || l.MaxNs < l.MinNs {
				t.Errorf("residency %+v", l)
			}
			var deepest uint64
			for _, q := range w.Queues {
				if q.Depth != nil {
					deepest = max(deepest, q.Depth.Max)
				}
			}
			if deepest != fit-1 {
				t.Errorf("at most %d packets were in a ring when one was added, and %d fit", deepest, fit)
			}
			if again := next(t, s); again.Queues[0].XmitPkts+again.Queues[1].XmitPkts+again.Counters.TxPackets > 0 || len(again.Dropped) > 0 {
				t.Errorf("an interval without traffic has %+v", again)
			}
			drain(t, d)
		})
	}
}

// TestReturns holds that errors are counted by errno where the kernel has what that needs.
func TestReturns(t *testing.T) {
	ns, d := newDevice(t, tuntap.Config{Name: "returns0"})
	for _, hook := range hooks(t) {
		t.Run(hook, func(t *testing.T) {
			var said []string
			s := open(t, Options{Device: "returns0", Hook: hook, Returns: true, Say: func(format string, args ...any) { said = append(said, format) }})
			send(t, ns, 5, 1)
			drain(t, d) // ends with EAGAIN
			for range 3 {
				if _, err := unix.Write(d.Queues()[0].FD(), []byte{0}); err == nil {
					t.Fatal("a packet of one byte was taken")
				}
			}
			w := next(t, s)
			if bpf.Try(bpf.Fentry, bpf.Both) != nil {
				if w.Errors != nil || len(said) != 1 || !strings.Contains(said[0], "fexit") {
					t.Errorf("errors %+v, said %q, though this kernel has no fexit", w.Errors, said)
				}
				return
			}
			if w.Errors == nil || w.Errors.Read["EAGAIN"] != 1 || w.Errors.Write["EINVAL"] != 3 || len(w.Errors.Read)+len(w.Errors.Write) != 2 {
				t.Errorf("errors %+v, want a read with EAGAIN and three writes with EINVAL", w.Errors)
			}
		})
	}
}

func TestChanges(t *testing.T) {
	ns, d := newDevice(t, tuntap.Config{Name: "changes0", Queues: 2})
	var said []string
	s := open(t, Options{Device: "changes0", Say: func(format string, args ...any) { said = append(said, format) }})
	err := ns.Do(func() error { // as many as there is no room for
		for range 5 {
			if _, err := d.AddQueue(); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	next(t, s)
	if len(said) != 2 || !strings.Contains(said[0], "has %s now") || !strings.Contains(said[1], "attached again") {
		t.Errorf("said %q", said)
	}
	send(t, ns, 320, 64)
	w := next(t, s)
	var sum uint64
	for _, q := range w.Queues {
		sum += q.XmitPkts
	}
	if len(w.Queues) != 7 || sum < 300 || len(w.Device.Owners) != 7 {
		t.Errorf("%d packets in %d queues of %d owners", sum, len(w.Queues), len(w.Device.Owners))
	}
	err = ns.Do(func() error {
		link, err := netlink.LinkByName("changes0")
		if err != nil {
			return err
		}
		return errors.Join(netlink.LinkSetDown(link), netlink.LinkSetName(link, "renamed0"), netlink.LinkSetUp(link))
	})
	if err != nil {
		t.Fatal(err)
	}
	next(t, s)
	if s.Device().Name != "renamed0" || len(said) != 3 || !strings.Contains(said[2], "is called") {
		t.Errorf("it is called %s, said %q", s.Device().Name, said)
	}
	if err := d.Close(); err != nil {
		t.Fatal(err)
	}
	if w := next(t, s); len(w.Queues) != 7 || w.Counters.TxPackets > 0 {
		t.Errorf("what was seen last is %+v", w)
	}
	var gone *GoneError
	if _, err := s.Next(t.Context()); !errors.As(err, &gone) || !strings.Contains(err.Error(), "renamed0") {
		t.Errorf("after it was closed: %v", err)
	}
}

// TestQueuesComeAndGo: packets of a queue that came or went within an interval are counted in
// it, and the device is as it was at its end.
func TestQueuesComeAndGo(t *testing.T) {
	ns, d := newDevice(t, tuntap.Config{Name: "come0", Queues: 2})
	s := open(t, Options{Device: "come0"})
	check := func(what string, w live.Watch, queues, now int) {
		t.Helper()
		var sum uint64
		for _, q := range w.Queues {
			sum += q.XmitPkts
		}
		if len(w.Queues) != queues || w.Device.Queues != now || sum < 320 || w.Queues[queues-1].XmitPkts == 0 || w.Missed > 0 {
			t.Errorf("%s: %d of 320 packets in %d queues, want %d; the device has %d, want %d; missed %d", what, sum, len(w.Queues), queues, w.Device.Queues, now, w.Missed)
		}
	}
	if err := ns.Do(func() (err error) { _, err = d.AddQueue(); return err }); err != nil {
		t.Fatal(err)
	}
	send(t, ns, 320, 64)
	check("a queue came", next(t, s), 3, 3)
	send(t, ns, 320, 64)
	if err := d.Queues()[2].Close(); err != nil {
		t.Fatal(err)
	}
	check("a queue went", next(t, s), 3, 2)
	if err := ns.Do(func() (err error) { _, err = d.AddQueue(); return err }); err != nil {
		t.Fatal(err)
	}
	send(t, ns, 320, 64)
	if err := d.Close(); err != nil {
		t.Fatal(err)
	}
	w := next(t, s)
	if len(w.Queues) != 3 || w.Queues[2].XmitPkts == 0 {
		t.Errorf("a queue came before the device went: %+v", w.Queues)
	}
}

func TestMoved(t *testing.T) {
	ns, d := newDevice(t, tuntap.Config{Name: "moved0"})
	other, err := netns.New()
	if err != nil {
		t.Fatal(err)
	}
	defer other.Close()
	var said []string
	s := open(t, Options{Device: "moved0", Say: func(format string, args ...any) { said = append(said, format) }})
	next(t, s) // to know its owners
	err = ns.Do(func() error {
		link, err := netlink.LinkByName("moved0")
		if err != nil {
			return err
		}
		return netlink.LinkSetNsPid(link, int(otherTID(t, other)))
	})
	if err != nil {
		t.Fatal(err)
	}
	if err := other.Configure("moved0", netns.Link{Addr: []netip.Prefix{address}}); err != nil {
		t.Fatal(err)
	}
	next(t, s) // what was seen until then
	next(t, s)
	if len(said) != 1 || !strings.Contains(said[0], "was moved") || s.Device().Netns.Inode != other.Inode() {
		t.Fatalf("said %q, it is in %d, want %d", said, s.Device().Netns.Inode, other.Inode())
	}
	send(t, other, 50, 1)
	if n := len(drain(t, d)); n != 50 {
		t.Fatalf("%d packets came", n)
	}
	if w := next(t, s); w.Queues[0].ReadPkts != 50 || w.Counters.TxPackets != 50 {
		t.Errorf("%+v, %+v", w.Queues, w.Counters)
	}
}

func otherTID(t *testing.T, ns *netns.NS) (tid int) {
	t.Helper()
	if err := ns.Do(func() error { tid = unix.Gettid(); return nil }); err != nil {
		t.Fatal(err)
	}
	return tid
}

func TestWait(t *testing.T) {
	needRoot(t)
	ns, err := netns.New()
	if err != nil {
		t.Fatal(err)
	}
	defer ns.Close()
	said := make(chan string, 100)
	opened := make(chan *Session)
	go func() {
		s, err := Open(t.Context(), Options{
			Device: "wait0", Wait: true, Hook: record.HookAuto, Interval: 20 * time.Millisecond,
			Say: func(format string, args ...any) { said <- format },
		})
		if err != nil {
			t.Error(err)
		}
		opened <- s
	}()
	hear := func(want string) {
		t.Helper()
		for {
			select {
			case got := <-said:
				if strings.Contains(got, want) {
					return
				}
			case <-time.After(5 * time.Second):
				t.Fatalf("nothing was said of %q", want)
			}
		}
	}
	hear("waiting")
	d := newDeviceIn(t, ns, tuntap.Config{Name: "wait0"})
	hear("has come")
	s := <-opened
	if s == nil {
		return
	}
	defer s.Close()
	next(t, s)
	if err := d.Close(); err != nil {
		t.Fatal(err)
	}
	next(t, s) // what was seen until then
	back := make(chan live.Watch)
	go func() {
		w, err := s.Next(t.Context())
		if err != nil {
			t.Error(err)
		}
		back <- w
	}()
	hear("has gone away")
	d = newDeviceIn(t, ns, tuntap.Config{Name: "wait0"})
	hear("is back")
	send(t, ns, 3, 1)
	drain(t, d)
	<-back
}

// TestGoneMeanwhile: a device that goes away while the observer is attached to it has gone away,
// whenever that is, and is waited for.
func TestGoneMeanwhile(t *testing.T) {
	ns, d := newDevice(t, tuntap.Config{Name: "brief0"})
	var heard []string
	options := Options{Device: "brief0", Netns: fmt.Sprintf("/proc/self/task/%d/ns/net", otherTID(t, ns)), Hook: "none", Interval: time.Millisecond}
	options.Say = func(format string, args ...any) {
		heard = append(heard, format)
		switch {
		case strings.Contains(format, "waiting for"):
			d = newDeviceIn(t, ns, tuntap.Config{Name: "brief0"})
		case strings.Contains(format, "has come"), strings.Contains(format, "is back") && len(heard) < 6:
			d.Close()
		}
	}
	options.Wait = true
	d.Close()
	s, err := Open(t.Context(), options)
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	if w := next(t, s); w.Device.Name != "brief0" {
		t.Errorf("the first interval is of %+v", w.Device)
	}
	want := []string{
		"%s: waiting for it", "%s has come, in %s",
		"%s in %s has gone away", "%s: waiting for it", "%s is back in %s",
		"%s in %s has gone away", "%s: waiting for it", "%s is back in %s",
	}
	if !slices.Equal(heard, want) {
		t.Errorf("it said %q, want %q", heard, want)
	}
}

// TestPathGone: a device is watched on when what led to its namespace has gone, and a namespace
// that has gone is not joined by what has taken its place.
func TestPathGone(t *testing.T) {
	ns, d := newDevice(t, tuntap.Config{Name: "path0", Queues: 2})
	path := filepath.Join(t.TempDir(), "brief")
	if err := os.WriteFile(path, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := unix.Mount(fmt.Sprintf("/proc/self/task/%d/ns/net", otherTID(t, ns)), path, "", unix.MS_BIND, ""); err != nil {
		t.Fatal(err)
	}
	var heard []string
	s, err := Open(t.Context(), Options{
		Device: "path0", Netns: path, Hook: "none", Interval: time.Millisecond,
		Say: func(format string, args ...any) { heard = append(heard, fmt.Sprintf(format, args...)) },
	})
	if err := errors.Join(err, unix.Unmount(path, unix.MNT_DETACH)); err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	if err := ns.Do(func() error { _, err := d.AddQueue(); return err }); err != nil {
		t.Fatal(err)
	}
	next(t, s)
	if want := []string{"path0 has 3 queues now"}; !slices.Equal(heard, want) {
		t.Errorf("it said %q, want %q", heard, want)
	}
	space := s.Device().Netns
	if ns, err := space.join(); !errors.Is(err, os.ErrNotExist) || ns != nil {
		t.Errorf("what is no namespace any longer was joined: %v", err)
	}
	space.path = "/proc/self/ns/net"
	if ns, err := space.join(); !errors.Is(err, os.ErrNotExist) || ns != nil {
		t.Errorf("another namespace was joined: %v", err)
	}
	space.Inode, _ = netnsInode(space.path)
	other, err := space.join()
	if err != nil {
		t.Fatal(err)
	}
	if err := other.Close(); err != nil {
		t.Error(err)
	}
}

// TestWaitForNamespace: a device is waited for also where its namespace is not there yet, or
// goes away with it. That of a process that has ended does not come back.
func TestWaitForNamespace(t *testing.T) {
	needRoot(t)
	path := filepath.Join(t.TempDir(), "later")
	said := make(chan string, 100)
	hear := func(want string) {
		t.Helper()
		select {
		case got := <-said:
			if got != want {
				t.Fatalf("said %q, want %q", got, want)
			}
		case <-time.After(5 * time.Second):
			t.Fatalf("nothing was said, want %q", want)
		}
	}
	options := Options{
		Device: "later0", Netns: path, Wait: true, Hook: record.HookNone, Interval: 20 * time.Millisecond,
		Say: func(format string, args ...any) { said <- fmt.Sprintf(format, args...) },
	}
	intervals := make(chan error, 1)
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	go func() {
		s, err := Open(ctx, options)
		if err == nil {
			defer s.Close()
		}
		for err == nil {
			_, err = s.Next(ctx)
		}
		intervals <- err
	}()
	for i := range 2 {
		hear(fmt.Sprintf("there is no network namespace %q: waiting for it", path))
		ns, err := netns.New()
		if err != nil {
			t.Fatal(err)
		}
		defer ns.Close()
		if err := os.WriteFile(path, nil, 0o600); err != nil {
			t.Fatal(err)
		}
		if err := unix.Mount(fmt.Sprintf("/proc/self/task/%d/ns/net", otherTID(t, ns)), path, "", unix.MS_BIND, ""); err != nil {
			t.Fatal(err)
		}
		unmount := sync.OnceValue(func() error { return errors.Join(unix.Unmount(path, unix.MNT_DETACH), os.Remove(path)) })
		defer unmount()
		hear("later0: waiting for it")
		d := newDeviceIn(t, ns, tuntap.Config{Name: "later0"})
		hear(map[int]string{0: "later0 has come, in " + path, 1: "later0 is back in " + path}[i])
		if err := errors.Join(unmount(), d.Close()); err != nil {
			t.Fatal(err)
		}
		hear("later0 in " + path + " has gone away")
	}
	cancel()
	if err := <-intervals; !errors.Is(err, context.Canceled) {
		t.Errorf("it ended: %v", err)
	}
	options.Netns = "999999999"
	if _, err := Open(t.Context(), options); err == nil || !strings.Contains(err.Error(), "no process has the number") {
		t.Errorf("a process that is not there: %v", err)
	}
}

func TestNotFound(t *testing.T) {
	ns, _ := newDevice(t, tuntap.Config{Name: "twin0"})
	other, _ := newDevice(t, tuntap.Config{Name: "twin0"})
	for _, c := range []struct {
		o    Options
		want string
	}{
		{Options{Device: "nothing0"}, `no TUN/TAP device is called "nothing0"; there is`},
		{Options{Device: "twin0"}, "twin0 is in 2 network namespaces"},
		{Options{Device: "lo"}, `no TUN/TAP device is called "lo"`},
		{Options{Device: "twin0", Netns: "no such"}, `network namespace "no such": it is no name`},
		{Options{Device: "twin0", Netns: "999999999"}, "no process has the number"},
		{Options{Device: "twin0", Netns: "/dev/null"}, `network namespace "/dev/null"`},
		{Options{Device: "twin0", Hook: "uprobe"}, `unknown hook "uprobe"`},
	} {
		c.o.Say, c.o.Interval = t.Logf, time.Second
		if c.o.Hook == "" {
			c.o.Hook = record.HookNone
		}
		s, err := Open(t.Context(), c.o)
		if err == nil {
			s.Close()
		}
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%+v: %v, want %q", c.o, err, c.want)
		}
	}
	_, _ = ns, other
}

// TestRefused: who may not enter the namespace that --netns names is told so, and not that
// it has no such device.
func TestRefused(t *testing.T) {
	ns, _ := newDevice(t, tuntap.Config{Name: "refused0"})
	file, err := os.Open(fmt.Sprintf("/proc/self/task/%d/ns/net", otherTID(t, ns)))
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	looker := exec.Command(self)
	looker.Env, looker.ExtraFiles = append(os.Environ(), refusedEnv+"=1"), []*os.File{file}
	out, err := looker.CombinedOutput()
	const want = "look for devices in network namespace /proc/self/fd/3: to enter it needs CAP_SYS_ADMIN, or root\n"
	if err != nil || string(out) != want {
		t.Errorf("%v: %q, want %q", err, out, want)
	}
}

// TestNobodyHolds: a persistent device has no queue until someone opens it.
func TestNobodyHolds(t *testing.T) {
	ns, d := newDevice(t, tuntap.Config{Name: "nobody0", VnetHdr: 12})
	if err := d.SetPersist(true); err != nil {
		t.Fatal(err)
	}
	if err := d.Close(); err != nil {
		t.Fatal(err)
	}
	var said []string
	s := open(t, Options{Device: "nobody0", Say: func(format string, args ...any) { said = append(said, fmt.Sprintf(format, args...)) }})
	for range 2 {
		w := next(t, s)
		if line, err := w.Line(); err != nil || w.Device.VnetHdrSz != nil || strings.Contains(string(line), "vnet_hdr_sz") {
			t.Errorf("nobody can be asked for the size of the header: %v, %s", err, line)
		}
		if w.Device.Queues != 0 || len(w.Device.Owners) != 0 || len(said) != 0 {
			t.Errorf("nobody holds it: %d queues, owners %+v, said %q", w.Device.Queues, w.Device.Owners, said)
		}
	}
	newDeviceIn(t, ns, tuntap.Config{Name: "nobody0", VnetHdr: 12})
	next(t, s)
	w := next(t, s)
	if size := w.Device.VnetHdrSz; size == nil || *size != 12 {
		t.Errorf("opened: the size of the header is %v, want 12", size)
	}
	if want := []string{"nobody0 has 1 queue now"}; w.Device.Queues != 1 || len(w.Device.Owners) != 1 || !slices.Equal(said, want) {
		t.Errorf("opened: %d queues, owners %+v, said %q", w.Device.Queues, w.Device.Owners, said)
	}
}

// seen is how many packets the observer has counted when they were read.
func seen(t *testing.T, s *Session) (n uint64) {
	t.Helper()
	snapshot, err := s.observer.Snapshot()
	if err != nil {
		t.Fatal(err)
	}
	for _, q := range snapshot.Queues {
		n += q.ReadPkts
	}
	return n
}

// TestCost holds that the observer comes and goes in one half of each interval, and that its
// counts are those of the other half.
func TestCost(t *testing.T) {
	ns, d := newDevice(t, tuntap.Config{Name: "cost0"})
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan struct{})
	go func() {
		defer close(done)
		for ctx.Err() == nil {
			send(t, ns, 20, 1)
			drain(t, d)
		}
	}()
	s := open(t, Options{Device: "cost0", Cost: true, Interval: 100 * time.Millisecond})
	run, packets := 0.0, 0.0
	for i := 0; i < 3 || packets == 0 && i < 100; i++ { // on a busy host 10 ms may pass without a packet
		w := next(t, s)
		if len(w.Changes) == 0 || math.Abs(w.Changes[0]) > 5 || w.IntervalNs < 45e6 {
			t.Errorf("changes %v, an interval of %d ns", w.Changes, w.IntervalNs)
		}
		run, packets = run+w.RunNs, packets+w.RunPkts
		if got, want := float64(w.Queues[0].ReadPkts), float64(w.Counters.TxPackets); got < 0.9*want || got > 1.1*want {
			t.Errorf("%g packets were seen of %g", got, want)
		}
	}
	if perPacket := run / packets; !(perPacket > 10 && perPacket < 100_000) {
		t.Errorf("BPF statistics say %g ns for %g packets", run, packets)
	}
	// If the observer stayed in both phases, or in neither, no change would be seen.
	for _, observed := range []bool{false, true} {
		before := seen(t, s)
		pps, err := s.phase(ctx, observed, 100*time.Millisecond)
		if err != nil || pps <= 0 {
			t.Errorf("a phase, observed %v: %g packets a second, %v", observed, pps, err)
		}
		if got := seen(t, s) - before; (got > 0) != observed {
			t.Errorf("%d packets were seen in a phase, observed %v", got, observed)
		}
	}
	cancel()
	<-done
}
