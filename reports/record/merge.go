package record

import (
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"time"
)

// maxShards is the largest number of shards that a header may claim: the largest
// number of scenarios of a suite.
const maxShards = 4096

// Shard says which part of a plan a run measured.
type Shard struct {
	Index     int    `json:"index"` // from 1
	Of        int    `json:"of"`
	Scenarios int    `json:"scenarios"` // of the whole plan
	Plan      string `json:"plan"`      // the same for all shards of one plan, and for no other
}

func (s Shard) String() string { return fmt.Sprintf("shard %d of %d", s.Index, s.Of) }

// Part is a shard inside a merged file: the shard's own header and end, unchanged.
type Part struct {
	Run Run  `json:"run"`
	End *End `json:"end,omitempty"` // nil if the shard was interrupted
}

// Merge makes one file of the shards of one plan. Each record says which shard it is
// of, and Parts holds the header of each shard unchanged. The header of the file holds
// only what all shards have in common: a field in which their hosts differ is empty.
//
// Shards that are of different plans, duplicate, missing or interrupted are an error,
// which names them all. With partial, missing and interrupted shards are allowed, and
// the file then has no end record.
func Merge(files []Named, partial bool) (*File, error) {
	if len(files) == 0 {
		return nil, errors.New("merge: no shard is named")
	}
	files = slices.Clone(files)
	for _, f := range files {
		switch s := f.Run.Shard; {
		case len(f.Run.Parts) > 0:
			return nil, fmt.Errorf("merge %s: it is merged already: name the folders of the shards themselves", f.Name)
		case s == nil:
			return nil, fmt.Errorf("merge %s: it is no shard: make shards with run --shard 1/2 and so on; runs that are whole are compared, not merged", f.Name)
		case s.Of < 1 || s.Of > maxShards || s.Index < 1 || s.Index > s.Of:
			return nil, fmt.Errorf("merge %s: it says that it is %v, which cannot be", f.Name, *s)
		}
	}
	slices.SortStableFunc(files, func(a, b Named) int { return a.Run.Shard.Index - b.Run.Shard.Index })
	if err := onePlan(files); err != nil {
		return nil, err
	}
	if err := complete(files, partial); err != nil {
		return nil, err
	}
	if err := disjoint(files); err != nil {
		return nil, err
	}

	out := &File{Run: common(files)}
	whole := len(files) == files[0].Run.Shard.Of
	end := End{Kind: KindEnd}
	for _, f := range files {
		i := f.Run.Shard.Index
		for _, t := range f.Trials {
			t.Shard = i
			out.Trials = append(out.Trials, t)
		}
		for _, s := range f.Searches {
			s.Shard = i
			out.Searches = append(out.Searches, s)
		}
		for _, p := range f.Profiles {
			p.Shard = i
			out.Profiles = append(out.Profiles, p)
		}
		for _, s := range f.Skips {
			s.Shard = i
			out.Skips = append(out.Skips, s)
		}
		for _, r := range f.Resumes {
			r.Shard = i
			out.Resumes = append(out.Resumes, r)
		}
		if f.End == nil {
			whole = false
			continue
		}
		end.Ended = later(end.Ended, f.End.Ended)
		end.Scenarios += f.End.Scenarios
		// A failed run counts for more than one that missed a limit, and that for more
		// than one in which something was not judged.
		if rank := []int{0, 3, 1, 2}; slices.Index(rank, f.End.Exit) > slices.Index(rank, end.Exit) {
			end.Exit = f.End.Exit
		}
	}
	if !whole {
		return out, nil
	}
	if plan := files[0].Run.Shard.Scenarios; end.Scenarios != plan {
		return nil, fmt.Errorf("merge: the shards have %d scenarios together, their plan has %d", end.Scenarios, plan)
	}
	end.Trials, end.Skips = len(out.Trials), len(out.Skips)
	if end.Trials == 0 {
		end.Exit = 2 // as for a run that measured nothing
	}
	out.End = &end
	return out, nil
}

// onePlan refuses shards that are not of one plan. The error names the difference.
func onePlan(files []Named) error {
	first := files[0]
	for _, f := range files[1:] {
		for _, d := range []struct{ what, a, b string }{
			{"number of shards", fmt.Sprint(first.Run.Shard.Of), fmt.Sprint(f.Run.Shard.Of)},
			{"suite", first.Run.Suite, f.Run.Suite},
			{"tunbench", strings.Join([]string{first.Run.Tool.Version, first.Run.Tool.Commit, first.Run.Tool.Go}, " "), strings.Join([]string{f.Run.Tool.Version, f.Run.Tool.Commit, f.Run.Tool.Go}, " ")},
			{"clock", first.Run.Clock, f.Run.Clock},
			{"plan (suite, filters, trials, times, arms)", first.Run.Shard.Plan, f.Run.Shard.Plan},
			{"number of scenarios of the plan", fmt.Sprint(first.Run.Shard.Scenarios), fmt.Sprint(f.Run.Shard.Scenarios)},
			{"seed", fmt.Sprint(first.Run.Seed), fmt.Sprint(f.Run.Seed)},
		} {
			if d.a != d.b {
				return fmt.Errorf("merge: these are no shards of one plan: the %s differs: %q in %s, %q in %s", d.what, d.a, first.Name, d.b, f.Name)
			}
		}
	}
	return nil
}

// complete refuses shards that are duplicate or, unless partial, missing or
// interrupted. The error names them. files are in the order of their shards.
func complete(files []Named, partial bool) error {
	var wrong []string
	next := 1
	for i, f := range files {
		s := *f.Run.Shard
		if i > 0 && s.Index == files[i-1].Run.Shard.Index {
			wrong = append(wrong, fmt.Sprintf("%v is in %s and in %s: name one of them", s, files[i-1].Name, f.Name))
			continue
		}
		for ; next < s.Index && !partial; next++ {
			wrong = append(wrong, fmt.Sprintf("%v is missing", Shard{Index: next, Of: s.Of}))
		}
		next = s.Index + 1
		if f.End == nil && !partial {
			wrong = append(wrong, fmt.Sprintf("%v (%s) was interrupted: go on with it (run --resume %s)", s, f.Name, f.Name))
		}
	}
	for of := files[0].Run.Shard.Of; next <= of && !partial; next++ {
		wrong = append(wrong, fmt.Sprintf("%v is missing", Shard{Index: next, Of: of}))
	}
	if len(wrong) == 0 {
		return nil
	}
	hint := ""
	if slices.ContainsFunc(wrong, func(w string) bool { return !strings.Contains(w, "name one of them") }) {
		hint = "; --partial merges what is there"
	}
	return fmt.Errorf("merge: %s%s", strings.Join(wrong, "; "), hint)
}

// disjoint refuses a scenario that two shards have: its figures would be those
// of two hosts.
func disjoint(files []Named) error {
	in := map[string]Named{}
	for _, f := range files {
		take := func(scenario string) error {
			if other, ok := in[scenario]; ok && other.File != f.File {
				return fmt.Errorf("merge: scenario %s is in %s and in %s", scenario, other.Name, f.Name)
			}
			in[scenario] = f
			return nil
		}
		for _, t := range f.Trials {
			if err := take(t.Scenario); err != nil {
				return err
			}
		}
		for _, s := range f.Skips {
			if err := take(s.Scenario); err != nil {
				return err
			}
		}
	}
	return nil
}

// common is the header of a merged file. files are in the order of their
// shards.
func common(files []Named) *Run {
	first := files[0].Run
	r := &Run{
		Kind: KindRun, Schema: Schema, Tool: first.Tool, Clock: first.Clock, Suite: first.Suite, Seed: first.Seed,
		Started: first.Started, ID: first.ID,
	}
	for _, f := range files {
		r.Parts = append(r.Parts, Part{*f.Run, f.End})
		if earlier(f.Run.Started, r.Started) {
			r.Started, r.ID = f.Run.Started, f.Run.ID
		}
	}
	// The change that is detectable on every shard's host, if all hosts have one.
	for metric, v := range first.Sees {
		for _, f := range files[1:] {
			other, ok := f.Run.Sees[metric]
			if v = max(v, other); !ok {
				v = -1
				break
			}
		}
		if v < 0 {
			continue
		}
		if r.Sees == nil {
			r.Sees = map[string]float64{}
		}
		r.Sees[metric] = v
	}
	r.ID = fmt.Sprintf("%s-shards-%d", r.ID, len(files))

	shared := reflect.ValueOf(&r.Host).Elem()
	for i := range shared.NumField() {
		shared.Field(i).Set(agreed(files, func(f *Run) reflect.Value { return reflect.ValueOf(f.Host).Field(i) }))
	}
	r.Args = agreed(files, func(f *Run) reflect.Value { return reflect.ValueOf(f.Args) }).Interface().([]string)
	r.Floor = agreed(files, func(f *Run) reflect.Value { return reflect.ValueOf(f.Floor) }).Interface().(Floor)
	r.Hook = agreed(files, func(f *Run) reflect.Value { return reflect.ValueOf(f.Hook) }).Interface().(Hook)
	if r.Hook.Used == "" && slices.ContainsFunc(files, func(f Named) bool { return f.Run.Hook.Used != "" }) {
		r.Hook.Requested = agreed(files, func(f *Run) reflect.Value { return reflect.ValueOf(f.Hook.Requested) }).String()
		r.Hook.Used = agreed(files, func(f *Run) reflect.Value { return reflect.ValueOf(f.Hook.Used) }).String()
		if r.Hook.Used == "" {
			r.Hook.Used = HookMixed
		}
	}
	return r
}

// agreed is the value that all files have. Where files differ it is the zero value, or
// of a map the keys that all files have with the same value.
func agreed(files []Named, of func(*Run) reflect.Value) reflect.Value {
	v := of(files[0].Run)
	out := reflect.New(v.Type()).Elem()
	if v.Kind() == reflect.Map {
		out.Set(reflect.MakeMap(v.Type()))
		for _, key := range v.MapKeys() {
			if !slices.ContainsFunc(files, func(f Named) bool {
				other := of(f.Run).MapIndex(key)
				return !other.IsValid() || !other.Equal(v.MapIndex(key))
			}) {
				out.SetMapIndex(key, v.MapIndex(key))
			}
		}
		return out
	}
	for _, f := range files[1:] {
		if !reflect.DeepEqual(of(f.Run).Interface(), v.Interface()) {
			return out
		}
	}
	out.Set(v)
	return out
}

// earlier and later compare timestamps of records, which are RFC 3339 in UTC
// with as many digits as they need. One that cannot be read is never earlier.
func earlier(a, b string) bool {
	x, errA := time.Parse(time.RFC3339Nano, a)
	y, errB := time.Parse(time.RFC3339Nano, b)
	return errA == nil && errB == nil && x.Before(y)
}

func later(a, b string) string {
	if a == "" || earlier(a, b) {
		return b
	}
	return a
}
