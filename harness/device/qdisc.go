package device

import (
	"slices"

	"tunbench/bpf"
	"tunbench/harness/account"
	"tunbench/harness/netns"
	"tunbench/harness/spec"
	"tunbench/harness/traffic"
	"tunbench/reports/record"
)

// qdiscDrop is the kernel's name for a drop by a qdisc (include/net/dropreason-core.h). Here it
// stands also for those to which the kernel gives no reason.
const qdiscDrop = record.QdiscDrop

// Lost is what a device did not transmit, by reason: those that an observer saw, of which s has
// the counts, or else the kernel's own counts.
func Lost(spec spec.Spec, s *bpf.Snapshot, c netns.Counters, perSKB uint64) map[string]uint64 {
	dropped := map[string]uint64{}
	if s != nil {
		dropped = DroppedBy(s, c, perSKB)
	} else if c.TxDropped > 0 {
		dropped[record.TxDropped] = c.TxDropped * perSKB
	}
	AttributeQdisc(dropped, spec, c, s != nil)
	return dropped
}

// QdiscOf reads the counters of the qdisc that s asks for, of a link of another kind; 0 if that
// holds no packets: then one may stand for a bad link.
func QdiscOf(s spec.Spec, ns *netns.NS, link string) (c netns.QdiscCounters, err error) {
	if !s.Holds() {
		return c, nil
	}
	return ns.Qdisc(link)
}

// AttributeQdisc gives what a qdisc dropped its reason. dropped is what a device did not
// transmit; observed says that it has the drops that an observer saw. These have their reason
// already, except for those of a queue management such as CoDel (drop_func of
// net/sched/sch_fq_codel.c), for which the kernel gives none. Nothing else drops without a
// reason before the device, but an event.
func AttributeQdisc(dropped map[string]uint64, s spec.Spec, c netns.Counters, observed bool) {
	switch {
	case c.Qdisc.Dropped == 0:
	case !observed:
		dropped[qdiscDrop] += c.Qdisc.Dropped * segmentsInQdisc(s)
	case s.Event == spec.EventNone && dropped[notSpecified] > 0:
		dropped[qdiscDrop] += dropped[notSpecified]
		delete(dropped, notSpecified)
	}
}

// segmentsInQdisc is how many wire segments an skb carries in the qdisc: GSO packets are cut
// behind it, where the device does not take them. Those of TCP are of any length; see
// AttributeStreams.
func segmentsInQdisc(s spec.Spec) uint64 {
	switch {
	case s.Gen.Conversation():
		return 1
	case s.Path == spec.PathBridge:
		return SegmentsPerWrite(s)
	}
	return traffic.Segments(Kinds[s.Gen], s.Size, s.Family, s.Mode == spec.TAP)
}

// Entered is how many wire segments came to a device with those counters: it gave them out, or
// dropped them, or its qdisc did.
func Entered(s spec.Spec, c netns.Counters, perSKB uint64) uint64 {
	return (c.TxPackets+c.TxDropped)*perSKB + c.Qdisc.Dropped*segmentsInQdisc(s)
}

// CutBehindQdisc reports whether the qdisc of a device may hold GSO packets though the device
// takes none.
func CutBehindQdisc(s spec.Spec) bool {
	return s.Holds() && (s.Gen.Conversation() || segmentsInQdisc(s) > 1)
}

// maxSegments is of how many segments a GSO packet has at most (GSO_MAX_SEGS of
// include/linux/netdevice.h).
const maxSegments = 65535

// AttributeStreams counts what qdiscs dropped of TCP in segments. Without an observer it is
// known in skbs only, each of which may be a GSO packet: then what is missing in the accounts
// are their other segments.
func AttributeStreams(t *record.Trial) {
	a := &t.Accounting
	skbs, missing := a.Dropped[qdiscDrop], account.Unexplained(*a)
	if a.Xmit == nil && skbs > 0 && missing > 0 && uint64(missing) <= skbs*maxSegments {
		a.Dropped[qdiscDrop] += uint64(missing)
	}
}

// QdiscDrops is how many of the drops are those of a qdisc: of packets that did not reach the
// device.
func QdiscDrops(dropped map[string]uint64) (sum uint64) {
	for reason, n := range dropped {
		if slices.Contains(qdiscReasons, reason) {
			sum += n
		}
	}
	return sum
}

// qdiscReasons are those for which the kernel's qdiscs drop: the first on every kernel that
// gives reasons, the others since Linux 6.14 and later.
var qdiscReasons = []string{qdiscDrop, "QDISC_OVERLIMIT", "QDISC_CONGESTED", "CAKE_FLOOD", "FQ_BAND_LIMIT", "FQ_HORIZON_LIMIT", "FQ_FLOW_LIMIT"}
