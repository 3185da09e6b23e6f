package plan

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"tunbench/bpf"
	"tunbench/harness/profile"
	"tunbench/harness/refusal"
	"tunbench/harness/spec"
	"tunbench/harness/trial"
	"tunbench/reports/record"
)

// fakeProfiler samples a stack in each trial.
type fakeProfiler struct {
	lab   *fakeLab
	fails func(spec.Spec) error
	kept  map[string]int // sizes of the files, by name
}

func (f *fakeProfiler) Profile(_ context.Context, s spec.Spec, hook string, o trial.Sampling, _ record.Floor) (trial.Profiled, error) {
	f.lab.note("profile %d %s", s.Size, hook)
	if o.Period <= 0 || s.Measure < profileTime {
		return trial.Profiled{}, fmt.Errorf("sampled every %v for %v", o.Period, s.Measure)
	}
	if f.fails != nil {
		if err := f.fails(s); err != nil {
			return trial.Profiled{}, err
		}
	}
	samples := &profile.Samples{Event: profile.Clock, PeriodNs: int64(o.Period), Stacks: []profile.Stack{{Frames: []profile.Frame{{Name: "tunbench"}, {Name: "tun_net_xmit", Of: "tun"}}, Count: 10}}}
	samples.Counts[bpf.StackTask] = 10
	return trial.Profiled{Samples: samples, Pkts: 1000}, nil
}

func (f *fakeProfiler) ProfilePair(context.Context, [2]trial.Variant, trial.Sampling, uint64, record.Floor) ([2]trial.Profiled, error) {
	return [2]trial.Profiled{}, errors.New("a run has no pairs of variants")
}

func (f *fakeProfiler) keep(name string, content []byte) error {
	f.lab.note("keep %s", name)
	f.kept[name] = len(content)
	return nil
}

func profiledFixture(t *testing.T) (*fixture, *fakeProfiler) {
	f := newFixture(t)
	p := &fakeProfiler{lab: f.lab, kept: map[string]int{}}
	f.plan.Profiling = &Profiling{Lab: p, Keep: p.keep}
	return f, p
}

// profilesIn are the profiles that were written.
func profilesIn(f *fixture) (list []record.Profile) {
	for _, r := range f.rec.records {
		if p, ok := r.(record.Profile); ok {
			list = append(list, p)
		}
	}
	return list
}

// TestProfiles: profiles follow all trials, in rounds, and count for nothing else.
func TestProfiles(t *testing.T) {
	f, p := profiledFixture(t)
	out, err := f.run(context.Background())
	if err != nil || out.Trials != 4 || out.Exit(false) != 0 {
		t.Fatalf("%+v, %v", out, err)
	}
	first := slices.IndexFunc(f.log, func(s string) bool { return strings.HasPrefix(s, "profile ") })
	if first < 0 || slices.ContainsFunc(f.log[first:], func(s string) bool { return strings.HasPrefix(s, "run ") || strings.HasPrefix(s, "write bare") }) {
		t.Errorf("%q", f.log)
	}
	var want []string
	for range profileBlocks {
		want = append(want, "profile 64 none", "profile 1500 none")
	}
	want = append(want, "keep "+ProfileFile, "write end 2/4/0 exit 0", "close")
	if got := f.log[first:]; !slices.Equal(got, want) {
		t.Errorf("%q, want %q", got, want)
	}
	list := profilesIn(f)
	if len(list) != 2 || p.kept[ProfileFile] == 0 {
		t.Fatalf("%d profiles, files %v", len(list), p.kept)
	}
	// 10 samples of a period in 1000 packets.
	for _, got := range list {
		if len(got.Blocks) != profileBlocks || got.Blocks[0].Cost != float64(samplePeriod)*10/1000 || got.Unit != record.ProfileNs || got.File != ProfileFile || got.Scenario == "" || got.Hook != record.HookNone {
			t.Errorf("%+v", got)
		}
	}
	if f.plan.Duration() <= 2*profileBlocks*profileTime {
		t.Errorf("the run is said to take %v", f.plan.Duration())
	}
}

// TestProfileFails: what cannot be profiled is said, and does not end the others.
func TestProfileFails(t *testing.T) {
	for _, c := range []struct {
		err    error
		reason string
		exit   int
	}{
		{&refusal.Unsupported{Detail: "perf"}, record.Unsupported, 0},
		{errors.New("broken"), record.Failed, 2},
	} {
		f, p := profiledFixture(t)
		p.fails = func(s spec.Spec) error {
			if s.Size == 64 {
				return c.err
			}
			return nil
		}
		out, err := f.run(context.Background())
		if err != nil || out.Exit(false) != c.exit {
			t.Errorf("%v: %+v, %v", c.err, out, err)
		}
		list := profilesIn(f)
		if len(list) != 2 || list[0].Reason != c.reason || list[0].Detail == "" || list[0].File != "" || len(list[1].Blocks) != profileBlocks {
			t.Errorf("%v: %+v", c.err, list)
		}
	}
}

func TestProfilesInterrupted(t *testing.T) {
	f, p := profiledFixture(t)
	ctx, cancel := context.WithCancel(context.Background())
	n := 0
	p.fails = func(spec.Spec) error {
		if n++; n == 3 {
			cancel()
		}
		return ctx.Err()
	}
	out, err := f.run(ctx)
	if err != nil || !out.Interrupted || len(profilesIn(f)) != 0 || len(p.kept) != 0 || n != 3 {
		t.Errorf("%+v, %v, %d trials, files %v", out, err, n, p.kept)
	}
}

func TestBlockOf(t *testing.T) {
	virtual := func(send, recv float64) trial.Profiled {
		return trial.Profiled{Trial: record.Trial{Metrics: map[string]float64{record.SendNsPerPkt: send, record.RecvNsPerPkt: recv, record.CPUNsPerPkt: 900}}, Samples: &profile.Samples{Event: profile.Clock, PeriodNs: 1000, Counts: bpf.StackCounts{100}}, Pkts: 50}
	}
	for _, c := range []struct {
		name       string
		event      string
		clock      string
		unprofiled float64
		want       float64
	}{
		{"native", profile.Clock, record.ClockMonotonic, 500, 1000},
		{"virtual", profile.Clock, record.ClockICount, 500, 500}, // half of the instructions are those of sampling
		{"virtual, not known", profile.Clock, record.ClockICount, 0, 1000},
		{"virtual, cheaper than without", profile.Clock, record.ClockICount, 5000, 1000},
		{"cycles", "cycles", record.ClockMonotonic, 0, 450}, // 900 ns of 50 packets in 100 samples
	} {
		got := virtual(700, 300)
		got.Event = c.event
		if b := BlockOf(got, c.clock, c.unprofiled); b.Weight != c.want || b.Pkts != 50 {
			t.Errorf("%s: %v, want %v", c.name, b.Weight, c.want)
		}
	}
	late := virtual(500, 0)
	late.BusyNs, late.Counts[bpf.StackOther], late.Counts[bpf.StackIdle] = 220_000, 10, 1000
	if b := BlockOf(late, record.ClockICount, 250); b.Weight != 1000 { // half of 2000 ns of each of 110 samples
		t.Errorf("with samples left out: %v", b.Weight)
	}
	if o := SamplingOf(record.ClockICount); o.Period < 10*time.Microsecond || o.Lockstep <= 0 {
		t.Errorf("%+v: the kernel samples every 10 us at most", o)
	}
}
