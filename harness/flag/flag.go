// Package flag marks what stands against the figures of a trial.
package flag

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"tunbench/harness/account"
	"tunbench/harness/condition"
	"tunbench/harness/host"
	"tunbench/reports/record"
)

const (
	// missedLimit is the share of overwritten residency samples that is flagged.
	missedLimit = 0.01
	// lateLimit is the share of sends of an open loop that may be late.
	lateLimit = 0.01
)

// Trial collects what stands against a figure of a trial, with the figures
// that show it.
type Trial struct{ trial *record.Trial }

// On is a Trial that adds flags and notes to the record t.
func On(t *record.Trial) Trial { return Trial{t} }

// Add flags the trial, and says why in a note.
func (f Trial) Add(name, format string, args ...any) {
	if !slices.Contains(f.trial.Flags, name) {
		f.trial.Flags = append(f.trial.Flags, name)
	}
	f.trial.Notes = append(f.trial.Notes, name+": "+fmt.Sprintf(format, args...))
}

// Host is about what the host did meanwhile.
func (f Trial) Host(c condition.Period) {
	for _, g := range c.Checks() {
		if g.Outcome != condition.Failed {
			continue
		}
		f.Add(g.Flag, "%s", g.Detail)
		if g.Name == condition.Quota && !slices.Contains(f.trial.Flags, record.FlagThrottled) {
			f.trial.Flags = append(f.trial.Flags, record.FlagThrottled)
		}
	}
	if text := c.WallStep(); text != "" {
		f.trial.Notes = append(f.trial.Notes, text)
	}
}

// Steady is about the rate, unless windows differ whatever the device does.
func (f Trial) Steady(m account.Measurement, windowsTell bool) {
	t := f.trial
	warm := m.Warm
	rates, of := account.WindowRates(t.Windows), ""
	if m.Against != nil {
		// What the windows of both sides of a pair share is the host's.
		rates, of = m.Against, "as ratios to the other side, "
	}
	if m.InRound != nil {
		if m.Against != nil {
			of = "as ratios to loopback, "
		}
	}
	unsteady := account.Unsteady
	if m.InRound != nil {
		unsteady = account.UnsteadyInRounds
	}
	if text := unsteady(rates); text != "" && windowsTell {
		text = of + text
		if warm != "" {
			text += "; " + warm
		}
		f.Add(record.FlagUnsteady, "%s", text)
	} else if warm != "" {
		t.Notes = append(t.Notes, warm)
	}
}

// Observer is about what the observer could not see.
func (f Trial) Observer() {
	t := f.trial
	if r, ok := t.Latency[record.Residency]; ok && float64(r.Missed) > missedLimit*float64(r.Count+r.Missed) {
		f.Add(record.FlagMissedSamples, "%d of %d residency samples were overwritten", r.Missed, r.Count+r.Missed)
	}
	if t.Observer != nil && t.Observer.MissedRuns > 0 {
		f.Add(record.FlagMissedEvents, "the kernel skipped %s of the observer's programs", record.Plural(t.Observer.MissedRuns, "run", "runs"))
	}
}

// Place is about how many workers share a CPU.
func (f Trial) Place(p record.Placement) {
	if cpus, workers := host.Crowd(p); workers > cpus {
		f.Add(record.FlagOversubscribed, "%d workers on %d CPUs", workers, cpus)
	}
}

// Ledger is about the accounts of stamped packets; mismatch says which two counters
// disagree, "" if none do.
func (f Trial) Ledger(mismatch string) {
	t := f.trial
	if mismatch != "" {
		f.Add(record.FlagUnexplained, "%s", mismatch)
	}
	if t.Vnet != nil && len(t.Vnet.Bad) > 0 {
		f.Add(record.FlagBadVnet, "%s", VnetFaults(t.Vnet))
	}
	f.corrupt()
	f.Traffic()
}

// wrongSums are the kernel's drop reasons for packets whose checksum is wrong.
var wrongSums = []string{"IP_CSUM", "TCP_CSUM", "UDP_CSUM"}

// corrupt is about packets that did not arrive as they were sent, by what the readers
// verified and by what the kernel dropped for its checksum.
func (f Trial) corrupt() {
	a := f.trial.Accounting
	if len(a.Corrupt) > 0 {
		f.Add(record.FlagCorrupt, "the readers, which added up %s, found wrong: %s", record.Plural(a.Verified, "packet", "packets"), byCount(a.Corrupt))
	}
	dropped := map[string]uint64{}
	for _, reason := range wrongSums {
		if n := a.Dropped[reason]; n > 0 {
			dropped[reason] = n
		}
	}
	if len(dropped) > 0 {
		f.Add(record.FlagCorrupt, "the kernel dropped packets for their checksum: %s", byCount(dropped))
	}
}

// Traffic is about whether anything was delivered.
func (f Trial) Traffic() {
	if f.trial.Metrics[record.PPS] == 0 {
		f.Add(record.FlagNoTraffic, "%s accepted, none was delivered in the measured time", record.Plural(f.trial.Accounting.Accepted, "packet was", "packets were"))
	}
}

// Generator is about whether the senders kept to their schedule or, without one,
// set the rate.
func (f Trial) Generator(share float64) {
	t := f.trial
	if s := t.Schedule; s != nil && float64(s.Late) > lateLimit*float64(s.Sends) {
		f.Add(record.FlagLate, "%.1f %% of the packets were sent more than %d us after they were due, the latest %.0f us",
			100*float64(s.Late)/float64(s.Sends), s.LateNs/1000, float64(s.MaxNs)/1000)
	}
	// An open loop is limited by the generator as it should be.
	if t.Schedule == nil && share > account.GeneratorLimit && t.Accounting.DroppedTotal() == 0 {
		f.Add(record.FlagGeneratorLimited, "the senders spent %.0f %% of their time outside the kernel, and nothing was dropped", 100*share)
	}
}

// Link is about whether the link was the one that was asked for.
func (f Trial) Link() {
	if f.trial.Link == nil {
		return
	}
	for _, e := range f.trial.Link.Ends {
		if e.Full > 0 {
			f.Add(record.FlagLinkFull, "%s by %s exceeded the %d that the link holds; set a shorter delay, or a lower load", record.Plural(e.Full, "packet", "packets"), e.Device, f.trial.Link.Limit)
		}
	}
}

// Order is about packets that came twice or late.
func (f Trial) Order() {
	a := f.trial.Accounting
	if l := f.trial.Link; l != nil && l.Reorder > 0 {
		a.Reordered = 0 // as was asked for
	}
	if a.Duplicates > 0 {
		f.Add(record.FlagDuplicates, "%s came twice", record.Plural(a.Duplicates, "packet", "packets"))
	}
	if a.Reordered > 0 {
		f.Add(record.FlagReordered, "%s came late", record.Plural(a.Reordered, "packet", "packets"))
	}
}

// VnetFaults lists what was wrong, the most frequent first.
func VnetFaults(v *record.Vnet) string {
	return fmt.Sprintf("of %d virtio-net headers, wrong: %s", v.Headers, byCount(v.Bad))
}

// byCount lists what was counted, the most frequent first.
func byCount(counts map[string]uint64) string {
	names := slices.SortedFunc(maps.Keys(counts), func(a, b string) int {
		return cmp.Or(cmp.Compare(counts[b], counts[a]), cmp.Compare(a, b))
	})
	for i, name := range names {
		names[i] = fmt.Sprintf("%s of %d", name, counts[name])
	}
	return strings.Join(names, ", ")
}

// Conditions is what the host did during a measured time, which was cut into
// slices or not, with workers in those places.
func Conditions(m account.Measurement, p record.Placement, sliced bool) condition.Period {
	cpus := host.CPUs(p)
	slices.Sort(cpus)
	cpus = slices.Compact(cpus)
	c := condition.Period{
		All: m.First.Stat.Until(m.Last.Stat, nil), Pinned: m.First.Stat.Until(m.Last.Stat, cpus),
		CPUs: len(cpus), Own: -1, Seen: m.Seen,
		Measured: time.Duration(m.Samples[len(m.Samples)-1].At - m.Samples[0].At), Stretches: 1,
	}
	if sliced {
		c.Stretches = len(m.Samples) - 1
	}
	_, c.Workers = host.Crowd(p)
	if own, ok := m.OwnTime(); ok {
		c.Own = own
	}
	return c
}
