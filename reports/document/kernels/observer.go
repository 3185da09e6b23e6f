package kernels

import (
	"cmp"
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

// observerCost is what observing by each hook adds to a packet on each kernel.
func observerCost(l Text) (document.Section, bool) {
	hooks := l.HooksOf()
	if len(hooks) == 0 {
		return document.Section{}, false
	}
	sec := document.Section{Heading: book.Text("observer heading", prose.Values{"Unit": l.Unit()})}
	shared := l.ObservedEverywhere()
	t := document.Table{Columns: slices.Concat(document.Text("kernel", "hook"), document.Numeric("scenarios"))}
	for _, side := range verdict.PacketCosts {
		t.Columns = slices.Concat(t.Columns, document.Numeric(side.Name, "lowest to highest", side.Name+" %"))
	}
	unmeasured := false
	for _, k := range l.Kernels {
		for _, hook := range hooks {
			if len(k.Observed[hook]) > 0 {
				t.Rows = append(t.Rows, document.Row(observed(k, hook, shared)...))
				continue
			}
			unmeasured = true
			t.Rows = append(t.Rows, document.Row(k.Short, hook, "not measured", text.Absent, text.Absent, text.Absent, text.Absent, text.Absent, text.Absent))
		}
	}
	t.Note = book.Say("observer columns", prose.Values{"Unmeasured": unmeasured})
	sec.Blocks = append(sec.Blocks, t)
	if len(shared) == 0 {
		sec.Blocks = append(sec.Blocks, book.Say("observer no sum", nil))
	}
	sec.Blocks = append(sec.Blocks, observedByScenario(l, hooks))
	return sec, true
}

// observed is the row of a hook on a kernel, over the scenarios that all share.
func observed(k *verdict.Kernel, hook string, shared []string) []any {
	cells := []any{k.Short, cmp.Or(hook, record.HookNone), strconv.Itoa(len(shared))}
	for _, side := range verdict.PacketCosts {
		var added, ratios []float64
		for _, name := range shared {
			if o, ok := k.Overhead(hook, name, side.Metric); ok {
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
	return cells
}

// observedByScenario is a row for each scenario, kernel and hook.
func observedByScenario(l Text, hooks []string) document.Table {
	t := document.Table{
		Columns: slices.Concat(document.Text("scenario", "kernel", "hook"), document.Numeric("bare send", "send", "send %", "bare receive", "receive", "receive %"), document.Text("marks")),
		Fold:    "Cost of the observer in each scenario",
	}
	names := map[string]bool{}
	for _, k := range l.Kernels {
		for _, hook := range hooks {
			for name := range k.Observed[hook] {
				names[name] = true
			}
		}
	}
	for _, name := range slices.SortedFunc(maps.Keys(names), axis.Compare) {
		called := l.Name(name)
		for _, k := range l.Kernels {
			for _, hook := range hooks {
				if cells, ok := observedScenario(k, hook, name); ok {
					t.Rows = append(t.Rows, document.Row(slices.Concat([]any{called, k.Short, cmp.Or(hook, record.HookNone)}, cells)...))
					called = "" // once a scenario
				}
			}
		}
	}
	return t
}

// observedScenario are the figures and the marks of a row; false if there are none.
func observedScenario(k *verdict.Kernel, hook, name string) (cells []any, ok bool) {
	var marks []string
	for _, side := range verdict.PacketCosts {
		o, have := k.Overhead(hook, name, side.Metric)
		if !have {
			cells = append(cells, text.Absent, text.Absent, text.Absent)
			continue
		}
		ok = true
		cells = append(cells, text.PerPacket(o.Bare), text.Plus(o.Added), text.Precisely(o.Ratio))
		if o.Unsettled > 0 {
			marks = append(marks, book.Text("count unsettled", prose.Values{"Of": side.Name, "N": o.Unsettled, "Boots": o.Boots}))
		}
		if o.Boots > 1 && o.Max-o.Min > math.Abs(o.Added) {
			marks = append(marks, book.Text("mark boots differ", prose.Values{"Side": side.Name}))
		}
	}
	return append(cells, strings.Join(marks, "; ")), ok
}
