package bpf

import "net/netip"

// MostFlows is how many flows an observer knows at a time. The one that was used least
// recently makes room for another, and its counts are lost.
const MostFlows = 16384

// Flow is what packets of a flow have in common.
type Flow struct {
	Src, Dst netip.AddrPort // the port is 0 where the protocol has none
	Proto    uint8          // of IP
	Recv     bool           // written by user space, else to be read by it
}

// FlowCount counts wire segments and their bytes.
type FlowCount struct{ Pkts, Bytes uint64 }

func flowOf(k tunobsFlow) Flow {
	addr := func(b [16]byte, port uint16) netip.AddrPort {
		host := port>>8 | port<<8
		if k.Version == 4 {
			return netip.AddrPortFrom(netip.AddrFrom4([4]byte(b[:4])), host)
		}
		return netip.AddrPortFrom(netip.AddrFrom16(b), host)
	}
	return Flow{Src: addr(k.Src, k.Sport), Dst: addr(k.Dst, k.Dport), Proto: k.Proto, Recv: k.Dir == 1}
}
