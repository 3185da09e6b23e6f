package stream

import (
	"bytes"
	"fmt"
	"time"
	"unsafe"

	"tunbench/harness/call"

	"golang.org/x/sys/unix"
)

// Info is what the kernel says of a TCP connection (tcp_get_info of
// net/ipv4/tcp.c). Segments are wire segments.
type Info struct {
	// Segments sent, those sent again and those without data included; with data
	// only; sent again. These counters of the kernel have 32 bits.
	SegsOut, DataOut, Again uint32
	// Segments that came, those that came twice included; with data only. A
	// super-packet that user space wrote into a TUN/TAP device counts as one.
	SegsIn, DataIn uint32
	Received       uint64 // bytes of payload, each once
	Acked          uint64 // bytes of payload sent of which the other side has said that it got them
	Unacked        uint32 // segments sent of which it has not, yet
	Unsent         uint32 // bytes that wait to be sent
	RTT, RTTVar    time.Duration
	MinRTT         time.Duration
	Cwnd           uint32 // segments
	MSS            uint32 // payload of a full segment in bytes
	Timestamps     bool   // each segment carries them: 12 bytes
}

// TimestampsLen is the length in bytes of the timestamp option of a segment.
const TimestampsLen = 12

// Info asks the kernel.
func (c *Conn) Info() (Info, error) {
	var i unix.TCPInfo
	size := uint32(unsafe.Sizeof(i))
	if _, _, errno := unix.Syscall6(unix.SYS_GETSOCKOPT, uintptr(c.fd), unix.IPPROTO_TCP, unix.TCP_INFO,
		uintptr(unsafe.Pointer(&i)), uintptr(unsafe.Pointer(&size)), 0); errno != 0 {
		return Info{}, &call.Error{Call: fmt.Sprintf("getsockopt TCP_INFO of flow %d", c.Flow), Err: errno}
	}
	// data_segs_out came with Linux 4.6, and all before it with it.
	if need := unsafe.Offsetof(i.Data_segs_out) + unsafe.Sizeof(i.Data_segs_out); uintptr(size) < need {
		return Info{}, &call.Error{Call: fmt.Sprintf("getsockopt TCP_INFO of flow %d: the kernel tells %d bytes, %d are needed", c.Flow, size, need), Err: unix.EOPNOTSUPP}
	}
	const timestamps = 1 // TCPI_OPT_TIMESTAMPS of include/uapi/linux/tcp.h
	us := func(n uint32) time.Duration { return time.Duration(n) * time.Microsecond }
	return Info{
		SegsOut: i.Segs_out, DataOut: i.Data_segs_out, Again: i.Total_retrans,
		SegsIn: i.Segs_in, DataIn: i.Data_segs_in,
		Received: i.Bytes_received, Acked: i.Bytes_acked, Unacked: i.Unacked, Unsent: i.Notsent_bytes,
		RTT: us(i.Rtt), RTTVar: us(i.Rttvar), MinRTT: us(i.Min_rtt),
		Cwnd: i.Snd_cwnd, MSS: i.Snd_mss, Timestamps: i.Options&timestamps != 0,
	}, nil
}

// Congestion is the name of the congestion control.
func (c *Conn) Congestion() (string, error) {
	var name [16]byte // TCP_CA_NAME_MAX
	size := uint32(len(name))
	if _, _, errno := unix.Syscall6(unix.SYS_GETSOCKOPT, uintptr(c.fd), unix.IPPROTO_TCP, unix.TCP_CONGESTION,
		uintptr(unsafe.Pointer(&name)), uintptr(unsafe.Pointer(&size)), 0); errno != 0 {
		return "", &call.Error{Call: fmt.Sprintf("getsockopt TCP_CONGESTION of flow %d", c.Flow), Err: errno}
	}
	text, _, _ := bytes.Cut(name[:], []byte{0})
	return string(text), nil
}
