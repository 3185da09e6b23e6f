package github

import (
	"bytes"
	"fmt"
	"math"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/quick"
	"unicode/utf8"

	"tunbench/reports/chart"
	"tunbench/reports/document/compare"
	"tunbench/reports/fixture"
	"tunbench/reports/record"
	"tunbench/reports/verdict"
)

func compared(t *testing.T, base, next *record.File, o verdict.Options) *verdict.Comparison {
	t.Helper()
	o.BaseName, o.NewName = "before", "after"
	c, err := verdict.Compare(base, next, o)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// confirmed is a comparison whose pairs were seen again.
func confirmed(t *testing.T) *verdict.Comparison {
	t.Helper()
	c := compared(t, fixture.Stored(1, 10, nil), fixture.Stored(2, 10, map[string]float64{fixture.Slow: 0.9, fixture.Fast: 1.06, fixture.OpenRate: 0.8}), verdict.Options{})
	for i := range c.Verdicts {
		if c.Verdicts[i].Verdict == record.IndicativeRegression && c.Verdicts[i].Scenario == fixture.Slow {
			c.Verdicts[i].Verdict = record.Regression
		}
	}
	return c
}

func TestStepSummaryGolden(t *testing.T) {
	base, next := fixture.BeforeAndAfter()
	first, err := FirstStepSummary(record.Named{Name: "after", File: next}, "there is no baseline at before", StepSummaryLimit)
	if err != nil {
		t.Fatal(err)
	}
	variants := map[string]map[string]string{}
	for name, c := range map[string]*verdict.Comparison{"github": compared(t, base, next, verdict.Options{}), "github-ab": confirmed(t)} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			text, err := StepSummary(c, StepSummaryLimit)
			if err != nil {
				t.Fatal(err)
			}
			comment, err := Comment(c, Marker("CI/bench"))
			if err != nil {
				t.Fatal(err)
			}
			note := fmt.Appendln(nil, Summary(c))
			for file, content := range map[string][]byte{"summary.md": text, "comment.md": comment, "annotation.txt": note, "outputs.txt": StepOutputs(c)} {
				if err := os.WriteFile(filepath.Join(dir, file), content, 0o666); err != nil {
					t.Fatal(err)
				}
			}
			if name == "github" {
				if err := os.WriteFile(filepath.Join(dir, "first.md"), first, 0o666); err != nil {
					t.Fatal(err)
				}
			}
			variants[name] = fixture.Contents(t, dir)
		})
	}
	fixture.Variations(t, "github", variants)
}

// many is a comparison of n scenarios, all of which regressed, with names and
// notes of that length.
func many(n, length int) *verdict.Comparison {
	c := &verdict.Comparison{Base: verdict.Side{Name: "base"}, New: verdict.Side{Name: "new"}}
	for i := range n {
		change, base, p := -0.1-float64(i)/1e6, 1e6, 0.001
		now := base * (1 + change)
		c.Verdicts = append(c.Verdicts, record.Verdict{
			Scenario: fmt.Sprintf("Tun/dir=k2u/gen=udp/queues=1/size=%d", i) + strings.Repeat("é", length), Metric: record.PPS, Unit: "packets/s",
			Base: &base, New: &now, Change: &change, CI: &[2]float64{change - 0.01, change + 0.01}, P: &p, N: 20, Threshold: 0.03,
			Verdict: record.Regression, Notes: []string{strings.Repeat("|<b>*", length)},
		})
	}
	return c
}

// A summary is never longer than there is room for, is whole markdown, and says
// what was left out.
func TestStepSummaryFits(t *testing.T) {
	for _, test := range []struct {
		n, length, room int
		cut             string
	}{
		{10, 1, StepSummaryLimit, ""},
		{3000, 10, StepSummaryLimit, "the first 1,024 rows are shown"},
		{30, 20_000, StepSummaryLimit, "the first "},
		{10, 10, 4000, "the first "},
		{10, 10, 400, "The report is too long to be shown here."},
	} {
		text, err := StepSummary(many(test.n, test.length), test.room)
		if err != nil {
			t.Fatal(err)
		}
		if len(text) > test.room || !utf8.Valid(text) || !strings.Contains(string(text), test.cut) || strings.Contains(string(text), "too long") != (test.cut != "") {
			t.Errorf("%+v: %d bytes: %.300s", test, len(text), text)
		}
		if open, closed := bytes.Count(text, []byte("<details>")), bytes.Count(text, []byte("</details>")); open != closed {
			t.Errorf("%+v: %d folds are opened, %d closed", test, open, closed)
		}
		if fences := bytes.Count(text, []byte("```")); fences%2 != 0 {
			t.Errorf("%+v: %d fences", test, fences)
		}
	}
	for _, room := range []int{10, 0, -1} {
		if text, err := StepSummary(many(3, 3), room); err == nil || !strings.Contains(err.Error(), "there is room for") {
			t.Errorf("room for %d: %q, %v", room, text, err)
		}
	}
}

// unescape is what GitHub's runner does to a workflow command
// (ActionCommand.cs).
func unescape(s string) string {
	for _, e := range []string{"%0D", "%0A", "%3A", "%2C", "%25"} {
		raw, err := url.PathUnescape(e)
		if err != nil {
			panic(err)
		}
		s = strings.ReplaceAll(s, e, raw)
	}
	return s
}

// Any text survives an annotation, in one line.
func TestAnnotationsEscape(t *testing.T) {
	survives := func(title, message string) bool {
		if strings.Contains(title+message, "%0") || strings.Contains(title+message, "%2") || strings.Contains(title+message, "%3") {
			return true // GitHub's unescape is not the inverse of its escape there
		}
		line := Annotation{Warning, title, message}.String()
		if strings.ContainsAny(line, "\r\n") {
			return false
		}
		properties, data, ok := strings.Cut(strings.TrimPrefix(line, "::warning "), "::")
		got, found := strings.CutPrefix(properties, "title=")
		return ok && found && !strings.Contains(got, ",") && unescape(got) == title && unescape(data) == message
	}
	for _, s := range []string{"", "a:b,c", "100 % of\r\n::error::x", "é|\"'`\x00", "::", "%"} {
		if !survives(s, s) {
			t.Errorf("%q: %s", s, Annotation{Warning, s, s})
		}
	}
	if err := quick.Check(survives, nil); err != nil {
		t.Error(err)
	}
}

// A job has one annotation, of bearable length, whatever the number of scenarios.
func TestSummaryIsShort(t *testing.T) {
	note := Summary(many(30, 1))
	lines := strings.Split(note.Message, "\n")
	if note.Level != Error || note.Title != "tunbench: worse" || len(lines) != commentRows+2 || lines[commentRows+1] != "25 more figures: the step summary has all" {
		t.Errorf("%+v", note)
	}
	if len(many(3000, 1000).Verdicts) != 3000 || len(Summary(many(3000, 1000)).Message) > 6000 {
		t.Errorf("of many: %d bytes", len(Summary(many(3000, 1000)).Message))
	}
	if note := Summary(&verdict.Comparison{}); note.Level != Error || note.Title != "tunbench: nothing could be judged" {
		t.Errorf("of nothing: %+v", note)
	}
}

// The largest changes are drawn, within the axis.
func TestBars(t *testing.T) {
	c := many(40, 0)
	huge := 1e9
	c.Verdicts[7].Change = &huge
	text, err := StepSummary(c, StepSummaryLimit)
	if err != nil {
		t.Fatal(err)
	}
	_, rest, _ := strings.Cut(string(text), "  bar [")
	bars, _, ok := strings.Cut(rest, "]")
	list := strings.Split(bars, ", ")
	if !ok || len(list) != compare.MostBars || list[0] != "200.00" || list[1] != "-10.00" || !strings.Contains(string(text), "24 smaller ones") {
		t.Errorf("%d bars: %s", len(list), bars)
	}
	if s := string(text); strings.Count(s, "cut off, +100,000,000,000.00 per cent)") != 1 || !strings.Contains(s, "A bar marked **cut off** ends at ±200 %") {
		t.Errorf("the bar that does not fit is not marked: %.400s", s[strings.Index(s, "x-axis"):])
	}
	if whole, err := StepSummary(many(40, 0), StepSummaryLimit); err != nil || strings.Contains(string(whole), compare.CutOff) {
		t.Errorf("a bar that fits is marked, %v", err)
	}
	if limit := math.Ceil(110 * chart.Farthest); !strings.Contains(string(text), fmt.Sprintf(`"per cent" -%v --> %v`, limit, limit)) {
		t.Errorf("axis: %.200s", rest)
	}
}
