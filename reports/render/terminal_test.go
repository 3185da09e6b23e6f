package render

import (
	"slices"
	"testing"

	"tunbench/reports/figure"
	"tunbench/reports/record"
	"tunbench/reports/screen"
)

func TestWorstFirst(t *testing.T) {
	trial := func(name string, loss, pps float64, open bool, flags ...string) *figure.Scenario {
		tr := &record.Trial{Scenario: name, Flags: flags, Metrics: map[string]float64{record.Loss: loss, record.PPS: pps}}
		if open {
			tr.Schedule = &record.Schedule{}
		}
		return &figure.Scenario{Name: name, Bare: figure.NewArm([]*record.Trial{tr})}
	}
	list := []*figure.Scenario{
		trial("fast", 0, 9e6, false),
		trial("slow", 0, 1e6, false),
		trial("lossy", 0.5, 9e6, false),
		trial("open", 0.001, 9e6, true),
		trial("kept", 0, 1e3, true),
		trial("unsteady", 0, 9e6, false, record.FlagUnsteady),
		trial("stolen", 0, 9e6, false, record.FlagSteal),
		{Name: "nothing"},
	}
	var got []string
	for _, s := range figure.WorstFirst(list) {
		got = append(got, s.Name)
	}
	want := []string{"stolen", "unsteady", "open", "lossy", "nothing", "kept", "slow", "fast"}
	if !slices.Equal(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
	if list[0].Name != "fast" {
		t.Error("the list that was given is sorted")
	}
	for i, want := range map[int]screen.Tone{0: screen.Plain, 5: screen.Caution, 6: screen.Bad} {
		if got := toneOf(list[i]); got != want {
			t.Errorf("%s: tone %v, want %v", list[i].Name, got, want)
		}
	}
}
