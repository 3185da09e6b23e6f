package window

import (
	"math"
	"strings"
	"testing"

	"tunbench/reports/chart"
	"tunbench/reports/document"
	"tunbench/reports/figure"
	"tunbench/reports/prose/prosetest"
	"tunbench/reports/record"
)

func TestBook(t *testing.T) { prosetest.Check(t, book) }

func trial(arm record.Arm, pair int, windows ...record.Window) record.Trial {
	return record.Trial{Scenario: "Tap/dir=k2u/size=64", Arm: arm, Pair: pair, Trial: pair, DurationNs: 3e8, Windows: windows, Metrics: map[string]float64{record.PPS: 1000}}
}

// An observed window stands at the time of the bare window of its round, and blocks follow
// each other with a gap between them.
func TestTimeline(t *testing.T) {
	const ms = 1_000_000
	bare := []record.Window{{TNs: 100 * ms, Pkts: 100, Round: 1}, {TNs: 200 * ms, Pkts: 200, Round: 2}}
	f := &record.File{Run: &record.Run{}, Trials: []record.Trial{
		trial(record.Bare, 1, bare...), trial(record.Observed, 1, record.Window{TNs: 100 * ms, Pkts: 150, Round: 2}),
		trial(record.Bare, 2, bare...), trial(record.Observed, 2, record.Window{TNs: 100 * ms, Pkts: 90, Round: 7}),
	}}
	list, _ := figure.Scenarios(f)
	d := Details(list)
	if len(d.Each) != 1 || d.Each[0].Axes != "mode=tap dir=k2u size=64" || d.Each[0].Mode != "TAP" {
		t.Fatalf("%+v", d.Each)
	}
	c := d.Each[0].Blocks[0].(document.Picture).Chart.(chart.Timeline)
	none := math.NaN()
	want := [][]float64{{1000, 2000, none, 1000, 2000, none}, {none, 1500, none, none, none, 900}}
	for i, line := range c.Panels[0].Lines {
		if len(line.Values) != len(want[i]) || len(c.Seconds) != len(want[i]) {
			t.Fatalf("%s has %v, want %v", line.Name, line.Values, want[i])
		}
		for j, v := range line.Values {
			if v != want[i][j] && !(math.IsNaN(v) && math.IsNaN(want[i][j])) {
				t.Errorf("%s at %d is %v, want %v", line.Name, j, v, want[i][j])
			}
		}
	}
	if last := c.Seconds[len(c.Seconds)-1]; math.Abs(last-0.5) > 1e-6 {
		t.Errorf("the time is %v s, want 0.5", last)
	}
}

// A scenario without windows, or without packets in them, has no chart and says so.
func TestNoWindows(t *testing.T) {
	for _, trials := range [][]record.Trial{{trial(record.Bare, 1)}, {trial(record.Bare, 1, record.Window{TNs: 1e8})}} {
		list, _ := figure.Scenarios(&record.File{Run: &record.Run{}, Trials: trials})
		blocks := Details(list).Each[0].Blocks
		if len(blocks) != 1 {
			t.Fatalf("%v", blocks)
		}
		if _, drawn := blocks[0].(document.Picture); drawn || !strings.Contains(blocks[0].(interface{ String() string }).String(), "No window") {
			t.Errorf("%v", blocks[0])
		}
	}
}

// Latencies and queues have a row for each that was measured.
func TestTables(t *testing.T) {
	tr := trial(record.Observed, 1)
	tr.Latency = map[string]record.Latency{record.Residency: {Count: 100, Buckets: record.Buckets{{20_000, 100}}, MinNs: 20_000, MaxNs: 20_000}}
	tr.Queues = []record.Queue{{Queue: 0, ReadPkts: 30}, {Queue: 1, ReadPkts: 10}}
	list, _ := figure.Scenarios(&record.File{Run: &record.Run{}, Trials: []record.Trial{tr}})
	if got := latencies(list[0]); len(got.Rows) != 1 || got.Rows[0][1].String() != "20.0 µs" {
		t.Errorf("latencies %v", got.Rows)
	}
	if got := queues(list[0]); len(got.Rows) != 2 || got.Rows[0][2].String() != "75.0" || got.Rows[1][1].String() != "10" {
		t.Errorf("queues %v", got.Rows)
	}
}
