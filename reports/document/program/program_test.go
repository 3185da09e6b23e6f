package program

import (
	"strings"
	"testing"

	"tunbench/reports/chart"
	"tunbench/reports/document"
	"tunbench/reports/figure"
	"tunbench/reports/record"
	"tunbench/reports/text"
)

// file has trials of those scenarios.
func file(scenarios ...string) *record.File {
	f := &record.File{Run: &record.Run{}}
	for i, name := range scenarios {
		f.Trials = append(f.Trials, record.Trial{
			Kind: record.KindTrial, Scenario: name, Arm: record.Bare, Pair: 1, Trial: i + 1,
			Metrics: map[string]float64{record.PPS: 1e6, record.GoodputBitPerS: 2e9, record.CPUNsPerPkt: 1234, record.PeakBytes: 200 << 20, record.Retransmits: 0.01},
			TCP:     &record.TCP{Streams: 1, RTTNs: 2_000_000},
		})
	}
	return f
}

func TestSection(t *testing.T) {
	const tail = "/dir=k2u/gen="
	list, _ := figure.Scenarios(file(
		"Tun/path=program"+tail+"tcp/queues=1/size=1400/program=mine", "Tun/path=program"+tail+"udp/queues=1/size=64/program=mine",
		"Tun/path=veth"+tail+"tcp/queues=1/size=1400", "Tun"+tail+"udp/queues=1/size=64"))
	sec, ok := Section(list)
	if !ok || len(sec.Blocks) != 2 {
		t.Fatalf("%v %+v", ok, sec)
	}
	if rows := sec.Blocks[0].(document.Table).Rows; len(rows) != 2 || len(rows[0]) != 7 {
		t.Errorf("%v", rows)
	}
	list, _ = figure.Scenarios(file("Tun/path=veth" + tail + "tcp/queues=1/size=1400"))
	if _, ok := Section(list); ok {
		t.Error("a section without programs")
	}
}

func TestComparable(t *testing.T) {
	bar := func(name string, v float64) *row { return &row{name: name, goodput: v} }
	for _, c := range []struct {
		rows         []*row
		kept, beyond int
	}{
		{nil, 0, 0},
		{[]*row{bar("a", 20)}, 1, 0},
		{[]*row{bar("a", 20), bar("b", 3)}, 2, 0},
		{[]*row{bar("b", 1), bar("a", 20), bar("c", 0.9)}, 2, 1},
		{[]*row{bar("a", 300), bar("b", 20), bar("c", 1), bar("d", 1)}, 2, 2},
	} {
		kept, beyond := comparable(c.rows)
		if len(kept) != c.kept || len(beyond) != c.beyond {
			t.Errorf("%v: %d and %d, want %d and %d", c.rows, len(kept), len(beyond), c.kept, c.beyond)
		}
	}
}

// The title of the chart says the ratio that stands on the bar, also where rounds, in which
// both met the same host, give another one than the medians.
func TestTitleAgreesWithTheBar(t *testing.T) {
	const tail = "/dir=k2u/gen=tcp/queues=1/size=1400"
	var scenarios []string
	for range 6 {
		scenarios = append(scenarios, "Tun/path=vpn"+tail, "Tun/path=wireguard-go"+tail, "Tun/path=program"+tail+"/program=mine")
	}
	f := file(scenarios...)
	for i := range f.Trials {
		trial := &f.Trials[i]
		speed := 1.0
		if i%3 == 1 {
			speed = 2
		}
		block := i/3 + 1
		trial.Block, trial.Pair, trial.Started = block, block, "2026-01-02T03:04:05Z"
		trial.Metrics[record.GoodputBitPerS] *= speed
		n := uint64(1000 * speed)
		if block%2 == 0 && i%3 == 1 {
			n += 400 // a goodput of the rounds that the trial's own figure does not show
		}
		for round := 1; round <= 2; round++ {
			trial.Windows = append(trial.Windows, record.Window{TNs: int64(round) * 1e6, Round: round, Pkts: n, Bytes: 1400 * n})
		}
	}
	list, _ := figure.Scenarios(f)
	sec, ok := Section(list)
	if !ok || len(sec.Blocks) != 2 {
		t.Fatalf("%v, %d blocks", ok, len(sec.Blocks))
	}
	drawn := sec.Blocks[1].(document.Picture).Chart.(chart.Ratios)
	bar := drawn.Groups[0].Bars[1]
	ratio, _, _ := strings.Cut(bar.Ratio, " ")
	// Without rounds there is no ratio: the title says what is drawn, and nothing of a best.
	for i := range f.Trials {
		f.Trials[i].Windows = nil
	}
	list, _ = figure.Scenarios(f)
	apart, _ := Section(list)
	if got := apart.Blocks[1].(document.Picture).Chart.(chart.Ratios); got.Title != "Programs and paths: TCP goodput" || got.Groups[0].Bars[1].Ratio != text.Absent {
		t.Errorf("without rounds: title %q, bar %+v", got.Title, got.Groups[0].Bars[1])
	}
	if bar.Label != "path=wireguard-go" || ratio == "2.00" || !strings.Contains(drawn.Title, "path=wireguard-go has "+ratio+" × the TCP goodput of path=vpn") {
		t.Errorf("title %q, bar %+v", drawn.Title, bar)
	}
}

// The chart says which rows move packets in another form than its base.
func TestOtherForm(t *testing.T) {
	const tail = "/dir=k2u/gen=tcp/queues=1/size=1400"
	shared := func(baseOffloads, offloads []string) string {
		f := file("Tun/path=veth"+tail, "Tun/path=program"+tail+"/program=mine", "Tun/path=vpn"+tail)
		for i := range f.Trials {
			f.Trials[i].Axes = map[string]string{"gen": "tcp"}
			_, rest, _ := strings.Cut(f.Trials[i].Scenario, "path=")
			f.Trials[i].Axes["path"], _, _ = strings.Cut(rest, "/")
			f.Trials[i].Device.Offloads = offloads
		}
		f.Trials[0].Device.Offloads = baseOffloads
		f.Trials[1].Axes["program"] = "mine"
		list, _ := figure.Scenarios(f)
		sec, ok := Section(list)
		if !ok || len(sec.Blocks) != 2 {
			t.Fatalf("%v, %d blocks", ok, len(sec.Blocks))
		}
		return sec.Blocks[1].(document.Picture).Chart.(chart.Ratios).Shared
	}
	tso := []string{"tx-tcp-segmentation"}
	for _, c := range []struct {
		base, others []string
		want         string
	}{
		{nil, nil, "TCP goodput"},
		{tso, tso, "TCP goodput"},
		{tso, nil, "TCP goodput; path=veth moves GSO packets whole, 2 of the others single segments"},
		{nil, tso, "TCP goodput; path=veth moves single segments, 2 of the others GSO packets whole"},
	} {
		if got := shared(c.base, c.others); got != c.want {
			t.Errorf("%q, want %q", got, c.want)
		}
	}
}
