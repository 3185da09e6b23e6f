package advise

import (
	"strings"
	"testing"

	"tunbench/harness/spec"
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
	for spin, most := range map[float64]int{1.03: 1, 1.12: runs} {
		complex := 0
		for seed := range uint64(runs) {
			a := advise(t, &model{rate: rates(spin), noise: 0.08}, "stack", seed)
			if strings.Contains(a.Use.Words, "io=spin") {
				complex++
			}
		}
		t.Logf("spin faster by %.2f: recommended in %d of %d runs", spin, complex, runs)
		if complex > most || most == runs && complex < runs-1 {
			t.Errorf("spin faster by %.2f: recommended in %d of %d runs", spin, complex, runs)
		}
	}
}
