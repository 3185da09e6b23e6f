package kernels

import (
	"cmp"
	"maps"
	"slices"
	"strings"

	"tunbench/reports/axis"
	"tunbench/reports/document"
	"tunbench/reports/figure"
	"tunbench/reports/prose"
	"tunbench/reports/record"
	"tunbench/reports/text"
	"tunbench/reports/verdict"
)

// refusals lists what was not measured, and why.
func refusals(l Text) (document.Section, bool) {
	t := document.Table{Columns: document.Text("scenario", "kernel", "arm", "reason", "detail")}
	type line struct {
		verdict.Refusal
		kernel *verdict.Kernel
	}
	var lines []line
	reasons := map[string]bool{}
	for _, k := range l.Kernels {
		for _, r := range k.Refused {
			lines = append(lines, line{r, k})
			reasons[r.Reason] = true
		}
	}
	slices.SortStableFunc(lines, func(a, b line) int { return axis.Compare(a.Scenario, b.Scenario) })
	for _, r := range lines {
		t.Rows = append(t.Rows, document.Row(prose.Mono(r.Scenario), r.kernel.Short, r.Arm, r.Reason, r.Detail))
	}
	for _, reason := range slices.Sorted(maps.Keys(reasons)) {
		if m := document.SkipMeaning(reason); m != "" {
			if len(t.Note) > 0 {
				t.Note = append(t.Note, prose.Say(" ")...)
			}
			t.Note = append(t.Note, book.Say("reason", prose.Values{"Reason": reason, "Meaning": m})...)
		}
	}
	return document.Section{Heading: "Scenarios not measured", Blocks: []document.Block{t.Folded("Scenarios not measured")}}, len(t.Rows) > 0
}

// differences shows what the kernels do not have in common.
func differences(l Text) (document.Section, bool) {
	sec := document.Section{Heading: "Differences between the kernels"}
	var with []figure.Group
	for _, k := range l.Kernels {
		if len(k.Files) > 0 {
			with = append(with, k.Group())
		}
	}
	if sec.Blocks = document.Differing(with); sec.Blocks == nil {
		return document.Section{}, false
	}

	devices := document.Table{Columns: document.Text("scenario", "kernel", "what differs"), Fold: "Differences between the devices"}
	for _, next := range l.Rest() {
		for _, name := range l.Scenarios {
			for _, why := range verdict.BuiltOtherwise(l.Kernels[0], next, name) {
				devices.Rows = append(devices.Rows, document.Row(l.Name(name), next.Short, why))
			}
		}
	}
	sec.Blocks = append(sec.Blocks, devices)
	return sec, true
}

// raw shows what every boot said.
func raw(l Text) (document.Section, bool) {
	each := document.Table{Columns: slices.Concat(document.Text("scenario", "kernel"), document.Numeric("boots"), document.Text("send in each boot", "receive in each boot"))}
	full := document.Bullets{}
	for _, name := range l.Scenarios {
		full = append(full, prose.Say(prose.Mono(name)))
		called := l.Name(name)
		for _, k := range l.Kernels {
			if len(k.Bare[name]) == 0 {
				continue
			}
			cells := []any{called, k.Short, len(k.Bare[name])}
			for _, side := range verdict.PacketCosts {
				var values []string
				if c := k.Cost(name, side.Metric); c != nil {
					for _, v := range c.Boots {
						values = append(values, text.PerPacket(v))
					}
				}
				cells = append(cells, cmp.Or(strings.Join(values, " · "), text.Absent))
			}
			each.Rows = append(each.Rows, document.Row(cells...))
			called = ""
		}
	}
	runs := document.Table{Columns: slices.Concat(document.Text("kernel", "suite", "arm", "started", "arguments"), document.Numeric("trials"))}
	for _, k := range l.Kernels {
		for _, f := range k.Files {
			arm := cmp.Or(f.Run.Hook.Used, record.HookNone)
			if arm == record.HookNone {
				arm = string(record.Bare)
			}
			runs.Rows = append(runs.Rows, document.Row(k.Short, f.Run.Suite, arm, f.Run.Started, prose.Mono(strings.Join(f.Run.Args, " ")), len(f.Trials)))
		}
	}
	sec := document.Section{Heading: "Raw figures", Blocks: []document.Block{
		document.Fold{Summary: "Cost in each boot", Blocks: []document.Block{each}}, document.Fold{Summary: "Runs", Blocks: []document.Block{runs}}, document.Fold{Summary: "Full names of the scenarios", Blocks: []document.Block{full}},
	}}
	return sec, len(runs.Rows) > 0
}
