package export

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"strconv"
	"testing"

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
	all := fixture.Variants()
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
			fixture.Goldens(t, dir, "export-"+name)
		})
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
