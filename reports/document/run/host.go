package run

import (
	"cmp"
	"maps"
	"slices"
	"strconv"
	"strings"

	"tunbench/reports/document"
	"tunbench/reports/figure"
	"tunbench/reports/prose"
	"tunbench/reports/record"
	"tunbench/reports/text"
)

func observer(f *record.File, list []*figure.Scenario) document.Section {
	h := f.Run.Hook
	sec := document.Section{Heading: book.Text("observer heading", nil)}
	switch h.Used {
	case "", "none":
		sec.Blocks = append(sec.Blocks, book.Say("observer none", prose.Values{"Requested": cmp.Or(h.Requested, "nothing")}))
	case record.HookMixed:
		sec.Blocks = append(sec.Blocks, book.Say("observer mixed", nil))
	default:
		p := book.Say("observer", prose.Values{"Used": h.Used, "Requested": cmp.Or(h.Requested, "auto")})
		var memory, missed uint64
		every := 0
		for _, t := range figure.AllTrials(list) {
			if t.Observer != nil {
				memory = max(memory, t.Observer.MemoryBytes)
				missed += t.Observer.MissedRuns
				every = max(every, t.Observer.SampleEvery)
			}
		}
		if every > 1 {
			p = and(p, book.Say("observer sampling", prose.Values{"Every": text.Count(uint64(every))}))
		}
		if memory > 0 {
			p = and(p, book.Say("observer memory", prose.Values{"Memory": text.Size(memory), "Missed": text.Count(missed)}))
		}
		sec.Blocks = append(sec.Blocks, p)
	}
	if len(h.PassedOver) > 0 {
		t := document.Table{Columns: document.Text("hook not used", "reason")}
		for _, p := range h.PassedOver {
			t.Rows = append(t.Rows, document.Row(p.Hook, p.Reason))
		}
		sec.Blocks = append(sec.Blocks, t)
	}
	if len(h.Programs) > 0 {
		t := document.Table{Columns: document.Text("program", "kind", "attached to")}
		for _, p := range h.Programs {
			t.Rows = append(t.Rows, document.Row(prose.Mono(p.Name), p.Kind, prose.Mono(p.Target)))
		}
		sec.Blocks = append(sec.Blocks, t)
	}
	return sec
}

func host(f *record.File, list []*figure.Scenario) document.Section {
	r, h := f.Run, f.Run.Host
	facts := document.Table{Columns: document.Text("host", "")}
	fact := func(name string, value any) {
		if value != "" {
			facts.Rows = append(facts.Rows, document.Row(name, value))
		}
	}
	literal := func(name, value string) {
		if value != "" {
			fact(name, prose.Mono(value))
		}
	}
	literal("kernel", h.Kernel)
	literal("kernel version", h.KernelVersion)
	fact("architecture", h.Arch)
	fact("CPU", h.CPU)
	if h.CPUs > 0 {
		fact("CPUs online", strconv.Itoa(h.CPUs))
	}
	fact("CPU quota", figure.QuotaText(h))
	fact("SMT", h.SMT)
	fact("virtualisation", h.Virt)
	if o := h.Outer; o != nil {
		fact("host of the guest", strings.Join(text.NonEmpty(o.CPU, text.Plural(max(o.CPUs, 0), "CPU", "CPUs"), "Linux "+o.Kernel, o.Virt), ", "))
	}
	fact("frequency governor", h.Governor)
	fact("clock source", h.Clocksource)
	fact("netfilter modules", strings.Join(h.Netfilter, " "))
	if h.MemoryBytes > 0 {
		fact("memory", text.Size(h.MemoryBytes))
	}
	literal("kernel command line", h.Cmdline)
	fact("started", r.Started)
	if f.End != nil {
		fact("ended", f.End.Ended)
	}
	literal("run", r.ID)
	literal("seed", strconv.FormatUint(r.Seed, 10))
	literal("arguments", strings.Join(r.Args, " "))
	fact("tunbench", strings.Join(text.NonEmpty(r.Tool.Version, r.Tool.Commit, r.Tool.Go), ", "))

	floor := document.Table{Columns: slices.Concat(document.Text("floor"), document.Numeric(figure.FloorUnit(r)))}
	cost := func(ns float64) string { return text.Decimals(ns, 1) }
	if fault := r.Floor.Fault(); fault != "" {
		cost = func(float64) string { return text.Absent }
		floor.Note = book.Say("host floor", prose.Values{"Fault": fault})
	}
	if r.Floor.SyscallNs > 0 {
		floor.Rows = append(floor.Rows, document.Row(book.Text("host floor call", nil), cost(r.Floor.SyscallNs)))
	}
	for _, s := range figure.CopySizes(r.Floor) {
		floor.Rows = append(floor.Rows, document.Row(book.Text("host floor copy", prose.Values{"Size": s}), cost(r.Floor.CopyNs[s])))
	}

	devices := document.Table{Detail: true, Columns: slices.Concat(document.Text("scenario", "flags"), document.Numeric("vnet header"), document.Text("offloads", "qdisc"), document.Numeric("txqlen", "MTU"), document.Text("senders on CPU", "readers on CPU"))}
	title := figure.Titles(list)
	for _, s := range list {
		t := s.All()[0]
		devices.Rows = append(devices.Rows, document.Row(title(s), strings.Join(t.Device.Flags, " "), t.Device.VnetHdrSz, strings.Join(t.Device.Offloads, " "), t.Device.Qdisc,
			t.Device.TxQLen, t.Device.MTU, text.Numbers(t.CPUs.Sender), text.Numbers(t.CPUs.Reader)))
	}

	var names document.Bullets
	for _, s := range list {
		names = append(names, prose.Say(prose.Mono(s.Name)))
	}
	return document.Section{Heading: book.Text("host heading", nil), Blocks: []document.Block{
		document.Fold{Summary: book.Text("host machine fold", nil), Blocks: []document.Block{
			facts,
			settings("mitigation", h.Mitigations), detail(settings("sysctl", h.Sysctl)), detail(settings("kernel option", h.Config)),
			floor, document.Modules(r.Modules),
		}},
		document.Fold{Summary: book.Text("host devices fold", nil), Blocks: []document.Block{devices}},
		document.Fold{Summary: book.Text("host names fold", nil), Blocks: []document.Block{names}},
	}}
}

func settings(what string, m map[string]string) document.Table {
	t := document.Table{Columns: document.Text(what, "")}
	for _, k := range slices.Sorted(maps.Keys(m)) {
		t.Rows = append(t.Rows, document.Row(prose.Mono(k), m[k]))
	}
	return t
}

// detail is t in a full report only.
func detail(t document.Table) document.Table {
	t.Detail = true
	return t
}
