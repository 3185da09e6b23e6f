package figure

import (
	"math"
	"math/bits"
	"math/rand/v2"
	"slices"
	"testing"

	"tunbench/reports/metric"
	"tunbench/reports/record"
)

func TestMean(t *testing.T) {
	rng := rand.New(rand.NewPCG(9, 10))
	for range 100 {
		var x []float64
		l := Latency{}
		counts := map[uint64]uint64{}
		for range minMean + rng.IntN(5000) {
			v := rng.Uint64N(1 << (5 + rng.IntN(20)))
			x = append(x, float64(v))
			counts[v/width(v)*width(v)]++
			l.Count++
		}
		for lower, n := range counts {
			l.Buckets = append(l.Buckets, [2]uint64{lower, n})
		}
		slices.SortFunc(l.Buckets, func(a, b [2]uint64) int { return int(a[0]) - int(b[0]) })
		slices.Sort(x)
		keep := (1 - trimTop) * float64(len(x))
		var sum float64
		for i, v := range x {
			sum += v * min(1, max(0, keep-float64(i)))
		}
		if got, ok := l.mean(); !ok || math.Abs(got-sum/keep) > 0.016*sum/keep {
			t.Errorf("mean of %d samples %v, %v, want %v", len(x), got, ok, sum/keep)
		}
	}
	for what, l := range map[string]Latency{
		"nothing":             {},
		"few":                 {Count: minMean - 1, Buckets: [][2]uint64{{100, minMean - 1}}},
		"too many overflows":  {Count: 998, Overflow: 2, Buckets: [][2]uint64{{100, 998}}},
		"buckets of nonsense": {Count: 1 << 60, Buckets: [][2]uint64{{1<<63 + 1<<62, 1 << 60}}},
	} {
		if v, ok := l.mean(); ok {
			t.Errorf("%s has a mean: %v", what, v)
		}
	}
	// The slowest packet of a thousand is left out.
	l := Latency{Count: 1000, Buckets: [][2]uint64{{16, 999}, {1 << 30, 1}}}
	if v, ok := l.mean(); !ok || v != 16 {
		t.Errorf("mean %v, %v", v, ok)
	}
}

// No quantile and no mean is beyond the samples: 103 ms, the largest, lie below
// the middle of their bucket, which is 105 ms.
func TestQuantilesStayWithinTheSamples(t *testing.T) {
	const largest, smallest = 103_000_000, 20_900
	low := smallest / width(smallest) * width(smallest)
	high := largest / width(largest) * width(largest)
	over := uint64(largest + 2_000_000)
	one := record.Latency{Count: 20_000, MinNs: smallest, MaxNs: largest, P50Ns: &over, P999Ns: &over, Buckets: record.Buckets{{low, 9_000}, {high, 11_000}}}
	a := NewArm([]*record.Trial{{Latency: map[string]record.Latency{record.E2E: one}}})
	l, ok := a.Pool(record.E2E)
	if !ok || l.Min != smallest || l.Max != largest {
		t.Fatalf("from %d to %d, %v", l.Min, l.Max, ok)
	}
	for _, q := range metric.Quantiles {
		if v, ok := l.Quantile(q.Q); !ok || v != largest {
			t.Errorf("%s is %d, %v", q.Name, v, ok)
		}
	}
	if v, ok := l.Quantile(0.3); !ok || v < smallest || v >= low+width(low) {
		t.Errorf("30 %% of the samples lie below %d, %v", v, ok)
	}
	if x := a.QuantileValues(record.E2E, func(l record.Latency) *uint64 { return l.P999Ns }); len(x) != 1 || x[0] != largest {
		t.Errorf("the record's own quantile is %v", x)
	}
	if v, ok := metric.Value(a.All[0], metric.LatencyP50); !ok || v != largest {
		t.Errorf("verdicts are given on %v, %v", v, ok)
	}
	one.Buckets = record.Buckets{{high, 20_000}}
	same, _ := NewArm([]*record.Trial{{Latency: map[string]record.Latency{record.E2E: one}}}).Pool(record.E2E)
	if v, ok := same.mean(); !ok || v > largest {
		t.Errorf("the mean is %v, %v", v, ok)
	}
}

// The quantile of pooled buckets is that of the histogram which the trials
// recorded: the middle of the bucket that holds the sample of that rank.
func TestQuantile(t *testing.T) {
	rng := rand.New(rand.NewPCG(5, 6))
	for range 200 {
		var a Arm
		var samples []uint64
		for range 1 + rng.IntN(4) {
			counts := map[uint64]uint64{}
			for range rng.IntN(3000) {
				v := rng.Uint64N(1 << (1 + rng.IntN(36)))
				samples = append(samples, v)
				counts[v/width(v)*width(v)]++
			}
			var l record.Latency
			for lower, c := range counts {
				l.Buckets = append(l.Buckets, [2]uint64{lower, c})
			}
			a.Used = append(a.Used, &record.Trial{Latency: map[string]record.Latency{record.E2E: l}})
		}
		l, ok := a.Pool(record.E2E)
		if ok != (len(samples) > 0) || l.Count != uint64(len(samples)) {
			t.Fatalf("pooled %d of %d samples", l.Count, len(samples))
		}
		slices.Sort(samples)
		for _, q := range metric.Quantiles {
			got, ok := l.Quantile(q.Q)
			rank := max(int(math.Ceil(q.Q*float64(len(samples)))), 1)
			if wantOK := len(samples) >= rank+10; ok != wantOK {
				t.Fatalf("%s of %d samples is given: %v", q.Name, len(samples), ok)
			}
			if !ok {
				continue
			}
			exact := samples[rank-1]
			if diff := max(got, exact) - min(got, exact); float64(diff) > float64(exact)*0.016 {
				t.Errorf("%s = %d, exactly %d", q.Name, got, exact)
			}
		}
	}
	// Nobody knows a quantile that falls among the overflows.
	over := Latency{Count: 50, Overflow: 50, Buckets: [][2]uint64{{100, 50}}}
	if v, ok := over.Quantile(0.9); ok {
		t.Errorf("p90 among overflows: %d", v)
	}
	if v, ok := over.Quantile(0.5); !ok || v != 100+(width(100)-1)/2 {
		t.Errorf("p50 below overflows: %d, %v", v, ok)
	}
	for v := uint64(0); v < 1<<20; v += 1 + v/100 {
		if v >= 32 && v/width(v)>>5 != 1 {
			t.Fatalf("width(%d) = %d: there are 32 sub-buckets an octave", v, width(v))
		}
	}
	if bits.Len64(width(1<<63)) != 59 {
		t.Error("width of the largest")
	}
}
