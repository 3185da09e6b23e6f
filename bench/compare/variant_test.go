package compare

import (
	"testing"
	"time"

	"tunbench/bench/setup"
	"tunbench/bench/suite"
	"tunbench/reports/record"
)

// What has its rate at once and is not observed alternates in short windows.
func TestTurns(t *testing.T) {
	scenario, err := setup.New(map[string]string{"mode": "tun"})
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		measure    time.Duration
		hook, a, b string
		want       time.Duration
	}{
		{time.Second, record.HookNone, "vnet=off", "vnet=10", shortTurn},
		{time.Second, record.HookNone, "dir=k2u", "dir=u2k", shortTurn},
		{time.Second, "tracepoint", "vnet=off", "vnet=10", turn},
		{time.Second, record.HookNone, "hook=none", "hook=tracepoint", turn},
		{time.Second, record.HookNone, "path=sink", "path=relay", turn},
		{time.Second, record.HookNone, "path=vpn", "path=vpn cipher=aes256gcm", turn},
		{time.Second, record.HookNone, "txqlen=500", "txqlen=10000", turn},
		{time.Second, record.HookNone, "load=1000pps", "load=2000pps", turn},
		{120 * time.Millisecond, record.HookNone, "path=vpn", "path=relay", 20 * time.Millisecond},
		{24 * time.Millisecond, record.HookNone, "vnet=off", "vnet=10", 4 * time.Millisecond},
	} {
		s := scenario
		s.Timing = suite.Timing{Measure: c.measure}
		subjects, err := Subjects([]suite.Scenario{s}, c.hook, c.a, c.b)
		if err != nil || len(subjects) != 1 {
			t.Fatalf("%s against %s: %d subjects, %v", c.a, c.b, len(subjects), err)
		}
		for _, v := range subjects[0] {
			if v.Window != c.want {
				t.Errorf("%s against %s by %s: windows of %v, want %v", c.a, c.b, c.hook, v.Window, c.want)
			}
		}
	}
}
