package netns

import (
	"fmt"
	"os"
	"slices"
	"strconv"
	"strings"
)

// Stack holds counters of a namespace's IP stack, IPv4 and IPv6 together,
// loopback included.
type Stack struct {
	Received uint64 // packets or GSO packets that came in, before anything was checked (IpInReceives)
	// Datagrams is how many UDP sockets sent, each GSO packet as one
	// (UdpOutDatagrams). Tunnels in the kernel do not count here.
	Datagrams uint64
	// Lost counts drops of the stack and of UDP by the kernel's drop reasons,
	// to which these counters correspond; reasons without drops are left out.
	Lost map[string]uint64
}

// lost maps the counters of /proc/net/snmp and snmp6 to drop reasons of
// include/net/dropreason-core.h. UDP's InErrors is the sum of the others of its
// protocol except NoPorts, and is not a reason of its own.
var lost = []struct{ v4, v6, reason string }{
	{"Udp:RcvbufErrors", "Udp6RcvbufErrors", "SOCKET_RCVBUFF"},
	{"Udp:MemErrors", "Udp6MemErrors", "PROTO_MEM"},
	{"Udp:InCsumErrors", "Udp6InCsumErrors", "UDP_CSUM"},
	{"Udp:NoPorts", "Udp6NoPorts", "NO_SOCKET"},
	{"Ip:InHdrErrors", "Ip6InHdrErrors", "IP_INHDR"},
	{"Ip:InAddrErrors", "Ip6InAddrErrors", "IP_INADDRERRORS"},
	{"Ip:InTruncatedPkts", "Ip6InTruncatedPkts", "PKT_TOO_SMALL"},
	{"Ip:InDiscards", "Ip6InDiscards", "NOMEM"},
}

// Losses are those of a stack since they were first looked at.
type Losses struct {
	ns     *NS
	before map[string]uint64
}

// Now is what the stack has lost since, by the kernel's drop reasons, without what sockets count,
// too: those whose buffers were full.
func (l Losses) Now() (map[string]uint64, error) {
	s, err := l.ns.Stack()
	if err != nil {
		return nil, err
	}
	lost := map[string]uint64{}
	for reason, n := range s.Lost {
		if n -= l.before[reason]; n > 0 && !slices.Contains(fullSockets, reason) {
			lost[reason] = n
		}
	}
	return lost, nil
}

// fullSockets are the reasons of sockets that did not take a datagram.
var fullSockets = []string{"SOCKET_RCVBUFF", "PROTO_MEM"}

// TCP holds counters of a namespace's TCP and of the packets below it, since
// the namespace was created. Segments are wire segments; IPv4 and IPv6 are
// counted together.
type TCP struct {
	Out        uint64 // segments sent for the first time, those without data included (TcpOutSegs)
	Again      uint64 // segments sent again (TcpRetransSegs)
	BadSums    uint64 // packets thrown away for their checksum (TcpInCsumErrors)
	OutOfOrder uint64 // packets or GSO packets that were put in order (TcpExtTCPOFOQueue)
}

// counters reads files of /proc/net that hold counters of the stack: snmp,
// netstat, and snmp6, which a kernel without IPv6 does not have. It must run on
// the namespace's thread.
func counters(files ...string) (map[string]uint64, error) {
	all := map[string]uint64{}
	for _, file := range files {
		text, err := os.ReadFile("/proc/thread-self/net/" + file)
		if err != nil && file == "snmp6" {
			continue
		}
		if err != nil {
			return nil, fmt.Errorf("read the counters of the stack: %w", err)
		}
		if err := parseCounters(string(text), all); err != nil {
			return nil, fmt.Errorf("read %s of the stack: %w", file, err)
		}
	}
	return all, nil
}

// parseCounters adds the counters of a file to a map. In snmp and netstat a
// line of names of a protocol is followed by one of values: these are named as
// "Tcp:OutSegs". In snmp6 each line holds a name and a value.
func parseCounters(text string, into map[string]uint64) error {
	var names []string
	for line := range strings.Lines(text) {
		fields := strings.Fields(line)
		switch {
		case len(fields) == 0:
		case !strings.HasSuffix(fields[0], ":"):
			if len(fields) != 2 {
				return fmt.Errorf("%q is not a name and a value", strings.TrimSpace(line))
			}
			n, err := strconv.ParseUint(fields[1], 10, 64)
			if err != nil {
				return err
			}
			into[fields[0]] = n
		case names == nil:
			names = fields
		case len(names) != len(fields) || names[0] != fields[0]:
			return fmt.Errorf("%d values of %s after %d names of %s", len(fields)-1, fields[0], len(names)-1, names[0])
		default:
			for i, name := range names[1:] {
				// A negative one means that there is no limit.
				if n, err := strconv.ParseUint(fields[i+1], 10, 64); err == nil {
					into[names[0]+name] = n
				}
			}
			names = nil
		}
	}
	return nil
}
