package export

import (
	"bytes"
	"regexp"
	"strings"
	"testing"

	"tunbench/reports/chart"
	"tunbench/reports/document"
	"tunbench/reports/document/run"
	"tunbench/reports/figure"
	"tunbench/reports/fixture"
	"tunbench/reports/record"
	"tunbench/reports/render"
	"tunbench/reports/text"
)

// Nothing is held against a floor that cannot be, and no ratio below 1 is shown;
// the report says why. What can be is shown, without a word.
func TestImpossibleFloor(t *testing.T) {
	quiet := record.Floor{SyscallNs: 80, CopyNs: map[string]float64{"64": 20, "1500": 58, "65536": 1200}}
	busy := record.Floor{SyscallNs: 1200, CopyNs: map[string]float64{"64": 655_356, "1500": 5_882, "65536": 71_000}}
	for _, tt := range []struct {
		name          string
		f             *record.File
		ratio         string
		told, section string
	}{
		{"possible", fixture.Floored(quiet, 3.0013), "3.00", "", "The floor is the least that a read can cost on this host"},
		{"disturbed", fixture.Floored(busy, 0.2471), text.Absent, "**The measurement of the floor was disturbed** (a copy of 64 bytes took 655356 ns, a bare system call 1200 ns)", ""},
		{"disturbed, and the ratio could be", fixture.Floored(busy, 2.4713), text.Absent, "**The measurement of the floor was disturbed**", ""},
		{"a ratio below 1", fixture.Floored(quiet, 0.9713), text.Absent, "the ratio came out below 1, which is impossible", ""},
	} {
		var b bytes.Buffer
		if err := runMarkdown(&b, tt.f, render.Options{}); err != nil {
			t.Fatal(err)
		}
		report := b.String()
		if cells := rowOf(t, report, "**100**"); cells[6] != tt.ratio {
			t.Errorf("%s: × floor %q in %q, want %q", tt.name, cells[6], cells, tt.ratio)
		}
		if !strings.Contains(report, tt.told) || tt.told == "" && (strings.Contains(report, "disturbed") || strings.Contains(report, "below 1")) {
			t.Errorf("%s: the report does not say %q, or says too much:\n%s", tt.name, tt.told, report)
		}
		if got := strings.Contains(report, "Cost per packet compared with the floor"); got != (tt.section != "") || !strings.Contains(report, tt.section) {
			t.Errorf("%s: the limit is shown: %v", tt.name, got)
		}
		if fault := tt.f.Run.Floor.Fault() != ""; strings.Contains(report, "655,356") || strings.Contains(report, "Do not quote the floor") != fault {
			t.Errorf("%s: the floor is quoted:\n%s", tt.name, report)
		}
		for _, format := range []string{"json", "csv", "benchfmt", "openmetrics"} {
			page := ""
			for _, content := range rendered(t, format, record.Named{Name: "run", File: tt.f}) {
				page += content
			}
			if got := strings.Contains(page, number(tt.f.Trials[0].Metrics[record.FloorRatio])); got != (tt.ratio != text.Absent) {
				t.Errorf("%s: %s has the ratio: %v\n%s", tt.name, format, got, page)
			}
		}
	}
}

// The ratio to the floor of what is written is that of the writer's calls, and so
// are the time and the parts beside it: xdp=drop has no receiver at all.
func TestLimitOfWrites(t *testing.T) {
	f := fixture.Floored(record.Floor{SyscallNs: 80, CopyNs: map[string]float64{"64": 20}}, 3.87)
	tr := &f.Trials[0]
	tr.Scenario = "Tap/dir=u2k/gen=udp/queues=1/size=64/xdp=drop"
	tr.Axes["dir"] = "u2k"
	delete(tr.Metrics, record.RecvNsPerPkt)
	tr.Metrics[record.SendNsPerPkt] = 387
	tr.Accounting = record.Accounting{Offered: 6400, Accepted: 6400, Delivered: 6400}
	tr.Writes = &record.Writes{Calls: 100, Bytes: 64 * 6400, Sizes: map[string]uint64{"64": 6400}}
	var b bytes.Buffer
	if err := runMarkdown(&b, f, render.Options{Charts: true}); err != nil {
		t.Fatal(err)
	}
	_, report, _ := strings.Cut(b.String(), "## Cost per packet compared with the floor")
	if got, want := strings.Join(rowOf(t, report, "xdp=drop")[1:], " "), "80.0 20.0 287 387 3.87 –"; got != want {
		t.Errorf("%q, want %q in\n%s", got, want, report)
	}
	if !strings.Contains(report, "The writer of `dir=u2k gen=udp queues=1 size=64 xdp=drop` takes **3.87 ×** the floor") || !strings.Contains(report, "(limit-written.svg)") || strings.Contains(report, "(limit.svg)") {
		t.Errorf("the writer is not told from a reader:\n%s", report)
	}
	list, _ := figure.Scenarios(f)
	for _, pic := range run.LimitCharts(list, map[*figure.Scenario]figure.CallCost{list[0]: {Syscall: 80, Copied: 20, Rest: 287, Total: 387, Ratio: 3.87}}, figure.WriteEnd) {
		var svg bytes.Buffer
		if err := chart.WriteSVG(&svg, pic.Chart, ""); err != nil {
			t.Fatal(err)
		}
		if !strings.Contains(svg.String(), ">387 ns, 3.87 × floor<") || strings.Contains(svg.String(), ">0 ns") {
			t.Errorf("the chart: %s", svg.String())
		}
	}

	// One number of writes in all tables, and the system calls beside it.
	_, report, _ = strings.Cut(b.String(), "## Writes from user space to the device")
	if got, want := strings.Join(rowOf(t, report, "xdp=drop")[1:], " "), "6,400 100 64.0 0 0 – –"; got != want {
		t.Errorf("%q, want %q", got, want)
	}
	_, report, _ = strings.Cut(report, "Sizes of the writes")
	if got, want := strings.Join(rowOf(t, report, "xdp=drop")[1:], " "), "64 6,400 100"; got != want {
		t.Errorf("%q, want %q", got, want)
	}
}

// Where residency and end to end are of different trials, the report and the chart
// say so; of one arm alone they do not.
func TestResidencySaysItsArm(t *testing.T) {
	for _, bare := range []bool{true, false} {
		f := fixture.Loads(1)
		if !bare {
			for i := range f.Trials {
				f.Trials[i].Arm = record.Observed
			}
		}
		var b bytes.Buffer
		if err := runMarkdown(&b, f, render.Options{}); err != nil {
			t.Fatal(err)
		}
		if got := strings.Contains(b.String(), "residency may exceed end to end"); got != bare {
			t.Errorf("bare trials %v, the report tells them apart: %v", bare, got)
		}
		list, _ := figure.Scenarios(f)
		sec, _ := run.Latencies(list)
		// A chart has both latencies only where they are of the same trials.
		together := false
		for _, block := range sec.Blocks {
			if pic, ok := block.(document.Picture); ok {
				for _, r := range pic.Chart.(chart.Ladder).Rows {
					together = together || len(r.Lanes) > 1 && r.Lanes[0].Kind != r.Lanes[1].Kind
				}
			}
		}
		if together == bare {
			t.Errorf("bare trials %v, residency and end to end in one chart: %v", bare, together)
		}
	}
}

// In virtual time a cost is in instructions, in every table, sentence and chart of a run.
func TestCostsInVirtualTime(t *testing.T) {
	unit := regexp.MustCompile(`[^\n]{0,40}\bns\b[^\n]{0,20}`)
	for _, clock := range []string{record.ClockMonotonic, record.ClockICount} {
		f := fixture.Synthetic()
		f.Run.Clock = clock
		files, err := render.MarkdownFiles(run.With(f, run.Options{Full: true}), false)
		if err != nil {
			t.Fatal(err)
		}
		var summary strings.Builder
		if err := render.Summary(&summary, f, true); err != nil {
			t.Fatal(err)
		}
		files = append(files, render.Output{Name: "summary", Content: []byte(summary.String())})
		for _, file := range files {
			var found []string
			for line := range strings.Lines(string(file.Content)) {
				if !strings.Contains(line, " µs | ") { // parts of a latency
					found = append(found, unit.FindAllString(line, -1)...)
				}
			}
			if strings.HasSuffix(file.Name, ".svg") && !strings.HasPrefix(file.Name, "limit") {
				continue // times of day and latencies
			}
			if virtual := clock == record.ClockICount; virtual == (len(found) > 0) || virtual != strings.Contains(string(file.Content), "instructions") {
				t.Errorf("clock %s, %s: %q", clock, file.Name, found)
			}
		}
	}
}
