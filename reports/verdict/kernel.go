package verdict

import (
	"cmp"
	"math"
	"slices"

	"tunbench/reports/figure"
	"tunbench/reports/record"
	"tunbench/reports/stat"
	"tunbench/reports/text"
)

// KernelBoots holds the run files of one kernel, boot by boot.
type KernelBoots struct {
	// Name identifies the kernel: its release, as a rule.
	Name string
	// Boots holds the run files of each boot in the order in which they were
	// measured. A boot without run files has an empty slice.
	Boots [][]*record.File
}

// Kernel is one kernel of a Lab, its figures computed.
type Kernel struct {
	Name     string
	Short    string // without what the names of all kernels end with
	Boots    int
	Lost     []int // numbers, from 1, of the boots without run files
	Files    []*record.File
	Bare     map[string][]Reading         // by scenario, one per boot
	Observed map[string]map[string][]pair // by hook and scenario, one per boot
	skips    map[string]record.Skip       // by scenario, the first of the bare arm
	Refused  []Refusal
	Cut      int // files without an end record
}

// add adds the files of one boot. Of a scenario that several files measured bare, the
// first file counts. Observed trials are compared with the bare trials of the same
// suite, since the scenarios that ran before in a suite affect a scenario.
func (k *Kernel) add(boot int, files []*record.File) {
	head := map[string]Reading{}
	bySuite := map[string]map[string]Reading{}
	for _, f := range files {
		k.Files = append(k.Files, f)
		if f.End == nil {
			k.Cut++
		}
		suite := bySuite[f.Run.Suite]
		if suite == nil {
			suite = map[string]Reading{}
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
		k.Bare[name] = append(k.Bare[name], r)
	}
	for _, f := range files {
		hook := f.Run.Hook.Used
		for name, trials := range finished(f, record.Observed) {
			bare, ok := bySuite[f.Run.Suite][name]
			if !ok {
				if bare, ok = head[name]; !ok {
					continue
				}
			}
			if k.Observed[hook] == nil {
				k.Observed[hook] = map[string][]pair{}
			}
			k.Observed[hook][name] = append(k.Observed[hook][name], pair{bare, read(boot, trials)})
		}
	}
}

// refuse adds the skips of f to Refused, each once.
func (k *Kernel) refuse(f *record.File) {
	arm := cmp.Or(f.Run.Hook.Used, record.HookNone)
	if arm == record.HookNone {
		arm = string(record.Bare)
	}
	for _, s := range f.Skips {
		known := slices.ContainsFunc(k.Refused, func(r Refusal) bool {
			return r.Scenario == s.Scenario && r.Reason == s.Reason && r.Detail == s.Detail && (r.Arm == arm || r.Arm == string(record.Bare))
		})
		if !known {
			k.Refused = append(k.Refused, Refusal{s, arm})
		}
		if _, ok := k.skips[s.Scenario]; !ok && arm == string(record.Bare) {
			k.skips[s.Scenario] = s
		}
	}
}

func (k *Kernel) Cost(scenario, metric string) *Cost { return costOf(k.Bare[scenario], metric) }

// Why returns the reason why the kernel has no figure of a scenario.
func (k *Kernel) Why(scenario string) (reason, detail string) {
	if s, ok := k.skips[scenario]; ok {
		return s.Reason, s.Detail
	}
	return "", ""
}

// Group is the kernel as a column in tables of differences.
func (k *Kernel) Group() figure.Group {
	p := figure.Group{Name: k.Name}
	for _, f := range k.Files {
		p.Runs = append(p.Runs, f.Run)
	}
	return p
}

// device is the scenario's device in the kernel's first boot; nil if not known.
func (k *Kernel) device(scenario string) *record.Device {
	if r := k.Bare[scenario]; len(r) > 0 && len(r[0].last) > 0 {
		return &r[0].last[0].Device
	}
	return nil
}

func (k *Kernel) Overhead(hook, scenario, metric string) (overhead, bool) {
	var o overhead
	var bare, added, ratios []float64
	for _, p := range k.Observed[hook][scenario] {
		b, okB := p.bare.value(metric)
		w, okW := p.observed.value(metric)
		if !okB || !okW || math.IsInf(w/b, 0) {
			continue
		}
		bare, added, ratios = append(bare, b), append(added, w-b), append(ratios, w/b-1)
		if p.bare.Unsettled || p.observed.Unsettled {
			o.Unsettled++
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
	o.Bare, o.Added, o.Min, o.Max, o.Ratio, o.Boots = b.Median, a.Median, a.Min, a.Max, r.Median, a.N
	return o, true
}

// Refusal is a scenario that was not measured in one arm.
type Refusal struct {
	record.Skip
	Arm string // "bare", or the hook of the observer
}

func newKernel(in KernelBoots) *Kernel {
	k := &Kernel{
		Name: cmp.Or(text.Printable(in.Name), "unnamed kernel"), Boots: len(in.Boots),
		Bare: map[string][]Reading{}, Observed: map[string]map[string][]pair{}, skips: map[string]record.Skip{},
	}
	for i, files := range in.Boots {
		if len(files) == 0 {
			k.Lost = append(k.Lost, i+1)
			continue
		}
		k.add(i+1, files)
	}
	return k
}

// finished groups the trials of one arm by scenario, in the order in which they were
// measured. In a file without an end record, the last scenario was interrupted before
// it settled, and is left out.
func finished(f *record.File, which record.Arm) map[string][]*record.Trial {
	by := map[string][]*record.Trial{}
	last := 0
	for i := range f.Trials {
		t := &f.Trials[i]
		if t.Trial >= f.Trials[last].Trial {
			last = i
		}
		// A trial without an arm is bare, as in a report on one run.
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

// BuiltOtherwise names the differences between the devices that two kernels built for
// a scenario.
func BuiltOtherwise(base, next *Kernel, scenario string) (why []string) {
	for _, d := range builtOtherwise(base, next, scenario) {
		why = append(why, d.text)
	}
	return why
}

func builtOtherwise(base, next *Kernel, scenario string) []difference {
	a, b := base.device(scenario), next.device(scenario)
	if a == nil || b == nil {
		return nil
	}
	return deviceDifferences(a, b)
}

// overhead is what the observer with one hook adds to the send or receive cost of a
// scenario: the median over boots of observed minus bare in the same boot.
type overhead struct {
	Bare             float64 // bare cost, median over the same boots
	Added, Min, Max  float64 // in the unit of the cost
	Ratio            float64 // observed/bare - 1, median over boots
	Boots, Unsettled int
}
