package export

import (
	"bytes"
	"strings"
	"testing"

	"tunbench/reports/figure"
	"tunbench/reports/fixture"
	"tunbench/reports/record"
	"tunbench/reports/render"
)

// A scenario of which only the bare arm was measured is not one that was
// skipped, in any format.
func TestSkippedArm(t *testing.T) {
	f := fixture.Variants()["bare-trial"]
	name := f.Trials[0].Scenario
	f.Skips = []record.Skip{
		{Scenario: name, Arm: record.Observed, Reason: record.Unsupported, Detail: "the kernel is locked down"},
	}
	for format, c := range map[string]struct{ file, want string }{
		"csv":      {SkipsName, name + ",unsupported,the kernel is locked down,observed\n"},
		"benchfmt": {BenchmarksName, "# skipped observed trials of " + name + ": unsupported: the kernel is locked down\n"},
		"json":     {JSONName, `"arm": "observed"`},
	} {
		if text := rendered(t, format, record.Named{Name: "x", File: f})[c.file]; !strings.Contains(text, c.want) {
			t.Errorf("%s does not hold %q:\n%.2000s", format, c.want, text)
		}
	}
	var summary bytes.Buffer
	if err := render.Summary(&summary, f, true); err != nil {
		t.Fatal(err)
	}
	if want := "skipped observed trials of " + name; !strings.Contains(strings.Join(strings.Fields(summary.String()), " "), want) {
		t.Errorf("the summary does not hold %q:\n%s", want, &summary)
	}
	var report bytes.Buffer
	if err := runMarkdown(&report, f, render.Options{}); err != nil {
		t.Fatal(err)
	}
	markdown := report.String()
	for _, want := range []string{"The observed trials of **1 scenario were skipped** (unsupported)", ", observed trials only |"} {
		if !strings.Contains(markdown, want) {
			t.Errorf("the report does not hold %q", want)
		}
	}
	if strings.Contains(markdown, "1 scenario was skipped") {
		t.Error("the report takes the scenario for skipped")
	}
	for _, s := range figure.Subjects(f) {
		if skipped := len(s.Skips) > 0; skipped != (s.Arm == record.Observed) || (s.Trials == 0) != skipped {
			t.Errorf("%s: %d trials, skips %v", s.Name(), s.Trials, s.Skips)
		}
	}
}
