package main

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"tunbench/bench/compare"
	"tunbench/bench/completion"
	"tunbench/bench/plan"
	"tunbench/bench/setup"
	"tunbench/bench/suite"
	"tunbench/harness/module"
	"tunbench/harness/program"
	"tunbench/reports/metric"
	"tunbench/reports/record"
	"tunbench/reports/verdict"
)

// selection holds the flags that say what to measure: those of run and list.
type selection struct {
	suite           string
	filters, sets   []string
	trials          int
	warmup, measure time.Duration
	hook, arm       string
	seed            uint64
	cpus            string
	guestKernel     string // of path=guest
	strict, buckets bool
	profile         bool   // of run and ab
	shard           string // of run and list

	single  bool // one scenario, all axes at their default, unless suite or filter say otherwise
	changed func(flag string) bool
}

var (
	hooks = record.HookNames()
	arms  = []string{"both", string(record.Bare), string(record.Observed)}
)

func (s *selection) register(cmd *cobra.Command) {
	f := cmd.Flags()
	s.changed = f.Changed
	f.StringVar(&s.suite, "suite", "default", "what to measure: "+strings.Join(suite.Names(), ", ")+" or a file that ends in .yaml")
	f.StringArrayVar(&s.filters, "filter", nil, "keep scenarios that match all of 'axis=v1,v2 axis=v' (may repeat)")
	f.StringArrayVar(&s.sets, "set", nil, "set an axis of every scenario: axis=value; several values, axis=v1,v2, multiply the scenarios (may repeat)")
	f.Var(&program.Flag{}, "program", "file of a program for path=program, whose name is then a value of the axis program (may repeat)")
	f.Var(&module.Flag{}, "module", "build of the TUN module, whose name is then a value of the axis module: NAME=FILE.ko, or 'NAME=FILE.ko PARAMETER=VALUE' (may repeat)")
	f.IntVar(&s.trials, "trials", 0, "pairs of trials for each scenario (default: the suite's)")
	f.DurationVar(&s.warmup, "warmup", 0, "time that a trial runs before it is measured (default: the suite's)")
	f.DurationVar(&s.measure, "measure", 0, fmt.Sprintf("measured time of a trial, %v at least (default: the suite's)", suite.MinMeasure))
	f.StringVar(&s.hook, "hook", record.HookAuto, "how to observe the kernel: "+strings.Join(hooks, ", "))
	f.StringVar(&s.arm, "arm", "both", "trials of a pair: "+strings.Join(arms, ", "))
	f.Uint64Var(&s.seed, "seed", 0, "seed of the order of trials and of all else that is random (default: random; it is recorded)")
	f.StringVar(&s.cpus, "cpus", "", "CPUs to use, such as 0,2-3: the first half sends, the second half reads (default: from the topology)")
	f.StringVar(&s.guestKernel, "guest-kernel", "", "kernel of the virtual machine of path=guest, as for tunbench vm --kernel (default: the newest that was fetched)")
	// Errors could only be about the names of flags, which are registered above.
	completeSelection(cmd)
	_ = cmd.RegisterFlagCompletionFunc("hook", cobra.FixedCompletions(hooks, cobra.ShellCompDirectiveNoFileComp))
	_ = cmd.RegisterFlagCompletionFunc("guest-kernel", completion.Kernel)
	_ = cmd.RegisterFlagCompletionFunc("arm", cobra.FixedCompletions(arms, cobra.ShellCompDirectiveNoFileComp))
	for _, flag := range []string{"trials", "warmup", "measure", "seed", "cpus"} {
		_ = cmd.RegisterFlagCompletionFunc(flag, cobra.NoFileCompletions)
	}
}

// completeSelection completes the values of the flags that select scenarios.
func completeSelection(cmd *cobra.Command) {
	// Errors could only be about the names of flags, which the caller registered.
	_ = cmd.RegisterFlagCompletionFunc("suite", completion.Suite)
	_ = cmd.RegisterFlagCompletionFunc("filter", completion.Axis)
	_ = cmd.RegisterFlagCompletionFunc("set", completion.Axis)
}

// registerShard adds --shard, for commands that work on a whole suite.
func (s *selection) registerShard(cmd *cobra.Command) {
	cmd.Flags().StringVar(&s.shard, "shard", "", "one share of the scenarios: 2/3 is the second of three, each for a host of its own; tunbench merge combines them")
	_ = cmd.RegisterFlagCompletionFunc("shard", cobra.NoFileCompletions)
}

// split returns the share of p that --shard names.
func (s *selection) split(p plan.Plan) (plan.Plan, error) {
	shard, err := plan.ParseShard(s.shard)
	if err != nil {
		return p, fmt.Errorf("--shard: %w", err)
	}
	return shard.Split(p, s.changed("seed")), nil
}

// plan turns the flags into a Plan. It reads nothing but the file of the suite.
func (s *selection) plan(args []string) (plan.Plan, error) {
	none := plan.Plan{}
	if !slices.Contains(hooks, s.hook) {
		return none, fmt.Errorf("--hook %q: choose %s", s.hook, strings.Join(hooks, ", "))
	}
	if !slices.Contains(arms, s.arm) {
		return none, fmt.Errorf("--arm %q: choose %s", s.arm, strings.Join(arms, ", "))
	}
	p := plan.Plan{Hook: s.hook, Args: args, Tool: tool(), Strict: s.strict, Buckets: s.buckets, Seed: s.seed, GuestKernel: s.guestKernel, Profiling: plan.NewProfiling(s.profile)}
	var err error
	if p.Clock, err = plan.ParseClock(os.Getenv("TUNBENCH_CLOCK")); err != nil {
		return none, fmt.Errorf("TUNBENCH_CLOCK: %w", err)
	}
	switch {
	case s.hook == record.HookNone && s.arm != string(record.Bare) && s.changed("arm"):
		return none, fmt.Errorf("--arm %s observes, which --hook none forbids: leave one of them out", s.arm)
	case s.arm == string(record.Bare) && s.hook != record.HookNone && s.hook != record.HookAuto:
		return none, fmt.Errorf("--hook %s observes, which --arm bare forbids: leave one of them out", s.hook)
	case s.hook == record.HookNone || s.arm == string(record.Bare):
		p.Hook, p.Arms = record.HookNone, []record.Arm{record.Bare}
	case s.arm == string(record.Observed):
		p.Arms = []record.Arm{record.Observed}
	default:
		p.Arms = []record.Arm{record.Bare, record.Observed}
	}
	if !s.changed("seed") {
		p.Seed = rand.Uint64()
	}
	if p.CPUs, err = plan.ParseCPUs(s.cpus); err != nil {
		return none, fmt.Errorf("--cpus %q: %w", s.cpus, err)
	}
	from, err := s.load()
	if err != nil {
		return none, err
	}
	p.Suite, p.SuiteFile, p.Pairs = from.Name, from.File, from.Pairs
	if s.changed("trials") {
		if s.trials < 1 || s.trials > suite.MaxPairs {
			return none, fmt.Errorf("--trials %d: choose 1 to %d pairs", s.trials, suite.MaxPairs)
		}
		p.Pairs = s.trials
	}
	sel, err := suite.ParseSelection(s.filters, s.sets)
	if err != nil {
		return none, err
	}
	if p.Scenarios, err = suite.Select(from.Scenarios, sel, setup.Check); err != nil {
		return none, fmt.Errorf("suite %s: %w", from.Name, err)
	}
	for i := range p.Scenarios {
		scenario := &p.Scenarios[i]
		if s.changed("warmup") {
			scenario.Warmup = s.warmup
		}
		if s.changed("measure") {
			scenario.Measure = s.measure
			scenario.Window = min(scenario.Window, scenario.Measure)
		}
		if err := setup.Spec(*scenario).Validate(); err != nil {
			return none, err
		}
	}
	return p, nil
}

// forceBare sets what --userns implies: BPF programs cannot be loaded there.
func (s *selection) forceBare() error {
	if s.changed("arm") && s.arm != string(record.Bare) {
		return fmt.Errorf("--userns measures bare: --arm %s needs root", s.arm)
	}
	if s.changed("hook") && s.hook != record.HookNone {
		return fmt.Errorf("--userns measures bare: --hook %s needs root", s.hook)
	}
	s.arm, s.hook = string(record.Bare), record.HookNone
	return nil
}

// comparison turns the flags into an AB, and returns how it is judged.
func (s *selection) comparison(args []string, o abOptions) (ab compare.AB, options verdict.Options, err error) {
	switch {
	case s.changed("arm") && s.arm == "both":
		return ab, options, errors.New("--arm both: ab compares two variants: choose bare or observed, or give the variants hooks, such as --a hook=none --b hook=auto")
	case s.changed("hook") && !s.changed("arm") && s.hook != record.HookNone:
		s.arm = string(record.Observed)
	}
	if options.Thresholds, err = metric.ParseThresholds(o.thresholds); err != nil {
		return ab, options, err
	}
	options.Strict, options.Allow = s.strict, o.allow
	ab.AllowMissing = slices.Contains(o.allow, verdict.AllowMissing)
	if ab.Plan, err = s.plan(args); err != nil {
		return ab, options, err
	}
	if !s.changed("trials") {
		ab.Pairs = compare.DefaultPairs
	}
	ab.Subjects, err = compare.Subjects(ab.Scenarios, ab.Hook, o.a, o.b)
	return ab, options, err
}

// load returns the scenarios to select from.
func (s *selection) load() (*suite.Suite, error) {
	if !s.single || s.changed("suite") || s.changed("filter") {
		return suite.Load(s.suite, setup.Check)
	}
	scenario, err := setup.New(nil)
	if err != nil {
		return nil, err
	}
	return &suite.Suite{Name: "ab", Scenarios: []suite.Scenario{scenario}}, nil
}
