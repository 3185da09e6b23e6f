package compare

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"tunbench/bench/plan"
	"tunbench/bench/setup"
	"tunbench/harness/spec"
	"tunbench/harness/trial"
	"tunbench/reports/metric"
	"tunbench/reports/record"
	"tunbench/reports/verdict"
)

// pairLab answers each pair by what pair says of it.
type pairLab struct {
	*fakeLab
	n    int
	pair func(n int, sides [2]trial.Variant) ([2]record.Trial, error)
}

func (p *pairLab) RunPair(_ context.Context, sides [2]trial.Variant, _ uint64, _ record.Floor) ([2]record.Trial, error) {
	p.n++
	return p.pair(p.n, sides)
}

// noisy gives pairs whose B has so many times the rate of A, with noise of 1 %.
func noisy(ratio float64) func(int, [2]trial.Variant) ([2]record.Trial, error) {
	rng := rand.New(rand.NewPCG(7, 7))
	return func(int, [2]trial.Variant) (t [2]record.Trial, err error) {
		for i := range t {
			t[i].Metrics = map[string]float64{record.PPS: 1e6 * (1 + 0.01*rng.NormFloat64())}
		}
		t[1].Metrics[record.PPS] *= ratio
		return t, nil
	}
}

// uneven gives pairs whose B is slower by now 1 and now 14 %.
func uneven(n int, _ [2]trial.Variant) (t [2]record.Trial, err error) {
	for i, pps := range []float64{1e6, []float64{0.99e6, 0.86e6}[n%2] - float64(n)} {
		t[i].Metrics = map[string]float64{record.PPS: pps}
	}
	return t, nil
}

func abFixture(t *testing.T, a, b string, pair func(int, [2]trial.Variant) ([2]record.Trial, error)) (*AB, *pairLab, *fakeRecorder) {
	t.Helper()
	lab := &pairLab{fakeLab: &fakeLab{used: record.HookNone}, pair: pair}
	scenario, err := setup.New(nil)
	if err != nil {
		t.Fatal(err)
	}
	var sides [2]Variant
	for i, words := range []string{a, b} {
		if sides[i], err = ParseVariant(Variant{scenario, record.HookNone}, words); err != nil {
			t.Fatal(err)
		}
	}
	return &AB{
		Plan: plan.Plan{Suite: "ab", Seed: 1}, Subjects: [][2]Variant{sides},
	}, lab, &fakeRecorder{}
}

func TestAB(t *testing.T) {
	spoilt := func(every int, flag string, then func(int, [2]trial.Variant) ([2]record.Trial, error)) func(int, [2]trial.Variant) ([2]record.Trial, error) {
		return func(n int, s [2]trial.Variant) ([2]record.Trial, error) {
			pair, err := then(n, s)
			if n%every == 0 {
				pair[n/every%2].Flags = []string{flag}
			}
			return pair, err
		}
	}
	both := func(flag string, then func(int, [2]trial.Variant) ([2]record.Trial, error)) func(int, [2]trial.Variant) ([2]record.Trial, error) {
		return func(n int, s [2]trial.Variant) ([2]record.Trial, error) {
			pair, err := then(n, s)
			pair[0].Flags, pair[1].Flags = []string{flag}, []string{flag}
			return pair, err
		}
	}
	for name, test := range map[string]struct {
		b       string
		pair    func(int, [2]trial.Variant) ([2]record.Trial, error)
		verdict string
		exit    int
		strict  int
		note    string
	}{
		"equal":             {"size=1500", noisy(1), record.Equivalent, 0, 0, "against Tun/dir=k2u/gen=udp/queues=1/size=64"},
		"slower":            {"size=1500", noisy(0.9), record.Regression, 1, 1, ""},
		"faster":            {"size=1500", noisy(1.1), record.Improvement, 0, 0, ""},
		"half are spoilt":   {"size=1500", spoilt(2, record.FlagSteal, noisy(0.9)), record.Regression, 1, 1, "pairs were spoilt and made again: steal in"},
		"all are spoilt":    {"size=1500", spoilt(1, record.FlagSteal, noisy(0.9)), record.InvalidVerdict, 3, 3, "not steady enough"},
		"never steady":      {"size=1500", both(record.FlagUnsteady, uneven), record.Inconclusive, 0, 3, "the host was never steady: all"},
		"uneven":            {"size=1500", uneven, record.Regression, 1, 1, ""},
		"unsteady, but far": {"size=1500", both(record.FlagUnsteady, noisy(0.9)), record.Regression, 1, 1, ""},
		"generator-limited": {"size=1500", both(record.FlagGeneratorLimited, noisy(0.9)), record.InvalidVerdict, 3, 3, "the generator, not the device"},
		"unsupported":       {"size=1500", func(int, [2]trial.Variant) (t [2]record.Trial, err error) { return t, errUnsupported }, record.UnsupportedVerdict, 3, 3, "EINVAL"},
		"ours":              {"size=1500", func(int, [2]trial.Variant) (t [2]record.Trial, err error) { return t, errors.New("broken") }, record.InvalidVerdict, 2, 2, "failed: broken"},
	} {
		t.Run(name, func(t *testing.T) {
			p, lab, rec := abFixture(t, "", test.b, test.pair)
			out, err := p.Run(context.Background(), lab, func() (plan.Recorder, error) { return rec, nil })
			if err != nil {
				t.Fatal(err)
			}
			if len(out.Verdicts) != 1 || out.Verdicts[0].Verdict != test.verdict || out.Exit(verdict.ExitRule{}) != test.exit || out.Exit(verdict.ExitRule{Strict: true}) != test.strict {
				t.Fatalf("exit %d, strict %d, verdicts %+v; want %s", out.Exit(verdict.ExitRule{}), out.Exit(verdict.ExitRule{Strict: true}), out.Verdicts, test.verdict)
			}
			v := out.Verdicts[0]
			if !strings.Contains(strings.Join(v.Notes, "\n"), test.note) || v.Scenario != p.Subjects[0][1].Name {
				t.Errorf("%s: notes %q", v.Scenario, v.Notes)
			}
			if len(out.Detectable) != 0 {
				t.Errorf("different variants gave a detectable change: %+v", out.Detectable)
			}
			// The file: trials in pairs, each with its variant, then the verdict and the end.
			var kinds []string
			for i, r := range rec.records {
				switch r := r.(type) {
				case record.Trial:
					if want := []string{"b", "a"}[i%2]; r.Variant != want || r.Pair != (i+1)/2 || r.Block < 1 {
						t.Errorf("record %d: variant %s, pair %d, block %d", i, r.Variant, r.Pair, r.Block)
					}
				default:
					kinds = append(kinds, fmt.Sprintf("%T", r))
				}
			}
			if n := len(kinds); kinds[0] != "record.Run" || kinds[n-2] != "record.Verdict" || kinds[n-1] != "record.End" {
				t.Errorf("records: %v", kinds)
			}
		})
	}
}

func TestAAGivesWhatIsDetectable(t *testing.T) {
	p, lab, rec := abFixture(t, "size=64", "size=64", noisy(1))
	out, err := p.Run(context.Background(), lab, func() (plan.Recorder, error) { return rec, nil })
	if err != nil {
		t.Fatal(err)
	}
	if len(out.Detectable) != 1 || out.Detectable[0].Pairs < 10 || out.Detectable[0].Trials != 2*out.Detectable[0].Pairs || out.Detectable[0].Disturbed != 0 {
		t.Fatalf("sights: %+v", out.Detectable)
	}
	// Noise of 1 % a trial is 1.4 % a pair; ten pairs show about 1.4 %.
	if seen := out.Detectable[0].Seen[record.PPS]; seen < 0.005 || seen > 0.03 || len(out.Detectable[0].Seen) != 1 {
		t.Errorf("seen: %v", out.Detectable[0].Seen)
	}
}

func TestABInterrupted(t *testing.T) {
	ctx, cancel := context.WithCancel(context.Background())
	quiet := noisy(1)
	p, lab, rec := abFixture(t, "", "", func(n int, s [2]trial.Variant) ([2]record.Trial, error) {
		if n == 3 {
			cancel()
			return [2]record.Trial{}, ctx.Err()
		}
		return quiet(n, s)
	})
	out, err := p.Run(ctx, lab, func() (plan.Recorder, error) { return rec, nil })
	if err != nil || !out.Interrupted || out.Exit(verdict.ExitRule{}) != 130 || out.Trials != 4 {
		t.Errorf("%v, %+v", err, out)
	}
	if _, ended := rec.records[len(rec.records)-1].(record.End); ended {
		t.Error("an interrupted file has an end")
	}
}

func TestABNeedsEnoughPairs(t *testing.T) {
	p, lab, rec := abFixture(t, "", "", noisy(1))
	p.Pairs = 5
	_, err := p.Run(context.Background(), lab, func() (plan.Recorder, error) { return rec, nil })
	if err == nil || !strings.Contains(err.Error(), "5 pairs cannot show anything") || !strings.Contains(err.Error(), "--trials ") {
		t.Errorf("error: %v", err)
	}
	if text := (&TooFewPairsError{"Tun", 6, 1, 7}).Error(); text != "compare Tun: 6 pairs cannot show anything in 1 metric: at least 7 are needed (--trials 7)" {
		t.Error(text)
	}
}

func TestLockstepIsMeasuredInTurn(t *testing.T) {
	p, lab, rec := abFixture(t, "gen=lockstep", "gen=lockstep size=1500", nil)
	out, err := p.Run(context.Background(), lab, func() (plan.Recorder, error) { return rec, nil })
	if err != nil || lab.n != 0 || len(out.Verdicts) != 1 || out.Verdicts[0].Verdict != record.Equivalent {
		t.Errorf("%v, %d pairs side by side, %+v", err, lab.n, out.Verdicts)
	}
	var firsts []int
	for i := 0; i+1 < len(lab.specs); i += 2 {
		if lab.specs[i].Size == lab.specs[i+1].Size || lab.specs[i].Seed != lab.specs[i+1].Seed {
			t.Errorf("pair %d: %+v, %+v", i/2, lab.specs[i], lab.specs[i+1])
		}
		firsts = append(firsts, lab.specs[i].Size)
	}
	if !slices.Contains(firsts, 64) || !slices.Contains(firsts, 1500) {
		t.Errorf("the first of each pair: %v", firsts)
	}
}

func TestParseVariant(t *testing.T) {
	scenario, err := setup.New(map[string]string{"flows": "8"})
	if err != nil {
		t.Fatal(err)
	}
	base := Variant{scenario, record.HookNone}
	v, err := ParseVariant(base, " queues=4  hook=tracepoint ")
	if err != nil || v.Name != "Tun/dir=k2u/gen=udp/queues=4/flows=8/size=64" || v.Hook != "tracepoint" {
		t.Errorf("%+v, %v", v, err)
	}
	if v, err := ParseVariant(base, ""); err != nil || !v.Equal(base) {
		t.Errorf("%+v, %v", v, err)
	}
	for words, want := range map[string]string{
		"queues=4 queues=1":    "queues is given twice",
		"hook=dtrace":          "hook=dtrace: choose auto",
		"queus=4":              "did you mean queues",
		"queues=1,4":           "queues=1,4: a variant has one value on each axis; --set queues=1,4 compares",
		"hook=none,kprobe":     "choose auto",
		"queues":               "is not axis=value",
		"offload=tso vnet=off": "needs a virtio-net header",
	} {
		if _, err := ParseVariant(base, words); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v, want %q", words, err, want)
		}
	}
}

// A device that came out different is not compared with the other, unless that is
// allowed.
func TestAnotherDevice(t *testing.T) {
	other := func(i int, sides [2]trial.Variant) ([2]record.Trial, error) {
		trials, err := noisy(1)(i, sides)
		trials[1].Device.MTU = 9000
		return trials, err
	}
	for _, allow := range [][]string{nil, {"device"}} {
		p, lab, rec := abFixture(t, "", "", other)
		p.Options.Allow = allow
		out, err := p.Run(context.Background(), lab, func() (plan.Recorder, error) { return rec, nil })
		if err != nil || len(out.Verdicts) == 0 {
			t.Fatalf("%+v, %v", out, err)
		}
		v := out.Verdicts[0]
		if apart := v.Verdict == record.NotComparable; apart != (allow == nil) || apart != (out.Exit(p.ExitRule()) == 3) {
			t.Errorf("allowed %q: exit %d, %+v", allow, out.Exit(p.ExitRule()), out.Verdicts)
		}
		if allow == nil && (len(out.Detectable) != 0 || out.Trials != 2 || !strings.Contains(v.Notes[0], "the device differs in MTU: 0, 9000 (--allow device)")) {
			t.Errorf("%d trials, notes %q", out.Trials, v.Notes)
		}
	}
}

// CPU time is judged where both variants count the same threads, and not where only one
// has a probe.
func TestABLeavesOutWhatCountsOtherThings(t *testing.T) {
	rng := rand.New(rand.NewPCG(7, 7))
	dearer := func(int, [2]trial.Variant) (t [2]record.Trial, err error) {
		for i, cost := range []float64{1000, 1100} {
			t[i].Metrics = map[string]float64{record.PPS: 1e6 * (1 + 0.01*rng.NormFloat64()), record.CPUNsPerPkt: cost * (1 + 0.01*rng.NormFloat64())}
		}
		return t, nil
	}
	for _, tt := range []struct {
		a, b   string
		judged bool
		exit   int
	}{
		{"path=relay gen=udp probe=off", "path=relay gen=udp probe=on", false, 0},
		{"path=relay gen=udp probe=on", "path=relay gen=udp probe=on txqlen=64", true, 1},
		{"path=relay gen=udp", "path=relay gen=udp txqlen=64", true, 1},
	} {
		p, lab, rec := abFixture(t, tt.a, tt.b, dearer)
		out, err := p.Run(context.Background(), lab, func() (plan.Recorder, error) { return rec, nil })
		if err != nil {
			t.Fatal(err)
		}
		judged := slices.ContainsFunc(out.Verdicts, func(v record.Verdict) bool { return v.Metric == record.CPUNsPerPkt })
		if judged != tt.judged || out.Exit(p.ExitRule()) != tt.exit || len(out.Verdicts) < 1 {
			t.Errorf("%s against %s: %+v", tt.b, tt.a, out.Verdicts)
		}
	}
}

// inTurn measures one variant after the other, as fakeLab does, and gives each trial, or an
// error, as trial says.
type inTurn struct {
	*fakeLab
	trial func() (record.Trial, error)
}

func (l *inTurn) Run(context.Context, spec.Spec, string, record.Floor) (record.Trial, error) {
	return l.trial()
}

func (l *inTurn) RunPair(context.Context, [2]trial.Variant, uint64, record.Floor) (t [2]record.Trial, err error) {
	for i := range t {
		if t[i], err = l.trial(); err != nil {
			return t, err
		}
	}
	return t, nil
}

// A verdict without figures is on the metric that the clock has a figure of: packets per
// second mean nothing in virtual time.
func TestUnjudgedOnTheHeadline(t *testing.T) {
	devices := 0
	for name, test := range map[string]struct {
		trial   func() (record.Trial, error)
		verdict string
	}{
		"given up": {func() (record.Trial, error) { return record.Trial{Flags: []string{record.FlagUnexplained}}, nil }, record.InvalidVerdict},
		"skipped":  {func() (record.Trial, error) { return record.Trial{}, errUnsupported }, record.UnsupportedVerdict},
		"failed":   {func() (record.Trial, error) { return record.Trial{}, errors.New("broken") }, record.InvalidVerdict},
		"another device": {func() (record.Trial, error) {
			devices++
			return record.Trial{Device: record.Device{MTU: devices}, Metrics: map[string]float64{record.PPS: 1e6, record.SendNsPerPkt: 900, record.RecvNsPerPkt: 800}}, nil
		}, record.NotComparable},
	} {
		for clock, want := range map[string]metric.Gate{record.ClockMonotonic: metric.Headline(record.ClockMonotonic), record.ClockICount: metric.Headline(record.ClockICount)} {
			p, lab, rec := abFixture(t, "", "", nil)
			p.Clock = clock
			out, err := p.Run(context.Background(), &inTurn{lab.fakeLab, test.trial}, func() (plan.Recorder, error) { return rec, nil })
			if err != nil || len(out.Verdicts) != 1 {
				t.Fatalf("%s, %s: %+v, %v", name, clock, out, err)
			}
			if v := out.Verdicts[0]; v.Verdict != test.verdict || v.Metric != want.Metric || v.Unit != want.Unit {
				t.Errorf("%s, %s: %s of %s in %s; want %s of %s in %s", name, clock, v.Verdict, v.Metric, v.Unit, test.verdict, want.Metric, want.Unit)
			}
		}
	}
	if a, b := metric.Headline(record.ClockMonotonic), metric.Headline(record.ClockICount); a.Metric == b.Metric || a.Unit == b.Unit {
		t.Errorf("both clocks are judged by %s in %s", a.Metric, b.Unit)
	}
}
