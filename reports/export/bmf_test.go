package export

import (
	"encoding/json"
	"strings"
	"testing"
	"testing/quick"
	"unicode/utf8"

	"tunbench/reports/figure"
	"tunbench/reports/fixture"
	"tunbench/reports/metric"
	"tunbench/reports/record"
)

type bmfFile = map[string]map[string]bmfMetric

func readBMF(t *testing.T, f *record.File) bmfFile {
	t.Helper()
	var got bmfFile
	dec := json.NewDecoder(strings.NewReader(exported(t, "bmf", record.Named{Name: "run", File: f})[bmfName]))
	dec.DisallowUnknownFields()
	if err := dec.Decode(&got); err != nil {
		t.Fatal(err)
	}
	return got
}

func TestBMF(t *testing.T) {
	f := &record.File{Run: &record.Run{}, Trials: append(fixture.TrialsOf("Tun/six", 6, 1, 5, 2, 4, 3), fixture.TrialsOf("Tun/five", 1, 2, 3, 4, 5)...)}
	got := readBMF(t, f)
	if m := got["Tun/six"]["pps"]; m.Value != 3.5 || m.Lower == nil || *m.Lower != 1 || m.Upper == nil || *m.Upper != 6 {
		t.Errorf("six trials: %+v", m)
	}
	if m := got["Tun/five"]["pps"]; m.Value != 3 || m.Lower != nil || m.Upper != nil {
		t.Errorf("five trials have no 95 %% interval: %+v", m)
	}
	if m := got["Tun/six"]["e2e-p99"]; m.Value != 3500 {
		t.Errorf("latency: %+v", m)
	}
	if m := got["Tun/five"]["valid-trials"]; m.Value != 5 {
		t.Errorf("valid trials: %+v", m)
	}

	// Instructions and nanoseconds are two histories.
	f = fixture.Boot(record.Bare, true, 100, 200)
	for name, measures := range readBMF(t, f) {
		if _, mixed := measures["send-ns-per-pkt"]; mixed || measures["send-instructions-per-pkt"].Value == 0 {
			t.Errorf("%s: %v", name, measures)
		}
	}
}

func TestBMFRefuses(t *testing.T) {
	one := func(scenario string, metrics ...string) *record.File {
		m := map[string]float64{}
		for _, name := range metrics {
			m[name] = 1
		}
		return &record.File{Run: &record.Run{}, Trials: []record.Trial{{Scenario: scenario, Metrics: m}}}
	}
	for want, f := range map[string]*record.File{
		"names of 1 to 1024 characters, this has 0":    one("", "pps"),
		"names of 1 to 1024 characters, this has 1025": one(strings.Repeat("ü", 1025), "pps"),
		"names of 1 to 64 characters, this has 65":     one("Tun", strings.Repeat("m", 65)),
		"two metrics that Bencher would call":          one("Tun", "a_b", "a-b"),
	} {
		_, err := bmfRuns([]record.Named{{Name: "run", File: f}}, false)
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v, want %q", err, want)
		}
	}
	if _, err := bmfRuns([]record.Named{{Name: "run", File: one(strings.Repeat("ü", 1024), "pps")}}, false); err != nil {
		t.Error(err)
	}
	if _, err := FindFormat("bmf", true); err == nil || !strings.Contains(err.Error(), "carries no verdicts") {
		t.Error(err)
	}
}

func TestBMFNames(t *testing.T) {
	survive := func(scenario, name, skipped, reason fixture.OddText) bool {
		f := fixture.OddRun(scenario, name, skipped, reason)
		if scenario == "" || skipped == "" || name == "" || utf8.RuneCountInString(string(name)) > bmfMeasureLimit {
			_, err := bmfRuns([]record.Named{{Name: "run", File: f}}, false)
			return err != nil
		}
		got := readBMF(t, f)
		_, ok := got[string(skipped)]
		return ok && got[string(scenario)][bmfSlug(figure.Measure{Kind: metric.Of(string(name), "")})].Value == f.Trials[0].Metrics[string(name)] &&
			got[string(scenario)]["pps"].Value == f.Trials[0].Metrics[record.PPS]
	}
	if err := quick.Check(survive, nil); err != nil {
		t.Error(err)
	}
}
