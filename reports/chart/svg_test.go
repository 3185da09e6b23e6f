package chart

import (
	"math"
	"slices"
	"testing"

	"tunbench/reports/chart/layout"
	"tunbench/reports/text"
)

func TestTicks(t *testing.T) {
	for _, tt := range []struct {
		top  float64
		want []float64
	}{
		{10, []float64{0, 2, 4, 6, 8, 10}},
		{1.27, []float64{0, 0.5, 1}},
		{6300, []float64{0, 2000, 4000, 6000}},
		{0, []float64{0}},
		{math.NaN(), []float64{0}},
		{math.Inf(1), []float64{0}},
	} {
		if got := layout.Round(tt.top, 5); !slices.Equal(got, tt.want) {
			t.Errorf("ticks(%v) = %v, want %v", tt.top, got, tt.want)
		}
	}
}

func TestFormats(t *testing.T) {
	check := func(got, want string) {
		t.Helper()
		if got != want {
			t.Errorf("got %q, want %q", got, want)
		}
	}
	for v, want := range map[float64]string{
		0: "0", 1: "1.00", 0.61: "0.61", 9.996: "10.0", 12.44: "12.4", 99.96: "100", 1270.4: "1,270", 1234567: "1,234,567", 0.00312: "0.0031", -1234: "−1,234",
		999.6: "1,000", 0.0996: "0.10", 1e18: "1e+18", 0.00001: "1e-05",
	} {
		check(text.Figure(v), want)
	}
	for v, want := range map[float64]string{0: "0", 1: "100", 0.5: "50.0", 0.00004: "<0.01", 0.9997: ">99.9", 0.0123: "1.23"} {
		check(text.Percent(v), want)
	}
	for v, want := range map[float64]string{0: "0 ns", 640: "640 ns", 999: "999 ns", 999.7: "1.00 µs", 1000: "1.00 µs", 12345: "12.3 µs", 1.02e6: "1.02 ms", 68.7e9: "68.7 s"} {
		check(text.Duration(v), want)
	}
	for v, want := range map[uint64]string{0: "0 B", 1023: "1,023 B", 1024: "1.00 KiB", 3 << 20: "3.00 MiB", 5 << 40: "5.00 TiB"} {
		check(text.Size(v), want)
	}
	for v, want := range map[float64]string{0.962: "−3.8 %", 1: "0.0 %", 0.99999: "0.0 %", 1.00001: "0.0 %", 1.05: "+5.0 %"} {
		check(text.Change(v), want)
	}
	check(layout.Duration(1e6), "1 ms")
	check(layout.Duration(200e3), "200 µs")
	check(text.RateScale(9999).Format(512), "512")
	check(text.RateScale(1.27e6).Format(1.27e6), "1,270")
	check(text.RateScale(1.2e7).Format(1.2345e7), "12,345")
	check(text.RateScale(1.2e7).Format(1000), "1.00")
	check(text.Signed(-1<<63), "−9,223,372,036,854,775,808")
	check(text.Numbers([]int{0, 1, 2, 3, 8, 10, 11}), "0-3, 8, 10, 11")
	check(text.Clip("abcdef", 4), "abc…")
	check(text.Clock("2026-11-20T22:51:07+01:00"), "2026-11-20 21:51 UTC")
	check(text.Clock("never"), "never")
}
