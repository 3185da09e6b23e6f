package reports

import (
	"cmp"
	"maps"
	"slices"
	"strconv"
	"strings"

	"tunbench/reports/record"
)

func observer(f *record.File, list []*scenario) section {
	h := f.Run.Hook
	sec := section{heading: "How the kernel was observed"}
	switch h.Used {
	case "", "none":
		sec.blocks = append(sec.blocks, say("No observer was attached; ", mono(cmp.Or(h.Requested, "nothing")), " was asked for."))
	case record.HookMixed:
		sec.blocks = append(sec.blocks, say("By different hooks: see Shards."))
	default:
		p := say("Through ", bold(h.Used), "; ", mono(cmp.Or(h.Requested, "auto")), " was asked for.")
		var memory, missed uint64
		every := 0
		for _, t := range allTrials(list) {
			if t.Observer != nil {
				memory = max(memory, t.Observer.MemoryBytes)
				missed += t.Observer.MissedRuns
				every = max(every, t.Observer.SampleEvery)
			}
		}
		if every > 1 {
			p = append(p, say(" Counters are of every packet, residency is of one skb in "+count(uint64(every))+", chosen by address.")...)
		}
		if memory > 0 {
			p = append(p, say(" Its maps took at most "+size(memory)+" in the kernel, which skipped "+count(missed)+" runs of its programs.")...)
		}
		sec.blocks = append(sec.blocks, p)
	}
	if len(h.PassedOver) > 0 {
		t := table{columns: text("passed over", "why")}
		for _, p := range h.PassedOver {
			t.rows = append(t.rows, row(p.Hook, p.Reason))
		}
		sec.blocks = append(sec.blocks, t)
	}
	if len(h.Programs) > 0 {
		t := table{columns: text("program", "kind", "attached to")}
		for _, p := range h.Programs {
			t.rows = append(t.rows, row(mono(p.Name), p.Kind, mono(p.Target)))
		}
		sec.blocks = append(sec.blocks, t)
	}
	return sec
}

func host(f *record.File, list []*scenario) section {
	r, h := f.Run, f.Run.Host
	facts := table{columns: text("host", "")}
	fact := func(name string, value any) {
		if value != "" {
			facts.rows = append(facts.rows, row(name, value))
		}
	}
	literal := func(name, value string) {
		if value != "" {
			fact(name, mono(value))
		}
	}
	literal("kernel", h.Kernel)
	literal("kernel version", h.KernelVersion)
	fact("architecture", h.Arch)
	fact("CPU", h.CPU)
	if h.CPUs > 0 {
		fact("CPUs online", strconv.Itoa(h.CPUs))
	}
	fact("CPU quota", quotaText(h))
	fact("SMT", h.SMT)
	fact("virtualisation", h.Virt)
	if o := h.Outer; o != nil {
		fact("the guest's host", strings.Join(nonEmpty(o.CPU, plural(max(o.CPUs, 0), "CPU", "CPUs"), "Linux "+o.Kernel, o.Virt), ", "))
	}
	fact("frequency governor", h.Governor)
	fact("clock source", h.Clocksource)
	fact("netfilter modules", strings.Join(h.Netfilter, " "))
	if h.MemoryBytes > 0 {
		fact("memory", size(h.MemoryBytes))
	}
	literal("kernel command line", h.Cmdline)
	fact("started", r.Started)
	if f.End != nil {
		fact("ended", f.End.Ended)
	}
	literal("run", r.ID)
	literal("seed", strconv.FormatUint(r.Seed, 10))
	literal("arguments", strings.Join(r.Args, " "))
	fact("tunbench", strings.Join(nonEmpty(r.Tool.Version, r.Tool.Commit, r.Tool.Go), ", "))

	floor := table{columns: slices.Concat(text("floor"), numeric("ns"))}
	cost := func(ns float64) string { return decimals(ns, 1) }
	if fault := r.Floor.Fault(); fault != "" {
		cost = func(float64) string { return absent }
		floor.note = say("Not to be quoted: " + fault + ".")
	}
	if r.Floor.SyscallNs > 0 {
		floor.rows = append(floor.rows, row("bare system call", cost(r.Floor.SyscallNs)))
	}
	for _, s := range copySizes(r.Floor) {
		floor.rows = append(floor.rows, row("copy of "+s+" bytes to user space", cost(r.Floor.CopyNs[s])))
	}

	devices := table{columns: slices.Concat(text("scenario", "flags"), numeric("vnet header"), text("offloads", "qdisc"), numeric("txqlen", "MTU"), text("senders on CPU", "readers on CPU"))}
	title := titles(list)
	for _, s := range list {
		t := s.all()[0]
		devices.rows = append(devices.rows, row(title(s), strings.Join(t.Device.Flags, " "), t.Device.VnetHdrSz, strings.Join(t.Device.Offloads, " "), t.Device.Qdisc,
			t.Device.TxQLen, t.Device.MTU, numbers(t.CPUs.Sender), numbers(t.CPUs.Reader)))
	}

	var names bullets
	for _, s := range list {
		names = append(names, say(mono(s.name)))
	}
	return section{heading: "Host", blocks: []block{
		fold{"Machine, kernel, settings and floor", []block{
			facts,
			settings("mitigation", h.Mitigations), settings("sysctl", h.Sysctl), settings("kernel option", h.Config),
			floor,
		}},
		fold{"Devices as the kernel built them, in the first trial of each scenario", []block{devices}},
		fold{"Full names of the scenarios", []block{names}},
	}}
}

func settings(what string, m map[string]string) table {
	t := table{columns: text(what, "")}
	for _, k := range slices.Sorted(maps.Keys(m)) {
		t.rows = append(t.rows, row(mono(k), m[k]))
	}
	return t
}
