package export

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"runtime/debug"
	"slices"
	"strings"
	"syscall"
	"testing"

	"github.com/google/go-cmp/cmp"

	"tunbench/reports/fixture"
	"tunbench/reports/record"
	"tunbench/reports/verdict"
)

// Every format says something of every run that can be, and of every comparison:
// the same each time, alone and in a folder.
func TestFormatsOfEveryShape(t *testing.T) {
	runs := fixture.Variants()
	runs["variants"] = fixture.Pairs(0.95, 10)
	comparisons := map[string]*verdict.Comparison{"ab": abComparison(t)}
	base, next := fixture.BeforeAndAfter()
	comparisons["stored"] = compared(t, base, next, verdict.Options{})
	without := []string{"only-skips", "empty", "bare-trial", "interrupted"} // charts
	for _, f := range Formats {
		check := func(name string, alone func(io.Writer) error, folder func(dir string) (string, error)) {
			t.Run(f.Name+"/"+name, func(t *testing.T) {
				var dirs [2]string
				for i := range dirs {
					dirs[i] = filepath.Join(t.TempDir(), "new")
					main, err := folder(dirs[i])
					if f.Name == "png" && slices.Contains(without, name) {
						if err == nil || !strings.Contains(err.Error(), "has no chart") {
							t.Errorf("a report without charts: %v", err)
						}
						return
					}
					if err != nil {
						t.Fatal(err)
					}
					if text, err := os.ReadFile(main); err != nil || len(bytes.TrimSpace(text)) == 0 {
						t.Errorf("the main file holds %q: %v", text, err)
					}
				}
				files := fixture.Contents(t, dirs[0])
				if d := cmp.Diff(files, fixture.Contents(t, dirs[1])); d != "" {
					t.Errorf("another report of the same:\n%s", d)
				}
				for name := range files {
					if strings.HasPrefix(name, ".") {
						t.Errorf("%s is left behind", name)
					}
				}
				var b bytes.Buffer
				switch err := alone(&b); {
				case err != nil && !strings.Contains(err.Error(), "name a folder with --out"):
					t.Error(err)
				case err != nil && b.Len() > 0:
					t.Errorf("an error after %d bytes: %v", b.Len(), err)
				case err == nil && len(bytes.TrimSpace(b.Bytes())) == 0:
					t.Error("nothing on stdout")
				}
				if err := alone(fixture.Failing{}); err == nil {
					t.Error("the writer's error is hidden")
				}
			})
		}
		for name, file := range runs {
			list := []record.Named{{Name: name, File: file}}
			if f.runs == nil && !verdict.HoldsVariants(file) {
				if err := f.Print(io.Discard, list); err == nil || !strings.Contains(err.Error(), "compares nothing") {
					t.Errorf("%s/%s: a run that compares nothing: %v", f.Name, name, err)
				}
				continue
			}
			check(name, func(w io.Writer) error { return f.Print(w, list) }, func(dir string) (string, error) { return f.Write(dir, list) })
		}
		if f.comparison == nil {
			continue
		}
		for name, c := range comparisons {
			check(name, func(w io.Writer) error { return f.PrintComparison(w, c) }, func(dir string) (string, error) { return f.WriteComparison(dir, c) })
		}
	}
}

// rendered gives the files of a report of runs, by name.
func rendered(t *testing.T, format string, runs ...record.Named) map[string]string {
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

// What is the case with a run is said, also where there is no figure to say it with.
func TestFormatsTellOfTheRun(t *testing.T) {
	all := fixture.Variants()
	for _, test := range []struct{ run, format, file, want string }{
		{"interrupted", "json", JSONName, `"finished": false`},
		{"interrupted", "json", JSONName, "This run was interrupted."},
		{"interrupted", "json", JSONName, "is torn (113 bytes)"},
		{"interrupted", "csv", TrialsName, "name,01JD3,false,Tun/"},
		{"interrupted", "benchfmt", BenchmarksName, "\n# warning: This run was interrupted."},
		{"interrupted", "benchfmt", BenchmarksName, "\n# bare, invalid (steal): BenchmarkTun/"},
		{"only-skips", "json", JSONName, `"scenarios": []`},
		{"only-skips", "json", JSONName, "TUNSETOFFLOAD(0x1ff): EINVAL"},
		{"only-skips", "csv", TrialsName, "run,run_id,run_finished,scenario,mode,"},
		{"only-skips", "csv", SkipsName, "/vnet=24/offload=tunnel,unsupported,TUNSETOFFLOAD(0x1ff): EINVAL,\n"},
		{"only-skips", "benchfmt", BenchmarksName, "\n# skipped Tun/dir=k2u/gen=udp/queues=1/size=1500/vnet=24/offload=tunnel: unsupported: TUNSETOFFLOAD(0x1ff): EINVAL\n"},
		{"only-skips", "benchfmt", BenchmarksName, "\n# warning: Nothing was measured (exit code 2): all 3 scenarios were skipped (1 unsupported, 1 missing, 1 other). tunbench doctor reports"},
		{"empty", "json", JSONName, `"scenarios": []`},
		{"empty", "benchfmt", BenchmarksName, "\n# nothing was measured\n"},
		{"searched", "benchfmt", BenchmarksName, "Unit ndr-pkts/s assume=exact\n"},
	} {
		text := rendered(t, test.format, record.Named{Name: "name", File: all[test.run]})[test.file]
		if !strings.Contains(text, test.want) {
			t.Errorf("%s of %s does not hold %q:\n%.2000s", test.format, test.run, test.want, text)
		}
	}
}

func TestFormatGolden(t *testing.T) {
	all := fixture.Variants()
	c := abComparison(t)
	for _, name := range []string{"json", "csv", "benchfmt"} {
		f, err := FindFormat(name, false)
		if err != nil {
			t.Fatal(err)
		}
		dir := t.TempDir()
		for _, run := range []string{"observed", "interrupted", "only-skips", "searched"} {
			if run == "searched" && name != "benchfmt" {
				continue // a large file that shows nothing new
			}
			if _, err := f.Write(filepath.Join(dir, run), []record.Named{{Name: run, File: all[run]}}); err != nil {
				t.Fatal(err)
			}
		}
		if f.comparison != nil {
			if _, err := f.WriteComparison(filepath.Join(dir, "ab"), c); err != nil {
				t.Fatal(err)
			}
		}
		entries, err := os.ReadDir(dir)
		if err != nil {
			t.Fatal(err)
		}
		for _, e := range entries {
			fixture.Goldens(t, filepath.Join(dir, e.Name()), name+"-"+e.Name())
		}
	}
}

// storeTrials writes a run of n trials, of ten a scenario, as large as those that
// an hour of measuring leaves.
func storeTrials(t testing.TB, n int) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), record.FileName)
	out, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	defer out.Close()
	w := record.NewWriter(out)
	put := func(r record.Record) {
		if err := w.Write(r); err != nil {
			t.Fatal(err)
		}
	}
	put(fixture.Synthetic().Run)
	rng := rand.New(rand.NewPCG(8, 9))
	var patterns [2][]record.Trial
	for i, arm := range []record.Arm{record.Bare, record.Observed} {
		for range 20 {
			tr := fixture.Trial(rng, "", nil, arm, 1, 1, 1e6*(1+0.03*rng.NormFloat64()), 0.02, 4e5, 4, 16, 64, "")
			for kind := range tr.Latency {
				tr.Latency[kind] = wideLatency(rng)
			}
			for i := range 10 {
				tr.Windows = append(tr.Windows, record.Window{TNs: int64(i+1) * 1e8, Pkts: 1e5, Bytes: 64e5})
			}
			patterns[i] = append(patterns[i], tr)
		}
	}
	scenarios := max(n/10, 1)
	for i := range n {
		tr := patterns[i%2][rng.IntN(20)]
		size := 64 + i/2%scenarios
		tr.Scenario = fmt.Sprintf("Tun/dir=k2u/gen=udp/queues=4/flows=16/size=%d", size)
		tr.Axes = map[string]string{"mode": "tun", "dir": "k2u", "gen": "udp", "queues": "4", "flows": "16", "size": fmt.Sprint(size), "load": "max", "io": "read", "vnet": "off", "path": "sink"}
		tr.Trial, tr.Pair = i+1, i/2/scenarios+1
		put(tr)
	}
	put(record.End{Ended: "2026-11-20T22:54:55Z", Scenarios: scenarios, Trials: n})
	if err := out.Close(); err != nil {
		t.Fatal(err)
	}
	return path
}

// wideLatency has as many buckets as a latency from 2 µs to 2 ms.
func wideLatency(rng *rand.Rand) record.Latency {
	l := record.Latency{Overflow: 1}
	for octave := 11; octave < 21; octave++ {
		for sub := range uint64(32) {
			n := 1 + rng.Uint64N(1e6)
			l.Buckets = append(l.Buckets, [2]uint64{(32 + sub) << (octave - 5), n})
			l.Count += n
		}
	}
	l.MaxNs = 1 << 22
	return l
}

// renderAlone reads the run at path and gives the length of its report.
func renderAlone(f Format, path string) (int, error) {
	file, err := record.ReadFile(path)
	if err != nil {
		return 0, err
	}
	files, err := f.filesOf([]record.Named{{Name: path, File: file}}, false)
	n := 0
	for _, o := range files {
		n += len(o.Content)
	}
	return n, err
}

// memoryChild names the run that a process of TestMemory renders.
const memoryChild = "TUNBENCH_MEMORY_CHILD"

// A report on 10,000 trials takes at most 384 MB, in each format. The formats
// share a process, which reads the run once and forgets one report before it
// makes the next: alone, a format takes no more than that.
func TestMemory(t *testing.T) {
	const limit = 384 << 20
	if path := os.Getenv(memoryChild); path != "" {
		debug.SetGCPercent(GCPercent) // as tunbench report does
		f, err := record.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		for _, format := range Formats {
			if format.runs == nil {
				continue
			}
			debug.FreeOSMemory()
			files, err := format.filesOf([]record.Named{{Name: path, File: f}}, false)
			if err != nil || len(files) == 0 {
				t.Fatalf("%s: %d files: %v", format.Name, len(files), err)
			}
			var used syscall.Rusage
			if err := syscall.Getrusage(syscall.RUSAGE_SELF, &used); err != nil {
				t.Fatal(err)
			}
			peak := used.Maxrss << 10 // it is in kilobytes, by getrusage(2)
			fmt.Printf("up to %s: %d MB\n", format.Name, peak>>20)
			if peak > limit {
				t.Fatalf("%s takes more than %d MB", format.Name, limit>>20)
			}
		}
		return
	}
	switch {
	case testing.Short():
		t.Skip("short: renders 10,000 trials in each format")
	case raceEnabled:
		t.Skip("the race detector takes several times as much memory")
	}
	path := storeTrials(t, 10_000)
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	child := exec.Command(self, "-test.run=^TestMemory$")
	child.Env = append(os.Environ(), memoryChild+"="+path)
	out, err := child.CombinedOutput()
	if err != nil {
		t.Errorf("%v", err)
	}
	t.Logf("%s", out)
}

func BenchmarkFormats(b *testing.B) {
	path := storeTrials(b, 10_000)
	for _, f := range Formats {
		if f.runs == nil {
			continue
		}
		b.Run(f.Name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if _, err := renderAlone(f, path); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

// The figures of the json are the medians of the valid trials of the records.
func TestJSONFigures(t *testing.T) {
	for name, f := range fixture.Variants() {
		if f.Run == nil {
			continue
		}
		var got jsonReport
		if err := json.Unmarshal([]byte(rendered(t, "json", record.Named{Name: name, File: f})[JSONName]), &got); err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		seen := 0
		for _, s := range got.Scenarios {
			for kind, a := range s.Arms {
				for metric, figure := range a.Metrics {
					var values []float64
					for _, tr := range f.Trials {
						same := tr.Scenario == s.Scenario && (tr.Arm == record.Observed) == (kind == record.Observed)
						if v, ok := tr.Metrics[metric]; ok && same && (a.Invalid || !tr.Invalid()) {
							values = append(values, v)
						}
					}
					if want := verdict.Middle(values); figure.Median != want || figure.N != len(values) {
						t.Errorf("%s, %s of %s: %v of %d, want %v of %d", name, metric, s.Scenario, figure.Median, figure.N, want, len(values))
					}
					seen++
				}
				seen += a.Trials
			}
		}
		if len(f.Trials) > 0 && seen == 0 {
			t.Errorf("%s: no figure in the json", name)
		}
		if d := cmp.Diff(record.Sealed(*f.Run), got.Run); d != "" {
			t.Errorf("%s: the header (-want +got):\n%s", name, d)
		}
		if len(got.Skips) != len(f.Skips) || len(got.Searches) != len(f.Searches) || got.Finished != (f.End != nil) {
			t.Errorf("%s: %d skips, %d searches, finished %v", name, len(got.Skips), len(got.Searches), got.Finished)
		}
	}
}

func TestJSONComparison(t *testing.T) {
	base, next := fixture.BeforeAndAfter()
	c := compared(t, base, next, verdict.Options{})
	f, err := FindFormat("json", true)
	if err != nil {
		t.Fatal(err)
	}
	var b bytes.Buffer
	if err := f.PrintComparison(&b, c); err != nil {
		t.Fatal(err)
	}
	var got jsonVerdicts
	if err := json.Unmarshal(b.Bytes(), &got); err != nil {
		t.Fatal(err)
	}
	if got.Kind != "comparison" || got.Base.Name != "before" || got.New.Run.Host.Kernel != "6.18.1" || got.Paired {
		t.Errorf("%+v", got)
	}
	if d := cmp.Diff(sealed(c.Verdicts), got.Verdicts); d != "" {
		t.Errorf("verdicts (-want +got):\n%s", d)
	}
	if d := cmp.Diff(sealed(c.Shown), got.Shown); d != "" {
		t.Errorf("shown (-want +got):\n%s", d)
	}
	if len(got.Only) != len(c.Only) || len(c.Only) == 0 || len(got.Warnings) != len(c.Warnings) {
		t.Errorf("only %+v, warnings %q", got.Only, got.Warnings)
	}
}

// goCommand is the go that built this test, if it is there.
func goCommand() string {
	if path, err := exec.LookPath("go"); err == nil {
		return path
	}
	return filepath.Join(runtime.GOROOT(), "bin", "go")
}
