package plan

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"tunbench/bench/setup"
	"tunbench/bench/suite"
	"tunbench/harness/block"
	"tunbench/harness/refusal"
	"tunbench/harness/spec"
	"tunbench/harness/trial"
	"tunbench/reports/record"
)

var errUnsupported = &refusal.Unsupported{Detail: "set offloads: EINVAL"}

// fakeLab logs what a Plan asks of it.
type fakeLab struct {
	log  *[]string
	used string // hook that SelectHook gives

	hookErr, floorErr error
	probe             func(spec.Spec) error
	probeHook         func(spec.Spec, string) error
	run               func(spec.Spec, string) (record.Trial, error)
	specs             []spec.Spec
	fit               int // variants in a block; 0: all
	blocks            []block.Block
}

func (f *fakeLab) note(format string, args ...any) {
	*f.log = append(*f.log, fmt.Sprintf(format, args...))
}

func (f *fakeLab) SelectHook(requested string) (record.Hook, error) {
	f.note("hook %s", requested)
	return record.Hook{Requested: requested, Used: f.used, PassedOver: []record.PassedOver{{Hook: "kprobe", Reason: "not compiled in"}}}, f.hookErr
}
func (f *fakeLab) Floor(cpus []int) (record.Floor, error) {
	f.note("floor %v", cpus)
	return record.Floor{SyscallNs: 86}, f.floorErr
}
func (f *fakeLab) Probe(_ context.Context, s spec.Spec, hook string) error {
	f.note("probe %d %s", s.Size, hook)
	if f.probe != nil {
		return f.probe(s)
	}
	if f.probeHook != nil {
		return f.probeHook(s, hook)
	}
	return nil
}
func (f *fakeLab) Run(_ context.Context, s spec.Spec, hook string, floor record.Floor) (record.Trial, error) {
	f.note("run %d %s", s.Size, hook)
	f.specs = append(f.specs, s)
	if floor.SyscallNs != 86 {
		return record.Trial{}, errors.New("another floor than was measured")
	}
	if f.run != nil {
		return f.run(s, hook)
	}
	return record.Trial{Metrics: map[string]float64{record.PPS: 1e6}}, nil
}

func (f *fakeLab) Fit(variants []trial.Variant) int {
	if f.fit > 0 {
		return min(f.fit, len(variants))
	}
	return len(variants)
}

// RunBlock runs the variants one after the other. As the real one, it ends with the
// context, after at least one round.
func (f *fakeLab) RunBlock(ctx context.Context, b block.Block) []block.Result {
	f.blocks = append(f.blocks, b)
	results := make([]block.Result, len(b.Variants))
	if b.Tell != nil {
		b.Tell(2, 2)
	}
	for i, v := range b.Variants {
		if results[i].Err = ctx.Err(); results[i].Err == nil {
			results[i].Trial, results[i].Err = f.Run(ctx, v.Spec, v.Hook, b.Floor)
		}
	}
	return results
}

// fakeRecorder logs what is written and fails when room is used up.
type fakeRecorder struct {
	log     *[]string
	records []record.Record
	refuse  func(record.Record) error
}

func (f *fakeRecorder) Write(r record.Record) error {
	if f.refuse != nil {
		if err := f.refuse(r); err != nil {
			*f.log = append(*f.log, "refuse "+r.String())
			return fmt.Errorf("write %s: %w", r, err)
		}
	}
	f.records = append(f.records, r)
	switch r := r.(type) {
	case record.Run:
		*f.log = append(*f.log, "write run")
	case record.Trial:
		*f.log = append(*f.log, fmt.Sprintf("write %s pair %d trial %d", r.Arm, r.Pair, r.Trial))
	case record.Skip:
		*f.log = append(*f.log, "write skip "+r.Reason)
	case record.End:
		*f.log = append(*f.log, fmt.Sprintf("write end %d/%d/%d exit %d", r.Scenarios, r.Trials, r.Skips, r.Exit))
	}
	return nil
}

func (f *fakeRecorder) Close() error { *f.log = append(*f.log, "close"); return nil }

type fixture struct {
	log  []string
	lab  *fakeLab
	rec  *fakeRecorder
	plan Plan
}

// newFixture is a plan of two scenarios, of 64 and of 1500 bytes, and one pair.
func newFixture(t *testing.T) *fixture {
	t.Helper()
	f := &fixture{}
	f.lab = &fakeLab{log: &f.log, used: "tracepoint"}
	f.rec = &fakeRecorder{log: &f.log}
	f.plan = Plan{
		Suite: "test", Scenarios: parse(t, "scenarios:\n- size: [64, 1500]\n").Scenarios, Pairs: 1,
		Arms: []record.Arm{record.Bare, record.Observed}, Hook: "auto", Seed: 3, Host: record.Host{Kernel: "6.18.0"}, CPUs: []int{1, 0},
		Blocks: f.lab,
	}
	return f
}

func (f *fixture) run(ctx context.Context) (Outcome, error) {
	return f.plan.Run(ctx, f.lab, func() (Recorder, error) {
		f.log = append(f.log, "open")
		return f.rec, nil
	})
}

func (f *fixture) check(t *testing.T, want ...string) {
	t.Helper()
	if diff := cmp.Diff(want, f.log); diff != "" {
		t.Errorf("phases (-want +got)\n%s", diff)
	}
}

func TestPhases(t *testing.T) {
	f := newFixture(t)
	f.plan.Seed = 1
	out, err := f.run(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	f.check(t,
		"hook auto", "open", "floor [1 0]", "write run",
		"probe 64 tracepoint", "probe 1500 tracepoint",
		"run 64 none", "run 64 tracepoint", "run 1500 none", "run 1500 tracepoint",
		"write bare pair 1 trial 1", "write observed pair 1 trial 2", "write bare pair 1 trial 3", "write observed pair 1 trial 4",
		"write end 2/4/0 exit 0", "close",
	)
	if diff := cmp.Diff(Outcome{Begun: true, Trials: 4}, out); diff != "" {
		t.Errorf("outcome (-want +got)\n%s", diff)
	}
	header := f.rec.records[0].(record.Run)
	if header.Seed != 1 || header.Suite != "test" || header.Hook.Used != "tracepoint" || header.Floor.SyscallNs != 86 || header.Host.Kernel != "6.18.0" || header.ID == "" {
		t.Errorf("header %+v", header)
	}
	first := f.rec.records[1].(record.Trial)
	if first.Scenario != f.plan.Scenarios[0].Name || first.Axes["size"] != "64" || first.Kind != record.KindTrial {
		t.Errorf("first trial %+v", first)
	}
	if a, b, c := f.lab.specs[0], f.lab.specs[1], f.lab.specs[2]; a.Seed != b.Seed || a.Seed == c.Seed || len(a.CPUs) != 2 {
		t.Errorf("seeds %d, %d of one pair and %d of another; CPUs %v", a.Seed, b.Seed, c.Seed, a.CPUs)
	}
}

func TestArmsAreShuffledBySeed(t *testing.T) {
	order := func(seed uint64, text string) string {
		f := newFixture(t)
		f.plan.Seed, f.plan.Pairs, f.plan.Scenarios = seed, 20, parse(t, text).Scenarios
		if _, err := f.run(context.Background()); err != nil {
			t.Fatal(err)
		}
		var b strings.Builder
		perPair := map[int]map[record.Arm]bool{}
		for _, r := range f.rec.records {
			if trial, ok := r.(record.Trial); ok && trial.Axes["size"] == "1500" {
				b.WriteString(string(trial.Arm[:1]))
				if perPair[trial.Pair] == nil {
					perPair[trial.Pair] = map[record.Arm]bool{}
				}
				perPair[trial.Pair][trial.Arm] = true
			}
		}
		for pair := 1; pair <= 20; pair++ {
			if len(perPair[pair]) != 2 {
				t.Errorf("seed %d: pair %d has arms %v", seed, pair, perPair[pair])
			}
		}
		return b.String()
	}
	both, alone := "scenarios:\n- size: [64, 1500]\n", "scenarios:\n- size: 1500\n"
	one := order(1, both)
	if one != order(1, both) {
		t.Error("the same seed gives another order")
	}
	if one != order(1, alone) {
		t.Error("the order of a scenario depends on its neighbours")
	}
	if one == order(2, both) {
		t.Error("another seed gives the same order")
	}
	if !strings.Contains(one, "bo") || !strings.Contains(one, "bb") && !strings.Contains(one, "oo") {
		t.Errorf("the order %s is not random", one)
	}
}

// Each scenario gets its first pair before any gets its second, except in
// virtual time.
func TestRounds(t *testing.T) {
	for clock, want := range map[string]string{
		record.ClockMonotonic: "64/1 1500/1 64/2 1500/2 64/3 1500/3",
		record.ClockICount:    "64/1 64/2 64/3 1500/1 1500/2 1500/3",
	} {
		f := newFixture(t)
		f.plan.Pairs, f.plan.Clock, f.plan.Arms = 3, clock, []record.Arm{record.Bare}
		var left []time.Duration
		f.plan.Progress = func(s Step) { left = append(left, s.Left) }
		if _, err := f.run(context.Background()); err != nil {
			t.Fatal(err)
		}
		var order []string
		for _, r := range f.rec.records {
			if trial, ok := r.(record.Trial); ok {
				order = append(order, fmt.Sprintf("%s/%d", trial.Axes["size"], trial.Pair))
			}
		}
		if got := strings.Join(order, " "); got != want {
			t.Errorf("%s: %s, want %s", clock, got, want)
		}
		if probes := strings.Count(strings.Join(f.log, " "), "probe"); probes != 2 {
			t.Errorf("%s: %d probes", clock, probes)
		}
		if left[0] != f.plan.Duration() || left[len(left)-1] != 0 {
			t.Errorf("%s: time left: %v, planned %v", clock, left, f.plan.Duration())
		}
	}
}

// A scenario that is skipped in the second round leaves the others their pairs.
func TestSkippedInALaterRound(t *testing.T) {
	f := newFixture(t)
	f.plan.Pairs, f.plan.Arms = 3, []record.Arm{record.Bare}
	n := 0
	f.lab.run = func(s spec.Spec, _ string) (record.Trial, error) {
		if n++; n == 3 {
			return record.Trial{}, errUnsupported
		}
		return record.Trial{Metrics: map[string]float64{record.PPS: 1}}, nil
	}
	out, err := f.run(context.Background())
	if err != nil || out.Trials != 4 || out.Skips != 1 {
		t.Errorf("%+v, %v", out, err)
	}
}

func TestOneArm(t *testing.T) {
	f := newFixture(t)
	f.plan.Arms, f.plan.Hook, f.lab.used = []record.Arm{record.Bare}, record.HookNone, record.HookNone
	f.plan.Scenarios = f.plan.Scenarios[:1]
	if _, err := f.run(context.Background()); err != nil {
		t.Fatal(err)
	}
	f.check(t, "hook none", "open", "floor [1 0]", "write run", "probe 64 none", "run 64 none", "write bare pair 1 trial 1", "write end 1/1/0 exit 0", "close")
}

func TestUnsupportedIsSkipped(t *testing.T) {
	f := newFixture(t)
	f.lab.probe = func(s spec.Spec) error {
		if s.Size == 64 {
			return errUnsupported
		}
		return nil
	}
	out, err := f.run(context.Background())
	if err != nil || out.Exit(true) != 0 || out.Skips != 1 || out.Trials != 2 {
		t.Errorf("outcome %+v, %v", out, err)
	}
	skip := f.rec.records[1].(record.Skip)
	want := record.Skip{Kind: record.KindSkip, Scenario: f.plan.Scenarios[0].Name, Axes: f.plan.Scenarios[0].Axes, Reason: record.Unsupported, Detail: errUnsupported.Error()}
	if diff := cmp.Diff(want, skip); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
}

func TestAllSkippedExits2(t *testing.T) {
	f := newFixture(t)
	f.lab.probe = func(spec.Spec) error { return errUnsupported }
	out, err := f.run(context.Background())
	if err != nil || out.Exit(false) != 2 {
		t.Errorf("outcome %+v, %v", out, err)
	}
	if last := f.log[len(f.log)-2]; last != "write end 2/0/2 exit 2" {
		t.Errorf("ends with %q", last)
	}
}

func TestFailedGoesOnAndExits2(t *testing.T) {
	f := newFixture(t)
	f.lab.run = func(s spec.Spec, hook string) (record.Trial, error) {
		if s.Size == 64 && hook != record.HookNone {
			return record.Trial{}, errors.New("reader of queue 0 died")
		}
		return record.Trial{}, nil
	}
	f.plan.Seed = 1
	out, err := f.run(context.Background())
	if err != nil || out.Exit(false) != 2 || out.Failed != 1 {
		t.Errorf("outcome %+v, %v", out, err)
	}
	f.check(t,
		"hook auto", "open", "floor [1 0]", "write run",
		"probe 64 tracepoint", "probe 1500 tracepoint",
		"run 64 none", "run 64 tracepoint", "run 1500 none", "run 1500 tracepoint",
		"write bare pair 1 trial 1", "write skip failed", "write bare pair 1 trial 2", "write observed pair 1 trial 3",
		"write end 2/3/1 exit 2", "close",
	)
}

func TestInterrupted(t *testing.T) {
	ctx, cancel := context.WithCancel(context.Background())
	f := newFixture(t)
	f.plan.Seed = 1
	f.lab.run = func(s spec.Spec, hook string) (record.Trial, error) {
		if hook != record.HookNone {
			cancel()
			return record.Trial{}, fmt.Errorf("measure: %w", ctx.Err())
		}
		return record.Trial{}, nil
	}
	out, err := f.run(ctx)
	if err != nil || !out.Interrupted || out.Exit(false) != 130 || out.Trials != 1 {
		t.Errorf("outcome %+v, %v", out, err)
	}
	f.check(t, "hook auto", "open", "floor [1 0]", "write run", "probe 64 tracepoint", "probe 1500 tracepoint", "run 64 none", "run 64 tracepoint", "write bare pair 1 trial 1", "close")
}

func TestTrialThatFinishedIsKeptWhenInterrupted(t *testing.T) {
	ctx, cancel := context.WithCancel(context.Background())
	f := newFixture(t)
	f.lab.run = func(spec.Spec, string) (record.Trial, error) { cancel(); return record.Trial{}, nil }
	out, err := f.run(ctx)
	if err != nil || !out.Interrupted || out.Trials != 1 {
		t.Errorf("outcome %+v, %v", out, err)
	}
}

func TestInterruptedBeforeTheHeader(t *testing.T) {
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	f := newFixture(t)
	out, err := f.run(ctx)
	if err != nil || !out.Interrupted || out.Begun {
		t.Errorf("outcome %+v, %v", out, err)
	}
	f.check(t, "hook auto", "open", "close")
}

func TestDiskFull(t *testing.T) {
	full := &fs.PathError{Op: "write", Path: "run.jsonl", Err: syscall.ENOSPC}
	f := newFixture(t)
	f.plan.Seed = 1
	f.rec.refuse = func(record.Record) error {
		if len(f.rec.records) >= 2 { // the header and one trial
			return full
		}
		return nil
	}
	out, err := f.run(context.Background())
	if !errors.Is(err, syscall.ENOSPC) || out.Trials != 1 || !out.Begun {
		t.Errorf("outcome %+v, %v", out, err)
	}
	if got := f.log[len(f.log)-3:]; got[0] != "write bare pair 1 trial 1" || !strings.HasPrefix(got[1], "refuse trial") || got[2] != "close" {
		t.Errorf("ends with %q: want nothing to run after the disk was full", got)
	}
}

func TestRefusedRecordIsAFailureOfItsScenario(t *testing.T) {
	f := newFixture(t)
	f.rec.refuse = func(r record.Record) error {
		if trial, ok := r.(record.Trial); ok && trial.Axes["size"] == "64" {
			return errors.New("metric pps is NaN")
		}
		return nil
	}
	out, err := f.run(context.Background())
	if err != nil || out.Failed != 1 || out.Trials != 2 || out.Exit(false) != 2 {
		t.Errorf("outcome %+v, %v", out, err)
	}
}

func TestCannotBegin(t *testing.T) {
	broken := errors.New("broken")
	for name, test := range map[string]struct {
		breakIt func(*fixture)
		want    string
		begun   bool
	}{
		"hook":   {func(f *fixture) { f.lab.hookErr = broken; f.plan.Hook = "kprobe" }, "broken", false},
		"floor":  {func(f *fixture) { f.lab.floorErr = broken }, "broken", false},
		"header": {func(f *fixture) { f.rec.refuse = func(record.Record) error { return broken } }, "write run header: broken", false},
		"no hook": {func(f *fixture) { f.lab.used = record.HookNone },
			"no hook can observe this kernel (kprobe: not compiled in); measure without: --arm bare", false},
	} {
		f := newFixture(t)
		test.breakIt(f)
		out, err := f.run(context.Background())
		if err == nil || err.Error() != test.want || out.Begun != test.begun {
			t.Errorf("%s: outcome %+v, error %v, want %q", name, out, err, test.want)
		}
		for _, entry := range f.log {
			if strings.HasPrefix(entry, "run ") || strings.HasPrefix(entry, "probe ") {
				t.Errorf("%s: %s", name, entry)
			}
		}
	}
	f := newFixture(t)
	out, err := f.plan.Run(context.Background(), f.lab, func() (Recorder, error) { return nil, broken })
	if !errors.Is(err, broken) || out.Begun {
		t.Errorf("open: outcome %+v, %v", out, err)
	}
	f.check(t, "hook auto")
}

func TestStrict(t *testing.T) {
	for flag, want := range map[string]int{
		record.FlagSteal: 3, record.FlagUnexplained: 3, record.FlagNoTraffic: 3, record.FlagUnsteady: 0, record.FlagOversubscribed: 0,
	} {
		f := newFixture(t)
		f.plan.Strict = true
		f.lab.run = func(spec.Spec, string) (record.Trial, error) { return record.Trial{Flags: []string{flag}}, nil }
		out, err := f.run(context.Background())
		if err != nil || out.Exit(true) != want || out.Exit(false) != 0 {
			t.Errorf("%s: outcome %+v, %v, want exit %d", flag, out, err, want)
		}
		if end := f.rec.records[len(f.rec.records)-1].(record.End); end.Exit != want {
			t.Errorf("%s: end record says exit %d, want %d", flag, end.Exit, want)
		}
	}
}

func TestProgress(t *testing.T) {
	f := newFixture(t)
	now := time.Unix(0, 0)
	f.plan.Now = func() time.Time { return now }
	var steps []Step
	f.plan.Progress = func(s Step) { steps = append(steps, s) }
	f.lab.run = func(s spec.Spec, _ string) (record.Trial, error) {
		// Twice as long as was planned: four trials in each of two blocks.
		now = now.Add(2 * f.plan.Duration() / 8)
		return record.Trial{}, nil
	}
	f.plan.Pairs = 2
	if _, err := f.run(context.Background()); err != nil {
		t.Fatal(err)
	}
	const probes, block = 2, 2 + 4 // its beginning, a round, and its trials
	if len(steps) != probes+2*block {
		t.Fatalf("%d steps, want one of each probe, two of each block, and one of each trial", len(steps))
	}
	all := f.plan.Duration()
	first, begun, halfway, afterBlock, last := steps[0], steps[probes], steps[probes+1], steps[probes+block], steps[len(steps)-1]
	if first.Index != 1 || first.Scenarios != 2 || first.Left != all || first.Trial != nil {
		t.Errorf("first step %+v", first)
	}
	if begun.Together != 4 || begun.Round != 0 || begun.Left != all || halfway.Round != 2 || halfway.Rounds != 2 || halfway.Left != all*3/4 {
		t.Errorf("in the first of two blocks: %+v, then %+v, planned %v", begun, halfway, all)
	}
	if afterBlock.Pair != 2 || afterBlock.Left != all {
		t.Errorf("after one of two blocks, which took twice as long as planned: %+v, want %v left", afterBlock, all)
	}
	if last.Index != 2 || last.Left != 0 || last.Scenario != f.plan.Scenarios[1].Name {
		t.Errorf("last step %+v", last)
	}
}

func parse(t *testing.T, text string) *suite.Suite {
	t.Helper()
	s, err := suite.Parse("test.yaml", []byte(text), setup.Check)
	if err != nil {
		t.Fatal(err)
	}
	return s
}
