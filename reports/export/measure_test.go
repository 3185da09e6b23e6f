package export

import (
	"bytes"
	"encoding/json"
	"fmt"
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

// readBack holds the figures of a run as the formats for other programs give them.
type readBack struct {
	bencher         bmfFile
	bigger, smaller map[string]ghaEntry
	gauges          map[string][]float64 // by scenario, arm and family
}

func readBackOf(t *testing.T, f *record.File) readBack {
	t.Helper()
	e := readBack{bencher: readBMF(t, f), gauges: map[string][]float64{}}
	e.bigger, e.smaller = readGHA(t, f)
	for _, s := range openMetricsOf(t, record.Named{Name: "run", File: f}) {
		key := s.labels["scenario"] + " " + s.labels["arm"] + " " + s.name
		e.gauges[key] = append(e.gauges[key], s.value)
	}
	return e
}

// gaugeKey is the key of m, a figure of s, in readBack.gauges.
func gaugeKey(s *figure.Subject, m figure.Measure) string {
	gauge, _ := gaugeOf(m)
	family := "tunbench_" + gauge.Family
	if gauge.Unit != "" {
		family += "_" + gauge.Unit
	}
	return s.Scenario + " " + string(s.Arm) + " " + family
}

// faults lists the figures of subjects that an export lacks or has another value for.
func (e readBack) faults(subjects []*figure.Subject) (list []string) {
	fault := func(format string, args ...any) { list = append(list, fmt.Sprintf(format, args...)) }
	near := func(a, b float64) bool { return math.Abs(a-b) <= 1e-9*max(math.Abs(a), math.Abs(b)) }
	for _, s := range subjects {
		for _, m := range s.Measures {
			gauge, _ := gaugeOf(m)
			if !slices.ContainsFunc(e.gauges[gaugeKey(s, m)], func(v float64) bool { return near(v, m.Value/gauge.Per) }) {
				fault("OpenMetrics has no %s of %v", gaugeKey(s, m), m.Value/gauge.Per)
			}
			own, ok := e.bencher[s.Name()][bmfSlug(m)]
			if !ok || !near(own.Value, m.Value) {
				fault("Bencher has %v for %s %s, not %v", own.Value, s.Name(), m.Metric, m.Value)
			}
			if own.Lower != nil && (!near(*own.Lower, m.Interval.Low) || !near(*own.Upper, m.Interval.High)) {
				fault("Bencher has %v to %v for %s %s, not %v", *own.Lower, *own.Upper, s.Name(), m.Metric, m.Interval)
			}
			key := s.Name() + " " + m.Metric
			if up, isUp := e.bigger[key]; isUp != (m.Better > 0) || isUp && !near(up.Value, m.Value) {
				fault("the action has %v for %s where bigger is better, not %v", up.Value, key, m.Value)
			}
			if down, isDown := e.smaller[key]; isDown != (m.Better < 0) || isDown && !near(down.Value, m.Value) {
				fault("the action has %v for %s where smaller is better, not %v", down.Value, key, m.Value)
			}
		}
	}
	return list
}

// The figures in the formats for other programs are those that the reports show.
func TestExportedFigures(t *testing.T) {
	for name, f := range fixture.Variants() {
		for _, fault := range readBackOf(t, f).faults(figure.Subjects(f)) {
			t.Errorf("%s: %s", name, fault)
		}
	}
}

// A figure that is wrong or missing in one export is found.
func TestWrongExportsAreFound(t *testing.T) {
	f := fixture.Stored(1, 8, nil) // with enough trials for intervals
	subjects := figure.Subjects(f)
	for name, spoil := range map[string]func(e readBack, s *figure.Subject, m figure.Measure) bool{
		"OpenMetrics: wrong": func(e readBack, s *figure.Subject, m figure.Measure) bool {
			for i := range e.gauges[gaugeKey(s, m)] {
				e.gauges[gaugeKey(s, m)][i] += 1 + math.Abs(m.Value)
			}
			return true
		},
		"OpenMetrics: missing": func(e readBack, s *figure.Subject, m figure.Measure) bool {
			delete(e.gauges, gaugeKey(s, m))
			return true
		},
		"Bencher: wrong": func(e readBack, s *figure.Subject, m figure.Measure) bool {
			own := e.bencher[s.Name()][bmfSlug(m)]
			own.Value += 1 + math.Abs(m.Value)
			e.bencher[s.Name()][bmfSlug(m)] = own
			return true
		},
		"Bencher: missing": func(e readBack, s *figure.Subject, m figure.Measure) bool {
			delete(e.bencher[s.Name()], bmfSlug(m))
			return true
		},
		"Bencher: wrong interval": func(e readBack, s *figure.Subject, m figure.Measure) bool {
			own := e.bencher[s.Name()][bmfSlug(m)]
			if own.Lower == nil {
				return false
			}
			*own.Lower -= 1 + math.Abs(m.Value)
			return true
		},
		"action: wrong": func(e readBack, s *figure.Subject, m figure.Measure) bool {
			key := s.Name() + " " + m.Metric
			for _, entries := range []map[string]ghaEntry{e.bigger, e.smaller} {
				if entry, ok := entries[key]; ok {
					entry.Value += 1 + math.Abs(m.Value)
					entries[key] = entry
					return true
				}
			}
			return false
		},
		"action: the other direction": func(e readBack, s *figure.Subject, m figure.Measure) bool {
			key := s.Name() + " " + m.Metric
			entry, ok := e.bigger[key]
			delete(e.bigger, key)
			e.smaller[key] = entry
			return ok
		},
	} {
		spoilt := 0
		for _, s := range subjects {
			for _, m := range s.Measures {
				if spoilt == 8 { // enough of a kind
					break
				}
				e := readBackOf(t, f)
				if !spoil(e, s, m) {
					continue
				}
				spoilt++
				if len(e.faults(subjects)) == 0 {
					t.Errorf("%s: %s %s: not found", name, s.Name(), m.Metric)
				}
			}
		}
		if spoilt == 0 {
			t.Errorf("%s: there was nothing to spoil", name)
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
