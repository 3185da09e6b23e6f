// Package netns creates network namespaces without a name, configures the links
// in them, and reads back the result.
//
// A namespace lives on one operating-system thread that runs nothing else. When
// that thread ends, by Close or with the process, and the last descriptor of a
// device in the namespace is closed, the kernel removes the namespace and
// everything in it. Nothing is left to clean up, and nothing on the host
// changes.
package netns

import (
	"errors"
	"fmt"
	"os"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"
)

// ErrClosed is returned by every method of a namespace that was closed.
var ErrClosed = fmt.Errorf("network namespace: %w", os.ErrClosed)

// NS is a network namespace. Its methods may be called from any goroutine. If
// it is not closed it keeps its thread until the process ends.
type NS struct{ links }

// New creates a network namespace whose only device is loopback, which is up.
// Without CAP_SYS_ADMIN the error wraps os.ErrPermission.
func New() (*NS, error) {
	n, err := start("")
	if err != nil {
		return nil, fmt.Errorf("make network namespace: %w", err)
	}
	return n, nil
}

// Join is the network namespace of someone else, of which path is a file: that of a process
// (/proc/PID/ns/net) or one with a name (/run/netns/NAME). Nothing in it changes,
// and it lives on after Close if others use it.
func Join(path string) (*NS, error) {
	n, err := start(path)
	if err != nil {
		return nil, fmt.Errorf("join network namespace: %w", err)
	}
	return n, nil
}

// Own returns the network namespace of the process, with loopback up, which is that of all of
// a guest: whatever is configured in it stays when it is closed.
func Own() (*NS, error) {
	n, err := start("/proc/self/ns/net")
	if err != nil {
		return nil, fmt.Errorf("enter the network namespace of the process: %w", err)
	}
	err = n.Do(func() error { return loopbackUp(n.handle) })
	if err != nil {
		return nil, errors.Join(err, n.Close())
	}
	return n, nil
}

func start(path string) (*NS, error) {
	n := &NS{}
	n.path = path
	n.calls, n.quit, n.gone = make(chan call), make(chan struct{}), make(chan struct{})
	ready := make(chan error, 1)
	go n.begin(ready)
	return n, <-ready
}

// Stack reads the counters of the namespace's IP stack.
func (n *NS) Stack() (s Stack, err error) {
	err = n.Do(func() error {
		if s.Received, err = n.received(); err != nil {
			return err
		}
		s.Datagrams = n.counters.of("Udp:OutDatagrams", "Udp6OutDatagrams")
		for _, l := range lost {
			lost := n.counters.of(l.v4, l.v6)
			if lost == 0 {
				continue
			}
			if s.Lost == nil {
				s.Lost = map[string]uint64{}
			}
			s.Lost[l.reason] = lost
		}
		return nil
	})
	return s, err
}

// Losses begins to watch what the stack loses.
func (n *NS) Losses() (Losses, error) {
	s, err := n.Stack()
	return Losses{n, s.Lost}, err
}

// Received is Stack.Received alone, for polls.
func (n *NS) Received() (received uint64, err error) {
	err = n.Do(func() (err error) {
		received, err = n.received()
		return err
	})
	return received, err
}

func (n *NS) received() (uint64, error) {
	const v4 = "Ip:InReceives"
	if err := n.counters.read("snmp", "snmp6"); err != nil {
		return 0, err
	}
	if n.counters.values[v4] == nil {
		return 0, errors.New("read the counters of the stack: no InReceives")
	}
	return n.counters.of(v4, "Ip6InReceives"), nil
}

// TCP reads the counters of TCP in the namespace.
func (n *NS) TCP() (c TCP, err error) {
	err = n.Do(func() error {
		if err := n.counters.read("snmp", "netstat"); err != nil {
			return err
		}
		c = TCP{
			Out: n.counters.of("Tcp:OutSegs"), Again: n.counters.of("Tcp:RetransSegs"), BadSums: n.counters.of("Tcp:InCsumErrors"),
			OutOfOrder: n.counters.of("TcpExt:TCPOFOQueue"),
		}
		return nil
	})
	return c, err
}

// Tuns lists the TUN/TAP devices of the namespace in the order of their ifindexes.
// It needs Linux 4.18, before which the kernel does not show what a device is.
func (n *NS) Tuns() (list []Tun, err error) {
	err = n.Do(func() error {
		links, err := n.handle.LinkList()
		if err != nil {
			return fmt.Errorf("list links: %w", err)
		}
		names := map[int]string{}
		for _, l := range links {
			names[l.Attrs().Index] = l.Attrs().Name
		}
		for _, l := range links {
			tuntap, ok := l.(*netlink.Tuntap)
			if !ok {
				continue
			}
			t, err := tunOf(tuntap, names)
			if errors.Is(err, unix.ENODEV) {
				continue // since the list was made
			}
			if err != nil {
				return err
			}
			list = append(list, t)
		}
		return nil
	})
	return list, err
}

// NoIPv6 keeps links that are made from now on without IPv6 or, with addresses, lets
// them have no addresses but those that they are given: nothing is sent on them that
// nobody asked for.
func (n *NS) NoIPv6(addresses bool) error {
	setting, value := "disable_ipv6", "1"
	if addresses {
		setting, value = "addr_gen_mode", "1" // IN6_ADDR_GEN_MODE_NONE
	}
	return n.Do(func() error {
		err := os.WriteFile("/proc/sys/net/ipv6/conf/default/"+setting, []byte(value), 0)
		if errors.Is(err, os.ErrNotExist) && !addresses { // a kernel without IPv6
			return nil
		}
		if err != nil {
			return fmt.Errorf("set net.ipv6.conf.default.%s: %w", setting, err)
		}
		return nil
	})
}
