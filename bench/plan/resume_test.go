package plan

import (
	"context"
	"slices"
	"strings"
	"testing"

	"tunbench/harness/spec"
	"tunbench/reports/record"
)

// file is what the fixture's recorder was given.
func (f *fixture) file() *record.File {
	got := &record.File{}
	for _, r := range f.rec.records {
		switch r := r.(type) {
		case record.Run:
			got.Run = &r
		case record.Trial:
			got.Trials = append(got.Trials, r)
		case record.Skip:
			got.Skips = append(got.Skips, r)
		}
	}
	return got
}

// TestResume interrupts a run after each of its trials and holds that what is
// measured then, together with what was there, is the run that was planned: the
// same trials in the same pairs with the same random numbers.
func TestResume(t *testing.T) {
	plain := newFixture(t)
	plain.plan.Pairs = 3
	if _, err := plain.run(context.Background()); err != nil {
		t.Fatal(err)
	}
	whole := len(plain.lab.specs)
	for n := range whole {
		f := newFixture(t)
		f.plan.Pairs = 3
		ctx, cancel := context.WithCancel(context.Background())
		f.lab.run = func(spec.Spec, string) (record.Trial, error) {
			if len(f.lab.specs) > n {
				cancel()
				return record.Trial{}, ctx.Err()
			}
			return record.Trial{Metrics: map[string]float64{record.PPS: 1e6}}, nil
		}
		if out, err := f.run(ctx); err != nil || !out.Interrupted || out.Trials != n {
			t.Fatalf("interrupted after %d: %+v, %v", n, out, err)
		}
		g := newFixture(t)
		g.plan.Pairs, g.plan.Done = 3, f.file()
		g.plan.Seed = 99 // that of the file counts
		out, err := g.run(context.Background())
		if err != nil || out.Trials != whole || out.Exit(false) != 0 {
			t.Fatalf("resumed after %d: %+v, %v", n, out, err)
		}
		if len(g.lab.specs) != whole-n {
			t.Errorf("resumed after %d of %d: %d trials were made", n, whole, len(g.lab.specs))
		}
		var seeds, want []uint64
		for _, s := range slices.Concat(f.lab.specs[:n], g.lab.specs) {
			seeds = append(seeds, s.Seed)
		}
		for _, s := range plain.lab.specs {
			want = append(want, s.Seed)
		}
		if !slices.Equal(seeds, want) {
			t.Errorf("resumed after %d: the random numbers are others", n)
		}
		noted := 0
		for _, trial := range g.file().Trials {
			noted += len(trial.Notes)
		}
		if want := n % 2; noted != want {
			t.Errorf("resumed after %d: %d trials are noted as halves of an earlier pair, want %d", n, noted, want)
		}
	}
}

func TestResumeRefuses(t *testing.T) {
	done := func(change func(*record.File)) *fixture {
		f := newFixture(t)
		if _, err := f.run(context.Background()); err != nil {
			t.Fatal(err)
		}
		g := newFixture(t)
		g.plan.Done = f.file()
		change(g.plan.Done)
		return g
	}
	for want, change := range map[string]func(*record.File){
		"kernel: \"6.1 \" then, \"6.18.0 \" now": func(f *record.File) { f.Run.Host.Kernel = "6.1" },
		"tunbench: \"v1 \" then":                 func(f *record.File) { f.Run.Tool.Version = "v1" },
		"clock: \"icount\" then":                 func(f *record.File) { f.Run.Clock = record.ClockICount },
		"nothing is missing":                     func(f *record.File) { f.End = &record.End{} },
		"no longer has":                          func(f *record.File) { f.Trials[0].Scenario = "Tun/of-old" },
	} {
		g := done(change)
		if _, err := g.run(context.Background()); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v, want %q in it", err, want)
		}
		if len(g.lab.specs) > 0 {
			t.Errorf("%s: something was measured", want)
		}
	}
}

// TestResumeKeepsSkips: what could not run does not run now, and stays counted.
func TestResumeKeepsSkips(t *testing.T) {
	f := newFixture(t)
	f.lab.probe = func(s spec.Spec) error {
		if s.Size == 64 {
			return errUnsupported
		}
		return nil
	}
	if _, err := f.run(context.Background()); err != nil {
		t.Fatal(err)
	}
	g := newFixture(t)
	g.plan.Done = f.file()
	g.plan.Done.Trials = g.plan.Done.Trials[:1]
	out, err := g.run(context.Background())
	if err != nil || out.Skips != 1 || out.Trials != 2 || len(g.file().Skips) != 0 {
		t.Errorf("%+v, %v, skips %v", out, err, g.file().Skips)
	}
}
