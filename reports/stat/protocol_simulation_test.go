package stat

import (
	"math"
	"math/rand/v2"
	"testing"
)

// noise is that of a host; all deviations are of the logarithm.
type noise struct {
	// The drift, which all metrics share, is AR(1). It takes a step from trial to
	// trial, within a pair too, and its stationary standard deviation is drift.
	drift, coefficient float64
	trial              float64 // standard deviation of a trial, for each metric its own
	wild               float64 // share of trials that are off by up to a half
}

// drifting is the host of the figures that the verdicts are held to: drift of 3 %, whose
// memory is ten trials long, and 2 % from trial to trial.
var drifting = noise{drift: 0.03, coefficient: 0.9, trial: 0.02}

// host runs trials.
type host struct {
	noise
	random *rand.Rand
	state  float64 // of the drift
}

func newHost(seed uint64, n noise) *host {
	h := &host{noise: n, random: rand.New(rand.NewPCG(seed, 1))}
	h.state = n.drift * h.random.NormFloat64()
	return h
}

// measure is one trial, in which each of the metrics truly is value.
func (h *host) measure(metrics int, value float64) []float64 {
	h.state = h.coefficient*h.state + math.Sqrt(1-h.coefficient*h.coefficient)*h.drift*h.random.NormFloat64()
	off := h.state
	if h.random.Float64() < h.wild {
		off += h.random.Float64() - 0.5
	}
	x := make([]float64, metrics)
	for i := range x {
		x[i] = value * math.Exp(off+h.trial*h.random.NormFloat64())
	}
	return x
}

// pair measures both variants, in random order.
func (h *host) pair(metrics int, base, new float64) (b, n []float64) {
	if h.random.IntN(2) == 0 {
		b = h.measure(metrics, base)
		return b, h.measure(metrics, new)
	}
	n = h.measure(metrics, new)
	return h.measure(metrics, base), n
}

// simulate runs the protocol again and again, and gives the share of the runs in
// which any metric came to each verdict, and the pairs that a run took.
func simulate(t *testing.T, runs int, n noise, rules []Rule, change float64) (share map[string]float64, pairs float64) {
	t.Helper()
	share = map[string]float64{}
	for run := range runs {
		h := newHost(uint64(run), n)
		p, err := NewProtocol(rules, ProtocolOptions{Pairs: 10, Most: 20, Alpha: 0.05})
		if err != nil {
			t.Fatal(err)
		}
		for need, block := p.Next(); need > 0; need, block = p.Next() {
			for range need {
				base, new := h.pair(len(rules), 1e6, 1e6*(1+change))
				if err := p.Add(block, base, new); err != nil {
					t.Fatal(err)
				}
			}
			pairs += float64(need) / float64(runs)
		}
		any := map[string]bool{}
		for _, c := range p.Result() {
			any[c.Verdict] = true
			wellFormed(t, "simulated", c)
		}
		for v := range any {
			share[v] += 1 / float64(runs)
		}
	}
	return share, pairs
}

// The figures that the verdicts are held to: without a change at most 0.5 % false
// alarms, and 95 % of changes by 5 % found, either way. The others show how the
// verdicts turn over around the threshold of 3 %.
//
// The drift cancels in a pair as far as it lasts from one trial to the next. With
// a coefficient of 0.5 it is nearly noise, the deviation of a pair grows from
// 3.1 % to 4.1 %, and 94 % of drops by 5 % are found.
func TestProtocolPower(t *testing.T) {
	tests := []struct {
		change float64
		runs   int
		// Bounds of the share of the runs.
		regression, improvement, equivalent [2]float64
	}{
		{0, 4000, [2]float64{0, 0.005}, [2]float64{0, 0.005}, [2]float64{0.8, 1}},
		{-0.05, 4000, [2]float64{0.95, 1}, [2]float64{0, 0}, [2]float64{0, 0.001}},
		{+0.05, 4000, [2]float64{0, 0}, [2]float64{0.95, 1}, [2]float64{0, 0.001}},
		{-0.02, 1000, [2]float64{0, 0.1}, [2]float64{0, 0}, [2]float64{0.1, 1}},
		{-0.03, 1000, [2]float64{0.3, 0.6}, [2]float64{0, 0}, [2]float64{0, 0.05}},
		{-0.04, 1000, [2]float64{0.8, 1}, [2]float64{0, 0}, [2]float64{0, 0.01}},
		{-0.10, 1000, [2]float64{0.999, 1}, [2]float64{0, 0}, [2]float64{0, 0}},
		{+0.02, 1000, [2]float64{0, 0}, [2]float64{0, 0.1}, [2]float64{0.1, 1}},
		{+0.03, 1000, [2]float64{0, 0}, [2]float64{0.3, 0.6}, [2]float64{0, 0.05}},
		{+0.04, 1000, [2]float64{0, 0}, [2]float64{0.8, 1}, [2]float64{0, 0.01}},
		{+0.10, 1000, [2]float64{0, 0}, [2]float64{0.999, 1}, [2]float64{0, 0}},
	}
	for _, tt := range tests {
		share, pairs := simulate(t, tt.runs, drifting, []Rule{rate}, tt.change)
		t.Logf("%+.0f %%: regression %.4f, improvement %.4f, equivalent %.4f, inconclusive %.4f; %.1f pairs",
			100*tt.change, share[Regression], share[Improvement], share[Equivalent], share[Inconclusive], pairs)
		for verdict, bounds := range map[string][2]float64{Regression: tt.regression, Improvement: tt.improvement, Equivalent: tt.equivalent} {
			if got := share[verdict]; got < bounds[0] || got > bounds[1]+1e-9 {
				t.Errorf("a change of %+.0f %% is %s in a share of %.4f of %d runs, not within %v", 100*tt.change, verdict, got, tt.runs, bounds)
			}
		}
	}
}

// No false alarms on worse hosts either, and with several metrics that share the
// drift.
func TestProtocolFalseAlarms(t *testing.T) {
	tests := []struct {
		name  string
		noise noise
		rules []Rule
	}{
		{"a drift as quick as noise", noise{drift: 0.03, coefficient: 0.3, trial: 0.02}, []Rule{rate}},
		{"a slow drift", noise{drift: 0.03, coefficient: 0.99, trial: 0.02}, []Rule{rate}},
		{"a loud host", noise{drift: 0.1, coefficient: 0.9, trial: 0.08}, []Rule{rate}},
		{"one trial in ten is wild", noise{drift: 0.03, coefficient: 0.9, trial: 0.02, wild: 0.1}, []Rule{rate}},
		{"four metrics", noise{drift: 0.05, coefficient: 0.9, trial: 0.04}, []Rule{rate, cost, rate, cost}},
	}
	for _, tt := range tests {
		const runs = 2000
		share, pairs := simulate(t, runs, tt.noise, tt.rules, 0)
		t.Logf("%s: regression %.4f, improvement %.4f, equivalent %.4f, inconclusive %.4f; %.1f pairs",
			tt.name, share[Regression], share[Improvement], share[Equivalent], share[Inconclusive], pairs)
		if share[Regression] > 0.005 || share[Improvement] > 0.005 {
			t.Errorf("%s: regressions in %.4f and improvements in %.4f of %d runs without a change", tt.name, share[Regression], share[Improvement], runs)
		}
	}
}

// An A/A run on a loud host raises the bar for a change, and makes nothing
// equivalent: a change by 8 % that such a host hides stays open, also where the
// load comes and goes.
func TestProtocolOnANoisyHost(t *testing.T) {
	for _, tt := range []struct {
		name  string
		noise noise
	}{
		{"a loud host", noise{drift: 0.1, coefficient: 0.9, trial: 0.08}},
		{"a load that comes and goes", noise{drift: 0.3, coefficient: 0.98, trial: 0.03, wild: 0.2}},
	} {
		for _, change := range []float64{0, -0.08, +0.08} {
			const runs = 500
			blind := rate
			blind.Detectable = 0.5
			before, _ := simulate(t, runs, tt.noise, []Rule{rate}, change)
			share, pairs := simulate(t, runs, tt.noise, []Rule{blind}, change)
			t.Logf("%s, %+.0f %%: regression %.4f, improvement %.4f, equivalent %.4f, inconclusive %.4f; %.1f pairs",
				tt.name, 100*change, share[Regression], share[Improvement], share[Equivalent], share[Inconclusive], pairs)
			if share[Regression]+share[Improvement] > 0 {
				t.Errorf("%s: a change by %+.0f %% is seen by a host that can show 50 %%", tt.name, 100*change)
			}
			// The longer first block, where nothing was decided before, may show that
			// there is no change.
			if share[Equivalent] < before[Equivalent]-0.01 || change != 0 && share[Equivalent] > 0.001 {
				t.Errorf("%s: a change by %+.0f %% is equivalent in a share of %.4f, and %.4f where nothing is known of the host", tt.name, 100*change, share[Equivalent], before[Equivalent])
			}
		}
	}
}
