package plan

import (
	"context"
	"strings"
	"testing"

	"tunbench/harness/spec"
	"tunbench/reports/record"
	"tunbench/reports/requirement"
)

// limitedFixture is the plan of a suite that sets a limit on the packet rate, of a lab that
// reaches 1 Mpps.
func limitedFixture(t *testing.T, limit string) *fixture {
	t.Helper()
	f := newFixture(t)
	f.plan.Scenarios = parse(t, "require: {pps: '"+limit+"'}\nscenarios:\n- size: [64, 1500]\n").Scenarios
	return f
}

// The exit code follows from the limits, and the end record has it too.
func TestLimits(t *testing.T) {
	unsupported := func(s spec.Spec) error {
		if s.Size == 64 {
			return errUnsupported
		}
		return nil
	}
	broken := func(s spec.Spec, _ string) (record.Trial, error) {
		if s.Size == 64 {
			return record.Trial{}, context.DeadlineExceeded
		}
		return record.Trial{Metrics: map[string]float64{record.PPS: 1e6}}, nil
	}
	for name, test := range map[string]struct {
		limit string
		probe func(spec.Spec) error
		run   func(spec.Spec, string) (record.Trial, error)
		exit  int
		why   string
	}{
		"met":                     {"> 999k", nil, nil, 0, ""},
		"missed":                  {"> 1001k", nil, nil, 1, "limits of the suite: 2 of 2 missed: Tun/dir=k2u/gen=udp/queues=1/size=64: pps is "},
		"unsupported":             {"> 999k", unsupported, nil, 3, "limits of the suite: 1 of 2 not judged: Tun/dir=k2u/gen=udp/queues=1/size=64: pps, limit > 999k: not judged: unsupported: "},
		"missed, and unsupported": {"> 1001k", unsupported, nil, 1, "limits of the suite: 1 of 2 missed: Tun/dir=k2u/gen=udp/queues=1/size=1500: "},
		"failed":                  {"> 999k", nil, broken, 2, "1 of 2 scenarios failed"},
	} {
		t.Run(name, func(t *testing.T) {
			f := limitedFixture(t, test.limit)
			f.lab.probe, f.lab.run = test.probe, test.run
			out, err := f.run(context.Background())
			if err != nil || out.Exit(false) != test.exit || len(out.Limits) != 2 {
				t.Fatalf("exit %d, want %d: %+v, %v", out.Exit(false), test.exit, out, err)
			}
			if end, ok := f.rec.records[len(f.rec.records)-1].(record.End); !ok || end.Exit != test.exit {
				t.Errorf("end %+v", end)
			}
			if test.exit != 0 {
				if why := out.Why(2, "x", "y").Error(); !strings.HasPrefix(why, test.why) {
					t.Errorf("why %q, want %q", why, test.why)
				}
			}
			// The file alone gives the same verdicts.
			file := f.file()
			file.End = &record.End{}
			again := requirement.Judge(file)
			for i, r := range out.Limits {
				if again[i].Text() != r.Text() {
					t.Errorf("%q at the end of the run, %q from its file", r.Text(), again[i].Text())
				}
			}
		})
	}
}

// A run that is resumed is judged by the trials of both halves, and only by the same
// limits.
func TestLimitsOfAResumedRun(t *testing.T) {
	half := limitedFixture(t, "> 900k")
	ctx, cancel := context.WithCancel(context.Background())
	half.plan.Pairs, half.plan.Arms = 2, []record.Arm{record.Bare}
	half.lab.run = func(spec.Spec, string) (record.Trial, error) {
		if len(half.lab.specs) > 2 {
			cancel()
			return record.Trial{}, ctx.Err()
		}
		return record.Trial{Metrics: map[string]float64{record.PPS: 0.5e6}}, nil
	}
	if out, err := half.run(ctx); err != nil || !out.Interrupted || out.Exit(false) != 130 {
		t.Fatalf("interrupted: %+v, %v", out, err)
	}
	resume := func(limit string) (Outcome, error) {
		rest := limitedFixture(t, limit)
		rest.plan.Pairs, rest.plan.Arms, rest.plan.Done = 2, []record.Arm{record.Bare}, half.file()
		return rest.run(context.Background())
	}
	out, err := resume("> 900k")
	if err != nil || out.Exit(false) != 1 || len(out.Limits) != 2 || *out.Limits[0].Figure != 0.75e6 || out.Limits[0].N != 2 {
		t.Errorf("resumed: %+v, %v", out, err)
	}
	if _, err := resume("> 901k"); err == nil || !strings.Contains(err.Error(), "limits: pps > 900k for ") || !strings.Contains(err.Error(), " then, pps > 901k for ") {
		t.Errorf("resumed with another limit: %v", err)
	}
	// Shards of plans with other limits are of other plans.
	a, b := limitedFixture(t, "> 900k").plan, limitedFixture(t, "> 901k").plan
	if x, y := (Shard{1, 2}).Split(a, true), (Shard{1, 2}).Split(b, true); x.Shard.Plan == y.Shard.Plan {
		t.Error("two plans with different limits have one sum")
	}
}

// What a run keeps for its limits is little: thousands of trials are kept at once.
func TestLimitsKeepLittle(t *testing.T) {
	f := limitedFixture(t, "> 1")
	l := newLimited(f.plan, record.Floor{})
	latency := map[string]record.Latency{record.E2E: {Count: 9, Buckets: make(record.Buckets, 1000)}}
	name := f.plan.Scenarios[0].Name
	l.trial(record.Trial{Scenario: name, Windows: make([]record.Window, 100), Latency: latency})
	l.trial(record.Trial{Scenario: "Tun/without"})
	if kept := l.file.Trials; len(kept) != 1 || len(kept[0].Windows) != 0 || len(kept[0].Latency[record.E2E].Buckets) != 0 || kept[0].Latency[record.E2E].Count != 9 {
		t.Errorf("%+v", l.file.Trials)
	}
	if len(latency[record.E2E].Buckets) != 1000 {
		t.Error("the trial itself lost its buckets")
	}
}
