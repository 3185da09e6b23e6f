package device

import (
	"errors"
	"fmt"
	"maps"
	"slices"

	"tunbench/bpf"
	"tunbench/harness/account"
	"tunbench/harness/netns"
	"tunbench/harness/refusal"
	"tunbench/harness/spec"
	"tunbench/reports/record"
)

const (
	// SampleEvery is the share of skbs whose residency is taken under full load,
	// where there are hundreds of thousands per second.
	SampleEvery = 16
	// sampleEveryGSO is that of a device that takes GSO packets, which are fewer.
	sampleEveryGSO = 8
	// sampleAllBelow is the packet rate of an open loop below which every skb is
	// timed: there are few, and the next one often takes the place in memory of
	// the last, so that a choice of places would not be a choice of packets.
	sampleAllBelow = 200_000
)

// Observers are those of a path.
type Observers []*bpf.Observer

// Measure switches the measured time of all on or off.
func (list Observers) Measure(on bool) error {
	for _, o := range list {
		if err := o.Measure(on); err != nil {
			return err
		}
	}
	return nil
}

// Attach lets all count again, and nobody else's programs run.
func (list Observers) Attach() error { return bpf.Attach(list...) }

// Detach stops all; what they have counted stays. Their programs stay attached, as
// bpf.Observer says.
func (list Observers) Detach() error {
	for _, o := range list {
		if err := o.Detach(); err != nil {
			return err
		}
	}
	return nil
}

// Rest stops all and takes their programs away, so that what is measured next is
// bare.
func (list Observers) Rest() error {
	return errors.Join(list.Detach(), bpf.Rest())
}

// queueSums is what an observer saw on all queues of a device. Packets are wire
// segments.
type queueSums struct {
	xmit, read         uint64
	xmitSKBs, readSKBs uint64
	super              bool // the device moves GSO packets, so that skbs are counted, too
}

// SumQueues adds up what an observer saw on all queues; super says that the device
// moves GSO packets.
func SumQueues(s *bpf.Snapshot, super bool) queueSums {
	sum := queueSums{super: super}
	for _, q := range s.Queues {
		sum.xmit += q.XmitPkts
		sum.read += q.ReadPkts
		sum.xmitSKBs += q.XmitSKBs
		sum.readSKBs += q.ReadSKBs
	}
	return sum
}

// AddTo adds the sums to an accounting.
func (q queueSums) AddTo(a *record.Accounting) {
	account.AddTo(&a.Xmit, q.xmit)
	account.AddTo(&a.Read, q.read)
	if q.super {
		account.AddTo(&a.XmitSKBs, q.xmitSKBs)
		account.AddTo(&a.ReadSKBs, q.readSKBs)
	}
}

// QueueRecords are the records of the queues of a device that was observed.
func QueueRecords(s *bpf.Snapshot, super bool) (list []record.Queue) {
	for i, q := range s.Queues {
		queue := record.Queue{
			Queue: i, XmitPkts: q.XmitPkts, XmitBytes: q.XmitBytes,
			ReadPkts: q.ReadPkts, ReadBytes: q.ReadBytes, DropPkts: q.DropPkts,
		}
		if s.Stops {
			queue.Stops, queue.StoppedNs = &q.Stops, &q.StoppedNs
		}
		if super {
			queue.XmitSKBs, queue.ReadSKBs = q.XmitSKBs, q.ReadSKBs
		}
		AddTimes(&queue, q)
		list = append(list, queue)
	}
	return list
}

// AddTimes adds to the record of a queue how long packets stayed in it and how many there
// were, if any were timed.
func AddTimes(queue *record.Queue, q bpf.Queue) {
	if q.Residency != nil && q.Residency.Count+q.Residency.Overflow+q.Missed > 0 {
		l := account.Latency(q.Residency, q.Missed)
		queue.Residency = &l
	}
	if q.Depth != nil && q.Depth.Count > 0 {
		queue.Depth = account.Depth(q.Depth)
	}
}

// Observe attaches hook h to a device.
func Observe(h bpf.Hook, t bpf.Target) (*bpf.Observer, error) {
	o, err := bpf.Open(bpf.Options{Hook: h, Target: t})
	if err != nil {
		return nil, &refusal.Unobservable{Err: err}
	}
	return o, nil
}

// LastLook returns the counts of an observer, and the record of the observer itself.
func LastLook(o *bpf.Observer) (*bpf.Snapshot, *record.Observer, error) {
	snapshot, err := o.Snapshot()
	if err != nil {
		return nil, nil, err
	}
	own := &record.Observer{Hook: string(o.Hook()), SampleEvery: o.SampleEvery(), MemoryBytes: o.MemoryBytes(), MeasuredNs: snapshot.Measured.Nanoseconds()}
	addCalls(own, o.Hook(), o.Direction(), snapshot)
	own.MissedRuns, err = o.MissedRuns()
	return snapshot, own, err
}

// addCalls fills in how often readers called, or why that is not known.
func addCalls(own *record.Observer, hook bpf.Hook, direction bpf.Direction, s *bpf.Snapshot) {
	switch {
	case direction == bpf.U2K:
	case !hook.SeesCalls():
		own.NoReads = fmt.Sprintf("the %s hook does not see calls", hook)
	default:
		own.ReadCalls = new(uint64)
		for _, q := range s.Queues {
			*own.ReadCalls += q.ReadCalls
		}
	}
}

// DroppedBy is what a device did not transmit, in packets, by the reasons that
// its observer saw. Where the observer was not run, the device's own count has
// the rest, for no reason.
func DroppedBy(s *bpf.Snapshot, device netns.Counters, perSKB uint64) map[string]uint64 {
	dropped := maps.Clone(s.Drops)
	if Unrun(s, device) == 0 {
		return dropped
	}
	var seen uint64
	for _, n := range dropped {
		seen += n
	}
	seen -= beforeDevice(dropped)
	if all := device.TxDropped * perSKB; all > seen {
		dropped[record.TxDropped] += all - seen
	}
	return dropped
}

// Unrun is for how many skbs, by the device's own count, the kernel did not run the
// observer's program. It is 0 except on kernels that keep eBPF away from some tasks: a
// softirq in which TCP continues to send runs on top of whatever task it interrupts.
// Where the kernel does not count such skipped runs (recursion_misses stays 0), only
// the device's counters show them. Where it does, both count the same runs.
func Unrun(s *bpf.Snapshot, device netns.Counters) uint64 {
	var seen uint64
	for _, q := range s.Queues {
		seen += q.XmitSKBs
	}
	given := device.TxPackets + device.TxDropped
	return given - min(given, seen)
}

// JoinMissed adds own to all, the record of the observers of a path, which is nil before the
// first: what is recorded is that of the first device, but the runs that are missing are those
// on every device. own is of the observer that counted s on a device that itself counted c.
func JoinMissed(all, own *record.Observer, s *bpf.Snapshot, c netns.Counters) *record.Observer {
	missed := max(own.MissedRuns, Unrun(s, c))
	if all == nil {
		all, own.MissedRuns = own, 0
	}
	all.MissedRuns += missed
	return all
}

// beforeDevice sums up the drops of packets that did not reach tun_net_xmit.
func beforeDevice(drops map[string]uint64) (sum uint64) {
	for reason, n := range drops {
		if !slices.Contains(reasonsOfTun, reason) {
			sum += n
		}
	}
	return sum
}

// reasonsOfTun are those of tun_net_xmit: packets that got as far as the device,
// which counts them itself.
var reasonsOfTun = []string{"FULL_RING", "DEV_READY", "TAP_FILTER", "TAP_TXFILTER", "SKB_UCOPY_FAULT", "SKB_TRIM", "NOMEM"}

// SampleEveryOf is of how many skbs one is timed with s: 1 where few skbs are used
// again and again, so that a choice among them would not be a choice among packets.
// With gen=lockstep, which has no residency, as many are timed as under full load, so
// that the observer costs what it costs there.
func SampleEveryOf(s spec.Spec) int {
	switch {
	case s.Rate > 0 && s.Rate < sampleAllBelow:
		return 1
	case s.Offload != spec.OffloadNone:
		return sampleEveryGSO
	}
	return SampleEvery
}
