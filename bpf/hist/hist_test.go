package hist

import (
	"math/rand/v2"
	"slices"
	"testing"
)

func TestIndexMatchesTheContract(t *testing.T) {
	// v < 32 -> v, else e = floor(log2 v), index = (e-4)*32 + ((v >> (e-5)) & 31).
	for _, c := range []struct {
		v    uint64
		want int
	}{
		{0, 0}, {31, 31}, {32, 32}, {33, 33}, {63, 63}, {64, 64}, {65, 64}, {66, 65},
		{1000, (9-4)*32 + (1000>>4)&31}, {Limit - 1, Buckets - 1},
	} {
		if got := Index(c.v); got != c.want {
			t.Errorf("Index(%d) = %d, want %d", c.v, got, c.want)
		}
	}
}

func TestBucketsTileTheRange(t *testing.T) {
	var next uint64
	for i := range Buckets {
		if Lower(i) != next {
			t.Fatalf("bucket %d begins at %d, want %d", i, Lower(i), next)
		}
		if Index(Lower(i)) != i || Index(Lower(i)+Width(i)-1) != i {
			t.Fatalf("bucket %d does not hold its own bounds", i)
		}
		next += Width(i)
	}
	if next != Limit {
		t.Fatalf("the buckets end at %d, want %d", next, uint64(Limit))
	}
}

func TestQuantilesAgainstSorting(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	for range 50 {
		n := 20 + rng.IntN(5000)
		var h Histogram
		values := make([]uint64, n)
		for i := range values {
			values[i] = rng.Uint64N(1 << (1 + rng.IntN(36)))
			h.Record(values[i])
		}
		slices.Sort(values)
		if h.Min != values[0] || h.Max != values[n-1] {
			t.Fatalf("min, max = %d, %d, want %d, %d", h.Min, h.Max, values[0], values[n-1])
		}
		for _, q := range []float64{0.5, 0.9, 0.99} {
			rank := int(q * float64(n))
			if float64(rank) < q*float64(n) {
				rank++
			}
			got, ok := h.Quantile(q)
			if want := n-rank >= minAbove; ok != want {
				t.Fatalf("n=%d q=%v: given %v, want %v", n, q, ok, want)
			}
			exact := values[rank-1]
			if ok && (got < h.Min || got > h.Max) {
				t.Fatalf("n=%d q=%v: %d is not between %d and %d", n, q, got, h.Min, h.Max)
			}
			if diff := max(got, exact) - min(got, exact); ok && float64(diff) > 0.016*float64(exact)+1 {
				t.Fatalf("n=%d q=%v: %d, exact is %d", n, q, got, exact)
			}
		}
	}
}

// The middle of a bucket may lie above all samples in it, or below them.
func TestQuantilesStayWithinTheSamples(t *testing.T) {
	for _, v := range []uint64{1 << 20, 1<<20 + 1, 1<<20 + 1<<15 - 1} { // the lower and the upper end of a bucket
		var h Histogram
		for range 100 {
			h.Record(v)
		}
		if got, ok := h.Quantile(0.5); !ok || got != v {
			t.Errorf("the median of 100 times %d is %d, %v", v, got, ok)
		}
	}
}

func TestMergeEqualsRecordingAll(t *testing.T) {
	rng := rand.New(rand.NewPCG(3, 4))
	var a, b, all Histogram
	for i := range 10000 {
		v := rng.Uint64N(1 << 37)
		all.Record(v)
		if i%3 == 0 {
			a.Record(v)
		} else {
			b.Record(v)
		}
	}
	a.Merge(&b)
	if a != all {
		t.Fatal("merged histogram differs from the one that saw every value")
	}
	if all.Overflow == 0 {
		t.Fatal("no overflow was exercised")
	}
}

func BenchmarkRecord(b *testing.B) {
	var h Histogram
	b.ReportAllocs()
	for i := range b.N {
		h.Record(uint64(i) * 7919 & (Limit - 1))
	}
}

func TestSinceOverflow(t *testing.T) {
	var old, now Histogram
	old.Record(5)
	now.Record(5)
	now.Record(Limit + 7)
	if d := now.Since(&old); d.Count != 0 || d.Overflow != 1 || d.Max != Limit+7 || d.Min != Limit {
		t.Errorf("%d and %d samples from %d to %d", d.Count, d.Overflow, d.Min, d.Max)
	}
	if d := now.Since(&now); d.Count+d.Overflow+d.Min+d.Max > 0 {
		t.Errorf("nothing happened, but %+v", d)
	}
}

// TestSinceStaysWithinTheSamples: the extremes of a histogram may be outside its buckets, where
// these stand for several.
func TestSinceStaysWithinTheSamples(t *testing.T) {
	for _, c := range []struct{ min, max, wantMin, wantMax uint64 }{
		{100, 1 << 30, Lower(Index(5000)), Lower(Index(5000)) + Width(Index(5000)) - 1},
		{100, 4000, 4000, 4000},
		{9000, 9500, 9000, 9000},
		{5000, 5001, 5000, 5001},
	} {
		h := Histogram{Count: 1, Min: c.min, Max: c.max}
		h.Bucket[Index(5000)] = 1
		if d := h.Since(new(Histogram)); d.Min != c.wantMin || d.Max != c.wantMax {
			t.Errorf("samples from %d to %d: since from %d to %d, want %d to %d", c.min, c.max, d.Min, d.Max, c.wantMin, c.wantMax)
		}
	}
}
