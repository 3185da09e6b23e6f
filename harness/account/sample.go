package account

import (
	"slices"
	"time"

	"tunbench/harness/host"
	"tunbench/harness/worker"
	"tunbench/reports/record"
)

// Sample is what all workers of a trial had done at one moment.
type Sample struct {
	At           int64 // ns of the trial's clock
	Delivered    uint64
	WireBytes    uint64
	reads        uint64
	ReadCalls    uint64
	SendCalls    uint64
	ForwardCalls uint64
	Accepted     uint64
	PushedBack   uint64
	sendNs       uint64 // time inside the senders' calls
	ByDirection  []DirectionSample
	// Of conversations: payload that arrived, once each, and answered requests.
	Payload, Transactions uint64
}

// Plus adds what was done between two moments.
func (s Sample) Plus(from, to Sample) Sample {
	sum := Sample{
		At:           s.At + to.At - from.At,
		Delivered:    s.Delivered + to.Delivered - from.Delivered,
		WireBytes:    s.WireBytes + to.WireBytes - from.WireBytes,
		reads:        s.reads + to.reads - from.reads,
		ReadCalls:    s.ReadCalls + to.ReadCalls - from.ReadCalls,
		SendCalls:    s.SendCalls + to.SendCalls - from.SendCalls,
		ForwardCalls: s.ForwardCalls + to.ForwardCalls - from.ForwardCalls,
		Accepted:     s.Accepted + to.Accepted - from.Accepted,
		PushedBack:   s.PushedBack + to.PushedBack - from.PushedBack,
		sendNs:       s.sendNs + to.sendNs - from.sendNs,
		ByDirection:  slices.Clone(s.ByDirection),
		Payload:      s.Payload + to.Payload - from.Payload, Transactions: s.Transactions + to.Transactions - from.Transactions,
	}
	for i := range sum.ByDirection {
		sum.ByDirection[i] = sum.ByDirection[i].plus(from.ByDirection[i], to.ByDirection[i])
	}
	return sum
}

// DirectionSample is what the workers of one direction had done.
type DirectionSample struct {
	delivered, wireBytes, accepted, pushedBack uint64
	// ByQueue is what the reader of each queue was delivered or, where packets are
	// written, what the kernel received by each queue; nil elsewhere.
	ByQueue []uint64
}

// plus adds what was done between two moments.
func (s DirectionSample) plus(from, to DirectionSample) DirectionSample {
	sum := DirectionSample{
		delivered:  s.delivered + to.delivered - from.delivered,
		wireBytes:  s.wireBytes + to.wireBytes - from.wireBytes,
		accepted:   s.accepted + to.accepted - from.accepted,
		pushedBack: s.pushedBack + to.pushedBack - from.pushedBack,
	}
	if to.ByQueue != nil {
		sum.ByQueue = slices.Clone(to.ByQueue)
		for i, n := range s.ByQueue {
			sum.ByQueue[i] += n
		}
		for i, n := range from.ByQueue { // none at a start that counts from 0
			sum.ByQueue[i] -= n
		}
	}
	return sum
}

// Usage is what a trial and its host had used at one moment.
type Usage struct {
	// CPU time of their threads in ns; -1 if one has ended.
	Senders, Readers, Forwarders, Probe int64
	Stat                                host.Stat
}

// workers is the CPU time of all workers, which the probe's threads are none of; -1 if it is
// unknown.
func (u Usage) workers() (sum int64) {
	for _, ns := range []int64{u.Senders, u.Readers, u.Forwarders} {
		if ns < 0 {
			return -1
		}
		sum += ns
	}
	return sum
}

// Plus adds what was used between two moments; a time that is unknown makes
// the sum unknown.
func (u Usage) Plus(from, to Usage) Usage {
	add := func(sum, from, to int64) int64 {
		if sum < 0 || from < 0 || to < 0 {
			return -1
		}
		return sum + to - from
	}
	return Usage{
		Senders:    add(u.Senders, from.Senders, to.Senders),
		Readers:    add(u.Readers, from.Readers, to.Readers),
		Forwarders: add(u.Forwarders, from.Forwarders, to.Forwarders),
		Probe:      add(u.Probe, from.Probe, to.Probe),
		Stat:       u.Stat.Plus(from.Stat, to.Stat),
	}
}

// AddCPUTime adds the CPU time of a thread in ns to a sum, if there is a thread;
// the sum is -1, unknown, once one of the threads has ended.
func AddCPUTime(sum int64, t *worker.Thread) int64 {
	if t == nil {
		return sum
	}
	n, err := t.CPUTime()
	if err != nil || sum < 0 {
		return -1
	}
	return sum + n
}

// Measurement is what was seen of a trial in its measured time.
type Measurement struct {
	Samples     []Sample // at the start of the measured time and at the end of each window
	First, Last Usage
	Seen        host.Delta // between first and last
	Warm        string     // a remark on the warm-up; "" if there is nothing to say
	// Against, of a trial that takes turns with another one, is the rate in each
	// window over the other trial's rate in the window beside it.
	Against []float64
	// InRound, of a trial that was measured in rounds, is the round of each window.
	InRound []int
	Ramp    time.Duration // before each window, in which traffic flowed and was not measured
}

// Ends are the first sample and the last.
func (m Measurement) Ends() (first, last Sample) { return m.Samples[0], m.Samples[len(m.Samples)-1] }

// Windows are the slices of the measured time; lastedNs is how long they are
// together.
func (m Measurement) Windows() (list []record.Window, lastedNs int64) {
	first := m.Samples[0]
	for i, s := range m.Samples[1:] {
		before := m.Samples[i]
		w := record.Window{TNs: s.At - first.At, Pkts: s.Delivered - before.Delivered, Bytes: s.WireBytes - before.WireBytes}
		if m.InRound != nil {
			w.Round = m.InRound[i]
		}
		list = append(list, w)
	}
	return list, m.Samples[len(m.Samples)-1].At - first.At
}

// CPUTime is the time of all workers over the measured time. Where the kernel
// accounts softirqs apart from threads, those of the workers' CPUs are added.
func (m Measurement) CPUTime(addSoftirq bool, p record.Placement) (float64, bool) {
	first, last := m.First.workers(), m.Last.workers()
	if first < 0 || last < 0 {
		return 0, false
	}
	ns := float64(last - first)
	if addSoftirq {
		cpus := host.CPUs(p)
		slices.Sort(cpus)
		spent := m.First.Stat.Until(m.Last.Stat, slices.Compact(cpus))
		ns += float64(spent.SoftIRQ + spent.IRQ)
	}
	return ns, true
}

// OwnTime is the CPU time of all threads of the trial over the measured time, softirqs left out:
// that of the workers and of the probe.
func (m Measurement) OwnTime() (time.Duration, bool) {
	ns, ok := m.CPUTime(false, record.Placement{})
	if !ok || m.First.Probe < 0 || m.Last.Probe < 0 {
		return 0, false
	}
	return time.Duration(int64(ns) + m.Last.Probe - m.First.Probe), true
}

// balance adds how evenly packets were spread over the queues to metrics, where
// packets were read from queues or written to them.
func (s DirectionSample) balance(metrics map[string]float64) {
	byQueue := make([]float64, len(s.ByQueue))
	for i, n := range s.ByQueue {
		byQueue[i] = float64(n)
	}
	if slices.Max(append(byQueue, 0)) > 0 {
		metrics[record.Jain], metrics[record.QueueImbalance] = balance(byQueue)
	}
}

// Rate is the rate of delivery between two samples in packets/ns; 0 if no time passed.
func Rate(from, to Sample) float64 {
	if to.At <= from.At {
		return 0
	}
	return float64(to.Delivered-from.Delivered) / float64(to.At-from.At)
}
