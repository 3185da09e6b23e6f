package netns

import (
	"bytes"
	"fmt"
	"slices"
	"strconv"

	"tunbench/harness/proc"
)

// Stack holds counters of a namespace's IP stack, IPv4 and IPv6 together,
// loopback included.
type Stack struct {
	Received uint64 // packets or GSO packets that came in, before anything was checked (IpInReceives)
	// Datagrams is how many UDP sockets sent, each GSO packet as one
	// (UdpOutDatagrams). Tunnels in the kernel do not count here.
	Datagrams uint64
	// Lost counts drops of the stack and of UDP by the kernel's drop reasons,
	// to which these counters correspond; reasons without drops are left out. It is
	// nil without any.
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

// counters are the counters of a namespace's stack by name, and the files of /proc/net that
// hold them. They are kept, since they are read in polls. They belong to the namespace's
// thread.
type counters struct {
	files  []*proc.File
	values map[string]*uint64
}

// read reads files of /proc/net: snmp, netstat, and snmp6, which a kernel without IPv6
// does not have.
func (c *counters) read(names ...string) error {
	if c.values == nil {
		c.values = map[string]*uint64{}
	}
	for _, name := range names {
		text, err := c.file(name).Read()
		if err != nil && name == "snmp6" {
			continue
		}
		if err != nil {
			return fmt.Errorf("read the counters of the stack: %w", err)
		}
		if err := parseCounters(text, c.values); err != nil {
			return fmt.Errorf("read %s of the stack: %w", name, err)
		}
	}
	return nil
}

func (c *counters) file(name string) *proc.File {
	const dir = "/proc/thread-self/net/"
	for _, f := range c.files {
		if f.Path[len(dir):] == name {
			return f
		}
	}
	f := &proc.File{Path: dir + name}
	c.files = append(c.files, f)
	return f
}

// of is the sum of counters; one that the kernel does not have is 0.
func (c *counters) of(names ...string) (sum uint64) {
	for _, name := range names {
		if n := c.values[name]; n != nil {
			sum += *n
		}
	}
	return sum
}

func (c *counters) close() {
	for _, f := range c.files {
		_ = f.Close() // of a file that was only read
	}
}

// parseCounters puts the counters of a file into a map. In snmp and netstat a line of names
// of a protocol is followed by one of values: these are named as "Tcp:OutSegs". In snmp6
// each line holds a name and a value.
func parseCounters(text []byte, into map[string]*uint64) error {
	var names []byte // what is left of the line, behind the protocol
	var of []byte
	for line := range bytes.Lines(text) {
		first, rest := proc.Word(line)
		switch {
		case len(first) == 0:
		case first[len(first)-1] != ':':
			value, more := proc.Word(rest)
			if len(value) == 0 || len(bytes.TrimSpace(more)) > 0 {
				return fmt.Errorf("%q is not a name and a value", bytes.TrimSpace(line))
			}
			n, err := strconv.ParseUint(string(value), 10, 64)
			if err != nil {
				return err
			}
			put(into, nil, first, n)
		case of == nil:
			of, names = first, rest
		case !bytes.Equal(of, first):
			return fmt.Errorf("values of %s after names of %s", first, of)
		default:
			if err := putAll(into, of, names, rest); err != nil {
				return err
			}
			of = nil
		}
	}
	return nil
}

// putAll puts the counters of a protocol into a map.
func putAll(into map[string]*uint64, protocol, names, values []byte) error {
	for {
		var name, value []byte
		name, names = proc.Word(names)
		value, values = proc.Word(values)
		if len(name) == 0 && len(value) == 0 {
			return nil
		}
		if len(name) == 0 || len(value) == 0 {
			return fmt.Errorf("not as many values as names of %s", protocol)
		}
		if value[0] == '-' {
			continue // there is no limit
		}
		if n, err := strconv.ParseUint(string(value), 10, 64); err == nil {
			put(into, protocol, name, n)
		}
	}
}

func put(into map[string]*uint64, protocol, name []byte, n uint64) {
	var room [64]byte
	key := append(append(room[:0], protocol...), name...)
	if at := into[string(key)]; at != nil {
		*at = n
		return
	}
	at := new(uint64) // and not &n, which would be allocated in each call
	*at = n
	into[string(key)] = at
}
