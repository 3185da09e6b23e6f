package run

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"tunbench/reports/document/trust"
	"tunbench/reports/figure"
	"tunbench/reports/prose"
	"tunbench/reports/record"
	"tunbench/reports/stat"
	"tunbench/reports/text"
)

// Alerts are what must be known before any figure of f.
func Alerts(f *record.File) (a []prose.Prose) {
	if f.End == nil {
		a = append(a, book.Say("alert interrupted", nil))
	} else if ended := trust.Ended(f); len(ended) > 0 {
		a = append(a, ended)
	}
	if n := len(f.Resumes); n > 0 {
		last := f.Resumes[n-1]
		a = append(a, book.Say("alert resumed", prose.Values{"Clock": text.Clock(last.Started), "Trials": last.Trials}))
	}
	for _, w := range slices.Concat(f.Warnings, figure.ShardWarnings(f)) {
		a = append(a, book.Say("alert warning", prose.Values{"Warning": w}))
	}
	for _, fault := range figure.FloorFaults(f.Run) {
		a = append(a, book.Say("alert floor", prose.Values{"Fault": fault}))
	}
	return a
}

// lead says what was measured, and where.
func lead(r *record.Run, list []*figure.Scenario) prose.Prose {
	var modes []string
	only := ""
	all := figure.ModesOf(list)
	if len(all) == 1 {
		only, all = all[0], nil
	}
	for _, mode := range all {
		n := 0
		for _, s := range list {
			if s.Mode == mode {
				n++
			}
		}
		modes = append(modes, fmt.Sprintf("%d %s", n, mode))
	}
	_, hosts := figure.Machines(r)
	return book.Say("lead", prose.Values{
		"Scenarios": len(list), "Mode": only, "Modes": modes,
		"Suite": cmp.Or(r.Suite, book.Text("unnamed suite", nil)), "Kernel": kernelOf(r),
		"Machine": text.NonEmpty(r.Host.Arch, cpusOf(r), virtual(r.Host.Virt)),
		"Shards":  len(r.Parts), "Hosts": hosts,
	})
}

// provenance says when, with what and how f was measured.
func provenance(f *record.File, list []*figure.Scenario) prose.Prose {
	r := f.Run
	lasted := map[record.Arm][]float64{}
	trials, pairs, bare := 0, 0, 0
	for _, s := range list {
		for _, t := range s.All() {
			lasted[t.Arm] = append(lasted[t.Arm], float64(t.DurationNs))
			pairs = max(pairs, t.Pair)
			trials++
		}
		bare += len(s.Bare.All)
	}
	started, took := "", ""
	if r.Started != "" {
		started = text.Clock(r.Started)
	}
	if f.End != nil {
		if d, ok := text.Elapsed(r.Started, f.End.Ended); ok {
			took = d.String()
		}
	}
	p := book.Say("provenance", prose.Values{
		"Started": started, "Took": took, "Trials": trials, "Each": eachLasted(lasted), "Pairs": pairs, "Rounds": figure.InRounds(list),
		"Clock": cmp.Or(r.Clock, book.Text("unknown clock", nil)), "Hook": hookOf(r, bare > 0),
		"Version": cmp.Or(r.Tool.Version, book.Text("unknown version", nil)), "Commit": r.Tool.Commit,
	})
	if s := r.Shard; s != nil {
		p = and(p, book.Say("one shard", prose.Values{"Shard": s.String(), "Scenarios": s.Scenarios}))
	}
	return p
}

// eachLasted is how long a trial lasted, by the median; of each arm where they differ.
func eachLasted(lasted map[record.Arm][]float64) string {
	var each, named []string
	for _, arm := range []record.Arm{record.Bare, record.Observed} {
		if sum, err := stat.Summarize(lasted[arm]); err == nil {
			each = append(each, text.Duration(sum.Median))
			named = append(named, text.Duration(sum.Median)+" ("+string(arm)+")")
		}
	}
	if each = slices.Compact(each); len(each) < 2 {
		return strings.Join(each, "")
	}
	return strings.Join(named, " and ")
}

// hookOf says how the kernel was observed. Bare reports that the figures come from
// trials that were not.
func hookOf(r *record.Run, bare bool) prose.Prose {
	switch used := r.Hook.Used; {
	case used == "" || used == "none":
		return book.Say("no observer", nil)
	case used == record.HookMixed:
		return book.Say("hooks differ", nil)
	case bare:
		return book.Say("hook beside bare trials", prose.Values{"Hook": used})
	default:
		return book.Say("hook", prose.Values{"Hook": used})
	}
}

func kernelOf(r *record.Run) string {
	switch {
	case r.Host.Kernel != "":
		return r.Host.Kernel
	case len(r.Parts) > 1:
		return book.Text("several kernels", nil)
	}
	return book.Text("unknown kernel", nil)
}

func cpusOf(r *record.Run) string {
	if len(r.Parts) > 1 && (r.Host.CPU == "" || r.Host.CPUs == 0) {
		return book.Text("several CPUs", nil)
	}
	return Cpus(r.Host)
}

// Cpus is the number of CPUs of h and their name.
func Cpus(h record.Host) string {
	name := cmp.Or(h.CPU, book.Text("unknown CPU", nil))
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
		return book.Text("bare metal", nil)
	}
	return book.Text("virtual machine", prose.Values{"Kind": v})
}
