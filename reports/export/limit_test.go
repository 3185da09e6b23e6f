package export

import (
	"bytes"
	"fmt"
	"math"
	"math/rand/v2"
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
	"tunbench/reports/metric"
	"tunbench/reports/record"
	"tunbench/reports/render"
	"tunbench/reports/stat"
	"tunbench/reports/text"
)

// loads is a run of one device under a closed load and at four rates, in so
// many pairs, on a host of which an A/A run is known.
func loads(pairs int) *record.File {
	rng := rand.New(rand.NewPCG(7, 8))
	f := synthetic()
	f.Trials, f.Skips = nil, nil
	f.Run.Sees = map[string]float64{record.PPS: 0.021, record.CPUNsPerPkt: 0.034, record.Loss: 0.0004, "p50": 0.12, record.Jain: 0.01}
	for _, l := range []struct {
		load                       string
		pps, recv, send, inside, e float64 // ns
	}{
		{"max", 1.2e6, 310, 640, 400e3, 433e3},
		{"1000pps", 1e3, 2900, 2100, 4200, 7300},
		{"10pct", 1.2e5, 700, 900, 4600, 6900},
		{"50pct", 6e5, 390, 700, 11e3, 13e3},
		{"90pct", 1.08e6, 300, 650, 62e3, 61.9e3},
	} {
		name := "Tun/dir=k2u/gen=udp/queues=1/size=64"
		axes := map[string]string{"mode": "tun", "dir": "k2u", "gen": "udp", "queues": "1", "size": "64", "load": l.load}
		if l.load != "max" {
			name += "/load=" + l.load
		}
		for pair := 1; pair <= pairs; pair++ {
			for _, arm := range []record.Arm{record.Bare, record.Observed} {
				t := trial(rng, name, axes, arm, pair, len(f.Trials)+1, l.pps*(1+0.01*rng.NormFloat64()), 0, l.e, 1, 1, 64, "")
				recv := l.recv * (1 + 0.02*rng.NormFloat64())
				t.Metrics[record.RecvNsPerPkt], t.Metrics[record.FloorRatio] = recv, recv/116.3
				t.Metrics[record.SendNsPerPkt] = l.send
				if l.load != "max" {
					t.Latency[record.Service] = t.Latency[record.E2E]
					t.Latency[record.E2E] = spreadOf(rng, 3*l.e, 4000)
				}
				if arm == record.Observed {
					t.Latency[record.Residency] = spreadOf(rng, l.inside, 500)
				}
				f.Trials = append(f.Trials, t)
			}
		}
	}
	f.End.Trials, f.End.Skips = len(f.Trials), 0
	return f
}

func TestLimitGolden(t *testing.T) {
	f := loads(7)
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
	goldens(t, dir, "limit")
	checkShape(t, contents(t, dir))
}

// An interval is given where there is one, and nothing else is called so.
func TestInterval(t *testing.T) {
	for _, tt := range []struct {
		x    []float64
		want figure.Interval
		ok   bool
	}{
		{nil, figure.Interval{}, false},
		{[]float64{3}, figure.Interval{Low: 3, High: 3, Exact: false}, false},
		{[]float64{3, 1, 2}, figure.Interval{Low: 1, High: 3, Exact: false}, true},
		{[]float64{5, 1, 2, 4, 3}, figure.Interval{Low: 1, High: 5, Exact: false}, true},
		// Six values: the interval of 96.9 % is from the lowest to the highest.
		{[]float64{5, 1, 2, 4, 3, 9}, figure.Interval{Low: 1, High: 9, Exact: true}, true},
		{[]float64{7, 7, 7, 7, 7, 7}, figure.Interval{Low: 7, High: 7, Exact: true}, true},
		// Of -4, -3 .. 4, 5 it is from the 9th Walsh average to the 9th from the
		// top: Hollander, Wolfe and Chicken, table A.4, n = 10.
		{[]float64{-4, -3, -2, -1, 0, 1, 2, 3, 4, 5}, figure.Interval{Low: -2, High: 3, Exact: true}, true},
	} {
		got, ok := figure.IntervalOf(tt.x)
		if got != tt.want || ok != tt.ok {
			t.Errorf("intervalOf(%v) = %+v, %v, want %+v, %v", tt.x, got, ok, tt.want, tt.ok)
		}
	}
	exact, rough := figure.Interval{Low: 1, High: 2, Exact: true}, figure.Interval{Low: 1, High: 2, Exact: false}
	if got := figure.IntervalColumn(rough, rough); got != text.RangeName {
		t.Errorf("a column of ranges is called %s", got)
	}
	column := figure.IntervalColumn(rough, exact)
	if column != text.IntervalName || exact.Text(column, text.Figure) != "1.00–2.00" || rough.Text(column, text.Figure) != "min–max 1.00–2.00" {
		t.Errorf("in a column of both, %s: %s and %s", column, exact.Text(column, text.Figure), rough.Text(column, text.Figure))
	}
	// Six trials of which none is valid have no interval.
	var a []*record.Trial
	for i := range 6 {
		a = append(a, &record.Trial{Metrics: map[string]float64{record.PPS: float64(i)}, Flags: []string{record.FlagSteal}})
	}
	if got, ok := figure.NewArm(a).Interval(record.PPS); !ok || got.Exact {
		t.Errorf("invalid trials: %+v, %v", got, ok)
	}
}

// In five pairs there is no interval, and the report does not speak of one but
// to say so.
func TestNoIntervalOfFew(t *testing.T) {
	for pairs, want := range map[int]bool{1: false, 5: false, 6: true} {
		dir := t.TempDir()
		if err := writeRun(dir, loads(pairs)); err != nil {
			t.Fatal(err)
		}
		for name, page := range contents(t, dir) {
			if strings.Contains(page, "±") {
				t.Errorf("%d pairs: %s has a ±", pairs, name)
			}
			page = strings.ReplaceAll(page, "there is no 95 % interval", "")
			if got := strings.Contains(page, text.IntervalName); got != want && (name == render.ReportName || strings.HasPrefix(name, "throughput")) {
				t.Errorf("%d pairs: %s speaks of an interval: %v, want %v", pairs, name, got, want)
			}
		}
	}
}

func TestMean(t *testing.T) {
	rng := rand.New(rand.NewPCG(9, 10))
	for range 100 {
		var x []float64
		l := figure.Latency{}
		counts := map[uint64]uint64{}
		for range figure.MinMean + rng.IntN(5000) {
			v := rng.Uint64N(1 << (5 + rng.IntN(20)))
			x = append(x, float64(v))
			counts[v/figure.Width(v)*figure.Width(v)]++
			l.Count++
		}
		for lower, n := range counts {
			l.Buckets = append(l.Buckets, [2]uint64{lower, n})
		}
		slices.SortFunc(l.Buckets, func(a, b [2]uint64) int { return int(a[0]) - int(b[0]) })
		slices.Sort(x)
		keep := (1 - figure.TrimTop) * float64(len(x))
		var sum float64
		for i, v := range x {
			sum += v * min(1, max(0, keep-float64(i)))
		}
		if got, ok := l.Mean(); !ok || math.Abs(got-sum/keep) > 0.016*sum/keep {
			t.Errorf("mean of %d samples %v, %v, want %v", len(x), got, ok, sum/keep)
		}
	}
	for what, l := range map[string]figure.Latency{
		"nothing":             {},
		"few":                 {Count: figure.MinMean - 1, Buckets: [][2]uint64{{100, figure.MinMean - 1}}},
		"too many overflows":  {Count: 998, Overflow: 2, Buckets: [][2]uint64{{100, 998}}},
		"buckets of nonsense": {Count: 1 << 60, Buckets: [][2]uint64{{1<<63 + 1<<62, 1 << 60}}},
	} {
		if v, ok := l.Mean(); ok {
			t.Errorf("%s has a mean: %v", what, v)
		}
	}
	// The slowest packet of a thousand is left out.
	l := figure.Latency{Count: 1000, Buckets: [][2]uint64{{16, 999}, {1 << 30, 1}}}
	if v, ok := l.Mean(); !ok || v != 16 {
		t.Errorf("mean %v, %v", v, ok)
	}
}

// at gives a latency whose mean is ns: at least 32, and the middle of a bucket.
func at(ns uint64) record.Latency {
	return record.Latency{Count: 200, Buckets: [][2]uint64{{ns - (figure.Width(ns)-1)/2, 200}}}
}

// oneTrial is a file of observed trials, one a scenario.
func oneTrial(load string, pps, recv, ratio float64, latencies map[string]record.Latency) record.Trial {
	name := "Tun/dir=k2u"
	if load != "max" {
		name += "/load=" + load
	}
	return record.Trial{
		Scenario: name, Arm: record.Observed, Axes: map[string]string{"load": load}, Latency: latencies,
		Metrics: map[string]float64{record.PPS: pps, record.RecvNsPerPkt: recv, record.FloorRatio: ratio},
	}
}

func passagesOf(trials ...record.Trial) map[string]figure.Passage {
	f := &record.File{Run: &record.Run{}, Trials: trials}
	list, _ := figure.Scenarios(f)
	got := map[string]figure.Passage{}
	for s, p := range figure.Passages(list) {
		got[s.Name] = p
	}
	return got
}

func TestPassage(t *testing.T) {
	type lat = map[string]record.Latency
	// The floor is 300 / 3 = 100 ns. Means are off by half a bucket at most.
	got := passagesOf(
		oneTrial("1000pps", 1e3, 300, 3, lat{record.Residency: at(4000), record.E2E: at(50000), record.Service: at(6000)}),
		oneTrial("50pct", 5e5, 300, 3, lat{record.Residency: at(12000), record.E2E: at(50000), record.Service: at(13000)}),
		oneTrial("80pct", 8e5, 300, 3, lat{record.Residency: at(3000), record.Service: at(3000)}),
		oneTrial("max", 1e6, 300, 3, lat{record.Residency: at(400000), record.E2E: at(420000)}),
		oneTrial("100pps", 1e2, 300, 3, lat{record.E2E: at(9000)}), // nobody observed its residency
	)
	near := func(a, b float64) bool { return math.Abs(a-b) <= 0.016*max(math.Abs(a), math.Abs(b))+200 }
	for name, want := range map[string]figure.Passage{
		"Tun/dir=k2u/load=1000pps": {Total: 6000, Residency: 4000, Wake: 4000, Ring: 0, Split: true, Copied: 100, Send: 1900, Resolved: true},
		"Tun/dir=k2u/load=50pct":   {Total: 13000, Residency: 12000, Wake: 4000, Ring: 8000, Split: true, Copied: 100, Send: 900, Resolved: true},
		"Tun/dir=k2u/load=80pct":   {Total: 3000, Residency: 3000, Copied: 0, Send: 0, Resolved: false}, // a reader that was mostly awake
		"Tun/dir=k2u":              {Total: 420000, Residency: 400000, Wake: 4000, Ring: 396000, Split: true, Copied: 100, Send: 19900, Resolved: true},
	} {
		p, ok := got[name]
		if !ok || !near(p.Total, want.Total) || !near(p.Residency, want.Residency) || !near(p.Wake, want.Wake) || !near(p.Ring, want.Ring) ||
			!near(p.Copied, want.Copied) || !near(p.Send, want.Send) || p.Resolved != want.Resolved || p.Split != want.Split {
			t.Errorf("%s: %+v, want %+v", name, p, want)
		}
		if p.Resolved && p.Split && math.Abs(p.Send+p.Wake+p.Ring+p.Copied-p.Total) > 1e-6*p.Total {
			t.Errorf("%s: the parts of %+v do not add up", name, p)
		}
	}
	if _, ok := got["Tun/dir=k2u/load=100pps"]; ok {
		t.Error("a scenario without residency has a passage")
	}
}

// Wake-up is that of an idle reader, so it is not known from a busy one, from
// one that was told to sleep, or from a closed load.
func TestWakeUpNeedsAnIdleReader(t *testing.T) {
	busy := func() map[string]record.Latency {
		return map[string]record.Latency{record.Residency: at(4000), record.E2E: at(6000)}
	}
	pausing := oneTrial("1000pps", 1e3, 300, 3, busy())
	pausing.Scenario += "/pause=5ms"
	pausing.Axes["pause"] = "5ms"
	for name, trials := range map[string][]record.Trial{
		"busy":    {oneTrial("4pct", 4e4, 300, 3, busy())}, // 0.16 packets in the ring
		"pausing": {pausing},
		"closed":  {oneTrial("max", 1e3, 300, 3, busy())},
	} {
		for s, p := range passagesOf(trials...) {
			if p.Split {
				t.Errorf("%s: %s is told apart: %+v", name, s, p)
			}
		}
	}
	idle := oneTrial("1000pps", 1e3, 300, 3, busy())
	for s, p := range passagesOf(idle, pausing) {
		if !p.Split {
			t.Errorf("%s is not told apart", s)
		}
	}
}

func TestCallCost(t *testing.T) {
	f := record.Floor{SyscallNs: 80}
	for _, tt := range []struct {
		what    string
		metrics map[string]float64
		want    figure.CallCost
		ok      bool
	}{
		{"a packet a read", map[string]float64{record.RecvNsPerPkt: 300, record.FloorRatio: 3}, figure.CallCost{Syscall: 80, Copied: 20, Rest: 200, Total: 300, Ratio: 3}, true},
		{"40 segments a read", map[string]float64{record.RecvNsPerPkt: 30, record.FloorRatio: 1.5, record.PPS: 4e6, record.SKBPS: 1e5}, figure.CallCost{Syscall: 2, Copied: 18, Rest: 10, Total: 30, Ratio: 1.5}, true},
		{"below the floor", map[string]float64{record.RecvNsPerPkt: 90, record.FloorRatio: 0.9}, figure.CallCost{}, false},
		{"below a system call", map[string]float64{record.RecvNsPerPkt: 50, record.FloorRatio: 0.5}, figure.CallCost{}, false},
		{"for nothing", map[string]float64{record.RecvNsPerPkt: 0, record.FloorRatio: 3.87}, figure.CallCost{}, false},
		{"on the floor", map[string]float64{record.RecvNsPerPkt: 90, record.FloorRatio: 1}, figure.CallCost{Syscall: 80, Copied: 10, Rest: 0, Total: 90, Ratio: 1}, true},
		{"no ratio", map[string]float64{record.RecvNsPerPkt: 300}, figure.CallCost{}, false},
		{"nonsense", map[string]float64{record.RecvNsPerPkt: 1e308, record.FloorRatio: 1e-300}, figure.CallCost{}, false},
		{"negative", map[string]float64{record.RecvNsPerPkt: -4, record.FloorRatio: -1}, figure.CallCost{}, false},
	} {
		got, ok := figure.NewArm([]*record.Trial{{Metrics: tt.metrics}}).CallCost(f)
		if got != tt.want || ok != tt.ok {
			t.Errorf("%s: %+v, %v, want %+v, %v", tt.what, got, ok, tt.want, tt.ok)
		}
		if math.Abs(got.Syscall+got.Copied+got.Rest-got.Total) > 1e-9 {
			t.Errorf("%s: the parts of %+v do not add up", tt.what, got)
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
	f := loads(1)
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

// The queue table's figures are those of stat, for each trial.
func TestSpreadOfFlows(t *testing.T) {
	queue := func(packets []uint64, flows []int) record.Trial {
		tr := record.Trial{Scenario: "Tun/queues=2", Arm: record.Observed}
		for i := range packets {
			tr.Queues = append(tr.Queues, record.Queue{Queue: i, ReadPkts: packets[i], Flows: flows[i]})
		}
		return tr
	}
	f := &record.File{Run: &record.Run{}, Trials: []record.Trial{
		queue([]uint64{100, 300}, []int{20, 40}), queue([]uint64{100, 100}, []int{30, 30}), queue([]uint64{0, 100}, []int{0, 60}),
	}}
	list, _ := figure.Scenarios(f)
	sp := list[0].Spreads()[0]
	_, want, err := stat.FlowSpread([]int{20, 40})
	if err != nil || !sp.Hashed || sp.Chance != want || math.Abs(sp.Even-1.6) > 1e-12 {
		t.Errorf("%+v, want p %v and 1.6 queues, %v", sp, want, err)
	}
	f.Trials = []record.Trial{queue([]uint64{5, 5}, []int{0, 0})}
	list, _ = figure.Scenarios(f)
	if sp := list[0].Spreads()[0]; sp.Hashed {
		t.Error("without flows there is nothing to hash")
	}
	for p, want := range map[float64]string{0: "<0.001", 0.0001: "<0.001", 0.0123: "0.012", 0.5: "0.50", 1: "1.00"} {
		if got := text.Probability(p); got != want {
			t.Errorf("probability(%v) = %s, want %s", p, got, want)
		}
	}
}

// The parts of a lane touch, and end where the scale says.
func TestSplitChart(t *testing.T) {
	ch := chart.Split{Title: "t", Desc: "d", Note: "ns", Parts: run.EndParts(figure.ReadEnd), Rows: []chart.SplitRow{
		{Label: "a", Lanes: []chart.SplitLane{{Parts: []float64{10, 20, 70, 0}, Text: "100 ns"}, {Parts: []float64{0, 0, 0, 50}, Text: "50 ns"}}},
		{Label: "b", Lanes: []chart.SplitLane{{Parts: []float64{0, 0, 0, 0}, Text: "0 ns"}}},
	}}
	var b bytes.Buffer
	if err := chart.WriteSVG(&b, ch); err != nil {
		t.Fatal(err)
	}
	checkXML(t, "split", b.String())
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

// No quantile and no mean is beyond the samples: 103 ms, the largest, lie below
// the middle of their bucket, which is 105 ms.
func TestQuantilesStayWithinTheSamples(t *testing.T) {
	const largest, smallest = 103_000_000, 20_900
	low := smallest / figure.Width(smallest) * figure.Width(smallest)
	high := largest / figure.Width(largest) * figure.Width(largest)
	over := uint64(largest + 2_000_000)
	one := record.Latency{Count: 20_000, MinNs: smallest, MaxNs: largest, P50Ns: &over, P999Ns: &over, Buckets: record.Buckets{{low, 9_000}, {high, 11_000}}}
	a := figure.NewArm([]*record.Trial{{Latency: map[string]record.Latency{record.E2E: one}}})
	l, ok := a.Pool(record.E2E)
	if !ok || l.Min != smallest || l.Max != largest {
		t.Fatalf("from %d to %d, %v", l.Min, l.Max, ok)
	}
	for _, q := range metric.Quantiles {
		if v, ok := l.Quantile(q.Q); !ok || v != largest {
			t.Errorf("%s is %d, %v", q.Name, v, ok)
		}
	}
	if v, ok := l.Quantile(0.3); !ok || v < smallest || v >= low+figure.Width(low) {
		t.Errorf("30 %% of the samples lie below %d, %v", v, ok)
	}
	if x := a.QuantileValues(record.E2E, func(l record.Latency) *uint64 { return l.P999Ns }); len(x) != 1 || x[0] != largest {
		t.Errorf("the record's own quantile is %v", x)
	}
	if v, ok := metric.Value(a.All[0], metric.LatencyP50); !ok || v != largest {
		t.Errorf("verdicts are given on %v, %v", v, ok)
	}
	one.Buckets = record.Buckets{{high, 20_000}}
	same, _ := figure.NewArm([]*record.Trial{{Latency: map[string]record.Latency{record.E2E: one}}}).Pool(record.E2E)
	if v, ok := same.Mean(); !ok || v > largest {
		t.Errorf("the mean is %v, %v", v, ok)
	}
}

// A sentence names a scenario by its axes, not as the one at its defaults.
func TestSentencesNameScenarios(t *testing.T) {
	f := loads(1)
	list, _ := figure.Scenarios(f)
	if !slices.ContainsFunc(list, func(s *figure.Scenario) bool { return s.Label == axis.AtDefaults }) {
		t.Fatal("no scenario is at its defaults")
	}
	text := document.PlainText(slices.Concat(run.New(f).Points...))
	if strings.Contains(text, "defaults") || !strings.Contains(text, "TUN dir=k2u gen=udp queues=1 size=64") {
		t.Errorf("the scenario is not named by its axes: %s", text)
	}
}

// Where residency alone is longer than the whole, there is nothing to split, and the
// report says so.
func TestNoPartAboveTheWhole(t *testing.T) {
	for inside, out := range map[uint64]bool{90_000_000: true, 25_000_000: false, 1_000_000: false} {
		f := floored(record.Floor{SyscallNs: 80, CopyNs: map[string]float64{"64": 20}}, 3)
		tr := &f.Trials[0]
		tr.Arm, tr.Axes["load"] = record.Observed, "1000pps"
		tr.Latency = map[string]record.Latency{record.Service: at(25_000_000), record.E2E: at(26_000_000), record.Residency: at(inside)}
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
