package refusal

import (
	"errors"
	"io/fs"
	"os"
	"strings"

	"golang.org/x/sys/unix"
	"tunbench/harness/uring"
)

// because is the setting of this host that makes the kernel refuse, where there
// is one, and what to do about it. Root is the root folder of the host; turnedOff
// says that the kernel could do what was asked, were it not for that setting.
func because(root fs.FS, err error) (cause string, turnedOff bool) {
	setting := func(path string) string {
		b, err := fs.ReadFile(root, path)
		if err != nil {
			return ""
		}
		return strings.TrimSpace(string(b))
	}
	var ring *uring.CallError
	switch {
	case errors.As(err, &ring) && ring.Call == "io_uring_setup" && errors.Is(err, unix.EPERM):
		switch v := setting("proc/sys/kernel/io_uring_disabled"); v {
		case "2":
			return "kernel.io_uring_disabled is 2, which forbids io_uring to everybody: sysctl kernel.io_uring_disabled=0", true
		case "1":
			return "kernel.io_uring_disabled is 1, which forbids io_uring without CAP_SYS_ADMIN and outside of kernel.io_uring_group: sysctl kernel.io_uring_disabled=0", true
		}
		return "kernel.io_uring_disabled does not forbid it: a seccomp filter does, such as that of a container", true
	case errors.Is(err, unix.EAFNOSUPPORT), errors.Is(err, unix.EOPNOTSUPP), errors.Is(err, unix.EACCES), errors.Is(err, unix.EADDRNOTAVAIL):
		// With ipv6.disable=1 there is no IPv6 socket (EAFNOSUPPORT) and nobody who
		// takes an address (EOPNOTSUPP); with disable_ipv6 addresses are refused
		// (EACCES).
		switch {
		case !ofIPv6(err):
		case setting("sys/module/ipv6/parameters/disable") == "1":
			return "IPv6 is turned off by the kernel parameter ipv6.disable=1: boot without it", true
		case setting("sys/module/ipv6/parameters/disable_ipv6") == "1":
			return "IPv6 is turned off by the kernel parameter ipv6.disable_ipv6=1: boot without it", true
		case setting("proc/sys/net/ipv6/conf/default/disable_ipv6") == "1":
			return "IPv6 is turned off by net.ipv6.conf.default.disable_ipv6: sysctl net.ipv6.conf.default.disable_ipv6=0", true
		}
	}
	return "", false
}

// ofIPv6 reports whether err is about an IPv6 address or socket: no other family
// that is used here can be missing, and addresses are named.
func ofIPv6(err error) bool {
	return errors.Is(err, unix.EAFNOSUPPORT) || strings.Contains(err.Error(), "::")
}

// hostRoot is the root folder of this host.
var hostRoot fs.FS = os.DirFS("/")
