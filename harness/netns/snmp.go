package netns

import (
	"fmt"
	"os"
	"strconv"
	"strings"
)

// Stack is what the IP stack of a namespace counted, IPv4 and IPv6 together,
// loopback included.
type Stack struct {
	Received uint64 // packets or super-packets that came in, before anything was checked (IpInReceives)
	// Datagrams is how many UDP sockets sent, each super-packet as one
	// (UdpOutDatagrams). Those that tunnels in the kernel send are not among them.
	Datagrams uint64
	// Lost is what the stack and UDP dropped of these, by the kernel's drop
	// reasons, whose counters these are the same as; reasons without any are left
	// out.
	Lost map[string]uint64
}

// lost names the counters of /proc/net/snmp by drop reason, as in
// include/net/dropreason-core.h. UDP's InErrors holds the others of its
// protocol but NoPorts, and is not a reason of its own.
var lost = []struct{ protocol, name, v6, reason string }{
	{"Udp", "RcvbufErrors", "Udp6RcvbufErrors", "SOCKET_RCVBUFF"},
	{"Udp", "MemErrors", "Udp6MemErrors", "PROTO_MEM"},
	{"Udp", "InCsumErrors", "Udp6InCsumErrors", "UDP_CSUM"},
	{"Udp", "NoPorts", "Udp6NoPorts", "NO_SOCKET"},
	{"Ip", "InHdrErrors", "Ip6InHdrErrors", "IP_INHDR"},
	{"Ip", "InAddrErrors", "Ip6InAddrErrors", "IP_INADDRERRORS"},
	{"Ip", "InTruncatedPkts", "Ip6InTruncatedPkts", "PKT_TOO_SMALL"},
	{"Ip", "InDiscards", "Ip6InDiscards", "NOMEM"},
}

// Stack reads the counters of the namespace's IP stack.
func (n *NS) Stack() (s Stack, err error) {
	err = n.Do(func() error {
		text, err := os.ReadFile("/proc/thread-self/net/snmp")
		if err != nil {
			return fmt.Errorf("read the counters of IPv4: %w", err)
		}
		v4, ok := snmp(string(text), "Ip", "InReceives")
		if !ok {
			return fmt.Errorf("read the counters of IPv4: no InReceives")
		}
		s.Received, s.Lost = v4, map[string]uint64{}
		// Without IPv6 there is no such file.
		text6, _ := os.ReadFile("/proc/thread-self/net/snmp6")
		v6, _ := snmp6(string(text6), "Ip6InReceives")
		s.Received += v6
		v4, _ = snmp(string(text), "Udp", "OutDatagrams")
		v6, _ = snmp6(string(text6), "Udp6OutDatagrams")
		s.Datagrams = v4 + v6
		for _, l := range lost {
			v4, _ := snmp(string(text), l.protocol, l.name)
			v6, _ := snmp6(string(text6), l.v6)
			if v4+v6 > 0 {
				s.Lost[l.reason] += v4 + v6
			}
		}
		return nil
	})
	return s, err
}

// snmp finds a counter in /proc/net/snmp: a line of names of a protocol is
// followed by one of values.
func snmp(text, protocol, name string) (uint64, bool) {
	var names []string
	for line := range strings.Lines(text) {
		rest, ok := strings.CutPrefix(line, protocol+":")
		if !ok {
			continue
		}
		fields := strings.Fields(rest)
		if names == nil {
			names = fields
			continue
		}
		for i, field := range names {
			if field == name && i < len(fields) {
				n, err := strconv.ParseUint(fields[i], 10, 64)
				return n, err == nil
			}
		}
		return 0, false
	}
	return 0, false
}

// snmp6 finds a counter in /proc/net/snmp6: a name and a value a line.
func snmp6(text, name string) (uint64, bool) {
	for line := range strings.Lines(text) {
		if fields := strings.Fields(line); len(fields) == 2 && fields[0] == name {
			n, err := strconv.ParseUint(fields[1], 10, 64)
			return n, err == nil
		}
	}
	return 0, false
}
