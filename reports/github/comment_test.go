package github

import (
	"bytes"
	"fmt"
	"strings"
	"testing"
	"unicode/utf8"

	"tunbench/reports/fixture"
	"tunbench/reports/metric"
	"tunbench/reports/record"
	"tunbench/reports/verdict"
)

// figures is a verdict on the packet rate of the i-th scenario.
func figures(i int, kind string, change, low, high, threshold float64) record.Verdict {
	base, p := 1e6, 0.01
	now := base * (1 + change)
	return record.Verdict{
		Scenario: fmt.Sprintf("Tun/dir=k2u/gen=udp/queues=1/size=%d", 64+i), Metric: record.PPS, Unit: "packets/s", Base: &base, New: &now,
		Change: &change, CI: &[2]float64{low, high}, P: &p, N: 10, Threshold: threshold, Verdict: kind, Notes: []string{},
	}
}

// The first line is the verdict, and the annotation says the same.
func TestFirstLine(t *testing.T) {
	worse, sure := figures(0, record.IndicativeRegression, -0.11, -0.23, -0.01, 0.03), figures(0, record.Regression, -0.114, -0.125, -0.1, 0.03)
	unsure, equal, better := figures(1, record.Inconclusive, -0.11, -0.23, -0.01, 0.15), figures(2, record.Equivalent, 0.001, -0.002, 0.004, 0.03), figures(3, record.Improvement, 0.052, 0.046, 0.06, 0.03)
	wide := figures(1, record.Inconclusive, -0.11, -0.31, 0.09, 0.03)
	lacking := verdict.Lacking("Tun/x", record.PPS, "packets/s", record.NewSide, record.Unsupported, "EINVAL")
	late := figures(2, record.Equivalent, 0.05, 0.02, 0.09, 0.1)
	late.Metric = metric.LatencyP99
	held, own := equal, 0.03 // an A/A run on this host sees no less than 15 %
	held.Threshold, held.OwnThreshold = 0.15, &own
	spoilt := figures(4, record.InvalidVerdict, 0, 0, 0, 0.03)
	spoilt.Change, spoilt.CI = nil, nil
	for name, c := range map[string]struct {
		verdicts []record.Verdict
		strict   bool
		want     string
		level    Level
	}{
		"worse":              {[]record.Verdict{equal, sure, better}, false, "**Worse: −11 % (−12 to −10)** pps of `size=64`; 1 worse, 1 better, 1 without change, of 3 scenarios.", Error},
		"perhaps":            {[]record.Verdict{worse, equal}, false, "**Perhaps worse: −11 % (−23 to −1)** pps of `size=64`; 1 worse, 1 without change, of 2 scenarios.", Warning},
		"perhaps, strict":    {[]record.Verdict{worse, equal}, true, "**Perhaps worse: −11 %", Error},
		"cannot tell":        {[]record.Verdict{equal, unsure}, false, "**Cannot tell: −11 % (−23 to −1), this runner sees 15 %:** pps of `size=65`; 1 undecided, 1 without change, of 2 scenarios.", Warning},
		"scatters":           {[]record.Verdict{equal, wide}, false, "**Cannot tell: −11 % (−31 to +9), this runner sees 20 %:**", Warning},
		"better":             {[]record.Verdict{better, equal}, false, "**Better: +5.2 % (+4.6 to +6)** pps of `size=67`; 1 better, 1 without change, of 2 scenarios.", Notice},
		"better, and unsure": {[]record.Verdict{better, unsure}, false, "**Better: +5.2 %", Warning},
		"no change":          {[]record.Verdict{equal}, false, "**No change** beyond 3 % in 1 of 1 scenario.", Notice},
		"no change in two":   {[]record.Verdict{equal, late}, false, "**No change** beyond 3 % (pps), 10 % (p99) in 1 of 1 scenario.", Notice},
		"no change, noisy":   {[]record.Verdict{held}, false, "**No change** beyond 3 % in 1 of 1 scenario.", Notice},
		"missing":            {[]record.Verdict{equal, lacking}, false, "**Not judged:** 1 scenario of the base is not measured on the new side; ", Error},
		"partly":             {[]record.Verdict{equal, spoilt}, false, "**Not all is judged**; 1 not judged, 1 without change, of 2 scenarios.", Warning},
		"unjudged":           {[]record.Verdict{spoilt}, false, "**Nothing could be judged:**", Error},
		"nothing":            {nil, false, "**Nothing could be judged:**", Error},
	} {
		compared := &verdict.Comparison{Base: verdict.Side{Name: "base"}, New: verdict.Side{Name: "new"}, Verdicts: c.verdicts, Strict: c.strict}
		text, err := Comment(compared, Marker("x"))
		if err != nil {
			t.Fatal(err)
		}
		first, _, _ := strings.Cut(strings.ReplaceAll(string(text), `\_`, "_"), "\n")
		if !strings.HasPrefix(first, c.want) {
			t.Errorf("%s: %q, want %q", name, first, c.want)
		}
		note := Summary(compared)
		if note.Level != c.level || !strings.HasPrefix(note.Message, strings.NewReplacer("**", "", "`", "").Replace(c.want)) {
			t.Errorf("%s: %+v", name, note)
		}
	}
}

// The annotation is an error if the verdicts fail the job, by the rule of the comparison.
func TestAnnotationFollowsTheRule(t *testing.T) {
	for kind, levels := range map[string][2]Level{ // without and with Unknown
		record.Inconclusive:         {Warning, Error},
		record.InvalidVerdict:       {Warning, Error},
		record.NotComparable:        {Warning, Error},
		record.IndicativeRegression: {Warning, Warning},
		record.Equivalent:           {Notice, Notice},
		record.Regression:           {Error, Error},
	} {
		verdicts := []record.Verdict{figures(0, kind, -0.1, -0.2, 0.1, 0.03), figures(1, record.Equivalent, 0.001, -0.002, 0.004, 0.03)}
		for i, unknown := range []bool{false, true} {
			c := &verdict.Comparison{Base: verdict.Side{Name: "base"}, New: verdict.Side{Name: "new"}, Verdicts: verdicts, Unknown: unknown}
			if note := Summary(c); note.Level != levels[i] || (note.Level == Error) != (c.Rule().Code(verdicts) != 0) {
				t.Errorf("%s, unknown fails %v: %s, want %s; exit %d", kind, unknown, note.Level, levels[i], c.Rule().Code(verdicts))
			}
		}
	}
}

// A comment is shorter than GitHub's limit, has at most five rows in sight, is whole
// markdown, and ends with its marker.
func TestCommentFits(t *testing.T) {
	marker := Marker("CI/bench")
	base, next := fixture.BeforeAndAfter()
	first, err := FirstComment(record.Named{Name: "after", File: next}, "there is no baseline", marker)
	if err != nil {
		t.Fatal(err)
	}
	texts := map[string][]byte{"first": first}
	for name, c := range map[string]*verdict.Comparison{
		"stored": compared(t, base, next, verdict.Options{}), "pairs": confirmed(t), "few": many(3, 1), "many": many(3000, 10), "long": many(30, 20_000), "one": many(1, 1),
	} {
		if texts[name], err = Comment(c, marker); err != nil {
			t.Fatal(err)
		}
	}
	for name, text := range texts {
		s := string(text)
		if len(text) > CommentLimit || !utf8.Valid(text) || !strings.HasSuffix(s, "\n"+marker+"\n") || !strings.HasPrefix(s, "**") {
			t.Errorf("%s: %d bytes: %.200s ... %.100s", name, len(text), s, s[len(s)-100:])
		}
		sight, _, _ := strings.Cut(s, "<details>")
		if rows := strings.Count(sight, "\n|"); rows > 2+commentRows || rows == 0 && name != "first" {
			t.Errorf("%s: %d rows in sight: %s", name, rows, sight)
		}
		if open, closed := bytes.Count(text, []byte("<details>")), bytes.Count(text, []byte("</details>")); open != closed || open == 0 {
			t.Errorf("%s: %d folds are opened, %d closed", name, open, closed)
		}
		if cut := name == "many" || name == "long"; strings.Contains(s, "too long to be shown here") != cut {
			t.Errorf("%s: cut %v: %.300s", name, cut, s)
		}
	}
}

// A marker is one HTML comment, whatever the job is called.
func TestMarker(t *testing.T) {
	for name, want := range map[string]string{
		"CI/bench": "<!-- tunbench: CI/bench -->", "": "<!-- tunbench: job -->", "a --> <b> \"$(x)\" ü": "<!-- tunbench: a-b-x -->", "-->": "<!-- tunbench: job -->", "a--b": "<!-- tunbench: a-b -->",
	} {
		if got := Marker(name); got != want {
			t.Errorf("%q: %q, want %q", name, got, want)
		}
	}
}
