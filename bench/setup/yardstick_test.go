package setup

import (
	"fmt"
	"maps"
	"slices"
	"testing"

	"tunbench/bench/suite"
	"tunbench/harness/spec"
)

// TestYardsticksAreShared: the scenarios of the default suite need about a dozen
// yardsticks, each of which is itself a Spec that can be run side by side.
func TestYardsticksAreShared(t *testing.T) {
	loaded, err := suite.Load("default", Check)
	if err != nil {
		t.Fatal(err)
	}
	scenarios := loaded.Scenarios
	keys := map[string]bool{}
	shared := map[string][]string{}
	for _, sc := range scenarios {
		s := Spec(sc)
		y, kind, ok := s.Yardstick()
		if why := s.NoYardstick(); ok == (why != "") {
			t.Errorf("%s: a yardstick: %v, none since %q", sc.Name, ok, why)
		}
		if !ok {
			t.Logf("none: %s: %s", sc.Name, s.NoYardstick())
			continue
		}
		if err := y.Validate(); err != nil || !y.SideBySide() {
			t.Errorf("%s: the yardstick is not possible: %v", sc.Name, err)
		}
		again, kind2, ok := y.Yardstick()
		if !ok || kind2 != kind || again.YardstickKey() != y.YardstickKey() {
			t.Errorf("%s: the yardstick of the yardstick differs: %+v, %+v", sc.Name, again, y)
		}
		key := fmt.Sprintf("%-7s %s", kind, told(y))
		keys[y.YardstickKey()] = true
		shared[key] = append(shared[key], sc.Name)
	}
	for _, key := range slices.Sorted(maps.Keys(shared)) {
		t.Logf("%s", key)
		for _, name := range shared[key] {
			t.Logf("    %s", name)
		}
	}
	if n := len(keys); n != len(shared) || n < 10 || n > len(scenarios)/2 {
		t.Errorf("%d yardsticks of %d scenarios, %d by their words", n, len(scenarios), len(shared))
	}
}

// told names what is not the same in all yardsticks.
func told(y spec.Spec) string {
	return fmt.Sprintf("%s %s %s io=%s queues=%d flows=%d size=%d ip=%d", y.Path, y.Dir, y.Gen, y.IO, y.Queues, y.Flows, y.Size, y.Family)
}
