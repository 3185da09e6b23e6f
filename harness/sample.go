package harness

import (
	"slices"

	"tunbench/harness/host"
	"tunbench/harness/worker"
	"tunbench/reports/record"
)

// sample is what all workers of a trial had done at one moment.
type sample struct {
	at           int64 // ns of the trial's clock
	delivered    uint64
	wireBytes    uint64
	reads        uint64
	readCalls    uint64
	sendCalls    uint64
	forwardCalls uint64
	accepted     uint64
	pushedBack   uint64
	sendNs       uint64 // time inside the senders' calls
	byDirection  []directionSample
	// Of conversations: payload that arrived, once each, and answered requests.
	payload, transactions uint64
}

// plus adds what was done between two moments.
func (s sample) plus(from, to sample) sample {
	sum := sample{
		at:           s.at + to.at - from.at,
		delivered:    s.delivered + to.delivered - from.delivered,
		wireBytes:    s.wireBytes + to.wireBytes - from.wireBytes,
		reads:        s.reads + to.reads - from.reads,
		readCalls:    s.readCalls + to.readCalls - from.readCalls,
		sendCalls:    s.sendCalls + to.sendCalls - from.sendCalls,
		forwardCalls: s.forwardCalls + to.forwardCalls - from.forwardCalls,
		accepted:     s.accepted + to.accepted - from.accepted,
		pushedBack:   s.pushedBack + to.pushedBack - from.pushedBack,
		sendNs:       s.sendNs + to.sendNs - from.sendNs,
		byDirection:  slices.Clone(s.byDirection),
		payload:      s.payload + to.payload - from.payload, transactions: s.transactions + to.transactions - from.transactions,
	}
	for i := range sum.byDirection {
		sum.byDirection[i] = sum.byDirection[i].plus(from.byDirection[i], to.byDirection[i])
	}
	return sum
}

// directionSample is what the workers of one direction had done.
type directionSample struct {
	delivered, wireBytes, accepted, pushedBack uint64
	// byQueue is what the reader of each queue was delivered or, where packets are
	// written, what the kernel received by each queue; nil elsewhere.
	byQueue []uint64
}

// plus adds what was done between two moments.
func (s directionSample) plus(from, to directionSample) directionSample {
	sum := directionSample{
		delivered:  s.delivered + to.delivered - from.delivered,
		wireBytes:  s.wireBytes + to.wireBytes - from.wireBytes,
		accepted:   s.accepted + to.accepted - from.accepted,
		pushedBack: s.pushedBack + to.pushedBack - from.pushedBack,
	}
	if to.byQueue != nil {
		sum.byQueue = slices.Clone(to.byQueue)
		for i, n := range s.byQueue {
			sum.byQueue[i] += n
		}
		for i, n := range from.byQueue { // none at a start that counts from 0
			sum.byQueue[i] -= n
		}
	}
	return sum
}

// usage is what a trial and its host had used at one moment.
type usage struct {
	senders, readers, forwarders int64 // CPU time of their threads in ns; -1 if one has ended
	stat                         host.Stat
}

// plus adds what was used between two moments; a time that is unknown makes
// the sum unknown.
func (u usage) plus(from, to usage) usage {
	add := func(sum, from, to int64) int64 {
		if sum < 0 || from < 0 || to < 0 {
			return -1
		}
		return sum + to - from
	}
	return usage{
		senders:    add(u.senders, from.senders, to.senders),
		readers:    add(u.readers, from.readers, to.readers),
		forwarders: add(u.forwarders, from.forwarders, to.forwarders),
		stat:       u.stat.Plus(from.stat, to.stat),
	}
}

// addCPUTime adds the CPU time of a thread in ns to a sum, if there is a thread;
// the sum is -1, unknown, once one of the threads has ended.
func addCPUTime(sum int64, t *worker.Thread) int64 {
	if t == nil {
		return sum
	}
	n, err := t.CPUTime()
	if err != nil || sum < 0 {
		return -1
	}
	return sum + n
}

// measurement is what was seen of a trial in its measured time.
type measurement struct {
	samples     []sample // at the start of the measured time and at the end of each window
	first, last usage
	seen        host.Delta // between first and last
	warm        string     // a remark on the warm-up; "" if there is nothing to say
	// against, of a trial that takes turns with another one, is the rate in each
	// window over the other trial's rate in the window beside it.
	against []float64
}

// ends are the first sample and the last.
func (m measurement) ends() (first, last sample) { return m.samples[0], m.samples[len(m.samples)-1] }

// windows are the slices of the measured time; lastedNs is how long they are
// together.
func (m measurement) windows() (list []record.Window, lastedNs int64) {
	first := m.samples[0]
	for i, s := range m.samples[1:] {
		before := m.samples[i]
		list = append(list, record.Window{
			TNs: s.at - first.at, Pkts: s.delivered - before.delivered, Bytes: s.wireBytes - before.wireBytes,
		})
	}
	return list, m.samples[len(m.samples)-1].at - first.at
}

// cpuTime is the time of all workers over the measured time. Where the kernel
// accounts softirqs apart from threads, those of the workers' CPUs are added.
func (m measurement) cpuTime(addSoftirq bool, p record.Placement) (float64, bool) {
	if slices.Min([]int64{m.first.senders, m.first.readers, m.first.forwarders, m.last.senders, m.last.readers, m.last.forwarders}) < 0 {
		return 0, false
	}
	ns := float64(m.last.senders - m.first.senders + m.last.readers - m.first.readers + m.last.forwarders - m.first.forwarders)
	if addSoftirq {
		cpus := host.CPUs(p)
		slices.Sort(cpus)
		spent := m.first.stat.Until(m.last.stat, slices.Compact(cpus))
		ns += float64(spent.SoftIRQ + spent.IRQ)
	}
	return ns, true
}
