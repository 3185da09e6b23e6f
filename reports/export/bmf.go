package export

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strings"
	"unicode/utf8"

	"tunbench/reports/figure"
	"tunbench/reports/metric"
	"tunbench/reports/record"
	"tunbench/reports/render"
)

// bmfName is the file of the Bencher Metric Format.
const bmfName = "bmf.json"

// Bencher refuses longer names.
const (
	bmfBenchmarkLimit = 1024 // characters
	bmfMeasureLimit   = 64
)

// bmfMetric is a figure as Bencher takes it; its bounds are the 95 % interval
// of the median, or what a rate search left open.
type bmfMetric struct {
	Value float64  `json:"value"`
	Lower *float64 `json:"lower_value,omitempty"`
	Upper *float64 `json:"upper_value,omitempty"`
}

// bmfRuns gives the figures of a run by benchmark and measure. The format has
// no room for words: how many trials there were, and how many of them are valid,
// are measures of their own, so that a scenario that was skipped or spoiled
// shows as such. What it has no figure for is left out.
func bmfRuns(runs []record.Named, _ bool) ([]render.Output, error) {
	benchmarks := map[string]map[string]bmfMetric{}
	for _, s := range figure.Subjects(runs[0].File) {
		if err := bmfFits("scenario", s.Name(), bmfBenchmarkLimit); err != nil {
			return nil, err
		}
		measures := map[string]bmfMetric{}
		put := func(name string, m bmfMetric) error {
			if err := bmfFits("metric", name, bmfMeasureLimit); err != nil {
				return err
			}
			if _, taken := measures[name]; taken {
				return fmt.Errorf("scenario %q has two metrics that Bencher would call %q", s.Name(), name)
			}
			measures[name] = m
			return nil
		}
		for _, m := range s.Measures {
			b := bmfMetric{Value: m.Value}
			if m.Within == figure.Confident || m.Within == figure.SearchBound {
				b.Lower, b.Upper = &m.Interval.Low, &m.Interval.High
			}
			if err := put(bmfSlug(m), b); err != nil {
				return nil, err
			}
		}
		for name, n := range map[string]int{"trials": s.Trials, "valid-trials": s.Valid} {
			if err := put(name, bmfMetric{Value: float64(n)}); err != nil {
				return nil, err
			}
		}
		if _, taken := benchmarks[s.Name()]; taken {
			return nil, fmt.Errorf("two scenarios are called %q", s.Name())
		}
		benchmarks[s.Name()] = measures
	}
	b, err := indented(benchmarks)
	return []render.Output{{Name: bmfName, Content: b}}, err
}

// bmfSlug is the name of a measure: that of the metric, with hyphens. What
// counts instructions must not land in the history of nanoseconds.
func bmfSlug(m figure.Measure) string {
	name := strings.ReplaceAll(strings.ReplaceAll(m.Metric, "_", "-"), ".", "-")
	if m.Unit == metric.Instructions {
		name = strings.Replace(name, "-ns-", "-instructions-", 1)
	}
	return name
}

func bmfFits(what, name string, limit int) error {
	if n := utf8.RuneCountInString(name); n == 0 || n > limit {
		return fmt.Errorf("%s %q: Bencher takes names of 1 to %d characters, this has %d", what, name, limit, n)
	}
	return nil
}

// indented is v as JSON for people and programs.
func indented(v any) ([]byte, error) {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	enc.SetIndent("", "  ")
	if err := enc.Encode(v); err != nil {
		return nil, err
	}
	return b.Bytes(), nil
}
