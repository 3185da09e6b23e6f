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
		s.Received = v4
		// Without IPv6 there is no such file.
		if text, err = os.ReadFile("/proc/thread-self/net/snmp6"); err == nil {
			v6, _ := snmp6(string(text), "Ip6InReceives")
			s.Received += v6
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
