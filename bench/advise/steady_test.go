package advise

import (
	"strings"
	"testing"
	"time"

	"tunbench/harness/spec"
	"tunbench/reports/advice"
)

// A run that finds a value a little faster, and one that does not, recommend the same: the
// simpler value, as long as it is not shown to be slower.
func TestRunsAgree(t *testing.T) {
	rates := func(spin float64) func(spec.Spec) float64 {
		return func(s spec.Spec) float64 {
			rate := 1e6
			if s.Offload == spec.OffloadTSO || s.Offload == spec.OffloadUSO || s.Offload == spec.OffloadTunnel {
				rate *= 10
			}
			switch {
			case s.IO == spec.IOSpin:
				rate *= spin
			case s.IO == spec.IOURing:
				rate *= 0.88
			}
			return rate
		}
	}
	const runs = 20
	for _, host := range []struct {
		budget time.Duration
		noise  float64
	}{{150 * time.Second, 0.05}, {5 * time.Minute, 0.08}} {
		for spin, want := range map[float64]string{1: "io=read", 1.03: "io=read", 1.12: "io=spin"} {
			use := map[string]int{}
			for seed := range uint64(runs) {
				a, err := ask(t.Context(), &model{rate: rates(spin), noise: host.noise}, "stack", host.budget, seed)
				if err != nil {
					t.Fatal(err)
				}
				use[a.Use.Words]++
			}
			t.Logf("%v, noise %v, spin faster by %.2f: %v", host.budget, host.noise, spin, use)
			if use[want+" vnet=10 offload=tso"] < runs-1 {
				t.Errorf("%v, noise %v, spin faster by %.2f: %v", host.budget, host.noise, spin, use)
			}
		}
		// In between, runs may differ: then those with the simpler value do not call the other one slower.
		use := map[string]int{}
		for seed := range uint64(runs) {
			a, err := ask(t.Context(), &model{rate: rates(1.07), noise: host.noise}, "stack", host.budget, seed)
			if err != nil {
				t.Fatal(err)
			}
			use[a.Use.Words]++
			for _, c := range a.Of(advice.Change) {
				if !strings.Contains(a.Use.Words, "io=spin") && c.Label == "io=spin" && (c.Verdict == advice.Worse || c.Verdict == advice.Better && !strings.Contains(c.WhyNot, "take them as equal")) {
					t.Errorf("seed %d: %s, and io=spin is %s: %s", seed, a.Use.Words, c.Verdict, c.WhyNot)
				}
			}
		}
		t.Logf("%v, noise %v, spin faster by 1.07: %v", host.budget, host.noise, use)
	}
}
