package export

import (
	"bytes"
	"encoding/json"
	"go/ast"
	"go/parser"
	"go/token"
	"maps"
	"math/rand"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"testing"

	"tunbench/reports/figure"
	"tunbench/reports/metric"
	"tunbench/reports/record"
	"tunbench/reports/render"
	"tunbench/reports/verdict"
)

// oddText is a text that some format gives a meaning to, or has no way to write.
// It is what a run file can hold: valid UTF-8.
type oddText string

func (oddText) Generate(rng *rand.Rand, size int) reflect.Value {
	pieces := []string{
		"Tun", "/", "=", "|", "`", "'", `"`, `\`, `\n`, `\x1b`, `\\x1b`, "\n", "\r", "\r\n", "\t", " ", ",", ";", "#", "# EOF\n", "{", "}", "<", "&", "&amp;", "]]>", "<![CDATA[", "-->",
		"\x00", "\x01", "\x1b[31m", "\x7f", "\u0085", "\u2028", "\u202e", "\ufeff", "\ufffd", "\ufffe", "\uffff", "ü", "漢字", "🜁", "NaN", "%", "queues=4", "arm=observed", "_", "-", ".",
	}
	var b strings.Builder
	for range rng.Intn(8) {
		if rng.Intn(6) == 0 {
			b.WriteRune([]rune(string(rune(rng.Intn(0x110000))))[0]) // a surrogate becomes U+FFFD
		} else {
			b.WriteString(pieces[rng.Intn(len(pieces))])
		}
	}
	return reflect.ValueOf(oddText(b.String()))
}

// oddRun is a run of two scenarios, one measured with a metric that is unknown and
// one skipped.
func oddRun(scenario, metric, skipped, reason oddText) *record.File {
	return &record.File{
		Run: &record.Run{Kind: record.KindRun, Schema: 1, Host: record.Host{Kernel: string(reason)}},
		Trials: []record.Trial{{Scenario: string(scenario), Arm: record.Bare, Flags: []string{string(reason)},
			Metrics: map[string]float64{record.PPS: 1e6, record.Loss: 0.25, string(metric): 3}}},
		Skips: []record.Skip{{Scenario: string(skipped), Reason: string(reason), Detail: string(metric)}},
	}
}

// exported gives the files of a format.
func exported(t *testing.T, format string, runs ...record.Named) map[string]string {
	t.Helper()
	f, err := FindFormat(format, false)
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	if _, err := f.Write(dir, runs); err != nil {
		t.Fatal(err)
	}
	return contents(t, dir)
}

// rounded cuts the metrics of f to digits on which all processors agree.
func rounded(f *record.File) *record.File {
	for _, t := range f.Trials {
		for name, v := range t.Metrics {
			t.Metrics[name], _ = strconv.ParseFloat(strconv.FormatFloat(v, 'g', 6, 64), 64)
		}
	}
	return f
}

var exports = []string{"bmf", "gha", "openmetrics", "junit"}

func TestExportGolden(t *testing.T) {
	all := variants()
	for _, name := range []string{"full", "interrupted", "only-skips", "searched"} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			for _, format := range exports {
				for file, content := range exported(t, format, record.Named{Name: name, File: rounded(all[name])}) {
					if err := os.WriteFile(filepath.Join(dir, file), []byte(content), 0o666); err != nil {
						t.Fatal(err)
					}
				}
			}
			goldens(t, dir, "export-"+name)
		})
	}
}

// A metric that is new in the records must get a unit, a direction and a name
// in Prometheus.
func TestMetricKindsAreComplete(t *testing.T) {
	file, err := parser.ParseFile(token.NewFileSet(), "../record/metric.go", nil, parser.ParseComments)
	if err != nil {
		t.Fatal(err)
	}
	known := map[string]bool{}
	for _, k := range metric.Kinds() {
		known[k.Metric] = true
		if k.Unit == "" || k.Meaning == "" {
			t.Errorf("%s has no unit or no meaning", k.Metric)
		}
		if k.Gauge.Per <= 0 || k.Gauge.Family == "" || k.Bench == "" {
			t.Errorf("%s has no gauge", k.Metric)
		}
	}
	if len(known) != len(metric.Kinds()) {
		t.Errorf("%d kinds, %d names", len(metric.Kinds()), len(known))
	}
	found := 0
	for _, decl := range file.Decls {
		group, ok := decl.(*ast.GenDecl)
		if !ok || !strings.HasPrefix(group.Doc.Text(), "Names of metrics.") {
			continue
		}
		for _, spec := range group.Specs {
			value := spec.(*ast.ValueSpec).Values[0].(*ast.BasicLit).Value
			name, err := strconv.Unquote(value)
			if err != nil {
				t.Fatal(err)
			}
			found++
			if !known[name] {
				t.Errorf("%s is not among the kinds of metrics", name)
			}
		}
	}
	if found != len(metric.Kinds()) {
		t.Errorf("the records name %d metrics, there are %d kinds", found, len(metric.Kinds()))
	}
}

// Verdicts and exports agree on what is better, and in which unit.
func TestMetricKindsAgreeWithGates(t *testing.T) {
	for _, g := range slices.Concat(metric.RealGates(), metric.RateGates()) {
		if g.Metric == metric.LatencyP50 || g.Metric == metric.LatencyP99 {
			continue
		}
		if k := metric.Of(g.Metric, "monotonic"); k.Unit != g.Unit || k.Better != g.Better {
			t.Errorf("%s: %s, %d; its gate: %s, %d", g.Metric, k.Unit, k.Better, g.Unit, g.Better)
		}
	}
	for _, g := range metric.VirtualGates() {
		if k := metric.Of(g.Metric, metric.VirtualClock); k.Unit != g.Unit || k.Better != g.Better {
			t.Errorf("%s: %s, %d; its gate: %s, %d", g.Metric, k.Unit, k.Better, g.Unit, g.Better)
		}
	}
}

// Of those without a gate, a wrong direction would put a figure into the wrong
// file.
func TestMetricKindsWithoutGate(t *testing.T) {
	for name, better := range map[string]int{
		record.SKBPS: 0, record.OfferedPPS: 0, record.SyscallsPerPkt: 0, record.Steal: 0, record.FloorRatio: -1, record.QueueImbalance: -1,
		record.FlowConsistency: +1, record.TPS: +1, record.GoodputBitPerS: +1, record.Retransmits: -1,
	} {
		if k := metric.Of(name, "monotonic"); k.Better != better {
			t.Errorf("%s: %d, want %d", name, k.Better, better)
		}
	}
}

// trialsOf is a scenario of as many bare trials as there are rates.
func trialsOf(scenario string, rates ...float64) (list []record.Trial) {
	for i, pps := range rates {
		p99 := uint64(1000 * (i + 1))
		list = append(list, record.Trial{Scenario: scenario, Arm: record.Bare, Pair: i + 1, Trial: i + 1,
			Metrics: map[string]float64{record.PPS: pps}, Latency: map[string]record.Latency{record.E2E: {P99Ns: &p99}}})
	}
	return list
}

func TestSubjects(t *testing.T) {
	f := &record.File{Run: &record.Run{}}
	f.Trials = slices.Concat(
		trialsOf("Tun/six", 6, 1, 5, 2, 4, 3), trialsOf("Tun/five", 10, 30, 20, 50, 40), trialsOf("Tun/dead", 7, 8), trialsOf("Tun/one", 9),
	)
	f.Trials[11].Flags, f.Trials[12].Flags = []string{record.FlagSteal}, []string{record.FlagSteal, record.FlagUnsteady}
	f.Trials[13].Arm = record.Observed
	f.Skips = []record.Skip{{Scenario: "Tun/skipped", Reason: record.Missing, Detail: "iperf3"}}
	got := map[string]*figure.Subject{}
	for _, s := range figure.Subjects(f) {
		got[s.Name()] = s
	}
	want := []string{"Tun/dead", "Tun/five", "Tun/one/arm=observed", "Tun/six", "Tun/skipped"}
	if names := slices.Sorted(maps.Keys(got)); !slices.Equal(names, want) {
		t.Fatalf("subjects %q, want %q", names, want)
	}
	check := func(name string, trials, valid int, values ...float64) *figure.Subject {
		t.Helper()
		s := got[name]
		var have []float64
		for _, m := range s.Measures {
			have = append(have, m.Value)
		}
		if s.Trials != trials || s.Valid != valid || !slices.Equal(have, values) {
			t.Errorf("%s: %d of %d trials valid, %v; want %d of %d, %v", name, s.Valid, s.Trials, have, valid, trials, values)
		}
		return s
	}
	// Of six values the 95 % interval by the signed ranks is all of their range:
	// the next pair of Walsh averages inside would miss once in 16 times.
	six := check("Tun/six", 6, 6, 3.5, 3500)
	if m := six.Measures[0]; m.Within != figure.Confident || m.Interval.Low != 1 || m.Interval.High != 6 {
		t.Errorf("six trials: %+v", m)
	}
	if m := six.Measures[1]; m.Metric != "e2e_p99" || m.Unit != "ns" || m.Better != -1 || m.Within != figure.Confident {
		t.Errorf("latency: %+v", m)
	}
	five := check("Tun/five", 5, 5, 30, 3000)
	if m := five.Measures[0]; m.Within != figure.Spanned || m.Interval.Low != 10 || m.Interval.High != 50 {
		t.Errorf("five trials: %+v", m)
	}
	dead := check("Tun/dead", 2, 0)
	if dead.Flagged[record.FlagSteal] != 2 || !slices.Equal(dead.Flags, []string{record.FlagSteal, record.FlagUnsteady}) {
		t.Errorf("flags: %v %v", dead.Flags, dead.Flagged)
	}
	if one := check("Tun/one/arm=observed", 1, 1, 9, 1000); one.Measures[0].Within != figure.Nowhere {
		t.Errorf("one trial has an interval: %+v", one.Measures[0])
	}
	if s := check("Tun/skipped", 0, 0); len(s.Skips) != 1 {
		t.Errorf("skips: %+v", s.Skips)
	}
}

// The figures of the two variants of tunbench ab are not mixed.
func TestSubjectsOfVariants(t *testing.T) {
	f := abFile(0.8, 6)
	values := map[string]float64{}
	for _, s := range figure.Subjects(f) {
		for _, m := range s.Measures {
			if m.Metric == record.PPS {
				values[s.Name()] = m.Value
			}
		}
	}
	scenario := f.Trials[0].Scenario
	a, b := values[scenario+"/variant=a"], values[scenario+"/variant=b"]
	if len(values) != 2 || !(b < 0.85*a && b > 0.75*a) {
		t.Errorf("b is to be 0.8 a: %v", values)
	}
}

// What a search found is the rate and its bounds; what it did not is said.
func TestSubjectsOfSearches(t *testing.T) {
	resolved, open := false, false
	for _, s := range figure.Subjects(withSearches()) {
		open = open || len(s.Unresolved) > 0
		for _, m := range s.Measures {
			if m.Within == figure.SearchBound {
				resolved = true
				if m.Value != m.Interval.Low || m.Interval.High < m.Value || m.Unit != "packets/s" || m.Better != 1 {
					t.Errorf("%s: %+v", s.Name(), m)
				}
			}
		}
	}
	if !resolved || !open {
		t.Errorf("resolved %t, unresolved %t", resolved, open)
	}
}

// Nothing that can be read makes an exporter write what its readers refuse. BMF
// may say that it has no room for a name.
//
// slow to fuzz: an input is written and read again in a format, by that format's own parsers, about 2 ms.
func FuzzExports(f *testing.F) {
	const formats = 4
	seed := func(in []byte) {
		readable(f, in)
		for format := range uint8(formats) {
			f.Add(in, format)
		}
	}
	seed([]byte(`{"kind":"run","schema":1,"sees":{"pps":1e308},"floor":{"syscall_ns":1e300,"copy_ns":{"\u0000":1e-300}},"started":"never"}` + "\n" +
		`{"kind":"trial","arm":"bare","pair":1,"trial":1,"scenario":"Tun/a=1/a=2/scenario=3/__name__=4/le=5","duration_ns":0,"metrics":{"pps":1e308,"loss":7,"\n":2},"latency":{"\"":{"p50_ns":18446744073709551615}},"flags":["\u001b"]}` + "\n" +
		`{"kind":"skip","scenario":"<a>","reason":"]]>","detail":"\u0000"}` + "\n" + `{"kind":"skip","scenario":"<a>","reason":"]]>","detail":"\u0000"}` + "\n"))
	seed([]byte(`{"kind":"run","schema":1,"clock":"icount","started":"2026-11-20T22:51:07Z"}` + "\n" + `{"kind":"trial","scenario":"Tun","pair":2,"trial":2,"arm":"observed","duration_ns":9223372036854775807,"metrics":{"send_ns_per_pkt":5e-324}}` + "\n" +
		`{"kind":"trial","scenario":"Tun","pair":3,"trial":3,"metrics":{},"arm":"observed","duration_ns":9223372036854775807}` + "\n" +
		`{"kind":"search","scenario":"Tun","goals":[{"name":"ndr_pps","resolved":true,"lower_pps":3,"upper_pps":1},{"name":"","resolved":true},{"name":"pdr_pps"}]}` + "\n" + `{"kind":"end","exit":7}` + "\n"))
	seed([]byte(`{"kind":"run","schema":1}` + "\n" + `{"kind":"trial","arm":"bare","pair":4,"trial":4,"metrics":{},"scenario":"Tun","variant":"a"}` + "\n" + `{"kind":"trial","arm":"bare","pair":5,"trial":5,"scenario":"Tun","variant":"b","metrics":{"pps":1}}` + "\n"))
	f.Fuzz(func(t *testing.T, in []byte, format uint8) {
		file, err := record.Read(bytes.NewReader(in))
		if err != nil {
			return
		}
		runs := []record.Named{{Name: "run", File: file}}
		// One format for each input: to read the export takes most of the time.
		switch format % formats {
		case 0, 1:
			writers := []func([]record.Named, bool) ([]render.Output, error){bmfRuns, ghaRuns}[format%formats]
			files, err := writers(runs, false)
			for _, o := range files {
				if err == nil && !json.Valid(o.Content) {
					t.Errorf("%s is no JSON: %q", o.Name, o.Content)
				}
			}
		case 2:
			files, err := openMetricsRuns(runs, false)
			if err != nil {
				t.Fatal(err)
			}
			readOpenMetrics(t, string(files[0].Content))
		case 3:
			files, err := junitRuns(runs, false)
			if err != nil {
				if verdict.HoldsVariants(file) {
					return // they cannot be compared, and it says why
				}
				t.Fatal(err)
			}
			readJUnit(t, string(files[0].Content))
		}
	})
}
