package text

import (
	"math"
	"testing"
)

func TestKernelFormats(t *testing.T) {
	check := func(got, want string) {
		t.Helper()
		if got != want {
			t.Errorf("got %q, want %q", got, want)
		}
	}
	for v, want := range map[float64]string{5050.4: "5,050", 151.43: "151.4", 96.704: "96.70", 999.96: "1,000", 0.5: "0.50"} {
		check(PerPacket(v), want)
	}
	for v, want := range map[float64]string{0: "0", 17: "+17.0", -3.5: "−3.50", 1234: "+1,234", 801.04: "+801", -0.001: "0", 42.42: "+42.4", -100: "−100"} {
		check(Plus(v), want)
	}
	for v, want := range map[float64]string{0: "0", 0.44: "0.440", 0.0992: "0.0992", 0.000512: "0.000512", 0.99996: "1.00", 0.099951: "0.100", -0.25: "−0.250", 1.134: "1.13", 12345: "12,345", 1e-5: "1e-05"} {
		check(Significant(v), want)
	}
	// Rates that stand in one column keep three digits down to a hundredth of its largest.
	scale := RateScale(1e7)
	check(scale.Unit, "kpps")
	check(scale.Format(437_000), "437")
	check(scale.Format(1000), "1.00")
	check(Gigabits(0.2512e9), "0.251")
	for v, want := range map[float64]string{0: "0.00", 0.2445: "+24.45", -0.00001: "0.00", 0.00001: "0.00", -0.2522: "−25.22"} {
		check(Precisely(v), want)
	}
}

// What is no number is shown as none in every format, without a sign or a unit, and a number
// is never shown so.
func TestNotFinite(t *testing.T) {
	formats := map[string]func(float64) string{
		"Significant": Significant, "Figure": Figure, "Ratio": Ratio, "Percent": Percent, "Gigabits": Gigabits, "Hundredths": Hundredths,
		"Precisely": Precisely, "PerPacket": PerPacket, "Plus": Plus, "Duration": Duration, "Change": Change,
		"Decimals": func(v float64) string { return Decimals(v, 1) },
		"PValue":   func(v float64) string { return PValue(&v) },
		"Changes":  func(v float64) string { return Changes(v, v) },
		"Scale":    RateScale(1e9).Format,
		"Between":  func(v float64) string { return Between(Ratio(v), Ratio(v)) },
	}
	for name, format := range formats {
		for _, v := range []float64{math.NaN(), math.Inf(1)} {
			if got := format(v); got != Absent {
				t.Errorf("%s(%v) = %q, want %q", name, v, got, Absent)
			}
		}
		for _, v := range []float64{0, 1e-9, 0.5, 1, 1234.5, 1e15, math.MaxFloat64 / 1e3} {
			if got := format(v); got == Absent {
				t.Errorf("%s(%v) = %q", name, v, got)
			}
		}
	}
}
