package figure

import (
	"fmt"
	"strings"
	"time"

	"tunbench/reports/record"
	"tunbench/reports/text"
)

// Machines numbers the hosts of a merged file from 1, by shard. Shards with one
// boot in common met one machine. Of others nobody knows that they did, so that
// each counts as a host of its own: figures of two hosts are not held against
// each other.
func Machines(r *record.Run) (byShard map[int]int, n int) {
	byShard = map[int]int{}
	boots := map[string]int{}
	for _, p := range r.Parts {
		boot := p.Run.Host.Boot
		if known := boots[boot]; boot != "" && known > 0 {
			byShard[ShardOf(&p.Run)] = known
			continue
		}
		n++
		byShard[ShardOf(&p.Run)] = n
		boots[boot] = n
	}
	return byShard, n
}

func ShardOf(r *record.Run) int {
	if r.Shard == nil {
		return 0
	}
	return r.Shard.Index
}

// RunsOf gives the headers of the shards of a merged file, else the run's own.
func RunsOf(r *record.Run) []*record.Run {
	if len(r.Parts) == 0 {
		return []*record.Run{r}
	}
	var runs []*record.Run
	for i := range r.Parts {
		runs = append(runs, &r.Parts[i].Run)
	}
	return runs
}

// ShardWarnings tells what a reader of a merged file must know before any
// figure, a sentence each.
func ShardWarnings(r *record.Run) (warnings []string) {
	if len(r.Parts) == 0 {
		return nil
	}
	of := 0
	if s := r.Parts[0].Run.Shard; s != nil {
		of = s.Of
	}
	if missing := r.Missing(); len(missing) > 0 {
		warnings = append(warnings, fmt.Sprintf("%s missing: %s of %d", text.PluralOnly(len(missing), "a shard is", "shards are"), text.Numbers(missing), of))
	}
	for _, p := range r.Parts {
		if p.End == nil {
			warnings = append(warnings, fmt.Sprintf("shard %d of %d was interrupted", ShardOf(&p.Run), of))
		}
	}
	byShard, n := Machines(r)
	for i := range r.Parts {
		for j := range i {
			a, b := &r.Parts[j], &r.Parts[i]
			if byShard[ShardOf(&a.Run)] == byShard[ShardOf(&b.Run)] && overlapping(a, b) {
				warnings = append(warnings, fmt.Sprintf("shards %d and %d ran on one host at the same time: they disturbed each other", ShardOf(&a.Run), ShardOf(&b.Run)))
			}
		}
	}
	if n > 1 {
		line := fmt.Sprintf("the scenarios were measured on %d hosts: do not hold a figure of one against that of another", n)
		if fields := unlike(r); len(fields) > 0 {
			line += ", which differ in " + strings.Join(fields, ", ")
		}
		warnings = append(warnings, line)
	}
	return warnings
}

// overlapping tells whether two shards were measured at the same time, as far
// as both tell when they ended.
func overlapping(a, b *record.Part) bool {
	if a.End == nil || b.End == nil {
		return false
	}
	var at [4]time.Time
	for i, s := range []string{a.Run.Started, a.End.Ended, b.Run.Started, b.End.Ended} {
		t, err := time.Parse(time.RFC3339Nano, s)
		if err != nil {
			return false
		}
		at[i] = t
	}
	return at[0].Before(at[3]) && at[2].Before(at[1])
}

// unlike names the facts in which the shards' hosts differ.
func unlike(r *record.Run) (names []string) {
	p := Party{Runs: RunsOf(r)}
	for _, fact := range HostFacts {
		if len(p.Values(Said(fact.Of))) > 1 {
			names = append(names, fact.Name)
		}
	}
	return names
}
