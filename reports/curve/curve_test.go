package curve

import (
	"fmt"
	"maps"
	"math"
	"slices"
	"strings"
	"testing"

	"tunbench/reports/figure"
	"tunbench/reports/record"
)

// file is a run of scenarios, each with those values of a metric in its trials.
func file(metric string, scenarios map[string][]float64) *record.File {
	f := &record.File{Run: &record.Run{Kind: record.KindRun, Clock: record.ClockMonotonic}}
	for _, name := range slices.Sorted(maps.Keys(scenarios)) {
		for i, v := range scenarios[name] {
			f.Trials = append(f.Trials, record.Trial{Kind: record.KindTrial, Scenario: name, Arm: record.Bare, Pair: i + 1, Trial: len(f.Trials) + 1, DurationNs: 1e9, Axes: axesOf(name), Metrics: map[string]float64{metric: v}})
		}
	}
	return f
}

// axesOf gives the axes in a name, as a record has them.
func axesOf(name string) map[string]string {
	parts := strings.Split(name, "/")
	axes := map[string]string{"mode": strings.ToLower(parts[0]), "load": "max"}
	for _, p := range parts[1:] {
		k, v, _ := strings.Cut(p, "=")
		axes[k] = v
	}
	return axes
}

func scenariosOf(f *record.File) []*figure.Scenario {
	list, _ := figure.Scenarios(f)
	return list
}

const base = "Tun/dir=k2u/gen=udp/queues=1"

// six are trials whose median is v and whose interval is v-2 to v+3.
func six(v float64) []float64 { return []float64{v - 2, v - 1, v, v, v + 1, v + 3} }

// said is a curve in one line.
func said(c Curve) string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s over %s by %s of %s %s:", c.Metric, c.X, strings.Join(c.By, "+"), c.Mode, strings.Join(c.Common, " "))
	for _, l := range c.Lines {
		fmt.Fprintf(&b, " [%s", l.Name)
		for _, p := range l.Points {
			fmt.Fprintf(&b, " %v:%v", p.X, p.Y)
			if p.Few() {
				b.WriteString("!")
			}
		}
		b.WriteString("]")
	}
	for _, m := range c.Marks {
		fmt.Fprintf(&b, " |%s %v", m.Name, m.PPS)
	}
	return b.String()
}

// An axis of three numbers is a curve, of two none, and a word is not a number. The lines
// are the values of the other axis, and TUN and TAP are lines of their own.
func TestOf(t *testing.T) {
	for _, tt := range []struct {
		name      string
		metric    string
		scenarios map[string][]float64
		want      []string
	}{
		{"two sizes", record.BitPerS, map[string][]float64{base + "/size=64": six(10), base + "/size=1500": six(20), base + "/size=imix": six(15)}, nil},
		{"three sizes", record.BitPerS, map[string][]float64{base + "/size=64": six(10), base + "/size=256": six(20), base + "/size=1500": six(30)},
			[]string{"bit_per_s over size by  of TUN dir=k2u gen=udp queues=1: [ 64:10 256:20 1500:30]"}},
		{"sizes by header", record.BitPerS, map[string][]float64{
			base + "/size=64": six(10), base + "/size=256": six(20), base + "/size=1500": six(30),
			base + "/size=64/vnet=10/offload=uso": six(11), base + "/size=256/vnet=10/offload=uso": six(21), base + "/size=1500/vnet=10/offload=uso": six(31),
			base + "/size=64/vnet=10": six(12), // a point alone
		}, []string{"bit_per_s over size by vnet+offload of TUN dir=k2u gen=udp queues=1: [vnet=off 64:10 256:20 1500:30] [vnet=10 offload=uso 64:11 256:21 1500:31]"}},
		{"queues by mode", record.PPS, map[string][]float64{
			"Tun/dir=k2u/gen=udp/queues=1/size=64": six(10), "Tun/dir=k2u/gen=udp/queues=2/size=64": six(20), "Tun/dir=k2u/gen=udp/queues=4/size=64": six(30),
			"Tap/dir=k2u/gen=udp/queues=1/size=64": six(5), "Tap/dir=k2u/gen=udp/queues=2/size=64": six(6), "Tap/dir=k2u/gen=udp/queues=4/size=64": six(7),
		}, []string{"pps over queues by mode of  dir=k2u gen=udp size=64: [TUN 1:10 2:20 4:30] [TAP 1:5 2:6 4:7]"}},
		{"a loss that nobody has", record.Loss, map[string][]float64{base + "/size=64/txqlen=10": {0}, base + "/size=64": {0}, base + "/size=64/txqlen=1000": {0}}, nil},
		{"ring length, its default not in the name", record.Loss, map[string][]float64{base + "/size=64/txqlen=10": {0.5}, base + "/size=64": {0.1}, base + "/size=64/txqlen=1000": {0}},
			[]string{"loss over txqlen by  of TUN dir=k2u gen=udp queues=1 size=64: [ 10:0.5 500:0.1 1000:0]"}},
		{"goodput of TCP", record.GoodputBitPerS, map[string][]float64{
			"Tun/path=relay/dir=k2u/gen=tcp/queues=1/flows=8/size=1500": six(10), "Tun/path=relay/dir=k2u/gen=tcp/queues=2/flows=8/size=1500": six(9), "Tun/path=relay/dir=k2u/gen=tcp/queues=4/flows=8/size=1500": six(8),
		}, []string{"goodput_bit_per_s over queues by  of TUN path=relay dir=k2u gen=tcp flows=8 size=1500: [ 1:10 2:9 4:8]"}},
	} {
		f := file(tt.metric, tt.scenarios)
		for i := range f.Trials { // records that lack vnet at its default
			if f.Trials[i].Axes["vnet"] == "" {
				f.Trials[i].Axes["vnet"] = "off"
			}
		}
		var got []string
		for _, c := range Of(f, scenariosOf(f)) {
			got = append(got, said(c))
		}
		if !slices.Equal(got, tt.want) {
			t.Errorf("%s: %q, want %q", tt.name, got, tt.want)
		}
	}
}

// The axis that leaves the fewest charts tells the lines apart, and no chart has more than
// can be told apart.
func TestTogether(t *testing.T) {
	rates := map[string][]float64{}
	for _, size := range []int{64, 256, 1500} {
		for _, flows := range []int{1, 2, 3, 4, 5, 6, 7} {
			for _, dir := range []string{"k2u", "u2k"} {
				rates[fmt.Sprintf("Tun/dir=%s/gen=udp/queues=1/flows=%d/size=%d", dir, flows, size)] = []float64{float64(size)}
			}
		}
	}
	f := file(record.BitPerS, rates)
	var bySize []Curve
	for _, c := range Of(f, scenariosOf(f)) {
		if c.X == "size" {
			bySize = append(bySize, c)
		}
	}
	if len(bySize) != 4 { // 2 directions, 5 lines and 2 of each
		t.Fatalf("%d curves", len(bySize))
	}
	for i, want := range []int{5, 2, 5, 2} {
		if c := bySize[i]; len(c.Lines) != want || !slices.Equal(c.By, []string{"flows"}) {
			t.Errorf("curve %d: %d lines by %v, want %d", i, len(c.Lines), c.By, want)
		}
	}

	// Each chart has an axis of its own: directions of one kind of traffic, headers of
	// another, and what has no companion stands alone.
	rates = map[string][]float64{}
	for _, size := range []int{64, 256, 1500} {
		for _, name := range []string{"Tun/dir=k2u/gen=udp/queues=1/size=%d", "Tun/dir=u2k/gen=udp/queues=1/size=%d", "Tun/dir=k2u/gen=udp-gso/queues=1/size=%d", "Tun/dir=k2u/gen=udp-gso/queues=1/size=%d/vnet=10/offload=uso", "Tap/dir=k2u/gen=packet/queues=1/size=%d/steer=ebpf"} {
			rates[fmt.Sprintf(name, size)] = []float64{float64(size)}
		}
	}
	f = file(record.BitPerS, rates)
	var got []string
	for _, c := range Of(f, scenariosOf(f)) {
		var names []string
		for _, l := range c.Lines {
			names = append(names, l.Name)
		}
		got = append(got, strings.Join(c.Common, " ")+": "+strings.Join(names, ", "))
	}
	want := []string{"gen=udp queues=1: dir=k2u, dir=u2k", "dir=k2u gen=udp-gso queues=1: vnet=default, vnet=10 offload=uso", "dir=k2u gen=packet queues=1 steer=ebpf: "}
	if !slices.Equal(got, want) {
		t.Errorf("%q, want %q", got, want)
	}
}

func TestValueOf(t *testing.T) {
	f := file(record.PPS, map[string][]float64{base + "/size=64": six(100), base + "/size=65": {7}, base + "/size=66": {1, 2}})
	for i := range f.Trials {
		if f.Trials[i].Scenario == base+"/size=66" {
			f.Trials[i].Flags = []string{record.FlagSteal}
		}
	}
	// A quantile is of the histograms of the valid trials together: neither trial has a p99 of
	// its own, and the median of two p50 would be 20.
	p50 := []uint64{10, 30}
	f.Trials[0].Latency = map[string]record.Latency{
		record.E2E:       {P50Ns: &p50[0], Count: 600, Buckets: [][2]uint64{{10, 600}}},
		record.Residency: {Count: 600, Buckets: [][2]uint64{{7, 600}}},
	}
	f.Trials[1].Latency = map[string]record.Latency{
		record.E2E:       {P50Ns: &p50[1], Count: 1200, Buckets: [][2]uint64{{30, 1200}}},
		record.Residency: {Count: 600, Buckets: [][2]uint64{{9, 600}}},
	}
	list := scenariosOf(f)
	if v, ok := ValueOf(list[0], record.PPS); !ok || v.Y != 100 || !v.Ranged || !v.Interval.Exact || v.Interval.Low != 98 || v.Interval.High != 103 || v.Few() {
		t.Errorf("six trials: %+v", v)
	}
	if v, ok := ValueOf(list[1], record.PPS); !ok || v.Y != 7 || v.Ranged {
		t.Errorf("one trial: %+v", v)
	}
	if v, ok := ValueOf(list[2], record.PPS); ok {
		t.Errorf("no valid trial, and a value: %+v", v)
	}
	for i := range f.Trials {
		if s := &f.Trials[i]; s.Scenario == base+"/size=66" && s.Metrics[record.PPS] == 1 {
			s.Flags = nil
		}
	}
	if v, ok := ValueOf(scenariosOf(f)[2], record.PPS); !ok || v.Y != 1 || v.Trials != 1 || v.Of != 2 || !v.Few() {
		t.Errorf("one valid trial of two: %+v, %v", v, ok)
	}
	if _, ok := ValueOf(list[0], record.Loss); ok {
		t.Error("a metric that no trial has")
	}
	of := scenarioOf(t, list, f.Trials[0].Scenario)
	for name, want := range map[string]float64{"p50": 30, "e2e_p50": 30, "residency_p99": 9} {
		if v, ok := ValueOf(of, name); !ok || v.Y != want {
			t.Errorf("%s: %+v, %v", name, v, ok)
		}
	}
	if got := NamesOf(list); !slices.Equal(got, []string{"pps", "p50", "p99", "e2e_p50", "e2e_p90", "e2e_p99", "residency_p50", "residency_p90", "residency_p99"}) {
		t.Errorf("%q", got)
	}
}

func scenarioOf(t *testing.T, list []*figure.Scenario, name string) *figure.Scenario {
	t.Helper()
	i := slices.IndexFunc(list, func(s *figure.Scenario) bool { return s.Name == name })
	if i < 0 {
		t.Fatalf("no scenario %s", name)
	}
	return list[i]
}

// latencies of an open loop at shares of a closed one, of which the last is invalid, and a
// search.
func openLoops() *record.File {
	f := file(record.PPS, map[string][]float64{base + "/size=64": {1e6, 1e6, 1e6}})
	for _, io := range []string{"", "/io=spin"} {
		for i, load := range []string{"10pct", "50pct", "100pct"} {
			name := strings.Replace(base, "/queues", io+"/queues", 1) + "/size=64/load=" + load
			offered := []float64{1e5, 5e5, 9e5}[i]
			trial := record.Trial{Kind: record.KindTrial, Scenario: name, Arm: record.Bare, Pair: 1, Trial: len(f.Trials) + 1, DurationNs: 1e9, Axes: axesOf(name),
				Metrics:  map[string]float64{record.PPS: offered * 0.99, record.OfferedPPS: offered},
				Schedule: &record.Schedule{RatePPS: offered * 1.1}}
			if io == "" {
				trial.Axes["io"] = "read"
			}
			if load == "100pct" {
				trial.Flags = []string{record.FlagLate}
			}
			n := uint64(i + 1)
			trial.Latency = map[string]record.Latency{record.E2E: {Count: 100_000, Buckets: [][2]uint64{{2 * n, 60_000}, {4 * n, 39_500}, {6 * n, 500}}}}
			f.Trials = append(f.Trials, trial)
		}
	}
	ndr, other := 8e5, 1.0
	f.Searches = []record.Search{
		{Scenario: base + "/size=64", Goals: []record.Goal{{Name: record.NDRPPS, Resolved: true, LowerPPS: &ndr}, {Name: record.PDRPPS, Resolved: true, LowerPPS: &other}}},
		{Scenario: base + "/size=1500", Goals: []record.Goal{{Name: record.NDRPPS, Resolved: true, LowerPPS: &other}}},
	}
	return f
}

// Over load, points stand at the rate that was really offered, not at the schedule, and
// the rates that they are compared with are those of the same device and reader.
func TestLatencies(t *testing.T) {
	f := openLoops()
	all := Of(f, scenariosOf(f))
	var got []string
	for _, c := range all {
		got = append(got, said(c))
	}
	want := []string{
		" over load by  of TUN dir=k2u gen=udp queues=1 size=64 io=read: [p50 100000:2 500000:4] [p99 100000:4 500000:8] [p99.9 100000:6 500000:12] |NDR 800000 |load=max 1e+06",
		" over load by  of TUN dir=k2u gen=udp io=spin queues=1 size=64: [p50 100000:2 500000:4] [p99 100000:4 500000:8] [p99.9 100000:6 500000:12]",
		"p99 over load by io of TUN dir=k2u gen=udp queues=1 size=64: [io=read 100000:4 500000:8] [io=spin 100000:4 500000:8]",
	}
	if !slices.Equal(got, want) {
		t.Errorf("got\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
	for _, c := range all {
		if len(c.Without) == 0 {
			t.Errorf("%s: no scenario is without valid trials", said(c))
		}
	}
	// An observed trial that is valid gives no place on the axis: its scenario is left out, too.
	for _, bare := range f.Trials {
		if len(bare.Flags) > 0 {
			bare.Arm, bare.Flags, bare.Schedule = record.Observed, nil, nil
			f.Trials = append(f.Trials, bare)
		}
	}
	for i, c := range Of(f, scenariosOf(f)) {
		if len(c.Without) == 0 || said(c) != want[i] {
			t.Errorf("%d without points: %s, want %s", len(c.Without), said(c), want[i])
		}
	}
	f.Searches[0].Goals[0].Resolved = false
	f.Run.Clock = record.ClockICount
	if all := Of(f, scenariosOf(f)); len(all) != 0 {
		t.Errorf("in virtual time a rate means nothing: %s", said(all[0]))
	}
	f.Run.Clock = record.ClockMonotonic
	if c := Of(f, scenariosOf(f))[0]; len(c.Marks) != 1 || math.Abs(c.Marks[0].PPS-1e6) > 1 {
		t.Errorf("a search that is not resolved: %v", c.Marks)
	}
}
