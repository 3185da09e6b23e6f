package tuntap

import (
	"errors"
	"fmt"
	"os"
	"strings"
	"unsafe"

	"golang.org/x/sys/unix"
)

// MaxQueues is the kernel's MAX_TAP_QUEUES. Create does not enforce it: the
// kernel does.
const MaxQueues = 256

// The TUN_F_ bits of TUNSETOFFLOAD: what the reader of the descriptor can
// handle. x/sys/unix has none of them.
const (
	OffCsum       uint = 0x001 // TUN_F_CSUM: packets without their checksum; all others need it. Linux 2.6.27
	OffTSO4       uint = 0x002 // TUN_F_TSO4: IPv4 TCP GSO packets. Linux 2.6.27
	OffTSO6       uint = 0x004 // TUN_F_TSO6: IPv6 TCP GSO packets. Linux 2.6.27
	OffTSOECN     uint = 0x008 // TUN_F_TSO_ECN: TCP GSO packets with ECN bits; needs TSO4 or TSO6. Linux 2.6.27
	OffUFO        uint = 0x010 // TUN_F_UFO: UDP to be fragmented; accepted but without effect since Linux 4.14. Linux 2.6.27
	OffUSO4       uint = 0x020 // TUN_F_USO4: IPv4 UDP GSO packets; the kernel takes it only together with USO6. Linux 6.2
	OffUSO6       uint = 0x040 // TUN_F_USO6: IPv6 UDP GSO packets. Linux 6.2
	OffTunnel     uint = 0x080 // TUN_F_UDP_TUNNEL_GSO: GSO packets inside UDP tunnels; needs TSO or USO. Linux 6.17
	OffTunnelCsum uint = 0x100 // TUN_F_UDP_TUNNEL_GSO_CSUM: the same with an outer checksum. Linux 6.17
)

const (
	// iffBackpressure is IFF_BACKPRESSURE: a full ring stops the transmit queue
	// instead of dropping. It came after Linux 6.18, and x/sys/unix lacks it.
	iffBackpressure = 0x0080

	// fltAllMulti is TUN_FLT_ALLMULTI of struct tun_filter. Linux 2.6.27.
	fltAllMulti = 0x0001

	// createFlags are the TUNSETIFF flags that TUNGETIFF gives back as the
	// device has them. It never gives IFF_TUN_EXCL and IFF_NO_CARRIER, and
	// IFF_NO_PI shares its bit with IFF_NOFILTER, which TUNGETIFF sets whenever
	// no classic filter is attached (drivers/net/tun.c, __tun_chr_ioctl).
	createFlags = unix.IFF_TUN | unix.IFF_TAP | unix.IFF_NAPI | unix.IFF_NAPI_FRAGS |
		iffBackpressure | unix.IFF_MULTI_QUEUE | unix.IFF_VNET_HDR
)

type bitName struct {
	bit  uint32
	name string
}

var flagNames = []bitName{
	{unix.IFF_TUN, "IFF_TUN"},
	{unix.IFF_TAP, "IFF_TAP"},
	{unix.IFF_NAPI, "IFF_NAPI"},
	{unix.IFF_NAPI_FRAGS, "IFF_NAPI_FRAGS"},
	{unix.IFF_NO_CARRIER, "IFF_NO_CARRIER"},
	{iffBackpressure, "IFF_BACKPRESSURE"},
	{unix.IFF_MULTI_QUEUE, "IFF_MULTI_QUEUE"},
	{unix.IFF_ATTACH_QUEUE, "IFF_ATTACH_QUEUE"},
	{unix.IFF_DETACH_QUEUE, "IFF_DETACH_QUEUE"},
	{unix.IFF_PERSIST, "IFF_PERSIST"},
	{unix.IFF_NO_PI, "IFF_NO_PI"},
	{unix.IFF_ONE_QUEUE, "IFF_ONE_QUEUE"},
	{unix.IFF_VNET_HDR, "IFF_VNET_HDR"},
	{unix.IFF_TUN_EXCL, "IFF_TUN_EXCL"},
}

var offloadNames = []bitName{
	{uint32(OffCsum), "csum"},
	{uint32(OffTSO4), "tso4"},
	{uint32(OffTSO6), "tso6"},
	{uint32(OffTSOECN), "tso-ecn"},
	{uint32(OffUFO), "ufo"},
	{uint32(OffUSO4), "uso4"},
	{uint32(OffUSO6), "uso6"},
	{uint32(OffTunnel), "udp-tunnel"},
	{uint32(OffTunnelCsum), "udp-tunnel-csum"},
}

// FlagNames gives the IFF_ names of the bits in flags, as TUNSETIFF,
// TUNGETFEATURES and Device.Flags use them. Bits without a name come last, in
// hexadecimal.
func FlagNames(flags uint32) []string { return bitNames(flagNames, flags) }

// OffloadNames gives short names of the bits of an Off mask: "csum", "tso4"...
func OffloadNames(mask uint) []string { return bitNames(offloadNames, uint32(mask)) }

func bitNames(table []bitName, bits uint32) []string {
	names := []string{}
	for _, b := range table {
		if bits&b.bit != 0 {
			names = append(names, b.name)
			bits &^= b.bit
		}
	}
	if bits != 0 {
		names = append(names, fmt.Sprintf("%#x", bits))
	}
	return names
}

func offloadText(mask uint) string {
	if mask == 0 {
		return "none"
	}
	return strings.Join(OffloadNames(mask), "+")
}

func flagText(flags uint32) string { return strings.Join(FlagNames(flags), "|") }

// devicePath is the clone device. Every open descriptor of it may become one
// queue.
const devicePath = "/dev/net/tun"

// ErrNoTUN means that the clone device /dev/net/tun is not there or has no
// driver behind it.
var ErrNoTUN = errors.New("load the tun module with `modprobe tun`, or in a container add --device /dev/net/tun")

// ErrNotTUN means that what is at /dev/net/tun is not the clone device.
var ErrNotTUN = fmt.Errorf("remove it and make the device: `mkdir -p /dev/net && mknod /dev/net/tun c %d %d`, or in a container add --device /dev/net/tun", tunMajor, tunMinor)

// tunMajor and tunMinor are MISC_MAJOR of include/uapi/linux/major.h and TUN_MINOR of
// include/linux/miscdevice.h.
const tunMajor, tunMinor = 10, 200

// notTUN says what is at path, if that is not the clone device; "" if it is, or
// cannot be seen.
func notTUN(path string) string {
	var st unix.Stat_t
	if unix.Stat(path, &st) != nil {
		return ""
	}
	major, minor := unix.Major(uint64(st.Rdev)), unix.Minor(uint64(st.Rdev))
	switch st.Mode & unix.S_IFMT {
	case unix.S_IFCHR:
		if major == tunMajor && minor == tunMinor {
			return ""
		}
		return fmt.Sprintf("the character device %d:%d", major, minor)
	case unix.S_IFDIR:
		return "a folder"
	case unix.S_IFREG:
		return "a regular file"
	}
	return fmt.Sprintf("a file of type %#o", st.Mode&unix.S_IFMT)
}

// open opens the clone device in the network namespace of the calling thread.
func open(path string, nonblock bool) (int, error) {
	flags := unix.O_RDWR | unix.O_CLOEXEC
	if nonblock {
		flags |= unix.O_NONBLOCK
	}
	fd, err := retryEINTR(func() (int, error) { return unix.Open(path, flags, 0) })
	if errors.Is(err, os.ErrPermission) {
		return -1, fmt.Errorf("open %s: %w: TUN/TAP devices need read and write access to it and CAP_NET_ADMIN", path, err)
	}
	if what := notTUN(path); what != "" {
		if err == nil {
			_ = unix.Close(fd)
		}
		return -1, fmt.Errorf("open %s: it is %s, not the TUN/TAP device: %w", path, what, ErrNotTUN)
	}
	switch {
	case err == nil:
		return fd, nil
	case errors.Is(err, unix.ENOENT), errors.Is(err, unix.ENODEV), errors.Is(err, unix.ENXIO):
		return -1, fmt.Errorf("%s is missing: %w (%w)", path, ErrNoTUN, err)
	}
	return -1, fmt.Errorf("open %s: %w", path, err)
}

func retryEINTR[T any](call func() (T, error)) (T, error) {
	for {
		v, err := call()
		if !errors.Is(err, unix.EINTR) {
			return v, err
		}
	}
}

// ioctlPtr is for the calls whose argument is a structure that x/sys/unix does
// not know. It returns the call's result, which some of them use.
func ioctlPtr(fd int, req uint, arg unsafe.Pointer) (int, error) {
	r, _, errno := unix.Syscall(unix.SYS_IOCTL, uintptr(fd), uintptr(req), uintptr(arg))
	if errno != 0 {
		return 0, errno
	}
	return int(r), nil
}

// ioctlGetInt reads a C int. unix.IoctlGetInt would read a Go int, whose upper
// half the kernel never writes.
func ioctlGetInt(fd int, req uint) (int, error) {
	v, err := unix.IoctlGetUint32(fd, req)
	return int(int32(v)), err
}

// getIff gives the name and the flags of the device behind fd (TUNGETIFF).
func getIff(fd int) (string, uint32, error) {
	ifr, err := unix.NewIfreq("")
	if err != nil {
		return "", 0, err
	}
	if err := unix.IoctlIfreq(fd, unix.TUNGETIFF, ifr); err != nil {
		return "", 0, err
	}
	return ifr.Name(), uint32(ifr.Uint16()), nil
}

// sockFprog mirrors struct sock_fprog. The kernel keeps the address and gives
// it back to whoever asks, so on the way out it is a number: it may come from
// another process. The tests compare its layout with unix.SockFprog.
type sockFprog struct {
	Len    uint16 // instructions
	Filter uintptr
}

// getFeatures gives the IFF_ flags that the kernel knows (TUNGETFEATURES).
func getFeatures(fd int) (uint32, error) {
	v, err := unix.IoctlGetUint32(fd, unix.TUNGETFEATURES)
	if err != nil {
		return 0, optionError("", "TUNGETFEATURES", "", err)
	}
	return v, nil
}

// Features gives the IFF_ flags that the kernel says it knows. It needs no
// device, only access to /dev/net/tun.
func Features() (uint32, error) {
	fd, err := open(devicePath, true)
	if err != nil {
		return 0, err
	}
	defer unix.Close(fd)
	return getFeatures(fd)
}

func onOff(on bool) string {
	if on {
		return "on"
	}
	return "off"
}
