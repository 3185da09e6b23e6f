package reports

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"

	"tunbench/reports/record"
)

// Fields of a run in which two must agree to be compared, as --allow names
// them.
const (
	AllowCPU    = "cpu"
	AllowHook   = "hook"
	AllowTool   = "tool"
	AllowClock  = "clock"
	AllowDevice = "device"
)

// party is one side of a comparison in a table of what differs: a kernel with
// its boots, or a run.
type party struct {
	name string
	runs []*record.Run
}

// floor is that of the first run of the party.
func (p party) floor() record.Floor {
	if len(p.runs) == 0 {
		return record.Floor{}
	}
	return p.runs[0].Floor
}

// values gives what the runs of the party say, each value once: more than one
// means that its boots differ.
func (p party) values(of func(*record.Run) (string, bool)) (distinct []string) {
	for _, r := range p.runs {
		v, ok := of(r)
		if !ok {
			v = absent
		}
		if !slices.Contains(distinct, v) {
			distinct = append(distinct, v)
		}
	}
	return distinct
}

// hostFact is what a host and its run are told by.
type hostFact struct {
	name string
	of   func(*record.Run) string
	// field is that of AllowFields by which --allow lets it differ, where two sides
	// that differ in it are not comparable; else "".
	field string
}

// hostFacts are what a comparison must have in common, or show.
var hostFacts = []hostFact{
	{"kernel", func(r *record.Run) string { return r.Host.Kernel }, ""},
	{"kernel version", func(r *record.Run) string { return r.Host.KernelVersion }, ""},
	{"clock", func(r *record.Run) string { return r.Clock }, AllowClock},
	{"virtualisation", func(r *record.Run) string { return r.Host.Virt }, AllowCPU},
	{"architecture", func(r *record.Run) string { return r.Host.Arch }, AllowCPU},
	{"CPU", func(r *record.Run) string { return r.Host.CPU }, AllowCPU},
	{"CPUs online", func(r *record.Run) string { return count(uint64(max(r.Host.CPUs, 0))) }, AllowCPU},
	{"CPU quota", func(r *record.Run) string { return quotaText(r.Host) }, ""},
	{"SMT", func(r *record.Run) string { return r.Host.SMT }, ""},
	{"clock source", func(r *record.Run) string { return r.Host.Clocksource }, ""},
	{"frequency governor", func(r *record.Run) string { return r.Host.Governor }, ""},
	{"netfilter modules", func(r *record.Run) string { return strings.Join(r.Host.Netfilter, " ") }, ""},
	{"memory", func(r *record.Run) string { return size(r.Host.MemoryBytes) }, ""},
	{"kernel command line", func(r *record.Run) string { return r.Host.Cmdline }, ""},
	{"tunbench", toolOf, AllowTool},
}

// said is of for values, of what every run says.
func said(of func(*record.Run) string) func(*record.Run) (string, bool) {
	return func(r *record.Run) (string, bool) { return of(r), true }
}

// quotaText shows the tightest CPU quota; "" where there is none. The cgroup is
// left out: its name is often another one in each run.
func quotaText(h record.Host) string {
	if len(h.CPUQuotas) == 0 {
		return ""
	}
	q := slices.MinFunc(h.CPUQuotas, func(a, b record.CPUQuota) int { return cmp.Compare(a.CPUs(), b.CPUs()) })
	return fmt.Sprintf("%.3g CPUs: %v every %v", q.CPUs(), time.Duration(q.QuotaNs), time.Duration(q.PeriodNs))
}

func toolOf(r *record.Run) string {
	return strings.Join(nonEmpty(r.Tool.Version, r.Tool.Commit, r.Tool.Go), ", ")
}

// changedWith names what differs between the headers of two runs.
func changedWith(a, b *record.Run) []string {
	notes := floorNotes(a, b)
	for _, f := range hostFacts {
		if x, y := f.of(a), f.of(b); x != y {
			notes = append(notes, f.name+": "+cmp.Or(x, absent)+" → "+cmp.Or(y, absent))
		}
	}
	for _, m := range []struct {
		name string
		of   func(record.Host) map[string]string
	}{
		{"sysctl", func(h record.Host) map[string]string { return h.Sysctl }},
		{"kernel option", func(h record.Host) map[string]string { return h.Config }},
		{"mitigation", func(h record.Host) map[string]string { return h.Mitigations }},
	} {
		x, y := m.of(a.Host), m.of(b.Host)
		for _, k := range unionOf(x, y) {
			if x[k] != y[k] {
				notes = append(notes, m.name+" "+k+": "+cmp.Or(x[k], absent)+" → "+cmp.Or(y[k], absent))
			}
		}
	}
	return notes
}

func unionOf(a, b map[string]string) (keys []string) {
	for k := range a {
		keys = append(keys, k)
	}
	for k := range b {
		if _, both := a[k]; !both {
			keys = append(keys, k)
		}
	}
	slices.Sort(keys)
	return keys
}

// otherDifferences are the differences between two runs that do not keep them from being
// compared, and that may be part of any change: those of the floor first. The
// kernel is not among them: it is what people compare.
func otherDifferences(base, next *record.Run) (notes []string) {
	if base == next {
		return nil
	}
	from, to := runsOf(base), runsOf(next)
	if len(from) != len(to) {
		from, to = from[:1], to[:1]
	}
	for i := range from {
		for _, note := range changedWith(from[i], to[i]) {
			if !slices.Contains(notes, note) && !slices.ContainsFunc(hostFacts, func(f hostFact) bool {
				return (f.field != "" || strings.HasPrefix(f.name, "kernel") && f.name != "kernel command line") && strings.HasPrefix(note, f.name+": ")
			}) {
				notes = append(notes, note)
			}
		}
	}
	return notes
}
