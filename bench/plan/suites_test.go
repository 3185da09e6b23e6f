package plan

import (
	"testing"
	"time"

	"tunbench/bench/setup"
	"tunbench/bench/suite"
	"tunbench/reports/record"
)

func TestSuitesFitTheirTime(t *testing.T) {
	limits := map[string]time.Duration{
		"smoke": 50 * time.Second, "first": 60 * time.Second, "stall": 90 * time.Second, "default": 570 * time.Second,
		"kernels": 90 * time.Second, "kernels-observer": 30 * time.Second, "study": 60 * time.Second,
		"full": 260 * time.Minute, "every": 140 * time.Second, // in which guests boot
		// Those of the README, with its minutes.
		"vpn": 320 * time.Second, "vm": 210 * time.Second, "bridge": 240 * time.Second, "stack": 270 * time.Second, "programs": 750 * time.Second, "backpressure": 450 * time.Second,
		"sizes": 290 * time.Second, "queues": 300 * time.Second, "latency": 290 * time.Second,
	}
	for _, name := range suite.Names() {
		s, err := suite.Load(name, setup.Check)
		if err != nil {
			t.Error(err)
			continue
		}
		if s.Name != name {
			t.Errorf("suite %s calls itself %s", name, s.Name)
		}
		limit, ok := limits[name]
		if !ok {
			t.Errorf("suite %s has no limit here", name)
		}
		p := Plan{Scenarios: s.Scenarios, Pairs: s.Pairs, Arms: []record.Arm{record.Bare, record.Observed}}
		if d := p.Duration(); d > limit {
			t.Errorf("suite %s: %d scenarios take about %v, more than %v", name, len(s.Scenarios), d, limit)
		}
		for _, sc := range s.Scenarios {
			// A suite must run on two CPUs: a sender and a reader that spin fill them.
			if sc.Axes["io"] == "spin" && sc.Axes["queues"] != "1" {
				t.Errorf("suite %s: %s spins on more than one queue", name, sc.Name)
			}
		}
	}
}
