package trial

import (
	"context"
	"encoding/binary"
	"runtime"
	"slices"
	"strings"
	"testing"
	"unsafe"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"

	"tunbench/bpf"
	"tunbench/harness/spec"
	"tunbench/harness/worker"
	"tunbench/reports/record"
)

// flipper loads a program of tc that flips the lowest bit of a byte in one of four
// packets, at random.
func flipper(t *testing.T, offset int32) int {
	t.Helper()
	const (
		classifier           = 3 // BPF_PROG_TYPE_SCHED_CLS
		load, store, prandom = 26, 9, 7
		byteAt               = -8 // on the stack
	)
	var program []byte
	put := func(code, registers uint8, off int16, imm int32) {
		program = append(program, code, registers)
		program = binary.NativeEndian.AppendUint16(program, uint16(off))
		program = binary.NativeEndian.AppendUint32(program, uint32(imm))
	}
	helper := func(function int32) {
		put(0xbf, 0x61, 0, 0)      // r1 = the packet
		put(0xb7, 0x02, 0, offset) // r2 = offset
		put(0xbf, 0xa3, 0, 0)      // r3 = stack
		put(0x07, 0x03, 0, byteAt)
		put(0xb7, 0x04, 0, 1) // r4 = one byte
		put(0xb7, 0x05, 0, 0) // r5 = no flags
		put(0x85, 0, 0, function)
	}
	put(0xbf, 0x16, 0, 0) // r6 = the packet
	put(0x85, 0, 0, prandom)
	put(0x57, 0, 0, 3)
	put(0x55, 0, 18, 0) // most are left alone
	helper(load)
	put(0x55, 0, 10, 0)        // too short
	put(0x71, 0xa1, byteAt, 0) // r1 = the byte
	put(0xa7, 0x01, 0, 1)      // flipped
	put(0x73, 0x1a, byteAt, 0) // back to the stack
	helper(store)              // and to the packet
	put(0xb7, 0, 0, 0)         // TC_ACT_OK
	put(0x95, 0, 0, 0)
	license := []byte("GPL\x00")
	log := make([]byte, 64<<10)
	// union bpf_attr of include/uapi/linux/bpf.h, as far as BPF_PROG_LOAD needs it.
	attr := struct {
		kind, count         uint32
		program, license    uint64
		logLevel, logSize   uint32
		log                 uint64
		version, flags      uint32
		name                [16]byte
		ifindex, attachType uint32
	}{
		kind: classifier, count: uint32(len(program) / 8), program: uint64(uintptr(unsafe.Pointer(&program[0]))),
		license: uint64(uintptr(unsafe.Pointer(&license[0]))), logLevel: 1, logSize: uint32(len(log)), log: uint64(uintptr(unsafe.Pointer(&log[0]))),
	}
	fd, _, errno := unix.Syscall(unix.SYS_BPF, unix.BPF_PROG_LOAD, uintptr(unsafe.Pointer(&attr)), unsafe.Sizeof(attr))
	runtime.KeepAlive(program)
	runtime.KeepAlive(license)
	if errno != 0 {
		t.Fatalf("load the flipper: %v\n%s", errno, unix.ByteSliceToString(log))
	}
	t.Cleanup(func() { unix.Close(int(fd)) })
	return int(fd)
}

// flip puts the program on a side of a link.
func flip(link netlink.Link, parent uint32, fd int) error {
	at := netlink.QdiscAttrs{LinkIndex: link.Attrs().Index, Handle: netlink.MakeHandle(0xffff, 0), Parent: netlink.HANDLE_CLSACT}
	if err := netlink.QdiscAdd(&netlink.GenericQdisc{QdiscAttrs: at, QdiscType: "clsact"}); err != nil {
		return err
	}
	return netlink.FilterAdd(&netlink.BpfFilter{
		FilterAttrs: netlink.FilterAttrs{LinkIndex: at.LinkIndex, Parent: parent, Handle: 1, Protocol: unix.ETH_P_ALL, Priority: 1},
		Fd:          fd, Name: "flip", DirectAction: true,
	})
}

// TestCorruptPackets flips one byte between the sender and the reader: what arrives so is
// corrupt by the name of what is wrong, never delivered, and the trial is invalid.
func TestCorruptPackets(t *testing.T) {
	needRoot(t)
	const ingress, egress = netlink.HANDLE_MIN_INGRESS, netlink.HANDLE_MIN_EGRESS
	for name, c := range map[string]struct {
		set    func(*spec.Spec)
		parent uint32
		offset int32
		want   string // the kind; or the drop reason, if it begins with a capital letter
	}{
		"payload":          {func(*spec.Spec) {}, egress, 100, "udp-checksum"},
		"stamp":            {func(*spec.Spec) {}, egress, 28, "udp-checksum"},
		"ip header":        {func(*spec.Spec) {}, egress, 8, "ip-checksum"},
		"ip length":        {func(*spec.Spec) {}, egress, 3, "ip-length"},
		"udp length":       {func(s *spec.Spec) { s.Gen = spec.GenPacket }, egress, 25, "udp-length"},
		"version":          {func(*spec.Spec) {}, egress, 0, "ip-checksum"},
		"ipv6":             {func(s *spec.Spec) { s.Family = 6 }, egress, 100, "udp-checksum"},
		"header":           {func(s *spec.Spec) { s.VnetHdr = 10 }, egress, 100, "udp-checksum"},
		"partial":          {func(s *spec.Spec) { s.VnetHdr, s.Offload = 10, spec.OffloadCsum }, egress, 100, "payload"},
		"cut by kernel":    {func(s *spec.Spec) { s.Gen, s.Size = spec.GenUDPGSO, 1000 }, egress, 26, "udp-checksum"},
		"cut TCP":          {func(s *spec.Spec) { s.Gen, s.Size = spec.GenPacketGSO, 1000 }, egress, 36, "tcp-checksum"},
		"written":          {func(s *spec.Spec) { s.Dir = spec.U2K }, ingress, 100, "UDP_CSUM"},
		"written, trusted": {func(s *spec.Spec) { s.Dir, s.VnetHdr = spec.U2K, 10 }, ingress, 100, "payload"},
	} {
		for _, hook := range []bpf.Hook{bpf.None, bpf.Tracepoint} {
			t.Run(name+"/"+string(hook), func(t *testing.T) {
				s := short()
				s.Size = 128
				c.set(&s)
				fd := flipper(t, c.offset)
				b := trialFor(t, s, hook)
				before := &laterTrial{packetTrial: b, do: func() {
					inNamespace(t, b, func(l netlink.Link) error { return flip(l, c.parent, fd) })
				}}
				restore := worker.Quiet(2, 0)
				m, err := runPhases(context.Background(), over(before.packetTrial, before))
				restore()
				if err != nil {
					t.Fatal(err)
				}
				trial := b.trial(m, record.Floor{SyscallNs: 1}, false)
				balanced(t, trial)
				a := trial.Accounting
				found := a.Corrupt
				if strings.ToUpper(c.want) == c.want {
					found = a.Dropped
				}
				if found[c.want] == 0 || len(a.Corrupt) > 1 {
					t.Errorf("corrupt %v, dropped %v, want %s", a.Corrupt, a.Dropped, c.want)
				}
				if !trial.Invalid() || !slices.Contains(trial.Flags, record.FlagCorrupt) || !strings.Contains(strings.Join(trial.Notes, "\n"), c.want) {
					t.Errorf("flags %v, notes %q", trial.Flags, trial.Notes)
				}
			})
		}
	}
}
