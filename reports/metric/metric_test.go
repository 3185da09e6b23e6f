package metric

import (
	"go/ast"
	"go/parser"
	"go/token"
	"math"
	"math/rand/v2"
	"slices"
	"strconv"
	"strings"
	"testing"

	"tunbench/reports/record"
	"tunbench/reports/text"
)

func TestParseThreshold(t *testing.T) {
	for in, want := range map[string]float64{"pps=5%": 0.05, "loss=0.2%": 0.002, "p99=12.5 %": 0.125, "recv_ns_per_pkt=0.5%": 0.005} {
		name, got, err := ParseThreshold(in)
		if err != nil || math.Abs(got-want) > 1e-12 || !strings.HasPrefix(in, name+"=") {
			t.Errorf("%s: %s, %v, %v", in, name, got, err)
		}
	}
	for _, in := range []string{"", "pps", "pps=5", "pps=x%", "pps=0%", "pps=-1%", "pps=100%", "pps=NaN%", "pps=Inf%", "speed=5%", "=5%"} {
		if _, _, err := ParseThreshold(in); err == nil {
			t.Errorf("%q is taken", in)
		}
	}
}

// Verdicts and exports agree on what is better, and in which unit.
func TestMetricKindsAgreeWithGates(t *testing.T) {
	for _, g := range slices.Concat(RealGates(), RateGates()) {
		if g.Metric == LatencyP50 || g.Metric == LatencyP99 {
			continue
		}
		if k := Of(g.Metric, "monotonic"); k.Unit != g.Unit || k.Better != g.Better {
			t.Errorf("%s: %s, %d; its gate: %s, %d", g.Metric, k.Unit, k.Better, g.Unit, g.Better)
		}
	}
	for _, g := range VirtualGates() {
		if k := Of(g.Metric, record.ClockICount); k.Unit != g.Unit || k.Better != g.Better {
			t.Errorf("%s: %s, %d; its gate: %s, %d", g.Metric, k.Unit, k.Better, g.Unit, g.Better)
		}
	}
}

// In virtual time the calls of packets are judged where there are any, and else all
// threads: of a conversation there is nothing else.
func TestGatesInVirtualTime(t *testing.T) {
	for want, metrics := range map[string]map[string]float64{
		"send_ns_per_pkt recv_ns_per_pkt": {record.SendNsPerPkt: 4107, record.CPUNsPerPkt: 9000},
		"cpu_ns_per_pkt":                  {record.CPUNsPerPkt: 30785, record.GoodputBitPerS: 369e6},
	} {
		var names []string
		for _, g := range Gates(record.ClockICount, &record.Trial{Metrics: metrics}) {
			names = append(names, g.Metric)
			if again, ok := GateOf(record.ClockICount, g.Metric); !ok || again != g || g.Unit != Instructions || g.Better != -1 || g.Threshold <= 0 {
				t.Errorf("%s: %+v, by its name %+v", g.Metric, g, again)
			}
		}
		if got := strings.Join(names, " "); got != want {
			t.Errorf("%v: judged on %q, want %q", metrics, got, want)
		}
	}
	if g := Gates(record.ClockMonotonic, &record.Trial{Metrics: map[string]float64{record.CPUNsPerPkt: 1}}); g[0].Metric != record.PPS {
		t.Errorf("by a real clock: %+v", g[0])
	}
}

// A metric that is new in the records must get a unit, a direction and a name
// in Prometheus.
func TestMetricKindsAreComplete(t *testing.T) {
	file, err := parser.ParseFile(token.NewFileSet(), "../record/metric.go", nil, parser.ParseComments)
	if err != nil {
		t.Fatal(err)
	}
	known := map[string]bool{}
	for _, k := range Kinds() {
		known[k.Metric] = true
		if k.Unit == "" || k.Meaning == "" {
			t.Errorf("%s has no unit or no meaning", k.Metric)
		}
		if k.Gauge.Per <= 0 || k.Gauge.Family == "" || k.Bench == "" {
			t.Errorf("%s has no gauge", k.Metric)
		}
	}
	if len(known) != len(Kinds()) {
		t.Errorf("%d kinds, %d names", len(Kinds()), len(known))
	}
	found := 0
	for _, decl := range file.Decls {
		group, ok := decl.(*ast.GenDecl)
		if !ok || !strings.HasPrefix(group.Doc.Text(), "Names of metrics.") {
			continue
		}
		for _, spec := range group.Specs {
			value := spec.(*ast.ValueSpec).Values[0].(*ast.BasicLit).Value
			name, err := strconv.Unquote(value)
			if err != nil {
				t.Fatal(err)
			}
			found++
			if !known[name] {
				t.Errorf("%s is not among the kinds of metrics", name)
			}
		}
	}
	if found != len(Kinds()) {
		t.Errorf("the records name %d metrics, there are %d kinds", found, len(Kinds()))
	}
}

// Of those without a gate, a wrong direction would put a figure into the wrong
// file.
func TestMetricKindsWithoutGate(t *testing.T) {
	for name, better := range map[string]int{
		record.SKBPS: 0, record.OfferedPPS: 0, record.SyscallsPerPkt: 0, record.Steal: 0, record.Stopped: 0, record.FloorRatio: -1, record.LoopbackRatio: +1, record.QueueImbalance: -1,
		record.FlowConsistency: +1, record.TPS: +1, record.GoodputBitPerS: +1, record.Retransmits: -1, record.PeakBytes: -1,
	} {
		if k := Of(name, "monotonic"); k.Better != better {
			t.Errorf("%s: %d, want %d", name, k.Better, better)
		}
	}
}

// A figure is sorted by the value that it shows.
func TestShownValue(t *testing.T) {
	for in, want := range map[string]float64{
		"0": 0, "1,270": 1270, "−3.8 %": -3.8, "+1.2 to +3.4 %": 1.2, "12.3 µs": 12300, "1.02 ms": 1.02e6, "68.7 s": 68.7e9, "640 ns": 640, "1.00 KiB": 1024,
		"min–max 5–7": 5, "1,200–1,300": 1200, "12.3 (11–13)": 12.3, "3 of 10": 3, "1e-05": 1e-5, "−1e-05": -1e-5, "4.35 Mpps": 4.35e6, "0.62 Gbit/s": 0.62e9, "2.00 points": 2,
	} {
		if got, ok := text.ShownValue(in); !ok || math.Abs(got-want) > 1e-9*math.Abs(want) {
			t.Errorf("shownValue(%q) = %v, %v, want %v", in, got, ok, want)
		}
	}
	for _, in := range []string{"", text.Absent, "not resolved", "NaN", "+Inf", "queue 3", "e5"} {
		if got, ok := text.ShownValue(in); ok {
			t.Errorf("shownValue(%q) = %v", in, got)
		}
	}
	above, _ := text.ShownValue(">99.9")
	below, _ := text.ShownValue("<0.01")
	if above <= 99.9 || below >= 0.01 || below < 0 {
		t.Errorf("%v, %v", above, below)
	}
	for name, format := range map[string]func(float64) string{
		"figure": text.Figure, "duration": text.Duration, "percent": text.Percent, "hundredths": text.Hundredths, "perPacket": text.PerPacket,
		"probability": func(v float64) string { return text.Probability(v / 1e12) },
		"count":       func(v float64) string { return text.Count(uint64(v)) },
		"size":        func(v float64) string { return text.Size(uint64(v)) },
		"rate":        func(v float64) string { return Quantity(record.PPS, &v) },
	} {
		rng := rand.New(rand.NewPCG(7, 8))
		for range 5000 {
			a := math.Pow(10, 12*rng.Float64())
			b := a * (1 + rng.Float64())
			x, okX := text.ShownValue(format(a))
			y, okY := text.ShownValue(format(b))
			if !okX || !okY || x > y*(1+1e-12) {
				t.Fatalf("%s: %v is shown as %q and sorted as %v, %v as %q and %v", name, a, format(a), x, b, format(b), y)
			}
		}
	}
}
