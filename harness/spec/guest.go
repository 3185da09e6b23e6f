package spec

import "fmt"

// MostGuestQueues bounds the queues of path=guest: its virtual machine has a CPU for each.
const MostGuestQueues = 16

// guestContradiction is about a virtual machine behind the device; "" is none.
func guestContradiction(s Spec) string {
	if s.Path != PathGuest {
		if s.Bridge {
			return fmt.Sprintf("bridge=on puts the device of a virtual machine on a bridge; with path=%s set bridge=off", s.Path)
		}
		return ""
	}
	switch {
	case s.Mode != TAP:
		return "path=guest: a virtual machine has an Ethernet device; set mode=tap"
	case s.Gen != GenUDP:
		return fmt.Sprintf("path=guest counts the packets of gen=udp, and not those of gen=%s", s.Gen)
	case s.IO != IORead && s.IO != IOVhost:
		return fmt.Sprintf("path=guest: QEMU reads and writes the device by itself (io=read) or leaves that to vhost-net (io=vhost); io=%s is neither", s.IO)
	case s.Queues > MostGuestQueues:
		return fmt.Sprintf("path=guest: the virtual machine has a CPU for each queue, and at most %d; set queues=%d or fewer", MostGuestQueues, MostGuestQueues)
	case s.VnetHdr != 0 && s.VnetHdr != 12:
		return fmt.Sprintf("path=guest: QEMU and virtio-net agree on a header of 12 bytes, not of %d; set vnet=12 or vnet=off", s.VnetHdr)
	case s.Offload == OffloadUSO || s.Offload == OffloadTunnel:
		return fmt.Sprintf("path=guest: QEMU announces what the guest takes, which is at most offload=tso; offload=%s is not in its power", s.Offload)
	case s.PI || s.NAPI != NAPIOff || s.SndBuf > 0:
		return "path=guest: QEMU takes a device without packet information and without a bounded send buffer, and NAPI is not for it: set pi=off, napi=off and sndbuf=max"
	}
	return ""
}
