// Package wireguard runs wireguard-go, WireGuard in user space, on a TUN device
// and counts what passes at its two ends.
package wireguard

import (
	"errors"
	"fmt"
	"net/netip"
	"os"
	"strings"
	"sync"
	"sync/atomic"

	"golang.org/x/sys/unix"
	"golang.zx2c4.com/wireguard/conn"
	"golang.zx2c4.com/wireguard/device"
	"golang.zx2c4.com/wireguard/tun"
	"golang.zx2c4.com/wireguard/wgctrl/wgtypes"
)

// Config is the configuration of one side.
type Config struct {
	// FD is a descriptor of the TUN device, without packet information. With a
	// virtio-net header of 10 bytes the library cuts and joins GSO packets. It
	// is closed by Close, and by Start if that fails.
	FD       int
	MTU      int
	Port     uint16      // UDP, on all addresses
	Key      wgtypes.Key // private
	Peer     wgtypes.Key // public key of the other side
	Endpoint netip.AddrPort
}

// Device is one running side. It has no thread of its own: the library works in
// goroutines on any thread.
type Device struct {
	device *device.Device
	tun    countedTUN
	bind   countedBind

	mu  sync.Mutex // guards err
	err error      // the first that the library reported
}

// Counts is the traffic since Start, in single packets: GSO packets are cut
// before they are counted, and counted before they are joined.
type Counts struct {
	Calls    uint64            // calls of read, write, send and receive by the library: each is at least one system call
	Reads    uint64            // packets or GSO packets read from the device
	Taken    uint64            // packets read from the device
	Sent     uint64            // of these, sent to the other side
	Received uint64            // packets from the other side
	Written  uint64            // of these, handed to the device
	Refused  map[string]uint64 // by the device, by errno name; not in Written
	Writing  bool              // some of Written is still being written
}

// Start runs one side. It must be called on a thread in the network namespace
// of the device; the sockets are then there, too.
func Start(c Config) (*Device, error) {
	inner, _, err := tun.CreateUnmonitoredTUNFromFD(c.FD)
	if err != nil {
		return nil, errors.Join(fmt.Errorf("give the device to wireguard-go: %w", err), unix.Close(c.FD))
	}
	d := &Device{
		tun:  countedTUN{Device: inner, mtu: c.MTU, refused: map[string]uint64{}},
		bind: countedBind{Bind: conn.NewStdNetBind()},
	}
	d.device = device.NewDevice(&d.tun, &d.bind, &device.Logger{Verbosef: device.DiscardLogf, Errorf: d.failed})
	var text strings.Builder
	fmt.Fprintf(&text, "private_key=%x\nlisten_port=%d\nreplace_peers=true\npublic_key=%x\nendpoint=%v\n", c.Key[:], c.Port, c.Peer[:], c.Endpoint)
	text.WriteString("replace_allowed_ips=true\nallowed_ip=0.0.0.0/0\nallowed_ip=::/0\n")
	if err := d.device.IpcSet(text.String()); err != nil {
		d.Close()
		return nil, fmt.Errorf("configure wireguard-go: %w", err)
	}
	if err := d.device.Up(); err != nil {
		d.Close()
		return nil, fmt.Errorf("bring wireguard-go up: %w", err)
	}
	return d, nil
}

// Close ends the goroutines and closes the descriptor and the sockets. It may
// be called again.
func (d *Device) Close() { d.device.Close() }

// Done is closed when the side has ended: by Close, or because its device was
// removed.
func (d *Device) Done() <-chan struct{} { return d.device.Wait() }

// Err is the first error that the library reported; nil if there was none.
func (d *Device) Err() error {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.err
}

func (d *Device) failed(format string, args ...any) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.err == nil {
		d.err = fmt.Errorf(format, args...)
	}
}

// Counts may be called while the side runs.
func (d *Device) Counts() Counts {
	c := Counts{
		Calls: d.tun.calls.Load() + d.bind.calls.Load(), Reads: d.tun.reads.Load(), Taken: d.tun.taken.Load(),
		Sent: d.bind.sent.Load(), Received: d.bind.received.Load(), Written: d.tun.written.Load(),
		Refused: map[string]uint64{}, Writing: d.tun.writing.Load() > 0,
	}
	d.tun.mu.Lock()
	defer d.tun.mu.Unlock()
	for errno, n := range d.tun.refused {
		c.Refused[errno] = n
	}
	return c
}

// countedTUN is the device as the library sees it.
type countedTUN struct {
	tun.Device
	mtu int

	calls, reads, taken, written atomic.Uint64
	writing                      atomic.Int32 // writes that have not returned

	mu      sync.Mutex // guards refused
	refused map[string]uint64
}

// MTU returns the configured value; the library would ask in the namespace of
// any thread.
func (t *countedTUN) MTU() (int, error) { return t.mtu, nil }

func (t *countedTUN) Read(bufs [][]byte, sizes []int, offset int) (int, error) {
	n, err := t.Device.Read(bufs, sizes, offset)
	t.calls.Add(1)
	if n > 0 {
		t.reads.Add(1)
		t.taken.Add(uint64(n))
	}
	return n, err
}

// Write counts before it writes: the other side may see a packet before the
// call returns.
func (t *countedTUN) Write(bufs [][]byte, offset int) (int, error) {
	t.calls.Add(1)
	t.writing.Add(1)
	defer t.writing.Add(-1)
	t.written.Add(uint64(len(bufs)))
	n, err := t.Device.Write(bufs, offset)
	if err != nil {
		t.refuse(err, len(bufs))
	}
	return n, err
}

// refuse counts the packets of a write that the device refused. The library
// joins an error for each; a device that no longer exists refuses all.
func (t *countedTUN) refuse(err error, most int) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if errors.Is(err, os.ErrClosed) {
		t.refused[unix.ErrnoName(unix.EBADFD)] += uint64(most)
		t.written.Add(-uint64(most))
		return
	}
	for _, errno := range errnos(err) {
		t.refused[unix.ErrnoName(errno)]++
		t.written.Add(^uint64(0))
	}
}

// errnos lists the errnos at the roots of joined errors.
func errnos(err error) (list []unix.Errno) {
	if joined, ok := err.(interface{ Unwrap() []error }); ok {
		for _, e := range joined.Unwrap() {
			list = append(list, errnos(e)...)
		}
		return list
	}
	var errno unix.Errno
	if errors.As(err, &errno) {
		return []unix.Errno{errno}
	}
	return nil
}

// countedBind is the network below as the library sees it.
type countedBind struct {
	conn.Bind
	calls, sent, received atomic.Uint64
}

// isData reports whether a datagram carries a packet: it is neither part of a
// handshake nor a keepalive.
func isData(b []byte) bool {
	return len(b) > device.MessageKeepaliveSize && b[0] == device.MessageTransportType
}

func (b *countedBind) Open(port uint16) ([]conn.ReceiveFunc, uint16, error) {
	fns, actual, err := b.Bind.Open(port)
	for i, inner := range fns {
		fns[i] = func(bufs [][]byte, sizes []int, eps []conn.Endpoint) (int, error) {
			n, err := inner(bufs, sizes, eps)
			b.calls.Add(1)
			var data uint64
			for j := range n {
				if isData(bufs[j][:sizes[j]]) {
					data++
				}
			}
			b.received.Add(data)
			return n, err
		}
	}
	return fns, actual, err
}

// Send counts before it sends, as Write does.
func (b *countedBind) Send(bufs [][]byte, ep conn.Endpoint) error {
	b.calls.Add(1)
	var data uint64
	for _, buf := range bufs {
		if isData(buf) {
			data++
		}
	}
	b.sent.Add(data)
	err := b.Bind.Send(bufs, ep)
	var disabled conn.ErrUDPGSODisabled
	if err != nil && !(errors.As(err, &disabled) && disabled.RetryErr == nil) {
		b.sent.Add(-data)
	}
	return err
}
