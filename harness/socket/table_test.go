package socket

import (
	"net/netip"
	"slices"
	"testing"

	"golang.org/x/sys/unix"
)

func TestParseTable(t *testing.T) {
	const udp = `   sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode ref pointer drops
 1083: 00000000:CA6C 00000000:0000 07 00000000:00000000 00:00000000 00000000     0        0 17731 2 00000000a37a9c17 41
 1083: 00000000:0009 00000000:CA6C 07 00000000:00000000 00:00000000 00000000     0        0 17732 2 00000000a37a9c18 5
 1084: 00000000000000000000000001000000:CA6C 00000000000000000000000000000000:0000 07 00000000:00000000 00:00000000 00000000     0        0 17733 2 00000000a37a9c19 1
`
	want := []Entry{{51820, 7, 41}, {9, 7, 5}, {51820, 7, 1}}
	if got := parseTable("udp", udp); !slices.Equal(got, want) {
		t.Errorf("udp: %v, want %v", got, want)
	}
	const tcp = `  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode
   0: 0100007F:1451 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 26041 1 0000000000000000 100 0 0 10 0
   1: 0100007F:B2C4 0100007F:1451 01 00000000:00000000 00:00000000 00000000     0        0 26042 1 0000000000000000 20 4 30 10 -1
`
	want = []Entry{{5201, Listen, 0}, {45764, 1, 0}}
	if got := parseTable("tcp", tcp); !slices.Equal(got, want) {
		t.Errorf("tcp: %v, want %v", got, want)
	}
	for _, text := range []string{"", "\n", "a b c\n", "0: x:y z 07\n"} {
		if got := parseTable("udp", text); got != nil {
			t.Errorf("%q: %v", text, got)
		}
	}
}

func TestTable(t *testing.T) {
	at := func(a netip.Addr) int {
		fd, err := UDP(netip.AddrPortFrom(a, 0), netip.AddrPortFrom(a, 9), 0)
		if err != nil {
			t.Skipf("this kernel has no %v: %v", a, err)
		}
		t.Cleanup(func() { unix.Close(fd) })
		name, err := unix.Getsockname(fd)
		if err != nil {
			t.Fatal(err)
		}
		switch name := name.(type) {
		case *unix.SockaddrInet4:
			return name.Port
		case *unix.SockaddrInet6:
			return name.Port
		}
		t.Fatalf("%T", name)
		return 0
	}
	for _, a := range []string{"127.0.0.1", "::1"} {
		t.Run(a, func(t *testing.T) {
			port := at(netip.MustParseAddr(a))
			all, err := Table("udp")
			if err != nil {
				t.Fatal(err)
			}
			if !slices.ContainsFunc(all, func(e Entry) bool { return e.Port == port }) {
				t.Errorf("%v does not have port %d", all, port)
			}
		})
	}
	if _, err := Table("sctp-of-another-kernel"); err == nil {
		t.Error("a table that is not there was read")
	}
}
