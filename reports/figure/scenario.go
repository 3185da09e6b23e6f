// Package figure computes the figures that are shown from the records of a run, each
// in one place: medians and their intervals, pooled latencies, the spread over queues,
// accounting, what a packet costs against the floor, and what differs between hosts.
package figure

import (
	"cmp"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"tunbench/reports/axis"
	"tunbench/reports/record"
	"tunbench/reports/stat"
)

// Scenario is what a file holds about one scenario, its figures computed.
type Scenario struct {
	Name   string
	Mode   string // "TUN", "TAP"
	Label  string // without the mode and the common axes
	Run    *record.Run
	Shard  int    // of a merged file, else 0
	Where  string // " · host 2" in a file of several hosts, else ""
	Bare   Arm
	Observ Arm
}

// Head is the arm of the headline: bare, or observed if there are no bare trials.
func (s *Scenario) Head() Arm {
	if len(s.Bare.All) > 0 {
		return s.Bare
	}
	return s.Observ
}

// Arm is one of the two arms.
func (s *Scenario) Arm(kind record.Arm) Arm {
	if kind == record.Observed {
		return s.Observ
	}
	return s.Bare
}

// Full is the label with the mode in front.
func (s *Scenario) Full() string { return s.Mode + " " + s.Label }

// Spreads gives a spread for each end of the queues at which packets were counted; none
// where no observed trial has queues.
func (s *Scenario) Spreads() (list []Spread) {
	var ends []queueEnd
	for _, t := range s.Observ.Used {
		if len(t.Queues) > 0 {
			ends = append(ends, QueueEnds(t)...)
		}
	}
	slices.Sort(ends)
	ends = slices.Compact(ends)
	for _, end := range ends {
		sp := s.spread(end)
		sp.both = len(ends) > 1
		list = append(list, sp)
	}
	return list
}

// spread computes the spread at one end, from trials that have queues.
func (s *Scenario) spread(end queueEnd) Spread {
	sp := Spread{End: end}
	byQueue := map[int]*queueSum{}
	var jains, effective, chances []float64
	for _, t := range s.Observ.Used {
		if len(t.Queues) == 0 {
			continue
		}
		var total uint64
		x := make([]float64, len(t.Queues))
		flows := make([]int, len(t.Queues))
		for i, q := range t.Queues {
			pkts, _ := end.Of(q)
			total += pkts
			x[i] = float64(pkts)
			flows[i] = q.Flows
		}
		if j, err := stat.Jain(x); err == nil {
			jains = append(jains, j)
		}
		if n, err := stat.EffectiveQueues(x); err == nil {
			effective = append(effective, n)
		}
		// The writer chooses the queue of each flow: nothing is hashed.
		if _, p, err := stat.FlowSpread(flows); err == nil && end == FromQueue {
			chances = append(chances, p)
		}
		for _, q := range t.Queues {
			share := 0.0
			pkts, bytes := end.Of(q)
			if total > 0 {
				share = float64(pkts) / float64(total)
			}
			if byQueue[q.Queue] == nil {
				byQueue[q.Queue] = newQueueSum(q, share)
			}
			byQueue[q.Queue].add(q, pkts, bytes, share)
		}
		sp.Trials++
	}
	if sum, err := stat.Summarize(jains); err == nil {
		sp.Jain = sum.Median
	}
	if sum, err := stat.Summarize(effective); err == nil {
		sp.Even = sum.Median
	}
	if sum, err := stat.Summarize(chances); err == nil {
		sp.Chance, sp.Hashed = sum.Median, true
	}
	var total, most uint64
	for _, q := range byQueue {
		total += q.Pkts
		most = max(most, q.Pkts)
	}
	for _, n := range slices.Sorted(maps.Keys(byQueue)) {
		q := *byQueue[n]
		if total > 0 {
			q.Share = float64(q.Pkts) / float64(total)
		}
		if q.Pkts == 0 {
			sp.Empty++
		}
		sp.Queues = append(sp.Queues, q)
	}
	sp.Seen = total > 0 && len(jains) > 0
	if sp.Seen {
		sp.Ratio = float64(most) * float64(len(sp.Queues)) / float64(total)
	}
	return sp
}

// ObserverCost compares the packet rate of the observed arm with that of the bare one: in
// the rounds that both have or, where there are none, in each pair of trials. It is false
// for an open loop, whose rate the load sets whatever the observer costs.
func (s *Scenario) ObserverCost() (Ratio, bool) {
	if s.Observ.Paced() {
		return Ratio{}, false
	}
	if r, ok := RatioOf(s.Observ, s.Bare, Packets); ok {
		return r, true
	}
	r, ok := byPairs(s.costs())
	if in, exact := IntervalOf(r.Each); exact {
		r.Interval = in
	}
	return r, ok
}

// costs are the ratios of the observed to the bare packet rate, one for each pair in
// which both trials are valid.
func (s *Scenario) costs() []float64 {
	bare := map[int]float64{}
	for _, t := range s.Bare.All {
		if pps := t.Metrics[record.PPS]; !t.Invalid() && pps > 0 {
			bare[t.Pair] = pps
		}
	}
	var ratios []float64
	for _, t := range s.Observ.All {
		if t.Schedule != nil {
			continue // the load sets the rate, whatever the cost of the observer
		}
		if base, ok := bare[t.Pair]; ok && !t.Invalid() {
			if pps, ok := t.Metrics[record.PPS]; ok {
				ratios = append(ratios, pps/base)
				delete(bare, t.Pair)
			}
		}
	}
	return ratios
}

// All returns the trials of both arms.
func (s *Scenario) All() []*record.Trial { return slices.Concat(s.Bare.All, s.Observ.All) }

// Valid returns the valid trials of both arms.
func (s *Scenario) Valid() []*record.Trial { return slices.Concat(s.Bare.Used, s.Observ.Used) }

// Losing are the valid trials of the arm by which lost packets are shown: the observed
// ones, where the kernel gives the reasons, or the bare ones where there are no others or
// these alone lost some. The two arms are never added up: the same loss has a reason in
// one, and is a count of the device without one in the other.
func (s *Scenario) Losing() (trials []*record.Trial, arm record.Arm) {
	lost := func(a Arm) bool { return len(Account(a.Used).ByReason) > 0 }
	if len(s.Observ.Used) == 0 || !lost(s.Observ) && lost(s.Bare) {
		return s.Bare.Used, record.Bare
	}
	return s.Observ.Used, record.Observed
}

// FlowMap is false where no flow has queues.
func (s *Scenario) FlowMap() (FlowMap, bool) {
	var m FlowMap
	var jains, ones []float64
	all := map[int]bool{}
	for _, t := range s.Valid() {
		pkts := spreadOfFlows{}
		for _, f := range t.Flows {
			for queue, n := range f.Queues {
				if queue < 0 || queue >= mostQueues || n == 0 {
					continue
				}
				if pkts[f.Flow] == nil {
					pkts[f.Flow] = map[int]uint64{}
				}
				pkts[f.Flow][queue] += n
				m.Queues = max(m.Queues, queue+1)
				all[f.Flow] = true
			}
		}
		if len(pkts) == 0 {
			continue
		}
		m.Trials = append(m.Trials, pkts)
		if v, ok := t.Metrics[record.Jain]; ok {
			jains = append(jains, v)
		}
		if v, ok := t.Metrics[record.FlowConsistency]; ok {
			ones = append(ones, v)
		}
		if n, err := strconv.Atoi(axis.Of(t, "queues")); err == nil && n < mostQueues {
			m.Queues = max(m.Queues, n)
		}
	}
	m.Flows = slices.Sorted(maps.Keys(all))
	if v, err := stat.Summarize(jains); err == nil {
		m.Jain = v.Median
	}
	m.One = -1
	if v, err := stat.Summarize(ones); err == nil {
		m.One = v.Median
	}
	return m, len(m.Trials) > 0 && m.Queues > 1
}

// Measured is how long the windows of all trials were together, in seconds.
func (s *Scenario) Measured() (sum float64) {
	for _, t := range s.All() {
		sum += max(0, time.Duration(t.DurationNs).Seconds())
	}
	return sum
}

// UserWrites reports whether user space writes the packets of s, so that its ratio to
// the floor is that of the writer.
func (s *Scenario) UserWrites() bool { return userWrites(s.Head().All[0]) }

// passageOf computes the passage of the observed trials of s; false where they lack one
// of the latencies. Wake-up and ring are not yet separated.
func (s *Scenario) passageOf() (Passage, bool) {
	// In an open loop, the end-to-end latency begins when the packet was due: a late
	// schedule is not time in the device.
	sent, ok := s.Observ.Pool(record.Service)
	if !ok {
		sent, ok = s.Observ.Pool(record.E2E)
	}
	inside, observed := s.Observ.Pool(record.Residency)
	if !ok || !observed {
		return Passage{}, false
	}
	total, ok := sent.mean()
	residency, observed := inside.mean()
	if !ok || !observed {
		return Passage{}, false
	}
	p := Passage{Total: total, Residency: residency, Strange: residency > (1+sameSlack)*total}
	var floors []float64
	for _, t := range s.Observ.Used {
		floor := t.Metrics[record.RecvNsPerPkt] / t.Metrics[record.FloorRatio] * packetsPerCall(t)
		if Sane(floor) && !userWrites(t) {
			floors = append(floors, floor)
		}
	}
	sum, err := stat.Summarize(floors)
	if err != nil {
		return Passage{}, false
	}
	p.Copied = min(sum.Median, max(0, total-residency))
	p.Send = total - residency - sum.Median
	p.Resolved = p.Send >= 0
	p.Send = max(0, p.Send)
	return p, true
}

// axis is the value of an axis of s, "" where it is at its default and not
// recorded.
func (s *Scenario) axis(name string) string {
	for _, t := range s.All() {
		return t.Axes[name]
	}
	return ""
}

// Open reports whether packets were sent by a schedule, not as fast as possible.
func (s *Scenario) Open() bool {
	load := s.axis("load")
	return load != "" && load != "max"
}

// pauses reports whether the scenario makes the reader sleep at times.
func (s *Scenario) pauses() bool {
	pause := s.axis("pause")
	return pause != "" && pause != "off"
}

// family is the name of s without what differs between the loads of one device
// and one reader.
func (s *Scenario) family() string {
	parts := strings.Split(s.Name, "/")
	return strings.Join(slices.DeleteFunc(parts, func(part string) bool {
		axis, _, _ := strings.Cut(part, "=")
		return axis == "load" || axis == "spacing" || axis == "pause"
	}), "/")
}

// LatencyOf pools a latency over the headline's arm, or over the observed arm where only
// that has it, and returns the arm.
func (s *Scenario) LatencyOf(kind string) (l Latency, of record.Arm, ok bool) {
	head := record.Bare
	if len(s.Bare.All) == 0 {
		head = record.Observed
	}
	if l, ok := s.Head().Pool(kind); ok {
		return l, head, true
	}
	l, ok = s.Observ.Pool(kind)
	return l, record.Observed, ok
}

// Scenarios groups the trials of f by scenario, in the order of axis.Compare, and returns
// the axes that all scenarios have in common.
func Scenarios(f *record.File) (list []*Scenario, common []string) {
	bare := map[string][]*record.Trial{}
	observed := map[string][]*record.Trial{}
	names := map[string]bool{}
	for i := range f.Trials {
		t := onFloor(&f.Trials[i], f.Header(f.Trials[i].Shard).Floor)
		names[t.Scenario] = true
		if t.Arm == record.Observed {
			observed[t.Scenario] = append(observed[t.Scenario], t)
		} else {
			bare[t.Scenario] = append(bare[t.Scenario], t)
		}
	}
	sorted := slices.SortedFunc(maps.Keys(names), axis.Compare)
	common = axis.Common(sorted)
	host, hosts := Machines(f.Run)
	byPair := func(a, b *record.Trial) int {
		return cmp.Or(cmp.Compare(a.Pair, b.Pair), cmp.Compare(a.Trial, b.Trial))
	}
	for _, name := range sorted {
		slices.SortStableFunc(bare[name], byPair)
		slices.SortStableFunc(observed[name], byPair)
		mode, _ := axis.Split(name)
		s := &Scenario{
			Name: name, Mode: mode, Label: axis.Label(name, common),
			Bare: NewArm(bare[name]), Observ: NewArm(observed[name]),
		}
		s.Shard = s.Head().All[0].Shard
		s.Run = f.Header(s.Shard)
		if hosts > 1 {
			s.Where = " · host " + strconv.Itoa(host[s.Shard])
			s.Label += s.Where
		}
		list = append(list, s)
	}
	return list, common
}

// variantsOf returns the variants of the trials of f; "" for trials of a run.
func variantsOf(f *record.File) []string {
	names := map[string]bool{}
	for _, t := range f.Trials {
		names[t.Variant] = true
	}
	return slices.Sorted(maps.Keys(names))
}
