package export

import (
	"bytes"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"tunbench/reports/chart"
	"tunbench/reports/document"
	"tunbench/reports/document/run"
	"tunbench/reports/fixture"
	"tunbench/reports/record"
	"tunbench/reports/render"
)

func summaryOf(t *testing.T, f *record.File) string {
	t.Helper()
	var b bytes.Buffer
	if err := render.Summary(&b, f, false); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

func TestGolden(t *testing.T) {
	variants := map[string]map[string]string{}
	for name, f := range fixture.Variants() {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			if err := writeRun(dir, f); err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(filepath.Join(dir, "summary.txt"), []byte(summaryOf(t, f)), 0o666); err != nil {
				t.Fatal(err)
			}
			variants[name] = fixture.Contents(t, dir)
		})
	}
	variants["limit"] = limitFiles(t)
	fixture.Variations(t, "full", variants)
}

// The report of a file that was written and read again is the same, whatever
// the order of its trials and of Go's maps.
func TestDeterministic(t *testing.T) {
	a, b := t.TempDir(), t.TempDir()
	f := fixture.Synthetic()
	if err := writeRun(a, f); err != nil {
		t.Fatal(err)
	}
	var text bytes.Buffer
	w := record.NewWriter(&text)
	put := func(r record.Record) {
		if err := w.Write(r); err != nil {
			t.Fatal(err)
		}
	}
	put(f.Run)
	for _, i := range rand.New(rand.NewPCG(3, 4)).Perm(len(f.Trials)) {
		put(f.Trials[i])
	}
	for _, s := range f.Skips {
		put(s)
	}
	put(f.End)
	again, err := record.Read(&text)
	if err != nil {
		t.Fatal(err)
	}
	for range 2 {
		if err := writeRun(b, again); err != nil {
			t.Fatal(err)
		}
		if d := cmp.Diff(fixture.Contents(t, a), fixture.Contents(t, b)); d != "" {
			t.Fatalf("another report of the same run:\n%s", d)
		}
	}
}

// A report on a run in a guest names the machine that it ran on.
func TestGuestsHost(t *testing.T) {
	f := fixture.Synthetic()
	const row = "host of the guest"
	shown := func() string {
		dir := t.TempDir()
		if err := writeRun(dir, f); err != nil {
			t.Fatal(err)
		}
		return fixture.Contents(t, dir)[render.ReportName]
	}
	if text := shown(); strings.Contains(text, row) {
		t.Error("the report of no guest names a guest's host")
	}
	f.Run.Host.Outer = &record.Outer{Kernel: "6.18.5", CPU: "Ryzen 9", CPUs: 16, Virt: "none"}
	if text := shown(); !strings.Contains(text, "| "+row) || !strings.Contains(text, "| Ryzen 9, 16 CPUs, Linux 6.18.5, none") {
		t.Errorf("the report lacks the guest's host:\n%s", text[max(0, len(text)-6000):])
	}
}

// Whatever the texts of a file hold, the report keeps its shape: every row of
// a table has the cells of its header, and no tag comes from outside.
func TestHostileText(t *testing.T) {
	f := fixture.Synthetic()
	r := f.Run
	r.Host.Outer = &record.Outer{CPUs: 2}
	for _, s := range []*string{&r.Host.Outer.Kernel, &r.Host.Outer.CPU, &r.Host.Outer.Virt, &r.ID, &r.Started, &r.Tool.Version, &r.Tool.Commit, &r.Tool.Go, &r.Clock, &r.Suite, &r.Host.Kernel, &r.Host.KernelVersion,
		&r.Host.Arch, &r.Host.CPU, &r.Host.SMT, &r.Host.Virt, &r.Host.Clocksource, &r.Host.Cmdline, &r.Host.Governor, &r.Hook.Requested, &r.Hook.Used,
		&f.End.Ended, &r.Hook.PassedOver[0].Hook, &r.Hook.PassedOver[0].Reason, &r.Hook.Programs[0].Name, &r.Hook.Programs[0].Kind, &r.Hook.Programs[0].Target} {
		*s = fixture.Hostile
	}
	r.Args = []string{fixture.Hostile, "`"}
	for _, m := range []map[string]string{r.Host.Mitigations, r.Host.Config, r.Host.Sysctl} {
		m[fixture.Hostile] = fixture.Hostile
	}
	r.Floor.CopyNs[fixture.Hostile] = 1
	f.Warnings = []string{fixture.Hostile}
	for i := range f.Trials {
		tr := &f.Trials[i]
		if i%10 > 5 {
			tr.Scenario = fixture.Hostile + "/" + tr.Scenario
		}
		tr.Flags = append(tr.Flags, fixture.Hostile)
		tr.Notes = append(tr.Notes, fixture.Hostile)
		tr.Accounting.Dropped[fixture.Hostile] = 7
		tr.Device.Flags = []string{fixture.Hostile}
		tr.Device.Qdisc = fixture.Hostile
	}
	dir := t.TempDir()
	if err := writeRun(dir, f); err != nil {
		t.Fatal(err)
	}
	checkShape(t, fixture.Contents(t, dir))
	if s := summaryOf(t, f); strings.ContainsAny(s, "\x1b\u202e\r\t") {
		t.Error("control characters reach the terminal")
	}
}

var (
	tags    = regexp.MustCompile(`(^|[^\\])<([^>]*)>`)
	escapes = regexp.MustCompile("`[^`\\n]*`|\\\\.")
)

func checkShape(t *testing.T, files map[string]string) {
	t.Helper()
	columns, depth := 0, 0
	for i, l := range strings.Split(files[render.ReportName], "\n") {
		if strings.ContainsAny(l, "\x1b\u202e\r") {
			t.Errorf("line %d has control characters: %q", i+1, l)
		}
		if strings.Contains(l, "<") { // as few lines do
			for _, m := range tags.FindAllStringSubmatch(escapes.ReplaceAllString(l, ""), -1) {
				switch m[2] {
				case "details", "/details", "summary", "/summary", "sub", "/sub", "code", "/code":
				default:
					t.Errorf("line %d has a tag from outside: %q", i+1, l)
				}
			}
		}
		switch l {
		case "<details>":
			depth++
		case "</details>":
			depth--
		}
		if !strings.HasPrefix(l, "|") {
			columns = 0
			continue
		}
		// In a table a pipe ends the cell even inside of backticks.
		n := strings.Count(strings.ReplaceAll(strings.ReplaceAll(l, `\\`, ""), `\|`, ""), "|")
		if columns != 0 && n != columns {
			t.Errorf("line %d has %d cells, its table %d: %q", i+1, n-1, columns-1, l)
		}
		columns = n
	}
	if depth != 0 {
		t.Errorf("%d details are not closed", depth)
	}
	for name, text := range files {
		if strings.HasSuffix(name, ".svg") {
			fixture.CheckXML(t, name, text)
		}
		if strings.HasPrefix(name, ".") {
			t.Errorf("%s is left behind", name)
		}
	}
}

func TestWriteErrors(t *testing.T) {
	f := fixture.Synthetic()
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, nil, 0o666); err != nil {
		t.Fatal(err)
	}
	if err := writeRun(filepath.Join(file, "sub"), f); err == nil {
		t.Error("no error below a file")
	}
	if err := runMarkdown(fixture.Failing{}, f, render.Options{}); err == nil {
		t.Error("Markdown hides the writer's error")
	}
	if err := render.Summary(fixture.Failing{}, f, false); err == nil {
		t.Error("Summary hides the writer's error")
	}
	var b bytes.Buffer
	if err := runMarkdown(&b, f, render.Options{}); err != nil || strings.Contains(b.String(), ".svg") {
		t.Errorf("without charts: %v", err)
	}
}

// views are the ways in which a document is shown that checkView knows.
const views = 3

// checkView shows a section of d in one of its views and holds that it keeps its
// shape. Fuzz targets show one section of each input in one view: to render is what
// takes their time. view counts views first, with one more that is the target's own.
func checkView(t *testing.T, d document.Document, view uint8) {
	t.Helper()
	if n := len(d.Sections); n > 0 {
		i := int(view/(views+1)) % n
		d.Sections = d.Sections[i : i+1]
	}
	files := map[string]string{}
	switch view % (views + 1) {
	case 0:
		var b bytes.Buffer
		if err := render.Markdown(&b, d, render.Options{Charts: true}); err != nil {
			t.Fatal(err)
		}
		files[render.ReportName] = b.String()
	case 1:
		for _, p := range d.Pictures() {
			var b bytes.Buffer
			if err := chart.WriteSVG(&b, p.Chart, ""); err != nil {
				t.Fatal(err)
			}
			files[p.File] = b.String()
		}
	case 2:
		checkPage(t, variable(pageOf(t, d)))
	}
	checkShape(t, files)
}

// Nothing that can be read makes a renderer fail or break its shape.
func FuzzReport(f *testing.F) {
	seed := func(in []byte) {
		fixture.Readable(f, in)
		for view := range uint8(views + 1) {
			f.Add(in, view)
		}
	}
	seed([]byte(`{"kind":"run","schema":1}` + "\n" + `{"kind":"trial","arm":"bare","pair":1,"trial":1,"scenario":"Tun/a=1","metrics":{"pps":1e308,"loss":7},"queues":[{"queue":7,"read_pkts":18446744073709551615},{"queue":0}],"latency":{"e2e":{"max_ns":18446744073709551615,"buckets":[[0,30],[18446744073709551615,18446744073709551615]]}},"accounting":{"unexplained":-9223372036854775808,"dropped":{"|":3}},"flags":["x"]}` + "\n" +
		`{"kind":"skip","scenario":"<a>","reason":"failed"}` + "\n"))
	seed([]byte(`{"kind":"run","schema":1}` + "\n" + `{"kind":"trial","scenario":"Tun","pair":2,"trial":2,"arm":"observed","metrics":{"pps":1e-300}}` + "\n" + `{"kind":"trial","scenario":"Tun","pair":3,"trial":3,"arm":"bare","metrics":{"pps":1e300},"latency":{"residency":{"buckets":[[5,100]]}}}` + "\n"))
	seed([]byte(`{"kind":"run","schema":1,"parts":[{"run":{"shard":{"index":1,"of":3},"host":{"boot":"x"},"started":"2026"},"end":{}},{"run":{"shard":{"index":1,"of":9}}},{"run":{}}]}` + "\n" + `{"kind":"trial","arm":"bare","pair":4,"trial":4,"metrics":{},"shard":1,"scenario":"Tun/a=1"}` + "\n" + `{"kind":"trial","arm":"bare","pair":5,"trial":5,"metrics":{},"shard":7,"scenario":"Tun/b=|"}` + "\n"))
	f.Fuzz(func(t *testing.T, in []byte, view uint8) {
		file, err := record.Read(bytes.NewReader(in))
		if err != nil {
			return
		}
		if view%(views+1) < views {
			checkView(t, run.New(file), view)
		} else if err := render.Summary(io.Discard, file, false); err != nil {
			t.Fatal(err)
		}
	})
}
