package export

import (
	"fmt"
	"math"

	"tunbench/reports/document/compare"
	"tunbench/reports/document/kernels"
	"tunbench/reports/figure"
	"tunbench/reports/record"
	"tunbench/reports/verdict"
)

// trialMargin bounds what a trial takes beside its measured time: nothing in it can
// have waited for longer, in nanoseconds.
const trialMargin = 60e9

// trial gives what is wrong in the record of one trial.
func (c *checker) trial(t *record.Trial, floor record.Floor) {
	c.where = fmt.Sprintf("%s, %s arm, trial %d", t.Scenario, t.Arm, t.Trial)
	for name, v := range t.Metrics {
		if math.IsNaN(v) || math.IsInf(v, 0) {
			c.fail(ruleFinite, "%s is %v", name, v)
		}
	}
	for name, l := range t.Latency {
		c.latency(name, l)
		if longest := uint64(max(t.DurationNs, 0)) + trialMargin; t.DurationNs > 0 && l.MaxNs > longest {
			c.fail(ruleLife, "%s: %d ns in a trial that measured for %d", name, l.MaxNs, t.DurationNs)
		}
	}
	c.ledger("", t.Accounting, t.Metrics)
	for name, d := range t.Directions {
		c.ledger(name+": ", d.Accounting, d.Metrics)
		for kind, l := range d.Latency {
			c.latency(name+" "+kind, l)
		}
	}
	c.directions(t)
	if ratio, ok := t.Metrics[record.FloorRatio]; ok && floor.Fault() != "" {
		c.fail(ruleFloor, "a ratio of %v to a floor that cannot be (%s)", ratio, floor.Fault())
	}
	if t.Invalid() {
		return // flagged because its counters disagree
	}
	c.queues(t)
	c.written(t)
	var windows uint64
	for _, w := range t.Windows {
		windows += w.Pkts
	}
	if pps, ok := t.Metrics[record.PPS]; ok && len(t.Windows) > 0 && t.DurationNs > 0 && math.Abs(pps*float64(t.DurationNs)/1e9-float64(windows)) > 1+1e-6*float64(windows) {
		c.fail(ruleSums, "%v packets/s over %d ns, %d packets in the windows", pps, t.DurationNs, windows)
	}
	for _, m := range []string{record.Jain, record.QueueImbalance} {
		if v, ok := t.Metrics[m]; ok && (v <= 0 || m == record.Jain && v > 1+1e-9 || m == record.QueueImbalance && v < 1-1e-9) {
			c.fail(ruleShares, "%s is %v", m, v)
		}
	}
}

func (c *checker) latency(name string, l record.Latency) {
	var sum uint64
	for _, b := range l.Buckets {
		sum += b[1]
	}
	if len(l.Buckets) > 0 && sum != l.Count {
		c.fail(ruleSums, "%s: %d samples in buckets, %d in all", name, sum, l.Count)
	}
	last := l.MinNs
	for i, q := range []*uint64{l.P50Ns, l.P90Ns, l.P99Ns, l.P999Ns, &l.MaxNs} {
		if q == nil {
			continue
		}
		if *q < last {
			c.fail(ruleQuantiles, "%s: quantile %d of p50, p90, p99, p99.9, max is %d after %d", name, i, *q, last)
		}
		last = *q
	}
}

func (c *checker) ledger(who string, a record.Accounting, metrics map[string]float64) {
	if a.Offered != a.Accepted+a.PushedBack {
		c.fail(ruleLedger, "%s%d offered, %d accepted, %d pushed back", who, a.Offered, a.Accepted, a.PushedBack)
	}
	if int64(a.Accepted)-int64(a.Delivered)-int64(a.DroppedTotal()) != a.Unexplained {
		c.fail(ruleLedger, "%s%d accepted, %d delivered, %d dropped, %d unexplained", who, a.Accepted, a.Delivered, a.DroppedTotal(), a.Unexplained)
	}
	if loss, ok := metrics[record.Loss]; ok && a.Accepted > 0 && math.Abs(loss-(float64(int64(a.Accepted)-int64(a.Delivered)))/float64(a.Accepted)) > 1e-9 {
		c.fail(ruleLedger, "%sloss %v of %d accepted, %d delivered", who, loss, a.Accepted, a.Delivered)
	}
}

// directions are two halves of the whole.
func (c *checker) directions(t *record.Trial) {
	if len(t.Directions) == 0 {
		return
	}
	var sum record.Accounting
	for _, d := range t.Directions {
		sum.Accepted += d.Accounting.Accepted
		sum.Delivered += d.Accounting.Delivered
	}
	if a := t.Accounting; sum.Accepted != a.Accepted || sum.Delivered != a.Delivered {
		c.fail(ruleSums, "directions accept %d and deliver %d, together %d and %d", sum.Accepted, sum.Delivered, a.Accepted, a.Delivered)
	}
}

// queues holds the sums over queues against the accounts.
func (c *checker) queues(t *record.Trial) {
	if len(t.Queues) == 0 {
		return
	}
	for _, side := range figure.QueueEnds(t) {
		want, ok := throughQueues(t, side == figure.IntoQueue)
		if !ok {
			continue
		}
		var got uint64
		for _, q := range t.Queues {
			n, _ := side.Of(q)
			got += n
		}
		if got != want {
			c.fail(ruleSums, "%d packets %s on queues, %d in the accounts", got, side.Did(), want)
		}
	}
}

// written holds the writes against what was accepted: each write carries as many
// segments as any other.
func (c *checker) written(t *record.Trial) {
	w, accepted := t.Writes, t.Accounting.Accepted
	if d, ok := t.Directions["u2k"]; ok {
		accepted = d.Accounting.Accepted
	}
	if w == nil || w.Count() == 0 {
		return
	}
	if accepted%w.Count() != 0 || accepted == 0 {
		c.fail(ruleSums, "%d packets accepted in %d writes", accepted, w.Count())
	}
}

// checkKernels gives what is wrong in the comparison of kernels.
func checkKernels(k []verdict.KernelBoots) []violation {
	c := &checker{violations: checkDocument(kernels.New(verdict.NewLab(k)).Document())}
	for _, v := range verdict.KernelVerdicts(k) {
		c.where = v.Scenario + " " + v.Metric
		if v.Change == nil {
			continue
		}
		if v.Base == nil || v.New == nil || *v.Base <= 0 || math.Abs(*v.New / *v.Base - 1 - *v.Change) > 1e-9 {
			c.fail(ruleChange, "%v of %v and %v", *v.Change, v.Base, v.New)
		}
	}
	return c.violations
}

// checkComparison gives what is wrong in the report on a comparison, or in its
// verdicts.
func checkComparison(cmp *verdict.Comparison) []violation {
	c := &checker{violations: checkDocument(compare.New(cmp).Document())}
	c.verdicts(cmp.Verdicts)
	return c.violations
}

// verdicts checks that each estimate lies in its interval and has its sides.
func (c *checker) verdicts(list []record.Verdict) {
	for _, v := range list {
		c.where = v.Scenario + " " + v.Metric
		for name, x := range map[string]*float64{"base": v.Base, "new": v.New, "change": v.Change} {
			if x != nil && (math.IsNaN(*x) || math.IsInf(*x, 0)) {
				c.fail(ruleFinite, "%s is %v", name, *x)
			}
		}
		if v.Change == nil {
			continue
		}
		if v.Base == nil || v.New == nil {
			c.fail(ruleRatio, "a change of %v, without both sides", *v.Change)
		}
		if v.CI != nil && (v.CI[0] > *v.Change+1e-9 || v.CI[1] < *v.Change-1e-9) {
			c.fail(ruleInterval, "%v in %v", *v.Change, *v.CI)
		}
		if v.P != nil && (*v.P < 0 || *v.P > 1) {
			c.fail(ruleFinite, "p is %v", *v.P)
		}
	}
}
