package export

import (
	"strings"
	"testing"

	"tunbench/reports/fixture"
	"tunbench/reports/metric"
	"tunbench/reports/record"
	"tunbench/reports/render"
)

// withLimits is a run whose suite sets limits for the first scenario, and one for a
// scenario that was skipped.
func withLimits(t *testing.T, limits ...string) *record.File {
	t.Helper()
	f := fixture.Synthetic()
	f.Run.Plan = &record.Plan{Timings: []record.Timing{}, Arms: []record.Arm{record.Bare, record.Observed}}
	for _, l := range limits {
		name, written, _ := strings.Cut(l, " ")
		limit, err := metric.ParseLimit(name, written)
		if err != nil {
			t.Fatal(err)
		}
		of := f.Trials[0].Scenario
		if name == record.Jain {
			of = f.Skips[0].Scenario
		}
		f.Run.Plan.Require = append(f.Run.Plan.Require, record.Requirement{Limit: limit, Scenarios: []string{of}})
	}
	return f
}

// Every format shows each limit with its figure, and whether it was missed.
func TestLimitsAreShown(t *testing.T) {
	f := withLimits(t, "pps > 2M", "loss < 50%", "jain > 0.9")
	summary := strings.Join(strings.Fields(summaryOf(t, f)), " ")
	for _, want := range []string{
		"limit: " + f.Trials[0].Scenario + ": pps is 1,2", "limit > 2M: missed, by 5 trials, too few for an interval (--trials 6 gives one)",
		"jain, limit > 0.9: not judged: unsupported: TUNSETOFFLOAD(0x1ff): EINVAL",
		"Of 3 limits of the suite (require), 1 is met, 1 is missed, 1 could not be judged.",
	} {
		if !strings.Contains(summary, want) {
			t.Errorf("the summary lacks %q:\n%s", want, summary)
		}
	}
	var report strings.Builder
	if err := runMarkdown(&report, f, render.Options{}); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"## Limits of the suite", "- Of 3 limits of the suite (`require`), 1 is met, **1 is missed**, **1 could not be judged**.", "| **missed** |", "| **not judged** |", "| met |", "| `loss` |"} {
		if !strings.Contains(strings.Join(strings.Fields(report.String()), " "), want) {
			t.Errorf("the report lacks %q:\n%.3000s", want, report.String())
		}
	}
	for format, want := range map[string][]string{
		"html":  {"Limits of the suite", "<strong>missed</strong>"},
		"json":  {`"limits": [`, `"verdict": "missed"`, `"verdict": "not-judged"`, `"written": "> 2M"`, `"limit": 2000000`, `"why": "unsupported: TUN`},
		"junit": {`<failure type="missed" message="pps is 1,2`, `<error type="not-judged" message="jain, limit &gt; 0.9: not judged: unsupported`, `name="loss &lt; 50%" time="0.000"></testcase>`},
	} {
		all := ""
		for _, text := range rendered(t, format, record.Named{Name: "x", File: f}) {
			all += text
		}
		for _, w := range want {
			if !strings.Contains(all, w) {
				t.Errorf("%s lacks %q", format, w)
			}
		}
		if format == "junit" {
			checkJUnit(t, all)
		}
	}
}

// Limits that are met are a line; a suite without limits is not told about them.
func TestLimitsThatAreMet(t *testing.T) {
	f := withLimits(t, "pps > 1k", "loss < 50%")
	if text := strings.Join(strings.Fields(summaryOf(t, f)), " "); !strings.Contains(text, "All 2 limits of the suite (require) are met.") || strings.Contains(text, "limit: ") {
		t.Errorf("%s", text)
	}
	if text := rendered(t, "junit", record.Named{Name: "x", File: f})[junitName]; strings.Contains(text, `type="missed"`) {
		t.Errorf("%.2000s", text)
	}
	f.Run.Plan = nil
	if text := summaryOf(t, f); strings.Contains(text, "limits of the suite") {
		t.Errorf("%s", text)
	}
	if text := rendered(t, "json", record.Named{Name: "x", File: f})[JSONName]; strings.Contains(text, `"limits"`) {
		t.Error("json has limits where the suite sets none")
	}
	// Where nothing was measured, the limits are what there is to say.
	f = withLimits(t, "pps > 1k")
	f.Trials, f.Searches = nil, nil
	var report strings.Builder
	if err := runMarkdown(&report, f, render.Options{}); err != nil || !strings.Contains(report.String(), "**1 could not be judged**") {
		t.Errorf("%v\n%.2000s", err, report.String())
	}
}
