package forward

import (
	"encoding/binary"
	"fmt"
	"syscall"
	"unsafe"

	"tunbench/harness/packet"
	"tunbench/harness/seal"
	"tunbench/harness/socket"
	"tunbench/harness/worker"

	"golang.org/x/sys/unix"
)

// Ingress takes sealed packets from the other side, opens them and writes them
// into a queue.
type Ingress struct {
	tunnel
	opener *seal.Opener
}

// NewIngress prepares an ingress: it runs after Start.
func NewIngress(c TunnelConfig, o *seal.Opener) *Ingress {
	g := &Ingress{opener: o}
	g.prepare(c)
	for i := range g.iovecs {
		g.iovecs[i].SetLen(len(g.sealed(i)))
	}
	return g
}

// Start begins to forward on a thread of its own.
func (g *Ingress) Start() (err error) {
	g.thread, err = worker.Start(g.CPU, func() error { return g.run(g.Socket, g.take, g.give) })
	if err != nil {
		return fmt.Errorf("start the ingress of %s: %w", g.Name, err)
	}
	return nil
}

// Finish makes the ingress end as soon as its socket is empty.
func (g *Ingress) Finish() error { return g.finish(g.Socket) }

// Lost is how many packets the kernel had for the socket and dropped, because
// its buffer was full.
func (g *Ingress) Lost() (uint64, error) { return socket.Drops(g.Socket) }

// take receives what the socket has, up to a batch.
func (g *Ingress) take() (int, error) {
	for {
		worker.Turn()
		g.calls++
		got, _, errno := syscall.RawSyscall6(unix.SYS_RECVMMSG, uintptr(g.Socket), uintptr(unsafe.Pointer(&g.headers[0])),
			uintptr(len(g.headers)), unix.MSG_WAITFORONE, 0, 0)
		switch errno {
		case 0:
			return int(got), nil
		case unix.EAGAIN:
			return 0, nil
		case unix.EINTR:
		default:
			return 0, fmt.Errorf("receive for %s from the other side: %w", g.Name, errno)
		}
	}
}

// give opens the first n packets and writes them.
func (g *Ingress) give(n int) error {
	g.in += uint64(n)
	for i := range n {
		length, err := g.opener.Open(g.sealed(i)[:g.headers[i].Len])
		if err != nil {
			g.refused[refusal(err)]++
			continue
		}
		if err := g.write(i, length); err != nil {
			return err
		}
	}
	return nil
}

func refusal(err error) int {
	switch err {
	case seal.ErrHeader:
		return 0
	case seal.ErrReplayed:
		return 1
	}
	return 2
}

// write writes packet i to the device. A packet that the kernel refuses is
// dropped, as a VPN does.
func (g *Ingress) write(i, length int) error {
	g.putHead(g.buffer(i), length)
	tried := int64(0)
	for {
		worker.Turn()
		_, errno := g.transfer(unix.SYS_WRITE, unix.SYS_WRITEV, i, length)
		switch errno {
		case 0:
			g.out++
			g.bytes += uint64(length)
			return nil
		case unix.EAGAIN: // the send buffer is full
			if now := worker.Now(); tried == 0 {
				tried = now
			} else if g.finishing.Load() && now-tried > roomWithin {
				g.errnos[errno]++
				return nil
			}
			if err := g.poll(g.Device, unix.POLLOUT); err != nil {
				return err
			}
		case unix.EINTR:
		case unix.EBADFD: // the device no longer exists
			return fmt.Errorf("write to %s: %w", g.Name, errno)
		default:
			g.errnos[min(int(errno), maxErrno-1)]++
			return nil
		}
	}
}

// putHead writes what the device expects before a packet: an empty virtio-net
// header, and the protocol.
func (g *Ingress) putHead(buf []byte, length int) {
	clear(buf[room-g.head() : room])
	if !g.PI {
		return
	}
	etherType := uint16(packet.EtherTypeIPv4)
	if length > 0 && buf[room]>>4 == 6 {
		etherType = packet.EtherTypeIPv6
	}
	// struct tun_pi stands before the virtio-net header: flags, protocol.
	binary.BigEndian.PutUint16(buf[room-g.head()+2:], etherType)
}
