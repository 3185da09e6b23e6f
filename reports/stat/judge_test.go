package stat

import (
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
)

var (
	rate = Rule{Name: "pps", Better: 1, Threshold: 0.03}
	cost = Rule{Name: "cpu_ns_per_pkt", Better: -1, Threshold: 0.03}
	loss = Rule{Name: "loss", Better: -1, Absolute: true, Threshold: 0.001}
	jain = Rule{Name: "jain", Better: 1, Absolute: true, Threshold: 0.02}
)

// jitter is noise without chance: ten values about 1, the largest distance 1 %.
var jitter = []float64{1.002, 0.991, 1.007, 0.998, 1.010, 0.993, 1.001, 0.996, 1.005, 0.999}

func times(x []float64, by float64) []float64 {
	return apply(x, func(v float64) float64 { return v * by })
}

func plus(x []float64, by float64) []float64 {
	return apply(x, func(v float64) float64 { return v + by })
}

func same(n int, v float64) []float64 {
	x := make([]float64, n)
	for i := range x {
		x[i] = v
	}
	return x
}

func TestJudgePairs(t *testing.T) {
	base := times(reversed(jitter), 1e6)
	tests := []struct {
		name      string
		rule      Rule
		base, new []float64
		verdict   string
		change    float64
		within    float64 // of change
		note      string
	}{
		{"5 % less of a rate", rate, base, times(jitter, 0.95e6), Regression, -0.05, 0.005, ""},
		{"5 % more of a rate", rate, base, times(jitter, 1.05e6), Improvement, 0.05, 0.005, ""},
		{"5 % more of a cost", cost, base, times(jitter, 1.05e6), Regression, 0.05, 0.005, ""},
		{"5 % less of a cost", cost, base, times(jitter, 0.95e6), Improvement, -0.05, 0.005, ""},
		{"noise", rate, base, times(jitter, 1e6), Equivalent, 0, 0.005, ""},
		{"significant, but below the threshold", rate, base, times(jitter, 0.98e6), Equivalent, -0.02, 0.005, ""},
		{"about the threshold", rate, base, times(jitter, 0.97e6), Inconclusive, -0.03, 0.003, ""},
		{"exactly at the threshold", rate, same(10, 100), same(10, 97), Equivalent, -0.03, 1e-12, ""},
		{"just beyond it", rate, same(10, 100), same(10, 96.99), Regression, -0.0301, 1e-12, ""},
		{"all equal", rate, same(10, 7), same(10, 7), Equivalent, 0, 0, ""},
		{"all equal to 0", loss, same(10, 0), same(10, 0), Equivalent, 0, 0, ""},
		{"half a point of loss", loss, times(jitter, 0.01), plus(times(jitter, 0.01), 0.005), Regression, 0.005, 1e-12, ""},
		{"loss from 0", loss, same(10, 0), times(jitter, 0.002), Regression, 0.002, 1e-5, ""},
		{"no loss any more", loss, times(jitter, 0.002), same(10, 0), Improvement, -0.002, 1e-5, ""},
		{"less even", jain, same(10, 1), times(jitter, 0.95), Regression, -0.05, 0.005, ""},
		{"0.01 less even", jain, same(10, 1), same(10, 0.99), Equivalent, -0.01, 1e-12, ""},

		{"five pairs", rate, base[:5], times(jitter[:5], 0.5e6), Inconclusive, -0.5, 0.005, "too few pairs: 5, where a change takes at least 6"},
		{"six pairs", rate, base[:6], times(jitter[:6], 0.5e6), Regression, -0.5, 0.005, ""},
		{"one pair", rate, same(1, 4), same(1, 4), Inconclusive, 0, 0, "too few pairs: 1, where a change takes at least 6"},
		{"no pairs", rate, nil, nil, Inconclusive, 0, 0, "too few pairs: 0, where a change takes at least 6"},
		{"a rate of 0", rate, base, append(same(1, 0), base[1:]...), Invalid, 0, 0, "no change can be given: a ratio needs values above 0, and one is 0"},
		{"a negative rate", rate, append(same(1, -2), base[1:]...), base, Invalid, 0, 0, "no change can be given: a ratio needs values above 0, and one is -2"},
		{"no ratio that can be held", rate, same(10, 1e-300), same(10, 1e300), Invalid, 0, 0, "no change can be given: 1e-300 and 1e+300 are too far apart"},
		{"no difference that can be held", loss, same(10, -math.MaxFloat64), same(10, math.MaxFloat64), Invalid, 0, 0, "no change can be given: value 0 is +Inf"},
	}
	for _, tt := range tests {
		got, err := JudgePairs([]Rule{tt.rule}, [][]float64{tt.base}, [][]float64{tt.new}, 0.05)
		if err != nil || len(got) != 1 {
			t.Errorf("%s: %v, %v", tt.name, got, err)
			continue
		}
		c := got[0]
		if c.Verdict != tt.verdict || math.Abs(c.Change-tt.change) > tt.within {
			t.Errorf("%s: %+v, want %s of %v", tt.name, c, tt.verdict, tt.change)
		}
		if notes := strings.Join(c.Notes, "; "); notes != tt.note {
			t.Errorf("%s: notes %q, want %q", tt.name, notes, tt.note)
		}
		if c.Metric != tt.rule.Name || c.N != len(tt.base) || c.Threshold != tt.rule.Threshold {
			t.Errorf("%s: %+v", tt.name, c)
		}
		wellFormed(t, tt.name, c)
	}
}

// What the host cannot show is no change, and not the absence of one either:
// equivalence goes by the metric's threshold, whatever the host can show.
func TestJudgeOnANoisyHost(t *testing.T) {
	base := times(reversed(jitter), 1e6)
	// Pairs that scatter by half: the interval of each is far wider than 3 %.
	loud := []float64{0.7, 1.4, 0.9, 1.3, 0.8, 1.2, 1.1, 0.75, 1.35, 1.0}
	blind := func(seen float64) Rule { r := rate; r.Detectable = seen; return r }
	tests := []struct {
		name      string
		rule      Rule
		new       []float64
		verdict   string
		threshold float64
		note      string
	}{
		{"noise", blind(0.5), times(loud, 1e6), Inconclusive, 0.5, ""},
		{"a fifth more, within what the host can show", blind(0.5), times(jitter, 1.2e6), Inconclusive, 0.5,
			"the change of +20.00 % exceeds the metric's threshold of 3.00 %, but not 50.00 %, the smallest change that an A/A run detected on this host: compare on a quieter host, or repeat the A/A run when this host is quiet"},
		{"as much, where the host can show it", blind(0.1), times(jitter, 1.2e6), Improvement, 0.1, ""},
		{"a third less", blind(0.3), times(jitter, 0.66e6), Regression, 0.3, ""},
		{"alike", blind(0.5), times(jitter, 1e6), Equivalent, 0.5, ""},
		{"2 % less", blind(0.5), times(jitter, 0.98e6), Equivalent, 0.5, ""},
		{"a host that can show less than counts", blind(0.01), times(jitter, 0.98e6), Equivalent, 0.03, ""},
	}
	for _, tt := range tests {
		got, err := JudgePairs([]Rule{tt.rule}, [][]float64{base}, [][]float64{tt.new}, 0.05)
		if err != nil {
			t.Fatal(err)
		}
		c := got[0]
		if c.Verdict != tt.verdict || c.Threshold != tt.threshold || c.Own != 0.03 || strings.Join(c.Notes, "; ") != tt.note {
			t.Errorf("%s: %+v, want %s beyond %v, notes %q", tt.name, c, tt.verdict, tt.threshold, tt.note)
		}
		samples, err := JudgeSamples([]Rule{tt.rule}, [][]float64{base}, [][]float64{tt.new}, 0.05)
		if err != nil {
			t.Fatal(err)
		}
		if c := samples[0]; c.Verdict == Equivalent != (tt.verdict == Equivalent) {
			t.Errorf("%s, not in pairs: %+v", tt.name, c)
		}
	}
}

// wellFormed checks what holds of every comparison.
func wellFormed(t *testing.T, name string, c Comparison) {
	t.Helper()
	if err := check([]float64{c.Base, c.New, c.Change, c.Low, c.High, c.Level, c.P, c.Threshold}); err != nil {
		t.Errorf("%s: %+v: %v", name, c, err)
	}
	if !c.HasMedians && (c.Base != 0 || c.New != 0) || !c.HasChange && (c.Change != 0 || c.P != 0) ||
		!c.HasInterval && (c.Low != 0 || c.High != 0 || c.Level != 0) || c.HasInterval && !c.HasChange {
		t.Errorf("%s: %+v says more than it knows", name, c)
	}
	if c.HasInterval && !(c.Low <= c.Change && c.Change <= c.High && c.Level >= 0.95 && c.Level < 1) {
		t.Errorf("%s: the interval of %+v", name, c)
	}
	if c.Threshold < c.Own {
		t.Errorf("%s: the threshold of %+v is below the metric's own", name, c)
	}
	if c.Verdict == Equivalent && !(c.HasInterval && c.Low >= -c.Own*(1+thresholdSlack) && c.High <= c.Own*(1+thresholdSlack)) {
		t.Errorf("%s: %+v is equivalent, and its interval leaves the metric's threshold", name, c)
	}
	if c.HasChange && !(c.P > 0 && c.P <= 1) {
		t.Errorf("%s: p of %+v", name, c)
	}
}

func TestJudgePairsFigures(t *testing.T) {
	// r = ln(new/base) are the depression data, so that every figure follows from
	// those of Hollander and Wolfe: 0.46, 0.010 to 0.786, p = 0.0390625.
	base := same(len(depression), 50)
	scaled := apply(depression, func(r float64) float64 { return 50 * math.Exp(r) })
	got, err := JudgePairs([]Rule{rate}, [][]float64{base}, [][]float64{scaled}, 0.05)
	if err != nil {
		t.Fatal(err)
	}
	c := got[0]
	for what, v := range map[string][2]float64{
		"base":   {c.Base, 50},
		"new":    {c.New, 50 * math.Exp(0.49)},
		"change": {c.Change, math.Expm1(0.46)},
		"low":    {c.Low, math.Expm1(0.010)},
		"high":   {c.High, math.Expm1(0.786)},
		"level":  {c.Level, 0.9609375},
		"p":      {c.P, 0.0390625},
	} {
		if math.Abs(v[0]-v[1]) > 1e-9*math.Abs(v[1]) {
			t.Errorf("%s is %v, want %v", what, v[0], v[1])
		}
	}
	if c.Verdict != Improvement {
		t.Errorf("verdict %s", c.Verdict)
	}
}

func TestJudgePairsCorrects(t *testing.T) {
	base := times(reversed(jitter), 1e6)
	slow, alike := times(jitter, 0.9e6), times(jitter, 1e6)
	rules := []Rule{rate, cost, rate}
	got, err := JudgePairs(rules, [][]float64{base, base, base}, [][]float64{alike, slow, alike}, 0.05)
	if err != nil {
		t.Fatal(err)
	}
	alone, err := JudgePairs(rules[1:2], [][]float64{base}, [][]float64{slow}, 0.05)
	if err != nil {
		t.Fatal(err)
	}
	if !near(alone[0].P, 2./1024) || !near(got[1].P, 3*alone[0].P) || got[1].Verdict != Improvement {
		t.Errorf("alone %+v, among three %+v", alone[0], got[1])
	}
	if got[0].Verdict != Equivalent || got[2].Verdict != Equivalent {
		t.Errorf("%+v", got)
	}
	// A metric that cannot be judged is not a test.
	got, err = JudgePairs(rules, [][]float64{base, base, same(10, 0)}, [][]float64{alike, slow, base}, 0.05)
	if err != nil || got[2].Verdict != Invalid || !near(got[1].P, 2*alone[0].P) {
		t.Errorf("with an invalid metric: %+v, %v", got, err)
	}
}

// Six pairs are enough for one metric, and not for two: there is no verdict, and
// a note says how many it takes.
func TestJudgePairsTooFewForMetrics(t *testing.T) {
	base, slow := same(6, 100), times(jitter[:6], 50)
	got, err := JudgePairs([]Rule{rate, cost}, [][]float64{base, base}, [][]float64{slow, base}, 0.05)
	if err != nil {
		t.Fatal(err)
	}
	want := "too few pairs: 6, where a change in one of 2 metrics judged together takes at least 7"
	if got[0].Verdict != Inconclusive || !slices.Equal(got[0].Notes, []string{want}) {
		t.Errorf("%+v", got[0])
	}
	if got[1].Verdict != Equivalent || got[1].Notes != nil {
		t.Errorf("%+v", got[1])
	}
}

func TestJudgeSamples(t *testing.T) {
	base := times(jitter, 1e6)
	tests := []struct {
		name      string
		rule      Rule
		base, new []float64
		verdict   string
		n         int
		note      string
	}{
		{"slower", rate, base, times(jitter[:7], 0.9e6), IndicativeRegression, 7, ""},
		{"faster", rate, base[:4], times(jitter[:4], 1.1e6), IndicativeImprovement, 4, ""},
		{"dearer", cost, base, times(jitter, 1.1e6), IndicativeRegression, 10, ""},
		{"alike", rate, base, times(reversed(jitter), 1e6), Equivalent, 10, ""},
		{"equal", rate, same(5, 3), same(5, 3), Equivalent, 5, ""},
		{"no loss", loss, same(5, 0), same(6, 0), Equivalent, 5, ""},
		{"three a side", rate, base[:3], times(jitter[:3], 0.5e6), Inconclusive, 3, "too few trials per side: 3, where a change takes at least 4"},
		// 2/C(13, 3) = 0.007: three are enough beside ten.
		{"three beside ten", rate, base, times(jitter[:3], 0.5e6), IndicativeRegression, 3, ""},
		{"none", rate, base, nil, Inconclusive, 0, "too few trials per side: 0, where a change takes at least 4"},
		{"nothing got through", rate, base, same(5, 0), Invalid, 5, "no change can be given: a ratio needs values above 0, and one is 0"},
	}
	for _, tt := range tests {
		got, err := JudgeSamples([]Rule{tt.rule}, [][]float64{tt.base}, [][]float64{tt.new}, 0.05)
		if err != nil {
			t.Errorf("%s: %v", tt.name, err)
			continue
		}
		c := got[0]
		if c.Verdict != tt.verdict || c.N != tt.n || strings.Join(c.Notes, "; ") != tt.note {
			t.Errorf("%s: %+v, want %s of %d, %q", tt.name, c, tt.verdict, tt.n, tt.note)
		}
		wellFormed(t, tt.name, c)
	}
}

func TestJudgeRefuses(t *testing.T) {
	x := same(6, 1)
	with := func(v float64) []float64 { return append(slices.Clone(x), v) }
	tests := []struct {
		name      string
		rules     []Rule
		base, new [][]float64
		alpha     float64
	}{
		{"NaN", []Rule{rate}, [][]float64{with(math.NaN())}, [][]float64{with(1)}, 0.05},
		{"infinity", []Rule{rate}, [][]float64{with(1)}, [][]float64{with(math.Inf(1))}, 0.05},
		{"no base", []Rule{rate}, nil, [][]float64{x}, 0.05},
		{"a metric less", []Rule{rate, cost}, [][]float64{x, x}, [][]float64{x}, 0.05},
		{"better is 0", []Rule{{Name: "pps", Threshold: 0.03}}, [][]float64{x}, [][]float64{x}, 0.05},
		{"a negative threshold", []Rule{{Name: "pps", Better: 1, Threshold: -1}}, [][]float64{x}, [][]float64{x}, 0.05},
		{"a threshold of NaN", []Rule{{Name: "pps", Better: 1, Threshold: math.NaN()}}, [][]float64{x}, [][]float64{x}, 0.05},
		{"a host that can show a negative change", []Rule{{Name: "pps", Better: 1, Detectable: -1}}, [][]float64{x}, [][]float64{x}, 0.05},
		{"a host that can show NaN", []Rule{{Name: "pps", Better: 1, Detectable: math.NaN()}}, [][]float64{x}, [][]float64{x}, 0.05},
		{"no alpha", []Rule{rate}, [][]float64{x}, [][]float64{x}, 0},
	}
	for _, tt := range tests {
		if got, err := JudgePairs(tt.rules, tt.base, tt.new, tt.alpha); err == nil {
			t.Errorf("%s: JudgePairs gives %+v", tt.name, got)
		}
		if got, err := JudgeSamples(tt.rules, tt.base, tt.new, tt.alpha); err == nil {
			t.Errorf("%s: JudgeSamples gives %+v", tt.name, got)
		}
	}
	if got, err := JudgePairs([]Rule{rate}, [][]float64{x}, [][]float64{x[1:]}, 0.05); err == nil {
		t.Errorf("half a pair: %+v", got)
	}
}

// The verdict depends neither on the unit nor, but for its sign, on which
// direction is the better one.
func TestJudgeProperties(t *testing.T) {
	random := rand.New(rand.NewPCG(27, 28))
	mirror := map[string]string{Regression: Improvement, Improvement: Regression, Equivalent: Equivalent, Inconclusive: Inconclusive}
	seen := map[string]int{}
	for range 200 {
		n := 6 + random.IntN(15)
		change := 1 + 0.2*(random.Float64()-0.5)
		base, new := make([]float64, n), make([]float64, n)
		for i := range base {
			drift := math.Exp(0.1 * random.NormFloat64())
			base[i] = drift * math.Exp(0.02*random.NormFloat64())
			new[i] = drift * change * math.Exp(0.02*random.NormFloat64())
		}
		one := judgeOne(t, rate, base, new)
		seen[one.Verdict]++
		wellFormed(t, "random", one)
		if c := judgeOne(t, rate, times(base, 1024), times(new, 1024)); c.Verdict != one.Verdict || !near(c.P, one.P) {
			t.Errorf("in another unit: %+v, was %+v", c, one)
		}
		if c := judgeOne(t, cost, base, new); c.Verdict != mirror[one.Verdict] || c.Change != one.Change {
			t.Errorf("where lower is better: %+v, was %+v", c, one)
		}
		blind := rate
		blind.Detectable = random.Float64()
		if c := judgeOne(t, blind, base, new); (c.Verdict == Equivalent) != (one.Verdict == Equivalent) {
			t.Errorf("on a host that can show %v: %+v, was %+v", blind.Detectable, c, one)
		}
		if c := judgeOne(t, rate, reversed(base), reversed(new)); c.Verdict != one.Verdict || c.Change != one.Change {
			t.Errorf("in another order: %+v, was %+v", c, one)
		}
	}
	for verdict := range mirror {
		if seen[verdict] < 10 {
			t.Errorf("%s came up %d times: %v", verdict, seen[verdict], seen)
		}
	}
}

func judgeOne(t *testing.T, r Rule, base, new []float64) Comparison {
	t.Helper()
	got, err := JudgePairs([]Rule{r}, [][]float64{base}, [][]float64{new}, 0.05)
	if err != nil {
		t.Fatal(err)
	}
	return got[0]
}
