package advise

import (
	"fmt"
	"strings"
	"testing"

	"tunbench/reports/advice"
	"tunbench/reports/document"
	"tunbench/reports/text"
)

// A median that there is none of is no 0: the cell is empty, as those of its ratio are.
func TestRatesWithoutCPUTime(t *testing.T) {
	rate := advice.Ratio{Value: 2, CI: &[2]float64{1.9, 2.1}, N: 10}
	a := &advice.Advice{
		Traffic: []string{"dir=k2u", "dir=u2k"}, PlainName: "plain reads",
		Use:   advice.Candidate{Words: "vnet=10", PPS: []float64{2e6, 2e6}, CPU: []float64{500, 0}},
		Plain: advice.Candidate{Words: "vnet=off", PPS: []float64{1e6, 0}, CPU: []float64{1000, 0}},
		Gain: &advice.Comparison{PPS: rate, CPU: rate, ByTraffic: []advice.OfTraffic{
			{Traffic: "dir=k2u", PPS: rate, CPU: rate}, {Traffic: "dir=u2k"},
		}},
	}
	var got []string
	for _, row := range (Text{a}).Rates().Rows {
		var cells []string
		for _, cell := range row {
			cells = append(cells, document.PlainText(cell))
		}
		got = append(got, strings.Join(cells, "|"))
	}
	none := "|" + text.Absent
	want := []string{"dir=k2u|1,000|2,000|2.00|1.90–2.10|1,000|500|2.00|1.90–2.10", "dir=u2k" + none + "|2,000" + strings.Repeat(none, 6)}
	for i, w := range want {
		if i >= len(got) || got[i] != w {
			t.Errorf("got  %q\nwant %q", got, want)
			break
		}
	}
}

// Where nothing can be recommended, no table and no sentence below it speaks of a recommendation.
func TestNothingRecommended(t *testing.T) {
	rate := advice.Ratio{Value: 2, N: 2}
	candidate := advice.Candidate{Words: "vnet=10", Axes: map[string]string{"vnet": "10"}, PPS: []float64{2e6}, CPU: []float64{500}}
	a := &advice.Advice{
		Verdict: advice.Inconclusive, Why: "2 fresh blocks were measured, and an interval takes 6", Traffic: []string{"dir=k2u"}, PlainName: "plain reads",
		Use: candidate, Plain: candidate, Candidates: 3, Finals: 2,
		Gain:        &advice.Comparison{PPS: rate, CPU: rate, ByTraffic: []advice.OfTraffic{{Traffic: "dir=k2u", PPS: rate, CPU: rate}}},
		Comparisons: []advice.Comparison{{Role: advice.Change, Label: "io=read", PPS: rate, CPU: rate}, {Role: advice.Step, Label: "vnet=10", PPS: rate, CPU: rate}},
	}
	s := Text{a}
	said := fmt.Sprintf("%v %+v %+v %v", s.ChangesFollow(), s.Changes(), s.Rates(), New(a))
	if !strings.Contains(said, "best so far") || strings.Contains(strings.ReplaceAll(said, "No recommendation", ""), "recommend") {
		t.Errorf("%s", said)
	}
}
