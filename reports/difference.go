package reports

import (
	"maps"
	"math"
	"slices"
	"strings"

	"tunbench/reports/record"
)

// party is one side of a comparison in a table of what differs: a kernel with
// its boots, or a run.
type party struct {
	name string
	runs []*record.Run
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

// said is of for values, of what every run says.
func said(of func(*record.Run) string) func(*record.Run) (string, bool) {
	return func(r *record.Run) (string, bool) { return of(r), true }
}

// differing shows what parties do not have in common. It is nil if there are
// less than two of them.
func differing(with []party) []block {
	if len(with) < 2 {
		return nil
	}
	columns := text("")
	for _, p := range with {
		columns = append(columns, text(p.name)...)
	}
	same := 0
	add := func(t *table, name any, of func(*record.Run) (string, bool)) {
		cells := []any{name}
		differs := false
		var first []string
		for i, p := range with {
			v := p.values(of)
			if i == 0 {
				first = v
			}
			differs = differs || len(v) > 1 || !slices.Equal(first, v)
			cells = append(cells, strings.Join(v, " / "))
		}
		if differs {
			t.rows = append(t.rows, row(cells...))
		} else {
			same++
		}
	}
	facts := table{columns: slices.Clone(columns)}
	facts.columns[0].name = "host"
	for _, fact := range hostFacts {
		add(&facts, fact.name, said(fact.of))
	}
	for _, name := range floorNames(with) {
		add(&facts, name, func(r *record.Run) (string, bool) {
			_, costs := floorCosts(r.Floor)
			return decimals(costs[name], 1) + " ns", costs[name] > 0
		})
	}
	blocks := []block{facts}
	rows := len(facts.rows)
	for _, m := range []struct {
		what string
		of   func(*record.Run) map[string]string
	}{
		{"mitigation", func(r *record.Run) map[string]string { return r.Host.Mitigations }},
		{"sysctl", func(r *record.Run) map[string]string { return r.Host.Sysctl }},
		{"kernel option", func(r *record.Run) map[string]string { return r.Host.Config }},
	} {
		keys := map[string]bool{}
		for _, p := range with {
			for _, r := range p.runs {
				for key := range m.of(r) {
					keys[key] = true
				}
			}
		}
		t := table{columns: slices.Clone(columns)}
		t.columns[0].name = m.what
		for _, key := range slices.Sorted(maps.Keys(keys)) {
			add(&t, mono(key), func(r *record.Run) (string, bool) {
				v, ok := m.of(r)[key]
				return v, ok
			})
		}
		rows += len(t.rows)
		blocks = append(blocks, t.folded("Each "+m.what))
	}
	if rows == 0 {
		p := say("Nothing that is recorded of them")
		if agree := floorsAgree(with[0].floor(), with[1].floor()); agree != "" {
			p = append(p, say("; "+agree)...)
		}
		return []block{append(p, say(".")...)}
	}
	return append(blocks, small(say(plural(same, "other recorded property is", "other recorded properties are")+
		" the same. A dash: the kernel does not have it, or does not say. Two values in one cell: its boots differ.")))
}

// floorNames are the parts of the floor in which the first runs of two parties
// differ by more than it scatters.
func floorNames(with []party) (differ []string) {
	names, first := floorCosts(with[0].floor())
	for _, name := range names {
		if slices.ContainsFunc(with[1:], func(p party) bool {
			_, other := floorCosts(p.floor())
			return other[name] > 0 && math.Abs(math.Log(other[name]/first[name])) > math.Log1p(floorScatter)
		}) {
			differ = append(differ, name)
		}
	}
	return differ
}
