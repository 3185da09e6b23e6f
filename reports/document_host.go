package reports

import (
	"maps"
	"slices"
	"strings"

	"tunbench/reports/record"
)

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

// briefly lists notes for a line: those on sysctls and kernel options, which may
// be many, after the first of them by their number.
func briefly(notes []string) string {
	const most = 6
	var kept []string
	more := map[string]int{}
	kinds := []string{"sysctl", "kernel option", "mitigation"}
	for _, note := range notes {
		i := slices.IndexFunc(kinds, func(kind string) bool { return strings.HasPrefix(note, kind+" ") })
		if i >= 0 && len(kept) >= most && kinds[i] != "mitigation" {
			more[kinds[i]]++
			continue
		}
		kept = append(kept, note)
	}
	for _, kind := range kinds {
		if n := more[kind]; n > 0 {
			kept = append(kept, plural(n, "more "+kind, "more "+kind+"s"))
		}
	}
	return strings.Join(kept, "; ")
}

// virtualTime tells what figures under the icount clock are worth.
const virtualTime = "one nanosecond of the guest is one instruction that its only CPU executed. It sees every instruction that is added to or taken from the path of a packet. " +
	"It sees no caches, no branch predictor and no parallelism: an instruction costs the same wherever its memory is, and lock contention and cache misses cost nothing. It says which kernel does less work, not which one is faster on a given machine."
