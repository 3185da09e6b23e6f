package harness

import (
	"tunbench/bpf/hist"
	"tunbench/harness/sink"
	"tunbench/harness/spec"
	"tunbench/harness/traffic"
	"tunbench/harness/worker"
	"tunbench/reports/record"
)

const (
	// generatorLimit is the share of the senders' time outside their calls above
	// which, if nothing was lost, the generator and not the device set the rate.
	GeneratorLimit = 0.25
)

// packets is a trial of stamped packets at its end: what its record is computed
// from.
type packets struct {
	measurement
	spec       spec.Spec
	placement  record.Placement
	directions []*direction
	rounds     *rounds // only with gen=lockstep
	floor      record.Floor
	// addSoftirq says that the kernel accounts the time of softirqs apart from that
	// of the threads that they interrupt.
	addSoftirq bool
}

// senders are those of all directions.
func (p *packets) senders() (list []*traffic.Sender) {
	for _, d := range p.directions {
		list = append(list, d.senders...)
	}
	return list
}

// counts is what all readers counted.
func (p *packets) counts() sink.Counts {
	var readers []tallied
	for _, d := range p.directions {
		readers = append(readers, d.readers...)
	}
	return total(readers)
}

// ledger begins the record with what senders and readers counted, from the start
// of the first sender to the end of the last reader.
func (p *packets) ledger() record.Trial {
	counts := p.counts()
	t := record.Trial{
		Kind: record.KindTrial, Metrics: map[string]float64{}, Latency: map[string]record.Latency{},
		CPUs: p.placement, Flags: []string{},
		Reads:      record.Reads{Calls: counts.Calls, Bytes: counts.ReadBytes, Errors: map[string]uint64{}},
		Accounting: totalOf(p.senders(), counts),
	}
	if counts.Again > 0 {
		t.Reads.Errors["EAGAIN"] = counts.Again
	}
	if len(p.directions) > 1 {
		t.Directions = map[string]record.Direction{}
		for _, d := range p.directions {
			t.Directions[string(d.dir)] = record.Direction{Accounting: totalOf(d.senders, total(d.readers))}
		}
	}
	return t
}

// figures fills in what is computed, once the path has filled in what it dropped.
func (p *packets) figures(t *record.Trial) {
	t.Accounting.Unexplained = unexplained(t.Accounting)
	if len(p.directions) > 1 {
		p.byDirection(t)
	}
	var readers []tallied
	for _, d := range p.directions {
		readers = append(readers, d.readers...)
	}
	t.Vnet = vnet(readers)
	p.directions[0].flows(t, p.spec.Flows)
	t.Windows, t.DurationNs = p.windows()
	p.metrics(t)
	if p.spec.Rate > 0 {
		t.Schedule = p.schedule()
	}
	p.latencies(t)
}

// byDirection fills in the figures of each direction.
func (p *packets) byDirection(t *record.Trial) {
	first, last := p.ends()
	seconds := float64(last.at-first.at) / 1e9
	for i, l := range p.directions {
		d := t.Directions[string(l.dir)]
		a := &d.Accounting
		a.Unexplained = unexplained(*a)
		did := directionSample{}.plus(first.byDirection[i], last.byDirection[i])
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
		p.latenciesOf([]*direction{l}, d.Latency)
		t.Directions[string(l.dir)] = d
	}
}

// metrics fills in the figures of all directions together.
func (p *packets) metrics(t *record.Trial) {
	first, last := p.ends()
	counts := p.counts()
	seconds := float64(t.DurationNs) / 1e9
	delivered := float64(last.delivered - first.delivered)
	reads := float64(last.reads - first.reads)
	a := t.Accounting

	t.Metrics[record.PPS] = delivered / seconds
	t.Metrics[record.BitPerS] = 8 * float64(last.wireBytes-first.wireBytes) / seconds
	t.Metrics[record.OfferedPPS] = float64(last.accepted+last.pushedBack-first.accepted-first.pushedBack) / seconds
	if p.directions[0].perSKB > 1 {
		t.Metrics[record.SKBPS] = reads / seconds
	}
	if a.Accepted > 0 {
		t.Metrics[record.Loss] = float64(int64(a.Accepted)-int64(a.Delivered)) / float64(a.Accepted)
	}
	t.Metrics[record.Steal] = p.first.stat.Steal(p.last.stat, nil)
	if delivered == 0 {
		return
	}
	calls := float64(last.readCalls - first.readCalls + last.sendCalls - first.sendCalls + last.forwardCalls - first.forwardCalls)
	t.Metrics[record.SyscallsPerPkt] = calls / delivered
	if send, ok := p.sendNsPerPkt(); ok {
		t.Metrics[record.SendNsPerPkt] = send
	}
	if cpu, ok := p.cpuTime(p.addSoftirq, p.placement); ok {
		if p.spec.Rate > 0 {
			// To wait for a packet to be due costs the generator its CPU, and
			// the packet nothing.
			cpu -= max(0, float64(p.last.senders-p.first.senders)-float64(last.sendNs-first.sendNs))
		}
		t.Metrics[record.CPUNsPerPkt] = cpu / delivered
	}
	recv, ok := p.recvNsPerPkt(delivered)
	if ok {
		t.Metrics[record.RecvNsPerPkt] = recv
	}
	switch {
	case p.floor.Fault() != "": // which nothing can be held against
	case len(p.directions) > 1: // whose calls are of two kinds
	case p.directions[0].dir == spec.U2K && t.Writes != nil && a.Accepted > 0:
		if send, ok := t.Metrics[record.SendNsPerPkt]; ok {
			perWrite := float64(p.directions[0].perSKB)
			t.Metrics[record.FloorRatio] = send * perWrite / floorNs(p.floor, float64(t.Writes.Bytes)/float64(a.Accepted)*perWrite)
		}
	case ok:
		perRead := float64(counts.ReadBytes) / float64(counts.Reads)
		t.Metrics[record.FloorRatio] = recv / (floorNs(p.floor, perRead) * float64(counts.Reads) / float64(counts.Delivered))
	}
	if len(first.byDirection) > 0 { // of dir=both, what was read
		directionSample{}.plus(first.byDirection[0], last.byDirection[0]).balance(t.Metrics)
	}
}

// sendNsPerPkt is the time that an accepted packet takes inside the sender's calls.
func (p *packets) sendNsPerPkt() (float64, bool) {
	first, last := p.ends()
	if p.rounds != nil {
		return p.rounds.sendNs()
	}
	if last.accepted == first.accepted {
		return 0, false
	}
	return float64(last.sendNs-first.sendNs) / float64(last.accepted-first.accepted), true
}

// recvNsPerPkt is the time that a delivered packet takes inside read(2), waiting left
// out: timed reads where they do not wait, else the CPU time of the readers and
// of those that work for them.
func (p *packets) recvNsPerPkt(delivered float64) (float64, bool) {
	if p.rounds != nil {
		return p.rounds.recvNs()
	}
	l := p.directions[0]
	if l.counted {
		return 0, false
	}
	// The receivers of what is written wait, however writers do.
	if !p.spec.NonBlocking() || p.spec.IO == spec.IOVhost || l.dir == spec.U2K {
		if p.first.readers < 0 || p.last.readers < 0 {
			return 0, false
		}
		return float64(p.last.readers-p.first.readers) / delivered, true
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
	perRead := max(0, middleMean(times)-worker.ClockCost()*float64(looks)/float64(times.Count))
	return perRead * float64(counts.Reads) / float64(counts.Delivered), true
}

func (p *packets) latencies(t *record.Trial) {
	if p.rounds != nil && p.spec.Settle {
		return // instructions a packet are a cost, not a latency
	}
	p.latenciesOf(p.directions, t.Latency)
}

// latenciesOf fills in the latencies of the packets of some directions.
func (p *packets) latenciesOf(directions []*direction, into map[string]record.Latency) {
	e2e, service := new(hist.Histogram), new(hist.Histogram)
	for _, l := range directions {
		if l.counted {
			return
		}
		for _, r := range l.readers {
			e2e.Merge(&r.Seen().E2E)
			service.Merge(&r.Seen().Service)
		}
	}
	into[record.E2E] = latencyOf(e2e, 0)
	if p.spec.Open() {
		into[record.Service] = latencyOf(service, 0)
	}
}

// schedule is how well the senders of an open loop kept to it, in packets.
func (p *packets) schedule() *record.Schedule {
	s := &record.Schedule{RatePPS: p.spec.Rate, Spacing: "fixed", LateNs: traffic.LateNs}
	if p.spec.Poisson {
		s.Spacing = "poisson"
	}
	lag := new(hist.Histogram)
	for _, sender := range p.senders() {
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

// generatorShare is the share of the senders' time in the measured time that
// they did not spend in the kernel.
func (p *packets) generatorShare() float64 {
	first, last := p.ends()
	total := float64(last.at-first.at) * float64(len(p.senders()))
	if total == 0 || p.last.senders < 0 {
		return 0
	}
	// Time in which a sender did not have its CPU is not the generator's.
	if cpu := float64(p.last.senders - p.first.senders); p.first.senders >= 0 {
		total = min(total, cpu)
	}
	return max(0, 1-float64(last.sendNs-first.sendNs)/total)
}

// windowsTell is false where windows differ whatever the device does: by an
// event, by a Poisson process, or if so few messages are due in each that one more or less
// counts.
func (p *packets) windowsTell() bool {
	const least = 10
	s := p.spec
	if s.Event != spec.EventNone {
		return false
	}
	if s.Rate == 0 {
		return true
	}
	due := s.Rate * s.Window.Seconds() / float64(p.directions[0].senders[0].Segments())
	return !s.Poisson && due >= least
}
