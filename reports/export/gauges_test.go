package export

import (
	"bytes"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"tunbench/reports/fixture"
	"tunbench/reports/metric"
	"tunbench/reports/record"
	"tunbench/reports/verdict"
)

// gauge is a gauge as the page or an export has it.
type gauge struct {
	labels  []string // sorted, without those of a scenario
	of      bool     // a scenario
	unit    string
	meaning string // on the page
}

// code is what stands between backticks.
var code = regexp.MustCompile("`([^`]+)`")

// documentedGauges reads the table of gauges of a page.
func documentedGauges(text string) map[string]gauge {
	gauges := map[string]gauge{}
	_, text, _ = strings.Cut(text, "\n| gauge | labels | unit | meaning |\n")
	text, _, _ = strings.Cut(text, "\n\n")
	for line := range strings.Lines(text) {
		cells := strings.Split(strings.TrimSpace(line), "|")
		if len(cells) < 6 {
			continue
		}
		g := gauge{of: strings.Contains(cells[2], "scenario labels"), unit: strings.ReplaceAll(strings.TrimSpace(cells[3]), " ", "_"), meaning: strings.TrimSpace(cells[4])}
		for _, m := range code.FindAllStringSubmatch(cells[2], -1) {
			g.labels = append(g.labels, m[1])
		}
		slices.Sort(g.labels)
		for _, m := range code.FindAllStringSubmatch(cells[1], -1) {
			gauges[m[1]] = g
		}
	}
	return gauges
}

// exportedGauges adds the gauges of an export to a map.
func exportedGauges(t *testing.T, text string, gauges map[string]gauge) {
	t.Helper()
	for _, s := range readOpenMetrics(t, text) {
		g := gauges[s.name]
		scenario, of := s.labels["scenario"]
		g.of = of
		for l := range s.labels {
			ofScenario := of && (slices.Contains([]string{"scenario", "mode", "arm", "variant"}, l) || strings.Contains(scenario, "/"+l+"="))
			if l != "run" && !ofScenario && !slices.Contains(g.labels, l) {
				g.labels = append(g.labels, l)
			}
		}
		slices.Sort(g.labels)
		gauges[s.name] = g
	}
	for _, m := range regexp.MustCompile(`(?m)^# UNIT (\S+) (\S+)$`).FindAllStringSubmatch(text, -1) {
		g := gauges[m[1]]
		g.unit = m[2]
		gauges[m[1]] = g
	}
}

// everyGauge gives the gauges of runs, and those of comparisons.
func everyGauge(t *testing.T) (runs, comparisons map[string]gauge) {
	t.Helper()
	runs, comparisons = map[string]gauge{}, map[string]gauge{}
	for _, clock := range []string{record.ClockMonotonic, record.ClockICount} {
		f := fixture.Synthetic()
		f.Run.Clock, f.Run.Sees, f.Run.Host.Governor = clock, map[string]float64{record.PPS: 0.02}, "performance"
		f.Trials = fixture.TrialsOf("Tun/dir=k2u/gen=udp", 1, 2, 3, 4, 5, 6)
		for i := range f.Trials {
			f.Trials[i].Metrics["of_tomorrow"] = float64(i)
			for _, k := range metric.Kinds() {
				f.Trials[i].Metrics[k.Metric] = float64(i)
			}
		}
		exportedGauges(t, exported(t, "openmetrics", record.Named{Name: "run", File: f})[openMetricsName], runs)
	}
	for name, f := range fixture.Variants() {
		exportedGauges(t, exported(t, "openmetrics", record.Named{Name: name, File: f})[openMetricsName], runs)
	}
	format, err := FindFormat("openmetrics", true)
	if err != nil {
		t.Fatal(err)
	}
	base, next := fixture.BeforeAndAfter()
	for _, c := range []*verdict.Comparison{compared(t, base, next, verdict.Options{}), abComparison(t)} {
		dir := t.TempDir()
		if _, err := format.WriteComparison(dir, c); err != nil {
			t.Fatal(err)
		}
		exportedGauges(t, fixture.Contents(t, dir)[openMetricsVerdictsName], comparisons)
	}
	return runs, comparisons
}

// gaugeFaults are the differences between the table of gauges and the exports.
func gaugeFaults(page string, runs, comparisons map[string]gauge) (faults []string) {
	documented, exported := documentedGauges(page), map[string]gauge{}
	for name, g := range runs {
		exported[name] = g
		if _, both := comparisons[name]; both {
			faults = append(faults, name+" is in both files")
		}
	}
	for name, g := range comparisons {
		exported[name] = g
	}
	for name, g := range exported {
		want, ok := documented[name]
		if plain := strings.Replace(name, "_interval", "", 1); !ok && plain != name {
			if want, ok = documented[plain]; ok {
				want.labels = slices.Sorted(slices.Values(append(slices.Clone(want.labels), "bound")))
			}
		}
		switch {
		case !ok:
			faults = append(faults, name+" is not described")
		case want.of != g.of || !slices.Equal(want.labels, g.labels):
			faults = append(faults, name+" has the labels "+strings.Join(g.labels, ", "))
		case want.unit != g.unit:
			faults = append(faults, name+" has the unit "+g.unit)
		}
	}
	for name := range documented {
		if _, ok := exported[name]; !ok {
			faults = append(faults, name+" is no gauge")
		}
	}
	for _, k := range metric.Kinds() {
		names := []string{"tunbench_" + k.Gauge.Family + "_" + k.Gauge.Unit}
		if k.Unit == "ns" {
			names = append(names, "tunbench_"+k.Gauge.Family+"_instructions_per_packet")
		}
		for _, name := range names {
			if !strings.HasPrefix(documented[name].meaning, "`"+k.Metric+"`") {
				faults = append(faults, name+" is "+k.Metric)
			}
		}
	}
	return faults
}

// The page describes each gauge with its labels and its unit, and no other.
func TestGaugesOfDocuments(t *testing.T) {
	text, err := os.ReadFile("../FORMATS.md")
	if err != nil {
		t.Fatal(err)
	}
	page := string(text)
	runs, comparisons := everyGauge(t)
	if faults := gaugeFaults(page, runs, comparisons); len(faults) > 0 {
		t.Errorf("%q", faults)
	}
	for name, test := range map[string]struct{ old, new, want string }{
		"a gauge less":   {"`tunbench_only`", "`tunbench_lonely`", "tunbench_only is not described"},
		"a gauge more":   {"`tunbench_only`", "`tunbench_only`, `tunbench_lonely`", "tunbench_lonely is no gauge"},
		"a label less":   {"`reason`, `detail`", "`reason`", "tunbench_skipped has the labels detail, reason"},
		"a label more":   {"`latency`, `percentile`", "`latency`, `percentile`, `kind`", "tunbench_latency_seconds has the labels"},
		"no scenario":    {"| `tunbench_flagged_trials` | scenario labels, ", "| `tunbench_flagged_trials` | ", "tunbench_flagged_trials has the labels"},
		"another unit":   {"| scenario labels | seconds per packet | `cpu", "| scenario labels | seconds | `cpu", "tunbench_cpu_seconds_per_packet has the unit"},
		"another metric": {"| `jain` |", "| `jane` |", "tunbench_jain_ratio is jain"},
	} {
		bad := strings.Replace(page, test.old, test.new, 1)
		if bad == page {
			t.Errorf("%s: there is no %q", name, test.old)
		} else if faults := strings.Join(gaugeFaults(bad, runs, comparisons), "\n"); !strings.Contains(faults, test.want) {
			t.Errorf("%s: %q has no %q", name, faults, test.want)
		}
	}
	comparisons["tunbench_run_info"] = runs["tunbench_run_info"]
	if faults := gaugeFaults(page, runs, comparisons); !slices.Equal(faults, []string{"tunbench_run_info is in both files"}) {
		t.Errorf("a gauge in both files: %q", faults)
	}
}

// alerts are the verdicts that a query on their number selects.
func alerts(query string) (selected []string) {
	m := regexp.MustCompile(`tunbench_verdicts\{verdict(=~?)\\?"([^"\\]+)\\?"\}`).FindStringSubmatch(query)
	for _, k := range verdict.Kinds {
		// A matcher of Prometheus holds for a whole value.
		if m != nil && (m[1] == "=" && k.Verdict == m[2] || m[1] == "=~" && regexp.MustCompile("^(?:"+m[2]+")$").MatchString(k.Verdict)) {
			selected = append(selected, k.Verdict)
		}
	}
	return selected
}

// The alert of the page, and the number that the dashboard shows, see the regressions of
// tunbench ab and those of two stored runs, which are indicative, and no other verdicts.
func TestAlertsOnRegressions(t *testing.T) {
	worse := []string{record.Regression, record.IndicativeRegression}
	for _, name := range []string{"../FORMATS.md", "../../scripts/grafana/tunbench.json"} {
		text, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		if selected := alerts(string(text)); !slices.Equal(selected, worse) {
			t.Errorf("%s selects %q, want %q", name, selected, worse)
		}
	}
	if selected := alerts(`tunbench_verdicts{verdict="regression"} > 0`); !slices.Equal(selected, worse[:1]) {
		t.Errorf("one verdict: %q", selected)
	}
	if selected := alerts(`sum(tunbench_verdicts{verdict=~\"regression|indicative\"})`); !slices.Equal(selected, worse[:1]) {
		t.Errorf("a part of a verdict: %q", selected)
	}
	base, next := fixture.BeforeAndAfter()
	for _, c := range []*verdict.Comparison{compared(t, base, next, verdict.Options{}), abComparison(t)} {
		format, err := FindFormat("openmetrics", true)
		if err != nil {
			t.Fatal(err)
		}
		var b bytes.Buffer
		if err := format.PrintComparison(&b, c); err != nil {
			t.Fatal(err)
		}
		samples, n := readOpenMetrics(t, b.String()), 0.0
		for _, v := range worse {
			n += find(t, samples, "tunbench_verdicts", "verdict", v)
		}
		if n == 0 {
			t.Errorf("no alert on %s against %s", c.New.Name, c.Base.Name)
		}
	}
}
