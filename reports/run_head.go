package reports

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"tunbench/reports/record"
	"tunbench/reports/stat"
)

func alerts(f *record.File) (a []prose) {
	if f.End == nil {
		a = append(a, say(bold("This run was interrupted."), " The file has no end record: what was finished is shown, the rest of the plan was not measured."))
	} else if f.End.Exit == 2 {
		a = append(a, say(bold("tunbench failed in this run"), " (exit 2): look at what was skipped, and why."))
	}
	if n := len(f.Resumes); n > 0 {
		last := f.Resumes[n-1]
		a = append(a, say(fmt.Sprintf("This run was interrupted and gone on with: the last time at %s, when it had %s.", clock(last.Started), plural(last.Trials, "trial", "trials"))))
	}
	for _, w := range slices.Concat(f.Warnings, shardWarnings(f.Run)) {
		a = append(a, say(w, "."))
	}
	for _, fault := range floorFaults(f.Run) {
		a = append(a, say(bold("The floor of this run was disturbed"), " ("+fault+"): a copy of more bytes cannot cost less, nor a small one that much. No ratio to the floor is shown."))
	}
	return a
}

func lead(f *record.File, list []*scenario) prose {
	r := f.Run
	var modes []string
	for _, mode := range modesOf(list) {
		n := 0
		for _, s := range list {
			if s.mode == mode {
				n++
			}
		}
		modes = append(modes, fmt.Sprintf("%d %s", n, mode))
	}
	p := say(bold(plural(len(list), "scenario", "scenarios")))
	if len(modes) > 0 {
		p = append(p, say(" ("+strings.Join(modes, ", ")+")")...)
	}
	p = append(p, say(" of suite ", mono(cmp.Or(r.Suite, "unnamed")), " on ", bold("Linux "+cmp.Or(r.Host.Kernel, unknownKernel(r))),
		" ("+strings.Join(nonEmpty(r.Host.Arch, cpusOf(r), virtual(r.Host.Virt)), ", ")+")")...)
	if n := len(r.Parts); n > 0 {
		_, hosts := machines(r)
		p = append(p, say(", merged of ", bold(plural(n, "shard", "shards")), " from ", bold(plural(hosts, "host", "hosts")))...)
	}
	if r.Started != "" {
		p = append(p, say(", started "+clock(r.Started))...)
	}
	if f.End != nil {
		if d, ok := elapsed(r.Started, f.End.Ended); ok {
			p = append(p, say(", finished after "+d.String())...)
		}
	}
	p = append(p, say(".")...)

	var ns []float64
	pairs, bare := 0, 0
	for _, s := range list {
		for _, t := range s.all() {
			ns = append(ns, float64(t.DurationNs))
			pairs = max(pairs, t.Pair)
		}
		bare += len(s.bare.all)
	}
	if sum, err := stat.Summarize(ns); err == nil {
		p = append(p, say(" "+plural(len(ns), "trial", "trials")+" of "+duration(sum.Median)+", "+plural(pairs, "pair", "pairs")+" a scenario at most.")...)
	}
	switch r.Hook.Used {
	case "", "none":
		p = append(p, say(" No observer was attached.")...)
	case record.HookMixed:
		p = append(p, say(" The shards looked into the kernel by different hooks.")...)
	default:
		p = append(p, say(" The observer looked into the kernel through ", mono(r.Hook.Used))...)
		if bare > 0 {
			p = append(p, say("; headline figures are from the bare trials, without it")...)
		}
		p = append(p, say(".")...)
	}
	p = append(p, say(" Clock: ", mono(cmp.Or(r.Clock, "unknown")), ". Made by tunbench ", mono(cmp.Or(r.Tool.Version, "of unknown version")))...)
	if r.Tool.Commit != "" {
		p = append(p, say(" (", mono(r.Tool.Commit), ")")...)
	}
	p = append(p, say(".")...)
	if s := r.Shard; s != nil {
		p = append(p, say(" This is ", bold(s.String()), ": the plan has "+plural(s.Scenarios, "scenario", "scenarios")+".")...)
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
	return cpus(r.Host)
}

func cpus(h record.Host) string {
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
