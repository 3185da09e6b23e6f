package trial

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"tunbench/harness/account"
	"tunbench/harness/host"
	"tunbench/harness/spec"
	"tunbench/reports/record"
)

// fakeTrial takes note of what is asked of it. Its clock moves only in after.
type fakeTrial struct {
	calls  []string
	fail   map[string]error
	onCall func(name string)
	clock  int64
	stuck  bool // no wait ever ends
	// delivered is what has come until a moment of the clock; nil: one packet a
	// nanosecond.
	delivered func(at int64) float64
	dead      chan error
	done      chan struct{}
}

func newFakeTrial() *fakeTrial {
	return &fakeTrial{fail: map[string]error{}, dead: make(chan error, 1), done: make(chan struct{})}
}

// session is one of f alone.
func (f *fakeTrial) session(s spec.Spec) *session {
	return &session{spec: s, stage: f, meter: f, recorder: f, clock: f, failed: f.dead, sent: f.done}
}

func (f *fakeTrial) note(name string) error {
	f.calls = append(f.calls, name)
	if f.onCall != nil {
		f.onCall(name)
	}
	return f.fail[name]
}

func (f *fakeTrial) build(context.Context) error { return f.note("build") }
func (f *fakeTrial) start(context.Context) error { return f.note("start") }
func (f *fakeTrial) measure(on bool) error {
	if on {
		return f.note("measure")
	}
	return f.note("unmeasure")
}
func (f *fakeTrial) sample() account.Sample {
	f.note("sample")
	if f.delivered != nil {
		return account.Sample{At: f.clock, Delivered: uint64(f.delivered(f.clock))}
	}
	return account.Sample{At: f.clock, Delivered: uint64(f.clock)}
}
func (f *fakeTrial) look() host.Look {
	f.note("look")
	return host.Look{}
}
func (f *fakeTrial) usage() (account.Usage, error) { return account.Usage{}, f.note("usage") }
func (f *fakeTrial) stop(context.Context) error    { return f.note("stop") }
func (f *fakeTrial) drain(context.Context) error   { return f.note("drain") }
func (f *fakeTrial) collect() error                { return f.note("collect") }
func (f *fakeTrial) trial(account.Measurement, record.Floor, bool) record.Trial {
	return record.Trial{}
}
func (f *fakeTrial) close() error { return f.note("close") }
func (f *fakeTrial) now() int64   { return f.clock }
func (f *fakeTrial) after(d time.Duration) <-chan time.Time {
	f.note("wait")
	if f.stuck {
		return nil
	}
	f.clock += int64(max(0, d))
	c := make(chan time.Time, 1)
	c <- time.Time{}
	return c
}

func threeWindows() spec.Spec {
	s := spec.Default()
	s.Warmup, s.Measure, s.Window = time.Second, 3*time.Second, time.Second
	return s
}

var wholeTrial = slices.Concat(
	[]string{"build", "start"}, warmUpOnce,
	strings.Fields("look usage measure sample wait sample wait sample wait sample unmeasure usage look stop drain collect close"))

// warmUpOnce is a warm-up that is not extended.
var warmUpOnce = append([]string{"sample"}, slices.Repeat([]string{"wait", "sample"}, warmupSlices)...)

func TestPhaseOrder(t *testing.T) {
	f := newFakeTrial()
	m, err := runPhases(context.Background(), f.session(threeWindows()))
	if err != nil {
		t.Fatal(err)
	}
	if !slices.Equal(f.calls, wholeTrial) {
		t.Fatalf("phases were\n%v, want\n%v", f.calls, wholeTrial)
	}
	if len(m.Samples) != 4 || m.Samples[3].At-m.Samples[0].At != int64(3*time.Second) {
		t.Fatalf("samples %+v, want 4 over 3 s", m.Samples)
	}
}

// TestEveryPhaseMayFail holds that whichever phase fails, its error comes out,
// no later phase but the last runs, and that one always does.
func TestEveryPhaseMayFail(t *testing.T) {
	for _, name := range []string{"build", "start", "usage", "measure", "unmeasure", "stop", "drain", "collect"} {
		f := newFakeTrial()
		want := errors.New(name + " failed")
		f.fail[name] = want
		_, err := runPhases(context.Background(), f.session(threeWindows()))
		if !errors.Is(err, want) {
			t.Errorf("%s: got %v", name, err)
		}
		if n := len(f.calls); f.calls[n-1] != "close" || f.calls[n-2] != name {
			t.Errorf("%s: phases were %v", name, f.calls)
		}
	}
	f := newFakeTrial()
	f.fail["close"] = errors.New("still there")
	if _, err := runPhases(context.Background(), f.session(threeWindows())); err == nil || !strings.Contains(err.Error(), "tear down: still there") {
		t.Errorf("a failed tear-down came out as %v", err)
	}
}

func TestCancelledInEachPhase(t *testing.T) {
	for _, phase := range []string{"start", "measure", "sample"} {
		ctx, cancel := context.WithCancel(context.Background())
		f := newFakeTrial()
		f.onCall = func(name string) {
			if name == phase {
				f.stuck = true
				cancel()
			}
		}
		_, err := runPhases(ctx, f.session(threeWindows()))
		if !errors.Is(err, context.Canceled) {
			t.Errorf("%s: got %v, want context canceled", phase, err)
		}
		if f.calls[len(f.calls)-1] != "close" || slices.Contains(f.calls, "drain") {
			t.Errorf("%s: phases were %v", phase, f.calls)
		}
	}
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	f := newFakeTrial()
	if _, err := runPhases(ctx, f.session(threeWindows())); !errors.Is(err, context.Canceled) || slices.Contains(f.calls, "build") {
		t.Errorf("cancelled before the start: %v, phases %v", err, f.calls)
	}
}

func TestAWorkerDies(t *testing.T) {
	f := newFakeTrial()
	f.dead <- errors.New("a reader died: read queue 0: file descriptor in bad state")
	f.stuck = true
	_, err := runPhases(context.Background(), f.session(threeWindows()))
	if err == nil || !strings.Contains(err.Error(), "a reader died") {
		t.Fatalf("got %v", err)
	}
	if f.calls[len(f.calls)-1] != "close" {
		t.Fatalf("phases were %v", f.calls)
	}
}

func TestCountEndsEarly(t *testing.T) {
	f := newFakeTrial()
	close(f.done)
	m, err := runPhases(context.Background(), f.session(threeWindows()))
	if err != nil || len(m.Samples) != 2 {
		t.Fatalf("%d samples, %v, want 2: all was sent in the first window", len(m.Samples), err)
	}
}

// silent is the progress of a conversation in which nothing is heard.
type silent struct{ progress }

func (silent) Heard() uint64 { return 0 }

// TestAwaitSaysWhoDied: what a worker died of says more than that something did not happen.
func TestAwaitSaysWhoDied(t *testing.T) {
	died, other := errors.New("a reader died"), errors.New("no such device")
	for name, c := range map[string]struct {
		pending error
		holds   bool
		err     error
		want    error
	}{
		"a worker died":         {died, false, nil, died},
		"and a look fails":      {died, false, other, died},
		"only a look fails":     {nil, false, other, other},
		"it holds":              {nil, true, nil, nil},
		"it holds, and a death": {died, true, nil, nil}, // which the next wait tells
	} {
		for kind, await := range map[string]func(f *faults, holds func() (bool, error)) error{
			"packets": func(f *faults, holds func() (bool, error)) error {
				return await(context.Background(), f.first, "packets", holds)
			},
			"a conversation": func(f *faults, holds func() (bool, error)) error {
				k := newConversationTrial(spec.Default(), nil, roles{progress: silent{}}, record.Placement{})
				k.faults.first = f.first
				return k.await(context.Background(), "packets", holds)
			},
		} {
			f, began := newFaults(), time.Now()
			if c.pending != nil {
				f.report(c.pending)
			}
			err := await(&f, func() (bool, error) { return c.holds, c.err })
			if !errors.Is(err, c.want) || c.want == nil && err != nil {
				t.Errorf("%s, %s: %v, want %v", kind, name, err, c.want)
			}
			if took := time.Since(began); took > time.Second {
				t.Errorf("%s, %s: after %v", kind, name, took)
			}
		}
	}
}
