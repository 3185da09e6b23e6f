package verdict

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"

	"tunbench/reports/axis"
	"tunbench/reports/metric"
	"tunbench/reports/record"
	"tunbench/reports/text"
)

// Lab is a comparison of several kernels, its figures computed.
type Lab struct {
	Kernels   []*Kernel
	Scenarios []string // that some kernel measured bare or skipped
	Common    []string // mode and axes of all scenarios that were measured: see axis.Shared
	Clocks    []string // of all files
	Suites    []string
	Tools     []string
	Allow     []string // as in Options
}

// shorten sets the short names of the kernels, without the flavour and architecture
// that all names end with.
func (l *Lab) shorten() {
	for _, k := range l.Kernels {
		k.Short = k.Name
	}
	if len(l.Kernels) < 2 {
		return
	}
	for {
		cut := strings.LastIndexByte(l.Kernels[0].Short, '-')
		if cut <= 0 {
			return
		}
		end := l.Kernels[0].Short[cut:]
		if slices.ContainsFunc(l.Kernels, func(k *Kernel) bool { return len(k.Short) <= len(end) || !strings.HasSuffix(k.Short, end) }) {
			return
		}
		for _, k := range l.Kernels {
			k.Short = strings.TrimSuffix(k.Short, end)
		}
	}
}

func (l *Lab) Verdicts() []KernelVerdict {
	var all []KernelVerdict
	for _, next := range l.Rest() {
		for _, scenario := range l.Scenarios {
			for _, side := range PacketCosts {
				all = append(all, l.Verdict(l.Kernels[0], next, scenario, side.Metric))
			}
		}
	}
	return all
}

// Rest are the kernels that are compared with the first.
func (l *Lab) Rest() []*Kernel {
	if len(l.Kernels) < 2 {
		return nil
	}
	return l.Kernels[1:]
}

// Runs are the headers of all files, those of the first kernel first.
func (l *Lab) Runs() (runs []*record.Run) {
	for _, k := range l.Kernels {
		for _, f := range k.Files {
			runs = append(runs, f.Run)
		}
	}
	return runs
}

// Delivered is how many boots of each kernel left run files.
func (l *Lab) Delivered() (boots []int) {
	for _, k := range l.Kernels {
		boots = append(boots, k.Boots-len(k.Lost))
	}
	return boots
}

// Virtual reports whether every figure is in instructions.
func (l *Lab) Virtual() bool { return len(l.Clocks) == 1 && l.Clocks[0] == record.ClockICount }

func (l *Lab) Unit() string {
	switch {
	case l.Virtual():
		return "instructions"
	case slices.Contains(l.Clocks, record.ClockICount):
		return "instructions or ns"
	}
	return "ns"
}

func (l *Lab) Verdict(base, next *Kernel, scenario, name string) KernelVerdict {
	s := NewShift(base.Cost(scenario, name), next.Cost(scenario, name))
	v := KernelVerdict{
		Verdict: record.Verdict{
			Scenario: scenario, Metric: name, Unit: l.Unit(), N: s.boots, Change: s.Change,
			Notes: []string{}, Verdict: record.Inconclusive,
		},
		BaseKernel: base.Name, NewKernel: next.Name,
	}
	if l.Virtual() {
		v.Threshold = metric.VirtualThreshold
	}
	v.Base, v.New = s.Shown()
	note := func(format string, args ...any) { v.Notes = append(v.Notes, fmt.Sprintf(format, args...)) }

	if s.Change == nil {
		// Where both kernels lack the figure, the base is named as lacking it.
		for i, k := range []*Kernel{next, base} {
			if []*Cost{s.New, s.Base}[i] != nil {
				continue
			}
			reason, detail := k.Why(scenario)
			v.Missing = []string{record.NewSide, record.BaseSide}[i]
			lacking := Lacking(scenario, name, v.Unit, v.Missing, reason, detail)
			v.Verdict.Verdict = lacking.Verdict
			note("%s", strings.Join(text.NonEmpty(k.Name+": "+cmp.Or(reason, "missing"), detail), ": "))
		}
		if v.Missing == "" { // the figures have no ratio
			v.Verdict.Verdict = record.InvalidVerdict
			note("no change can be given")
		}
		return v
	}
	v.Spread = &s.spread
	if s.InState() {
		note("compared in one state of the cost; the medians over boots are %s and %s", text.PerPacket(s.Base.Median), text.PerPacket(s.New.Median))
	}
	unsettled, dead := 0, 0
	for _, c := range []*Cost{s.Base, s.New} {
		unsettled += c.Unsettled
		dead += c.Invalid
	}
	differences, _ := l.Incomparable(base, next)
	built, _ := apart(l.Allow, builtOtherwise(base, next, scenario))
	differences = append(differences, built...)
	v.Notes = append(v.Notes, differences...)
	if unsettled > 0 {
		note("unsettled in %d of %d boots", unsettled, len(s.Base.Boots)+len(s.New.Boots))
	}
	if dead > 0 {
		note("no valid trial in %d of %d boots", dead, len(s.Base.Boots)+len(s.New.Boots))
	}
	switch {
	case len(differences) > 0:
		v.Verdict.Verdict = record.NotComparable
	case dead > 0:
		v.Verdict.Verdict = record.InvalidVerdict
	case !l.Virtual():
		note("there is no threshold for this clock")
	case s.boots < 2:
		note("one boot: the spread is not known")
	default:
		// Unsettled trials are judged too: one that did not settle to 0.1 % either
		// agrees with the others within the threshold, or forms its own state.
		v.Verdict.Verdict = s.states.verdict
		v.Notes = append(v.Notes, s.states.notes...)
	}
	return v
}

// Incomparable names the differences that prevent a comparison of two kernels that
// both ran, and those that are allowed.
func (l *Lab) Incomparable(base, next *Kernel) (why, allowed []string) {
	if len(base.Files) == 0 || len(next.Files) == 0 {
		return nil, nil // one kernel has no files, which Lost reports
	}
	return apart(l.Allow, hostDifferences(base.Group(), next.Group()))
}

// HooksOf returns the hooks by which some kernel was observed: those that tunbench
// knows in the order in which it tries them, then any other.
func (l *Lab) HooksOf() []string {
	found := map[string]bool{}
	for _, k := range l.Kernels {
		for r := range k.Observed {
			found[r] = true
		}
	}
	var list []string
	for _, r := range record.Hooks {
		if found[r] {
			list = append(list, r)
			delete(found, r)
		}
	}
	return slices.AppendSeq(list, slices.Values(slices.Sorted(maps.Keys(found))))
}

// ObservedEverywhere returns the scenarios that every kernel measured with each of its
// hooks: a median over other scenarios would compare different work.
func (l *Lab) ObservedEverywhere() []string {
	in := map[string]int{}
	n := 0
	for _, k := range l.Kernels {
		for hook, byScenario := range k.Observed {
			n++
			for name := range byScenario {
				_, send := k.Overhead(hook, name, record.SendNsPerPkt)
				_, receive := k.Overhead(hook, name, record.RecvNsPerPkt)
				if send && receive {
					in[name]++
				}
			}
		}
	}
	var list []string
	for name, have := range in {
		if have == n {
			list = append(list, name)
		}
	}
	slices.SortFunc(list, axis.Compare)
	return list
}

func NewLab(in []KernelBoots, allow ...string) *Lab {
	l := &Lab{Allow: allow}
	measured, known := map[string]bool{}, map[string]bool{}
	for _, k := range in {
		one := newKernel(k)
		l.Kernels = append(l.Kernels, one)
		for name := range one.Bare {
			measured[name], known[name] = true, true
		}
		for name := range one.skips {
			known[name] = true
		}
		for _, f := range one.Files {
			add := func(list *[]string, v string) {
				if v != "" && !slices.Contains(*list, v) {
					*list = append(*list, v)
				}
			}
			add(&l.Clocks, f.Run.Clock)
			add(&l.Suites, f.Run.Suite)
			add(&l.Tools, strings.Join(text.NonEmpty(f.Run.Tool.Version, f.Run.Tool.Commit), " "))
		}
	}
	l.shorten()
	l.Scenarios = slices.SortedFunc(maps.Keys(known), axis.Compare)
	l.Common = axis.Shared(slices.SortedFunc(maps.Keys(measured), axis.Compare))
	return l
}

// PacketCosts are the two costs per packet by which kernels are compared.
var PacketCosts = []struct{ Metric, Name string }{
	{record.SendNsPerPkt, "send"},
	{record.RecvNsPerPkt, "receive"},
}

// KernelVerdict is the verdict on the send or receive cost of one scenario on two
// kernels. Base and New are the medians over the trials that stateShift compares, whose
// ratio the change is; where only one kernel has the figure, its median over boots. N is
// the number of boots of the kernel that has fewer. A handful of boots gives neither an
// interval nor a p, so that the verdict is at most indicative.
type KernelVerdict struct {
	record.Verdict
	BaseKernel string   `json:"base_kernel"`
	NewKernel  string   `json:"new_kernel"`
	Spread     *float64 `json:"spread"` // (max - min) / median over boots, the larger of the two kernels'
}

// KernelVerdicts compares each kernel of k with the first: one verdict for each scenario
// and each of PacketCosts, in the order of the report. allow is as in Options.
func KernelVerdicts(k []KernelBoots, allow ...string) []KernelVerdict {
	return NewLab(k, allow...).Verdicts()
}
