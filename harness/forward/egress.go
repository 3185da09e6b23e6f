package forward

import (
	"fmt"
	"syscall"
	"unsafe"

	"tunbench/harness/seal"
	"tunbench/harness/worker"

	"golang.org/x/sys/unix"
)

// Egress takes packets from a queue, seals them and sends them to the other
// side.
type Egress struct {
	tunnel
	sealer *seal.Sealer
}

// NewEgress prepares an egress: it runs after Start.
func NewEgress(c TunnelConfig, s *seal.Sealer) *Egress {
	e := &Egress{sealer: s}
	e.prepare(c)
	return e
}

// Start begins to forward on a thread of its own.
func (e *Egress) Start() (err error) {
	e.thread, err = worker.Start(e.CPU, func() error { return e.run(e.Device, e.take, e.give) })
	if err != nil {
		return fmt.Errorf("start the egress of %s: %w", e.Name, err)
	}
	return nil
}

// Finish makes the egress end as soon as its queue is empty.
func (e *Egress) Finish() error { return e.finish(e.Device) }

// take reads the packets of the queue, up to a batch; a single packet if reads
// wait.
func (e *Egress) take() (n int, err error) {
	most := tunnelBatch
	if e.Wait == Block && !e.finishing.Load() {
		most = 1
	}
	for n < most {
		worker.Turn()
		length, errno := e.transfer(unix.SYS_READ, unix.SYS_READV, n, e.MaxPacket)
		switch errno {
		case 0:
			if length < 0 {
				return n, fmt.Errorf("read %s: a packet is shorter than its headers", e.Name)
			}
			e.lengths[n] = length
			n++
		case unix.EAGAIN:
			return n, nil
		case unix.EINTR:
		default:
			return n, fmt.Errorf("read %s: %w", e.Name, errno)
		}
	}
	return n, nil
}

// give seals the first n packets and sends them.
func (e *Egress) give(n int) error {
	e.in += uint64(n)
	for i := range n {
		e.iovecs[i].SetLen(e.sealer.Seal(e.sealed(i), e.lengths[i]))
	}
	for first := 0; first < n; {
		worker.Turn()
		e.calls++
		got, _, errno := syscall.RawSyscall6(unix.SYS_SENDMMSG, uintptr(e.Socket),
			uintptr(unsafe.Pointer(&e.headers[first])), uintptr(n-first), 0, 0, 0)
		switch errno {
		case 0:
			for _, length := range e.lengths[first : first+int(got)] {
				e.bytes += uint64(length)
			}
			e.out += uint64(got)
			first += int(got)
		case unix.EAGAIN, unix.ENOBUFS:
			if err := e.poll(e.Socket, unix.POLLOUT); err != nil {
				return err
			}
		case unix.EINTR:
		default:
			return fmt.Errorf("send what %s gave to the other side: %w", e.Name, errno)
		}
	}
	return nil
}
