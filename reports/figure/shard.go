package figure

import (
	"strings"
	"time"

	"tunbench/reports/prose"
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
		warnings = append(warnings, book.Text("shards missing", prose.Values{"N": len(missing), "Missing": text.Numbers(missing), "Of": of}))
	}
	for _, p := range r.Parts {
		if p.End == nil {
			warnings = append(warnings, book.Text("shard interrupted", prose.Values{"Shard": ShardOf(&p.Run), "Of": of}))
		}
	}
	byShard, n := Machines(r)
	for i := range r.Parts {
		for j := range i {
			a, b := &r.Parts[j], &r.Parts[i]
			if byShard[ShardOf(&a.Run)] == byShard[ShardOf(&b.Run)] && overlapping(a, b) {
				warnings = append(warnings, book.Text("shards at once", prose.Values{"A": ShardOf(&a.Run), "B": ShardOf(&b.Run)}))
			}
		}
	}
	if n > 1 {
		warnings = append(warnings, book.Text("several hosts", prose.Values{"Hosts": n, "Differing": strings.Join(unlike(r), ", ")}))
	}
	return warnings
}

// overlapping reports whether two shards were measured at the same time, as far
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
	p := Group{Runs: RunsOf(r)}
	for _, fact := range HostFacts {
		if len(p.Values(Said(fact.Of))) > 1 {
			names = append(names, fact.Name)
		}
	}
	return names
}
