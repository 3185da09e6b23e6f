package kernels

import (
	"cmp"
	"fmt"
	"maps"
	"math"
	"slices"
	"strconv"
	"strings"

	"tunbench/reports/axis"
	"tunbench/reports/document"
	"tunbench/reports/prose"
	"tunbench/reports/record"
	"tunbench/reports/stat"
	"tunbench/reports/text"
	"tunbench/reports/verdict"
)

// observerCost is what each rung adds to a packet on each kernel.
func observerCost(l Text) (document.Section, bool) {
	all := l.RungsOf()
	if len(all) == 0 {
		return document.Section{}, false
	}
	sec := document.Section{Heading: "What the observer costs, in " + l.Unit() + " a packet"}
	shared := l.ObservedEverywhere()
	sec.Blocks = append(sec.Blocks, observerCosts(l, all, shared))
	if len(shared) == 0 {
		sec.Blocks = append(sec.Blocks, prose.Say("No scenario was measured bare and on every rung of every kernel, so nothing can be summed up."))
	}
	sec.Blocks = append(sec.Blocks, observerCostsByScenario(l, all))
	return sec, true
}

// observerCosts has a row for each kernel and rung, over the scenarios that all of
// them measured.
func observerCosts(l Text, all, shared []string) document.Table {
	t := document.Table{Columns: slices.Concat(document.Text("kernel", "rung"), document.Numeric("scenarios"))}
	for _, side := range verdict.Sides {
		t.Columns = slices.Concat(t.Columns, document.Numeric(side.Name, "lowest to highest", side.Name+" %"))
	}
	unmeasured := false
	for _, k := range l.Kernels {
		for _, rung := range all {
			if len(k.Observed[rung]) == 0 {
				unmeasured = true
				t.Rows = append(t.Rows, document.Row(k.Short, rung, "not measured", text.Absent, text.Absent, text.Absent, text.Absent, text.Absent, text.Absent))
				continue
			}
			cells := []any{k.Short, cmp.Or(rung, record.HookNone), strconv.Itoa(len(shared))}
			for _, side := range verdict.Sides {
				var added, ratios []float64
				for _, name := range shared {
					if o, ok := k.Overhead(rung, name, side.Metric); ok {
						added, ratios = append(added, o.Added), append(ratios, o.Ratio)
					}
				}
				a, errA := stat.Summarize(added)
				r, errR := stat.Summarize(ratios)
				if errA != nil || errR != nil {
					cells = append(cells, text.Absent, text.Absent, text.Absent)
					continue
				}
				cells = append(cells, prose.Bold(text.Plus(a.Median)), span(a.Min, a.Max), text.Precisely(r.Median))
			}
			t.Rows = append(t.Rows, document.Row(cells...))
		}
	}
	t.Note = prose.Say("Observed minus bare in the same boot, median over boots, then over the scenarios that every kernel measured on every rung that it has; ",
		prose.Bold("lowest to highest"), ": over those scenarios. In per cent of the bare cost, median over the same.")
	if unmeasured {
		t.Note = append(t.Note, prose.Say(" ", prose.Bold("not measured"), ": that kernel has no observed run on the rung.")...)
	}
	return t
}

// observerCostsByScenario has a row for each scenario, kernel and rung.
func observerCostsByScenario(l Text, all []string) document.Table {
	t := document.Table{
		Columns: slices.Concat(document.Text("scenario", "kernel", "rung"), document.Numeric("bare send", "send", "send %", "bare receive", "receive", "receive %"), document.Text("marks")),
		Fold:    "By scenario",
	}
	names := map[string]bool{}
	for _, k := range l.Kernels {
		for _, rung := range all {
			for name := range k.Observed[rung] {
				names[name] = true
			}
		}
	}
	for _, name := range slices.SortedFunc(maps.Keys(names), axis.Compare) {
		called := l.name(name)
		for _, k := range l.Kernels {
			for _, rung := range all {
				cells := []any{called, k.Short, cmp.Or(rung, record.HookNone)}
				have := false
				var marks []string
				for _, side := range verdict.Sides {
					o, ok := k.Overhead(rung, name, side.Metric)
					if !ok {
						cells = append(cells, text.Absent, text.Absent, text.Absent)
						continue
					}
					have = true
					cells = append(cells, text.PerPacket(o.Bare), text.Plus(o.Added), text.Precisely(o.Ratio))
					if o.Unsettled > 0 {
						marks = append(marks, fmt.Sprintf("%s: unsettled %d/%d", side.Name, o.Unsettled, o.Boots))
					}
					if o.Boots > 1 && o.Max-o.Min > math.Abs(o.Added) {
						marks = append(marks, side.Name+": the boots differ by more")
					}
				}
				if have {
					t.Rows = append(t.Rows, document.Row(append(cells, strings.Join(marks, "; "))...))
					called = "" // once a scenario
				}
			}
		}
	}
	return t
}
