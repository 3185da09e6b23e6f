package plan

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"tunbench/harness/refusal"
	"tunbench/harness/spec"
	"tunbench/reports/record"
)

// unobservable is an observer that the kernel refuses.
func unobservable() error {
	return &refusal.Unobservable{Err: fmt.Errorf("attach tracepoint: the kernel is locked down: %w", errUnsupported)}
}

// bareAlone holds that a scenario has all its bare trials, no observed one but
// those that are given, and one skip of that arm which says why.
func (f *fixture) bareAlone(t *testing.T, size string, observed int) {
	t.Helper()
	trials, skips := map[record.Arm]int{}, 0
	for _, r := range f.rec.records {
		switch r := r.(type) {
		case record.Trial:
			if r.Axes["size"] == size {
				trials[r.Arm]++
			}
		case record.Skip:
			if r.Axes["size"] != size {
				continue
			}
			skips++
			if r.Arm != record.Observed || r.Reason != record.Unsupported || !strings.Contains(r.Detail, "locked down") {
				t.Errorf("skip %+v", r)
			}
		}
	}
	if trials[record.Bare] != f.plan.Pairs || trials[record.Observed] != observed || skips != 1 {
		t.Errorf("size %s: trials %v, %d skips: %v", size, trials, skips, f.log)
	}
}

// An observer that cannot attach takes its own arm away and not the bare one,
// whichever of the two came first, and in whichever pair.
func TestBareArmStaysWithoutObserver(t *testing.T) {
	first := map[string]int{}
	for seed := range uint64(8) {
		for from := 1; from <= 3; from++ { // the pair in which it fails
			f := newFixture(t)
			f.plan.Seed, f.plan.Pairs = seed, 3
			observed := 0
			f.lab.run = func(s spec.Spec, hook string) (record.Trial, error) {
				if s.Size == 64 && hook != record.HookNone {
					if observed++; observed >= from {
						return record.Trial{}, unobservable()
					}
				}
				return record.Trial{Metrics: map[string]float64{record.PPS: 1e6}}, nil
			}
			left := -1
			f.plan.Progress = func(s Step) {
				if left = 0; s.Left > 0 {
					left = 1
				}
			}
			out, err := f.run(context.Background())
			if err != nil || out.Exit(true) != 0 || out.Skips != 1 || out.Failed != 0 || left != 0 {
				t.Fatalf("seed %d, pair %d: %+v, %v; time left: %d", seed, from, out, err, left)
			}
			f.bareAlone(t, "64", from-1)
			if n := strings.Count(strings.Join(f.log, "|"), "run 64 tracepoint"); n != from {
				t.Errorf("seed %d, pair %d: the observer was tried %d times", seed, from, n)
			}
			if n := strings.Count(strings.Join(f.log, "|"), "run 1500"); n != 6 {
				t.Errorf("seed %d, pair %d: %d trials of the other scenario", seed, from, n)
			}
			if from == 1 {
				for _, l := range f.log {
					if strings.HasPrefix(l, "run 64") {
						first[l]++
						break
					}
				}
			}
		}
	}
	if len(first) != 2 {
		t.Errorf("only one order was tried: %v", first)
	}
}

// The same before the first trial.
func TestBareArmStaysWhenTheProbeFails(t *testing.T) {
	f := newFixture(t)
	f.plan.Pairs = 2
	hooks := map[string]int{}
	f.lab.probeHook = func(s spec.Spec, hook string) error {
		hooks[fmt.Sprint(s.Size, hook)]++
		if s.Size == 64 && hook != record.HookNone {
			return unobservable()
		}
		return nil
	}
	out, err := f.run(context.Background())
	if err != nil || out.Skips != 1 || out.Trials != 6 {
		t.Errorf("%+v, %v", out, err)
	}
	f.bareAlone(t, "64", 0)
	if diff := cmp.Diff(map[string]int{"64tracepoint": 1, "64none": 1, "1500tracepoint": 1}, hooks); diff != "" {
		t.Errorf("probes (-want +got)\n%s", diff)
	}
}

// Where there is no bare arm, or the cause is another one, the scenario ends.
func TestWithoutObserverNothingIsLeft(t *testing.T) {
	for name, c := range map[string]struct {
		arms   []record.Arm
		hook   func(string) bool // trials that fail
		cause  error
		trials int
	}{
		"observed only":  {[]record.Arm{record.Observed}, func(h string) bool { return h != record.HookNone }, unobservable(), 2},
		"another cause":  {[]record.Arm{record.Observed, record.Bare}, func(h string) bool { return h != record.HookNone }, errors.New("a reader died"), 4},
		"bare, an event": {[]record.Arm{record.Observed, record.Bare}, func(h string) bool { return h == record.HookNone }, unobservable(), 4},
	} {
		f := newFixture(t)
		f.plan.Pairs, f.plan.Arms = 2, c.arms
		f.lab.run = func(s spec.Spec, hook string) (record.Trial, error) {
			if s.Size == 64 && c.hook(hook) {
				return record.Trial{}, c.cause
			}
			return record.Trial{}, nil
		}
		out, err := f.run(context.Background())
		if err != nil || out.Skips != 1 || out.Trials < c.trials || out.Trials > c.trials+1 {
			t.Errorf("%s: %+v, %v: %v", name, out, err, f.log)
		}
		for _, r := range f.rec.records {
			if skip, ok := r.(record.Skip); ok && skip.Arm != "" {
				t.Errorf("%s: %+v", name, skip)
			}
		}
	}
}

// A run that is resumed knows which arm was skipped.
func TestResumeKeepsTheBareArm(t *testing.T) {
	f := newFixture(t)
	f.plan.Pairs, f.plan.Scenarios = 3, f.plan.Scenarios[:1]
	s := f.plan.Scenarios[0]
	f.plan.Done = &record.File{
		Run:    &record.Run{Clock: record.ClockMonotonic, Seed: 3, Host: f.plan.Host, Hook: record.Hook{Used: "tracepoint"}, Floor: record.Floor{SyscallNs: 86}},
		Trials: []record.Trial{{Scenario: s.Name, Arm: record.Bare, Pair: 1}},
		Skips:  []record.Skip{{Scenario: s.Name, Arm: record.Observed, Reason: record.Unsupported}},
	}
	f.plan.Done.Run.Plan = recorded(f.plan)
	out, err := f.run(context.Background())
	if err != nil || out.Trials != 3 || out.Skips != 1 {
		t.Errorf("%+v, %v: %v", out, err, f.log)
	}
	if log := strings.Join(f.log, "|"); strings.Contains(log, "tracepoint|run") || strings.Count(log, "run 64 none") != 2 || strings.Contains(log, "run 64 tracepoint") {
		t.Errorf("%v", f.log)
	}
}
