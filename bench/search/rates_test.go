package search

import (
	"math"
	"testing"

	"tunbench/reports/record"
)

func TestJudge(t *testing.T) {
	trial := func(accepted, delivered uint64, flags ...string) record.Trial {
		return record.Trial{Flags: flags, Accounting: record.Accounting{Accepted: accepted, Delivered: delivered}}
	}
	kept := func(p99 uint64) record.Trial {
		s := trial(1000, 990, record.FlagLate)
		s.Schedule = &record.Schedule{P99Ns: &p99}
		return s
	}
	few := trial(1000, 990)
	few.Schedule = &record.Schedule{MaxNs: 1e9}
	for name, c := range map[string]struct {
		trial   record.Trial
		loss    float64
		late    bool
		invalid string
	}{
		"no loss":                  {trial: trial(1000, 1000)},
		"loss":                     {trial: trial(1000, 995), loss: 0.005},
		"steady or not":            {trial: trial(1000, 999, record.FlagUnsteady, record.FlagGeneratorLimited), loss: 0.001},
		"late":                     {trial: trial(1000, 10, record.FlagLate), late: true},
		"late by little":           {trial: kept(200_000), loss: 0.01},
		"late by much":             {trial: kept(200_001), late: true},
		"late beside others":       {trial: trial(1000, 10, record.FlagLate, record.FlagForeignLoad), invalid: "foreign-load, late"},
		"foreign load":             {trial: trial(1000, 990, record.FlagForeignLoad), loss: 0.01},
		"too few for a quantile":   {trial: few, loss: 0.01},
		"stolen":                   {trial: trial(1000, 10, record.FlagSteal), invalid: "steal"},
		"late since it was stolen": {trial: trial(1000, 10, record.FlagSteal, record.FlagLate), invalid: "steal"},
		"nothing was sent":         {trial: trial(0, 0), invalid: "accepted 0 packets, delivered 0"},
		"more than was sent":       {trial: trial(10, 11), invalid: "accepted 10 packets, delivered 11"},
	} {
		if got := judge(c.trial); math.Abs(got.Loss-c.loss) > 1e-12 || got.Late != c.late || got.Invalid != c.invalid {
			t.Errorf("%s: %+v", name, got)
		}
	}
}
