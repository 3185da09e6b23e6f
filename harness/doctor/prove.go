package doctor

import (
	"errors"
	"fmt"
	"net/netip"
	"time"

	"golang.org/x/sys/unix"

	"tunbench/bpf"
	"tunbench/harness/device"
	"tunbench/harness/netns"
	"tunbench/harness/packet"
	"tunbench/harness/socket"
	"tunbench/harness/spec"
)

const (
	// proofLasts bounds how long a hook has to see the packets that prove it. Each
	// is seen within the call that moves it.
	proofLasts = 200 * time.Millisecond
	// discardPort is where these packets go: no socket listens there.
	discardPort = 9
)

// Prove holds that hook h sees what a device does: it is attached to a device of
// its own, a packet passes each way, and each program counts it. Some kernels attach programs
// that they then never run. A hook that does not hold gives a *bpf.HookError.
func Prove(h bpf.Hook) error { return ProveOn(h, false) }

// ProveOn is Prove; with gso, on a device that takes GSO packets, into which the
// programs of the hook look deeper.
func ProveOn(h bpf.Hook, gso bool) (err error) {
	ns, err := netns.New()
	if err != nil {
		return unproven(h, err)
	}
	defer func() { err = errors.Join(err, ns.Close()) }()
	s := spec.Default()
	s.IO = spec.IOPoll // does not block
	d, err := device.New(ns, device.Name, s, device.LinkOf(s))
	defer func() { err = errors.Join(err, d.Close()) }()
	if err != nil {
		return unproven(h, err)
	}
	target := d.Target(1)
	target.Direction, target.GSO = bpf.Both, gso
	o, err := bpf.Open(bpf.Options{Hook: h, Target: target})
	if err != nil {
		return err // says why
	}
	defer func() { err = errors.Join(err, o.Close()) }()
	for deadline := time.Now().Add(proofLasts); ; time.Sleep(time.Millisecond) {
		if err := passPackets(d); err != nil {
			return &unprovenError{h, err}
		}
		seen, err := o.Snapshot()
		if err != nil {
			return fmt.Errorf("prove the %s hook: %w", h, err)
		}
		silent := seen.Silent(h)
		if len(silent) == 0 {
			return nil
		}
		if time.Now().After(deadline) {
			return bpf.Silence(h, silent)
		}
	}
}

// unprovenError says why a hook that attaches could not be seen to count: there
// is no device, so no trial can rest on it either.
type unprovenError struct {
	hook bpf.Hook
	err  error
}

func (e *unprovenError) Error() string { return fmt.Sprintf("prove the %s hook: %v", e.hook, e.err) }

func (e *unprovenError) Unwrap() error { return e.err }

// unproven is what can be said of a hook without a device.
func unproven(h bpf.Hook, err error) error {
	if hookErr := bpf.Try(h, bpf.Both); hookErr != nil {
		return hookErr
	}
	return &unprovenError{h, err}
}

// passPackets lets a packet pass a device each way: one that a socket sends is
// read from it, and one is written to it.
func passPackets(d *device.Device) error {
	addr, peer := device.Addresses(d.Spec)
	queue := d.Queues()[0].FD()
	err := d.NS.Do(func() error {
		fd, err := socket.UDP(netip.AddrPortFrom(addr.Addr(), 0), netip.AddrPortFrom(peer, discardPort), unix.SOCK_NONBLOCK)
		if err != nil {
			return err
		}
		_, err = unix.Write(fd, []byte{0})
		return errors.Join(err, unix.Close(fd))
	})
	if err != nil {
		return fmt.Errorf("send a packet through %s: %w", d.Name(), err)
	}
	buf := make([]byte, spec.DefaultMTU)
	for n := 1; n > 0; { // the kernel may have sent others
		if n, err = unix.Read(queue, buf); err != nil && !errors.Is(err, unix.EAGAIN) && !errors.Is(err, unix.EINTR) {
			return fmt.Errorf("read a packet from %s: %w", d.Name(), err)
		}
	}
	udp := packet.UDP{Src: netip.AddrPortFrom(peer, discardPort), Dst: netip.AddrPortFrom(addr.Addr(), discardPort)}
	b := buf[:packet.HeadersLen(false, d.Spec.Family)]
	udp.Headers(b, 0)
	if _, err := unix.Write(queue, b); err != nil {
		return fmt.Errorf("write a packet to %s: %w", d.Name(), err)
	}
	return nil
}
