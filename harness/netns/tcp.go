package netns

import (
	"fmt"
	"os"
	"strconv"
	"strings"
)

// TCP is what the stack of a namespace counted of TCP and of the packets under
// it, since the namespace was made. Segments are wire segments, and IPv4 and
// IPv6 are counted together.
type TCP struct {
	Out        uint64 // segments sent for the first time, those without data included (TcpOutSegs)
	Again      uint64 // segments sent again (TcpRetransSegs)
	BadSums    uint64 // packets thrown away for their checksum (TcpInCsumErrors)
	OutOfOrder uint64 // packets or super-packets that were put in order (TcpExtTCPOFOQueue)
	// Packets or super-packets of IP that came in, and their bytes, IP header
	// included (IpInReceives, IpExtInOctets).
	Packets, Bytes uint64
}

// TCP reads the counters of the namespace's stack.
func (n *NS) TCP() (c TCP, err error) {
	err = n.Do(func() error {
		counters := map[string]uint64{}
		for _, file := range []string{"snmp", "netstat", "snmp6"} {
			text, err := os.ReadFile("/proc/thread-self/net/" + file)
			if err != nil && file == "snmp6" {
				continue // a kernel without IPv6
			}
			if err != nil {
				return fmt.Errorf("read the counters of the stack: %w", err)
			}
			if err := parseCounters(string(text), counters); err != nil {
				return fmt.Errorf("read %s of the stack: %w", file, err)
			}
		}
		c = TCP{
			Out: counters["Tcp:OutSegs"], Again: counters["Tcp:RetransSegs"], BadSums: counters["Tcp:InCsumErrors"],
			OutOfOrder: counters["TcpExt:TCPOFOQueue"],
			Packets:    counters["Ip:InReceives"] + counters["Ip6InReceives"],
			Bytes:      counters["IpExt:InOctets"] + counters["Ip6InOctets"],
		}
		return nil
	})
	return c, err
}

// parseCounters adds the counters of /proc/net/snmp and netstat, where a line of
// names of a protocol is followed by one of values, as "Tcp:OutSegs", and those
// of snmp6, one a line, by their names.
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
				// Some are below 0, which says that there is no limit.
				if n, err := strconv.ParseUint(fields[i+1], 10, 64); err == nil {
					into[names[0]+name] = n
				}
			}
			names = nil
		}
	}
	return nil
}
