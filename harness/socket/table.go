package socket

import (
	"errors"
	"fmt"
	"os"
	"strconv"
	"strings"
)

// Listen is the state of a TCP socket that waits for connections (TCP_LISTEN of
// include/net/tcp_states.h).
const Listen = 10

// Entry is a socket of a network namespace, whichever process has it.
type Entry struct {
	Port  int    // local
	State int    // of include/net/tcp_states.h
	Drops uint64 // packets or GSO packets that a UDP socket has dropped; 0 of TCP
}

// Table lists the sockets of a protocol, "tcp" or "udp", in the network namespace
// of the calling thread, over both versions of IP.
func Table(protocol string) (all []Entry, err error) {
	for _, file := range []string{protocol, protocol + "6"} {
		text, err := os.ReadFile("/proc/thread-self/net/" + file)
		if errors.Is(err, os.ErrNotExist) && file != protocol {
			continue // a kernel without IPv6
		}
		if err != nil {
			return nil, fmt.Errorf("list sockets: %w", err)
		}
		all = append(all, parseTable(protocol, string(text))...)
	}
	return all, nil
}

// parseTable reads the lines of /proc/net/udp or /proc/net/tcp: number, local
// address with the port behind a colon, remote address and state, all in
// hexadecimal digits. The last column of UDP is the drops.
func parseTable(protocol, text string) (all []Entry) {
	for line := range strings.Lines(text) {
		fields := strings.Fields(line)
		if len(fields) < 4 {
			continue
		}
		_, digits, _ := strings.Cut(fields[1], ":")
		port, err := strconv.ParseUint(digits, 16, 16)
		state, err2 := strconv.ParseUint(fields[3], 16, 8)
		if err != nil || err2 != nil {
			continue // the line of names
		}
		e := Entry{Port: int(port), State: int(state)}
		if protocol == "udp" {
			e.Drops, _ = strconv.ParseUint(fields[len(fields)-1], 10, 64)
		}
		all = append(all, e)
	}
	return all
}
