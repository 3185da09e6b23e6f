package compare

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"

	"tunbench/bench/plan"
	"tunbench/bpf"
	"tunbench/harness/profile"
	"tunbench/harness/spec"
	"tunbench/harness/trial"
	"tunbench/reports/record"
	"tunbench/reports/verdict"
)

// profilingLab samples more of B than of A.
type profilingLab struct {
	pairs, alone int
	kept         map[string]int
	err          error
}

func sampled(count uint64) trial.Profiled {
	samples := &profile.Samples{Event: profile.Clock, PeriodNs: 1000, Stacks: []profile.Stack{{Frames: []profile.Frame{{Name: "tun_net_xmit"}}, Count: count}}}
	samples.Counts[bpf.StackTask] = count
	return trial.Profiled{Samples: samples, Pkts: 100}
}

func (p *profilingLab) Profile(context.Context, spec.Spec, string, trial.Sampling, record.Floor) (trial.Profiled, error) {
	p.alone++
	return sampled(10), p.err
}

func (p *profilingLab) ProfilePair(_ context.Context, sides [2]trial.Variant, _ trial.Sampling, _ uint64, _ record.Floor) ([2]trial.Profiled, error) {
	p.pairs++
	if sides[0].Spec.Seed != sides[1].Spec.Seed {
		return [2]trial.Profiled{}, errors.New("the variants send different packets")
	}
	return [2]trial.Profiled{sampled(10), sampled(30)}, p.err
}

func (p *profilingLab) keep(name string, content []byte) error {
	p.kept[name] = len(content)
	return nil
}

// runProfiled compares two variants with profiles.
func runProfiled(t *testing.T, lab *profilingLab, change func(*AB)) (*fakeRecorder, Outcome, error) {
	t.Helper()
	ab, pairs, rec := abFixture(t, "", "size=1500", noisy(1))
	lab.kept = map[string]int{}
	ab.Profiling = &plan.Profiling{Lab: lab, Keep: lab.keep}
	if change != nil {
		change(ab)
	}
	out, err := ab.Run(context.Background(), pairs, func() (plan.Recorder, error) { return rec, nil })
	return rec, out, err
}

func TestProfiles(t *testing.T) {
	lab := new(profilingLab)
	rec, out, err := runProfiled(t, lab, nil)
	if err != nil || out.Failed != 0 || lab.pairs != profilePairs || lab.alone != 0 {
		t.Fatalf("%+v, %v, %d pairs, %d alone", out, err, lab.pairs, lab.alone)
	}
	f := &record.File{Run: &record.Run{}}
	verdicts := false
	for _, r := range rec.records {
		switch r := r.(type) {
		case record.Verdict:
			verdicts = true
		case record.Profile:
			if !verdicts {
				t.Error("a profile before the verdicts")
			}
			f.Profiles = append(f.Profiles, r)
		}
	}
	if len(f.Profiles) != 2 || lab.kept[ProfileFiles[0]] == 0 || lab.kept[ProfileFiles[1]] == 0 {
		t.Fatalf("%d profiles, files %v", len(f.Profiles), lab.kept)
	}
	for i, want := range []float64{100, 300} { // 10 or 30 samples of 1000 ns in 100 packets
		p := f.Profiles[i]
		if p.Variant != variantNames[i] || p.Subject != 1 || len(p.Blocks) != profilePairs || p.Blocks[0].Cost != want {
			t.Errorf("%+v, want %v", p, want)
		}
	}
	c, err := verdict.CompareVariants(f, verdict.Options{})
	if err != nil || len(c.Profiles) != 1 || c.Profiles[0].Base.Variant != "a" || c.Profiles[0].New.Variant != "b" {
		t.Errorf("%+v, %v", c, err)
	}
}

func TestProfilesInVirtualTime(t *testing.T) {
	lab := new(profilingLab)
	_, _, err := runProfiled(t, lab, func(ab *AB) {
		ab.Clock = record.ClockICount
	})
	// The fake measures no instructions, so that there is nothing to judge by.
	if err != nil && !strings.Contains(fmt.Sprint(err), "pairs") {
		t.Fatal(err)
	}
	if lab.pairs != 0 {
		t.Errorf("%d pairs took turns in virtual time", lab.pairs)
	}
}

func TestProfileFails(t *testing.T) {
	lab := &profilingLab{err: errors.New("no perf event")}
	rec, out, err := runProfiled(t, lab, nil)
	if err != nil || out.Failed != 1 || lab.pairs != 1 {
		t.Errorf("%+v, %v, %d pairs", out, err, lab.pairs)
	}
	reasons := 0
	for _, r := range rec.records {
		if p, ok := r.(record.Profile); ok && p.Reason == record.Failed && strings.Contains(p.Detail, "no perf event") && p.File == "" {
			reasons++
		}
	}
	if reasons != 2 {
		t.Errorf("%d profiles say why they are missing", reasons)
	}
	_, out, err = runProfiled(t, new(profilingLab), func(ab *AB) { ab.Builds = new([2]*Build) })
	if err == nil || !strings.Contains(err.Error(), "--base-binary") || out.Begun {
		t.Errorf("of builds: %+v, %v", out, err)
	}
}
