package main

import (
	"context"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"tunbench/bench/completion"
	"tunbench/harness/spec"
	"tunbench/reports/record"
)

// The plots of a run that a suite of curves made: as a table on stdout, as pictures in a
// folder and in a page; and what cannot be plotted.
func TestReportPlot(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "run")
	lab := fakeLab{run: func(s spec.Spec, _ string) (record.Trial, error) {
		return record.Trial{DurationNs: 1e9, Metrics: map[string]float64{record.PPS: 1e6, record.BitPerS: 8e6 * float64(s.Size)}}, nil
	}}
	if code, _, stderr := tunbench(context.Background(), lab, nil, "run", "--suite", "sizes", "--filter", "gen=udp", "--trials", "1", "--arm", "bare", "--out", dir); code != 0 {
		t.Fatalf("exit %d, stderr %q", code, stderr)
	}
	plot := []string{"report", dir, "--plot", "x=size,y=bit_per_s,by=dir", "--plot", "x=size,y=pps,dir=u2k"}
	code, stdout, stderr := tunbench(context.Background(), fakeLab{}, nil, plot...)
	for _, want := range []string{"## Throughput by packet size\n", "All points: `TUN gen=udp queues=1`.", "dir=u2k Gbit/s", "65000", "## Packet rate by packet size\n"} {
		if code != 0 || stderr != "" || !strings.Contains(stdout, want) {
			t.Errorf("exit %d, stderr %q, no %q in\n%s", code, stderr, want, stdout)
		}
	}
	out := t.TempDir()
	if code, _, stderr := tunbench(context.Background(), fakeLab{}, nil, append(plot, "--out", out)...); code != 0 {
		t.Errorf("exit %d, stderr %q", code, stderr)
	}
	for _, name := range []string{"report.md", "plot-size-bit-per-s.svg", "plot-size-pps.svg"} {
		if _, err := os.Stat(filepath.Join(out, name)); err != nil {
			t.Error(err)
		}
	}
	if code, page, stderr := tunbench(context.Background(), fakeLab{}, nil, append(plot, "--format", "html")...); code != 0 || strings.Count(page, `<svg class="chart"`) != 2 {
		t.Errorf("exit %d, stderr %q, %d charts in the page", code, stderr, strings.Count(page, "<svg"))
	}

	slides := t.TempDir()
	if code, _, stderr := tunbench(context.Background(), fakeLab{}, nil, append(plot, "--format", "png", "--out", slides)...); code != 0 {
		t.Errorf("exit %d, stderr %q", code, stderr)
	}
	for _, name := range []string{"plot-size-bit-per-s.png", "plot-size-pps.png"} {
		if text, err := os.ReadFile(filepath.Join(slides, name)); err != nil || !strings.HasPrefix(string(text), "\x89PNG") {
			t.Errorf("%s: %v, %.20q", name, err, text)
		}
	}
	if code, _, stderr := tunbench(context.Background(), fakeLab{}, nil, append(plot, "--format", "csv")...); code != 2 || !strings.Contains(stderr, "choose markdown, html or png for --plot") {
		t.Errorf("exit %d, stderr %q", code, stderr)
	}

	for ask, want := range map[string]string{
		"x=size,y=bit_per_s":           "also differ in dir (k2u, u2k): keep one value of each, such as by adding dir=k2u, or draw a line for each value with by=dir",
		"x=queues,y=pps,dir=k2u":       "queues has fewer than two numbers in these scenarios (1): choose size (64, 256, ",
		"x=size,y=loss,dir=k2u":        `no scenario has a metric "loss": choose pps, bit_per_s`,
		"x=size,y=pps,dir=k2u,io=spin": "no scenario has io=spin: this run has read",
	} {
		code, stdout, stderr := tunbench(context.Background(), fakeLab{}, nil, "report", dir, "--plot", ask)
		if code != 2 || stdout != "" || !strings.Contains(stderr, want) {
			t.Errorf("%s: exit %d, stdout %q, stderr %q, want %q", ask, code, stdout, stderr, want)
		}
	}
}

func TestPlotCompletion(t *testing.T) {
	for typed, want := range map[string]string{
		"": "y=\tthe figure", "x=": "x=size", "x=size,y=": "x=size,y=bit_per_s", "x=size,y=pps,by=": "x=size,y=pps,by=vnet", "x=size,io=": "x=size,io=poll", "x=size,": "x=size,by=\ta line for each value of this axis",
	} {
		if offers, _ := completion.Plot(nil, nil, typed); !slices.Contains(offers, want) {
			t.Errorf("%q: no %q in %q", typed, want, offers)
		}
	}
	if offers, _ := completion.Plot(nil, nil, "nosuch="); len(offers) != 0 {
		t.Errorf("of an axis that is none: %q", offers)
	}
}
