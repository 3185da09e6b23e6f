package export

import (
	"encoding/json"
	"math/rand/v2"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"testing/quick"

	"github.com/google/go-cmp/cmp"

	"tunbench/reports/figure"
	"tunbench/reports/fixture"
	"tunbench/reports/record"
	"tunbench/reports/verdict"
)

// awkwardNames are those that some format gives a meaning to.
var awkwardNames = []string{
	"", " ", "a b", " lead", "trail ", "a|b", `"quoted"`, `'`, "a,b", "a;b", "a=b", "a:b", "a%20b", "100%", "+", "&", "#x", "two\nlines", "win\r\nlines", "cr\r", "tab\t",
	"nul\x00", "\x1b[31m", "é", "漢字", "\u00a0", "\u0085", "\u2028", "\u202e", "\ufeff", "\ufffd", "👩‍🚀", "<b>&amp;", `back\slash`, "`code`", "a/b", "x-8", "run", "arm", "pps", "axis_run", "ns", "MB/s", "Unit", "Benchmark 1 2 ns", "=1+1", fixture.Hostile,
}

// awkwardRun is a run in which every name is one of names, in turn.
func awkwardRun(names []string) *record.File {
	next := 0
	name := func() string {
		next++
		return names[next%len(names)]
	}
	f := &record.File{
		Run: &record.Run{Kind: record.KindRun, Schema: 1, ID: name(), Started: name(), Suite: name(), Clock: "monotonic",
			Tool: record.Tool{Version: name()}, Host: record.Host{Kernel: name(), CPU: name(), Arch: name(), Virt: name(), Sysctl: map[string]string{name(): name()}},
			Hook: record.Hook{Used: name()}},
		End: &record.End{Kind: record.KindEnd, Trials: 6},
	}
	for i := range 6 {
		t := record.Trial{
			Kind: record.KindTrial, Scenario: "Tun/" + name() + "=" + name(), Axes: map[string]string{name(): name(), "dir": name()}, Arm: []record.Arm{record.Bare, record.Observed}[i%2],
			Pair: i/2 + 1, Trial: i + 1, Started: name(), Flags: []string{"flag " + name(), name() + "?"},
			Metrics:    map[string]float64{record.PPS: 1e6 + float64(i), "extra " + name(): float64(i) + 0.5, name() + "!": 1},
			Latency:    map[string]record.Latency{"kind " + name(): {Count: 1, MaxNs: uint64(i), Buckets: [][2]uint64{{uint64(i), 1}}}},
			Accounting: record.Accounting{Delivered: uint64(i), Dropped: map[string]uint64{name(): uint64(i), "R" + name(): 3}},
		}
		f.Trials = append(f.Trials, t)
	}
	f.Skips = []record.Skip{{Kind: record.KindSkip, Scenario: name(), Reason: name(), Detail: name()}}
	return f
}

// checkAwkward reads each format back that can be read back.
func checkAwkward(t *testing.T, names []string) {
	t.Helper()
	f := awkwardRun(names)
	r := record.Named{Name: "run " + names[0], File: f}

	checkTrials(t, rendered(t, "csv", r)[TrialsName], r)
	checkBenchmarks(t, rendered(t, "benchfmt", r)[BenchmarksName], f)

	var got jsonReport
	if err := json.Unmarshal([]byte(rendered(t, "json", r)[JSONName]), &got); err != nil {
		t.Fatal(err)
	}
	if got.Name != r.Name {
		t.Errorf("name %q, want %q", got.Name, r.Name)
	}
	if d := cmp.Diff(record.Sealed(*f.Run), got.Run); d != "" {
		t.Errorf("header (-want +got):\n%s", d)
	}
	if d := cmp.Diff(sealed(f.Skips), got.Skips); d != "" {
		t.Errorf("skips (-want +got):\n%s", d)
	}
	list, _ := figure.Scenarios(f)
	if len(got.Scenarios) != len(list) {
		t.Fatalf("%d scenarios, want %d", len(got.Scenarios), len(list))
	}
	for i, s := range list {
		j := got.Scenarios[i]
		if d := cmp.Diff(s.All()[0].Axes, j.Axes); j.Scenario != s.Name || d != "" {
			t.Errorf("scenario %q, want %q; axes (-want +got):\n%s", j.Scenario, s.Name, d)
		}
		for kind, a := range j.Arms {
			for _, tr := range s.Arm(kind).Used {
				for name := range tr.Metrics {
					if _, ok := a.Metrics[name]; !ok {
						t.Errorf("no metric %q", name)
					}
				}
				for _, flag := range tr.Flags {
					if a.Flags[flag] == 0 {
						t.Errorf("no flag %q", flag)
					}
				}
			}
			if d := cmp.Diff(figure.Account(s.Arm(kind).All).ByReason, a.Accounting.Reasons); d != "" {
				t.Errorf("reasons (-want +got):\n%s", d)
			}
		}
	}
}

func TestAwkwardNames(t *testing.T) {
	checkAwkward(t, awkwardNames)
	// What has no reader here must come out whole all the same, or not at all.
	for _, format := range Formats {
		dir := filepath.Join(t.TempDir(), "new")
		_, err := format.Write(dir, []record.Named{{Name: fixture.Hostile, File: awkwardRun(awkwardNames)}})
		if _, missing := os.Stat(dir); err != nil && missing == nil {
			t.Errorf("%s: a refused report leaves %q: %v", format.Name, fixture.Contents(t, dir), err)
		} else if err == nil && len(fixture.Contents(t, dir)) == 0 {
			t.Errorf("%s: no file", format.Name)
		}
	}
	for i := range awkwardNames {
		checkAwkward(t, awkwardNames[i:i+1])
	}
	property := func(names [7]string) bool {
		for i := range names {
			// quick makes code points at random, which are seldom the awkward ones.
			names[i] += awkwardNames[rand.IntN(len(awkwardNames))]
			names[i] = strings.ToValidUTF8(names[i], "\ufffd")
		}
		checkAwkward(t, names[:])
		return !t.Failed()
	}
	if err := quick.Check(property, &quick.Config{MaxCount: 20}); err != nil {
		t.Error(err)
	}
}

// A verdict's names and notes come back from csv and json.
func TestAwkwardVerdicts(t *testing.T) {
	for _, name := range awkwardNames {
		v := record.Verdict{Scenario: name, Metric: "m" + name, Unit: name, Verdict: record.Inconclusive, Notes: []string{name}}
		side := verdict.Side{Name: name, Run: &record.Run{ID: name, Host: record.Host{Kernel: name}}}
		c := &verdict.Comparison{Base: side, New: side, Verdicts: []record.Verdict{v}, Only: []verdict.OnlyOne{{Scenario: name, Side: "base", Why: name}}}
		files, err := csvComparison(c, true)
		if err != nil {
			t.Fatal(err)
		}
		_, rows := readTable(t, string(files[0].Content))
		row, plain := rows[0], unfold(name)
		if row["scenario"] != plain || row["metric"] != "m"+plain || row["unit"] != plain || row["notes"] != plain || row["base_name"] != plain || row["new_kernel"] != plain {
			t.Errorf("%q: row %q", name, row)
		}
		files, err = jsonComparison(c, true)
		if err != nil {
			t.Fatal(err)
		}
		var got jsonVerdicts
		if err := json.Unmarshal(files[0].Content, &got); err != nil {
			t.Fatal(err)
		}
		if !reflect.DeepEqual(sealed(c.Verdicts), got.Verdicts) || got.Only[0].Why != name || got.Base.Name != name {
			t.Errorf("%q: %+v", name, got)
		}
	}
}
