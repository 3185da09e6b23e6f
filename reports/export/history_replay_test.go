package export

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"tunbench/reports/fixture"
	"tunbench/reports/record"
	"tunbench/reports/render"
	"tunbench/reports/series"
)

// A regression is told with every number of runs after it, and under one ID.
func TestARegressionStaysReported(t *testing.T) {
	for _, noise := range []float64{0.004, 0.01} {
		all := over(3, 40, noise, stepFrom(8, 0.8), nil)
		id := ""
		for n := 9; n <= len(all); n++ {
			c := checkOf(t, all[:n], series.Options{})
			if !c.Regressed() || len(c.Findings) != 1 || len(c.Short) > 0 {
				t.Fatalf("noise %v, %d runs after the step: %q, %d too short", noise, n-8, saidOf(c), len(c.Short))
			}
			if f := c.Findings[0]; id != "" && f.ID != id || f.FoundIn != "run-008" {
				t.Errorf("noise %v, %d runs after the step: ID %s, was %s; found in %s", noise, n-8, f.ID, id, f.FoundIn)
			}
			id = c.Findings[0].ID
		}
	}
	// Whatever came before it.
	for _, before := range []int{7, 10, 12, 16, 30} {
		for after := 1; after <= 10; after++ {
			if c := checkOf(t, over(5, before+after, 0.004, stepFrom(before, 0.8), nil), series.Options{}); !c.Regressed() {
				t.Errorf("%d good and %d bad runs: %q", before, after, saidOf(c))
			}
		}
	}
}

// A step that is too small for one run to tell, in a series that is too short for a
// change point, must not pass for nothing.
func TestShortSeriesSayThatTheyAreShort(t *testing.T) {
	for _, sides := range [][2]int{{12, 4}, {10, 4}, {4, 12}, {6, 6}, {8, 8}, {4, 4}} {
		o := simulate(t, 10, func(seed uint64) []series.StoredRun {
			return over(100+seed, sides[0]+sides[1], 0.03, stepFrom(sides[0], 0.95), nil)
		})
		if o.quiet > 0 || o.short == 0 {
			t.Errorf("%d and %d: %+v", sides[0], sides[1], o)
		}
	}
	c := checkOf(t, over(1, 16, 0.01, flatLevel, nil), series.Options{})
	if len(c.Short) != 1 || c.Short[0].Missing != 1 || c.Told() {
		t.Errorf("16 runs: %+v", c.Short)
	}
	var b bytes.Buffer
	if err := render.CheckSummary(&b, c); err != nil || !strings.Contains(b.String(), "1 series is too short to tell") || !strings.Contains(b.String(), "1 more valid run is") ||
		strings.Contains(strings.ToLower(b.String()), "no series regressed") {
		t.Errorf("%v: %s", err, b.String())
	}
	text, err := json.Marshal(c.Short[0])
	if err != nil || !strings.Contains(string(text), `"kind":"too-short","verdict":"inconclusive","runs":16,"missing":1`) {
		t.Errorf("%s, %v", text, err)
	}
	c = checkOf(t, over(1, 17, 0.01, flatLevel, nil), series.Options{})
	b.Reset()
	if err := render.CheckSummary(&b, c); err != nil || len(c.Short) > 0 || !c.Told() || !strings.Contains(b.String(), "No series regressed.") {
		t.Errorf("17 runs: %v: %s", err, b.String())
	}
}

// The limits of false alarms and of what must be found, with fixed seeds;
// TestHistoryTable has all of it.
func TestHistoryRates(t *testing.T) {
	const seeds = 20
	for _, test := range []struct {
		name         string
		runs         func(seed uint64) []series.StoredRun
		least, most  int // that regressed
		mayBeUnheard bool
	}{
		{"no step", func(seed uint64) []series.StoredRun { return over(70+seed, 30, 0.03, flatLevel, nil) }, 0, 0, true},
		{"no step, ten runs", func(seed uint64) []series.StoredRun { return over(70+seed, 10, 0.03, flatLevel, nil) }, 0, 0, true},
		{"two hosts", func(seed uint64) []series.StoredRun { return over(80+seed, 30, 0.004, hosts(seed, 0.86), nil) }, 0, 1, true},
		{"8 and 8, 10 % at 1 %", func(seed uint64) []series.StoredRun { return over(60+seed, 16, 0.01, stepFrom(8, 0.9), nil) }, seeds, seeds, false},
		{"8 and 8, 20 % at 3 %", func(seed uint64) []series.StoredRun { return over(60+seed, 16, 0.03, stepFrom(8, 0.8), nil) }, seeds, seeds, false},
		{"20 and 4, 10 % at 1 %", func(seed uint64) []series.StoredRun { return over(60+seed, 24, 0.01, stepFrom(20, 0.9), nil) }, seeds, seeds, false},
		{"12 and 12, 5 % at 1 %", func(seed uint64) []series.StoredRun { return over(60+seed, 24, 0.01, stepFrom(12, 0.95), nil) }, seeds, seeds, false},
		{"drift since a release", func(seed uint64) []series.StoredRun { return drifting(90+seed, 40, 4, 0.01) }, seeds, seeds, false},
		{"drift without a release", func(seed uint64) []series.StoredRun { return drifting(90+seed, 40, -1, 0.01) }, seeds, seeds, false},
	} {
		o := simulate(t, seeds, test.runs)
		if o.regressed < test.least || o.regressed > test.most || !test.mayBeUnheard && o.quiet > 0 {
			t.Errorf("%s: %+v of %d, want %d to %d to regress", test.name, o, seeds, test.least, test.most)
		}
	}
}

// A drift below the threshold is not told.
func TestDriftCountsOnceItReachesTheThreshold(t *testing.T) {
	if c := checkOf(t, drifting(1, 14, 0, 0.001), series.Options{}); c.Regressed() {
		t.Errorf("2.6 %%: %q", saidOf(c))
	}
	if c := checkOf(t, drifting(1, 18, 0, 0.001), series.Options{}); !strings.HasPrefix(saidOf(c), "last-release regression run-01") || len(c.Findings) != 1 {
		t.Errorf("3.4 %%: %q", saidOf(c))
	}
}

// An outlier is told while it is the newest run, and no longer when it is not.
func TestAnOutlierGoesBack(t *testing.T) {
	runs := over(2, 30, 0.005, func(i int) float64 {
		if i == 20 {
			return 0.85
		}
		return 1
	}, nil)
	for n, want := range map[int]string{20: "", 21: "last-run regression run-020", 22: "", 30: ""} {
		if got := saidOf(checkOf(t, runs[:n], series.Options{})); got != want {
			t.Errorf("%d runs: %q, want %q", n, got, want)
		}
	}
}

func TestAcknowledged(t *testing.T) {
	levels := func(i int) float64 {
		switch {
		case i < 20:
			return 1
		case i < 40:
			return 0.9
		case i < 60:
			return 0.8
		}
		return 1
	}
	runs := released(over(1, 80, 0.005, levels, nil), 10, "v1")
	first := checkOf(t, runs[:35], series.Options{})
	if saidOf(first) != "change-point regression run-020, last-release regression run-034" {
		t.Fatalf("%q", saidOf(first))
	}
	acks := map[string]series.Ack{first.Findings[0].ID: {Reason: "known | well", Time: "2026-02-01T00:00:00Z"}}
	// All that the change since the release consists of is acknowledged.
	c := checkOf(t, runs[:35], series.Options{Acks: acks})
	if c.Regressed() || len(c.Findings) != 2 || c.Findings[0].Acknowledged == nil || c.Findings[1].Acknowledged == nil {
		t.Errorf("acknowledged: %q, regressed %v", saidOf(c), c.Regressed())
	}
	for name, write := range map[string]func(*bytes.Buffer) error{
		"check": func(b *bytes.Buffer) error { return render.CheckSummary(b, c) },
		"show":  func(b *bytes.Buffer) error { return render.HistorySummary(b, c) },
		"report": func(b *bytes.Buffer) error {
			f, err := FindHistoryFormat("markdown")
			if err != nil {
				return err
			}
			return f.PrintHistory(b, c)
		},
	} {
		var b bytes.Buffer
		if err := write(&b); err != nil || !strings.Contains(b.String(), first.Findings[0].ID) || !strings.Contains(b.String(), "acknowledged 2026-02-01 00:00 UTC: known") {
			t.Errorf("%s: %v: %s", name, err, b.String())
		}
	}
	// What gets worse on top of it is another finding.
	c = checkOf(t, runs[:55], series.Options{Acks: acks})
	if !c.Regressed() || c.Findings[0].Acknowledged == nil && c.Findings[0].ID == first.Findings[0].ID {
		t.Errorf("worse: %q", saidOf(c))
	}
	// And without an acknowledgement all is gone once the level is back.
	if c = checkOf(t, runs, series.Options{}); c.Regressed() {
		t.Errorf("back: %q", saidOf(c))
	}
	// An ID does not depend on what is acknowledged, or on how much is shown.
	if f, ok, err := checkOf(t, runs[:55], series.Options{Acks: acks, Since: time.Date(2026, 1, 3, 0, 0, 0, 0, time.UTC)}).Finding(first.Findings[0].ID); err != nil || !ok || f.Begins.Run != "run-020" {
		t.Errorf("%+v, %v, %v", f, ok, err)
	}
	if _, ok, err := c.Finding("0123456789"); ok || err != nil {
		t.Errorf("a finding that nobody made: %v, %v", ok, err)
	}
}

func TestMixedHosts(t *testing.T) {
	floors := func(of func(i int) float64) *series.Check {
		return checkOf(t, over(1, 24, 0.01, flatLevel, func(i int, f *record.File) { f.Run.Floor.SyscallNs = of(i) }), series.Options{})
	}
	for _, test := range []struct {
		name  string
		floor func(i int) float64
		mixed bool
	}{
		{"by turns", func(i int) float64 { return []float64{86, 100, 100}[i%3] + float64(i%5)/2 }, true},
		{"one host", func(i int) float64 { return 86 + float64(i*7%11)/2 }, false},
		{"a change of the host", func(i int) float64 { return 86 + 14*float64(i/12) + float64(i%5)/2 }, false},
		{"no floor", func(int) float64 { return 0 }, false},
		{"the same floor always", func(int) float64 { return 86 }, false},
	} {
		c := floors(test.floor)
		var b bytes.Buffer
		if err := render.CheckSummary(&b, c); err != nil {
			t.Fatal(err)
		}
		if said := strings.Contains(b.String(), "Mixed runs: the runs of host "+oneHost); said != test.mixed || (c.Mixed[oneHost] != "") != test.mixed {
			t.Errorf("%s: mixed %q, said %v", test.name, c.Mixed[oneHost], said)
		}
	}
	if m := floors(func(i int) float64 { return []float64{86, 100}[i%2] }).Mixed[oneHost]; !strings.Contains(m, "86.0 ns (in 12 runs) and 100.0 ns (in 12)") {
		t.Errorf("mixed: %q", m)
	}
}

// sixty series of several hundred runs must be checked in seconds.
func BenchmarkCheck(b *testing.B) {
	runs := over(1, 300, 0.03, stepFrom(250, 0.95), func(i int, f *record.File) {
		for k := range 59 {
			other := f.Trials[0]
			other.Scenario = strings.Replace(fixture.Fast, "queues=1", fmt.Sprintf("queues=%d", k+2), 1)
			other.Metrics = map[string]float64{record.PPS: other.Metrics[record.PPS] * (1 + 0.02*float64((i*(k+3))%7-3))}
			f.Trials = append(f.Trials, other)
		}
	})
	for b.Loop() {
		h, err := series.NewHistory("runs", runs, series.Options{})
		if err != nil {
			b.Fatal(err)
		}
		if len(h.Series) != 60 {
			b.Fatal(len(h.Series))
		}
		if _, err := h.Check(); err != nil {
			b.Fatal(err)
		}
	}
}
