package export

import (
	"bytes"
	"encoding/csv"
	"fmt"
	"math"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"golang.org/x/perf/benchfmt"
	"golang.org/x/perf/benchunit"

	"tunbench/reports/figure"
	"tunbench/reports/fixture"
	"tunbench/reports/metric"
	"tunbench/reports/record"
)

// readBenchmarks reads a file in Go's benchmark format; a line that begins like a
// result and is none is a failure.
func readBenchmarks(t *testing.T, text string) (results []*benchfmt.Result, units benchfmt.UnitMetadataMap) {
	t.Helper()
	r := benchfmt.NewReader(strings.NewReader(text), "test")
	for r.Scan() {
		switch rec := r.Result().(type) {
		case *benchfmt.Result:
			results = append(results, rec.Clone())
		case *benchfmt.SyntaxError:
			t.Errorf("%v in %q", rec, strings.Split(text, "\n")[rec.Line-1])
		}
	}
	if err := r.Err(); err != nil {
		t.Error(err)
	}
	return results, r.Units()
}

// checkBenchmarks compares a file with the valid trials of the run it was made of.
func checkBenchmarks(t *testing.T, text string, f *record.File) {
	t.Helper()
	results, _ := readBenchmarks(t, text)
	decode := func(s string) string {
		plain, err := url.PathUnescape(s)
		if err != nil {
			t.Error(err)
		}
		return plain
	}
	valid := 0
	for i := range f.Trials {
		tr := &f.Trials[i]
		if tr.Invalid() || len(tr.Metrics)+len(tr.Latency) == 0 {
			continue
		}
		valid++
		arm := "bare"
		if tr.Arm == record.Observed {
			arm = "observed"
		}
		// A trial is told from the others of its scenario by its first figure.
		found := slices.ContainsFunc(results, func(r *benchfmt.Result) bool {
			if decode(string(r.Name)) != tr.Scenario || r.GetConfig("arm") != arm || decode(r.GetConfig("variant")) != tr.Variant || r.Iters != int(max(tr.Accounting.Delivered, 1)) {
				return false
			}
			for name, want := range tr.Metrics {
				unit := benchUnit(name, f.Run.Clock)
				if !slices.ContainsFunc(r.Values, func(v benchfmt.Value) bool {
					if v.OrigUnit != "" {
						return v.OrigUnit == unit && v.OrigValue == want
					}
					return v.Unit == unit && v.Value == want
				}) {
					return false
				}
				if _, known := metric.Find(name); !known && name != "" && decode(unit) != name {
					t.Errorf("metric %q came back as %q", name, decode(unit))
				}
			}
			return true
		})
		if !found {
			t.Errorf("no result for %s", tr)
		}
	}
	goals := 0
	for _, s := range f.Searches {
		for _, g := range s.Goals {
			if g.Resolved && g.LowerPPS != nil {
				goals++
			}
		}
	}
	if len(results) != valid+goals {
		t.Errorf("%d results for %d valid trials and %d rates", len(results), valid, goals)
	}
	for _, r := range results {
		for key, want := range map[string]string{"kernel": f.Run.Host.Kernel, "cpu": f.Run.Host.CPU, "tunbench": figure.ToolOf(f.Run), "clock": f.Run.Clock} {
			if got := decode(r.GetConfig(key)); got != want {
				t.Errorf("%s: %q, want %q", key, got, want)
			}
		}
		hook := "none"
		if r.GetConfig("arm") == "observed" && f.Run.Hook.Used != "" {
			hook = f.Run.Hook.Used
		}
		if got := decode(r.GetConfig("hook")); got != hook {
			t.Errorf("hook of %s: %q, want %q", r.GetConfig("arm"), got, hook)
		}
	}
}

func TestBenchfmt(t *testing.T) {
	for name, f := range fixture.Variants() {
		checkBenchmarks(t, rendered(t, "benchfmt", record.Named{Name: name, File: f})[BenchmarksName], f)
	}
	ab := fixture.Pairs(0.95, 10)
	checkBenchmarks(t, rendered(t, "benchfmt", record.Named{Name: "ab", File: ab})[BenchmarksName], ab)

	// Runs in one file are told apart by a key.
	full, open := fixture.Variants()["full"], fixture.Variants()["open"]
	results, units := readBenchmarks(t, rendered(t, "benchfmt", record.Named{Name: "x y", File: full}, record.Named{Name: "z", File: open})[BenchmarksName])
	runs := map[string]int{}
	for _, r := range results {
		runs[r.GetConfig("run")]++
	}
	if runs["x y"] == 0 || runs["z"] == 0 || len(runs) != 2 {
		t.Errorf("runs %v", runs)
	}
	for unit, want := range map[string]string{"pkts/s": "higher", "CPU-sec/pkt": "lower", "e2e-p99-sec": "lower", "loss": "lower"} {
		if m := units.Get(unit, "better"); m == nil || m.Value != want {
			t.Errorf("%s is better %v, want %s", unit, m, want)
		}
	}
}

// In virtual time a nanosecond is an instruction, and is not scaled.
func TestBenchfmtVirtualTime(t *testing.T) {
	f := fixture.Synthetic()
	f.Run.Clock = record.ClockICount
	text := rendered(t, "benchfmt", record.Named{Name: "x", File: f})[BenchmarksName]
	for _, want := range []string{" send-instructions/pkt", " CPU-instructions/pkt", " e2e-p99-instructions"} {
		if !strings.Contains(text, want) {
			t.Errorf("no %q", want)
		}
	}
	if strings.Contains(text, "-ns") {
		t.Error("nanoseconds in virtual time")
	}
	checkBenchmarks(t, text, f)
}

func TestBenchfmtLongLine(t *testing.T) {
	f := fixture.Synthetic()
	f.Trials[0].Scenario = strings.Repeat("x", 70_000)
	format, err := FindFormat("benchfmt", false)
	if err != nil {
		t.Fatal(err)
	}
	var b bytes.Buffer
	if err := format.Print(&b, []record.Named{{Name: "x", File: f}}); err == nil || !strings.Contains(err.Error(), "Go's benchmark format has at most 65535") || b.Len() > 0 {
		t.Errorf("%d bytes: %v", b.Len(), err)
	}
}

// benchstat gives the program, built as go.mod pins it. scripts/test.sh builds it
// for a root that has no go.
func benchstat(t *testing.T) string {
	t.Helper()
	built := filepath.Join("..", ".build", "test", "benchstat")
	if path, err := filepath.Abs(built); err == nil {
		if _, err := os.Stat(path); err == nil {
			return path
		}
	}
	path := filepath.Join(t.TempDir(), "benchstat")
	out, err := exec.Command(goCommand(), "build", "-o", path, "golang.org/x/perf/cmd/benchstat").CombinedOutput()
	if err != nil {
		if os.Getenv("CI") == "true" {
			t.Fatalf("build benchstat: %v\n%s", err, out)
		}
		t.Skipf("benchstat cannot be built: %v\n%s", err, out)
	}
	return path
}

// The real benchstat reads two exports, and its medians are ours.
func TestBenchstat(t *testing.T) {
	program := benchstat(t)
	dir := t.TempDir()
	base, next := fixture.Stored(1, 10, nil), fixture.Stored(2, 10, map[string]float64{fixture.Slow: 0.9, fixture.Fast: 1.06})
	want := [2]map[string]float64{}
	for i, f := range []*record.File{base, next} {
		text := rendered(t, "benchfmt", record.Named{Name: "x", File: f})[BenchmarksName]
		if err := os.WriteFile(filepath.Join(dir, fmt.Sprintf("%d.txt", i)), []byte(text), 0o666); err != nil {
			t.Fatal(err)
		}
		want[i] = map[string]float64{}
		list, _ := figure.Scenarios(f)
		for _, s := range list {
			for _, m := range []string{record.PPS, record.Loss, record.CPUNsPerPkt} {
				sum, ok := s.Bare.Metric(m)
				if !ok || s.Bare.Invalid {
					continue
				}
				v, unit := sum.Median, metric.Of(m, "").Bench
				if m == record.CPUNsPerPkt {
					v, unit = v/1e9, "CPU-sec/pkt"
				}
				want[i][s.Name+" "+unit] = v
			}
		}
	}
	run := func(args ...string) string {
		t.Helper()
		cmd := exec.Command(program, args...)
		cmd.Dir = dir
		var stdout, stderr bytes.Buffer
		cmd.Stdout, cmd.Stderr = &stdout, &stderr
		if err := cmd.Run(); err != nil {
			t.Fatalf("benchstat %q: %v\n%s", args, err, stderr.String())
		}
		return stdout.String()
	}
	t.Log(run("-filter", `.unit:("pkts/s" OR "CPU-sec/pkt")`, "before=0.txt", "after=1.txt"))

	// A table is a row of file names, one of units, and a row a benchmark: its
	// name, and for each file the median, the interval and what became of it.
	r := csv.NewReader(strings.NewReader(run("-format", "csv", "-filter", "arm:bare", "0.txt", "1.txt")))
	r.FieldsPerRecord = -1
	rows, err := r.ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	compared, unit, at := 0, "", [2]int{}
	for _, row := range rows {
		switch {
		case len(row) < 3 || row[0] == "geomean":
		case row[0] == "" && slices.Contains(row, "0.txt"):
			at = [2]int{slices.Index(row, "0.txt"), slices.Index(row, "1.txt")}
		case row[0] == "":
			unit = row[at[0]]
		default:
			for i := range at {
				median, ok := want[i][row[0]+" "+unit]
				if !ok {
					continue
				}
				got, err := strconv.ParseFloat(row[at[i]], 64)
				if err != nil || math.Abs(got-median) > 1e-12*math.Abs(median) {
					t.Errorf("%s of %s in %d.txt: benchstat says %v, we say %v: %v", unit, row[0], i, got, median, err)
				}
				compared++
			}
		}
	}
	if total := len(want[0]) + len(want[1]); compared != total || total == 0 {
		t.Errorf("%d medians of %d were compared in\n%q", compared, total, rows)
	}
}

// unitFaults are the units that a page gives of the format, and that it does not have:
// those of a file, those that benchstat makes of them, and those of virtual time.
func unitFaults(page string) (faults []string) {
	have, shown := map[string]bool{}, map[string]bool{}
	for _, clock := range []string{record.ClockMonotonic, record.ClockICount} {
		for _, k := range metric.Kinds() {
			have[benchUnit(k.Metric, clock)] = true
		}
	}
	for _, latency := range metric.LatencyNames {
		for _, quantile := range benchQuantiles {
			have[benchLatency(latency, quantile, record.ClockMonotonic)] = true
		}
	}
	for unit := range have {
		_, tidy := benchunit.Tidy(1, unit)
		shown[tidy] = true
	}
	_, text, _ := strings.Cut(page, "\n### benchfmt\n")
	text, _, _ = strings.Cut(text, "\n## ")
	file, rest, found := strings.Cut(text, " benchstat turns\n")
	seconds, virtual, ends := strings.Cut(rest, " In virtual time ")
	virtual, _, _ = strings.Cut(virtual, "\n- Keys")
	if !found || !ends {
		return []string{"the page does not say what benchstat does"}
	}
	named := 0
	for _, part := range []struct {
		text, ending string
		units        map[string]bool
	}{{file, "-ns", have}, {seconds, "-sec", shown}, {virtual, "-instructions", have}} {
		for _, m := range regexp.MustCompile("`([^`]+)`").FindAllStringSubmatch(part.text, -1) {
			if named++; !part.units[m[1]] {
				faults = append(faults, m[1])
			}
		}
		if !strings.Contains(part.text, part.ending) {
			faults = append(faults, "no "+part.ending)
		}
	}
	if named < 15 {
		faults = append(faults, fmt.Sprintf("%d units", named))
	}
	return faults
}

// The page names units that the format has, and those that benchstat shows.
func TestUnitsOfDocuments(t *testing.T) {
	text, err := os.ReadFile("../FORMATS.md")
	if err != nil {
		t.Fatal(err)
	}
	if faults := unitFaults(string(text)); len(faults) > 0 {
		t.Errorf("%q", faults)
	}
	for old, unit := range map[string]string{"`CPU-ns/pkt`": "CPU-sec/pkt", "`send-sec/pkt`": "send-ns/pkt", "`recv-instructions/pkt`": "recv-instrs/pkt", "`e2e-p99-ns`": "e2e-p98-ns"} {
		bad := strings.Replace(string(text), old, "`"+unit+"`", 1)
		if faults := unitFaults(bad); bad == string(text) || len(faults) == 0 || faults[0] != unit {
			t.Errorf("%s in place of %s: %q", unit, old, faults)
		}
	}
}
