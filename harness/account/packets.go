package account

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

// Packets is a trial of stamped packets at its end: what its record is computed
// from.
type Packets struct {
	Measurement
	Spec       spec.Spec
	Placement  record.Placement
	Directions []*Direction
	Rounds     *Rounds // only with gen=lockstep
	Floor      record.Floor
	// AddSoftirq says that the kernel accounts the time of softirqs apart from that
	// of the threads that they interrupt.
	AddSoftirq bool
}

// senders are those of all directions.
func (p *Packets) senders() (list []*traffic.Sender) {
	for _, d := range p.Directions {
		list = append(list, d.Senders...)
	}
	return list
}

// Counts is what all readers counted.
func (p *Packets) Counts() sink.Counts {
	var readers []tallied
	for _, d := range p.Directions {
		readers = append(readers, d.Readers...)
	}
	return Total(readers)
}

// Ledger begins the record with what senders and readers counted, from the start
// of the first sender to the end of the last reader.
func (p *Packets) Ledger() record.Trial {
	counts := p.Counts()
	t := record.Trial{
		Kind: record.KindTrial, Metrics: map[string]float64{}, Latency: map[string]record.Latency{},
		CPUs: p.Placement, Flags: []string{},
		Reads:      record.Reads{Calls: counts.Calls, Bytes: counts.ReadBytes, Errors: map[string]uint64{}},
		Accounting: totalOf(p.senders(), counts),
	}
	if counts.Again > 0 {
		t.Reads.Errors["EAGAIN"] = counts.Again
	}
	if len(p.Directions) > 1 {
		t.Directions = map[string]record.Direction{}
		for _, d := range p.Directions {
			t.Directions[string(d.Dir)] = record.Direction{Accounting: totalOf(d.Senders, Total(d.Readers))}
		}
	}
	return t
}

// Figures fills in what is computed, once the path has filled in what it dropped.
func (p *Packets) Figures(t *record.Trial) {
	t.Accounting.Unexplained = Unexplained(t.Accounting)
	if len(p.Directions) > 1 {
		p.byDirection(t)
	}
	var readers []tallied
	for _, d := range p.Directions {
		readers = append(readers, d.Readers...)
	}
	t.Vnet = vnet(readers)
	p.Directions[0].flows(t, p.Spec.Flows)
	t.Windows, t.DurationNs = p.Windows()
	t.RampNs = int64(p.Ramp)
	p.metrics(t)
	if p.Spec.Rate > 0 {
		t.Schedule = ScheduleOf(p.Spec, p.senders())
	}
	p.latencies(t)
}

// byDirection fills in the figures of each direction.
func (p *Packets) byDirection(t *record.Trial) {
	first, last := p.Ends()
	seconds := float64(last.At-first.At) / 1e9
	for i, l := range p.Directions {
		d := t.Directions[string(l.Dir)]
		a := &d.Accounting
		a.Unexplained = Unexplained(*a)
		did := DirectionSample{}.plus(first.ByDirection[i], last.ByDirection[i])
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
		p.latenciesOf([]*Direction{l}, d.Latency)
		t.Directions[string(l.Dir)] = d
	}
}

// metrics fills in the figures of all directions together.
func (p *Packets) metrics(t *record.Trial) {
	first, last := p.Ends()
	counts := p.Counts()
	seconds := float64(t.DurationNs) / 1e9
	delivered := float64(last.Delivered - first.Delivered)
	reads := float64(last.reads - first.reads)
	a := t.Accounting

	t.Metrics[record.PPS] = delivered / seconds
	t.Metrics[record.BitPerS] = 8 * float64(last.WireBytes-first.WireBytes) / seconds
	t.Metrics[record.OfferedPPS] = float64(last.Accepted+last.PushedBack-first.Accepted-first.PushedBack) / seconds
	if p.Directions[0].PerSKB > 1 {
		t.Metrics[record.SKBPS] = reads / seconds
	}
	if a.Accepted > 0 {
		t.Metrics[record.Loss] = float64(int64(a.Accepted)-int64(a.Delivered)) / float64(a.Accepted)
	}
	t.Metrics[record.Steal] = p.First.Stat.Steal(p.Last.Stat, nil)
	if delivered == 0 {
		return
	}
	calls := float64(last.ReadCalls - first.ReadCalls + last.SendCalls - first.SendCalls + last.ForwardCalls - first.ForwardCalls)
	t.Metrics[record.SyscallsPerPkt] = calls / delivered
	if send, ok := p.sendNsPerPkt(); ok {
		t.Metrics[record.SendNsPerPkt] = send
	}
	if cpu, ok := p.CPUTime(p.AddSoftirq, p.Placement); ok {
		if p.Spec.Rate > 0 {
			// To wait for a packet to be due costs the generator its CPU, and
			// the packet nothing.
			cpu -= max(0, float64(p.Last.Senders-p.First.Senders)-float64(last.sendNs-first.sendNs))
		}
		t.Metrics[record.CPUNsPerPkt] = cpu / delivered
	}
	recv, ok := p.recvNsPerPkt(delivered)
	if ok {
		t.Metrics[record.RecvNsPerPkt] = recv
	}
	switch {
	case p.Floor.Fault() != "": // which nothing can be held against
	case len(p.Directions) > 1: // whose calls are of two kinds
	case p.Directions[0].Dir == spec.U2K && t.Writes != nil && a.Accepted > 0:
		if send, ok := t.Metrics[record.SendNsPerPkt]; ok {
			perWrite := float64(p.Directions[0].PerSKB)
			t.Metrics[record.FloorRatio] = send * perWrite / floorNs(p.Floor, float64(t.Writes.Bytes)/float64(a.Accepted)*perWrite)
		}
	case ok:
		perRead := float64(counts.ReadBytes) / float64(counts.Reads)
		t.Metrics[record.FloorRatio] = recv / (floorNs(p.Floor, perRead) * float64(counts.Reads) / float64(counts.Delivered))
	}
	if len(first.ByDirection) > 0 { // of dir=both, what was read
		DirectionSample{}.plus(first.ByDirection[0], last.ByDirection[0]).balance(t.Metrics)
	}
}

// sendNsPerPkt is the time that an accepted packet takes inside the sender's calls.
func (p *Packets) sendNsPerPkt() (float64, bool) {
	first, last := p.Ends()
	if p.Rounds != nil {
		return p.Rounds.sendNs()
	}
	if last.Accepted == first.Accepted {
		return 0, false
	}
	return float64(last.sendNs-first.sendNs) / float64(last.Accepted-first.Accepted), true
}

// recvNsPerPkt is the time that a delivered packet takes inside read(2), waiting left
// out: timed reads where they do not wait, else the CPU time of the readers and
// of those that work for them.
func (p *Packets) recvNsPerPkt(delivered float64) (float64, bool) {
	if p.Rounds != nil {
		return p.Rounds.recvNs()
	}
	l := p.Directions[0]
	if l.Counted {
		return 0, false
	}
	// The receivers of what is written wait, however writers do.
	if !p.Spec.NonBlocking() || p.Spec.IO == spec.IOVhost || l.Dir == spec.U2K {
		if p.First.Readers < 0 || p.Last.Readers < 0 {
			return 0, false
		}
		return float64(p.Last.Readers-p.First.Readers) / delivered, true
	}
	times, looks := new(hist.Histogram), uint64(0)
	for _, r := range l.Readers {
		if queue, ok := r.(*sink.Reader); ok {
			times.Merge(&queue.Recv)
			looks += queue.Timed
		}
	}
	if times.Count == 0 {
		return 0, false
	}
	counts := Total(l.Readers)
	perRead := max(0, middleMean(times)-worker.ClockCost()*float64(looks)/float64(times.Count))
	return perRead * float64(counts.Reads) / float64(counts.Delivered), true
}

func (p *Packets) latencies(t *record.Trial) {
	if p.Rounds != nil && p.Spec.Settle {
		return // instructions a packet are a cost, not a latency
	}
	p.latenciesOf(p.Directions, t.Latency)
}

// latenciesOf fills in the latencies of the packets of some directions.
func (p *Packets) latenciesOf(directions []*Direction, into map[string]record.Latency) {
	e2e, service := new(hist.Histogram), new(hist.Histogram)
	for _, l := range directions {
		if l.Counted {
			return
		}
		for _, r := range l.Readers {
			e2e.Merge(&r.Seen().E2E)
			service.Merge(&r.Seen().Service)
		}
	}
	into[record.E2E] = Latency(e2e, 0)
	if p.Spec.Open() {
		into[record.Service] = Latency(service, 0)
	}
}

// ScheduleOf is how well the senders of an open loop kept to it, in packets.
func ScheduleOf(of spec.Spec, senders []*traffic.Sender) *record.Schedule {
	s := &record.Schedule{RatePPS: of.Rate, Spacing: "fixed", LateNs: traffic.LateNs}
	if of.Poisson {
		s.Spacing = "poisson"
	}
	lag := new(hist.Histogram)
	for _, sender := range senders {
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

// GeneratorShare is the share of the senders' time in the measured time that
// they did not spend in the kernel.
func (p *Packets) GeneratorShare() float64 {
	first, last := p.Ends()
	total := float64(last.At-first.At) * float64(len(p.senders()))
	if total == 0 || p.Last.Senders < 0 {
		return 0
	}
	// Time in which a sender did not have its CPU is not the generator's.
	if cpu := float64(p.Last.Senders - p.First.Senders); p.First.Senders >= 0 {
		total = min(total, cpu)
	}
	return max(0, 1-float64(last.sendNs-first.sendNs)/total)
}

// WindowsTell is false where windows differ whatever the device does: by an
// event, by a Poisson process, or if so few messages are due in each that one more or less
// counts.
func (p *Packets) WindowsTell() bool {
	const least = 10
	s := p.Spec
	if s.Event != spec.EventNone {
		return false
	}
	if s.Rate == 0 {
		return true
	}
	due := s.Rate * s.Window.Seconds() / float64(p.Directions[0].Senders[0].Segments())
	return !s.Poisson && due >= least
}
