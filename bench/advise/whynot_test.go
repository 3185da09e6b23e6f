package advise

import (
	"bytes"
	"encoding/json"
	"strings"
	"testing"

	"tunbench/harness/spec"
	"tunbench/reports/advice"
	documentadvise "tunbench/reports/document/advise"
	"tunbench/reports/render"
	"tunbench/reports/screen"
)

// polling is a host on which io=poll has so many times the rate of other calls, and needs
// so many times the CPU time per packet.
func polling(rate, cpu, noise float64) *model {
	of := func(factor float64) func(spec.Spec) float64 {
		return func(s spec.Spec) float64 {
			if s.IO == spec.IOPoll {
				return factor
			}
			return 1
		}
	}
	return &model{noise: noise, rate: func(s spec.Spec) float64 { return of(rate)(s) * 1e6 }, cpu: func(s spec.Spec) float64 { return rate * of(cpu)(s) }}
}

// shown is the advice on a terminal, as JSON and as a report.
func shown(t *testing.T, a *advice.Advice) map[string]string {
	t.Helper()
	var lines, report bytes.Buffer
	if err := a.Write(&lines); err != nil {
		t.Fatal(err)
	}
	if err := render.Markdown(&report, documentadvise.New(a), render.Options{}); err != nil {
		t.Fatal(err)
	}
	plain := func(s string) string { return strings.ReplaceAll(strings.Join(strings.Fields(s), " "), "`", "") }
	return map[string]string{
		"terminal": plain(string(render.AdviceText(screen.Screen{Columns: 80}, a))),
		"json":     lines.String(),
		"report":   plain(report.String()),
	}
}

// What is listed as faster is recommended, or every output says why it is not.
func TestFasterAndNotRecommended(t *testing.T) {
	const within, slower = "more than 3 % was not shown beyond chance: take them as equal, or give a longer --budget", "with those of the knock-out, the estimate is 0.9"
	found := map[string]int{}
	for name, tt := range map[string]struct {
		rate, cpu, noise float64
		why              []string // that may be given; nil: io=poll is recommended
		must             string
	}{
		"a little faster, for more CPU time": {1.027, 1.13, 0.02, []string{within, slower}, "a packet needs 1."},
		"a little faster, for less CPU time": {1.027, 0.9, 0.02, []string{within, slower}, within},
		"equal":                              {1, 1, 0.03, []string{within, slower}, within},
		"much faster":                        {1.2, 1.13, 0.005, nil, ""},
	} {
		for seed := range uint64(10) {
			a := advise(t, polling(tt.rate, tt.cpu, tt.noise), "stack", seed)
			got := strings.Contains(a.Use.Words, "io=poll")
			if tt.why == nil && !got || tt.rate == 1 && got {
				t.Errorf("%s, seed %d: %s", name, seed, a.Use.Words)
			}
			for as, text := range shown(t, a) {
				said := 0
				for _, c := range a.Of(advice.Change, advice.Rival) {
					if (c.Verdict == advice.Better || c.Verdict != advice.Worse && c.Simpler) != (c.WhyNot != "") {
						t.Errorf("%s, seed %d: %s of %s: %q", name, seed, c.Verdict, c.Label, c.WhyNot)
					}
					if c.Verdict == advice.Equal && a.Verdict == advice.Inconclusive && as != "json" {
						continue // such a report does not say what is equal
					}
					known := c.WhyNot == ""
					for _, why := range tt.why {
						known = known || strings.Contains(c.WhyNot, why)
					}
					if !known {
						t.Errorf("%s, seed %d: %s %+v is not recommended: %s", name, seed, c.Label, c.PPS, c.WhyNot)
					}
					if c.WhyNot == "" {
						continue
					}
					said++
					if !strings.Contains(text, c.WhyNot) {
						t.Errorf("%s, seed %d: %s does not say that %s", name, seed, as, c.WhyNot)
					}
					if strings.Contains(c.WhyNot+".", tt.must) {
						found[name]++
					}
				}
				if strings.Contains(text, "not recommended: ") != (said > 0 && as != "json") || strings.Contains(text, `"why_not"`) != (said > 0 && as == "json") {
					t.Errorf("%s, seed %d: %d are listed as faster, and %s says\n%s", name, seed, said, as, text)
				}
				if said > 0 && strings.Contains(text, "the fastest is also the cheapest") {
					t.Errorf("%s, seed %d: %s calls the recommendation the fastest", name, seed, as)
				}
			}
		}
		if tt.must != "" && found[name] == 0 {
			t.Errorf("%s: no seed gave the reason %s", name, tt.must)
		}
	}
	for _, line := range strings.Split(strings.TrimSpace(shown(t, advise(t, polling(1, 1, 0.03), "stack", 1))["json"]), "\n") {
		if !json.Valid([]byte(line)) {
			t.Errorf("not JSON: %s", line)
		}
	}
}
