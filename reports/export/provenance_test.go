package export

import (
	"bytes"
	"encoding/json"
	"maps"
	"slices"
	"strings"
	"testing"

	"tunbench/reports/document/history"
	"tunbench/reports/figure"
	"tunbench/reports/fixture"
	"tunbench/reports/github"
	"tunbench/reports/record"
	"tunbench/reports/render"
	"tunbench/reports/series"
	"tunbench/reports/text"
	"tunbench/reports/verdict"
)

// What differs between the hosts of two runs, and may be part of a change, is in
// every report on them; where nothing does, nothing is said.
func TestHostsDiffer(t *testing.T) {
	floor := func(by float64) func(*record.Run) {
		return func(r *record.Run) {
			r.Floor.SyscallNs *= by
			r.Floor.CopyNs = maps.Clone(r.Floor.CopyNs)
			for size := range r.Floor.CopyNs {
				r.Floor.CopyNs[size] *= by
			}
		}
	}
	base := fixture.Stored(1, 10, nil)
	base.Run.Floor = record.Floor{SyscallNs: 86, CopyNs: map[string]float64{"1500": 80}}
	for name, tt := range map[string]struct {
		change func(*record.Run)
		want   []string
	}{
		"the same":             {func(*record.Run) {}, nil},
		"another kernel":       {func(r *record.Run) { r.Host.Kernel, r.Host.KernelVersion = "7.0.0", "#9" }, nil},
		"within its scatter":   {floor(1.04), nil},
		"a slower host":        {floor(1.15), []string{"floor: bare system call 86.0 → 98.9 ns (+15.00 %), system call and copy of 1500 bytes 166.0 → 190.9 ns (+15.00 %); the floor does not depend on the device, so this part of the change comes from the host"}},
		"a faster host":        {floor(1 / 1.15), []string{"floor: bare system call 86.0 → 74.8 ns (−13.04 %), system call and copy of 1500 bytes 166.0 → 144.3 ns (−13.04 %); the floor does not depend on the device, so this part of the change comes from the host"}},
		"no floor":             {func(r *record.Run) { r.Floor = record.Floor{} }, nil},
		"another governor":     {func(r *record.Run) { r.Host.Governor = "powersave" }, []string{"frequency governor: " + absentOr(base.Run.Host.Governor) + " → powersave"}},
		"SMT":                  {func(r *record.Run) { r.Host.SMT = "forceoff" }, []string{"SMT: " + absentOr(base.Run.Host.SMT) + " → forceoff"}},
		"another command line": {func(r *record.Run) { r.Host.Cmdline = "mitigations=off" }, []string{"kernel command line: " + absentOr(base.Run.Host.Cmdline) + " → mitigations=off"}},
		"a mitigation":         {func(r *record.Run) { r.Host.Mitigations = map[string]string{"retbleed": "Vulnerable"} }, []string{"mitigation retbleed: – → Vulnerable"}},
		"a sysctl":             {func(r *record.Run) { r.Host.Sysctl = map[string]string{"net.core.rmem_max": "1"} }, []string{"sysctl net.core.rmem_max: "}},
	} {
		next := fixture.Stored(2, 10, map[string]float64{fixture.Slow: 0.85})
		run := *base.Run
		run.ID = next.Run.ID
		next.Run = &run
		tt.change(next.Run)
		c := compared(t, base, next, verdict.Options{})
		holds := func(text string) bool {
			text = strings.Join(strings.Fields(strings.ReplaceAll(text, "**", "")), " ")
			for _, want := range tt.want {
				if !strings.Contains(text, want) {
					return false
				}
			}
			return strings.Contains(text, "The hosts differ, which may be the reason for part of any change: ") == (tt.want != nil)
		}
		var terminal, report bytes.Buffer
		if err := render.ComparisonSummary(&terminal, c); err != nil {
			t.Fatal(err)
		}
		if err := comparisonMarkdown(&report, c); err != nil {
			t.Fatal(err)
		}
		summary, err := github.StepSummary(c, github.StepSummaryLimit)
		if err != nil {
			t.Fatal(err)
		}
		for where, text := range map[string]string{"terminal": terminal.String(), "report": plainMarkdown(report.String()), "step summary": plainMarkdown(string(summary))} {
			if !holds(text) {
				t.Errorf("%s: the %s tells not what differs, or what does not: want %q\n%s", name, where, tt.want, text)
			}
		}
		if strings.HasPrefix(name, "a ") && strings.HasSuffix(name, " host") && strings.Contains(report.String(), "No recorded property differs") {
			t.Errorf("%s: the report denies it", name)
		}
		for _, v := range c.Verdicts {
			line, err := json.Marshal(v)
			if err != nil {
				t.Fatal(err)
			}
			if (len(v.Differs) > 0) != (tt.want != nil) || strings.Contains(string(line), `"differs":`) != (tt.want != nil) {
				t.Errorf("%s: %s", name, line)
			}
			for _, want := range tt.want {
				if !slices.ContainsFunc(v.Differs, func(d string) bool { return strings.HasPrefix(d, want) }) {
					t.Errorf("%s: %q lacks %q", name, v.Differs, want)
				}
			}
		}
	}
}

func absentOr(s string) string {
	if s == "" {
		return text.Absent
	}
	return s
}

// A history names the floors of a change, and never says that nothing else differs
// where they do.
func TestHistoryTellsTheFloor(t *testing.T) {
	for by, want := range map[float64]string{
		1.15: "floor: bare system call 86.0 → 98.9 ns (+15.00 %); the floor does not depend on the device, so this part of the change comes from the host",
		1.02: "nothing else in the headers of the runs differs; the floor agrees within 5.00 %: a bare system call took 86.0 and 87.7 ns",
	} {
		a, b := &record.Run{Floor: record.Floor{SyscallNs: 86}}, &record.Run{Floor: record.Floor{SyscallNs: 86 * by}}
		f := series.Finding{Series: &series.Series{Metric: record.PPS}, Change: series.Change{
			Kind: series.ChangePoint, Notes: figure.ChangedWith(a, b), Before: series.NewPoint(&series.StoredRun{Run: a}, series.Figure{}), Begins: series.NewPoint(&series.StoredRun{Run: b}, series.Figure{}),
		}}
		story := strings.Join(history.FindingStory(f), "\n")
		if !strings.Contains(story, want) || strings.Contains(story, "nothing else") != (by < 1.05) {
			t.Errorf("%v: %s", by, story)
		}
	}
}
