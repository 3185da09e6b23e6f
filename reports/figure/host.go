package figure

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"

	"tunbench/reports/record"
	"tunbench/reports/text"
)

// Fields of a run in which two runs must agree to be compared, as --allow names them.
const (
	AllowCPU    = "cpu"
	AllowHook   = "hook"
	AllowTool   = "tool"
	AllowClock  = "clock"
	AllowDevice = "device"
)

// Group is a column in a table of differences, a name and its runs: a kernel with its
// boots, one run, or a host of a merged run.
type Group struct {
	Name string
	Runs []*record.Run
}

// First is the first run of the group, without any fact if it has none.
func (p Group) First() *record.Run {
	if len(p.Runs) == 0 {
		return &record.Run{}
	}
	return p.Runs[0]
}

// Values gives the values that the runs of the group have, each once: more than one
// means that runs differ.
func (p Group) Values(of func(*record.Run) (string, bool)) (distinct []string) {
	for _, r := range p.Runs {
		v, ok := of(r)
		if !ok {
			v = text.Absent
		}
		if !slices.Contains(distinct, v) {
			distinct = append(distinct, v)
		}
	}
	return distinct
}

// hostFact is one property of a host and its run.
type hostFact struct {
	Name string
	Of   func(*record.Run) string
	// Field is the value of --allow that permits a difference, where two sides that
	// differ in the property are not comparable; else "".
	Field string
}

// HostFacts are the properties in which two sides must agree, or whose differences a
// comparison must show.
var HostFacts = []hostFact{
	{"kernel", func(r *record.Run) string { return r.Host.Kernel }, ""},
	{"kernel version", func(r *record.Run) string { return r.Host.KernelVersion }, ""},
	{"clock", func(r *record.Run) string { return r.Clock }, AllowClock},
	{"virtualisation", func(r *record.Run) string { return r.Host.Virt }, AllowCPU},
	{"architecture", func(r *record.Run) string { return r.Host.Arch }, AllowCPU},
	{"CPU", func(r *record.Run) string { return r.Host.CPU }, AllowCPU},
	{"CPUs online", func(r *record.Run) string { return text.Count(uint64(max(r.Host.CPUs, 0))) }, AllowCPU},
	{"CPU quota", func(r *record.Run) string { return QuotaText(r.Host) }, ""},
	{"SMT", func(r *record.Run) string { return r.Host.SMT }, ""},
	{"clock source", func(r *record.Run) string { return r.Host.Clocksource }, ""},
	{"frequency governor", func(r *record.Run) string { return r.Host.Governor }, ""},
	{"netfilter modules", func(r *record.Run) string { return strings.Join(r.Host.Netfilter, " ") }, ""},
	{"memory", func(r *record.Run) string { return text.Size(r.Host.MemoryBytes) }, ""},
	{"kernel command line", func(r *record.Run) string { return r.Host.Cmdline }, ""},
	{"tunbench", ToolOf, AllowTool},
}

// Said adapts of, a property that every run has, for Values.
func Said(of func(*record.Run) string) func(*record.Run) (string, bool) {
	return func(r *record.Run) (string, bool) { return of(r), true }
}

// QuotaText shows the tightest CPU quota; "" where there is none. It leaves out the
// cgroup, whose name often differs from run to run.
func QuotaText(h record.Host) string {
	if len(h.CPUQuotas) == 0 {
		return ""
	}
	q := slices.MinFunc(h.CPUQuotas, func(a, b record.CPUQuota) int { return cmp.Compare(a.CPUs(), b.CPUs()) })
	return fmt.Sprintf("%.3g CPUs: %v every %v", q.CPUs(), time.Duration(q.QuotaNs), time.Duration(q.PeriodNs))
}

func ToolOf(r *record.Run) string {
	return strings.Join(text.NonEmpty(r.Tool.Version, r.Tool.Commit, r.Tool.Go), ", ")
}

// ChangedWith names what differs between the headers of two runs.
func ChangedWith(a, b *record.Run) []string {
	notes := floorNotes(a, b)
	for _, f := range HostFacts {
		if x, y := f.Of(a), f.Of(b); x != y {
			notes = append(notes, f.Name+": "+cmp.Or(x, text.Absent)+" → "+cmp.Or(y, text.Absent))
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
				notes = append(notes, m.name+" "+k+": "+cmp.Or(x[k], text.Absent)+" → "+cmp.Or(y[k], text.Absent))
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

// OtherDifferences are the differences between two runs that do not prevent a comparison
// but may cause part of any change, those of the floor first. The kernel is not among
// them, since it is often what is compared.
func OtherDifferences(base, next *record.Run) (notes []string) {
	if base == next {
		return nil
	}
	from, to := RunsOf(base), RunsOf(next)
	if len(from) != len(to) {
		from, to = from[:1], to[:1]
	}
	for i := range from {
		for _, note := range ChangedWith(from[i], to[i]) {
			if !slices.Contains(notes, note) && !slices.ContainsFunc(HostFacts, func(f hostFact) bool {
				return (f.Field != "" || strings.HasPrefix(f.Name, "kernel") && f.Name != "kernel command line") && strings.HasPrefix(note, f.Name+": ")
			}) {
				notes = append(notes, note)
			}
		}
	}
	return notes
}
