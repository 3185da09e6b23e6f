package export

import (
	"bytes"
	"encoding/json"
	"flag"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"tunbench/reports/document/history"
	"tunbench/reports/fixture"
	"tunbench/reports/record"
	"tunbench/reports/render"
	"tunbench/reports/series"
)

var historySeeds = flag.Uint64("history-seeds", 8, "seeds of the rates of found steps and false alarms")

const oneHost = "0123456789abcdef"

// syntheticRun is the header of a run, which takes a while to make.
var syntheticRun = sync.OnceValue(func() *record.Run { return fixture.Synthetic().Run })

// over is n runs, a day each, of a scenario with one trial a run; level gives
// the factor of the packet rate in run i, and change may alter the run.
func over(seed uint64, n int, noise float64, level func(i int) float64, change func(i int, f *record.File)) (runs []series.StoredRun) {
	random := rand.New(rand.NewPCG(seed, 3))
	header := syntheticRun()
	for i := range n {
		r := *header
		r.ID = fmt.Sprintf("run-%03d", i)
		r.Started = time.Date(2026, 1, 1, 3, 0, 0, 0, time.UTC).AddDate(0, 0, i).Format(time.RFC3339)
		f := &record.File{Run: &r, End: &record.End{Trials: 1}}
		f.Trials = []record.Trial{{Scenario: fixture.Fast, Arm: record.Bare, Pair: 1, Trial: 1, Metrics: map[string]float64{
			record.PPS: 1.27e6 * level(i) * (1 + noise*random.NormFloat64()),
		}}}
		if change != nil {
			change(i, f)
		}
		runs = append(runs, series.NewStoredRun(r.ID+".jsonl", oneHost, f))
	}
	return runs
}

func stepFrom(at int, to float64) func(int) float64 {
	return func(i int) float64 {
		if i < at {
			return 1
		}
		return to
	}
}

func checkOf(t *testing.T, runs []series.StoredRun, o series.Options) *series.Check {
	t.Helper()
	h, err := series.NewHistory("runs", runs, o)
	if err != nil {
		t.Fatal(err)
	}
	c, err := h.Check()
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// saidOf is each finding in a word or two.
func saidOf(c *series.Check) string {
	var words []string
	for _, f := range c.Findings {
		w := f.Kind + " " + f.Verdict + " " + f.Begins.Run
		if !f.Standing {
			w += " gone"
		}
		words = append(words, w)
	}
	return strings.Join(words, ", ")
}

func released(runs []series.StoredRun, at int, name string) []series.StoredRun {
	runs[at].Release = name
	return runs
}

func TestCheckFindings(t *testing.T) {
	none := func(int) float64 { return 1 }
	for _, test := range []struct {
		name string
		runs []series.StoredRun
		o    series.Options
		want string
	}{
		{"a step of 5 %", over(1, 60, 0.005, stepFrom(40, 0.95), nil), series.Options{}, "change-point regression run-040"},
		{"a step up", over(1, 60, 0.005, stepFrom(40, 1.05), nil), series.Options{}, "change-point improvement run-040"},
		{"a step below the threshold", over(1, 60, 0.002, stepFrom(40, 0.98), nil), series.Options{}, ""},
		{"the same, with a lower one", over(1, 60, 0.002, stepFrom(40, 0.98), nil), series.Options{Thresholds: map[string]float64{record.PPS: 0.01}}, "change-point regression run-040"},
		{"a step below what the host sees", over(1, 60, 0.005, stepFrom(40, 0.95), func(_ int, f *record.File) { f.Run.Sees = map[string]float64{record.PPS: 0.08} }), series.Options{}, ""},
		{"an outlier in the middle", over(1, 60, 0.005, func(i int) float64 { return 1 - 0.2*float64(max(0, 1-max(i-30, 30-i))) }, nil), series.Options{}, ""},
		{"the newest run alone", over(1, 60, 0.005, stepFrom(59, 0.9), nil), series.Options{}, "last-run regression run-059"},
		{"nothing", over(2, 60, 0.01, none, nil), series.Options{}, ""},
		{"gone back", over(1, 60, 0.005, func(i int) float64 {
			if i >= 25 && i < 45 {
				return 0.9
			}
			return 1
		}, nil), series.Options{}, "change-point regression run-025 gone, change-point improvement run-045"},
		{"old, and still there", over(1, 100, 0.005, stepFrom(40, 0.95), nil), series.Options{}, "change-point regression run-040"},
		{"before the release", released(over(1, 60, 0.005, stepFrom(40, 0.95), nil), 50, "v1"), series.Options{}, "change-point regression run-040"},
		{"after the release", released(over(1, 60, 0.005, stepFrom(40, 0.95), nil), 30, "v1"), series.Options{}, "change-point regression run-040, last-release regression run-059"},
		{"the newest is the release", released(released(over(1, 60, 0.005, stepFrom(40, 0.95), nil), 30, "v1"), 59, "v2"), series.Options{}, "change-point regression run-040, last-release regression run-059"},
		{"since", over(1, 60, 0.005, stepFrom(40, 0.95), nil), series.Options{Since: time.Date(2026, 2, 15, 0, 0, 0, 0, time.UTC)}, ""},
		{"two runs", over(1, 2, 0.005, stepFrom(1, 0.5), nil), series.Options{}, ""},
		{"another metric", over(1, 60, 0.005, stepFrom(40, 0.95), nil), series.Options{Metrics: []string{record.Loss}}, ""},
		{"another scenario", over(1, 60, 0.005, stepFrom(40, 0.95), nil), series.Options{Keep: func(s string) bool { return s == fixture.Slow }}, ""},
		{"exact", over(1, 30, 0, stepFrom(20, 0.9), nil), series.Options{}, "change-point regression run-020"},
	} {
		if got := saidOf(checkOf(t, test.runs, test.o)); got != test.want {
			t.Errorf("%s: %q, want %q", test.name, got, test.want)
		}
	}
}

// Each run is worse by less than anybody could see; against the release it
// shows, also where the runs are too few for a change point. What is lost on top of
// that is told again.
func TestCreepShowsAgainstTheRelease(t *testing.T) {
	creep := func(i int) float64 { return 1 - 0.005*float64(i) }
	c := checkOf(t, released(over(1, 16, 0.002, creep, nil), 4, "v1"), series.Options{})
	if saidOf(c) != "last-release regression run-007, drift regression run-014" || !c.Regressed() {
		t.Errorf("creep: %q", saidOf(c))
	}
}

func TestInvalidRunsAreNotJudged(t *testing.T) {
	c := checkOf(t, over(1, 60, 0.005, stepFrom(40, 0.8), func(i int, f *record.File) {
		if i >= 40 {
			f.Trials[0].Flags = []string{record.FlagSteal}
		}
	}), series.Options{})
	if len(c.Findings) > 0 || strings.Count(history.TrendLine(c.Series[0]), "·") != 20 {
		t.Errorf("invalid runs are judged: %q, trend %s", saidOf(c), history.TrendLine(c.Series[0]))
	}
}

func TestSeriesAreApart(t *testing.T) {
	runs := over(1, 20, 0.01, func(int) float64 { return 1 }, func(i int, f *record.File) {
		observed := f.Trials[0]
		observed.Arm = record.Observed
		f.Trials = append(f.Trials, observed)
		if i%2 == 0 {
			f.Run.Hook.Used = "kprobe"
		}
	})
	runs[3].Host = "fedcba9876543210"
	c := checkOf(t, runs, series.Options{})
	var got []string
	for _, s := range c.Series {
		got = append(got, fmt.Sprint(s.Host[:1], " ", s.Arm, " ", s.Hook, " ", len(s.Points)))
	}
	want := []string{"0 bare none 19", "0 observed kprobe 10", "0 observed tracepoint 9", "f bare none 1", "f observed tracepoint 1"}
	if !slices.Equal(got, want) {
		t.Errorf("series %q, want %q", got, want)
	}
	if c := checkOf(t, runs, series.Options{Host: "fe", Arms: []record.Arm{record.Observed}}); len(c.Series) != 1 || c.Series[0].Hook != "tracepoint" {
		t.Errorf("one host, one arm: %d series", len(c.Series))
	}
}

// The acceptance: 60 runs with a step of 3 % at 40, with noise of 1 %, and 60
// without. With 200 seeds: go test ./reports/export -run TestStepRates -history-seeds 200 -v.
func TestStepRates(t *testing.T) {
	seeds := *historySeeds
	var found, near, counted, alarms, changes uint64
	for seed := range seeds {
		runs := over(seed, 60, 0.01, stepFrom(40, 0.97), nil)
		c := checkOf(t, runs, series.Options{})
		for _, f := range c.Findings {
			if f.Kind == series.ChangePoint && f.Verdict == record.Regression {
				counted++
				var at int
				if _, err := fmt.Sscanf(f.Begins.Run, "run-%d", &at); err != nil {
					t.Fatal(err)
				}
				if math.Abs(float64(at-40)) <= 1 {
					near++
				}
			}
		}
		if len(c.Series[0].Changes) > 0 {
			found++
		}
		quiet := checkOf(t, over(10_000+seed, 60, 0.01, func(int) float64 { return 1 }, nil), series.Options{})
		if len(quiet.Findings) > 0 {
			alarms++
		}
		if len(quiet.Series[0].Changes) > 0 {
			changes++
		}
	}
	t.Logf("of %d steps: %d significant, %d of them reported, %d at 40 ± 1; of %d series without: %d significant, %d reported", seeds, found, counted, near, seeds, changes, alarms)
	if found < seeds*95/100 || counted < seeds*8/10 || near < seeds*8/10 || alarms > seeds/100 {
		t.Errorf("too few found, or too many false alarms")
	}
}

// storyRuns are two hosts with one of everything between them.
func storyRuns() []series.StoredRun {
	runs := over(4, 60, 0.008, stepFrom(40, 0.95), func(i int, f *record.File) {
		if i >= 40 {
			f.Run.Host.Kernel, f.Run.Host.Sysctl = "6.18.1", map[string]string{"net.core.wmem_max": "4194304"}
		}
		other := f.Trials[0]
		other.Scenario = fixture.Queued
		other.Metrics = map[string]float64{record.PPS: other.Metrics[record.PPS] / 2, record.Loss: 0.4, record.CPUNsPerPkt: 800 - float64(i)}
		f.Trials = append(f.Trials, other)
		if i == 45 {
			f.Trials[0].Flags = []string{record.FlagSteal}
		}
		if i == 46 {
			f.End = nil
		}
	})
	runs[20].Release, runs[30].Release = "v1.0", "v1.1 | `rc`"
	foreign := over(5, 3, 0.01, func(int) float64 { return 2 }, func(i int, f *record.File) { f.Run.Host.CPU = fixture.Hostile })
	for i := range foreign {
		foreign[i].Host, foreign[i].Run.ID = "fedcba9876543210", fmt.Sprintf("%s%d", fixture.Hostile, i)
	}
	return append(runs, foreign...)
}

func TestHistoryGolden(t *testing.T) {
	c := checkOf(t, storyRuns(), series.Options{})
	c.Problems = []string{"torn.jsonl is torn or no run, and is left out: line 3: " + fixture.Hostile}
	out := t.TempDir()
	format, err := FindHistoryFormat("markdown")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := format.WriteHistory(out, c); err != nil {
		t.Fatal(err)
	}
	files := fixture.Contents(t, out)
	checkShape(t, files)
	for name, write := range map[string]func(*bytes.Buffer) error{
		"summary.txt": func(b *bytes.Buffer) error { return render.HistorySummary(b, c) },
		"check.txt":   func(b *bytes.Buffer) error { return render.CheckSummary(b, c) },
		"findings.jsonl": func(b *bytes.Buffer) error {
			for _, f := range c.Findings {
				text, err := json.MarshalIndent(f, "", " ")
				if err != nil {
					return err
				}
				b.Write(append(text, '\n'))
			}
			return nil
		},
	} {
		var b bytes.Buffer
		if err := write(&b); err != nil {
			t.Fatal(err)
		}
		if strings.ContainsAny(b.String(), "\x1b\u202e") {
			t.Errorf("%s has control characters", name)
		}
		if err := render.WriteFiles(out, []render.Output{{Name: name, Content: b.Bytes()}}); err != nil {
			t.Fatal(err)
		}
	}
	fixture.Goldens(t, out, "history")
	var alone bytes.Buffer
	if err := format.PrintHistory(&alone, c); err != nil || strings.Contains(alone.String(), ".svg") {
		t.Errorf("alone: %v", err)
	}
}

func TestSeriesJSON(t *testing.T) {
	c := checkOf(t, over(1, 60, 0.005, stepFrom(40, 0.95), nil), series.Options{Since: time.Date(2026, 2, 1, 0, 0, 0, 0, time.UTC)})
	text, err := json.Marshal(c.Series[0])
	if err != nil {
		t.Fatal(err)
	}
	var back series.Series
	if err := json.Unmarshal(text, &back); err != nil {
		t.Fatal(err)
	}
	if len(back.Points) != 29 || len(back.Changes) != 1 || back.Changes[0].Begins.Run != "run-040" || back.Scenario != fixture.Fast {
		t.Errorf("%d points, changes %+v", len(back.Points), back.Changes)
	}
}

func TestHistoryPage(t *testing.T) {
	format, err := FindHistoryFormat("html")
	if err != nil {
		t.Fatal(err)
	}
	var b bytes.Buffer
	if err := format.PrintHistory(&b, checkOf(t, storyRuns(), series.Options{})); err != nil {
		t.Fatal(err)
	}
	if page := b.String(); strings.Contains(page, "<script>alert") || strings.Count(page, "<polyline") != 2*5 || !strings.Contains(page, "run-040") {
		t.Errorf("the page has %d lines of 5 series, each in a wide and in a narrow chart, or lets a name break out", strings.Count(page, "<polyline"))
	}
}
