package run

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"tunbench/reports/figure"
	"tunbench/reports/prose"
	"tunbench/reports/record"
	"tunbench/reports/stat"
	"tunbench/reports/text"
)

func Alerts(f *record.File) (a []prose.Prose) {
	if f.End == nil {
		a = append(a, prose.Say(prose.Bold("This run was interrupted."), " The file has no end record: what was finished is shown, the rest of the plan was not measured."))
	} else if f.End.Exit == 2 {
		a = append(a, prose.Say(prose.Bold("tunbench failed in this run"), " (exit 2): look at what was skipped, and why."))
	}
	if n := len(f.Resumes); n > 0 {
		last := f.Resumes[n-1]
		a = append(a, prose.Say(fmt.Sprintf("This run was interrupted and gone on with: the last time at %s, when it had %s.", text.Clock(last.Started), text.Plural(last.Trials, "trial", "trials"))))
	}
	for _, w := range slices.Concat(f.Warnings, figure.ShardWarnings(f.Run)) {
		a = append(a, prose.Say(w, "."))
	}
	for _, fault := range figure.FloorFaults(f.Run) {
		a = append(a, prose.Say(prose.Bold("The floor of this run was disturbed"), " ("+fault+"): a copy of more bytes cannot cost less, nor a small one that much. No ratio to the floor is shown."))
	}
	return a
}

func lead(f *record.File, list []*figure.Scenario) prose.Prose {
	r := f.Run
	var modes []string
	for _, mode := range figure.ModesOf(list) {
		n := 0
		for _, s := range list {
			if s.Mode == mode {
				n++
			}
		}
		modes = append(modes, fmt.Sprintf("%d %s", n, mode))
	}
	p := prose.Say(prose.Bold(text.Plural(len(list), "scenario", "scenarios")))
	if len(modes) > 0 {
		p = append(p, prose.Say(" ("+strings.Join(modes, ", ")+")")...)
	}
	p = append(p, prose.Say(" of suite ", prose.Mono(cmp.Or(r.Suite, "unnamed")), " on ", prose.Bold("Linux "+cmp.Or(r.Host.Kernel, unknownKernel(r))),
		" ("+strings.Join(text.NonEmpty(r.Host.Arch, cpusOf(r), virtual(r.Host.Virt)), ", ")+")")...)
	if n := len(r.Parts); n > 0 {
		_, hosts := figure.Machines(r)
		p = append(p, prose.Say(", merged of ", prose.Bold(text.Plural(n, "shard", "shards")), " from ", prose.Bold(text.Plural(hosts, "host", "hosts")))...)
	}
	if r.Started != "" {
		p = append(p, prose.Say(", started "+text.Clock(r.Started))...)
	}
	if f.End != nil {
		if d, ok := text.Elapsed(r.Started, f.End.Ended); ok {
			p = append(p, prose.Say(", finished after "+d.String())...)
		}
	}
	p = append(p, prose.Say(".")...)

	var ns []float64
	pairs, bare := 0, 0
	for _, s := range list {
		for _, t := range s.All() {
			ns = append(ns, float64(t.DurationNs))
			pairs = max(pairs, t.Pair)
		}
		bare += len(s.Bare.All)
	}
	if sum, err := stat.Summarize(ns); err == nil {
		p = append(p, prose.Say(" "+text.Plural(len(ns), "trial", "trials")+" of "+text.Duration(sum.Median)+", "+text.Plural(pairs, "pair", "pairs")+" a scenario at most.")...)
	}
	switch r.Hook.Used {
	case "", "none":
		p = append(p, prose.Say(" No observer was attached.")...)
	case record.HookMixed:
		p = append(p, prose.Say(" The shards looked into the kernel by different hooks.")...)
	default:
		p = append(p, prose.Say(" The observer looked into the kernel through ", prose.Mono(r.Hook.Used))...)
		if bare > 0 {
			p = append(p, prose.Say("; headline figures are from the bare trials, without it")...)
		}
		p = append(p, prose.Say(".")...)
	}
	p = append(p, prose.Say(" Clock: ", prose.Mono(cmp.Or(r.Clock, "unknown")), ". Made by tunbench ", prose.Mono(cmp.Or(r.Tool.Version, "of unknown version")))...)
	if r.Tool.Commit != "" {
		p = append(p, prose.Say(" (", prose.Mono(r.Tool.Commit), ")")...)
	}
	p = append(p, prose.Say(".")...)
	if s := r.Shard; s != nil {
		p = append(p, prose.Say(" This is ", prose.Bold(s.String()), ": the plan has "+text.Plural(s.Scenarios, "scenario", "scenarios")+".")...)
	}
	return p
}

func unknownKernel(r *record.Run) string {
	if len(r.Parts) > 1 {
		return "of several releases"
	}
	return "of unknown release"
}

func cpusOf(r *record.Run) string {
	if len(r.Parts) > 1 && (r.Host.CPU == "" || r.Host.CPUs == 0) {
		return "different CPUs"
	}
	return Cpus(r.Host)
}

func Cpus(h record.Host) string {
	name := cmp.Or(h.CPU, "CPU of unknown name")
	if h.CPUs > 0 {
		return fmt.Sprintf("%d × %s", h.CPUs, name)
	}
	return name
}

func virtual(v string) string {
	switch v {
	case "":
		return ""
	case "none":
		return "bare metal"
	}
	return "virtual machine: " + v
}
