package reports

import (
	"cmp"
	"maps"
	"math/bits"
	"slices"
	"strconv"

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

// arm is the trials of a scenario with, or without, the observer.
type arm struct {
	all []*record.Trial
	// used are the trials that figures come from: the valid ones or, where
	// none is valid, all of them.
	used    []*record.Trial
	invalid bool // no trial is valid
}

func newArm(trials []*record.Trial) arm {
	a := arm{all: trials}
	for _, t := range trials {
		if !t.Invalid() {
			a.used = append(a.used, t)
		}
	}
	if len(a.used) == 0 {
		a.used = trials
		a.invalid = len(trials) > 0
	}
	return a
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

// metric summarizes a metric over the trials of the arm that have it; false if
// none has.
func (a arm) metric(name string) (stat.Summary, bool) {
	s, err := stat.Summarize(a.values(name))
	return s, err == nil
}

// flags counts the flags of all trials of the arm, in the order of their names.
func (a arm) flags() (names []string, counts map[string]int) {
	counts = map[string]int{}
	for _, t := range a.all {
		for _, f := range t.Flags {
			counts[f]++
		}
	}
	return slices.Sorted(maps.Keys(counts)), counts
}

// latency is a histogram pooled over trials, in nanoseconds.
type latency struct {
	count, missed, overflow uint64
	min, max                uint64      // of all samples; both 0 where no record has them
	buckets                 [][2]uint64 // [lower bound, count], ascending
}

// pool sums the histograms of one latency over the used trials of the arm;
// false if there is no sample in them.
func (a arm) pool(name string) (latency, bool) {
	var l latency
	n, sampled := 0, false
	for _, t := range a.used {
		n += len(t.Latency[name].Buckets)
	}
	all := make([][2]uint64, 0, n)
	for _, t := range a.used {
		one, ok := t.Latency[name]
		if !ok {
			continue
		}
		l.missed += one.Missed
		l.overflow += one.Overflow
		if len(one.Buckets) > 0 || one.Overflow > 0 {
			if !sampled || one.MinNs < l.min {
				l.min = one.MinNs
			}
			sampled = true
		}
		l.max = max(l.max, one.MaxNs)
		all = append(all, one.Buckets...)
	}
	slices.SortFunc(all, func(a, b [2]uint64) int { return cmp.Compare(a[0], b[0]) })
	l.buckets = all[:0] // a bucket is never ahead of those that it sums
	for _, b := range all {
		l.count += b[1]
		if last := len(l.buckets) - 1; last >= 0 && l.buckets[last][0] == b[0] {
			l.buckets[last][1] += b[1]
		} else {
			l.buckets = append(l.buckets, b)
		}
	}
	return l, l.count+l.overflow > 0
}

// width is the number of values in the bucket with that lower bound: there are
// 32 sub-buckets an octave, and one for each value below 32.
func width(lower uint64) uint64 {
	if lower < 32 {
		return 1
	}
	return 1 << (bits.Len64(lower) - 6)
}

// middle is what the samples of a bucket count as: its middle, or the nearest to
// it that no sample is beyond. The smallest and the largest sample are known
// exactly, and may lie on either side of the middle of their bucket.
func (l latency) middle(lower uint64) float64 {
	v, last := float64(lower)+float64(width(lower)-1)/2, lower+(width(lower)-1)
	if l.min > lower && l.min <= last {
		v = max(v, float64(l.min))
	}
	if l.max >= lower && l.max < last {
		v = min(v, float64(l.max))
	}
	return v
}

// minAbove is how many samples must lie above a quantile for it to be given.
const minAbove = 10

// quantile is the middle of the bucket that holds the sample of rank
// ceil(q n), by the same rule as the histogram that it was recorded in.
func (l latency) quantile(q float64) (ns uint64, ok bool) {
	total := l.count + l.overflow
	rank := uint64(q * float64(total))
	if float64(rank) < q*float64(total) {
		rank++
	}
	rank = max(rank, 1)
	if total < rank+minAbove || rank > l.count {
		return 0, false
	}
	var seen uint64
	for _, b := range l.buckets {
		if seen += b[1]; seen >= rank {
			return uint64(l.middle(b[0])), true
		}
	}
	return 0, false
}

// quantileCells gives the quantiles of l that are shown, and its maximum; a quantile
// that is not known is absent.
func quantileCells(l latency) (cells []any) {
	for _, q := range quantiles {
		if v, ok := l.quantile(q.q); ok {
			cells = append(cells, duration(float64(v)))
		} else {
			cells = append(cells, absent)
		}
	}
	return append(cells, duration(float64(l.max)))
}

// queueSide is the end of a queue at which packets are counted.
type queueSide int

const (
	readSide    queueSide = iota // what user space read from the queue
	writtenSide                  // what it wrote to the queue, and the kernel received
)

// did says what happened to the packets that a side counts.
func (s queueSide) did() string {
	if s == writtenSide {
		return "received"
	}
	return "read"
}

// of gives the packets and bytes that q has on that side.
func (s queueSide) of(q record.Queue) (pkts, bytes uint64) {
	if s == writtenSide {
		return q.RecvPkts, q.RecvBytes
	}
	return q.ReadPkts, q.ReadBytes
}

// queueSides are the sides of the queues of t that its packets passed: with
// dir=both two.
func queueSides(t *record.Trial) []queueSide {
	switch axisOf(t, "dir") {
	case "u2k":
		return []queueSide{writtenSide}
	case "both":
		// A path of two devices has what its first device sent, and no more.
		if slices.ContainsFunc(t.Queues, func(q record.Queue) bool { return q.RecvPkts > 0 }) {
			return []queueSide{readSide, writtenSide}
		}
	}
	return []queueSide{readSide}
}

// spread is how a scenario's packets were spread over its queues, summed over
// the used observed trials.
type spread struct {
	side   queueSide
	both   bool // the scenario has another spread, of the other side
	queues []queueSum
	jain   float64 // median over the trials that have packets
	even   float64 // effective queues, over the same trials
	// chance is how often random hashing spreads the flows less evenly: median
	// over the trials that saw flows, which hashed is true of.
	chance float64
	hashed bool
	seen   bool // some packet was seen on that side
	trials int
	empty  int     // queues that have no packet on that side
	ratio  float64 // most loaded queue over the mean
}

type queueSum struct {
	record.Queue
	pkts, bytes        uint64  // on the side of the spread
	share              float64 // of those packets
	lowest, highest    float64 // share in the trial where it was least, most
	flowsMin, flowsMax int
}

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

// flowsKnown reports whether the flows of the queues are those of the side: with
// two sides they are those of what is read.
func (sp spread) flowsKnown() bool { return sp.side == readSide || !sp.both }

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

// ledger is the accounting of several trials.
type ledger struct {
	offered, pushedBack, accepted, delivered, dropped uint64
	duplicates, reordered                             uint64
	byReason                                          map[string]uint64
	net                                               int64  // sum of the unexplained, with their signs
	unexplained                                       uint64 // sum of the absolute values: one trial cannot hide another
	open                                              int    // trials with unexplained packets
	contradicting                                     int    // trials whose figures do not add up
}

func account(trials []*record.Trial) ledger {
	l := ledger{byReason: map[string]uint64{}}
	for _, t := range trials {
		a := t.Accounting
		l.offered += a.Offered
		l.pushedBack += a.PushedBack
		l.accepted += a.Accepted
		l.delivered += a.Delivered
		l.dropped += a.DroppedTotal()
		l.duplicates += a.Duplicates
		l.reordered += a.Reordered
		for reason, n := range a.Dropped {
			if n > 0 {
				l.byReason[reason] += n
			}
		}
		if a.Unexplained != 0 {
			l.open++
			l.net += a.Unexplained
			l.unexplained += uint64(max(a.Unexplained, -a.Unexplained)) // right for the lowest int64 too, which has no negative
		}
		if a.Offered != a.Accepted+a.PushedBack ||
			int64(a.Accepted)-int64(a.Delivered)-int64(a.DroppedTotal()) != a.Unexplained {
			l.contradicting++
		}
	}
	return l
}

// all gives both arms' trials.
func (s *scenario) all() []*record.Trial { return slices.Concat(s.bare.all, s.observ.all) }
