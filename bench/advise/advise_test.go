package advise

import (
	"context"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"tunbench/bench/plan"
	"tunbench/harness/block"
	"tunbench/harness/refusal"
	"tunbench/harness/spec"
	"tunbench/harness/trial"
	"tunbench/reports/advice"
	"tunbench/reports/record"
)

// model is a host whose candidates have known rates.
type model struct {
	rate    func(spec.Spec) float64 // packets/s
	noise   float64                 // of a trial, as the deviation of the logarithm
	cpu     func(spec.Spec) float64 // CPU time of a packet, relative to what goes with the rate; nil: 1
	probe   func(spec.Spec) error
	invalid func(spec.Spec) bool
	fail    func(spec.Spec) error
	blocked func(block int) // called at the end of each block

	rng   *rand.Rand
	clock time.Time
	block int
	kinds []record.Record
}

func (m *model) now() time.Time { return m.clock }

func (m *model) SelectHook(string) (record.Hook, error) {
	return record.Hook{Used: record.HookNone}, nil
}
func (m *model) Floor([]int) (record.Floor, error) { return record.Floor{SyscallNs: 86}, nil }
func (m *model) Probe(ctx context.Context, s spec.Spec, _ string) error {
	m.clock = m.clock.Add(15 * time.Millisecond)
	if m.probe != nil {
		return m.probe(s)
	}
	return ctx.Err()
}
func (m *model) Run(context.Context, spec.Spec, string, record.Floor) (record.Trial, error) {
	panic("a trial alone")
}
func (m *model) Fit(variants []trial.Variant) int { return min(40, len(variants)) }
func (m *model) RunBlock(ctx context.Context, b block.Block) (results []block.Result) {
	m.block++
	host := 0.3 * m.rng.NormFloat64()
	for _, v := range b.Variants {
		m.clock = m.clock.Add(150*time.Millisecond + v.Spec.Warmup + v.Spec.Measure*6/5)
		if m.fail != nil {
			if err := m.fail(v.Spec); err != nil {
				results = append(results, block.Result{Err: err})
				continue
			}
		}
		pps := m.rate(v.Spec) * math.Exp(host+m.noise*m.rng.NormFloat64())
		t := record.Trial{Started: "2026-01-02T03:04:05Z", DurationNs: int64(v.Spec.Measure), Metrics: map[string]float64{record.PPS: pps, record.CPUNsPerPkt: 2e9 / pps}}
		if m.cpu != nil {
			t.Metrics[record.CPUNsPerPkt] *= m.cpu(v.Spec)
		}
		if m.invalid != nil && m.invalid(v.Spec) {
			t.Flags = []string{record.FlagSteal}
			t.Metrics[record.PPS] *= 100
		}
		results = append(results, block.Result{Trial: t})
	}
	if m.blocked != nil {
		m.blocked(m.block)
	}
	if ctx.Err() != nil {
		for i := range results {
			results[i] = block.Result{Err: ctx.Err()}
		}
	}
	return results
}

func (m *model) Write(r record.Record) error { m.kinds = append(m.kinds, r); return nil }
func (m *model) Close() error                { return nil }

// vpnRates are those of a host on which GSO packets gain much, a second queue costs, and the
// I/O call and the ring make no difference.
func vpnRates(s spec.Spec) float64 {
	rate := 1e6
	switch {
	case s.Gen == spec.GenUDPGSO && (s.Offload == spec.OffloadUSO || s.Offload == spec.OffloadTunnel):
		rate *= 7
	case s.Gen == spec.GenPacketGSO && s.Offload != spec.OffloadNone && s.Offload != spec.OffloadCsum:
		rate *= 8
	}
	if s.Queues > 1 {
		rate *= 0.86
	}
	return rate
}

// advise asks m about a topic within five minutes.
func advise(t *testing.T, m *model, topic string, seed uint64, plants ...string) *advice.Advice {
	t.Helper()
	a, err := ask(t.Context(), m, topic, 5*time.Minute, seed, plants...)
	if err != nil {
		t.Fatal(err)
	}
	return a
}

func ask(ctx context.Context, m *model, topic string, budget time.Duration, seed uint64, plants ...string) (*advice.Advice, error) {
	loaded, err := LoadTopic(topic, "")
	if err != nil {
		return nil, err
	}
	m.rng, m.clock = rand.New(rand.NewPCG(seed, 9)), time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	c := Config{Topic: loaded, Budget: budget, Plan: plan.Plan{Seed: seed, Now: m.now, Host: record.Host{Kernel: "6.18.0-test", CPU: "a CPU", CPUs: 2}}}
	for _, written := range plants {
		p, err := ParsePlant(written)
		if err != nil {
			return nil, err
		}
		c.Plants = append(c.Plants, p)
	}
	a, _, err := c.Run(ctx, Labs{Lab: m, Blocks: m}, func() (plan.Recorder, error) { return m, nil })
	return a, err
}

func TestRecommends(t *testing.T) {
	covered := 0
	const times = 30
	for seed := range uint64(times) {
		m := &model{rate: vpnRates, noise: 0.06}
		a := advise(t, m, "vpn", seed)
		if a.Use.Words != "vnet=10 offload=uso queues=1 io=read" || a.Verdict != advice.Better {
			t.Errorf("seed %d: %s, %s: %s", seed, a.Use.Words, a.Verdict, a.Why)
			continue
		}
		if ci := a.Gain.PPS.CI; ci[0] <= math.Sqrt(56) && math.Sqrt(56) <= ci[1] {
			covered++
		}
		if len(a.Gain.ByTraffic) != 2 || math.Abs(a.Gain.ByTraffic[0].PPS.Value-8) > 1 || math.Abs(a.Gain.CPU.Value-1/math.Sqrt(56)) > 0.05 {
			t.Errorf("seed %d: %+v", seed, a.Gain)
		}
		if spent := time.Duration(a.SpentNs); spent > 5*time.Minute+10*time.Second || spent < time.Minute {
			t.Errorf("seed %d: it took %v", seed, spent)
		}
		for _, c := range a.Of(advice.Change) {
			if want := map[string]string{"queues=4": advice.Worse, "vnet=10": advice.Worse, "vnet=off": advice.Worse}[c.Label]; want != "" && c.Verdict != want {
				t.Errorf("seed %d: %s: %s %+v", seed, c.Label, c.Verdict, c.PPS)
			}
		}
		if a.Finals < leastFinals || a.Blocks < 5 || a.Dropped == 0 || a.Candidates != 16 {
			t.Errorf("seed %d: %+v", seed, a)
		}
	}
	if covered < times-4 {
		t.Errorf("%d of %d intervals hold the true gain", covered, times)
	}
}

// Two that are equal are not told apart, and the simpler one is recommended.
func TestEqualsAreCalledEqual(t *testing.T) {
	for seed := range uint64(10) {
		a := advise(t, &model{rate: func(spec.Spec) float64 { return 1e6 }, noise: 0.01}, "stack", seed)
		if a.Use.Words != "io=read vnet=off" || a.Verdict != advice.Equal || a.Gain != nil || len(a.Equal) == 0 {
			t.Errorf("seed %d: %s %s, equal %v, unclear %v", seed, a.Use.Words, a.Verdict, a.Equal, a.Unclear)
		}
	}
	// On a noisy host it cannot be said that they are equal.
	a := advise(t, &model{rate: func(spec.Spec) float64 { return 1e6 }, noise: 0.5}, "stack", 1)
	if len(a.Unclear) == 0 || len(a.Equal) > len(a.Unclear) {
		t.Errorf("equal %v, unclear %v", a.Equal, a.Unclear)
	}
}

// A difference of 10 % is not called equal, wherever it is.
func TestDifferencesAreSeen(t *testing.T) {
	for seed := range uint64(10) {
		m := &model{noise: 0.04, rate: func(s spec.Spec) float64 {
			if s.IO == spec.IOPoll {
				return 1.1 * vpnRates(s)
			}
			return vpnRates(s)
		}}
		a := advise(t, m, "stack", seed)
		if !strings.Contains(a.Use.Words, "io=poll") {
			t.Errorf("seed %d: %s; %v", seed, a.Use.Words, a.Equal)
		}
	}
}

// A detail that is better than the best combination is recommended, by a final of its own.
func TestDetailThatIsBetter(t *testing.T) {
	for seed := range uint64(10) {
		m := &model{noise: 0.04, rate: func(s spec.Spec) float64 {
			if s.TxQLen == 5000 {
				return 1.3 * vpnRates(s)
			}
			return vpnRates(s)
		}}
		a := advise(t, m, "vpn", seed)
		if a.Use.Words != "vnet=10 offload=uso queues=1 io=read txqlen=5000" || a.Verdict != advice.Better {
			t.Errorf("seed %d: %s, %s %s", seed, a.Use.Words, a.Verdict, a.Why)
		}
		if i := slices.IndexFunc(a.Of(advice.Change), func(c advice.Comparison) bool { return c.Label == "txqlen=500" }); i < 0 || a.Of(advice.Change)[i].Verdict != advice.Worse {
			t.Errorf("seed %d: the way back is not compared", seed)
		}
	}
}

// A cost that is planted in what is recommended changes the recommendation.
func TestPlantedCost(t *testing.T) {
	for seed := range uint64(5) {
		m := &model{noise: 0.04, rate: func(s spec.Spec) float64 { return vpnRates(s) / (1 + float64(s.FilterTime)/5000) }}
		a := advise(t, m, "vpn", seed, "vnet=10 offload=uso io=read queues=1: filter=2000ns")
		if strings.Contains(a.Use.Words, "filter") || !strings.Contains(a.Use.Words, "offload=uso") || a.Use.Words == "vnet=10 offload=uso queues=1 io=read" {
			t.Errorf("seed %d: %s", seed, a.Use.Words)
		}
		named := false
		for _, c := range a.Of(advice.Step, advice.Aside, advice.Change, advice.Rival) {
			named = named || strings.Contains(c.Label, "filter=2000ns")
		}
		if !named {
			t.Errorf("seed %d: no row says what is planted in it", seed)
		}
	}
}

func TestLacks(t *testing.T) {
	m := &model{rate: vpnRates, noise: 0.04, probe: func(s spec.Spec) error {
		if s.Offload == spec.OffloadUSO || s.Offload == spec.OffloadTunnel {
			return &refusal.Unsupported{Detail: "set offloads of tun0: TUNSETOFFLOAD: invalid argument"}
		}
		return nil
	}}
	a := advise(t, m, "vpn", 1)
	if a.Use.Words != "vnet=10 offload=tso queues=1 io=read" || a.Candidates != 12 {
		t.Errorf("%s of %d", a.Use.Words, a.Candidates)
	}
	if len(a.Lacks) != 1 || !slices.Equal(a.Lacks[0].What, []string{"vnet=10 offload=uso", "vnet=12 offload=uso", "vnet=24 offload=tunnel"}) || a.Lacks[0].Reason != record.Unsupported {
		t.Errorf("%+v", a.Lacks)
	}
	m.probe = func(spec.Spec) error { return &refusal.Unsupported{Detail: "no TUN"} }
	if _, err := ask(t.Context(), m, "vpn", time.Minute, 1); err == nil || !strings.Contains(err.Error(), "none of the candidates can be measured here") || !strings.Contains(err.Error(), "no TUN") {
		t.Errorf("%v", err)
	}
}

// A candidate that fails while it is measured is named, and the others go on.
func TestFails(t *testing.T) {
	m := &model{rate: vpnRates, noise: 0.04, fail: func(s spec.Spec) error {
		if s.IO == spec.IOURing && s.Queues == 4 {
			return fmt.Errorf("reader died")
		}
		return nil
	}}
	a := advise(t, m, "vpn", 1)
	if a.Use.Words != "vnet=10 offload=uso queues=1 io=read" || len(a.Lacks) != 1 || a.Lacks[0].Reason != record.Failed || len(a.Lacks[0].What) != 4 {
		t.Errorf("%s, %+v", a.Use.Words, a.Lacks)
	}
}

// A trial that fails now and then does not take its candidate out, not even the plain one.
func TestFailsSometimes(t *testing.T) {
	n := 0
	m := &model{rate: vpnRates, noise: 0.04}
	m.fail = func(s spec.Spec) error {
		if s.VnetHdr == 0 && s.IO == spec.IORead && s.Queues == 1 && s.Gen == spec.GenUDPGSO {
			if n++; n == 1 || n == 8 {
				return fmt.Errorf("waited 5s")
			}
		}
		return nil
	}
	a := advise(t, m, "vpn", 1)
	if a.Use.Words != "vnet=10 offload=uso queues=1 io=read" || a.Verdict != advice.Better || len(a.Lacks) != 0 || a.Failed != 2 {
		t.Errorf("%s %s, %+v, %d failed", a.Use.Words, a.Verdict, a.Lacks, a.Failed)
	}
}

// Trials that are invalid do not count, whatever they measured, and are counted.
func TestInvalidTrials(t *testing.T) {
	n := 0
	m := &model{rate: vpnRates, noise: 0.04}
	m.invalid = func(spec.Spec) bool { n++; return n%9 == 0 }
	a := advise(t, m, "vpn", 3)
	if a.Use.Words != "vnet=10 offload=uso queues=1 io=read" || a.Invalid < a.Trials/10 || a.Flags[record.FlagSteal] != a.Invalid {
		t.Errorf("%s, %d of %d invalid, %v", a.Use.Words, a.Invalid, a.Trials, a.Flags)
	}
	m.invalid = func(spec.Spec) bool { return true }
	if a := advise(t, m, "vpn", 3); a.Verdict != advice.Inconclusive || a.Why == "" {
		t.Errorf("%s %s", a.Verdict, a.Why)
	}
}

func TestInterrupted(t *testing.T) {
	for after, use := range map[int]string{-1: "", 0: "", 3: "vnet=10 offload=uso queues=1 io=read", 25: "vnet=10 offload=uso queues=1 io=read"} {
		ctx, cancel := context.WithCancel(t.Context())
		m := &model{rate: vpnRates, noise: 0.02, blocked: func(block int) {
			if block > after {
				cancel()
			}
		}}
		if after < 0 { // before anything; at 0 it is in the first block
			cancel()
		}
		a, err := ask(ctx, m, "vpn", 5*time.Minute, 4)
		if err != nil || !a.Interrupted || a.Verdict != advice.Inconclusive || a.Use.Words != use {
			t.Errorf("after %d: %+v, %v", after, a, err)
		}
		for _, r := range m.kinds {
			if _, ok := r.(record.End); ok {
				t.Errorf("after %d: an end record", after)
			}
		}
	}
}

// Too little time gives no recommendation.
func TestTooLittleTime(t *testing.T) {
	a, err := ask(t.Context(), &model{rate: vpnRates, noise: 0.02}, "vpn", leastBudget, 4)
	if err != nil || a.Verdict != advice.Inconclusive && a.Finals < leastFinals || time.Duration(a.SpentNs) > 2*leastBudget {
		t.Errorf("%s %s after %v, %v", a.Verdict, a.Why, time.Duration(a.SpentNs), err)
	}
}

func TestRecords(t *testing.T) {
	m := &model{rate: vpnRates, noise: 0.05}
	a := advise(t, m, "vpn", 5)
	trials := 0
	for _, r := range m.kinds {
		if trial, ok := r.(record.Trial); ok {
			trials++
			if trial.Scenario == "" || trial.Pair < 1 || trial.Trial != trials || trial.Arm != record.Bare {
				t.Fatalf("%+v", trial)
			}
		}
	}
	if trials != a.Trials || trials < 200 {
		t.Errorf("%d trials, %d written", a.Trials, trials)
	}
	if end, ok := m.kinds[len(m.kinds)-1].(record.End); !ok || end.Trials != trials {
		t.Errorf("ends with %+v", m.kinds[len(m.kinds)-1])
	}
	var b strings.Builder
	if err := a.Write(&b); err != nil {
		t.Fatal(err)
	}
	lines := strings.Split(strings.TrimSpace(b.String()), "\n")
	if !strings.HasPrefix(lines[len(lines)-1], `{"kind":"advice"`) || strings.Contains(b.String(), "null") {
		t.Errorf("%s", lines[len(lines)-1])
	}
}
