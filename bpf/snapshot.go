package bpf

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/cilium/ebpf/btf"
	"golang.org/x/sys/unix"

	"tunbench/bpf/hist"
)

// Queue holds the counters of one queue. Packets and bytes are those of wire
// segments: IP bytes on a TUN, with the Ethernet header on a TAP and with a VLAN tag, wherever
// the kernel keeps that, as in the counters of the device.
type Queue struct {
	XmitSKBs, XmitPkts, XmitBytes uint64 // handed to the device, drops included
	ReadSKBs, ReadPkts, ReadBytes uint64 // copied to a reader
	DropPkts                      uint64 // freed as dropped
	ReadCalls                     uint64 // of tun_do_read, with or without a packet; only where the hook SeesCalls

	// Stops is how often the driver stopped the queue, and StoppedNs for how long, while
	// measuring: where Target.Stops asks for it.
	Stops, StoppedNs uint64

	RecvSKBs, RecvPkts, RecvBytes uint64 // written by user space and taken by the kernel, drops included
	RecvDropPkts                  uint64 // of these, freed as dropped

	Residency *hist.Histogram // ns from xmit to dequeue of one in SampleEvery, while measuring
	Missed    uint64          // dequeues that have no residency, as in Snapshot
	// Depth is how many packets stood in the ring when one was added, for one in
	// Observer.DepthEvery, while measuring.
	Depth *hist.Histogram
}

// Kind is a kind of GSO packets.
type Kind int

const (
	TCP4   Kind = iota // TCP over IPv4
	TCP6               // TCP over IPv6
	UDP                // UDP (UDP_L4, and the older fragments)
	Tunnel             // any of these in a tunnel
	Other
	Kinds int = iota
)

// GSO counts GSO packets and their segments.
type GSO struct{ SKBs, Pkts uint64 }

// queueOf names the counters of a queue. Where no GSO packets come, each skb is one
// packet.
func queueOf(c *tunobsQueueCounters, gso bool) Queue {
	q := Queue{
		XmitSKBs: c.XmitSkbs, XmitPkts: c.XmitPkts, XmitBytes: c.XmitBytes,
		ReadSKBs: c.ReadSkbs, ReadPkts: c.ReadPkts, ReadBytes: c.ReadBytes,
		DropPkts: c.DropPkts, Stops: c.Stops, StoppedNs: c.StoppedNs,
		RecvSKBs: c.RecvSkbs, RecvPkts: c.RecvPkts, RecvBytes: c.RecvBytes,
		RecvDropPkts: c.RecvDropPkts,
	}
	if !gso {
		q.XmitPkts, q.ReadPkts, q.RecvPkts = q.XmitSKBs, q.ReadSKBs, q.RecvSKBs
	}
	return q
}

// Snapshot is the state of all counters at one moment; those of a direction that the
// Target leaves out stay 0. While traffic flows, the counters of different CPUs
// may be a few packets apart.
type Snapshot struct {
	Queues    []Queue           // by queue number
	Drops     map[string]uint64 // packets by the kernel's drop reason
	Stops     bool              // whether stops of queues were counted
	Measured  time.Duration     // for how long it was attached and measuring
	Strays    uint64            // events on a queue that the device should not have
	Residency hist.Histogram    // of all queues
	// XmitGSO and RecvGSO count by kind, where Target.Kinds asks for it.
	XmitGSO, RecvGSO [Kinds]GSO
	// Missed counts dequeues without a stamp: it had been overwritten, or the packet was
	// sent before the observer was attached.
	Missed uint64
	// RecvDrops counts packets that were received and then dropped anywhere in
	// the stack, including at sockets of the device's namespace, by the
	// kernel's reason.
	RecvDrops map[string]uint64
	// ReadErrors and WriteErrors count calls by the name of their errno, where Target.Returns
	// asks for it: "interrupted" are those that a signal ended before a packet came, which the
	// kernel repeats or ends with EINTR, and "other" those without an errno of user space.
	ReadErrors, WriteErrors map[string]uint64
}

// Since is what was counted after s was old, an earlier snapshot of the same observer.
func (s *Snapshot) Since(old *Snapshot) *Snapshot {
	d := &Snapshot{
		Drops: minus(s.Drops, old.Drops), RecvDrops: minus(s.RecvDrops, old.RecvDrops),
		ReadErrors: minus(s.ReadErrors, old.ReadErrors), WriteErrors: minus(s.WriteErrors, old.WriteErrors),
		Stops: s.Stops, Measured: s.Measured - old.Measured, Strays: s.Strays - old.Strays, Missed: s.Missed - old.Missed, Residency: s.Residency.Since(&old.Residency),
	}
	for i := range Kinds {
		d.XmitGSO[i] = GSO{s.XmitGSO[i].SKBs - old.XmitGSO[i].SKBs, s.XmitGSO[i].Pkts - old.XmitGSO[i].Pkts}
		d.RecvGSO[i] = GSO{s.RecvGSO[i].SKBs - old.RecvGSO[i].SKBs, s.RecvGSO[i].Pkts - old.RecvGSO[i].Pkts}
	}
	for i, q := range s.Queues {
		d.Queues = append(d.Queues, q.since(old.Queues[i]))
	}
	return d
}

func (q Queue) since(old Queue) Queue {
	residency, depth := q.Residency.Since(old.Residency), q.Depth.Since(old.Depth)
	return Queue{
		XmitSKBs: q.XmitSKBs - old.XmitSKBs, XmitPkts: q.XmitPkts - old.XmitPkts, XmitBytes: q.XmitBytes - old.XmitBytes,
		ReadSKBs: q.ReadSKBs - old.ReadSKBs, ReadPkts: q.ReadPkts - old.ReadPkts, ReadBytes: q.ReadBytes - old.ReadBytes,
		DropPkts: q.DropPkts - old.DropPkts, Stops: q.Stops - old.Stops, StoppedNs: q.StoppedNs - old.StoppedNs, ReadCalls: q.ReadCalls - old.ReadCalls,
		RecvSKBs: q.RecvSKBs - old.RecvSKBs, RecvPkts: q.RecvPkts - old.RecvPkts, RecvBytes: q.RecvBytes - old.RecvBytes,
		RecvDropPkts: q.RecvDropPkts - old.RecvDropPkts,
		Residency:    &residency, Missed: q.Missed - old.Missed, Depth: &depth,
	}
}

// minus leaves out what did not change.
func minus(now, old map[string]uint64) map[string]uint64 {
	d := map[string]uint64{}
	for name, n := range now {
		if n > old[name] {
			d[name] = n - old[name]
		}
	}
	return d
}

// newSnapshot names what was counted of a device.
func newSnapshot(sum counts, t Target, reasons map[uint32]string) *Snapshot {
	c := sum.cpu()
	s := &Snapshot{
		Queues: make([]Queue, t.Queues), Drops: map[string]uint64{}, RecvDrops: map[string]uint64{},
		ReadErrors: map[string]uint64{}, WriteErrors: map[string]uint64{},
		Strays: c.Strays,
	}
	for kind := range Kinds {
		x, r := c.Gso[0][kind], c.Gso[1][kind]
		s.XmitGSO[kind], s.RecvGSO[kind] = GSO{x.Skbs, x.Pkts}, GSO{r.Skbs, r.Pkts}
	}
	queues := sum.queues()
	for i := range queues {
		q := queueOf(&queues[i], t.GSO)
		if i < len(s.Queues) {
			residency, missed := sum.residency(i)
			depth := sum.depth(i)
			q.Residency, q.Missed, q.Depth = &residency, missed, &depth
			s.Residency.Merge(&residency)
			s.Missed += missed
			s.Queues[i] = q
			continue
		}
		// There is room for more queues than the device has.
		s.Strays += q.XmitSKBs + q.ReadSKBs + q.RecvSKBs + q.DropPkts + q.RecvDropPkts
	}
	for i, c := range sum.calls {
		if i < len(s.Queues) {
			s.Queues[i].ReadCalls = c.Calls
		} else {
			s.Strays += c.Calls
		}
	}
	named := func(i int) string { return reasonName(reasons, uint32(i), kernelRelease()) }
	addNamed(s.Drops, c.Drops[:], named)
	addNamed(s.RecvDrops, c.RecvDrops[:], named)
	addNamed(s.ReadErrors, sum.errors[0].Calls[:], errorName)
	addNamed(s.WriteErrors, sum.errors[1].Calls[:], errorName)
	return s
}

func addNamed(sums map[string]uint64, counts []uint64, name func(int) string) {
	for i, n := range counts {
		if n > 0 {
			sums[name(i)] += n
		}
	}
}

// errorName names a slot of enum call_error: an errno or, in the last two, what never reaches
// user space as one.
func errorName(slot int) string {
	switch slot {
	case len(tunobsCallErrors{}.Calls) - 2:
		return "interrupted"
	case len(tunobsCallErrors{}.Calls) - 1:
		return "other"
	}
	return cmp.Or(unix.ErrnoName(unix.Errno(slot)), fmt.Sprintf("errno %d", slot))
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
	}
	for _, c := range []struct {
		target string
		seen   bool
	}{
		{xmitPrograms[h][0].Target, sum.XmitPkts > 0},
		{FuncRead, sum.ReadCalls > 0 || !h.SeesCalls()},
		{dequeue.Target, sum.ReadPkts > 0},
		{receive[0].Target, sum.RecvPkts > 0},
	} {
		if !c.seen {
			targets = append(targets, c.target)
		}
	}
	return targets
}

// numberOf is the number of a drop reason in this kernel; 0 if it has none.
func numberOf(reasons map[uint32]string, name string) uint32 {
	for number, n := range reasons {
		if n == name {
			return number
		}
	}
	return 0
}

// Marks of drop reasons: enum reason_of of target.bpf.h.
const ofXmit, ofXmitOrWrite = 1, 2

// xmitReasons marks the drop reasons that only a packet gets for which a transmit queue has
// been chosen: those of qdiscs, and those of tun_net_xmit (drivers/net/tun.c), of which other
// code gives DEV_READY and SKB_UCOPY_FAULT only to packets that were not received yet.
func xmitReasons(reasons map[uint32]string) (marks [len(tunobsCpuCounters{}.Drops)]uint8) {
	for number, name := range reasons {
		mark := uint8(ofXmit)
		switch name {
		case "FULL_RING", "TAP_FILTER", "TAP_TXFILTER":
		case "DEV_READY", "SKB_UCOPY_FAULT":
			mark = ofXmitOrWrite
		default:
			ofQdisc := func(prefix string) bool { return strings.HasPrefix(name, prefix) }
			if !slices.ContainsFunc([]string{"QDISC_", "CAKE_", "FQ_", "DUALPI2_"}, ofQdisc) {
				continue
			}
		}
		if int(number) < len(marks)-1 {
			marks[number] = mark
		}
	}
	return marks
}

// reasonName names a drop reason of the running kernel. One without a name is shown with
// the kernel's release: in another kernel the number stands for another reason.
func reasonName(reasons map[uint32]string, reason uint32, release string) string {
	if name, ok := reasons[reason]; ok {
		return name
	}
	if reason == uint32(len(tunobsCpuCounters{}.Drops)-1) { // which collects all from there on
		return fmt.Sprintf("reason %d or above of %s", reason, release)
	}
	return fmt.Sprintf("reason %d of %s", reason, release)
}

// kernelRelease is that of the running kernel, such as 6.18.44.
var kernelRelease = sync.OnceValue(func() string {
	var name unix.Utsname
	if unix.Uname(&name) != nil {
		return "an unknown kernel"
	}
	return unix.ByteSliceToString(name.Release[:])
})

// dropReasons are those of enum skb_drop_reason in the running kernel, whose numbers
// change from release to release. It is read once.
var dropReasons = sync.OnceValues(readDropReasons)

func readDropReasons() (map[uint32]string, error) {
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
