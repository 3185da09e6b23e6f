package tuntap

import (
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"net"
	"slices"
	"unsafe"

	"golang.org/x/sys/unix"
)

// filters are the programs and the addresses that decide which packets leave a
// device, and by which queue.
type filters struct {
	control
	// classic is the program given to TUNATTACHFILTER. The kernel keeps its
	// address and reads it again when a queue attaches, so it is kept as long;
	// Go's heap does not move.
	classic []unix.SockFilter
}

// exactAddresses is FLT_EXACT_COUNT of drivers/net/tun.c.
const exactAddresses = 8

// SetTxFilter lets a TAP device send only frames to the given addresses; an
// empty list turns the filter off. The first eight are matched exactly, the
// others must be multicast and are matched by hash; allMulti lets all multicast
// pass. Broadcast passes only if it is among the addresses.
func (s *filters) SetTxFilter(addrs []net.HardwareAddr, allMulti bool) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	arg := fmt.Sprintf("%d addresses", len(addrs))
	if len(addrs) > math.MaxUint16 {
		return fmt.Errorf("set address filter of %s to %s: at most %d", s.name, arg, math.MaxUint16)
	}
	b, err := txFilter(addrs, allMulti)
	if err != nil {
		return fmt.Errorf("set address filter of %s: %w", s.name, err)
	}
	exact := 0
	err = s.call("TUNSETTXFILTER", arg, func(fd int) (err error) {
		exact, err = ioctlPtr(fd, unix.TUNSETTXFILTER, unsafe.Pointer(&b[0]))
		return err
	})
	if err != nil {
		return s.onlyTAP(err)
	}
	// The call returns how many addresses are matched exactly.
	if want := min(len(addrs), exactAddresses); exact != want {
		return &OptionError{
			Device: s.name, Call: "TUNSETTXFILTER", Arg: arg, Got: "a filter that is off", ours: true,
			Hint: "from the ninth on, addresses must be multicast",
		}
	}
	return nil
}

// txFilter lays out struct tun_filter: flags, count, addresses.
func txFilter(addrs []net.HardwareAddr, allMulti bool) ([]byte, error) {
	var flags uint16
	if allMulti {
		flags = fltAllMulti
	}
	b := make([]byte, 0, 4+6*len(addrs))
	b = binary.NativeEndian.AppendUint16(b, flags)
	b = binary.NativeEndian.AppendUint16(b, uint16(len(addrs)))
	for _, a := range addrs {
		if len(a) != 6 {
			return nil, fmt.Errorf("address %s has %d bytes, not 6", a, len(a))
		}
		b = append(b, a...)
	}
	return b, nil
}

// AttachFilter runs a classic BPF program on every frame that a TAP device
// sends; the program returns how many bytes of the frame to keep.
func (s *filters) AttachFilter(prog []unix.SockFilter) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(prog) == 0 || len(prog) > unix.BPF_MAXINSNS {
		return fmt.Errorf("attach classic filter to %s: %d instructions, choose 1 to %d", s.name, len(prog), unix.BPF_MAXINSNS)
	}
	before := s.classic
	s.classic = slices.Clone(prog)
	if err := s.attachClassic(); err != nil {
		s.classic = before
		if before != nil {
			// Refusing the new program, the kernel has taken its address.
			err = errors.Join(err, s.attachClassic())
		}
		return s.onlyTAP(err)
	}
	return nil
}

func (s *filters) attachClassic() error {
	f := sockFprog{Len: uint16(len(s.classic)), Filter: uintptr(unsafe.Pointer(&s.classic[0]))}
	return s.call("TUNATTACHFILTER", fmt.Sprintf("%d instructions", f.Len), func(fd int) error {
		_, err := ioctlPtr(fd, unix.TUNATTACHFILTER, unsafe.Pointer(&f))
		return err
	})
}

// DetachFilter removes the classic program.
func (s *filters) DetachFilter() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	err := s.call("TUNDETACHFILTER", "", func(fd int) error {
		// The kernel does not read the argument.
		_, err := ioctlPtr(fd, unix.TUNDETACHFILTER, nil)
		return err
	})
	if err != nil {
		return s.onlyTAP(err)
	}
	s.classic = nil
	return nil
}

// GetFilter returns the classic program that was attached last. The kernel
// keeps only its address (also after DetachFilter), so that a program which
// this Device did not attach is an error.
func (s *filters) GetFilter() ([]unix.SockFilter, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	f, err := s.getFilter()
	switch {
	case err != nil:
		return nil, s.onlyTAP(err)
	case s.classic == nil:
		return nil, fmt.Errorf("get classic filter of %s: none is attached here", s.name)
	case f.Filter != uintptr(unsafe.Pointer(&s.classic[0])) || int(f.Len) != len(s.classic):
		return nil, fmt.Errorf("get classic filter of %s: its %d instructions belong to another process", s.name, f.Len)
	}
	return slices.Clone(s.classic), nil
}

func (s *filters) getFilter() (f sockFprog, err error) {
	err = s.call("TUNGETFILTER", "", func(fd int) error {
		_, err := ioctlPtr(fd, unix.TUNGETFILTER, unsafe.Pointer(&f))
		return err
	})
	return f, err
}

// SetSteering lets the eBPF socket filter program behind fd choose the transmit
// queue: its result modulo the number of attached queues. -1 restores the
// kernel's flow hash.
func (s *filters) SetSteering(fd int) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.setProgram("TUNSETSTEERINGEBPF", unix.TUNSETSTEERINGEBPF, fd)
}

// SetFilterEBPF runs the eBPF socket filter program behind fd on every packet
// sent; the program returns how many bytes to keep, 0 drops the packet. -1
// removes the program.
func (s *filters) SetFilterEBPF(fd int) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.setProgram("TUNSETFILTEREBPF", unix.TUNSETFILTEREBPF, fd)
}

func (s *filters) setProgram(call string, req uint, prog int) error {
	arg := "none"
	if prog >= 0 {
		arg = fmt.Sprintf("descriptor %d", prog)
	} else {
		prog = -1
	}
	return s.call(call, arg, func(fd int) error { return unix.IoctlSetPointerInt(fd, req, prog) })
}
