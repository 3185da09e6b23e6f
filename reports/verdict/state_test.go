package verdict

import (
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"tunbench/reports/metric"
	"tunbench/reports/record"
)

func TestShiftStates(t *testing.T) {
	for _, tt := range []struct {
		name      string
		base, new []float64
		want      string
		change    float64
	}{
		{"all equal", []float64{5, 5}, []float64{5, 5}, record.Equivalent, 0},
		{"both states shared", []float64{100, 102, 102}, []float64{100, 100, 102}, record.Equivalent, 0},
		{"one state is rare", []float64{100, 102, 102, 102}, []float64{102, 102, 102, 102}, record.Equivalent, 0},
		{"one state is met by one only, and often", []float64{100, 100, 100, 102}, []float64{102, 102, 102, 102}, record.Inconclusive, 0.02},
		{"ten trials of each tell", []float64{100, 100, 100, 100, 100, 100, 100, 102, 102, 102}, []float64{102, 102, 102, 102, 102, 102, 102, 102, 102, 102}, record.IndicativeRegression, 0.02},
		{"an outlier costs what the other kernel does", []float64{100, 100, 100, 100, 100, 100, 100, 102}, []float64{102, 102, 102, 102, 102, 102, 102, 102}, record.IndicativeRegression, 0.02},
		{"the same of six trials is not enough", []float64{100, 100, 100, 100, 100, 102}, []float64{102, 102, 102, 102, 102, 102}, record.Inconclusive, 0.02},
		{"states are met in another proportion", []float64{100, 100, 100, 100, 100, 100, 100, 102}, []float64{100, 102, 102, 102, 102, 102, 102, 102}, record.Inconclusive, 0},
		{"each state moved up", []float64{100, 102.2, 102.2}, []float64{101, 101, 103.3}, record.IndicativeRegression, 0.01},
		{"each state moved down", []float64{100, 102.2, 102.2}, []float64{99, 99, 101.1}, record.IndicativeImprovement, -0.01},
		{"faster, and a second state", []float64{8068, 8068, 8068}, []float64{5975, 6110, 6111}, record.IndicativeImprovement, 6110.5/8068 - 1},
		{"states moved apart", []float64{100, 102}, []float64{99, 103}, record.Inconclusive, -0.01},
		{"one state, hardly beyond", []float64{99.8, 100, 100.2}, []float64{100.4, 100.6, 100.8}, record.IndicativeRegression, 0.006},
		{"one state, they overlap", []float64{99.8, 100, 100.4}, []float64{100.2, 100.6, 100.8}, record.Inconclusive, 0.006},
	} {
		s := shiftStates(tt.base, tt.new, metric.VirtualThreshold)
		if s.verdict != tt.want || math.Abs(s.change-tt.change) > 1e-9 {
			t.Errorf("%s: %s, %v, want %s, %v; %q", tt.name, s.verdict, s.change, tt.want, tt.change, s.notes)
		}
		// The other way round it is the mirror.
		mirror := map[string]string{record.IndicativeRegression: record.IndicativeImprovement, record.IndicativeImprovement: record.IndicativeRegression}
		want := tt.want
		if m, ok := mirror[want]; ok {
			want = m
		}
		if back := shiftStates(tt.new, tt.base, metric.VirtualThreshold); back.verdict != want {
			t.Errorf("%s, the other way round: %s, want %s", tt.name, back.verdict, want)
		}
	}
}

// The order of trials and the unit of costs change nothing.
func TestShiftStatesInvariant(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	halves(recorded["tun queues=4"], func(base, next []float64) {
		want := shiftStates(base, next, metric.VirtualThreshold)
		rng.Shuffle(len(base), func(i, j int) { base[i], base[j] = base[j], base[i] })
		slices.Reverse(next)
		for i := range base {
			base[i] *= 4
			next[i] *= 4
		}
		if got := shiftStates(base, next, metric.VirtualThreshold); got.verdict != want.verdict || got.change != want.change {
			t.Errorf("%+v, want %+v", got, want)
		}
	})
}

// A change of every packet's cost by 1 % is never called equivalent. It is
// found wherever the cost has one state, or both kernels met the same number.
func TestStatesFindChange(t *testing.T) {
	for _, factor := range []float64{1.01, 0.99, 1.05, 0.9} {
		want := indicative(factor - 1)
		for name, boots := range recorded {
			found, ways := 0, 0
			halves(boots, func(base, next []float64) {
				for i := range next {
					next[i] *= factor
				}
				s := shiftStates(base, next, metric.VirtualThreshold)
				ways++
				switch s.verdict {
				case want:
					found++
				case record.Inconclusive:
				default:
					t.Errorf("%s × %v: %v against %v: %s", name, factor, next, base, s.verdict)
				}
			})
			oneState := len(statesOf(slices.Concat(boots[0][:], boots[1][:], boots[2][:], boots[3][:], boots[4][:], boots[5][:]), nil, metric.VirtualThreshold)) == 1
			if oneState && found < ways {
				t.Errorf("%s × %v, one state: found %d of %d", name, factor, found, ways)
			}
			t.Logf("%s × %v: found in %d of %d", name, factor, found, ways)
		}
	}
}

// A kernel against itself is never called different, whatever states its boots
// met, and with three boots a side nearly always equivalent.
func TestStatesOfOneKernel(t *testing.T) {
	ways, same := 0, 0
	for name, boots := range recorded {
		halves(boots, func(base, next []float64) {
			ways++
			s := shiftStates(base, next, metric.VirtualThreshold)
			switch s.verdict {
			case record.Equivalent:
				same++
			case record.Inconclusive:
			default:
				t.Errorf("%s: %v against %v: %s, %+.2f %%", name, next, base, s.verdict, 100*s.change)
			}
			if s.verdict == record.Equivalent && math.Abs(s.change) > metric.VirtualThreshold {
				t.Errorf("%s: %v against %v: equivalent with a change of %+.2f %%", name, next, base, 100*s.change)
			}
		})
	}
	if ways != 20*len(recorded) || same < ways*95/100 {
		t.Errorf("%d of %d comparisons of a kernel with itself are equivalent", same, ways)
	}
	t.Logf("%d of %d are equivalent", same, ways)
}

// halves calls f with every way to deal the six boots to two kernels.
func halves(boots [6][3]float64, f func(base, next []float64)) {
	for mask := range 64 {
		var sides [2][]float64
		for i, boot := range boots {
			side := mask >> i & 1
			sides[side] = append(sides[side], boot[:]...)
		}
		if len(sides[0]) == 9 {
			f(sides[0], sides[1])
		}
	}
}

// recorded are the costs of sending, in instructions a packet and trial by
// trial, of Linux 6.12.117+deb12-cloud-amd64, six boots of three trials each
// under tunbench kernels --icount. Queues and offloads as the keys say, 1500 bytes.
var recorded = map[string][6][3]float64{
	"size=64":         {{4106.4, 4106.4, 4106.4}, {4106.4, 4106.4, 4106.4}, {4106.4, 4106.4, 4106.4}, {4106.4, 4106.4, 4106.4}, {4106.4, 4106.4, 4106.4}, {4106.4, 4106.4, 4106.4}},
	"queues=1":        {{5245, 5249, 5249}, {5247, 5251, 5257}, {5385, 5249, 5252}, {5387, 5250, 5385}, {5383, 5252, 5245}, {5385, 5252, 5249}},
	"queues=1 csum":   {{6135, 6134, 6132}, {6268, 6265, 6139}, {6135, 6134, 6139}, {6132, 6134, 6134}, {6135, 6135, 6132}, {6268, 6134, 6134}},
	"tun queues=4":    {{6118, 6129, 6118}, {5990, 6118, 5980}, {6116, 5978, 6118}, {6128, 6118, 6118}, {5983, 5976, 6118}, {6114, 6116, 6116}},
	"tap queues=4":    {{5975, 6109, 6111}, {6111, 6111, 6111}, {5983, 5971, 6111}, {6109, 6111, 5966}, {6111, 6109, 5976}, {6107, 6109, 6111}},
	"size=65535 tso":  {{137894, 137916, 137959}, {137947, 138122, 138105}, {137948, 137890, 137909}, {138105, 137916, 137978}, {137916, 138097, 137895}, {138097, 138103, 137971}},
	"size=65535 none": {{101868, 102127, 102103}, {102137, 101875, 101875}, {102119, 101938, 102119}, {102100, 102102, 101863}, {102119, 102124, 102105}, {101918, 101894, 102123}},
}
