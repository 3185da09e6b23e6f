package reports

import (
	"cmp"
	"fmt"
	"io"
	"maps"
	"math"
	"slices"
	"strings"

	"tunbench/reports/record"
	"tunbench/reports/stat"
)

// KernelBoots is what one kernel delivered to a comparison, boot by boot.
type KernelBoots struct {
	// Name tells the kernel from the others: its release, as a rule.
	Name string
	// Boots holds the run files of each boot in the order in which they were
	// measured. A boot that delivered nothing has none, and keeps its place.
	Boots [][]*record.File
}

// Kernels writes a comparison of k in GitHub's markdown: each kernel against
// the first. The same files give the same bytes.
func Kernels(w io.Writer, k []KernelBoots) error {
	return markdown(w, newKernelsText(newKernelLab(k)).document(), Options{})
}

// WriteKernels writes the comparison of k and its charts into dir, as Write
// does for one run. allow is as in CompareOptions.
func WriteKernels(dir string, k []KernelBoots, allow ...string) error {
	return writeDocument(dir, newKernelsText(newKernelLab(k, allow...)).document())
}

// virtualClock is the clock of a run under which one nanosecond is one
// instruction of the guest.
const virtualClock = "icount"

// settledTrials is how many trials in a row must agree for a scenario to be
// settled; its value is their median.
const settledTrials = 5

// virtualThreshold is the smallest change that counts in virtual time, as a
// ratio.
const virtualThreshold = 0.005

// sides are the two costs of a packet that kernels are compared by.
var sides = []struct{ metric, name string }{
	{record.SendNsPerPkt, "send"},
	{record.RecvNsPerPkt, "receive"},
}

// rungs are the ways to observe, in the order of the ladder.
var rungs = []string{"kprobe", "fentry", "tracepoint"}

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

type kernel struct {
	name     string
	short    string // without what the names of all kernels end with
	boots    int
	lost     []int // boots that delivered nothing, from 1
	files    []*record.File
	bare     map[string][]reading         // by scenario, a boot each
	observed map[string]map[string][]pair // by rung and scenario, a boot each
	skips    map[string]record.Skip       // by scenario, the first of the bare arm
	refused  []refusal
	cut      int // files without an end record
}

// refusal is a scenario that was not measured in one arm.
type refusal struct {
	record.Skip
	arm string // "bare", or the rung
}

// reading is what one boot says about a scenario.
type reading struct {
	boot      int
	last      []*record.Trial // those that the value comes from
	unsettled bool
	invalid   bool
}

// pair is the same scenario in the same boot without and with the observer.
type pair struct{ bare, observed reading }

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

func newKernel(in KernelBoots) *kernel {
	k := &kernel{
		name: cmp.Or(printable(in.Name), "unnamed kernel"), boots: len(in.Boots),
		bare: map[string][]reading{}, observed: map[string]map[string][]pair{}, skips: map[string]record.Skip{},
	}
	for i, files := range in.Boots {
		if len(files) == 0 {
			k.lost = append(k.lost, i+1)
			continue
		}
		k.add(i+1, files)
	}
	return k
}

// add takes the files of one boot. A scenario that several files measured bare
// counts as the first of them says; an observed one is held against the bare
// trials of the same suite, since a suite has a history before each scenario.
func (k *kernel) add(boot int, files []*record.File) {
	head := map[string]reading{}
	bySuite := map[string]map[string]reading{}
	for _, f := range files {
		k.files = append(k.files, f)
		if f.End == nil {
			k.cut++
		}
		suite := bySuite[f.Run.Suite]
		if suite == nil {
			suite = map[string]reading{}
			bySuite[f.Run.Suite] = suite
		}
		for name, trials := range finished(f, record.Bare) {
			r := read(boot, trials)
			if _, ok := head[name]; !ok {
				head[name] = r
			}
			if _, ok := suite[name]; !ok {
				suite[name] = r
			}
		}
		k.refuse(f)
	}
	for name, r := range head {
		k.bare[name] = append(k.bare[name], r)
	}
	for _, f := range files {
		rung := f.Run.Hook.Used
		for name, trials := range finished(f, record.Observed) {
			bare, ok := bySuite[f.Run.Suite][name]
			if !ok {
				if bare, ok = head[name]; !ok {
					continue
				}
			}
			if k.observed[rung] == nil {
				k.observed[rung] = map[string][]pair{}
			}
			k.observed[rung][name] = append(k.observed[rung][name], pair{bare, read(boot, trials)})
		}
	}
}

// refuse notes the skips of f, each once.
func (k *kernel) refuse(f *record.File) {
	arm := cmp.Or(f.Run.Hook.Used, "none")
	if arm == "none" {
		arm = string(record.Bare)
	}
	for _, s := range f.Skips {
		known := slices.ContainsFunc(k.refused, func(r refusal) bool {
			return r.Scenario == s.Scenario && r.Reason == s.Reason && r.Detail == s.Detail && (r.arm == arm || r.arm == string(record.Bare))
		})
		if !known {
			k.refused = append(k.refused, refusal{s, arm})
		}
		if _, ok := k.skips[s.Scenario]; !ok && arm == string(record.Bare) {
			k.skips[s.Scenario] = s
		}
	}
}

// finished groups the trials of one arm by scenario, in the order in which they
// were measured. In a file without an end record, the scenario that was under
// way has not settled and is left out.
func finished(f *record.File, which record.Arm) map[string][]*record.Trial {
	by := map[string][]*record.Trial{}
	last := 0
	for i := range f.Trials {
		t := &f.Trials[i]
		if t.Trial >= f.Trials[last].Trial {
			last = i
		}
		// A trial that does not tell is bare, as in a report on one run.
		if (t.Arm == record.Observed) == (which == record.Observed) {
			by[t.Scenario] = append(by[t.Scenario], t)
		}
	}
	if f.End == nil && len(f.Trials) > 0 {
		delete(by, f.Trials[last].Scenario)
	}
	for _, trials := range by {
		slices.SortStableFunc(trials, func(a, b *record.Trial) int { return cmp.Compare(a.Trial, b.Trial) })
	}
	return by
}

func read(boot int, trials []*record.Trial) reading {
	a := newArm(trials)
	return reading{
		boot: boot, last: a.used[max(0, len(a.used)-settledTrials):], invalid: a.invalid,
		unsettled: slices.ContainsFunc(a.all, func(t *record.Trial) bool { return slices.Contains(t.Flags, record.FlagUnsettled) }),
	}
}

// value is the median over the last trials; false where none has the metric.
// What is not above 0 is no cost.
func (r reading) value(metric string) (float64, bool) {
	s, err := stat.Summarize(r.values(metric))
	return s.Median, err == nil
}

// values gives the metric of each of the last trials that has it.
func (r reading) values(metric string) (x []float64) {
	for _, t := range r.last {
		if v, ok := t.Metrics[metric]; ok && v > 0 {
			x = append(x, v)
		}
	}
	return x
}

// cost is one side's cost of a packet over the boots of a kernel, in
// nanoseconds or instructions.
type cost struct {
	boots            []float64 // each boot's, in order
	trials           []float64 // that the boots' come from
	median, min, max float64
	spread           float64 // (max - min) / median, as a ratio
	unsettled        int     // boots in which the scenario never settled
	invalid          int     // boots in which no trial is valid
}

// costOf is nil where no boot has the metric.
func costOf(readings []reading, metric string) *cost {
	var c cost
	for _, r := range readings {
		v, ok := r.value(metric)
		if !ok {
			continue
		}
		c.boots = append(c.boots, v)
		c.trials = append(c.trials, r.values(metric)...)
		if r.unsettled {
			c.unsettled++
		}
		if r.invalid {
			c.invalid++
		}
	}
	s, err := stat.Summarize(c.boots)
	if err != nil || math.IsInf((s.Max-s.Min)/s.Median, 0) {
		return nil
	}
	c.median, c.min, c.max, c.spread = s.Median, s.Min, s.Max, (s.Max-s.Min)/s.Median
	return &c
}

func (k *kernel) cost(scenario, metric string) *cost { return costOf(k.bare[scenario], metric) }

// shift is one side's cost on two kernels.
type shift struct {
	base, new *cost    // nil where not measured
	change    *float64 // new/base - 1 in the same state; nil where one of them is nil
	states    stateShift
	spread    float64 // the larger of the two
	boots     int     // of the kernel that has fewer
}

func newShift(base, next *cost) shift {
	s := shift{base: base, new: next}
	if base == nil || next == nil {
		return s
	}
	s.states = shiftStates(base.trials, next.trials, virtualThreshold)
	if change := s.states.change; math.IsInf(change, 0) || math.IsNaN(change) {
		return s
	}
	s.change = &s.states.change
	s.spread = max(base.spread, next.spread)
	s.boots = min(len(base.boots), len(next.boots))
	return s
}

// shown gives the costs to show on both sides: where they are compared, those that
// the change is of; elsewhere the medians over boots. They are nil where nothing was
// measured.
func (s shift) shown() (base, next *float64) {
	if s.change != nil {
		return &s.states.base, &s.states.new
	}
	if s.base != nil {
		base = &s.base.median
	}
	if s.new != nil {
		next = &s.new.median
	}
	return base, next
}

// inState reports whether the costs that are compared are those of a state, and not
// those over all boots.
func (s shift) inState() bool {
	off := func(c *cost, shown float64) bool { return math.Abs(shown/c.median-1) > virtualThreshold }
	return s.change != nil && (off(s.base, s.states.base) || off(s.new, s.states.new))
}

// seen tells whether the change is larger than what the same kernel shows from
// boot to boot; with a single boot nobody knows.
func (s shift) seen() (seen, known bool) {
	if s.change == nil || s.boots < 2 {
		return false, false
	}
	return math.Abs(*s.change) > s.spread, true
}

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

func (l *kernelLab) verdict(base, next *kernel, scenario, metric string) KernelVerdict {
	s := newShift(base.cost(scenario, metric), next.cost(scenario, metric))
	v := KernelVerdict{
		Verdict: record.Verdict{
			Scenario: scenario, Metric: metric, Unit: l.unit(), N: s.boots, Change: s.change,
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
			lacking := record.Lacking(scenario, metric, v.Unit, v.Missing, reason, detail)
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

// why tells for what reason the kernel has no figure of a scenario.
func (k *kernel) why(scenario string) (reason, detail string) {
	if s, ok := k.skips[scenario]; ok {
		return s.Reason, s.Detail
	}
	return "", ""
}

// party is the kernel in tables of what differs.
func (k *kernel) party() party {
	p := party{name: k.name}
	for _, f := range k.files {
		p.runs = append(p.runs, f.Run)
	}
	return p
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

// builtOtherwise names what came out different when two kernels built the
// device of a scenario.
func builtOtherwise(base, next *kernel, scenario string) (why []string) {
	a, b := base.device(scenario), next.device(scenario)
	if a == nil || b == nil {
		return nil
	}
	return deviceDifferences(a, b)
}

// carrying picks the features that decide how a packet is carried: whole or in
// segments, with or without its checksum.
func carrying(features []string) (kept []string) {
	for _, f := range features {
		for _, mark := range []string{"segmentation", "checksum", "scatter-gather", "gro", "gso"} {
			if strings.Contains(f, mark) {
				kept = append(kept, f)
				break
			}
		}
	}
	slices.Sort(kept)
	return kept
}

// device is the one that the kernel built in its first boot.
func (k *kernel) device(scenario string) *record.Device {
	if r := k.bare[scenario]; len(r) > 0 && len(r[0].last) > 0 {
		return &r[0].last[0].Device
	}
	return nil
}

// overhead is what the observer adds to one side of a scenario on one rung:
// the median over boots of observed minus bare in the same boot.
type overhead struct {
	bare             float64 // median over the same boots
	added, min, max  float64 // in the unit of the cost
	ratio            float64 // observed/bare - 1, median over boots
	boots, unsettled int
}

func (k *kernel) overhead(rung, scenario, metric string) (overhead, bool) {
	var o overhead
	var bare, added, ratios []float64
	for _, p := range k.observed[rung][scenario] {
		b, okB := p.bare.value(metric)
		w, okW := p.observed.value(metric)
		if !okB || !okW || math.IsInf(w/b, 0) {
			continue
		}
		bare, added, ratios = append(bare, b), append(added, w-b), append(ratios, w/b-1)
		if p.bare.unsettled || p.observed.unsettled {
			o.unsettled++
		}
	}
	a, err := stat.Summarize(added)
	if err != nil {
		return o, false
	}
	b, errB := stat.Summarize(bare)
	r, errR := stat.Summarize(ratios)
	if errB != nil || errR != nil {
		return o, false
	}
	o.bare, o.added, o.min, o.max, o.ratio, o.boots = b.Median, a.Median, a.Min, a.Max, r.Median, a.N
	return o, true
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
