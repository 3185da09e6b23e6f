package export

import (
	"bytes"
	"fmt"
	"math"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"testing/quick"

	"github.com/prometheus/common/expfmt"
	"github.com/prometheus/common/model"

	"tunbench/reports/fixture"
	"tunbench/reports/record"
	"tunbench/reports/verdict"
)

// sample is a gauge as Prometheus has it.
type sample struct {
	name   string
	labels map[string]string
	value  float64
}

// parseOpenMetrics reads text with the parser of Prometheus' text format, which the
// textfile collector of node_exporter uses, and holds it against what Prometheus' library
// writes as OpenMetrics of the same samples. Numbers alone may be spelled otherwise.
func parseOpenMetrics(text string) (samples []sample, err error) {
	parser := expfmt.NewTextParser(model.LegacyValidation)
	families, err := parser.TextToMetricFamilies(strings.NewReader(text))
	if err != nil {
		return nil, fmt.Errorf("text format: %w", err)
	}
	units := map[string]string{}
	var order []string
	for _, line := range strings.Split(text, "\n") {
		if rest, ok := strings.CutPrefix(line, "# UNIT "); ok {
			name, unit, _ := strings.Cut(rest, " ")
			units[name] = unit
		}
		if rest, ok := strings.CutPrefix(line, "# HELP "); ok {
			name, _, _ := strings.Cut(rest, " ")
			order = append(order, name)
		}
	}
	var again bytes.Buffer
	for _, name := range order {
		family := families[name]
		if family == nil || len(family.Metric) == 0 {
			return nil, fmt.Errorf("%s has no samples", name)
		}
		if family.GetHelp() == "" || family.Metric[0].Gauge == nil {
			return nil, fmt.Errorf("%s has no help, or is no gauge", name)
		}
		if unit, ok := units[name]; ok {
			family.Unit = &unit
		}
		if _, err := expfmt.MetricFamilyToOpenMetrics(&again, family, expfmt.WithUnit()); err != nil {
			return nil, err
		}
		for _, m := range family.Metric {
			if m.TimestampMs != nil {
				return nil, fmt.Errorf("%s has a timestamp, which the textfile collector refuses", name)
			}
			s := sample{name: name, labels: map[string]string{}, value: m.GetGauge().GetValue()}
			for _, l := range m.Label {
				s.labels[l.GetName()] = l.GetValue()
			}
			samples = append(samples, s)
		}
	}
	if _, err := expfmt.FinalizeOpenMetrics(&again); err != nil {
		return nil, err
	}
	own, library := strings.Split(text, "\n"), strings.Split(again.String(), "\n")
	if len(own) != len(library) {
		return nil, fmt.Errorf("%d lines, the library writes %d", len(own), len(library))
	}
	for i := range own {
		if own[i] != library[i] && withoutNumber(own[i]) != withoutNumber(library[i]) {
			return nil, fmt.Errorf("%q, the library writes %q", own[i], library[i])
		}
	}
	return samples, nil
}

// withoutNumber is a sample's line with its number in one spelling.
func withoutNumber(line string) string {
	at := strings.LastIndexByte(line, ' ')
	if v, err := strconv.ParseFloat(line[at+1:], 64); err == nil && !strings.HasPrefix(line, "#") {
		return line[:at+1] + strconv.FormatFloat(v, 'g', -1, 64)
	}
	return line
}

func readOpenMetrics(t *testing.T, text string) []sample {
	t.Helper()
	samples, err := parseOpenMetrics(text)
	if err != nil {
		t.Fatalf("%v in\n%q", err, text)
	}
	return samples
}

// What readers of OpenMetrics refuse is found out.
func TestOpenMetricsReader(t *testing.T) {
	const good = "# HELP a_seconds Time\n# TYPE a_seconds gauge\n# UNIT a_seconds seconds\na_seconds{x=\"1\"} 3\na_seconds{x=\"\\\"\"} 0.5\n# HELP b Count\n# TYPE b gauge\nb 7\n# EOF\n"
	if samples, err := parseOpenMetrics(good); err != nil || len(samples) != 3 || samples[1].labels["x"] != `"` {
		t.Fatalf("%v, %v", samples, err)
	}
	for name, edit := range map[string][2]string{
		"no end":                   {"# EOF\n", ""},
		"lines after the end":      {"# EOF\n", "# EOF\nb 8\n"},
		"a comment":                {"# HELP b", "# of tunbench\n# HELP b"},
		"a timestamp":              {"b 7", "b 7 1795215067000"},
		"a counter":                {"a_seconds gauge", "a_seconds counter"},
		"no help":                  {" Count", ""},
		"no type":                  {"# TYPE b gauge\n", ""},
		"a unit that is no suffix": {"a_seconds seconds", "a_seconds ratio"},
		"two pieces":               {"b 7\n", "b 7\na_seconds{x=\"2\"} 1\n"},
		"the unit first":           {"# TYPE a_seconds gauge\n# UNIT a_seconds seconds\n", "# UNIT a_seconds seconds\n# TYPE a_seconds gauge\n"},
		"no number":                {"b 7", "b seven"},
		"a label that is open":     {`x="1"`, `x="1`},
		"no name":                  {"b 7", "9 7"},
		"a space too many":         {"b 7", "b  7"},
		"no samples":               {"b 7\n", ""},
	} {
		if bad := strings.Replace(good, edit[0], edit[1], 1); bad == good {
			t.Errorf("%s: there is no %q", name, edit[0])
		} else if _, err := parseOpenMetrics(bad); err == nil {
			t.Errorf("%s passes:\n%s", name, bad)
		}
	}
}

func openMetricsOf(t *testing.T, runs ...record.Named) []sample {
	t.Helper()
	return readOpenMetrics(t, exported(t, "openmetrics", runs...)[openMetricsName])
}

// find gives the value of the only sample with that name and these labels.
func find(t *testing.T, samples []sample, name string, of ...string) float64 {
	t.Helper()
	var found []float64
next:
	for _, s := range samples {
		if s.name != name {
			continue
		}
		for i := 0; i < len(of); i += 2 {
			if s.labels[of[i]] != of[i+1] {
				continue next
			}
		}
		found = append(found, s.value)
	}
	if len(found) != 1 {
		t.Errorf("%s %q: %v", name, of, found)
		return math.NaN()
	}
	return found[0]
}

func TestOpenMetrics(t *testing.T) {
	f := &record.File{Run: &record.Run{
		Started: "2026-11-20T22:51:07Z", Host: record.Host{Kernel: "6.18.0", CPUs: 2},
		Floor: record.Floor{SyscallNs: 250, CopyNs: map[string]float64{"64": 30}}, Sees: map[string]float64{record.PPS: 0.02},
	}}
	f.Trials = fixture.TrialsOf("Tun/dir=k2u/queues=4/arm=x", 6, 1, 5, 2, 4, 3)
	for i := range f.Trials {
		f.Trials[i].Metrics[record.BitPerS] = 800
		f.Trials[i].Metrics[record.CPUNsPerPkt] = 2500
		f.Trials[i].Metrics["of_tomorrow"] = 7
	}
	f.Trials = append(f.Trials, fixture.TrialsOf("Tap/dir=k2u", 1)...)
	f.Trials[6].Flags = []string{record.FlagSteal}
	f.Skips = []record.Skip{{Scenario: "Tun/io=vhost", Reason: record.Missing, Detail: "no /dev/vhost-net"}}
	got := openMetricsOf(t, record.Named{Name: "run", File: f})
	scenario := []string{"scenario", "Tun/dir=k2u/queues=4/arm=x", "mode", "tun", "dir", "k2u", "queues", "4", "arm", "bare"}
	check := func(name string, want float64, of ...string) {
		t.Helper()
		if v := find(t, got, name, of...); v != want {
			t.Errorf("%s %q is %v, want %v", name, of, v, want)
		}
	}
	check("tunbench_run_info", 1, "kernel", "6.18.0", "cpus", "2")
	check("tunbench_run_start_timestamp_seconds", 1795215067)
	check("tunbench_run_complete", 0)
	check("tunbench_bare_system_call_seconds", 250e-9)
	check("tunbench_bare_copy_seconds", 30e-9, "size", "64")
	check("tunbench_visible_change_ratio", 0.02, "metric", "pps")
	check("tunbench_delivered_packets_per_second", 3.5, scenario...)
	check("tunbench_delivered_interval_packets_per_second", 1, append(scenario, "bound", "lower")...)
	check("tunbench_delivered_interval_packets_per_second", 6, append(scenario, "bound", "upper")...)
	check("tunbench_delivered_bytes_per_second", 100, scenario...)
	check("tunbench_cpu_seconds_per_packet", 2.5e-6, scenario...)
	check("tunbench_latency_seconds", 3.5e-6, append(scenario, "latency", "e2e", "percentile", "99")...)
	check("tunbench_other", 7, append(scenario, "metric", "of_tomorrow")...)
	check("tunbench_valid_trials", 6, scenario...)
	check("tunbench_skipped", 1, "scenario", "Tun/io=vhost", "io", "vhost", "reason", "missing", "detail", "no /dev/vhost-net")
	// Figures of trials that are all invalid are not exported, the trials are.
	check("tunbench_invalid_trials", 1, "scenario", "Tap/dir=k2u")
	check("tunbench_flagged_trials", 1, "scenario", "Tap/dir=k2u", "flag", "steal")
	for _, s := range got {
		if s.labels["mode"] == "tap" && s.name == "tunbench_delivered_packets_per_second" {
			t.Errorf("an invalid figure: %v", s)
		}
	}
}

func TestOpenMetricsOfAllRuns(t *testing.T) {
	base := regexp.MustCompile(`^tunbench_[a-z_]*[a-z]$`)
	for name, f := range fixture.Variants() {
		for _, s := range openMetricsOf(t, record.Named{Name: name, File: f}) {
			if !base.MatchString(s.name) || regexp.MustCompile(`_(ns|ms|us|bits?|pps)(_|$)`).MatchString(s.name) {
				t.Errorf("%s: not a name of Prometheus' conventions", s.name)
			}
			if _, labelled := s.labels["run"]; labelled {
				t.Errorf("one run needs no label: %v", s)
			}
		}
	}
	boot := fixture.Boot(record.Bare, true, 100, 200)
	for _, one := range boot.Trials {
		one.Metrics[record.CPUNsPerPkt] = 4000
	}
	virtual := openMetricsOf(t, record.Named{Name: "run", File: boot})
	for _, s := range virtual {
		if strings.HasSuffix(s.name, "_seconds_per_packet") {
			t.Errorf("instructions are no seconds: %v", s)
		}
	}
	for _, name := range []string{"tunbench_send_instructions_per_packet", "tunbench_cpu_instructions_per_packet"} {
		if !slices.ContainsFunc(virtual, func(s sample) bool { return s.name == name }) {
			t.Errorf("no %s", name)
		}
	}
}

func TestOpenMetricsOfSeveralRuns(t *testing.T) {
	a, b := fixture.Synthetic(), fixture.Synthetic()
	runs := []record.Named{{Name: "a", File: a}, {Name: "b", File: b}}
	samples := openMetricsOf(t, runs...)
	find(t, samples, "tunbench_run_info", "run", "a")
	find(t, samples, "tunbench_run_info", "run", "b")
	if one := openMetricsOf(t, runs[0]); len(samples) != 2*len(one) {
		t.Errorf("%d samples of two runs, %d of one", len(samples), len(one))
	}
	_, err := openMetricsRuns([]record.Named{{Name: "a", File: a}, {Name: "a", File: b}}, true)
	if err == nil || !strings.Contains(err.Error(), "named twice") {
		t.Error(err)
	}
}

func TestOpenMetricsComparison(t *testing.T) {
	base, next := fixture.BeforeAndAfter()
	for _, c := range []*verdict.Comparison{compared(t, base, next, verdict.Options{}), abComparison(t)} {
		f, err := FindFormat("openmetrics", true)
		if err != nil {
			t.Fatal(err)
		}
		var b bytes.Buffer
		if err := f.PrintComparison(&b, c); err != nil {
			t.Fatal(err)
		}
		samples := readOpenMetrics(t, b.String())
		counts := map[string]float64{}
		for _, v := range c.Verdicts {
			counts[v.Verdict]++
			find(t, samples, "tunbench_verdict", "scenario", v.Scenario, "metric", v.Metric, "verdict", v.Verdict)
			if v.Change != nil {
				if got := find(t, samples, "tunbench_change_ratio", "scenario", v.Scenario, "metric", v.Metric); got != *v.Change {
					t.Errorf("%s %s: %v, want %v", v.Scenario, v.Metric, got, *v.Change)
				}
			}
		}
		for _, k := range verdict.Kinds {
			if got := find(t, samples, "tunbench_verdicts", "verdict", k.Verdict); got != counts[k.Verdict] {
				t.Errorf("%s: %v, want %v", k.Verdict, got, counts[k.Verdict])
			}
		}
	}
}

func TestOpenMetricsNames(t *testing.T) {
	survive := func(scenario, metric, skipped, reason fixture.OddText) bool {
		f := fixture.OddRun(scenario, metric, skipped, reason)
		scenarios, metrics, reasons, flags := map[string]bool{}, map[string]bool{}, map[string]bool{}, map[string]bool{}
		for _, s := range openMetricsOf(t, record.Named{Name: "run", File: f}) {
			scenarios[s.labels["scenario"]] = true
			metrics[s.labels["metric"]] = true
			reasons[s.labels["reason"]] = true
			flags[s.labels["flag"]] = true
		}
		return scenarios[string(scenario)] && scenarios[string(skipped)] && metrics[string(metric)] && reasons[string(reason)] && flags[string(reason)]
	}
	if err := quick.Check(survive, nil); err != nil {
		t.Error(err)
	}
}
