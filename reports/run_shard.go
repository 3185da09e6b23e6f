package reports

import (
	"cmp"
	"fmt"
	"slices"
	"strconv"

	"tunbench/reports/record"
)

// shards tells which scenario of a merged file came from where.
func shards(f *record.File, list []*scenario) (section, bool) {
	if len(f.Run.Parts) == 0 {
		return section{}, false
	}
	byShard, n := machines(f.Run)
	scenariosIn, trials, invalid := map[int]int{}, map[int]int{}, map[int]int{}
	where := table{columns: slices.Concat(text("scenario"), numeric("shard", "host"))}
	for _, s := range list {
		scenariosIn[s.shard]++
		for _, t := range s.all() {
			trials[s.shard]++
			if t.Invalid() {
				invalid[s.shard]++
			}
		}
		where.rows = append(where.rows, row(mono(s.name), s.shard, byShard[s.shard]))
	}
	skips := map[int]int{}
	for _, s := range f.Skips {
		if s.Arm != "" {
			continue // its scenario was measured
		}
		skips[s.Shard]++
		where.rows = append(where.rows, row(say(mono(s.Scenario), " (skipped)"), s.Shard, byShard[s.Shard]))
	}
	t := table{
		columns: slices.Concat(numeric("shard", "host"), text("kernel", "CPU", "hook", "started"), numeric("took", "scenarios", "skipped", "trials", "invalid", "system call ns")),
		note: say(bold("host"), ": shards with the same number met the same machine, told by its boot. Nobody knows that of others, even where they look alike. ",
			bold("scenarios"), ": that were measured."),
	}
	parties := make([]party, n)
	for i := range f.Run.Parts {
		p := &f.Run.Parts[i]
		k, h := shardOf(&p.Run), byShard[shardOf(&p.Run)]
		took := absent
		if p.End != nil {
			if d, ok := elapsed(p.Run.Started, p.End.Ended); ok {
				took = d.String()
			}
		}
		call := absent
		if ns := p.Run.Floor.SyscallNs; ns > 0 && p.Run.Floor.Fault() == "" {
			call = decimals(ns, 1)
		}
		t.rows = append(t.rows, row(k, h, p.Run.Host.Kernel, cpus(p.Run.Host), cmp.Or(p.Run.Hook.Used, "none"), clock(p.Run.Started), took,
			scenariosIn[k], skips[k], trials[k], invalid[k], call))
		parties[h-1].name = "host " + strconv.Itoa(h)
		parties[h-1].runs = append(parties[h-1].runs, &p.Run)
	}
	sec := section{heading: "Shards", blocks: []block{
		say(fmt.Sprintf("This file was merged of %s, measured on %s. What follows under Host is what all have in common.",
			plural(len(f.Run.Parts), "shard", "shards"), plural(n, "host", "hosts"))),
		t,
	}}
	if n > 1 {
		sec.blocks = append(sec.blocks, fold{"What the hosts do not have in common", differing(parties)})
	}
	sec.blocks = append(sec.blocks, fold{"Which scenario came from where", []block{where}})
	return sec, true
}
