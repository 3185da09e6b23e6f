package export

import (
	"bytes"
	"cmp"
	"encoding/xml"
	"fmt"
	"strings"
	"time"
	"unicode/utf8"

	"tunbench/reports/document"
	"tunbench/reports/document/compare"
	"tunbench/reports/document/run"
	"tunbench/reports/document/trust"
	"tunbench/reports/figure"
	"tunbench/reports/metric"
	"tunbench/reports/prose"
	"tunbench/reports/record"
	"tunbench/reports/render"
	"tunbench/reports/requirement"
	"tunbench/reports/text"
	"tunbench/reports/verdict"
)

// junitName is the file that CI systems look for.
const junitName = "junit.xml"

// The elements of JUnit's XML, as far as two published schemas agree: that of
// Jenkins' xUnit plug-in (junit-10.xsd) and that of Ant's task (JUnit.xsd of
// Windy Road). So the root has no attributes, a case has one result at most and
// no output of its own, and all parts of a suite are there in this order.
type (
	junitSuites struct {
		XMLName xml.Name     `xml:"testsuites"`
		Suites  []junitSuite `xml:"testsuite"`
	}
	junitSuite struct {
		ID       int    `xml:"id,attr"`
		Name     string `xml:"name,attr"`
		Package  string `xml:"package,attr"`
		Tests    int    `xml:"tests,attr"`
		Failures int    `xml:"failures,attr"`
		Errors   int    `xml:"errors,attr"`
		Skipped  int    `xml:"skipped,attr"`
		Time     string `xml:"time,attr"` // in seconds
		// Timestamp is in UTC, and has no room for the zone. It is left out where
		// a file does not tell when its run began.
		Timestamp  string          `xml:"timestamp,attr,omitempty"`
		Hostname   string          `xml:"hostname,attr"`
		Properties junitProperties `xml:"properties"`
		Cases      []junitCase     `xml:"testcase"`
		Out        junitText       `xml:"system-out"`
		Err        junitText       `xml:"system-err"`
	}
	junitProperties struct {
		List []junitProperty `xml:"property"`
	}
	junitProperty struct {
		Name  string `xml:"name,attr"`
		Value string `xml:"value,attr"`
	}
	junitCase struct {
		Class   string       `xml:"classname,attr"`
		Name    string       `xml:"name,attr"`
		Time    string       `xml:"time,attr"`
		Skipped *junitResult `xml:"skipped"`
		Error   *junitResult `xml:"error"`
		Failure *junitResult `xml:"failure"`
	}
	junitResult struct {
		Type    string `xml:"type,attr"`
		Message string `xml:"message,attr"`
		Text    string `xml:",cdata"`
	}
	junitText struct {
		Text string `xml:",cdata"`
	}
)

func (d *junitSuites) add(s junitSuite) {
	s.ID = len(d.Suites)
	d.Suites = append(d.Suites, s)
}

func (d *junitSuites) files() ([]render.Output, error) {
	for i := range d.Suites {
		d.Suites[i].spell()
	}
	b, err := xml.MarshalIndent(d, "", "  ")
	if err != nil {
		return nil, err
	}
	return []render.Output{{Name: junitName, Content: []byte(xml.Header + string(b) + "\n")}}, nil
}

func (s *junitSuite) property(name, value string) {
	if value != "" {
		s.Properties.List = append(s.Properties.List, junitProperty{name, value})
	}
}

func (s *junitSuite) add(c junitCase) {
	s.Tests++
	switch {
	case c.Failure != nil:
		s.Failures++
	case c.Error != nil:
		s.Errors++
	case c.Skipped != nil:
		s.Skipped++
	}
	s.Cases = append(s.Cases, c)
}

func (s *junitSuite) warn(alerts []prose.Prose) {
	for _, a := range alerts {
		s.Err.Text += document.PlainText(a) + "\n"
	}
}

// spell writes all text of s with characters that XML has.
func (s *junitSuite) spell() {
	for _, p := range []*string{&s.Name, &s.Out.Text, &s.Err.Text} {
		*p = spelled(*p)
	}
	for i := range s.Properties.List {
		s.Properties.List[i].Value = spelled(s.Properties.List[i].Value)
	}
	for i := range s.Cases {
		c := &s.Cases[i]
		c.Class, c.Name = spelled(c.Class), spelled(c.Name)
		for _, r := range []*junitResult{c.Skipped, c.Error, c.Failure} {
			if r != nil {
				r.Type, r.Message, r.Text = spelled(r.Type), spelled(r.Message), spelled(r.Text)
			}
		}
	}
}

// junitPackage is above the suites in the trees that CI systems draw.
const junitPackage = "tunbench"

// junitRuns makes each run a suite and each scenario a case: one without a valid
// trial is an error, and what was skipped is skipped, unless tunbench failed. A
// run of two variants is judged as a comparison.
func junitRuns(runs []record.Named, _ bool) ([]render.Output, error) {
	var doc junitSuites
	for _, r := range runs {
		if verdict.HoldsVariants(r.File) {
			c, err := verdict.CompareVariants(r.File, verdict.Options{BaseName: r.Name})
			if err != nil {
				return nil, err
			}
			suite, err := junitVerdicts(c)
			if err != nil {
				return nil, err
			}
			doc.add(suite)
			continue
		}
		suite, err := junitRun(r)
		if err != nil {
			return nil, err
		}
		doc.add(suite)
	}
	return doc.files()
}

// junitComparison makes a comparison a suite and each verdict a case.
func junitComparison(c *verdict.Comparison, _ bool) ([]render.Output, error) {
	suite, err := junitVerdicts(c)
	if err != nil {
		return nil, err
	}
	var doc junitSuites
	doc.add(suite)
	return doc.files()
}

func junitRun(r record.Named) (junitSuite, error) {
	f := r.File
	s := newJUnitSuite(r.Name, f.Run)
	list, _ := figure.Scenarios(f)
	total := 0.0
	for _, sc := range list {
		spent := sc.Measured()
		total += spent
		c := junitCase{Class: junitPackage, Name: sc.Name, Time: seconds(spent)}
		for _, a := range []struct {
			name record.Arm
			figure.Arm
		}{{record.Bare, sc.Bare}, {record.Observed, sc.Observ}} {
			if a.Invalid && c.Error == nil {
				names, counts := a.Flags()
				c.Error = &junitResult{Type: record.InvalidVerdict,
					Message: book.Text("no valid trial", prose.Values{"Trials": len(a.All), "Arm": a.name, "Flags": figure.CountedFlags(names, counts)}),
					Text:    advised(f.Run, a.All, names)}
			}
		}
		s.add(c)
	}
	for _, r := range requirement.Judge(f) {
		s.add(junitLimit(r))
	}
	for _, search := range figure.SortedSearches(f) {
		for _, g := range search.Goals {
			c := junitCase{Class: junitPackage, Name: search.Scenario + " " + g.Name, Time: seconds(0)}
			if !g.Resolved {
				c.Skipped = &junitResult{Type: "unresolved", Message: cmp.Or(g.Detail, book.Text("no bounds", nil))}
			}
			s.add(c)
		}
	}
	for _, skip := range f.Skips {
		c := junitCase{Class: junitPackage, Name: skip.Scenario, Time: seconds(0)}
		if skip.Arm != "" {
			c.Name += " " + string(skip.Arm)
		}
		result := &junitResult{Type: skip.Reason, Message: skip.Reason + ": " + skip.Detail}
		if skip.Reason == record.Failed {
			c.Error = result
		} else {
			c.Skipped = result
		}
		s.add(c)
	}
	if f.End == nil {
		s.add(junitCase{Class: junitPackage, Name: "end of the run", Time: seconds(0), Error: &junitResult{
			Type: "interrupted", Message: book.Text("interrupted", nil)}})
	}
	s.Time = seconds(total)
	s.warn(run.Alerts(f))
	var out bytes.Buffer
	err := render.Summary(&out, f, true)
	s.Out.Text = out.String()
	return s, err
}

// junitLimit makes a limit of the suite a case. What could not be judged is an error.
func junitLimit(r requirement.Result) junitCase {
	c := junitCase{Class: r.Scenario, Name: r.Metric + " " + r.Written, Time: seconds(0)}
	switch result := (&junitResult{Type: r.Verdict, Message: r.Text()}); r.Verdict {
	case requirement.Missed:
		c.Failure = result
	case requirement.NotJudged:
		c.Error = result
	}
	return c
}

// advised says what to do about flags that make trials of a run invalid.
func advised(run *record.Run, trials []*record.Trial, flags []string) string {
	var lines []string
	for _, f := range flags {
		if record.Invalidates(f) {
			meaning, next := trust.On(f, run, trials)
			lines = append(lines, f+": "+meaning+" "+next)
		}
	}
	return strings.Join(lines, "\n")
}

// junitVerdicts holds what the exit code holds: a regression fails, an
// indicative one only if it was asked to (--strict). Nothing that is unknown
// passes: it is skipped, and a verdict that a gate kept from being given is an
// error.
func junitVerdicts(c *verdict.Comparison) (junitSuite, error) {
	s := newJUnitSuite(c.New.Name+" against "+c.Base.Name, c.New.Run)
	s.property("base", c.Base.Name)
	s.property("new", c.New.Name)
	if c.Base.Run != nil {
		s.property("base kernel", c.Base.Run.Host.Kernel)
	}
	for _, v := range c.Verdicts {
		k := junitCase{Class: v.Scenario, Name: v.Metric, Time: seconds(0)}
		result := &junitResult{Type: v.Verdict, Message: message(v, v.Verdict == record.IndicativeRegression && !c.Strict), Text: told(v)}
		switch v.Verdict {
		case record.UnsupportedVerdict, record.InvalidVerdict, record.NotComparable:
			// What the base alone lacks is no fault of the new side.
			if v.Missing == record.BaseSide || v.Missing == record.NewSide && c.AllowMissing || v.Missing == "" && v.Verdict != record.InvalidVerdict {
				k.Skipped = result
			} else {
				k.Error = result
			}
		case record.Regression:
			k.Failure = result
		case record.IndicativeRegression:
			if c.Strict {
				k.Failure = result
			} else {
				k.Skipped = result
			}
		case record.Improvement, record.IndicativeImprovement, record.Equivalent:
		case record.Inconclusive:
			k.Skipped = result
		default: // what a later version may say
			k.Error = result
		}
		s.add(k)
	}
	for _, o := range c.Only {
		s.add(junitCase{Class: o.Scenario, Name: "measured on both sides", Time: seconds(0), Skipped: &junitResult{
			Type: "only in " + o.Side, Message: book.Text("only in", prose.Values{"Side": o.Side}) + ": " + cmp.Or(o.Why, book.Text("only in why", nil))}})
	}
	s.Time = seconds(0) // to judge takes no time worth a figure
	s.warn(compare.New(c).Alerts())
	var out bytes.Buffer
	err := render.ComparisonSummary(&out, c)
	s.Out.Text = out.String()
	return s, err
}

// message is a verdict in a line. A lenient one would fail with --strict.
func message(v record.Verdict, lenient bool) string {
	change, interval := "", ""
	if v.Change != nil {
		change = metric.ChangeText(v)
	}
	if v.CI != nil {
		interval = metric.IntervalText(v)
	}
	line := book.Text("verdict", prose.Values{"Metric": v.Metric, "Verdict": v.Verdict, "Change": change, "Interval": interval, "Lenient": lenient})
	if v.Change == nil && len(v.Notes) > 0 {
		line += ": " + v.Notes[0]
	}
	return line
}

// told lists all figures and notes of a verdict, one in a line.
func told(v record.Verdict) string {
	lines := []string{
		"scenario: " + v.Scenario,
		"base: " + metric.FigureText(v, v.Base),
		"new: " + metric.FigureText(v, v.New),
		"change: " + metric.ChangeText(v),
		text.IntervalName + ": " + metric.IntervalText(v),
		"threshold: " + metric.ThresholdText(v),
		"p: " + text.PValue(v.P),
		fmt.Sprintf("n: %d", v.N),
	}
	for _, note := range v.Notes {
		lines = append(lines, "note: "+note)
	}
	return strings.Join(lines, "\n")
}

// newJUnitSuite is a suite of r, which may be nil.
func newJUnitSuite(name string, r *record.Run) junitSuite {
	// A run does not tell the name of its host; this one stands for that.
	s := junitSuite{Name: cmp.Or(strings.TrimSpace(name), "unnamed"), Package: junitPackage, Hostname: "localhost"}
	if r == nil {
		return s
	}
	if t, err := time.Parse(time.RFC3339Nano, r.Started); err == nil {
		s.Timestamp = t.UTC().Format("2006-01-02T15:04:05")
	}
	s.property("run", r.ID)
	s.property("suite", r.Suite)
	s.property("tunbench", figure.ToolOf(r))
	s.property("kernel", r.Host.Kernel)
	s.property("CPU", run.Cpus(r.Host))
	s.property("clock", r.Clock)
	s.property("hook", r.Hook.Used)
	return s
}

// spelled shows what XML 1.0 (section 2.2) forbids, even as a reference, as Go
// would write it: "\x1b"; a carriage return too, which XML makes a newline. A
// backslash is doubled, so that no two texts become one.
func spelled(s string) string {
	var b strings.Builder
	for i, r := range s {
		switch {
		case r == utf8.RuneError:
			if _, size := utf8.DecodeRuneInString(s[i:]); size == 1 {
				fmt.Fprintf(&b, `\x%02x`, s[i])
				continue
			}
			b.WriteRune(r)
		case r == '\\':
			b.WriteString(`\\`)
		case r < ' ' && r != '\t' && r != '\n':
			fmt.Fprintf(&b, `\x%02x`, r)
		case r == 0xFFFE, r == 0xFFFF:
			fmt.Fprintf(&b, `\u%04x`, r)
		default:
			b.WriteRune(r)
		}
	}
	return b.String()
}

// seconds gives a time in seconds as JUnit wants it.
func seconds(s float64) string { return fmt.Sprintf("%.3f", s) }
