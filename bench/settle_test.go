package bench

import (
	"context"
	"slices"
	"testing"

	"tunbench/harness"
	"tunbench/reports/record"
)

// costs is a lab whose trials cost what it is told, then the last of it for ever.
func costs(log *[]string, send ...float64) *fakeLab {
	i := -1
	return &fakeLab{log: log, used: "tracepoint", run: func(harness.Spec, string) (record.Trial, error) {
		i = min(i+1, len(send)-1)
		return record.Trial{Metrics: map[string]float64{record.SendNsPerPkt: send[i], record.RecvNsPerPkt: 1000}}, nil
	}}
}

// keeper is a Recorder that keeps the trials.
type keeper struct{ trials []record.Trial }

func (k *keeper) Write(r record.Record) error {
	if t, ok := r.(record.Trial); ok {
		k.trials = append(k.trials, t)
	}
	return nil
}
func (k *keeper) Close() error { return nil }

func settlePlan(t *testing.T, clock string) Plan {
	t.Helper()
	s, err := NewScenario(map[string]string{"gen": "lockstep"})
	if err != nil {
		t.Fatal(err)
	}
	return Plan{Suite: "test", Scenarios: []Scenario{s}, Pairs: 5, Arms: []record.Arm{record.Bare}, Hook: NoHook, Clock: clock}
}

func TestSettle(t *testing.T) {
	alternating := make([]float64, 100)
	for i := range alternating {
		alternating[i] = 5000 + 10*float64(i%2) // 0.2 %
	}
	for name, c := range map[string]struct {
		clock     string
		send      []float64
		trials    int
		unsettled bool
	}{
		"at once":         {ClockICount, []float64{5000}, 5, false},
		"within 0.1 %":    {ClockICount, []float64{5000, 5005, 5002, 5001, 5005}, 5, false},
		"after a while":   {ClockICount, []float64{7300, 10100, 7500, 5000}, 8, false},
		"never":           {ClockICount, alternating, settleLimit, true},
		"in real time":    {ClockMonotonic, alternating, 5, false},
		"one step beyond": {ClockICount, []float64{5000, 5000, 5000, 5000, 5006, 5006}, 9, false},
	} {
		var log []string
		k := &keeper{}
		if _, err := settlePlan(t, c.clock).Run(context.Background(), costs(&log, c.send...), func() (Recorder, error) { return k, nil }); err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if len(k.trials) != c.trials {
			t.Errorf("%s: %d trials, want %d", name, len(k.trials), c.trials)
		}
		for i, trial := range k.trials {
			last := i == len(k.trials)-1
			if got := slices.Contains(trial.Flags, record.FlagUnsettled); got != (c.unsettled && last) {
				t.Errorf("%s: trial %d of %d unsettled: %v", name, i+1, len(k.trials), got)
			}
		}
	}
}

func TestParseClock(t *testing.T) {
	for name, want := range map[string]string{"": ClockMonotonic, "monotonic": ClockMonotonic, "icount": ClockICount} {
		if got, err := ParseClock(name); got != want || err != nil {
			t.Errorf("%q: %q, %v", name, got, err)
		}
	}
	if _, err := ParseClock("sundial"); err == nil {
		t.Error("a sundial was taken")
	}
}
