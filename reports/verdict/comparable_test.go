package verdict

import (
	"slices"
	"testing"

	"tunbench/reports/figure"
	"tunbench/reports/record"
)

// measured is a finished run of one scenario with six equal trials, of the variants in
// turn.
func measured(mtu int, variants ...string) *record.File {
	f := &record.File{Run: &record.Run{ID: "x", Clock: record.ClockMonotonic, Hook: record.Hook{Used: record.HookNone}}, End: &record.End{}}
	for pair := range 6 {
		for i, variant := range variants {
			t := record.Trial{
				Scenario: "Tun/dir=k2u/gen=udp/queues=1/size=64", Arm: record.Bare, Pair: pair + 1, Trial: pair*len(variants) + i + 1, Variant: variant, DurationNs: 1e9,
				Metrics: map[string]float64{record.PPS: 1e6, record.SendNsPerPkt: 100, record.RecvNsPerPkt: 100},
			}
			t.Device.MTU = 1500
			if i == len(variants)-1 {
				t.Device.MTU = mtu
			}
			f.Trials = append(f.Trials, t)
		}
	}
	return f
}

// A device that came out different keeps two sides from being compared, whichever
// command compares them, and --allow device lets it.
func TestOneRule(t *testing.T) {
	const note = "the device differs in MTU: 1500, 9000 (--allow device)"
	all := func(allow ...string) map[string]record.Verdict {
		o := Options{Allow: allow}
		stored, err := Compare(measured(1500, ""), measured(9000, ""), o)
		if err != nil {
			t.Fatal(err)
		}
		pairs, err := CompareVariants(measured(9000, "a", "b"), o)
		if err != nil {
			t.Fatal(err)
		}
		boots := func(mtu int) [][]*record.File { return [][]*record.File{{measured(mtu, "")}, {measured(mtu, "")}} }
		kernels := KernelVerdicts([]KernelBoots{{Name: "one", Boots: boots(1500)}, {Name: "two", Boots: boots(9000)}}, allow...)
		return map[string]record.Verdict{"compare": stored.Verdicts[0], "ab": pairs.Verdicts[0], "kernels": kernels[0].Verdict}
	}
	for command, v := range all() {
		if v.Verdict != record.NotComparable || !slices.Contains(v.Notes, note) {
			t.Errorf("%s: %s, %q", command, v.Verdict, v.Notes)
		}
	}
	for command, v := range all(figure.AllowDevice) {
		if v.Verdict == record.NotComparable {
			t.Errorf("%s, allowed: %q", command, v.Notes)
		}
	}
}

// What the variants of ab were told to differ in is what is compared.
func TestVariantsMayDiffer(t *testing.T) {
	a, b := measured(1500, "").Trials[0], measured(9000, "").Trials[0]
	if why := (Options{}).Apart(&a, &b); len(why) != 1 {
		t.Errorf("one scenario: %q", why)
	}
	b.Scenario += "/vnet=10"
	if why := (Options{}).Apart(&a, &b); why != nil {
		t.Errorf("two scenarios: %q", why)
	}
}
