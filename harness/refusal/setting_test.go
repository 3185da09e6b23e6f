package refusal

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"testing/fstest"

	"golang.org/x/sys/unix"
	"tunbench/harness/call"
	"tunbench/harness/netns"
	"tunbench/harness/uring"
	"tunbench/reports/record"
)

// A setting that makes the kernel refuse is named, and only where it is the
// cause.
func TestBecause(t *testing.T) {
	ring := fmt.Errorf("open ring: %w", &uring.CallError{Call: "io_uring_setup", Err: unix.EPERM})
	address := fmt.Errorf("add address 2001:2::1/64: %w", &netns.CallError{Call: "RTM_NEWADDR", Err: unix.EOPNOTSUPP})
	socket := fmt.Errorf("open socket: %w", &call.Error{Call: "socket", Err: unix.EAFNOSUPPORT})
	root := func(path, value string) fstest.MapFS {
		if path == "" {
			return fstest.MapFS{}
		}
		return fstest.MapFS{path: {Data: []byte(value + "\n")}}
	}
	const (
		disabled  = "proc/sys/kernel/io_uring_disabled"
		ipv6      = "sys/module/ipv6/parameters/disable"
		ipv6Addr  = "sys/module/ipv6/parameters/disable_ipv6"
		byDefault = "proc/sys/net/ipv6/conf/default/disable_ipv6"
	)
	for _, test := range []struct {
		err         error
		path, value string
		want        string // "" where nothing is the cause
	}{
		{ring, disabled, "2", "kernel.io_uring_disabled is 2"},
		{ring, disabled, "1", "kernel.io_uring_disabled is 1"},
		{ring, disabled, "0", "a seccomp filter does"},
		{ring, "", "", "a seccomp filter does"},
		{&uring.CallError{Call: "io_uring_setup", Err: unix.ENOMEM}, disabled, "2", ""},
		{address, ipv6, "1", "ipv6.disable=1"},
		{socket, ipv6, "1", "ipv6.disable=1"},
		{fmt.Errorf("add address 2001:2::1/64: %w", unix.EACCES), ipv6Addr, "1", "ipv6.disable_ipv6=1"},
		{fmt.Errorf("add address 2001:2::1/64: %w", unix.EACCES), byDefault, "1", "sysctl net.ipv6.conf.default.disable_ipv6=0"},
		{address, ipv6, "0", ""},
		{socket, "", "", ""},
		{fmt.Errorf("add address 192.0.2.1/24: %w", unix.EACCES), ipv6, "1", ""},
		{errors.New("something else"), ipv6, "1", ""},
	} {
		got, off := because(root(test.path, test.value), test.err)
		if off != (test.want != "") || !strings.Contains(got, test.want) || test.want == "" && got != "" {
			t.Errorf("%v with %s=%s: %q, want %q", test.err, test.path, test.value, got, test.want)
		}
	}
	host := hostRoot
	defer func() { hostRoot = host }()
	hostRoot = root(ipv6, "1")
	if reason, detail := Classify(socket); reason != record.Unsupported || !strings.Contains(detail, "; IPv6 is turned off by the kernel parameter ipv6.disable=1: boot without it") {
		t.Errorf("%s: %s", reason, detail)
	}
	hostRoot = root("", "")
	if reason, detail := Classify(socket); reason != record.Failed || detail != socket.Error() {
		t.Errorf("%s: %s", reason, detail)
	}
}
