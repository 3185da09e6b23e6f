package export

import (
	"bytes"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"tunbench/reports/axis"
	"tunbench/reports/chart"
	"tunbench/reports/document"
	"tunbench/reports/document/run"
	"tunbench/reports/figure"
	"tunbench/reports/fixture"
	"tunbench/reports/record"
	"tunbench/reports/render"
	"tunbench/reports/text"
)

// limitFiles are those of a report on loads, from far below to far above the limit.
func limitFiles(t *testing.T) map[string]string {
	t.Helper()
	f := fixture.Loads(7)
	// One scenario has too few valid trials for an interval.
	for i := range f.Trials {
		if tr := &f.Trials[i]; tr.Axes["load"] == "50pct" && tr.Pair > 4 {
			tr.Flags = []string{record.FlagLate}
		}
	}
	dir := t.TempDir()
	if err := writeRun(dir, f); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "summary.txt"), []byte(summaryOf(t, f)), 0o666); err != nil {
		t.Fatal(err)
	}
	files := fixture.Contents(t, dir)
	checkShape(t, files)
	return files
}

// In five pairs there is no interval, and the report does not speak of one but
// to say so.
func TestNoIntervalOfFew(t *testing.T) {
	for pairs, want := range map[int]bool{1: false, 5: false, 6: true} {
		dir := t.TempDir()
		if err := writeRun(dir, fixture.Loads(pairs)); err != nil {
			t.Fatal(err)
		}
		for name, page := range fixture.Contents(t, dir) {
			if strings.Contains(strings.ReplaceAll(page, "This run is good to **±", ""), "±") {
				t.Errorf("%d pairs: %s has a ±", pairs, name)
			}
			for _, none := range []string{"there is no 95 % interval", "No figure has a 95 % interval"} {
				page = strings.ReplaceAll(page, none, "")
			}
			if got := strings.Contains(page, text.IntervalName); got != want && (name == render.ReportName || strings.HasPrefix(name, "throughput")) {
				t.Errorf("%d pairs: %s speaks of an interval: %v, want %v", pairs, name, got, want)
			}
		}
	}
}

func TestSees(t *testing.T) {
	for _, tt := range []struct {
		sees map[string]float64
		want string
	}{
		{nil, ""},
		{map[string]float64{record.PPS: -1}, ""},
		{map[string]float64{record.PPS: 0.021}, "This host can detect changes of 2.1 % in pps; "},
		{map[string]float64{record.Jain: 0.012, record.Loss: 0.0004, record.PPS: 0.0301, record.CPUNsPerPkt: 0.00052}, "This host can detect changes of 3.0 % in pps, 0.05 % in cpu_ns_per_pkt, 0.04 points in loss, 0.0120 in jain; "},
		{map[string]float64{"p99": 0.25, record.PPS: 0.09}, "This host can detect changes of 9.0 % in pps, 25.0 % in p99; "},
		{map[string]float64{"recv_ns_per_pkt": 0.5, record.PPS: 0.03}, "This host can detect changes of 3.0 % in pps; A/A runs, which compare equal variants, showed that smaller ones are lost in its noise. " +
			"An A/A run on a disturbed host could detect only changes of 50.0 % in recv_ns_per_pkt. That is more than 3 times the threshold, so the A/A run is not used."},
		{map[string]float64{record.PPS: 0.51}, "An A/A run on a disturbed host could detect only changes of 51.0 % in pps. That is more than 3 times the threshold, so the A/A run is not used."},
	} {
		got := document.PlainText(document.Detectable(tt.sees))
		if !strings.HasPrefix(got, tt.want) || (tt.want == "") != (got == "") {
			t.Errorf("%v: %q, want %q", tt.sees, got, tt.want)
		}
	}
	// It stands near the top of the report, and nowhere where it is not known.
	f := fixture.Loads(1)
	for _, known := range []bool{true, false} {
		var b bytes.Buffer
		if err := runMarkdown(&b, f, render.Options{}); err != nil {
			t.Fatal(err)
		}
		top, _, _ := strings.Cut(b.String(), "## Throughput")
		if strings.Contains(top, "This host can detect changes of **2.1 %** in pps") != known {
			t.Errorf("known %v:\n%s", known, top)
		}
		f.Run.Sees = nil
	}
}

// The parts of a lane touch, and end where the scale says.
func TestSplitChart(t *testing.T) {
	ch := chart.Split{Title: "t", Desc: "d", Note: "ns", Parts: run.EndParts(figure.ReadEnd), Rows: []chart.SplitRow{
		{Label: "a", Lanes: []chart.SplitLane{{Parts: []float64{10, 20, 70, 0}, Text: "100 ns"}, {Parts: []float64{0, 0, 0, 50}, Text: "50 ns"}}},
		{Label: "b", Lanes: []chart.SplitLane{{Parts: []float64{0, 0, 0, 0}, Text: "0 ns"}}},
	}}
	var b bytes.Buffer
	if err := chart.WriteSVG(&b, ch, ""); err != nil {
		t.Fatal(err)
	}
	fixture.CheckXML(t, "split", b.String())
	type box struct{ x, w float64 }
	boxes := map[string]box{}
	for _, l := range strings.Split(b.String(), "\n") {
		var class string
		var x, y, w, h float64
		if n, _ := fmt.Sscanf(l, `<rect class=%q x="%f" y="%f" width="%f" height="%f"`, &class, &x, &y, &w, &h); n == 5 && h == 11 {
			boxes[class] = box{x, w}
		}
	}
	if len(boxes) != 4 {
		t.Fatalf("%d parts are drawn: %v", len(boxes), boxes)
	}
	const rounding = 0.11
	call, copied, rest, send := boxes["e"], boxes["a"], boxes["b"], boxes["c"]
	if math.Abs(call.x+call.w-copied.x) > rounding || math.Abs(copied.x+copied.w-rest.x) > rounding || send.x != call.x {
		t.Errorf("gaps between %v", boxes)
	}
	if whole := call.w + copied.w + rest.w; math.Abs(send.w*2-whole) > 0.3 || math.Abs(rest.w-0.7*whole) > 0.3 {
		t.Errorf("lengths %v", boxes)
	}
}

// A sentence names a scenario by its axes, not as the one at its defaults.
func TestSentencesNameScenarios(t *testing.T) {
	f := fixture.Loads(1)
	list, _ := figure.Scenarios(f)
	if !slices.ContainsFunc(list, func(s *figure.Scenario) bool { return s.Label == axis.AtDefaults }) {
		t.Fatal("no scenario is at its defaults")
	}
	var text string
	for _, b := range run.New(f).Sections[0].Blocks {
		if lines, ok := b.(document.Bullets); ok {
			text += document.PlainText(slices.Concat(lines...))
		}
	}
	if strings.Contains(text, "defaults") || !strings.Contains(text, "TUN dir=k2u gen=udp queues=1 size=64") {
		t.Errorf("the scenario is not named by its axes: %s", text)
	}
}

// Where residency alone is longer than the whole, there is nothing to split, and the
// report says so.
func TestNoPartAboveTheWhole(t *testing.T) {
	for inside, out := range map[uint64]bool{90_000_000: true, 25_000_000: false, 1_000_000: false} {
		f := fixture.Floored(record.Floor{SyscallNs: 80, CopyNs: map[string]float64{"64": 20}}, 3)
		tr := &f.Trials[0]
		tr.Arm, tr.Axes["load"] = record.Observed, "1000pps"
		tr.Latency = map[string]record.Latency{record.Service: fixture.At(25_000_000), record.E2E: fixture.At(26_000_000), record.Residency: fixture.At(inside)}
		var b bytes.Buffer
		if err := runMarkdown(&b, f, render.Options{}); err != nil {
			t.Fatal(err)
		}
		_, report, ok := strings.Cut(b.String(), "### Where the time from send to read goes")
		if got := strings.Contains(report, "1 scenario is left out"); !ok || got != out || strings.Contains(report, "| 90.") {
			t.Errorf("residency %d ns of 25 ms: left out %v, want %v:\n%s", inside, got, out, report)
		}
	}
}
