package bpf

import (
	"encoding/binary"
	"fmt"
	"strings"

	"github.com/cilium/ebpf/btf"
	"golang.org/x/sys/unix"

	"tunbench/bpf/hist"
)

// Queue holds the counters of one queue. Packets and bytes are those of wire
// segments: IP bytes on a TUN, with the Ethernet header on a TAP.
type Queue struct {
	XmitSKBs, XmitPkts, XmitBytes uint64 // handed to the device, drops included
	ReadSKBs, ReadPkts, ReadBytes uint64 // copied to a reader
	DropPkts                      uint64 // freed as dropped
	ReadCalls, ReadRetBytes       uint64 // returns of tun_do_read; only where the hook SeesReturns, and see Snapshot.Lost

	RecvSKBs, RecvPkts, RecvBytes uint64 // written by user space and taken by the kernel, drops included
	RecvDropPkts                  uint64 // of these, freed as dropped
	WriteCalls, WriteRetBytes     uint64 // returns of tun_get_user, headers included; only where the hook SeesReturns
}

func (q *Queue) add(c *tunobsQueueCounters) {
	q.XmitSKBs += c.XmitSkbs
	q.XmitPkts += c.XmitPkts
	q.XmitBytes += c.XmitBytes
	q.ReadSKBs += c.ReadSkbs
	q.ReadPkts += c.ReadPkts
	q.ReadBytes += c.ReadBytes
	q.DropPkts += c.DropPkts
	q.ReadCalls += c.ReadCalls
	q.ReadRetBytes += c.ReadRetBytes
	q.RecvSKBs += c.RecvSkbs
	q.RecvPkts += c.RecvPkts
	q.RecvBytes += c.RecvBytes
	q.RecvDropPkts += c.RecvDropPkts
	q.WriteCalls += c.WriteCalls
	q.WriteRetBytes += c.WriteRetBytes
}

// Snapshot is the state of all counters at one moment; those of a direction that the
// Target leaves out stay 0. While traffic flows, the counters of different CPUs
// may be a few packets apart.
type Snapshot struct {
	Queues     []Queue           // by queue number
	Drops      map[string]uint64 // packets by the kernel's drop reason
	Refused    uint64            // skbs for which tun_net_xmit returned an error; only where the hook SeesReturns
	Strays     uint64            // events on a queue that the device should not have
	Residency  hist.Histogram    // ns from xmit to dequeue of one in SampleEvery, while measuring
	Missed     uint64            // dequeues whose stamp had been overwritten
	ReadErrors map[string]uint64 // failed returns of tun_do_read by errno name
	// RecvDrops counts packets that were received and then dropped anywhere in
	// the stack, including at sockets of the device's namespace, by the
	// kernel's reason.
	RecvDrops   map[string]uint64
	WriteErrors map[string]uint64 // failed returns of tun_get_user by errno name
	// Lost is how many calls of a function of tun the observer has not seen
	// return, by the function's name, without those of which it has seen all. A
	// call that is still under way counts as one. What is counted at the returns of
	// such a function is low.
	Lost map[string]uint64
	// Torn reports that the observer was detached and attached again: returns
	// in between were not seen, and are not in Lost.
	Torn bool
}

type readerAt interface {
	ReadAt(p []byte, off int64) (int, error)
}

func decode(r readerAt, buf []byte, at int64, into any) error {
	if _, err := r.ReadAt(buf, at); err != nil {
		return fmt.Errorf("read counters: %w", err)
	}
	_, err := binary.Decode(buf, binary.NativeEndian, into)
	return err
}

func (s *Snapshot) add(c *tunobsCpuCounters, reasons map[uint32]string) {
	h := hist.Histogram{Bucket: c.Buckets, Overflow: c.Overflow, Max: c.Max}
	for _, n := range c.Buckets {
		h.Count += n
	}
	if h.Count+h.Overflow > 0 {
		h.Min = ^c.Min
	}
	s.Residency.Merge(&h)
	s.Missed += c.Missed
	s.Refused += c.Refused
	s.Strays += c.Strays
	for call, n := range c.Lost {
		if n > 0 {
			s.Lost[calls[call]] += n
		}
	}
	addNamed(s.Drops, c.Drops[:], func(i int) string { return reasonName(reasons, uint32(i)) })
	addNamed(s.RecvDrops, c.RecvDrops[:], func(i int) string { return reasonName(reasons, uint32(i)) })
	addNamed(s.ReadErrors, c.Errors[:], errnoName)
	addNamed(s.WriteErrors, c.WriteErrors[:], errnoName)
}

func addNamed(sums map[string]uint64, counts []uint64, name func(int) string) {
	for i, n := range counts {
		if n > 0 {
			sums[name(i)] += n
		}
	}
}

// errnoRestart is the kernel's ERESTARTSYS: a signal came while the reader
// waited. User space never sees it, so package unix has no name for it.
const errnoRestart = 512

func errnoName(errno int) string {
	if errno == errnoRestart {
		return "ERESTARTSYS"
	}
	if name := unix.ErrnoName(unix.Errno(errno)); name != "" {
		return name
	}
	return fmt.Sprintf("errno %d", errno)
}

// Silent lists the functions and tracepoints at which hook h has counted
// nothing, although packets were sent, read and written.
func (s *Snapshot) Silent(h Hook) (targets []string) {
	var sum Queue
	for _, q := range s.Queues {
		sum.XmitPkts += q.XmitPkts
		sum.ReadPkts += q.ReadPkts
		sum.ReadCalls += q.ReadCalls
		sum.RecvPkts += q.RecvPkts
		sum.WriteCalls += q.WriteCalls
	}
	xmit := xmitPrograms[h][0].Target
	for _, c := range []struct {
		target  string
		seen    uint64
		returns bool
	}{
		{xmit, sum.XmitPkts, false},
		{FuncRead, sum.ReadCalls, true},
		{FuncWrite, sum.WriteCalls, true},
		{dequeue.Target, sum.ReadPkts, false},
		{receive[0].Target, sum.RecvPkts, false},
	} {
		if c.seen == 0 && (!c.returns || h.SeesReturns()) {
			targets = append(targets, c.target)
		}
	}
	return targets
}

func reasonName(reasons map[uint32]string, reason uint32) string {
	if name, ok := reasons[reason]; ok {
		return name
	}
	return fmt.Sprintf("reason %d", reason)
}

// dropReasons reads enum skb_drop_reason of the running kernel, whose numbers
// change from release to release.
func dropReasons() (map[uint32]string, error) {
	reasons := map[uint32]string{0: "UNKNOWN"}
	spec, err := kernelTypes.Kernel()
	if err != nil {
		return nil, fmt.Errorf("load kernel types: %w", err)
	}
	var enum *btf.Enum
	if err := spec.TypeByName("skb_drop_reason", &enum); err != nil {
		return reasons, nil // before Linux 5.17
	}
	for _, v := range enum.Values {
		reasons[uint32(v.Value)] = strings.TrimPrefix(v.Name, "SKB_DROP_REASON_")
	}
	return reasons, nil
}
