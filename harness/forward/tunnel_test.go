package forward

import (
	"bytes"
	"encoding/binary"
	"runtime"
	"runtime/debug"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"tunbench/harness/packet"
	"tunbench/harness/seal"
)

// rig is one direction of a tunnel between two sockets that stand for devices:
// each read and each write is one packet.
type rig struct {
	egress  *Egress
	ingress *Ingress
	in, out int    // the far ends of the devices
	sockets [2]int // below the tunnel
}

func closing(t testing.TB, fds ...int) {
	t.Cleanup(func() {
		for _, fd := range fds {
			unix.Close(fd)
		}
	})
}

func devicePair(t testing.TB, nonBlocking bool) (near, far int) {
	t.Helper()
	kind := unix.SOCK_SEQPACKET | unix.SOCK_CLOEXEC
	fds, err := unix.Socketpair(unix.AF_UNIX, kind, 0)
	if err != nil {
		t.Fatal(err)
	}
	closing(t, fds[:]...)
	if err := unix.SetNonblock(fds[0], nonBlocking); err != nil {
		t.Fatal(err)
	}
	return fds[0], fds[1]
}

// udpPair gives two sockets of the loopback device, connected to each other.
func udpPair(t testing.TB, nonBlocking bool) (fds [2]int) {
	t.Helper()
	var names [2]unix.Sockaddr
	for i := range fds {
		var err error
		if fds[i], err = unix.Socket(unix.AF_INET, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, 0); err != nil {
			t.Fatal(err)
		}
		closing(t, fds[i])
		if err := unix.Bind(fds[i], &unix.SockaddrInet4{Addr: [4]byte{127, 0, 0, 1}}); err != nil {
			t.Fatal(err)
		}
		if names[i], err = unix.Getsockname(fds[i]); err != nil {
			t.Fatal(err)
		}
		if err := unix.SetNonblock(fds[i], nonBlocking); err != nil {
			t.Fatal(err)
		}
	}
	for i, fd := range fds {
		if err := unix.Connect(fd, names[1-i]); err != nil {
			t.Fatal(err)
		}
	}
	return fds
}

func newRig(t testing.TB, c TunnelConfig, cipher seal.Cipher) *rig {
	t.Helper()
	r := new(rig)
	s, o, err := seal.Pair(cipher, bytes.Repeat([]byte{1}, seal.KeyLen), 0, 0)
	if err != nil {
		t.Fatal(err)
	}
	c.MaxPacket = 1500
	r.sockets = udpPair(t, c.Wait != Block)
	c.Name, c.Socket = "a", r.sockets[0]
	c.Device, r.in = devicePair(t, c.Wait != Block)
	r.egress = NewEgress(c, s)
	c.Name, c.Socket = "b", r.sockets[1]
	c.Device, r.out = devicePair(t, c.Wait != Block)
	r.ingress = NewIngress(c, o)
	return r
}

func (r *rig) start(t testing.TB) {
	t.Helper()
	for _, c := range []interface{ Start() error }{r.egress, r.ingress} {
		if err := c.Start(); err != nil {
			t.Fatal(err)
		}
	}
}

func (r *rig) finish(t testing.TB) {
	t.Helper()
	end := func(done <-chan struct{}, finish, wait func() error) {
		for deadline := time.Now().Add(5 * time.Second); ; {
			if err := finish(); err != nil {
				t.Fatal(err)
			}
			select {
			case <-done:
				if err := wait(); err != nil {
					t.Fatal(err)
				}
				return
			case <-time.After(5 * time.Millisecond):
			}
			if time.Now().After(deadline) {
				t.Fatal("a thread did not finish")
			}
		}
	}
	end(r.egress.Thread().Done(), r.egress.Finish, r.egress.Thread().Wait)
	end(r.ingress.Thread().Done(), r.ingress.Finish, r.ingress.Thread().Wait)
}

// quiet is what a trial does before it starts threads that wait in raw system
// calls: each keeps a processor of Go's scheduler, and cannot be stopped.
func quiet(t testing.TB) {
	t.Helper()
	procs := runtime.GOMAXPROCS(runtime.NumCPU() + 8)
	percent := debug.SetGCPercent(-1)
	t.Cleanup(func() {
		debug.SetGCPercent(percent)
		runtime.GOMAXPROCS(procs)
	})
}

func TestTunnel(t *testing.T) {
	quiet(t)
	for name, test := range map[string]struct {
		c      TunnelConfig
		cipher seal.Cipher
	}{
		"block":            {TunnelConfig{Wait: Block}, seal.None},
		"block chacha":     {TunnelConfig{Wait: Block}, seal.ChaCha20Poly1305},
		"poll aes":         {TunnelConfig{Wait: Poll}, seal.AES256GCM},
		"spin":             {TunnelConfig{Wait: Spin}, seal.None},
		"pi":               {TunnelConfig{Wait: Poll, PI: true}, seal.ChaCha20Poly1305},
		"pi vector":        {TunnelConfig{Wait: Block, PI: true, Vector: true}, seal.None},
		"vector":           {TunnelConfig{Wait: Block, Vector: true}, seal.AES256GCM},
		"virtio header":    {TunnelConfig{Wait: Poll, VnetHdr: 12}, seal.None},
		"pi virtio vector": {TunnelConfig{Wait: Poll, VnetHdr: 24, PI: true, Vector: true}, seal.AES256GCM},
	} {
		t.Run(name, func(t *testing.T) {
			r := newRig(t, test.c, test.cipher)
			r.start(t)
			head := make([]byte, r.egress.head())
			got := make([]byte, 2000)
			for i := range 300 {
				plain := bytes.Repeat([]byte{byte(i)}, 1+i*5)
				plain[0] = 0x45
				etherType := uint16(packet.EtherTypeIPv4)
				if i%2 == 1 {
					plain[0], etherType = 0x60, packet.EtherTypeIPv6
				}
				if test.c.PI {
					binary.BigEndian.PutUint16(head[2:], etherType)
				}
				if _, err := unix.Write(r.in, append(bytes.Clone(head), plain...)); err != nil {
					t.Fatal(err)
				}
				n, err := unix.Read(r.out, got)
				if err != nil {
					t.Fatal(err)
				}
				if want := append(bytes.Clone(head), plain...); !bytes.Equal(got[:n], want) {
					t.Fatalf("packet %d: %x came, %x went", i, got[:n], want)
				}
			}
			r.finish(t)
			for name, c := range map[string]TunnelCounts{"egress": r.egress.Counts(), "ingress": r.ingress.Counts()} {
				if c.In != 300 || c.Out != 300 || len(c.Dropped) > 0 || c.Bytes != 300*(1+299*5+1)/2 {
					t.Errorf("%s: %+v", name, c)
				}
			}
		})
	}
}

// What is not of the tunnel, was there before or was changed is dropped under
// its name, and so is what the device does not take.
func TestTunnelDrops(t *testing.T) {
	quiet(t)
	r := newRig(t, TunnelConfig{Wait: Poll}, seal.ChaCha20Poly1305)
	s, _, err := seal.Pair(seal.ChaCha20Poly1305, bytes.Repeat([]byte{1}, seal.KeyLen), 0, 0)
	if err != nil {
		t.Fatal(err)
	}
	send := func(b []byte) {
		if _, err := unix.Write(r.sockets[0], b); err != nil {
			t.Fatal(err)
		}
	}
	buf := make([]byte, 200)
	fresh := func() []byte { return bytes.Clone(buf[:s.Seal(buf, 100)]) }
	good := fresh()
	send(good)
	send(good)
	send([]byte("hello"))
	changed := fresh()
	changed[50] ^= 1
	send(changed)
	if err := unix.Shutdown(r.out, unix.SHUT_RDWR); err != nil {
		t.Fatal(err)
	}
	r.start(t)
	r.finish(t)
	c := r.ingress.Counts()
	want := map[string]uint64{"replayed": 1, "not of the tunnel": 1, "not authentic": 1, "EPIPE": 1}
	if c.In != 4 || c.Out != 0 || len(c.Dropped) != len(want) {
		t.Errorf("%+v, want %v", c, want)
	}
	for reason, n := range want {
		if c.Dropped[reason] != n {
			t.Errorf("%s: %d, want %d", reason, c.Dropped[reason], n)
		}
	}
	if in, out, dropped := r.ingress.Passed(); in != 4 || out != 0 || dropped != 4 {
		t.Errorf("passed %d, %d, %d", in, out, dropped)
	}
}

// A socket that is full loses packets, and says how many.
func TestTunnelLost(t *testing.T) {
	quiet(t)
	r := newRig(t, TunnelConfig{Wait: Poll}, seal.None)
	if err := unix.SetsockoptInt(r.sockets[1], unix.SOL_SOCKET, unix.SO_RCVBUF, 8192); err != nil {
		t.Fatal(err)
	}
	const packets = 1000
	if err := r.egress.Start(); err != nil {
		t.Fatal(err)
	}
	for range packets {
		if _, err := unix.Write(r.in, make([]byte, 500)); err != nil {
			t.Fatal(err)
		}
	}
	for deadline := time.Now().Add(5 * time.Second); ; time.Sleep(time.Millisecond) {
		if _, out, _ := r.egress.Passed(); out == packets {
			break
		}
		if time.Now().After(deadline) {
			t.Fatal("the egress did not pass all packets")
		}
	}
	if err := r.ingress.Start(); err != nil {
		t.Fatal(err)
	}
	r.finish(t)
	lost, err := r.ingress.Lost()
	if err != nil {
		t.Fatal(err)
	}
	if c := r.ingress.Counts(); lost == 0 || c.In == 0 || c.In+lost != packets {
		t.Errorf("%d came and %d were lost, of %d", c.In, lost, packets)
	}
}

func TestTunnelAllocatesNothing(t *testing.T) {
	r := newRig(t, TunnelConfig{Wait: Poll, PI: true}, seal.ChaCha20Poly1305)
	plain := make([]byte, 104)
	plain[4] = 0x45
	got := make([]byte, 200)
	allocs := testing.AllocsPerRun(500, func() {
		if _, err := unix.Write(r.in, plain); err != nil {
			t.Fatal(err)
		}
		for _, half := range []struct {
			take func() (int, error)
			give func(int) error
		}{{r.egress.take, r.egress.give}, {r.ingress.take, r.ingress.give}} {
			n, err := half.take()
			if err != nil || n != 1 {
				t.Fatalf("took %d: %v", n, err)
			}
			if err := half.give(n); err != nil {
				t.Fatal(err)
			}
		}
		if n, err := unix.Read(r.out, got); n != len(plain) {
			t.Fatalf("read %d bytes: %v", n, err)
		}
	})
	if allocs > 4 { // of the test: four method values
		t.Errorf("%v allocations a packet", allocs)
	}
}
