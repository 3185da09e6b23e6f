package reports

import (
	"cmp"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"tunbench/reports/record"
	"tunbench/reports/stat"
)

// scenario is what a file holds about one scenario, its figures computed.
type scenario struct {
	name   string
	mode   string // "TUN", "TAP"
	label  string // without the mode and the common axes
	run    *record.Run
	shard  int    // of a merged file, else 0
	where  string // " · host 2" in a file of several hosts, else ""
	bare   arm
	observ arm
}

// head is the arm of the headline: bare, unless it was not run.
func (s *scenario) head() arm {
	if len(s.bare.all) > 0 {
		return s.bare
	}
	return s.observ
}

// arm is one of the two arms.
func (s *scenario) arm(kind record.Arm) arm {
	if kind == record.Observed {
		return s.observ
	}
	return s.bare
}

// full is the label with the mode in front.
func (s *scenario) full() string { return s.mode + " " + s.label }

// spreads gives one for each side of the queues that packets passed; none where
// no observed trial has queues.
func (s *scenario) spreads() (list []spread) {
	var sides []queueSide
	for _, t := range s.observ.used {
		if len(t.Queues) > 0 {
			sides = append(sides, queueSides(t)...)
		}
	}
	slices.Sort(sides)
	sides = slices.Compact(sides)
	for _, side := range sides {
		sp := s.spread(side)
		sp.both = len(sides) > 1
		list = append(list, sp)
	}
	return list
}

// spread is of trials that have queues.
func (s *scenario) spread(side queueSide) spread {
	sp := spread{side: side}
	byQueue := map[int]*queueSum{}
	var jains, effective, chances []float64
	for _, t := range s.observ.used {
		if len(t.Queues) == 0 {
			continue
		}
		var total uint64
		x := make([]float64, len(t.Queues))
		flows := make([]int, len(t.Queues))
		for i, q := range t.Queues {
			pkts, _ := side.of(q)
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
		// Who writes chooses the queue of each flow: nothing is hashed.
		if _, p, err := stat.FlowSpread(flows); err == nil && side == readSide {
			chances = append(chances, p)
		}
		for _, q := range t.Queues {
			share := 0.0
			pkts, bytes := side.of(q)
			if total > 0 {
				share = float64(pkts) / float64(total)
			}
			sum, ok := byQueue[q.Queue]
			if !ok {
				sum = &queueSum{lowest: share, highest: share, flowsMin: q.Flows, flowsMax: q.Flows}
				sum.Queue.Queue = q.Queue
				byQueue[q.Queue] = sum
			}
			sum.XmitPkts += q.XmitPkts
			sum.XmitBytes += q.XmitBytes
			sum.ReadPkts += q.ReadPkts
			sum.ReadBytes += q.ReadBytes
			sum.RecvPkts += q.RecvPkts
			sum.RecvBytes += q.RecvBytes
			sum.pkts += pkts
			sum.bytes += bytes
			sum.DropPkts += q.DropPkts
			sum.lowest, sum.highest = min(sum.lowest, share), max(sum.highest, share)
			sum.flowsMin, sum.flowsMax = min(sum.flowsMin, q.Flows), max(sum.flowsMax, q.Flows)
		}
		sp.trials++
	}
	if sum, err := stat.Summarize(jains); err == nil {
		sp.jain = sum.Median
	}
	if sum, err := stat.Summarize(effective); err == nil {
		sp.even = sum.Median
	}
	if sum, err := stat.Summarize(chances); err == nil {
		sp.chance, sp.hashed = sum.Median, true
	}
	var total, most uint64
	for _, q := range byQueue {
		total += q.pkts
		most = max(most, q.pkts)
	}
	for _, n := range slices.Sorted(maps.Keys(byQueue)) {
		q := *byQueue[n]
		if total > 0 {
			q.share = float64(q.pkts) / float64(total)
		}
		if q.pkts == 0 {
			sp.empty++
		}
		sp.queues = append(sp.queues, q)
	}
	sp.seen = total > 0 && len(jains) > 0
	if sp.seen {
		sp.ratio = float64(most) * float64(len(sp.queues)) / float64(total)
	}
	return sp
}

// costs are the packet rates observed over bare, one a pair in which both
// trials are valid.
func (s *scenario) costs() []float64 {
	bare := map[int]float64{}
	for _, t := range s.bare.all {
		if pps := t.Metrics[record.PPS]; !t.Invalid() && pps > 0 {
			bare[t.Pair] = pps
		}
	}
	var ratios []float64
	for _, t := range s.observ.all {
		if t.Schedule != nil {
			continue // the load sets the rate, whatever the observer costs
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

// all gives both arms' trials.
func (s *scenario) all() []*record.Trial { return slices.Concat(s.bare.all, s.observ.all) }

// flowMap is false where no flow tells its queue.
func (s *scenario) flowMap() (flowMap, bool) {
	var m flowMap
	var jains, ones []float64
	all := map[int]bool{}
	for _, t := range s.all() {
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
				m.queues = max(m.queues, queue+1)
				all[f.Flow] = true
			}
		}
		if len(pkts) == 0 {
			continue
		}
		m.trials = append(m.trials, pkts)
		if v, ok := t.Metrics[record.Jain]; ok {
			jains = append(jains, v)
		}
		if v, ok := t.Metrics[record.FlowConsistency]; ok {
			ones = append(ones, v)
		}
		if n, err := strconv.Atoi(axisOf(t, "queues")); err == nil && n < mostQueues {
			m.queues = max(m.queues, n)
		}
	}
	m.flows = slices.Sorted(maps.Keys(all))
	if v, err := stat.Summarize(jains); err == nil {
		m.jain = v.Median
	}
	m.one = -1
	if v, err := stat.Summarize(ones); err == nil {
		m.one = v.Median
	}
	return m, len(m.trials) > 0 && m.queues > 1
}

// measured is how long the windows of all trials were together, in seconds.
func (s *scenario) measured() (sum float64) {
	for _, t := range s.all() {
		sum += max(0, time.Duration(t.DurationNs).Seconds())
	}
	return sum
}

// userWrites reports whether user space writes the packets of s, so that its ratio to
// the floor is that of the writer.
func (s *scenario) userWrites() bool { return userWrites(s.head().all[0]) }

// passageOf takes the observed trials of s; false where they lack one of the
// latencies. Wake-up and ring are not yet told apart.
func (s *scenario) passageOf() (passage, bool) {
	// Under an open load end to end counts from when the packet was due: a
	// schedule that slipped is not the device's time.
	sent, ok := s.observ.pool(record.Service)
	if !ok {
		sent, ok = s.observ.pool(record.E2E)
	}
	inside, observed := s.observ.pool(record.Residency)
	if !ok || !observed {
		return passage{}, false
	}
	total, ok := sent.mean()
	residency, observed := inside.mean()
	if !ok || !observed {
		return passage{}, false
	}
	p := passage{total: total, residency: residency, strange: residency > (1+sameSlack)*total}
	var floors []float64
	for _, t := range s.observ.used {
		floor := t.Metrics[record.RecvNsPerPkt] / t.Metrics[record.FloorRatio] * packetsPerCall(t)
		if sane(floor) && !userWrites(t) {
			floors = append(floors, floor)
		}
	}
	sum, err := stat.Summarize(floors)
	if err != nil {
		return passage{}, false
	}
	p.copied = min(sum.Median, max(0, total-residency))
	p.send = total - residency - sum.Median
	p.resolved = p.send >= 0
	p.send = max(0, p.send)
	return p, true
}

// axis is the value of an axis of s, "" where it is at its default and not
// recorded.
func (s *scenario) axis(name string) string {
	for _, t := range s.all() {
		return t.Axes[name]
	}
	return ""
}

// open tells whether packets were sent by a schedule, not as fast as they go.
func (s *scenario) open() bool {
	load := s.axis("load")
	return load != "" && load != "max"
}

// pauses tells whether the reader was told to sleep at times.
func (s *scenario) pauses() bool {
	pause := s.axis("pause")
	return pause != "" && pause != "off"
}

// family is the name of s without what differs between the loads of one device
// and one reader.
func (s *scenario) family() string {
	parts := strings.Split(s.name, "/")
	return strings.Join(slices.DeleteFunc(parts, func(part string) bool {
		axis, _, _ := strings.Cut(part, "=")
		return axis == "load" || axis == "spacing" || axis == "pause"
	}), "/")
}

// latencyOf pools a latency over the headline's arm, or over the observed one
// where only that has it, and tells which.
func (s *scenario) latencyOf(kind string) (l latency, of record.Arm, ok bool) {
	head := record.Bare
	if len(s.bare.all) == 0 {
		head = record.Observed
	}
	if l, ok := s.head().pool(kind); ok {
		return l, head, true
	}
	l, ok = s.observ.pool(kind)
	return l, record.Observed, ok
}

// scenarios groups the trials of f, in the order of compareNames, and gives
// the axes that all of them have in common.
func scenarios(f *record.File) (list []*scenario, common []string) {
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
	sorted := slices.SortedFunc(maps.Keys(names), compareNames)
	common = commonAxes(sorted)
	host, hosts := machines(f.Run)
	byPair := func(a, b *record.Trial) int {
		return cmp.Or(cmp.Compare(a.Pair, b.Pair), cmp.Compare(a.Trial, b.Trial))
	}
	for _, name := range sorted {
		slices.SortStableFunc(bare[name], byPair)
		slices.SortStableFunc(observed[name], byPair)
		mode, _ := split(name)
		s := &scenario{
			name: name, mode: mode, label: label(name, common),
			bare: newArm(bare[name]), observ: newArm(observed[name]),
		}
		s.shard = s.head().all[0].Shard
		s.run = f.Header(s.shard)
		if hosts > 1 {
			s.where = " · host " + strconv.Itoa(host[s.shard])
			s.label += s.where
		}
		list = append(list, s)
	}
	return list, common
}

// variantsOf gives the variants that trials of f are of; "" is that of a run.
func variantsOf(f *record.File) []string {
	names := map[string]bool{}
	for _, t := range f.Trials {
		names[t.Variant] = true
	}
	return slices.Sorted(maps.Keys(names))
}
