package harness

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"tunbench/harness/condition"
	"tunbench/harness/sink"
	"tunbench/harness/spec"
	"tunbench/reports/record"
)

// flags collects what stands against a figure of a trial, with the figures
// that show it.
type flags struct{ trial *record.Trial }

func (f flags) add(name, format string, args ...any) {
	if !slices.Contains(f.trial.Flags, name) {
		f.trial.Flags = append(f.trial.Flags, name)
	}
	f.trial.Notes = append(f.trial.Notes, name+": "+fmt.Sprintf(format, args...))
}

// host is about what the host did meanwhile.
func (f flags) host(c condition.Period) {
	for _, g := range c.Checks() {
		if g.Outcome != condition.Failed {
			continue
		}
		f.add(g.Flag, "%s", g.Detail)
		if g.Name == condition.Quota && !slices.Contains(f.trial.Flags, record.FlagThrottled) {
			f.trial.Flags = append(f.trial.Flags, record.FlagThrottled)
		}
	}
	if text := c.WallStep(); text != "" {
		f.trial.Notes = append(f.trial.Notes, text)
	}
}

// steady is about the rate, unless windows differ whatever the device does.
func (f flags) steady(m measurement, windowsTell bool) {
	t := f.trial
	warm := m.warm.String()
	rates, of := windowRates(t.Windows), ""
	if m.against != nil {
		// What the windows of both sides of a pair share is the host's.
		rates, of = m.against, "held against the other side's, "
	}
	if text := unsteady(rates); text != "" && windowsTell {
		text = of + text
		if warm != "" {
			text += "; " + warm
		}
		f.add(record.FlagUnsteady, "%s", text)
	} else if warm != "" {
		t.Notes = append(t.Notes, warm)
	}
}

// observer is about what the observer could not see.
func (f flags) observer() {
	t := f.trial
	if r, ok := t.Latency[record.Residency]; ok && float64(r.Missed) > missedLimit*float64(r.Count+r.Missed) {
		f.add(record.FlagMissedSamples, "%d of %d residency samples were overwritten", r.Missed, r.Count+r.Missed)
	}
	if t.Observer != nil && t.Observer.MissedRuns > 0 {
		f.add(record.FlagMissedEvents, "the kernel skipped %s of the observer's programs", record.Plural(t.Observer.MissedRuns, "run", "runs"))
	}
	if t.Observer == nil {
		return
	}
	for _, function := range slices.Sorted(maps.Keys(t.Observer.LostReturns)) {
		f.add(record.FlagLostReturns, "%d calls of %s were not seen to return", t.Observer.LostReturns[function], function)
	}
}

// place is about how many workers share a CPU.
func (f flags) place(p record.Placement) {
	if cpus, workers := crowd(p); workers > cpus {
		f.add(record.FlagOversubscribed, "%d workers on %d CPUs", workers, cpus)
	}
}

// flag marks what stands against a figure of the trial.
func (b *bed) flag(t *record.Trial, m measurement, counts sink.Counts) {
	f := flags{t}
	flag := f.add
	a := t.Accounting
	if mismatch := b.mismatch(t, counts); mismatch != "" {
		flag(record.FlagUnexplained, "%s", mismatch)
	}
	if t.Vnet != nil && len(t.Vnet.Bad) > 0 {
		flag(record.FlagBadVnet, "%s", faults(t.Vnet))
	}
	if t.Metrics[record.PPS] == 0 {
		flag(record.FlagNoTraffic, "%s accepted, none was delivered in the measured time", record.Plural(a.Accepted, "packet was", "packets were"))
	}
	f.host(b.conditions(m))
	f.steady(m, b.windowsTell())
	if b.lockstep != nil && b.lockstep.unsettled {
		flag(record.FlagUnsettled, "after %d blocks the last %d differ by more than %.1f %%", mostBlocks, lockstepBlocks, 100*settledSpread)
	}
	if s := t.Schedule; s != nil && float64(s.Late) > lateLimit*float64(s.Sends) {
		flag(record.FlagLate, "%.1f %% of the packets were sent more than %d us after they were due, the latest %.0f us",
			100*float64(s.Late)/float64(s.Sends), s.LateNs/1000, float64(s.MaxNs)/1000)
	}
	// An open loop is limited by the generator as it should be.
	if share := b.generatorShare(m); t.Schedule == nil && share > generatorLimit && a.DroppedTotal() == 0 {
		flag(record.FlagGeneratorLimited, "the senders spent %.0f %% of their time outside the kernel, and nothing was dropped", 100*share)
	}
	f.place(b.placement)
	if a.Duplicates > 0 {
		flag(record.FlagDuplicates, "%s came twice", record.Plural(a.Duplicates, "packet", "packets"))
	}
	if a.Reordered > 0 {
		flag(record.FlagReordered, "%s came late", record.Plural(a.Reordered, "packet", "packets"))
	}
	f.observer()
}

// faults lists what was wrong, the most frequent first.
func faults(v *record.Vnet) string {
	names := slices.SortedFunc(maps.Keys(v.Bad), func(a, b string) int {
		return cmp.Or(cmp.Compare(v.Bad[b], v.Bad[a]), cmp.Compare(a, b))
	})
	for i, name := range names {
		names[i] = fmt.Sprintf("%s of %d", name, v.Bad[name])
	}
	return fmt.Sprintf("of %d virtio-net headers and their packets, wrong: %s", v.Headers, strings.Join(names, ", "))
}

// windowsTell is false where windows differ whatever the device does: by an
// event, by a Poisson process, or if so few messages are due in each that one more or less
// counts.
func (b *bed) windowsTell() bool {
	const least = 10
	s := b.spec
	if s.Event != spec.EventNone {
		return false
	}
	if s.Rate == 0 {
		return true
	}
	due := s.Rate * s.Window.Seconds() / float64(b.senders[0].Segments())
	return !s.Poisson && due >= least
}

// mismatch compares every counter of the trial with the next one down the
// path, and says which two disagree.
func (b *bed) mismatch(t *record.Trial, counts sink.Counts) string {
	a := t.Accounting
	if a.Unexplained != 0 {
		return fmt.Sprintf("accepted %d, delivered %d, dropped %d: %d are missing", a.Accepted, a.Delivered, a.DroppedTotal(), a.Unexplained)
	}
	if counts.Foreign > 0 {
		return fmt.Sprintf("the readers saw %s that the generator did not make", record.Plural(counts.Foreign, "packet", "packets"))
	}
	return b.ground.mismatch(t)
}

// generatorShare is the share of the senders' time in the measured time that
// they did not spend in the kernel.
func (b *bed) generatorShare(m measurement) float64 {
	first, last := m.samples[0], m.samples[len(m.samples)-1]
	total := float64(last.at-first.at) * float64(len(b.senders))
	if total == 0 || m.last.senders < 0 {
		return 0
	}
	// Time in which a sender did not have its CPU is not the generator's.
	if cpu := float64(m.last.senders - m.first.senders); m.first.senders >= 0 {
		total = min(total, cpu)
	}
	return max(0, 1-float64(last.sendNs-first.sendNs)/total)
}

// conditions is what the host did during the measured time.
func (b *bed) conditions(m measurement) condition.Period {
	c := conditionsOf(m, b.placement, b.sliced)
	if b.lockstep != nil {
		// Its figures are medians of rounds, which a moment's disturbance does not
		// move, and it runs in guests that have just booted: their other tasks may
		// wait a little, and their kernel may still be choosing its clock.
		c.Seen.Pressure, c.Seen.SourceFrom = -1, ""
	}
	return c
}

// conditionsOf is what the host did during a measured time, which was cut into
// slices or not, with workers in those places.
func conditionsOf(m measurement, p record.Placement, sliced bool) condition.Period {
	cpus := cpusOf(p)
	slices.Sort(cpus)
	cpus = slices.Compact(cpus)
	c := condition.Period{
		All: m.first.stat.Until(m.last.stat, nil), Pinned: m.first.stat.Until(m.last.stat, cpus),
		CPUs: len(cpus), Own: -1, Seen: m.seen,
		Measured: time.Duration(m.samples[len(m.samples)-1].at - m.samples[0].at), Stretches: 1,
	}
	if sliced {
		c.Stretches = len(m.samples) - 1
	}
	_, c.Workers = crowd(p)
	if ns, ok := cpuTime(m, false, p); ok {
		c.Own = time.Duration(ns)
	}
	return c
}

// crowd counts the CPUs in use and the workers on them.
func crowd(p record.Placement) (cpus, workers int) {
	list := cpusOf(p)
	workers = len(list)
	slices.Sort(list)
	return len(slices.Compact(list)), workers
}
