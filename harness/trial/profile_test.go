package trial

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"tunbench/bpf"
	"tunbench/harness/profile"
	"tunbench/harness/spec"
	"tunbench/reports/record"
)

// fakeSampler notes what is asked of it, among what is asked of a trial.
type fakeSampler struct{ *fakeTrial }

func (f fakeSampler) Start() error { return f.note("sample on") }
func (f fakeSampler) Stop() error  { return f.note("sample off") }
func (f fakeSampler) Drain() error { return f.note("drain samples") }
func (f fakeSampler) Close() error { return f.note("close samples") }
func (f fakeSampler) Collect() (*profile.Samples, error) {
	return &profile.Samples{}, f.note("collect samples")
}

// TestSampled: stacks are sampled in the measured time only, and named before anything is
// torn down.
func TestSampled(t *testing.T) {
	f := newFakeTrial()
	r := f.session(spec.Spec{Measure: 40 * time.Millisecond, Window: 10 * time.Millisecond})
	p := sampleBy(r, fakeSampler{f})
	if _, err := runPhases(context.Background(), r); err != nil {
		t.Fatal(err)
	}
	var order []string
	for _, call := range f.calls {
		if strings.Contains(call, "sample ") || strings.Contains(call, "samples") || strings.Contains(call, "measure") || call == "collect" || call == "close" {
			order = append(order, call)
		}
	}
	want := []string{"sample on", "measure", "unmeasure", "sample off", "collect samples", "collect", "close"}
	if !slices.Equal(order, want) {
		t.Errorf("%q, want %q", order, want)
	}
	if p.pkts != 40e6 { // one a nanosecond
		t.Errorf("%d packets", p.pkts)
	}
	for _, fails := range []string{"sample on", "sample off", "collect samples"} {
		f := newFakeTrial()
		broken := errors.New("broken")
		f.fail[fails] = broken
		r := f.session(spec.Spec{Measure: 40 * time.Millisecond, Window: 10 * time.Millisecond})
		sampleBy(r, fakeSampler{f})
		if _, err := runPhases(context.Background(), r); !errors.Is(err, broken) {
			t.Errorf("%s fails: %v", fails, err)
		}
	}
}

// share is the share of the samples whose stack has a function.
func share(s *profile.Samples, function string) float64 {
	var with, all uint64
	for _, stack := range s.Stacks {
		all += stack.Count
		if slices.ContainsFunc(stack.Frames, func(f profile.Frame) bool { return strings.HasSuffix(f.Name, function) }) {
			with += stack.Count
		}
	}
	return float64(with) / float64(max(1, all))
}

// TestProfile profiles a trial, alone and as a pair one of whose sides has a filter that
// takes its time.
func TestProfile(t *testing.T) {
	needRoot(t)
	s := spec.Default()
	s.Warmup, s.Measure, s.Window = 50*time.Millisecond, 600*time.Millisecond, 50*time.Millisecond
	o := Sampling{Rate: profile.Rate{Period: 499 * time.Microsecond}}
	got, err := Profile(context.Background(), s, bpf.None, o, record.Floor{}, false)
	if err != nil {
		t.Fatal(err)
	}
	if got.Kept() < 100 || got.Pkts == 0 || got.Counts[bpf.StackLost] != 0 || got.Event == "" {
		t.Errorf("%d packets, samples %v of %s", got.Pkts, got.Counts, got.Event)
	}
	// The sender of this package and, in the kernel, the device and the reader's copy.
	for function, least := range map[string]float64{"traffic.(*Sender).Step": 0.1, "tun_chr_read_iter": 0.005, "tun_net_xmit": 0.01} {
		if has := share(got.Samples, function); has < least {
			t.Errorf("%s has a share of %.3f, less than %v", function, has, least)
		}
	}
	if has := share(got.Samples, "[unknown]"); has > 0.05 {
		t.Errorf("functions without a name have a share of %.3f", has)
	}

	slow := s
	slow.Filter, slow.FilterTime = true, 5*time.Microsecond
	pair, err := ProfilePair(context.Background(), [2]Variant{{s, record.HookNone}, {slow, record.HookNone}}, o, 1, record.Floor{}, false)
	if err != nil {
		t.Fatal(err)
	}
	const filter = "bpf_prog_filter_wait"
	if without, with := share(pair[0].Samples, filter), share(pair[1].Samples, filter); without != 0 || with < 0.2 {
		t.Errorf("the filter has a share of %.3f without it, %.3f with it", without, with)
	}
	if pair[0].Pkts <= pair[1].Pkts {
		t.Errorf("%d packets without a filter of 5 us, %d with it", pair[0].Pkts, pair[1].Pkts)
	}
}
