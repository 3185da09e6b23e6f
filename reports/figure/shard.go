package figure

import (
	"strings"
	"time"

	"tunbench/reports/prose"
	"tunbench/reports/record"
	"tunbench/reports/text"
)

// Machines numbers the hosts of a merged file from 1, by shard. Shards with one
// boot in common ran on one machine. For others that is not known, so that each counts
// as a host of its own: figures of two hosts are not compared with each other.
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

// ShardWarnings are sentences that a reader of the merged file f must know before any
// figure.
func ShardWarnings(f *record.File) (warnings []string) {
	r := f.Run
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
			if byShard[ShardOf(&a.Run)] == byShard[ShardOf(&b.Run)] && overlapping(spansOf(f, a), spansOf(f, b)) {
				warnings = append(warnings, book.Text("shards at once", prose.Values{"A": ShardOf(&a.Run), "B": ShardOf(&b.Run)}))
			}
		}
	}
	if n > 1 {
		warnings = append(warnings, book.Text("several hosts", prose.Values{"Hosts": n, "Differing": strings.Join(unlike(r), ", ")}))
	}
	return warnings
}

// span is a time in which a shard was measured.
type span struct{ from, to time.Time }

// spansOf gives the times in which the shard p of the merged file f was measured: more
// than one if it was interrupted and resumed. An interrupted part lasts to the end of its
// last trial, as nothing says how long it went on. There are none if p does not say when
// it began or ended.
func spansOf(f *record.File, p *record.Part) (spans []span) {
	if p.End == nil {
		return nil
	}
	at := func(s string) time.Time {
		t, _ := time.Parse(time.RFC3339Nano, s)
		return t
	}
	var trials []record.Trial
	for _, t := range f.Trials {
		if t.Shard == ShardOf(&p.Run) {
			trials = append(trials, t)
		}
	}
	begin, done := at(p.Run.Started), 0
	for _, r := range f.Resumes {
		if r.Shard != ShardOf(&p.Run) {
			continue
		}
		last := begin
		for _, t := range trials[min(done, len(trials)):min(max(done, r.Trials), len(trials))] {
			if end := at(t.Started).Add(time.Duration(t.DurationNs)); end.After(last) {
				last = end
			}
		}
		spans, begin, done = append(spans, span{begin, last}), at(r.Started), r.Trials
	}
	spans = append(spans, span{begin, at(p.End.Ended)})
	for _, s := range spans {
		if s.from.IsZero() || s.to.IsZero() {
			return nil
		}
	}
	return spans
}

// overlapping reports whether two shards were measured at the same time.
func overlapping(a, b []span) bool {
	for _, x := range a {
		for _, y := range b {
			if x.from.Before(y.to) && y.from.Before(x.to) {
				return true
			}
		}
	}
	return false
}

// unlike names the properties in which the shards' hosts differ.
func unlike(r *record.Run) (names []string) {
	p := Group{Runs: RunsOf(r)}
	for _, fact := range HostFacts {
		if len(p.Values(Said(fact.Of))) > 1 {
			names = append(names, fact.Name)
		}
	}
	return names
}
