package run

import (
	"cmp"
	"slices"
	"strconv"

	"tunbench/reports/document"
	"tunbench/reports/figure"
	"tunbench/reports/prose"
	"tunbench/reports/record"
	"tunbench/reports/text"
)

// shards reports from which host each scenario of a merged file came.
func shards(f *record.File, list []*figure.Scenario) (document.Section, bool) {
	if len(f.Run.Parts) == 0 {
		return document.Section{}, false
	}
	byShard, n := figure.Machines(f.Run)
	scenariosIn, trials, invalid := map[int]int{}, map[int]int{}, map[int]int{}
	where := document.Table{Columns: slices.Concat(document.Text("scenario"), document.Numeric("shard", "host"))}
	for _, s := range list {
		scenariosIn[s.Shard]++
		for _, t := range s.All() {
			trials[s.Shard]++
			if t.Invalid() {
				invalid[s.Shard]++
			}
		}
		where.Rows = append(where.Rows, document.Row(prose.Mono(s.Name), s.Shard, byShard[s.Shard]))
	}
	skips := map[int]int{}
	for _, s := range f.Skips {
		if s.Arm != "" {
			continue // its scenario was measured
		}
		skips[s.Shard]++
		where.Rows = append(where.Rows, document.Row(book.Say("shard skipped scenario", prose.Values{"Scenario": s.Scenario}), s.Shard, byShard[s.Shard]))
	}
	t := document.Table{
		Columns: slices.Concat(document.Numeric("shard", "host"), document.Text("kernel", "CPU", "hook", "started"), document.Numeric("duration", "scenarios", "skipped", "trials", "invalid", "system call ns")),
		Note:    book.Say("shards note", nil),
	}
	hosts := make([]figure.Group, n)
	for i := range f.Run.Parts {
		p := &f.Run.Parts[i]
		k, h := figure.ShardOf(&p.Run), byShard[figure.ShardOf(&p.Run)]
		took := text.Absent
		if p.End != nil {
			if d, ok := text.Elapsed(p.Run.Started, p.End.Ended); ok {
				took = d.String()
			}
		}
		call := text.Absent
		if ns := p.Run.Floor.SyscallNs; ns > 0 && p.Run.Floor.Fault() == "" {
			call = text.Decimals(ns, 1)
		}
		t.Rows = append(t.Rows, document.Row(k, h, p.Run.Host.Kernel, Cpus(p.Run.Host), cmp.Or(p.Run.Hook.Used, record.HookNone), text.Clock(p.Run.Started), took,
			scenariosIn[k], skips[k], trials[k], invalid[k], call))
		hosts[h-1].Name = "host " + strconv.Itoa(h)
		hosts[h-1].Runs = append(hosts[h-1].Runs, &p.Run)
	}
	sec := document.Section{Heading: book.Text("shards heading", nil), Blocks: []document.Block{
		book.Say("shards", prose.Values{"Shards": len(f.Run.Parts), "Hosts": n}),
		t,
	}}
	if n > 1 {
		sec.Blocks = append(sec.Blocks, document.Fold{Summary: book.Text("shards differ fold", nil), Blocks: document.Differing(hosts)})
	}
	sec.Blocks = append(sec.Blocks, document.Fold{Summary: book.Text("shards origin fold", nil), Blocks: []document.Block{where}})
	return sec, true
}
