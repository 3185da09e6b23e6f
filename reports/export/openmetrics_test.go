package export

import (
	"bytes"
	"io"
	"maps"
	"math"
	"regexp"
	"slices"
	"strings"
	"testing"
	"testing/quick"

	"github.com/prometheus/common/expfmt"
	"github.com/prometheus/common/model"
	promlabels "github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/model/textparse"

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

// readOpenMetrics reads text with Prometheus' own OpenMetrics parser, and again
// with that of the older text format, which the textfile collector of
// node_exporter uses. Both must see the same samples.
func readOpenMetrics(t *testing.T, text string) (samples []sample) {
	t.Helper()
	seen, units := map[string]bool{}, map[string]string{}
	p := textparse.NewOpenMetricsParser([]byte(text), promlabels.NewSymbolTable())
	for {
		entry, err := p.Next()
		if err == io.EOF {
			break
		}
		if err != nil {
			t.Fatalf("OpenMetrics: %v in\n%q", err, text)
		}
		switch entry {
		case textparse.EntryType:
			if name, kind := p.Type(); kind != model.MetricTypeGauge {
				t.Errorf("%s is a %s", name, kind)
			} else if seen[string(name)] {
				t.Errorf("%s comes in two pieces", name)
			} else {
				seen[string(name)] = true
			}
		case textparse.EntryHelp:
			if name, help := p.Help(); len(help) == 0 {
				t.Errorf("%s has no help", name)
			}
		case textparse.EntryUnit:
			name, unit := p.Unit()
			units[string(name)] = string(unit)
		case textparse.EntrySeries:
			_, timestamp, value := p.Series()
			if timestamp != nil {
				t.Errorf("a timestamp, which the textfile collector refuses: %d", *timestamp)
			}
			var l promlabels.Labels
			p.Labels(&l)
			s := sample{name: l.Get("__name__"), labels: map[string]string{}, value: value}
			l.Range(func(l promlabels.Label) {
				if l.Name != "__name__" {
					s.labels[l.Name] = l.Value
				}
			})
			if unit := units[s.name]; unit != "" && !strings.HasSuffix(s.name, "_"+unit) {
				t.Errorf("%s does not end in its unit, %s", s.name, unit)
			}
			samples = append(samples, s)
		}
	}

	parser := expfmt.NewTextParser(model.LegacyValidation)
	families, err := parser.TextToMetricFamilies(strings.NewReader(text))
	if err != nil {
		t.Fatalf("text format: %v in\n%q", err, text)
	}
	n := 0
	for name, family := range families {
		own := slices.DeleteFunc(slices.Clone(samples), func(s sample) bool { return s.name != name })
		n += len(family.Metric)
		for i, m := range family.Metric {
			l := map[string]string{}
			for _, pair := range m.Label {
				l[pair.GetName()] = pair.GetValue()
			}
			if i >= len(own) || !maps.Equal(l, own[i].labels) || m.GetGauge().GetValue() != own[i].value {
				t.Fatalf("%s: the two parsers differ: %v", name, l)
			}
		}
	}
	if n != len(samples) {
		t.Errorf("%d samples in the text format, %d in OpenMetrics", n, len(samples))
	}
	return samples
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
	virtual := openMetricsOf(t, record.Named{Name: "run", File: fixture.Boot(record.Bare, true, 100, 200)})
	for _, s := range virtual {
		if strings.HasPrefix(s.name, "tunbench_send_seconds") {
			t.Errorf("instructions are no seconds: %v", s)
		}
	}
	if !slices.ContainsFunc(virtual, func(s sample) bool { return s.name == "tunbench_send_instructions_per_packet" }) {
		t.Error("no instructions")
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
