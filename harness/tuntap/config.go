// Package tuntap creates TUN and TAP devices and speaks the whole UAPI of
// include/uapi/linux/if_tun.h, except TUNSETNOCSUM, which the kernel accepts
// and ignores.
//
// Every option that can be read back is read back: one that the kernel accepts
// and then ignores is an OptionError, as is one that it refuses.
package tuntap

import (
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"

	"golang.org/x/sys/unix"
)

// Config says what to create. Its zero value, with Queues set to 1, is a TUN
// device with one queue and bare IP packets.
type Config struct {
	// Name of the device, up to 15 bytes; it may hold one "%d". Empty: "tun%d"
	// or "tap%d". If a device of that name exists, a queue is added to it,
	// where the kernel permits that; see Exclusive.
	Name string
	TAP  bool // frames instead of IP packets
	// Queues is the number of descriptors, at least 1; the kernel takes up to
	// 256. Above 1 the device is IFF_MULTI_QUEUE (Linux 3.8).
	Queues int
	// PI puts 4 bytes of packet information before each packet.
	PI bool
	// VnetHdr is the size of the virtio-net header before each packet in bytes:
	// 0 (none), 10, 12, 20 or 24. Its fields are little-endian on every host.
	VnetHdr int
	// Offload is a mask of Off bits. It is announced whenever VnetHdr is not 0,
	// even if the mask is 0. The ethtool features of the device show the
	// effect.
	Offload uint
	// NAPI receives what is written through NAPI (Linux 4.15). NAPIFrags lets
	// it build fragmented skbs; it is for TAP, needs CAP_NET_ADMIN in the
	// initial user namespace and implies NAPI.
	NAPI, NAPIFrags bool
	// SndBuf bounds in bytes what is written and not yet received. 0 leaves the
	// kernel's default, INT_MAX.
	SndBuf int
	// Exclusive refuses a name that exists (IFF_TUN_EXCL).
	Exclusive bool
	// NoCarrier brings the device up without carrier (Linux 6.1).
	NoCarrier bool
	// Backpressure stops the transmit queue when its ring is full instead of
	// dropping; needs a qdisc (after Linux 6.18).
	Backpressure bool
	// SteeringFD and FilterFD are loaded eBPF socket filter programs, 0 for
	// none; the caller may close them after Create (Linux 4.16). Steering
	// returns the number of the queue, the filter the number of bytes of the
	// packet to keep.
	SteeringFD, FilterFD int
	// Ifindex is the interface index to request; 0 lets the kernel choose
	// (Linux 3.12).
	Ifindex int
	// NonBlock opens the descriptors with O_NONBLOCK.
	NonBlock bool
}

func (c Config) validate() error {
	switch {
	case len(c.Name) >= unix.IFNAMSIZ:
		return fmt.Errorf("device name %q is longer than %d bytes", c.Name, unix.IFNAMSIZ-1)
	case c.Name == "." || c.Name == ".." || strings.ContainsAny(c.Name, "/: \t\n\v\f\r\x00"):
		return fmt.Errorf("device name %q: the kernel takes no slash, colon, space, \".\" or \"..\"", c.Name)
	case c.Queues < 1:
		return fmt.Errorf("%d queues: a device needs at least one", c.Queues)
	case !slices.Contains([]int{0, 10, 12, 20, 24}, c.VnetHdr):
		return fmt.Errorf("vnet header of %d bytes: choose 0 (none), 10, 12, 20 or 24", c.VnetHdr)
	case c.Offload != 0 && c.VnetHdr == 0:
		return fmt.Errorf("offloads %s need a vnet header", offloadText(c.Offload))
	case c.NAPIFrags && !c.TAP:
		return errors.New("napi frags are for tap devices")
	case c.SndBuf < 0 || c.SndBuf > math.MaxInt32:
		return fmt.Errorf("send buffer of %d bytes: choose 1 to %d, or 0 for the kernel's default", c.SndBuf, math.MaxInt32)
	case c.Ifindex < 0 || c.Ifindex > math.MaxInt32:
		return fmt.Errorf("interface index %d: choose 1 to %d, or 0 to let the kernel choose", c.Ifindex, math.MaxInt32)
	case c.SteeringFD < 0 || c.FilterFD < 0:
		return errors.New("program descriptors are positive, or 0 for none")
	}
	return nil
}

// flags returns the argument of TUNSETIFF for every queue, without
// IFF_TUN_EXCL, which only the first may carry.
func (c Config) flags() uint32 {
	flags := uint32(unix.IFF_TUN)
	if c.TAP {
		flags = unix.IFF_TAP
	}
	for _, f := range []struct {
		on  bool
		bit uint32
	}{
		{!c.PI, unix.IFF_NO_PI},
		{c.Queues > 1, unix.IFF_MULTI_QUEUE},
		{c.VnetHdr > 0, unix.IFF_VNET_HDR},
		{c.NAPI || c.NAPIFrags, unix.IFF_NAPI},
		{c.NAPIFrags, unix.IFF_NAPI_FRAGS},
		{c.NoCarrier, unix.IFF_NO_CARRIER},
		{c.Backpressure, iffBackpressure},
	} {
		if f.on {
			flags |= f.bit
		}
	}
	return flags
}
