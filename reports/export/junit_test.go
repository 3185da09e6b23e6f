package export

import (
	"bytes"
	"encoding/xml"
	"fmt"
	"io"
	"maps"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"testing/quick"

	"tunbench/reports/fixture"
	"tunbench/reports/record"
	"tunbench/reports/verdict"
)

// junitRule is what two published schemas both want of an element: Jenkins'
// junit-10.xsd, and Windy Road's JUnit.xsd, which is the stricter one.
type junitRule struct {
	attributes map[string]string // name to pattern, all required
	optional   map[string]string
	children   string // a pattern of their names, each followed by a space
	text       bool   // characters other than space are allowed
}

const (
	anyText   = `(?s).*`
	someText  = `(?s).*\S.*` // a token of at least one character
	digits    = `[0-9]+`
	timeText  = `[0-9]+\.[0-9]+` // xs:decimal, and the pattern of Surefire
	timestamp = `[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}`
)

var junitRules = map[string]junitRule{
	"testsuites": {children: `(testsuite )*`},
	"testsuite": {
		attributes: map[string]string{"id": digits, "name": someText, "package": someText, "tests": digits, "failures": digits, "errors": digits,
			"skipped": digits, "time": timeText, "hostname": someText},
		optional: map[string]string{"timestamp": timestamp},
		children: `properties (testcase )*system-out system-err `,
	},
	"properties": {children: `(property )*`},
	"property":   {attributes: map[string]string{"name": someText, "value": anyText}},
	"testcase": {
		attributes: map[string]string{"classname": anyText, "name": anyText, "time": timeText},
		children:   `(skipped |error |failure )?`,
	},
	"skipped":    {attributes: map[string]string{"type": anyText, "message": anyText}, text: true},
	"error":      {attributes: map[string]string{"type": anyText, "message": anyText}, text: true},
	"failure":    {attributes: map[string]string{"type": anyText, "message": anyText}, text: true},
	"system-out": {text: true},
	"system-err": {text: true},
}

// compiled holds the patterns of the rules.
var compiled sync.Map

// anchored is the pattern of a whole value.
func anchored(pattern string) *regexp.Regexp {
	if re, ok := compiled.Load(pattern); ok {
		return re.(*regexp.Regexp)
	}
	re := regexp.MustCompile(`^(` + pattern + `)$`)
	compiled.Store(pattern, re)
	return re
}

// checkJUnit holds text against the rules.
func checkJUnit(t *testing.T, text string) {
	t.Helper()
	type open struct {
		name     string
		children string
	}
	var stack []open
	dec := xml.NewDecoder(strings.NewReader(text))
	for {
		token, err := dec.Token()
		if err == io.EOF {
			break
		}
		if err != nil {
			t.Fatalf("%v in %q", err, text)
		}
		switch v := token.(type) {
		case xml.StartElement:
			name := v.Name.Local
			if len(stack) == 0 && name != "testsuites" {
				t.Errorf("the root is %s", name)
			}
			if n := len(stack); n > 0 {
				stack[n-1].children += name + " "
			}
			stack = append(stack, open{name: name})
			rule, known := junitRules[name]
			if !known {
				t.Errorf("no schema has %s", name)
			}
			seen := map[string]bool{}
			for _, a := range v.Attr {
				seen[a.Name.Local] = true
				pattern, ok := rule.attributes[a.Name.Local]
				if !ok {
					pattern, ok = rule.optional[a.Name.Local]
				}
				if !ok || !anchored(pattern).MatchString(a.Value) {
					t.Errorf("%s: attribute %s=%q", name, a.Name.Local, a.Value)
				}
			}
			for _, a := range slices.Sorted(maps.Keys(rule.attributes)) {
				if !seen[a] {
					t.Errorf("%s has no %s", name, a)
				}
			}
		case xml.EndElement:
			last := stack[len(stack)-1]
			stack = stack[:len(stack)-1]
			if !anchored(junitRules[last.name].children).MatchString(last.children) {
				t.Errorf("%s holds %s", last.name, last.children)
			}
		case xml.CharData:
			if n := len(stack); n > 0 && !junitRules[stack[n-1].name].text && strings.TrimSpace(string(v)) != "" {
				t.Errorf("text in %s: %q", stack[n-1].name, v)
			}
		}
	}
}

// readJUnit checks text and gives its suites; their counts must be true.
func readJUnit(t *testing.T, text string) []junitSuite {
	t.Helper()
	checkJUnit(t, text)
	var doc junitSuites
	if err := xml.Unmarshal([]byte(text), &doc); err != nil {
		t.Fatal(err)
	}
	for i, s := range doc.Suites {
		count := junitSuite{}
		for _, c := range s.Cases {
			count.add(c)
		}
		if s.ID != i || s.Tests != len(s.Cases) || s.Failures != count.Failures || s.Errors != count.Errors || s.Skipped != count.Skipped {
			t.Errorf("suite %d: %d, %d tests, %d failures, %d errors, %d skipped; counted %+v", i, s.ID, s.Tests, s.Failures, s.Errors, s.Skipped, count)
		}
	}
	return doc.Suites
}

func junitOf(t *testing.T, runs ...record.Named) []junitSuite {
	t.Helper()
	return readJUnit(t, exported(t, "junit", runs...)[junitName])
}

func junitOfComparison(t *testing.T, c *verdict.Comparison) junitSuite {
	t.Helper()
	f, err := FindFormat("junit", true)
	if err != nil {
		t.Fatal(err)
	}
	var b bytes.Buffer
	if err := f.PrintComparison(&b, c); err != nil {
		t.Fatal(err)
	}
	return readJUnit(t, b.String())[0]
}

// outcome is how a case ended, with its message.
func (c junitCase) outcome() string {
	switch {
	case c.Failure != nil:
		return "failure: " + c.Failure.Message
	case c.Error != nil:
		return "error: " + c.Error.Message
	case c.Skipped != nil:
		return "skipped: " + c.Skipped.Message
	}
	return "passed"
}

func TestJUnitOfRun(t *testing.T) {
	f := &record.File{Run: &record.Run{Started: "2026-11-20T22:51:07+01:00"}}
	f.Trials = slices.Concat(fixture.TrialsOf("Tun/good", 1, 2), fixture.TrialsOf("Tun/half", 1, 2), fixture.TrialsOf("Tun/dead", 1, 2))
	for i := range f.Trials {
		f.Trials[i].DurationNs = 1.5e9
	}
	f.Trials[2].Flags = []string{record.FlagSteal}
	f.Trials[4].Flags = []string{record.FlagSteal}
	f.Trials[5].Flags = []string{record.FlagSteal, record.FlagUnsteady}
	f.Skips = []record.Skip{
		{Scenario: "Tun/no", Reason: record.Unsupported, Detail: "TUNSETOFFLOAD: EINVAL"},
		{Scenario: "Tun/ours", Reason: record.Failed, Detail: "a bug"},
	}
	f.Searches = []record.Search{{Scenario: "Tun/good", Goals: []record.Goal{{Name: record.NDRPPS, Detail: "too noisy"}}}}
	suites := junitOf(t, record.Named{Name: "the run", File: f}, record.Named{Name: "full", File: fixture.Synthetic()})
	if len(suites) != 2 {
		t.Fatalf("%d suites", len(suites))
	}
	s := suites[0]
	if s.Name != "the run" || s.Timestamp != "2026-11-20T21:51:07" || s.Time != "9.000" || s.Cases[0].Time != "3.000" {
		t.Errorf("%+v", s)
	}
	got := map[string]string{}
	for _, c := range s.Cases {
		got[c.Name] = c.outcome()
	}
	want := map[string]string{
		"Tun/good":         "passed",
		"Tun/half":         "passed",
		"Tun/dead":         "error: none of the bare trials is valid (2): steal in 2, unsteady in 1",
		"Tun/no":           "skipped: unsupported: TUNSETOFFLOAD: EINVAL",
		"Tun/ours":         "error: failed: a bug",
		"Tun/good ndr_pps": "skipped: too noisy",
		"end of the run":   "error: the run was interrupted: the file has no end record, and the rest of the plan was not measured",
	}
	if !maps.Equal(got, want) {
		t.Errorf("%v\nwant %v", got, want)
	}
	if i := slices.IndexFunc(s.Cases, func(c junitCase) bool { return c.Name == "Tun/dead" }); !strings.Contains(s.Cases[i].Error.Text, "CPUs of its own") {
		t.Errorf("no advice: %q", s.Cases[i].Error.Text)
	}
	if !strings.Contains(s.Out.Text, "good") || !strings.Contains(s.Err.Text, "interrupted") {
		t.Errorf("out %q, err %q", s.Out.Text, s.Err.Text)
	}
}

func TestJUnitOfAllRuns(t *testing.T) {
	for name, f := range fixture.Variants() {
		junitOf(t, record.Named{Name: name, File: f})
	}
	// A run of two variants is a comparison.
	if s := junitOf(t, record.Named{Name: "ab", File: fixture.Pairs(0.8, 10)})[0]; !strings.Contains(s.Name, " against ") || s.Tests == 0 {
		t.Errorf("%+v", s)
	}
}

func TestJUnitComparison(t *testing.T) {
	base, next := fixture.BeforeAndAfter()
	for name, c := range map[string]*verdict.Comparison{
		"stored": compared(t, base, next, verdict.Options{}), "strict": compared(t, base, next, verdict.Options{Strict: true}), "ab": abComparison(t),
	} {
		s := junitOfComparison(t, c)
		if s.Tests != len(c.Verdicts)+len(c.Only) {
			t.Errorf("%s: %d cases of %d verdicts and %d scenarios of one side", name, s.Tests, len(c.Verdicts), len(c.Only))
		}
		if failed := c.Exit(c.Strict) == 1; failed != (s.Failures > 0) {
			t.Errorf("%s: exit code %d, %d failures", name, c.Exit(c.Strict), s.Failures)
		}
	}
}

func TestJUnitVerdicts(t *testing.T) {
	change := -0.1234
	of := func(kind string) record.Verdict {
		return record.Verdict{Scenario: "Tun", Metric: record.PPS, Change: &change, CI: &[2]float64{-0.2, -0.05}, Verdict: kind}
	}
	for kind, want := range map[string][2]string{ // without and with --strict
		record.Regression:            {"failure", "failure"},
		record.IndicativeRegression:  {"skipped", "failure"},
		record.Improvement:           {"passed", "passed"},
		record.IndicativeImprovement: {"passed", "passed"},
		record.Equivalent:            {"passed", "passed"},
		record.Inconclusive:          {"skipped", "skipped"},
		record.InvalidVerdict:        {"error", "error"},
		record.NotComparable:         {"skipped", "skipped"},
		record.UnsupportedVerdict:    {"skipped", "skipped"},
		"of-tomorrow":                {"error", "error"},
	} {
		for i, strict := range []bool{false, true} {
			c := &verdict.Comparison{Verdicts: []record.Verdict{of(kind)}, Strict: strict}
			s := junitOfComparison(t, c)
			got, _, _ := strings.Cut(s.Cases[0].outcome(), ":")
			if got != want[i] {
				t.Errorf("%s, strict %t: %s, want %s", kind, strict, got, want[i])
			}
			if failed := c.Exit(strict) == 1; failed != (s.Failures > 0) {
				t.Errorf("%s, strict %t: exit code %d, %d failures", kind, strict, c.Exit(strict), s.Failures)
			}
		}
	}
	s := junitOfComparison(t, &verdict.Comparison{Verdicts: []record.Verdict{of(record.Regression)}})
	if got, want := s.Cases[0].outcome(), "failure: pps: regression, −12.34 % (95 % interval −20.00 to −5.00 %)"; got != want {
		t.Errorf("%s, want %s", got, want)
	}
	if len(s.Cases) != 1 || s.Cases[0].Class != "Tun" || s.Cases[0].Name != record.PPS {
		t.Errorf("%+v", s.Cases)
	}
}

// meant reads what spelled wrote.
func meant(t *testing.T, s string) string {
	t.Helper()
	return regexp.MustCompile(`\\(\\|x..|u....)`).ReplaceAllStringFunc(s, func(e string) string {
		if e == `\\` {
			return `\`
		}
		n, err := strconv.ParseUint(e[2:], 16, 32)
		if err != nil {
			t.Fatal(err)
		}
		if e[1] == 'x' {
			return string([]byte{byte(n)})
		}
		return string(rune(n))
	})
}

func TestJUnitNames(t *testing.T) {
	survive := func(scenario, metric, skipped, reason fixture.OddText) bool {
		f := fixture.OddRun(scenario, metric, skipped, reason)
		s := junitOf(t, record.Named{Name: string(scenario), File: f})[0]
		i := slices.IndexFunc(s.Cases, func(c junitCase) bool { return c.Skipped != nil || c.Error != nil && c.Error.Type == record.Failed })
		return meant(t, s.Cases[0].Name) == string(scenario) && i >= 0 && meant(t, s.Cases[i].Name) == string(skipped) &&
			meant(t, s.Cases[i].Skipped.Type) == string(reason) &&
			meant(t, s.Cases[i].Skipped.Message) == fmt.Sprintf("%s: %s", reason, metric)
	}
	if err := quick.Check(survive, nil); err != nil {
		t.Error(err)
	}
	verdicts := func(scenario, metric, note, reason fixture.OddText) bool {
		c := &verdict.Comparison{Base: verdict.Side{Name: string(scenario)}, New: verdict.Side{Name: string(metric)},
			Verdicts: []record.Verdict{{Scenario: string(scenario), Metric: string(metric), Verdict: record.Inconclusive, Notes: []string{string(note)}}},
			Only:     []verdict.OnlyOne{{Scenario: string(scenario), Side: "base", Why: string(reason)}}}
		s := junitOfComparison(t, c)
		return meant(t, s.Cases[0].Class) == string(scenario) && meant(t, s.Cases[0].Name) == string(metric) &&
			strings.HasSuffix(meant(t, s.Cases[0].Skipped.Text), "note: "+string(note)) &&
			(reason == "" || meant(t, s.Cases[1].Skipped.Message) == "measured only in base: "+string(reason))
	}
	if err := quick.Check(verdicts, nil); err != nil {
		t.Error(err)
	}
	// Bytes that are no text, as a path can hold.
	all := func(b []byte) bool {
		s := spelled(string(b))
		var back struct {
			Text string `xml:",chardata"`
		}
		err := xml.Unmarshal([]byte("<t><![CDATA["+strings.ReplaceAll(s, "]]>", "]]]]><![CDATA[>")+"]]></t>"), &back)
		return err == nil && meant(t, back.Text) == string(b)
	}
	if err := quick.Check(all, nil); err != nil {
		t.Error(err)
	}
}

// The golden files of comparisons.
func TestExportComparisonGolden(t *testing.T) {
	base, next := fixture.BeforeAndAfter()
	for name, c := range map[string]*verdict.Comparison{"stored": compared(t, base, next, verdict.Options{}), "ab": abComparison(t)} {
		f, err := FindFormat("junit", true)
		if err != nil {
			t.Fatal(err)
		}
		dir := t.TempDir()
		if _, err := f.WriteComparison(dir, c); err != nil {
			t.Fatal(err)
		}
		fixture.Goldens(t, dir, "export-compare-"+name)
	}
}
