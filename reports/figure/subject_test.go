package figure

import (
	"maps"
	"slices"
	"testing"

	"tunbench/reports/fixture"
	"tunbench/reports/record"
)

func TestSubjects(t *testing.T) {
	f := &record.File{Run: &record.Run{}}
	f.Trials = slices.Concat(
		fixture.TrialsOf("Tun/six", 6, 1, 5, 2, 4, 3), fixture.TrialsOf("Tun/five", 10, 30, 20, 50, 40), fixture.TrialsOf("Tun/dead", 7, 8), fixture.TrialsOf("Tun/one", 9),
	)
	f.Trials[11].Flags, f.Trials[12].Flags = []string{record.FlagSteal}, []string{record.FlagSteal, record.FlagUnsteady}
	f.Trials[13].Arm = record.Observed
	f.Skips = []record.Skip{{Scenario: "Tun/skipped", Reason: record.Missing, Detail: "iperf3"}}
	got := map[string]*Subject{}
	for _, s := range Subjects(f) {
		got[s.Name()] = s
	}
	want := []string{"Tun/dead", "Tun/five", "Tun/one/arm=observed", "Tun/six", "Tun/skipped"}
	if names := slices.Sorted(maps.Keys(got)); !slices.Equal(names, want) {
		t.Fatalf("subjects %q, want %q", names, want)
	}
	check := func(name string, trials, valid int, values ...float64) *Subject {
		t.Helper()
		s := got[name]
		var have []float64
		for _, m := range s.Measures {
			have = append(have, m.Value)
		}
		if s.Trials != trials || s.Valid != valid || !slices.Equal(have, values) {
			t.Errorf("%s: %d of %d trials valid, %v; want %d of %d, %v", name, s.Valid, s.Trials, have, valid, trials, values)
		}
		return s
	}
	// Of six values the 95 % interval by the signed ranks is all of their range:
	// the next pair of Walsh averages inside would miss once in 16 times.
	six := check("Tun/six", 6, 6, 3.5, 3500)
	if m := six.Measures[0]; m.Within != Confident || m.Interval.Low != 1 || m.Interval.High != 6 {
		t.Errorf("six trials: %+v", m)
	}
	if m := six.Measures[1]; m.Metric != "e2e_p99" || m.Unit != "ns" || m.Better != -1 || m.Within != Confident {
		t.Errorf("latency: %+v", m)
	}
	five := check("Tun/five", 5, 5, 30, 3000)
	if m := five.Measures[0]; m.Within != Spanned || m.Interval.Low != 10 || m.Interval.High != 50 {
		t.Errorf("five trials: %+v", m)
	}
	dead := check("Tun/dead", 2, 0)
	if dead.Flagged[record.FlagSteal] != 2 || !slices.Equal(dead.Flags, []string{record.FlagSteal, record.FlagUnsteady}) {
		t.Errorf("flags: %v %v", dead.Flags, dead.Flagged)
	}
	if one := check("Tun/one/arm=observed", 1, 1, 9, 1000); one.Measures[0].Within != Nowhere {
		t.Errorf("one trial has an interval: %+v", one.Measures[0])
	}
	if s := check("Tun/skipped", 0, 0); len(s.Skips) != 1 {
		t.Errorf("skips: %+v", s.Skips)
	}
}

// What a search found is the rate and its bounds; what it did not is said.
func TestSubjectsOfSearches(t *testing.T) {
	resolved, open := false, false
	for _, s := range Subjects(fixture.WithSearches()) {
		open = open || len(s.Unresolved) > 0
		for _, m := range s.Measures {
			if m.Within == SearchBound {
				resolved = true
				if m.Value != m.Interval.Low || m.Interval.High < m.Value || m.Unit != "packets/s" || m.Better != 1 {
					t.Errorf("%s: %+v", s.Name(), m)
				}
			}
		}
	}
	if !resolved || !open {
		t.Errorf("resolved %t, unresolved %t", resolved, open)
	}
}

// The figures of the two variants of tunbench ab are not mixed.
func TestSubjectsOfVariants(t *testing.T) {
	f := fixture.Pairs(0.8, 6)
	values := map[string]float64{}
	for _, s := range Subjects(f) {
		for _, m := range s.Measures {
			if m.Metric == record.PPS {
				values[s.Name()] = m.Value
			}
		}
	}
	scenario := f.Trials[0].Scenario
	a, b := values[scenario+"/variant=a"], values[scenario+"/variant=b"]
	if len(values) != 2 || !(b < 0.85*a && b > 0.75*a) {
		t.Errorf("b is to be 0.8 a: %v", values)
	}
}
