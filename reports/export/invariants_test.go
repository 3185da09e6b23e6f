package export

import (
	"bytes"
	"io/fs"
	"math"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"tunbench/reports/chart"
	"tunbench/reports/document"
	"tunbench/reports/document/history"
	"tunbench/reports/document/run"
	"tunbench/reports/figure"
	"tunbench/reports/fixture"
	"tunbench/reports/prose"
	"tunbench/reports/record"
	"tunbench/reports/render"
	"tunbench/reports/series"
	"tunbench/reports/text"
	"tunbench/reports/verdict"
)

// holds reports violations, all of them.
func holds(t *testing.T, name string, list []violation) {
	t.Helper()
	for _, v := range list {
		t.Errorf("%s: %v", name, v)
	}
}

// TestInvariantsOf checks any run, and the report beside it, in the folders and
// run.jsonl files that TUNBENCH_CHECK_RUN names, separated by colons:
//
//	TUNBENCH_CHECK_RUN=reports/runs/20260102T030405Z-6.18 go test ./reports/export -run TestInvariantsOf -v
func TestInvariantsOf(t *testing.T) {
	paths := os.Getenv("TUNBENCH_CHECK_RUN")
	if paths == "" {
		t.Skip("TUNBENCH_CHECK_RUN names no run to check")
	}
	for _, path := range filepath.SplitList(paths) {
		if !filepath.IsAbs(path) {
			path = filepath.Join("..", path) // of the folder in which go test was called
		}
		if info, err := os.Stat(path); err == nil && info.IsDir() {
			path = filepath.Join(path, "run.jsonl")
		}
		f, err := record.ReadFile(path)
		if err != nil {
			t.Error(err)
			continue
		}
		t.Logf("%s: %d trials", path, len(f.Trials))
		if len(f.Trials) == 0 {
			t.Errorf("%s: nothing to check", path)
		}
		if verdict.HoldsVariants(f) {
			c, err := verdict.CompareVariants(f, verdict.Options{BaseName: path})
			if err != nil {
				t.Error(err)
				continue
			}
			holds(t, path, checkComparison(c))
			continue
		}
		holds(t, path, checkRun(f))
		// And the report that lies there, whatever made it.
		if b, err := os.ReadFile(filepath.Join(filepath.Dir(path), render.ReportName)); err == nil {
			holds(t, filepath.Join(filepath.Dir(path), render.ReportName), checkDocument(parseMarkdown(string(b))))
		}
		c, err := verdict.Compare(f, f, verdict.Options{BaseName: path, NewName: path})
		if err != nil {
			t.Error(err)
			continue
		}
		holds(t, path+", against itself", checkComparison(c))
	}
}

// parseMarkdown gives the tables and the text of a report as a document again.
func parseMarkdown(text string) document.Document {
	var d document.Document
	d.Sections = []document.Section{{}}
	var t *document.Table
	fold := ""
	for _, line := range strings.Split(text, "\n") {
		sec := &d.Sections[len(d.Sections)-1]
		switch {
		case strings.HasPrefix(line, "#"):
			d.Sections = append(d.Sections, document.Section{Heading: strings.TrimLeft(line, "# ")})
			t = nil
		case strings.HasPrefix(line, "<summary>"):
			fold = strings.TrimSuffix(strings.TrimPrefix(line, "<summary>"), "</summary>")
		case line == "</details>":
			fold = ""
		case strings.HasPrefix(line, "|:") || strings.HasPrefix(line, "|-"):
			for i, c := range cellsOf(line) {
				if i < len(t.Columns) {
					t.Columns[i].Numeric = strings.HasSuffix(c, ":")
				}
			}
		case strings.HasPrefix(line, "|") && t == nil:
			t = &document.Table{Fold: fold, Columns: text2(cellsOf(line))}
		case strings.HasPrefix(line, "|"):
			var r []prose.Prose
			for _, c := range cellsOf(line) {
				r = append(r, prose.Say(c))
			}
			t.Rows = append(t.Rows, r)
		case t != nil && line == "":
			sec.Blocks = append(sec.Blocks, *t)
			t = nil
		case line != "":
			sec.Blocks = append(sec.Blocks, prose.Prose{{Text: plainMarkdown(codeInLine.ReplaceAllString(line, ""))}})
		}
	}
	if t != nil {
		d.Sections[len(d.Sections)-1].Blocks = append(d.Sections[len(d.Sections)-1].Blocks, *t)
	}
	return d
}

func text2(names []string) []document.Column { return document.Text(names...) }

var (
	codeInLine = regexp.MustCompile("`[^`]*`|<code>.*?</code>")
	cellBorder = regexp.MustCompile(`(?:^|[^\\])(?:\\\\)*\|`)
	escaped    = regexp.MustCompile(`\\([\\\x60*_{}\[\]<>()#+.!|~&$@-])`)
)

// cellsOf gives the cells of a row of a table in markdown.
func cellsOf(line string) (cells []string) {
	line = strings.TrimPrefix(strings.TrimSpace(line), "|")
	for {
		at := cellBorder.FindStringIndex(line)
		if at == nil {
			return cells
		}
		cells = append(cells, plainMarkdown(strings.TrimSpace(line[:at[1]-1])))
		line = line[at[1]:]
	}
}

func plainMarkdown(s string) string {
	s = strings.ReplaceAll(s, "**", "")
	s = strings.ReplaceAll(s, "<code>", "")
	s = strings.ReplaceAll(s, "</code>", "")
	return escaped.ReplaceAllString(s, "$1")
}

// Every report that is stored here holds what any must, and so does every other text,
// and what is made of the documents of all tests.
func TestInvariantsOfGoldens(t *testing.T) {
	reports, texts := 0, 0
	for name, d := range documents(t) {
		var b bytes.Buffer
		if err := render.Markdown(&b, d, render.Options{}); err != nil {
			t.Fatal(err)
		}
		reports++
		holds(t, name, checkDocument(parseMarkdown(b.String())))
	}
	for _, root := range []string{"testdata", "../samples"} {
		err := filepath.WalkDir(root, func(path string, e fs.DirEntry, err error) error {
			if err != nil || e.IsDir() {
				return err
			}
			b, err := os.ReadFile(path)
			if err != nil {
				return err
			}
			switch {
			case strings.HasSuffix(path, ".md"):
				reports++
				holds(t, path, checkDocument(parseMarkdown(string(b))))
			case strings.HasSuffix(path, ".svg"), strings.HasSuffix(path, ".txt"):
				texts++
				c := &checker{where: path}
				for _, line := range strings.Split(string(b), "\n") {
					c.text(elements.ReplaceAllString(line, " "))
				}
				holds(t, path, c.violations)
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	if reports < 20 || texts < 12 {
		t.Errorf("only %d reports and %d other texts were found", reports, texts)
	}
}

var elements = regexp.MustCompile(`<[^>]*>`)

// The documents that the golden files are made of, with their records. What a
// fixture does on purpose, such as a trial whose packets do not add up, is a
// record's fault and no report's.
func TestInvariantsOfFixtures(t *testing.T) {
	runs := fixture.Variants()
	runs["limit"], runs["open"] = fixture.Loads(7), fixture.OpenRun()
	for name, f := range runs {
		list, _ := figure.Scenarios(f)
		d := run.New(f)
		c := &checker{violations: checkDocument(d)}
		c.same(d, list)
		c.totals(d, list)
		holds(t, name, c.violations)
	}
	for name, k := range kernelVariants() {
		holds(t, name, checkKernels(k))
	}
	base, next := fixture.BeforeAndAfter()
	for name, c := range map[string]*verdict.Comparison{
		"compare":     compared(t, base, next, verdict.Options{}),
		"same":        compared(t, base, base, verdict.Options{}),
		"few":         compared(t, fixture.Stored(1, 3, nil), fixture.Stored(2, 3, nil), verdict.Options{}),
		"interleaved": abComparison(t),
	} {
		holds(t, name, checkComparison(c))
	}
	holds(t, "history", checkDocument(history.New(checkOf(t, storyRuns(), series.Options{})).Document()))
}

// Each rule finds what breaks it, and the intact document breaks none.
func TestInvariantsFindViolations(t *testing.T) {
	one := func(t document.Table) document.Document {
		return document.Document{Sections: []document.Section{{Heading: "Somewhere", Blocks: []document.Block{t}}}}
	}
	draw := func(ch chart.Chart) document.Document {
		return document.Document{Sections: []document.Section{{Heading: "Somewhere", Blocks: []document.Block{document.Picture{File: "a.svg", Alt: "a", Chart: ch}}}}}
	}
	ratios := func(bars ...chart.RatioBar) chart.Ratios {
		return chart.Ratios{Groups: []chart.RatioGroup{{Bars: bars}}}
	}
	base := chart.RatioBar{Label: "a", Value: 5, Text: "5.00"}
	name := document.Text("scenario")
	cutting := chart.Changes{Rows: []chart.ChangeRow{{Label: "a", Value: 6.5, Low: 6, High: 7, Threshold: 0, Class: "a", Text: "+650.00 %"}}}
	with := func(columns ...string) []document.Column {
		return append(append([]document.Column{}, name...), document.Numeric(columns...)...)
	}
	for _, tt := range []struct {
		name      string
		rule      string
		bad, good document.Document
	}{
		{"a quantile above the maximum", ruleQuantiles,
			one(document.Table{Columns: with("p50", "p99.9", "max"), Rows: [][]prose.Prose{document.Row("a", "9 ms", "104 ms", "103 ms")}}),
			one(document.Table{Columns: with("p50", "p99.9", "max"), Rows: [][]prose.Prose{document.Row("a", "900 µs", "103 ms", "103 ms"), document.Row("b", "9 ms", text.Absent, "8.00 s")}})},
		{"a lane that falls", ruleQuantiles,
			draw(chart.Ladder{Rows: []chart.LadderRow{{Label: "a", Lanes: []chart.Lane{{Kind: "k", At: [4]float64{5, 9, 8, 0}, Max: 10}}}}}),
			draw(chart.Ladder{Rows: []chart.LadderRow{{Label: "a", Lanes: []chart.Lane{{Kind: "k", At: [4]float64{5, 9, 0, 0}, Max: 10}}}}})},
		{"no unit", ruleUnit,
			one(document.Table{Columns: with("delay"), Rows: [][]prose.Prose{document.Row("a", "1,234")}}),
			one(document.Table{Columns: with("delay", "CPU ns", "rate kpps", "queues"), Rows: [][]prose.Prose{document.Row("a", "1,234 ns", "5", "6", "7")}})},
		{"no number", ruleFinite,
			one(document.Table{Columns: with("CPU ns"), Rows: [][]prose.Prose{document.Row("a", "NaN")}}), one(document.Table{Columns: with("CPU ns"), Rows: [][]prose.Prose{document.Row("Inf-rastructure", text.Absent)}})},
		{"infinite prose", ruleFinite, document.Document{Lead: prose.Say("It took +Inf ns.")}, document.Document{Lead: prose.Say("Information on ", prose.Mono("NaN"), ".")}},
		{"a bar without end", ruleFinite, draw(ratios(chart.RatioBar{Label: "a", Value: math.Inf(1), Text: "–"})), draw(ratios(chart.RatioBar{Label: "a", Value: 5, Text: "5.00"}))},
		{"a bar of another length", ruleSame, draw(ratios(chart.RatioBar{Label: "a", Value: 5.2, Text: "5.00"})), draw(ratios(chart.RatioBar{Label: "a", Value: 5.004, Text: "5.00"}))},
		{"a ratio of other bars", ruleSame, draw(ratios(base, chart.RatioBar{Label: "b", Value: 50, Text: "50.0", Ratio: "1.00 ×"})), draw(ratios(base, chart.RatioBar{Label: "b", Value: 50, Text: "50.0", Ratio: "9.80 ×"}))},
		{"a ratio on the other side", ruleSame, draw(ratios(base, chart.RatioBar{Label: "b", Value: 6, Text: "6.00", Ratio: "1.20 ×", Side: -1})), draw(ratios(base, chart.RatioBar{Label: "b", Value: 6, Text: "6.00", Ratio: "1.20 ×", Side: 1}))},
		{"a change of other figures", ruleChange,
			one(document.Table{Columns: with("send 6.1", "send 6.12", "change %"), Rows: [][]prose.Prose{document.Row("a", "7,369", "5,246", "−27.48")}}),
			one(document.Table{Columns: with("send 6.1", "send 6.12", "change %"), Rows: [][]prose.Prose{document.Row("a", "7,369", "5,246", "−28.81"), document.Row("b", text.Absent, "5,246", text.Absent)}})},
		{"a change on the terminal", ruleChange,
			headed(one(document.Table{Columns: with("send 6.1", "6.12", "%"), Rows: [][]prose.Prose{document.Row("a", "7,369", "5,246", "−27.48")}}), "in instructions"),
			headed(one(document.Table{Columns: with("send 6.1", "6.12", "%"), Rows: [][]prose.Prose{document.Row("a", "7,369", "5,246", "−28.81")}}), "in instructions")},
		{"a change of nothing", ruleRatio,
			one(document.Table{Columns: with("send 6.1", "send 6.12", "change %"), Rows: [][]prose.Prose{document.Row("a", text.Absent, "5,246", "−27.48")}}),
			one(document.Table{Columns: with("send 6.1", "send 6.12", "change %"), Rows: [][]prose.Prose{document.Row("a", text.Absent, "5,246", text.Absent)}})},
		{"the observer's cost in one pair", ruleChange,
			one(document.Table{Columns: with("bare kpps", "observed kpps", "change", text.RangeName, "pairs"), Rows: [][]prose.Prose{document.Row("a", "100", "96", "−1.0 %", text.Absent, "1")}}),
			one(document.Table{Columns: with("bare kpps", "observed kpps", "change", text.RangeName, "pairs"), Rows: [][]prose.Prose{document.Row("a", "100", "96", "−4.0 %", text.Absent, "1"), document.Row("a", "100", "96", "−1.0 %", text.Absent, "5")}})},
		{"a ratio to the first of its group", ruleChange,
			one(document.Table{Columns: with("kpps", "×"), Rows: [][]prose.Prose{document.Row("a", "100", "1.00"), document.Row("", "250", "2.10")}}),
			one(document.Table{Columns: with("kpps", "×"), Rows: [][]prose.Prose{document.Row("a", "100", "1.00"), document.Row("", "250", "2.50"), document.Row("b", "0", text.Absent)}})},
		{"a ratio of nothing", ruleRatio,
			headed(one(document.Table{Columns: with("system call", "copy", "rest", "reader", "× floor"), Rows: [][]prose.Prose{document.Row("a", "0", "0", "0", "0", "3.87")}}), "in ns"),
			headed(one(document.Table{Columns: with("system call", "copy", "rest", "reader", "× floor"), Rows: [][]prose.Prose{document.Row("a", "80.0", "20.0", "287", "387", "3.87")}}), "in ns")},
		{"0 ns and a ratio", ruleRatio, document.Document{Lead: prose.Say("0 ns, 3.87 × floor")}, document.Document{Lead: prose.Say("10 ns, 3.87 × floor; 0 ns lost")}},
		{"parts of another whole", ruleSums,
			headed(one(document.Table{Columns: with("system call", "copy", "rest", "writer", "× floor"), Rows: [][]prose.Prose{document.Row("a", "80.0", "20.0", "287", "487", "4.87")}}), "in ns"),
			headed(one(document.Table{Columns: with("system call", "copy", "rest", "writer", "× floor"), Rows: [][]prose.Prose{document.Row("a", "80.0", "20.0", "387", "487", "4.87")}}), "in ns")},
		{"below the floor", ruleFloor,
			one(document.Table{Columns: with("× floor"), Rows: [][]prose.Prose{document.Row("a", "0.25")}}), one(document.Table{Columns: with("× floor"), Rows: [][]prose.Prose{document.Row("a", "1.00"), document.Row("b", text.Absent)}})},
		{"below the floor in a chart", ruleFloor, document.Document{Lead: prose.Say("29 ns, 0.25 × floor")}, document.Document{Lead: prose.Say("290 ns, 2.50 × floor")}},
		{"shares of less", ruleShares,
			one(document.Table{Columns: with("queue", "share %"), Rows: [][]prose.Prose{document.Row("a", "0", "0"), document.Row("", "1", "0")}}),
			one(document.Table{Columns: with("queue", "share %"), Rows: [][]prose.Prose{document.Row("a", "0", "33.3"), document.Row("", "1", "66.7"), document.Row("b", "0", text.Absent), document.Row("", "1", text.Absent)}})},
		{"shares of one side of two", ruleShares,
			one(document.Table{Columns: append(document.Text("scenario", "packets"), document.Numeric("queue", "share %")...), Rows: [][]prose.Prose{document.Row("a", "read", "0", "100"), document.Row("", "received", "0", "50.0")}}),
			one(document.Table{Columns: append(document.Text("scenario", "packets"), document.Numeric("queue", "share %")...), Rows: [][]prose.Prose{document.Row("a", "read", "0", "100"), document.Row("", "received", "0", "100")}})},
		{"a panel of less", ruleShares, draw(chart.Panels{Panels: []chart.Panel{{Title: "a", Bars: []chart.QueueBar{{Name: "0", Share: 0.5, Text: "50"}}}}}), draw(chart.Panels{Panels: []chart.Panel{{Title: "a", Bars: []chart.QueueBar{{Name: "0", Share: 1, Text: "100"}}}}})},
		{"writes in two tables", ruleSums,
			under("Writes from user space to the device", document.Table{Columns: with("writes"), Rows: [][]prose.Prose{document.Row("a", "33,434")}}, document.Table{Columns: with("writes"), Fold: "Sizes of the writes", Rows: [][]prose.Prose{document.Row("a", "2,139,776")}}),
			under("Writes from user space to the device", document.Table{Columns: with("writes"), Rows: [][]prose.Prose{document.Row("a", "2,139,776")}}, document.Table{Columns: with("writes"), Fold: "Sizes of the writes", Rows: [][]prose.Prose{document.Row("a", "2,000,000"), document.Row("", "139,776")}})},
		{"a ratio outside its interval", ruleInterval,
			one(document.Table{Columns: with("kpps", "ratio", text.IntervalName), Rows: [][]prose.Prose{document.Row("a", "100", "1.00", text.Absent), document.Row("", "250", "2.50", "2.55–2.60")}}),
			one(document.Table{Columns: with("kpps", "ratio", text.IntervalName), Rows: [][]prose.Prose{document.Row("a", "100", "1.00", text.Absent), document.Row("", "250", "2.50", "2.40–2.60"), document.Row("", "90", text.Absent, text.Absent)}})},
		{"an estimate outside", ruleInterval,
			one(document.Table{Columns: append(document.Text("scenario", "metric"), document.Numeric("base", "new", "change", text.IntervalName)...), Rows: [][]prose.Prose{document.Row("a", "pps", "1 pps", "2 pps", "+9.00 %", "−2.00 to +8.00 %")}}),
			one(document.Table{Columns: append(document.Text("scenario", "metric"), document.Numeric("base", "new", "change", text.IntervalName)...), Rows: [][]prose.Prose{document.Row("a", "pps", "1 pps", "2 pps", "+5.00 %", "−2.00 to +8.00 %")}})},
		{"residency above end to end", ruleArms, latencySection("It is inside the kernel."), latencySection("They are different trials.")},
		{"a part above the whole", ruleSums,
			one(document.Table{Columns: with("send to read", "residency"), Rows: [][]prose.Prose{document.Row("a", "25.2 ms", "90.7 ms")}}),
			one(document.Table{Columns: with("send to read", "residency"), Rows: [][]prose.Prose{document.Row("a", "25.2 ms", "25.9 ms"), document.Row("b", "90.7 ms", "25.2 µs")}})},
		{"a chart that cuts", ruleClip, draw(silentChart{cutting}), draw(cutting)},
		{"an interval that cuts", ruleClip, draw(silentChart{chart.Changes{Rows: []chart.ChangeRow{{Label: "a", Value: 0.5, Low: -3, High: 1, Threshold: 0, Class: "a", Text: "+50.00 %"}}}}), draw(chart.Changes{Rows: []chart.ChangeRow{{Label: "a", Value: 0.5, Low: -0.3, High: 1, Threshold: 0, Class: "a", Text: "+50.00 %"}}})},
	} {
		found := func(d document.Document) (rules []string) {
			for _, v := range checkDocument(d) {
				rules = append(rules, v.rule)
			}
			return rules
		}
		if got := found(tt.bad); !slices.Contains(got, tt.rule) {
			t.Errorf("%s: found %q, want %q", tt.name, got, tt.rule)
		}
		if got := found(tt.good); len(got) > 0 {
			t.Errorf("%s: what is right breaks %q: %v", tt.name, got, checkDocument(tt.good))
		}
	}
}

func under(heading string, tables ...document.Table) document.Document {
	s := document.Section{Heading: heading}
	for _, t := range tables {
		s.Blocks = append(s.Blocks, t)
	}
	return document.Document{Sections: []document.Section{s}}
}

func latencySection(word string) document.Document {
	quantiles := func(ns string) document.Table {
		return document.Table{Columns: append(document.Text("scenario"), document.Numeric("p50", "max")...), Rows: [][]prose.Prose{document.Row("a", ns, "1.00 s")}}
	}
	return document.Document{Sections: []document.Section{{Heading: "Latency", Blocks: []document.Block{
		prose.Say(prose.Bold("End to end"), ": from the send."), quantiles("10.0 µs"), prose.Say(prose.Bold("Residency"), ": "+word), quantiles("50.0 µs"),
	}}}}
}

// silentChart is a changeChart that does not say that it clips.
type silentChart struct{ chart.Changes }

func (s silentChart) Head() (string, string) { return "Change", "One line a scenario." }

// The rules on records find what breaks them.
func TestInvariantsFindWrongRecords(t *testing.T) {
	p := func(v uint64) *uint64 { return &v }
	good := func() *record.File {
		f := sided("Tun", "k2u", record.Queue{ReadPkts: 600, XmitPkts: 700}, record.Queue{ReadPkts: 400, XmitPkts: 300})
		f.Run.Floor = record.Floor{SyscallNs: 80, CopyNs: map[string]float64{"64": 20, "1500": 50}}
		tr := &f.Trials[0]
		tr.Metrics = map[string]float64{record.PPS: 1000, record.Loss: 0, record.RecvNsPerPkt: 300, record.FloorRatio: 3, record.Jain: 0.96, record.QueueImbalance: 1.2}
		tr.Accounting = record.Accounting{Offered: 1010, PushedBack: 10, Accepted: 1000, Delivered: 1000, Read: p(1000), Xmit: p(1000), Dropped: map[string]uint64{}}
		tr.Windows = []record.Window{{TNs: 5e8, Pkts: 400}, {TNs: 1e9, Pkts: 600}}
		tr.Latency = map[string]record.Latency{record.E2E: {Count: 20, MinNs: 64, MaxNs: 66, P50Ns: p(64), Buckets: record.Buckets{{64, 20}}}}
		return f
	}
	written := func() *record.File {
		f := good()
		tr := &f.Trials[0]
		tr.Scenario, tr.Axes = "Tun/dir=u2k/gen=udp/queues=2/size=64", map[string]string{"dir": "u2k"}
		tr.Metrics[record.SendNsPerPkt] = 300
		tr.Queues = []record.Queue{{Queue: 0, RecvPkts: 600}, {Queue: 1, RecvPkts: 400}}
		tr.Accounting.Read, tr.Accounting.Xmit = nil, nil
		tr.Writes = &record.Writes{Calls: 20, Bytes: 64000, Sizes: map[string]uint64{"64": 1000}}
		return f
	}
	for name, f := range map[string]*record.File{"k2u": good(), "u2k": written()} {
		holds(t, name, checkRun(f))
	}
	for _, tt := range []struct {
		name, rule string
		of         func() *record.File
		plant      func(*record.Trial)
	}{
		{"quantile", ruleQuantiles, good, func(t *record.Trial) { l := t.Latency[record.E2E]; l.P50Ns = p(67); t.Latency[record.E2E] = l }},
		{"longer than the trial", ruleLife, good, func(t *record.Trial) { l := t.Latency[record.E2E]; l.MaxNs = 3_073e9; t.Latency[record.E2E] = l }},
		{"buckets", ruleSums, good, func(t *record.Trial) { l := t.Latency[record.E2E]; l.Count = 21; t.Latency[record.E2E] = l }},
		{"offered", ruleLedger, good, func(t *record.Trial) { t.Accounting.Offered++ }},
		{"delivered", ruleLedger, good, func(t *record.Trial) { t.Accounting.Delivered-- }},
		{"loss", ruleLedger, good, func(t *record.Trial) { t.Metrics[record.Loss] = 0.1 }},
		{"queues", ruleSums, good, func(t *record.Trial) { t.Queues[0].ReadPkts = 0 }},
		{"queues that are written", ruleSums, written, func(t *record.Trial) { t.Queues[0].RecvPkts = 0 }},
		{"writes", ruleSums, written, func(t *record.Trial) { t.Writes.Sizes["64"] = 999 }},
		{"windows", ruleSums, good, func(t *record.Trial) { t.Windows[0].Pkts = 5 }},
		{"Jain", ruleShares, written, func(t *record.Trial) { t.Metrics[record.Jain] = 0 }},
		{"infinite", ruleFinite, good, func(t *record.Trial) { t.Metrics["x"] = math.Inf(1) }},
		{"directions", ruleSums, good, func(t *record.Trial) {
			t.Directions = map[string]record.Direction{"k2u": {Accounting: record.Accounting{Offered: 5, Accepted: 5, Delivered: 5, Read: p(1000)}}}
		}},
	} {
		f := tt.of()
		tt.plant(&f.Trials[0])
		if list := checkRun(f); !slices.ContainsFunc(list, func(v violation) bool { return v.rule == tt.rule }) {
			t.Errorf("%s: found %v, want %q", tt.name, list, tt.rule)
		}
	}
	f := good()
	f.Run.Floor.CopyNs["1500"] = 1
	if list := checkRun(f); !slices.ContainsFunc(list, func(v violation) bool { return v.rule == ruleFloor }) {
		t.Errorf("a floor that cannot be: found %v", list)
	}
	c := &checker{}
	two, one, wide := 2.0, 1.0, [2]float64{1.5, 3}
	c.verdicts([]record.Verdict{{Base: &one, New: &two, Change: &one, CI: &wide}, {Change: &one, New: &two}})
	if len(c.violations) != 2 || c.violations[0].rule != ruleInterval || c.violations[1].rule != ruleRatio {
		t.Errorf("verdicts: found %v", c.violations)
	}
}

// headed is d with that heading of its first section.
func headed(d document.Document, heading string) document.Document {
	d.Sections[0].Heading = heading
	return d
}
