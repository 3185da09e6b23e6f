package reports

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"

	"tunbench/reports/record"
)

// kernelLab is several kernels with every figure computed.
type kernelLab struct {
	kernels   []*kernel
	scenarios []string // that some kernel measured bare or skipped
	common    []string // axes of all scenarios that were measured
	clocks    []string // of all files
	suites    []string
	tools     []string
	allow     []string // as in CompareOptions
}

// shorten names the kernels in tables without the flavour and architecture
// that all of them end with.
func (l *kernelLab) shorten() {
	for _, k := range l.kernels {
		k.short = k.name
	}
	if len(l.kernels) < 2 {
		return
	}
	for {
		cut := strings.LastIndexByte(l.kernels[0].short, '-')
		if cut <= 0 {
			return
		}
		end := l.kernels[0].short[cut:]
		if slices.ContainsFunc(l.kernels, func(k *kernel) bool { return len(k.short) <= len(end) || !strings.HasSuffix(k.short, end) }) {
			return
		}
		for _, k := range l.kernels {
			k.short = strings.TrimSuffix(k.short, end)
		}
	}
}

func (l *kernelLab) verdicts() []KernelVerdict {
	var all []KernelVerdict
	for _, next := range l.rest() {
		for _, scenario := range l.scenarios {
			for _, side := range sides {
				all = append(all, l.verdict(l.kernels[0], next, scenario, side.metric))
			}
		}
	}
	return all
}

// rest are the kernels that are held against the first.
func (l *kernelLab) rest() []*kernel {
	if len(l.kernels) < 2 {
		return nil
	}
	return l.kernels[1:]
}

// virtual tells whether every figure is in instructions.
func (l *kernelLab) virtual() bool { return len(l.clocks) == 1 && l.clocks[0] == virtualClock }

func (l *kernelLab) unit() string {
	switch {
	case l.virtual():
		return "instructions"
	case slices.Contains(l.clocks, virtualClock):
		return "instructions or ns"
	}
	return "ns"
}

func (l *kernelLab) verdict(base, next *kernel, scenario, name string) KernelVerdict {
	s := newShift(base.cost(scenario, name), next.cost(scenario, name))
	v := KernelVerdict{
		Verdict: record.Verdict{
			Scenario: scenario, Metric: name, Unit: l.unit(), N: s.boots, Change: s.change,
			Notes: []string{}, Verdict: record.Inconclusive,
		},
		BaseKernel: base.name, NewKernel: next.name,
	}
	if l.virtual() {
		v.Threshold = virtualThreshold
	}
	v.Base, v.New = s.shown()
	note := func(format string, args ...any) { v.Notes = append(v.Notes, fmt.Sprintf(format, args...)) }

	if s.change == nil {
		// Where both lack it, it is no scenario of the base.
		for i, k := range []*kernel{next, base} {
			if []*cost{s.new, s.base}[i] != nil {
				continue
			}
			reason, detail := k.why(scenario)
			v.Missing = []string{record.NewSide, record.BaseSide}[i]
			lacking := record.Lacking(scenario, name, v.Unit, v.Missing, reason, detail)
			v.Verdict.Verdict = lacking.Verdict
			note("%s", strings.Join(nonEmpty(k.name+": "+cmp.Or(reason, "missing"), detail), ": "))
		}
		if v.Missing == "" { // the figures have no ratio
			v.Verdict.Verdict = record.InvalidVerdict
			note("no change can be given")
		}
		return v
	}
	v.Spread = &s.spread
	if s.inState() {
		note("compared in one state of the cost; the medians over boots are %s and %s", perPacket(s.base.median), perPacket(s.new.median))
	}
	unsettled, dead := 0, 0
	for _, c := range []*cost{s.base, s.new} {
		unsettled += c.unsettled
		dead += c.invalid
	}
	differences, _ := l.incomparable(base, next)
	if !slices.Contains(l.allow, AllowDevice) {
		for _, why := range builtOtherwise(base, next, scenario) {
			differences = append(differences, difference{AllowDevice, why}.note())
		}
	}
	v.Notes = append(v.Notes, differences...)
	if unsettled > 0 {
		note("unsettled in %d of %d boots", unsettled, len(s.base.boots)+len(s.new.boots))
	}
	if dead > 0 {
		note("no valid trial in %d of %d boots", dead, len(s.base.boots)+len(s.new.boots))
	}
	switch {
	case len(differences) > 0:
		v.Verdict.Verdict = record.NotComparable
	case dead > 0:
		v.Verdict.Verdict = record.InvalidVerdict
	case !l.virtual():
		note("no threshold holds for this clock")
	case s.boots < 2:
		note("one boot: the spread is not known")
	default:
		// A trial that did not settle to 0.1 % within itself still agrees with the
		// others to the threshold, or it is in a state of its own.
		v.Verdict.Verdict = s.states.verdict
		v.Notes = append(v.Notes, s.states.notes...)
	}
	return v
}

// incomparable names what keeps the figures of two kernels that both ran from
// being held against each other, and what of that is allowed.
func (l *kernelLab) incomparable(base, next *kernel) (why, allowed []string) {
	if len(base.files) == 0 || len(next.files) == 0 {
		return nil, nil // nothing of one of them arrived, which is said elsewhere
	}
	for _, fact := range hostFacts {
		if fact.field == "" {
			continue
		}
		a, b := base.party().values(said(fact.of)), next.party().values(said(fact.of))
		if !slices.Equal(a, b) {
			d := difference{fact.field, fmt.Sprintf("%s differs: %s, %s", fact.name, strings.Join(a, " / "), strings.Join(b, " / "))}
			if slices.Contains(l.allow, d.field) {
				allowed = append(allowed, d.text)
			} else {
				why = append(why, d.note())
			}
		}
	}
	return why, allowed
}

// rungsOf gives the rungs that some kernel was observed on: those of the
// ladder in its order, then any other.
func (l *kernelLab) rungsOf() []string {
	found := map[string]bool{}
	for _, k := range l.kernels {
		for r := range k.observed {
			found[r] = true
		}
	}
	var list []string
	for _, r := range rungs {
		if found[r] {
			list = append(list, r)
			delete(found, r)
		}
	}
	return slices.AppendSeq(list, slices.Values(slices.Sorted(maps.Keys(found))))
}

// observedEverywhere gives the scenarios that every kernel measured on every
// rung that it has: a sum over others would compare different work.
func (l *kernelLab) observedEverywhere() []string {
	in := map[string]int{}
	n := 0
	for _, k := range l.kernels {
		for rung, byScenario := range k.observed {
			n++
			for name := range byScenario {
				_, send := k.overhead(rung, name, record.SendNsPerPkt)
				_, receive := k.overhead(rung, name, record.RecvNsPerPkt)
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
	slices.SortFunc(list, compareNames)
	return list
}

func newKernelLab(in []KernelBoots, allow ...string) *kernelLab {
	l := &kernelLab{allow: allow}
	measured, known := map[string]bool{}, map[string]bool{}
	for _, k := range in {
		one := newKernel(k)
		l.kernels = append(l.kernels, one)
		for name := range one.bare {
			measured[name], known[name] = true, true
		}
		for name := range one.skips {
			known[name] = true
		}
		for _, f := range one.files {
			add := func(list *[]string, v string) {
				if v != "" && !slices.Contains(*list, v) {
					*list = append(*list, v)
				}
			}
			add(&l.clocks, f.Run.Clock)
			add(&l.suites, f.Run.Suite)
			add(&l.tools, strings.Join(nonEmpty(f.Run.Tool.Version, f.Run.Tool.Commit), " "))
		}
	}
	l.shorten()
	l.scenarios = slices.SortedFunc(maps.Keys(known), compareNames)
	l.common = commonAxes(slices.SortedFunc(maps.Keys(measured), compareNames))
	return l
}

// sides are the two costs of a packet that kernels are compared by.
var sides = []struct{ metric, name string }{
	{record.SendNsPerPkt, "send"},
	{record.RecvNsPerPkt, "receive"},
}

// rungs are the ways to observe, in the order of the ladder.
var rungs = []string{"kprobe", "fentry", "tracepoint"}

// KernelVerdict is one side of one scenario on two kernels. Its medians are those
// that its change is of, over the trials that stateShift compares; where only one
// kernel has the figure, its median over boots. Its N is the boots of the kernel
// that has fewer. It has neither an interval nor a p: a handful of boots gives none.
// So it is at most indicative.
type KernelVerdict struct {
	record.Verdict
	BaseKernel string   `json:"base_kernel"`
	NewKernel  string   `json:"new_kernel"`
	Spread     *float64 `json:"spread"` // (max - min) / median over boots, the larger of the two kernels'
}

// KernelVerdicts compares each kernel of k with the first: one verdict a
// scenario and side, in the order of the report. allow is as in CompareOptions.
func KernelVerdicts(k []KernelBoots, allow ...string) []KernelVerdict {
	return newKernelLab(k, allow...).verdicts()
}
