package export

import (
	"bytes"
	"encoding/json"
	"maps"
	"math"
	"slices"
	"strconv"
	"testing"

	"tunbench/reports/figure"
	"tunbench/reports/fixture"
	"tunbench/reports/record"
	"tunbench/reports/render"
	"tunbench/reports/verdict"
)

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
	return fixture.Contents(t, dir)
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
	all, variants := fixture.Variants(), map[string]map[string]string{}
	for _, name := range []string{"full", "interrupted", "only-skips", "searched"} {
		t.Run(name, func(t *testing.T) {
			files := map[string]string{}
			for _, format := range exports {
				maps.Copy(files, exported(t, format, record.Named{Name: name, File: rounded(all[name])}))
			}
			variants["export-"+name] = files
		})
	}
	fixture.Variations(t, "export-searched", variants)
}

// What the formats for other programs say of a run are the figures that the reports are
// made of.
func TestExportedFigures(t *testing.T) {
	near := func(a, b float64) bool { return math.Abs(a-b) <= 1e-9*max(math.Abs(a), math.Abs(b)) }
	for name, f := range fixture.Variants() {
		bencher := readBMF(t, f)
		bigger, smaller := readGHA(t, f)
		samples := openMetricsOf(t, record.Named{Name: "run", File: f})
		gauges := map[string][]float64{} // by scenario, arm and family
		for _, s := range samples {
			key := s.labels["scenario"] + " " + s.labels["arm"] + " " + s.name
			gauges[key] = append(gauges[key], s.value)
		}
		for _, s := range figure.Subjects(f) {
			for _, m := range s.Measures {
				gauge, _ := gaugeOf(m)
				family := "tunbench_" + gauge.Family
				if gauge.Unit != "" {
					family += "_" + gauge.Unit
				}
				if !slices.ContainsFunc(gauges[s.Scenario+" "+string(s.Arm)+" "+family], func(v float64) bool { return near(v, m.Value/gauge.Per) }) {
					t.Errorf("%s: OpenMetrics does not tell %s of %s, %v", name, family, s.Scenario, m.Value/gauge.Per)
				}
				own, ok := bencher[s.Name()][bmfSlug(m)]
				if !ok || !near(own.Value, m.Value) {
					t.Errorf("%s: Bencher is told %v of %s %s, not %v", name, own.Value, s.Name(), m.Metric, m.Value)
				}
				if own.Lower != nil && (!near(*own.Lower, m.Interval.Low) || !near(*own.Upper, m.Interval.High)) {
					t.Errorf("%s: Bencher is told %v to %v of %s %s, not %v", name, *own.Lower, *own.Upper, s.Name(), m.Metric, m.Interval)
				}
				key := s.Name() + " " + m.Metric
				if up, isUp := bigger[key]; isUp != (m.Better > 0) || isUp && !near(up.Value, m.Value) {
					t.Errorf("%s: the action is told %v of %s where bigger is better, not %v", name, up.Value, key, m.Value)
				}
				if down, isDown := smaller[key]; isDown != (m.Better < 0) || isDown && !near(down.Value, m.Value) {
					t.Errorf("%s: the action is told %v of %s where smaller is better, not %v", name, down.Value, key, m.Value)
				}
			}
		}
	}
}

// Nothing that can be read makes an exporter write what its readers refuse. BMF
// may say that it has no room for a name.
//
// slow to fuzz: an input is written and read again in a format, by that format's own parsers, about 2 ms.
func FuzzExports(f *testing.F) {
	const formats = 4
	seed := func(in []byte) {
		fixture.Readable(f, in)
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
