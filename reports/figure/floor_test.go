package figure

import (
	"strings"
	"testing"

	"tunbench/reports/record"
)

// Floors are told with their unit: in virtual time they are no times.
func TestFloorsHaveAUnit(t *testing.T) {
	run := func(clock string, call float64) *record.Run {
		return &record.Run{Clock: clock, Floor: record.Floor{SyscallNs: call}}
	}
	for clock, unit := range map[string]string{record.ClockMonotonic: "ns", record.ClockICount: "instructions"} {
		if got := FloorsAgree(run(clock, 141), run(clock, 142)); !strings.Contains(got, "141.0 and 142.0 "+unit) {
			t.Errorf("%s: floors agree: %q", clock, got)
		}
		if got := ChangedWith(run(clock, 141), run(clock, 282)); len(got) != 1 || !strings.Contains(got[0], "141.0 → 282.0 "+unit) {
			t.Errorf("%s: floors differ: %q", clock, got)
		}
	}
}
