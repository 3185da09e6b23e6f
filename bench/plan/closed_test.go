package plan

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"tunbench/bench/setup"
	"tunbench/bench/suite"
	"tunbench/harness/spec"
	"tunbench/reports/record"
)

func TestLoads(t *testing.T) {
	for _, test := range []struct {
		load, spacing, pause string
		name                 string
		rate, share          float64
		poisson              bool
		sleep                time.Duration
	}{
		{"max", "fixed", "off", "", 0, 0, false, 0},
		{"1000pps", "fixed", "off", "/load=1000pps", 1000, 0, false, 0},
		{"1pps", "poisson", "off", "/load=1pps/spacing=poisson", 1, 0, true, 0},
		{"50pct", "fixed", "5ms", "/load=50pct/pause=5ms", 0, 0.5, false, 5 * time.Millisecond},
		{"200pct", "poisson", "500ms", "/load=200pct/spacing=poisson/pause=500ms", 0, 2, true, 500 * time.Millisecond},
		{"0100pps", "fixed", "05ms", "/load=100pps/pause=5ms", 100, 0, false, 5 * time.Millisecond},
	} {
		s, err := setup.New(map[string]string{"load": test.load, "spacing": test.spacing, "pause": test.pause})
		if err != nil {
			t.Errorf("%s: %v", test.load, err)
			continue
		}
		if want := "Tun/dir=k2u/gen=udp/queues=1/size=64" + test.name; s.Name != want {
			t.Errorf("named %s, want %s", s.Name, want)
		}
		if sp := setup.Spec(s); sp.Rate != test.rate || sp.Share != test.share || sp.Poisson != test.poisson || sp.Pause != test.sleep {
			t.Errorf("%s: rate %v, share %v, poisson %v, pause %v", s.Name, sp.Rate, sp.Share, sp.Poisson, sp.Pause)
		}
	}
	for value, want := range map[string]string{
		"load=0pps": "choose max, 1pps to 100000000pps, 1pct to 200pct", "load=0pct": "no such value", "load=201pct": "no such value",
		"load=1.5pct": "no such value", "load=100": "no such value", "load=pps": "no such value", "load=1e3pps": "no such value",
		"load=100000001pps": "no such value", "pause=0ms": "choose off, 1ms to 500ms", "pause=5": "no such value",
	} {
		if _, _, err := suite.ParseAssignment(value); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: got %v, want %q", value, err, want)
		}
	}
	for name, values := range map[string]map[string]string{
		"lockstep":        {"load": "50pct", "gen": "lockstep"},
		"poisson, closed": {"spacing": "poisson"},
	} {
		if _, err := setup.New(values); !errors.Is(err, spec.ErrImpossible) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// shares is a plan whose closed loop reaches what reached says, by trial.
func shares(t *testing.T, text string, reached ...float64) *fixture {
	t.Helper()
	f := newFixture(t)
	f.plan.Scenarios = parse(t, text).Scenarios
	closed := 0
	f.lab.run = func(s spec.Spec, hook string) (record.Trial, error) {
		trial := record.Trial{Metrics: map[string]float64{record.PPS: s.Rate}}
		if s.Rate == 0 {
			trial.Metrics[record.PPS] = reached[closed%len(reached)]
			closed++
			if hook != record.HookNone {
				trial.Metrics[record.PPS] /= 2 // the observed arm does not count
			}
		}
		return trial, nil
	}
	return f
}

// TestShareIsCalibratedOnce: the first scenario with a share measures what the
// closed loop reaches, the others with the same one remember.
func TestShareIsCalibratedOnce(t *testing.T) {
	f := shares(t, "scenarios:\n- {load: [10pct, 50pct, 1000pps], pause: [off, 5ms]}\n- {load: 90pct, size: 1500, spacing: poisson}\n", 900e3, 1200e3, 1000e3)
	f.plan.Arms, f.plan.Hook, f.lab.used = []record.Arm{record.Bare}, record.HookNone, record.HookNone
	f.plan.Pairs = 2
	if _, err := f.run(context.Background()); err != nil {
		t.Fatal(err)
	}
	rates := map[string]float64{}
	short := 0
	for _, s := range f.lab.specs {
		if s.Rate == 0 {
			short++
			if s.Measure != calibrationTime || s.Pause != 0 || s.Poisson || s.Share != 0 || len(s.CPUs) != 2 {
				t.Errorf("calibrated with %+v", s)
			}
		}
	}
	if short != 2*calibrations {
		t.Errorf("%d calibrations for two closed loops, want %d", short, 2*calibrations)
	}
	for _, r := range f.rec.records {
		trial, ok := r.(record.Trial)
		if !ok {
			continue
		}
		_, query, _ := strings.Cut(trial.Scenario, "size=")
		rates[query] = trial.Metrics[record.PPS]
		note := strings.Join(trial.Notes, ";")
		if pct := strings.HasSuffix(trial.Axes["load"], "pct"); pct != strings.Contains(note, "the closed loop reached 1000000, by 3 valid trials of 3, of 300ms each, made to know it") {
			t.Errorf("%s: notes %q", trial.Scenario, note)
		}
	}
	want := map[string]float64{
		"64/load=10pct": 1e5, "64/load=10pct/pause=5ms": 1e5, "64/load=50pct": 5e5, "64/load=50pct/pause=5ms": 5e5,
		"64/load=1000pps": 1000, "64/load=1000pps/pause=5ms": 1000, "1500/load=90pct/spacing=poisson": 9e5,
	}
	if diff := cmp.Diff(want, rates); diff != "" {
		t.Errorf("rates (-want +got)\n%s", diff)
	}
}

// TestShareOfWhatTheRunMeasured: if the closed loop has been measured often
// enough, nothing more is.
func TestShareOfWhatTheRunMeasured(t *testing.T) {
	f := shares(t, "scenarios:\n- {load: [max, 50pct]}\n", 800e3)
	f.plan.Clock, f.plan.Pairs = record.ClockICount, 3 // in virtual time all pairs of a scenario follow each other
	if _, err := f.run(context.Background()); err != nil {
		t.Fatal(err)
	}
	if n := len(f.lab.specs); n != 12 {
		t.Errorf("%d trials, want those of two scenarios and no more", n)
	}
	last := f.rec.records[len(f.rec.records)-2].(record.Trial)
	want := []string{"load=50pct is 400000 packets/s: the closed loop reached 800000, the median of 3 valid trials of this run"}
	if diff := cmp.Diff(want, last.Notes); diff != "" || last.Metrics[record.PPS] != 400e3 {
		t.Errorf("rate %v, notes (-want +got)\n%s", last.Metrics[record.PPS], diff)
	}
}

func TestUnknownClosedLoopIsASkip(t *testing.T) {
	for name, test := range map[string]struct {
		trial  record.Trial
		err    error
		reason string
		detail string
		runs   int
	}{
		"refused": {record.Trial{}, errUnsupported, record.Unsupported, "measure what the closed loop reaches: set offloads: EINVAL", 1},
		"invalid": {record.Trial{Flags: []string{record.FlagSteal}, Metrics: map[string]float64{record.PPS: 1}}, nil, record.Missing, "all 3 trials", 3},
	} {
		f := newFixture(t)
		f.plan.Scenarios = parse(t, "scenarios:\n- {load: [10pct, 50pct, 1000pps]}\n").Scenarios
		f.lab.run = func(s spec.Spec, _ string) (record.Trial, error) {
			if s.Rate == 0 {
				return test.trial, test.err
			}
			return record.Trial{}, nil
		}
		out, err := f.run(context.Background())
		if err != nil || out.Skips != 2 || out.Trials != 2 {
			t.Errorf("%s: outcome %+v, %v, want two of three scenarios skipped", name, out, err)
		}
		if n := len(f.lab.specs) - out.Trials; n != test.runs {
			t.Errorf("%s: %d trials to know the closed loop, want %d: it is asked once", name, n, test.runs)
		}
		for _, r := range f.rec.records {
			if skip, ok := r.(record.Skip); ok && (skip.Reason != test.reason || !strings.Contains(skip.Detail, test.detail)) {
				t.Errorf("%s: %+v", name, skip)
			}
		}
	}
}

func TestInterruptedWhileCalibrating(t *testing.T) {
	ctx, cancel := context.WithCancel(context.Background())
	f := newFixture(t)
	f.plan.Scenarios = parse(t, "scenarios:\n- {load: 50pct}\n").Scenarios
	f.lab.run = func(spec.Spec, string) (record.Trial, error) {
		cancel()
		return record.Trial{}, fmt.Errorf("measure: %w", ctx.Err())
	}
	out, err := f.run(ctx)
	if err != nil || !out.Interrupted || out.Skips != 0 || out.Trials != 0 {
		t.Errorf("outcome %+v, %v", out, err)
	}
}
