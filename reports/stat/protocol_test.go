package stat

import (
	"math"
	"slices"
	"strings"
	"testing"
)

// host of a script: the ratio new/base of each pair of each block, over and over.
type script map[int][]float64

// drive runs a protocol of one rate to its end, and says how many pairs of each
// block it took.
func drive(t *testing.T, o ProtocolOptions, s script) (c Comparison, first, fresh int) {
	t.Helper()
	p, err := NewProtocol([]Rule{rate}, o)
	if err != nil {
		t.Fatal(err)
	}
	taken := map[int]int{}
	for need, block := p.Next(); need > 0; need, block = p.Next() {
		if len(s[block]) == 0 {
			t.Fatalf("pairs of block %d are wanted after %v: %+v", block, taken, p.Result())
		}
		k := taken[block]
		ratio := s[block][k%len(s[block])]
		if err := p.Add(block, []float64{1e6}, []float64{1e6 * ratio}); err != nil {
			t.Fatal(err)
		}
		taken[block]++
		if again, same := p.Next(); again > 0 && same == block && again != need-1 && taken[block] != o.Pairs {
			t.Fatalf("after pair %d of block %d, %d more are wanted, and before it %d", taken[block], block, again, need)
		}
		if taken[FirstBlock]+taken[FreshBlock] > 100 {
			t.Fatal("the protocol does not end")
		}
	}
	c = p.Result()[0]
	wellFormed(t, "result", c)
	return c, taken[FirstBlock], taken[FreshBlock]
}

func TestProtocol(t *testing.T) {
	tests := []struct {
		name         string
		s            script
		verdict      string
		first, fresh int
		note         string
	}{
		{"alike", script{1: jitter}, Equivalent, 10, 0, ""},
		{"slower", script{1: times(jitter, 0.95), 2: times(jitter, 0.95)}, Regression, 10, 10, "seen again: "},
		{"slower every time", script{1: {0.95}, 2: {0.94}}, Regression, 10, 10,
			"seen again: -5.00 % in the first 10 pairs, -6.00 % in 10 fresh ones (one-sided p = 0.00098)"},
		{"faster", script{1: times(jitter, 1.1), 2: times(jitter, 1.1)}, Improvement, 10, 10, "seen again: "},
		{"slower by chance", script{1: times(jitter, 0.95), 2: jitter}, Inconclusive, 10, 10, "not seen again: "},
		{"slower, and not significantly so again", script{1: times(jitter, 0.95), 2: {0.9, 1.06, 0.9, 1.05, 0.95}}, Inconclusive, 10, 10,
			"seen again, but not significantly; more pairs may tell (--trials): -5.00 % in the first 10 pairs, -2.79 % in 10 fresh ones (one-sided p = "},
		{"slower, then faster", script{1: times(jitter, 0.95), 2: times(jitter, 1.05)}, Inconclusive, 10, 10, "not seen again: "},
		{"slower, but not by much", script{1: times(jitter, 0.965), 2: times(jitter, 0.98)}, Inconclusive, 10, 10,
			"seen again, but not beyond the threshold in all pairs together: "},
		{"smaller the second time, but beyond the threshold in all", script{1: times(jitter, 0.94), 2: times(jitter, 0.975)}, Regression, 10, 10, "seen again: "},
		{"about the threshold", script{1: times(jitter, 0.971)}, Inconclusive, 20, 0, ""},
		{"decided by the extension", script{1: slices.Concat(times(jitter, 0.971), times(jitter, 0.9)), 2: times(jitter, 0.94)}, Regression, 20, 10, "seen again: "},
		{"nothing got through in a fresh pair", script{1: times(jitter, 0.9), 2: {0}}, Invalid, 10, 10, "no change can be given: "},
		{"nothing got through", script{1: {0}}, Invalid, 10, 0, "no change can be given: "},
	}
	for _, tt := range tests {
		c, first, fresh := drive(t, ProtocolOptions{Pairs: 10, Most: 20, Alpha: 0.05}, tt.s)
		if c.Verdict != tt.verdict || first != tt.first || fresh != tt.fresh {
			t.Errorf("%s: %s from %d and %d pairs, want %s from %d and %d: %+v", tt.name, c.Verdict, first, fresh, tt.verdict, tt.first, tt.fresh, c)
		}
		if notes := strings.Join(c.Notes, "; "); notes != tt.note && (tt.note == "" || !strings.HasPrefix(notes, tt.note)) {
			t.Errorf("%s: notes %q, want %q", tt.name, notes, tt.note)
		}
		if c.N != first+fresh {
			t.Errorf("%s: n is %d of %d and %d pairs", tt.name, c.N, first, fresh)
		}
	}
}

func TestProtocolOptions(t *testing.T) {
	slower := script{1: times(jitter, 0.9), 2: times(jitter, 0.9)}
	tests := []struct {
		name         string
		o            ProtocolOptions
		verdict      string
		first, fresh int
		p            float64 // of ten pairs on one side, 2/1024 for each look
	}{
		{"defaults", ProtocolOptions{}, Regression, 10, 10, 4. / 1024},
		{"one look", ProtocolOptions{Pairs: 10, Most: 10}, Regression, 10, 10, 2. / 1024},
		{"one look at 6 pairs", ProtocolOptions{Pairs: 6, Most: 6}, Regression, 6, 6, 2. / 64},
		// 6 pairs have no interval at half of alpha: extended.
		{"two looks at 6 pairs", ProtocolOptions{Pairs: 6}, Regression, 12, 6, 4. / 4096},
		{"stricter", ProtocolOptions{Alpha: 0.01}, Regression, 10, 10, 4. / 1024},
		{"too strict", ProtocolOptions{Alpha: 0.001, Most: 10}, Inconclusive, 10, 0, 2. / 1024},
		// A fresh block of 3 could never be significant by itself: it has 5.
		{"short blocks", ProtocolOptions{Pairs: 3, Most: 12}, Regression, 12, 5, 4. / 4096},
	}
	for _, tt := range tests {
		c, first, fresh := drive(t, tt.o, slower)
		if c.Verdict != tt.verdict || first != tt.first || fresh != tt.fresh || !near(c.P, tt.p) {
			t.Errorf("%s: %s, p = %v, from %d and %d pairs: %+v", tt.name, c.Verdict, c.P, first, fresh, c)
		}
	}
	for _, o := range []ProtocolOptions{{Pairs: -1}, {Pairs: 10, Most: 5}, {Alpha: 1}, {Alpha: -0.1}, {Alpha: math.NaN()}} {
		if _, err := NewProtocol([]Rule{rate}, o); err == nil {
			t.Errorf("NewProtocol accepts %+v", o)
		}
	}
	if _, err := NewProtocol(nil, ProtocolOptions{}); err == nil {
		t.Error("NewProtocol accepts no rules")
	}
	if _, err := NewProtocol([]Rule{{Name: "pps"}}, ProtocolOptions{}); err == nil {
		t.Error("NewProtocol accepts a rule without a direction")
	}
}

// One metric is decided at the first look, the other is not: both go on, and only
// the one that changed needs to be seen again.
func TestProtocolTwoMetrics(t *testing.T) {
	p, err := NewProtocol([]Rule{rate, cost}, ProtocolOptions{})
	if err != nil {
		t.Fatal(err)
	}
	taken := map[int]int{}
	for need, block := p.Next(); need > 0; need, block = p.Next() {
		j := jitter[taken[block]%len(jitter)]
		if err := p.Add(block, []float64{1e6, 200}, []float64{0.9e6 * j, 200 * 1.03 * j}); err != nil {
			t.Fatal(err)
		}
		taken[block]++
	}
	if taken[FirstBlock] != 20 || taken[FreshBlock] != 10 {
		t.Errorf("taken: %v", taken)
	}
	got := p.Result()
	if got[0].Verdict != Regression || got[0].N != 30 || got[1].Verdict != Inconclusive || got[1].N != 20 || got[1].Notes != nil {
		t.Errorf("%+v", got)
	}
	if n := p.PairsNeeded(); n != 8 { // 2 * 2^(1-n) < 0.05 / 2
		t.Errorf("two metrics need %d pairs", n)
	}
}

func TestProtocolInterrupted(t *testing.T) {
	p, err := NewProtocol([]Rule{rate}, ProtocolOptions{})
	if err != nil {
		t.Fatal(err)
	}
	if c := p.Result()[0]; c.Verdict != Inconclusive || c.N != 0 || len(c.Notes) != 1 {
		t.Errorf("before the first pair: %+v", c)
	}
	for k, want := range map[int]string{3: Inconclusive, 10: Inconclusive} {
		for p.first.len() < k {
			if err := p.Add(FirstBlock, []float64{100}, []float64{80}); err != nil {
				t.Fatal(err)
			}
		}
		if c := p.Result()[0]; c.Verdict != want || len(c.Notes) != 1 {
			t.Errorf("after %d pairs: %+v", k, c)
		}
	}
	want := "regression (-20.00 %) in 10 pairs, but no fresh block to confirm it"
	if c := p.Result()[0]; !slices.Equal(c.Notes, []string{want}) {
		t.Errorf("without a fresh block: %q", c.Notes)
	}
	if need, block := p.Next(); need != 10 || block != FreshBlock {
		t.Errorf("Next wants %d pairs of block %d", need, block)
	}
}

func TestProtocolAddRefuses(t *testing.T) {
	p, err := NewProtocol([]Rule{rate, loss}, ProtocolOptions{})
	if err != nil {
		t.Fatal(err)
	}
	tests := []struct {
		name      string
		block     int
		base, new []float64
		want      string
	}{
		{"NaN", 1, []float64{1, 0}, []float64{1, math.NaN()}, "add a pair: loss: value 1 is NaN"},
		{"infinity", 1, []float64{math.Inf(1), 0}, []float64{1, 0}, "add a pair: pps: value 0 is +Inf"},
		{"a metric less", 1, []float64{1, 0}, []float64{1}, "add a pair: 2 and 1 values for 2 metrics"},
		{"block 0", 0, []float64{1, 0}, []float64{1, 0}, "add a pair: there is no block 0"},
		{"block 3", 3, []float64{1, 0}, []float64{1, 0}, "add a pair: there is no block 3"},
	}
	for _, tt := range tests {
		if err := p.Add(tt.block, tt.base, tt.new); err == nil || err.Error() != tt.want {
			t.Errorf("%s: %v, want %q", tt.name, err, tt.want)
		}
	}
	if need, block := p.Next(); need != 10 || block != FirstBlock {
		t.Errorf("after what was refused, %d pairs of block %d are wanted", need, block)
	}
}
