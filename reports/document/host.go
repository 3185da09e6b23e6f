package document

import (
	"cmp"
	"maps"
	"slices"
	"strings"

	"tunbench/reports/figure"
	"tunbench/reports/prose"
	"tunbench/reports/record"
	"tunbench/reports/text"
)

// Differing shows the properties in which groups of runs differ. It is nil if there are
// less than two of them.
func Differing(with []figure.Group) []Block {
	if len(with) < 2 {
		return nil
	}
	columns := Text("")
	for _, p := range with {
		columns = append(columns, Text(p.Name)...)
	}
	same := 0
	add := func(t *Table, name any, of func(*record.Run) (string, bool)) {
		cells := []any{name}
		differs := false
		var first []string
		for i, p := range with {
			v := p.Values(of)
			if i == 0 {
				first = v
			}
			differs = differs || len(v) > 1 || !slices.Equal(first, v)
			cells = append(cells, strings.Join(v, " / "))
		}
		if differs {
			t.Rows = append(t.Rows, Row(cells...))
		} else {
			same++
		}
	}
	facts := Table{Columns: slices.Clone(columns)}
	facts.Columns[0].Name = "host"
	for _, fact := range figure.HostFacts {
		add(&facts, fact.Name, figure.Said(fact.Of))
	}
	for _, name := range figure.FloorNames(with) {
		add(&facts, name, func(r *record.Run) (string, bool) {
			_, costs := figure.FloorCosts(r.Floor)
			return text.Decimals(costs[name], 1) + " " + figure.FloorUnit(r), costs[name] > 0
		})
	}
	blocks := []Block{facts}
	rows := len(facts.Rows)
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
			for _, r := range p.Runs {
				for key := range m.of(r) {
					keys[key] = true
				}
			}
		}
		t := Table{Columns: slices.Clone(columns)}
		t.Columns[0].Name = m.what
		for _, key := range slices.Sorted(maps.Keys(keys)) {
			add(&t, prose.Mono(key), func(r *record.Run) (string, bool) {
				v, ok := m.of(r)[key]
				return v, ok
			})
		}
		rows += len(t.Rows)
		blocks = append(blocks, t.Folded("Differing "+m.what+"s"))
	}
	if rows == 0 {
		return []Block{book.Say("hosts agree", prose.Values{"Floors": figure.FloorsAgree(with[0].First(), with[1].First())})}
	}
	return append(blocks, Small(book.Say("hosts rest", prose.Values{"Same": same})))
}

// Briefly lists notes for a line: those on sysctls and kernel options, which may
// be many, after the first of them by their number.
func Briefly(notes []string) string {
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
			kept = append(kept, text.Plural(n, "more "+kind, "more "+kind+"s"))
		}
	}
	return strings.Join(kept, "; ")
}

// VirtualTime says what figures under the icount clock mean.
func VirtualTime() prose.Prose { return book.Say("virtual time", nil) }

// Modules lists the builds of the TUN module that a run names, by the value of the axis
// module.
func Modules(named map[string]record.Module) Table {
	t := Table{Columns: Text("module", "file", "parameters", "srcversion", "SHA-256")}
	for _, name := range slices.Sorted(maps.Keys(named)) {
		m := named[name]
		t.Rows = append(t.Rows, Row(name, prose.Mono(m.Path), cmp.Or(m.Parameters, text.Absent), cmp.Or(m.SrcVersion, text.Absent), prose.Mono(m.SHA256)))
	}
	return t
}
