package plan

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"tunbench/harness/block"
	"tunbench/harness/spec"
	"tunbench/reports/record"
)

// sizes names the variants of each block.
func (f *fixture) sizes() string {
	var list []string
	for _, b := range f.lab.blocks {
		var names []string
		for _, v := range b.Variants {
			names = append(names, fmt.Sprintf("%d:%s", v.Spec.Size, v.Hook))
		}
		list = append(list, strings.Join(names, " "))
	}
	return strings.Join(list, " | ")
}

// A host that holds few devices measures the others in further groups, and does not
// part the arms of a scenario unless it must.
func TestGroups(t *testing.T) {
	for fit, want := range map[int]string{
		0: "64:none 64:tracepoint 1500:none 1500:tracepoint",
		3: "64:none 64:tracepoint | 1500:none 1500:tracepoint",
		1: "64:none | 64:tracepoint | 1500:none | 1500:tracepoint",
	} {
		f := newFixture(t)
		f.plan.Seed, f.lab.fit = 1, fit
		out, err := f.run(context.Background())
		if err != nil || out.Trials != 4 {
			t.Errorf("fit %d: %+v, %v", fit, out, err)
		}
		if got := f.sizes(); got != want {
			t.Errorf("fit %d: %s, want %s", fit, got, want)
		}
	}
}

// What cannot be held back is measured alone, after the others.
func TestWithoutTurns(t *testing.T) {
	f := newFixture(t)
	f.plan.Scenarios, f.plan.Seed = parse(t, "scenarios:\n- {gen: lockstep, size: 64}\n- size: 1500\n").Scenarios, 1
	out, err := f.run(context.Background())
	if err != nil || out.Trials != 4 || f.sizes() != "1500:none 1500:tracepoint" {
		t.Errorf("%s; %+v, %v", f.sizes(), out, err)
	}
	if text := strings.Join(f.log, ", "); !strings.Contains(text, "run 1500 tracepoint, write bare pair 1 trial 1, write observed pair 1 trial 2, run 64 ") {
		t.Error(text)
	}
}

func TestObservedTime(t *testing.T) {
	for bare, want := range map[time.Duration]time.Duration{
		900 * time.Millisecond: 300 * time.Millisecond,
		300 * time.Millisecond: 200 * time.Millisecond,
		100 * time.Millisecond: 100 * time.Millisecond,
	} {
		if got := ObservedTime(bare); got != want {
			t.Errorf("%v: %v, want %v", bare, got, want)
		}
	}
	f := newFixture(t)
	f.plan.Scenarios[0].Measure = 3 * time.Second
	if _, err := f.run(context.Background()); err != nil {
		t.Fatal(err)
	}
	for _, v := range f.lab.blocks[0].Variants {
		if want := map[string]time.Duration{record.HookNone: 3 * time.Second, "tracepoint": time.Second}[v.Hook]; v.Spec.Size == 64 && v.Spec.Measure != want {
			t.Errorf("hook %s: %v, want %v", v.Hook, v.Spec.Measure, want)
		}
	}
	// Alone, the observed arm has the whole time.
	f = newFixture(t)
	f.plan.Arms, f.plan.Scenarios[0].Measure = []record.Arm{record.Observed}, 3*time.Second
	if _, err := f.run(context.Background()); err != nil {
		t.Fatal(err)
	}
	if got := f.lab.blocks[0].Variants[0].Spec.Measure; got != 3*time.Second {
		t.Errorf("observed alone: %v", got)
	}
	// Both arms have windows of the same length, also of a conversation, whose windows are
	// longer than the suite's.
	tcp := job{subject: &subject{spec: f.lab.blocks[0].Variants[0].Spec}}
	tcp.spec.Gen, tcp.spec.Window, tcp.spec.Measure = spec.GenTCP, 40*time.Millisecond, 480*time.Millisecond
	both := blocks{&runner{Plan: Plan{Arms: []record.Arm{record.Bare, record.Observed}}}}
	for _, arm := range both.Arms {
		tcp.arm = arm
		if got := block.Window(both.variant(tcp).Spec); got != 80*time.Millisecond {
			t.Errorf("%s: windows of %v", arm, got)
		}
	}
}

// A scenario of which one arm fails has no trial of the other arm after it, and the next
// block leaves it out.
func TestFailureInABlock(t *testing.T) {
	f := newFixture(t)
	f.plan.Pairs, f.plan.Seed = 2, 1
	f.lab.run = func(s spec.Spec, hook string) (record.Trial, error) {
		if s.Size == 64 && hook == record.HookNone {
			return record.Trial{}, errors.New("reader of queue 0 died")
		}
		return record.Trial{}, nil
	}
	out, err := f.run(context.Background())
	if err != nil || out.Failed != 1 || out.Trials != 4 {
		t.Errorf("%+v, %v", out, err)
	}
	if got := f.sizes(); got != "64:none 64:tracepoint 1500:none 1500:tracepoint | 1500:tracepoint 1500:none" && !strings.HasSuffix(got, "| 1500:none 1500:tracepoint") {
		t.Error(got)
	}
}
