package harness

import (
	"fmt"
	"maps"
	"slices"

	"tunbench/bpf"
	"tunbench/bpf/hist"
	"tunbench/harness/netns"
	"tunbench/harness/packet"
	"tunbench/harness/sink"
	"tunbench/harness/spec"
	"tunbench/harness/traffic"
	"tunbench/reports/record"
)

const (
	// missedLimit is the share of overwritten residency samples that is flagged.
	missedLimit = 0.01
	// generatorLimit is the share of the senders' time outside their calls above
	// which, if nothing was lost, the generator and not the device set the rate.
	generatorLimit = 0.25
	// lateLimit is the share of sends of an open loop that may be late.
	lateLimit = 0.01
	// maxFlowRecords bounds the size of a record.
	maxFlowRecords = 256
)

// trial makes the record of what a bed has seen, after collect.
func (b *bed) trial(m measurement, floor record.Floor, addSoftirq bool) record.Trial {
	t := record.Trial{
		Kind: record.KindTrial, Metrics: map[string]float64{}, Latency: map[string]record.Latency{},
		CPUs: b.placement, Flags: []string{},
	}
	if b.lockstep != nil { // which rests first
		m.samples[0].at = max(m.samples[0].at, b.lockstep.began)
	}
	counts := total(b.readers)
	t.Reads = record.Reads{Calls: counts.Calls, Bytes: counts.ReadBytes, Errors: map[string]uint64{}}
	if counts.Again > 0 {
		t.Reads.Errors["EAGAIN"] = counts.Again
	}
	b.account(&t, counts)
	if len(b.lanes) > 1 {
		b.directions(&t, m)
	}
	t.Vnet = vnet(b.readers)
	b.perFlow(&t)
	t.Windows, t.DurationNs = windows(m)
	b.metrics(&t, m, counts, floor, addSoftirq)
	if b.spec.Rate > 0 {
		t.Schedule = b.schedule()
	}
	b.latencies(&t)
	b.flag(&t, m, counts)
	return t
}

func total(readers []reader) (sum sink.Counts) {
	for _, reader := range readers {
		r := reader.Seen()
		sum.Calls += r.Calls
		sum.Reads += r.Reads
		sum.ReadBytes += r.ReadBytes
		sum.Delivered += r.Delivered
		sum.WireBytes += r.WireBytes
		sum.Duplicates += r.Duplicates
		sum.Reordered += r.Reordered
		sum.Foreign += r.Foreign
		sum.Again += r.Again
	}
	return sum
}

// vnet is what the virtio-net headers said that the readers got; nil if there
// were none.
func vnet(readers []reader) *record.Vnet {
	var sum sink.Vnet
	for _, r := range readers {
		sum.Add(&r.Seen().Vnet)
	}
	if sum.Headers == 0 {
		return nil
	}
	v := &record.Vnet{
		Headers: sum.Headers, GSO: map[string]uint64{}, Partial: sum.Partial, Full: sum.Full,
		Without: sum.Without, Summed: sum.Summed, Bad: map[string]uint64{}, Largest: sum.Largest,
	}
	for i, n := range sum.GSO {
		if n > 0 {
			v.GSO[sink.GSOName(i)] += n
		}
	}
	for fault, n := range sum.Bad {
		if n > 0 {
			v.Bad[packet.Fault(fault).String()] = n
		}
	}
	return v
}

// account follows every packet from the start of the first sender to the end
// of the last reader.
func (b *bed) account(t *record.Trial, counts sink.Counts) {
	a := &t.Accounting
	*a = accounts(b.senders, counts)
	if len(b.lanes) > 1 {
		t.Directions = map[string]record.Direction{}
		for _, l := range b.lanes {
			t.Directions[string(l.dir)] = record.Direction{Accounting: accounts(l.senders, total(l.readers))}
		}
	}
	b.ground.account(t)
	a.Unexplained = unexplained(*a)
}

// accounts is what senders and readers know; what was dropped between them is
// for the ground to say.
func accounts(senders []*traffic.Sender, counts sink.Counts) record.Accounting {
	a := record.Accounting{
		Delivered: counts.Delivered, Duplicates: counts.Duplicates, Reordered: counts.Reordered,
		Dropped: map[string]uint64{},
	}
	for _, s := range senders {
		p := s.Progress()
		a.Accepted += p.Accepted
		a.PushedBack += p.PushedBack
	}
	a.Offered = a.Accepted + a.PushedBack
	return a
}

func unexplained(a record.Accounting) int64 {
	return int64(a.Accepted) - int64(a.Delivered) - int64(a.DroppedTotal())
}

// droppedBy is what a device did not transmit, in packets, by the reasons that
// its observer saw. Where the observer was not run, the device's own count has
// the rest, for no reason.
func droppedBy(s *bpf.Snapshot, device netns.Counters, perSKB uint64) map[string]uint64 {
	dropped := maps.Clone(s.Drops)
	if unrun(s, device) == 0 {
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

// unrun is how many skbs a device was given, by its own count, without that the
// kernel ran the observer's program. It is 0 but for kernels that keep eBPF away
// from some tasks: a softirq in which TCP goes on sending works on top of
// whatever task it interrupts. Where the kernel says nothing of such runs
// (recursion_misses stays 0), only the device's counters tell. Where it does, both
// count the same runs.
func unrun(s *bpf.Snapshot, device netns.Counters) uint64 {
	var seen uint64
	for _, q := range s.Queues {
		seen += q.XmitSKBs
	}
	given := device.TxPackets + device.TxDropped
	return given - min(given, seen)
}

// directions fills in each direction by itself, but for what its accounting has
// already.
func (b *bed) directions(t *record.Trial, m measurement) {
	first, last := m.samples[0], m.samples[len(m.samples)-1]
	seconds := float64(last.at-first.at) / 1e9
	for i, l := range b.lanes {
		d := t.Directions[string(l.dir)]
		a := &d.Accounting
		a.Unexplained = unexplained(*a)
		did := laneSample{}.plus(first.byLane[i], last.byLane[i])
		d.Metrics = map[string]float64{
			record.PPS:        float64(did.delivered) / seconds,
			record.BitPerS:    8 * float64(did.wireBytes) / seconds,
			record.OfferedPPS: float64(did.accepted+did.pushedBack) / seconds,
		}
		did.balance(d.Metrics)
		if a.Accepted > 0 {
			d.Metrics[record.Loss] = float64(int64(a.Accepted)-int64(a.Delivered)) / float64(a.Accepted)
		}
		if d.Latency == nil {
			d.Latency = map[string]record.Latency{}
		}
		b.latenciesOf([]*lane{l}, d.Latency)
		t.Directions[string(l.dir)] = d
	}
}

// perFlow is of the first lane: the flows of another have the same numbers.
func (b *bed) perFlow(t *record.Trial) {
	l := b.lanes[0]
	if l.queues {
		delivered := func(flow, queue int) uint64 { return l.readers[queue].Seen().Flow(flow).Delivered }
		if share, ok := consistency(b.spec.Flows, len(l.readers), delivered); ok {
			t.Metrics[record.FlowConsistency] = share
		}
	}
	if b.spec.Flows > maxFlowRecords || l.counted {
		return
	}
	for flow := range b.spec.Flows {
		f := record.Flow{Flow: flow}
		for i, r := range l.readers {
			seen := r.Seen().Flow(flow)
			if n := seen.Delivered; n > 0 && l.queues && len(l.readers) > 1 {
				if f.Queues == nil {
					f.Queues = map[int]uint64{}
				}
				f.Queues[i] = n
			}
			f.Delivered += seen.Delivered
			f.Duplicates += seen.Duplicates
			f.Reordered += seen.Reordered
		}
		s := l.senders[flow%len(l.senders)]
		f.Accepted = s.Sent()[flow/len(l.senders)]
		t.Flows = append(t.Flows, f)
	}
}

// consistency is the share of the flows that came out of one queue only, of
// those with two packets at least; false if there are none, or one queue.
func consistency(flows, queues int, delivered func(flow, queue int) uint64) (float64, bool) {
	if queues < 2 {
		return 0, false
	}
	var all, one float64
	for flow := range flows {
		var packets uint64
		used := 0
		for queue := range queues {
			if n := delivered(flow, queue); n > 0 {
				packets += n
				used++
			}
		}
		if packets < 2 {
			continue
		}
		all++
		if used == 1 {
			one++
		}
	}
	return one / max(1, all), all > 0
}

// windows gives the slices of the measured time, and how long they are together.
func windows(m measurement) (list []record.Window, lastedNs int64) {
	first := m.samples[0]
	for i, s := range m.samples[1:] {
		before := m.samples[i]
		list = append(list, record.Window{
			TNs: s.at - first.at, Pkts: s.delivered - before.delivered, Bytes: s.wireBytes - before.wireBytes,
		})
	}
	return list, m.samples[len(m.samples)-1].at - first.at
}

func (b *bed) metrics(t *record.Trial, m measurement, counts sink.Counts, floor record.Floor, addSoftirq bool) {
	first, last := m.samples[0], m.samples[len(m.samples)-1]
	seconds := float64(t.DurationNs) / 1e9
	delivered := float64(last.delivered - first.delivered)
	reads := float64(last.reads - first.reads)
	a := t.Accounting

	t.Metrics[record.PPS] = delivered / seconds
	t.Metrics[record.BitPerS] = 8 * float64(last.wireBytes-first.wireBytes) / seconds
	t.Metrics[record.OfferedPPS] = float64(last.accepted+last.pushedBack-first.accepted-first.pushedBack) / seconds
	if b.lanes[0].perSKB > 1 {
		t.Metrics[record.SKBPS] = reads / seconds
	}
	if a.Accepted > 0 {
		t.Metrics[record.Loss] = float64(int64(a.Accepted)-int64(a.Delivered)) / float64(a.Accepted)
	}
	t.Metrics[record.Steal] = m.first.stat.Steal(m.last.stat, nil)
	if delivered == 0 {
		return
	}
	calls := float64(last.readCalls - first.readCalls + last.sendCalls - first.sendCalls + last.carryCalls - first.carryCalls)
	t.Metrics[record.SyscallsPerPkt] = calls / delivered
	if send, ok := b.sendNs(first, last); ok {
		t.Metrics[record.SendNsPerPkt] = send
	}
	if cpu, ok := cpuTime(m, addSoftirq, b.placement); ok {
		if b.spec.Rate > 0 {
			// To wait for a packet to be due costs the generator its CPU, and
			// the packet nothing.
			cpu -= max(0, float64(m.last.senders-m.first.senders)-float64(last.sendNs-first.sendNs))
		}
		t.Metrics[record.CPUNsPerPkt] = cpu / delivered
	}
	recv, ok := b.recvNs(m, delivered)
	if ok {
		t.Metrics[record.RecvNsPerPkt] = recv
	}
	switch {
	case floor.Fault() != "": // which nothing can be held against
	case len(b.lanes) > 1: // whose calls are of two kinds
	case b.lanes[0].dir == spec.U2K && t.Writes != nil && a.Accepted > 0:
		if send, ok := t.Metrics[record.SendNsPerPkt]; ok {
			perWrite := float64(b.lanes[0].perSKB)
			t.Metrics[record.FloorRatio] = send * perWrite / floorNs(floor, float64(t.Writes.Bytes)/float64(a.Accepted)*perWrite)
		}
	case ok:
		perRead := float64(counts.ReadBytes) / float64(counts.Reads)
		t.Metrics[record.FloorRatio] = recv / (floorNs(floor, perRead) * float64(counts.Reads) / float64(counts.Delivered))
	}
	if len(first.byLane) > 0 { // of dir=both, what was read
		laneSample{}.plus(first.byLane[0], last.byLane[0]).balance(t.Metrics)
	}
}

// cpuTime is the time of all workers over the measured time. Where the kernel
// accounts softirqs apart from threads, those of the workers' CPUs are added.
func cpuTime(m measurement, addSoftirq bool, p record.Placement) (float64, bool) {
	if slices.Min([]int64{m.first.senders, m.first.readers, m.first.carriers, m.last.senders, m.last.readers, m.last.carriers}) < 0 {
		return 0, false
	}
	ns := float64(m.last.senders - m.first.senders + m.last.readers - m.first.readers + m.last.carriers - m.first.carriers)
	if addSoftirq {
		cpus := cpusOf(p)
		slices.Sort(cpus)
		spent := m.first.stat.Until(m.last.stat, slices.Compact(cpus))
		ns += float64(spent.SoftIRQ + spent.IRQ)
	}
	return ns, true
}

// sendNs is the time that an accepted packet takes inside the sender's calls.
func (b *bed) sendNs(first, last sample) (float64, bool) {
	if b.lockstep != nil {
		return lockstepNs(b.lockstep.send)
	}
	if last.accepted == first.accepted {
		return 0, false
	}
	return float64(last.sendNs-first.sendNs) / float64(last.accepted-first.accepted), true
}

// recvNs is the time that a delivered packet takes inside read(2), waiting left
// out: timed reads where they do not wait, else the CPU time of the readers and
// of those that work for them.
func (b *bed) recvNs(m measurement, delivered float64) (float64, bool) {
	if b.lockstep != nil {
		return lockstepNs(b.lockstep.recv)
	}
	l := b.lanes[0]
	if l.counted {
		return 0, false
	}
	// The receivers of what is written wait, however writers do.
	if !b.spec.NonBlocking() || b.spec.IO == spec.IOVhost || l.dir == spec.U2K {
		if m.first.readers < 0 || m.last.readers < 0 {
			return 0, false
		}
		return float64(m.last.readers-m.first.readers) / delivered, true
	}
	times, looks := new(hist.Histogram), uint64(0)
	for _, r := range l.readers {
		if queue, ok := r.(*sink.Reader); ok {
			times.Merge(&queue.Recv)
			looks += queue.Timed
		}
	}
	if times.Count == 0 {
		return 0, false
	}
	counts := total(l.readers)
	perRead := max(0, middleMean(times)-clockCost()*float64(looks)/float64(times.Count))
	return perRead * float64(counts.Reads) / float64(counts.Delivered), true
}

// middleMean is the mean of the middle nine tenths: a reader that lost its CPU
// in the middle of a call was not in the call.
func middleMean(h *hist.Histogram) float64 {
	const trim = 0.05
	from, to := trim*float64(h.Count), (1-trim)*float64(h.Count)
	var seen, weight, sum float64
	for i, n := range h.Bucket {
		inside := max(0, min(seen+float64(n), to)-max(seen, from))
		middle := float64(hist.Lower(i)) + float64(hist.Width(i)-1)/2
		sum += inside * middle
		weight += inside
		seen += float64(n)
	}
	return sum / weight
}

// floorNs is what a system call that copies that many bytes costs at least,
// between the measured sizes by straight lines.
func floorNs(f record.Floor, bytes float64) float64 {
	sizes := []float64{0}
	costs := []float64{0}
	for _, size := range []int{64, 1500, 65536} {
		if ns, ok := f.CopyNs[fmt.Sprint(size)]; ok {
			sizes = append(sizes, float64(size))
			costs = append(costs, ns)
		}
	}
	i := len(sizes) - 1
	for i > 1 && bytes <= sizes[i-1] {
		i--
	}
	if i == 0 {
		return f.SyscallNs
	}
	slope := (costs[i] - costs[i-1]) / (sizes[i] - sizes[i-1])
	return f.SyscallNs + costs[i-1] + slope*(bytes-sizes[i-1])
}

// balance adds how evenly packets were spread over the queues to metrics, where
// packets were read from queues or written to them.
func (s laneSample) balance(metrics map[string]float64) {
	byQueue := make([]float64, len(s.byQueue))
	for i, n := range s.byQueue {
		byQueue[i] = float64(n)
	}
	if slices.Max(append(byQueue, 0)) > 0 {
		metrics[record.Jain], metrics[record.QueueImbalance] = balance(byQueue)
	}
}

// balance gives Jain's index, (sum x)^2 / (n sum x^2), and max / mean.
func balance(x []float64) (jain, imbalance float64) {
	var sum, squares, top float64
	for _, v := range x {
		sum += v
		squares += v * v
		top = max(top, v)
	}
	if sum == 0 {
		return 0, 0
	}
	n := float64(len(x))
	return sum * sum / (n * squares), top / (sum / n)
}

func (b *bed) latencies(t *record.Trial) {
	if b.lockstep != nil && b.spec.Settle {
		return // instructions a packet are a cost, not a latency
	}
	b.latenciesOf(b.lanes, t.Latency)
}

// latenciesOf gives those of the packets of some lanes.
func (b *bed) latenciesOf(lanes []*lane, into map[string]record.Latency) {
	e2e, service := new(hist.Histogram), new(hist.Histogram)
	for _, l := range lanes {
		if l.counted {
			return
		}
		for _, r := range l.readers {
			e2e.Merge(&r.Seen().E2E)
			service.Merge(&r.Seen().Service)
		}
	}
	into[record.E2E] = latency(e2e, 0)
	if b.spec.Open() {
		into[record.Service] = latency(service, 0)
	}
}

func latency(h *hist.Histogram, missed uint64) record.Latency {
	l := record.Latency{
		Count: h.Count, Missed: missed, Overflow: h.Overflow, MinNs: h.Min, MaxNs: h.Max,
		Buckets: [][2]uint64{},
	}
	for _, q := range []struct {
		at   float64
		into **uint64
	}{{0.5, &l.P50Ns}, {0.9, &l.P90Ns}, {0.99, &l.P99Ns}, {0.999, &l.P999Ns}} {
		if v, ok := h.Quantile(q.at); ok {
			*q.into = &v
		}
	}
	for i, n := range h.Bucket {
		if n > 0 {
			l.Buckets = append(l.Buckets, [2]uint64{hist.Lower(i), n})
		}
	}
	return l
}

// schedule tells how the senders of an open loop kept it, in packets.
func (b *bed) schedule() *record.Schedule {
	s := &record.Schedule{RatePPS: b.spec.Rate, Spacing: "fixed", LateNs: traffic.LateNs}
	if b.spec.Poisson {
		s.Spacing = "poisson"
	}
	lag := new(hist.Histogram)
	for _, sender := range b.senders {
		kept := sender.Kept()
		lag.Merge(&kept.Lag)
		s.Late += kept.Late * sender.Segments()
		s.Sends += (kept.Lag.Count + kept.Lag.Overflow) * sender.Segments()
	}
	s.MaxNs = lag.Max
	for q, into := range map[float64]**uint64{0.5: &s.P50Ns, 0.99: &s.P99Ns} {
		if v, ok := lag.Quantile(q); ok {
			*into = &v
		}
	}
	return s
}
