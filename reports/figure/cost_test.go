package figure

import (
	"math"
	"testing"

	"tunbench/reports/fixture"
	"tunbench/reports/record"
)

func TestCallCost(t *testing.T) {
	f := record.Floor{SyscallNs: 80}
	for _, tt := range []struct {
		what    string
		metrics map[string]float64
		want    CallCost
		ok      bool
	}{
		{"a packet a read", map[string]float64{record.RecvNsPerPkt: 300, record.FloorRatio: 3}, CallCost{Syscall: 80, Copied: 20, Rest: 200, Total: 300, Ratio: 3}, true},
		{"40 segments a read", map[string]float64{record.RecvNsPerPkt: 30, record.FloorRatio: 1.5, record.PPS: 4e6, record.SKBPS: 1e5}, CallCost{Syscall: 2, Copied: 18, Rest: 10, Total: 30, Ratio: 1.5}, true},
		{"below the floor", map[string]float64{record.RecvNsPerPkt: 90, record.FloorRatio: 0.9}, CallCost{}, false},
		{"below a system call", map[string]float64{record.RecvNsPerPkt: 50, record.FloorRatio: 0.5}, CallCost{}, false},
		{"for nothing", map[string]float64{record.RecvNsPerPkt: 0, record.FloorRatio: 3.87}, CallCost{}, false},
		{"on the floor", map[string]float64{record.RecvNsPerPkt: 90, record.FloorRatio: 1}, CallCost{Syscall: 80, Copied: 10, Rest: 0, Total: 90, Ratio: 1}, true},
		{"no ratio", map[string]float64{record.RecvNsPerPkt: 300}, CallCost{}, false},
		{"nonsense", map[string]float64{record.RecvNsPerPkt: 1e308, record.FloorRatio: 1e-300}, CallCost{}, false},
		{"negative", map[string]float64{record.RecvNsPerPkt: -4, record.FloorRatio: -1}, CallCost{}, false},
	} {
		got, ok := NewArm([]*record.Trial{{Metrics: tt.metrics}}).CallCost(f)
		if got != tt.want || ok != tt.ok {
			t.Errorf("%s: %+v, %v, want %+v, %v", tt.what, got, ok, tt.want, tt.ok)
		}
		if math.Abs(got.Syscall+got.Copied+got.Rest-got.Total) > 1e-9 {
			t.Errorf("%s: the parts of %+v do not add up", tt.what, got)
		}
	}
}

func TestPassage(t *testing.T) {
	type lat = map[string]record.Latency
	// The floor is 300 / 3 = 100 ns. Means are off by half a bucket at most.
	got := passagesOf(
		fixture.OneTrial("1000pps", 1e3, 300, 3, lat{record.Residency: fixture.At(4000), record.E2E: fixture.At(50000), record.Service: fixture.At(6000)}),
		fixture.OneTrial("50pct", 5e5, 300, 3, lat{record.Residency: fixture.At(12000), record.E2E: fixture.At(50000), record.Service: fixture.At(13000)}),
		fixture.OneTrial("80pct", 8e5, 300, 3, lat{record.Residency: fixture.At(3000), record.Service: fixture.At(3000)}),
		fixture.OneTrial("max", 1e6, 300, 3, lat{record.Residency: fixture.At(400000), record.E2E: fixture.At(420000)}),
		fixture.OneTrial("100pps", 1e2, 300, 3, lat{record.E2E: fixture.At(9000)}), // nobody observed its residency
	)
	near := func(a, b float64) bool { return math.Abs(a-b) <= 0.016*max(math.Abs(a), math.Abs(b))+200 }
	for name, want := range map[string]Passage{
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
		return map[string]record.Latency{record.Residency: fixture.At(4000), record.E2E: fixture.At(6000)}
	}
	pausing := fixture.OneTrial("1000pps", 1e3, 300, 3, busy())
	pausing.Scenario += "/pause=5ms"
	pausing.Axes["pause"] = "5ms"
	for name, trials := range map[string][]record.Trial{
		"busy":    {fixture.OneTrial("4pct", 4e4, 300, 3, busy())}, // 0.16 packets in the ring
		"pausing": {pausing},
		"closed":  {fixture.OneTrial("max", 1e3, 300, 3, busy())},
	} {
		for s, p := range passagesOf(trials...) {
			if p.Split {
				t.Errorf("%s: %s is told apart: %+v", name, s, p)
			}
		}
	}
	idle := fixture.OneTrial("1000pps", 1e3, 300, 3, busy())
	for s, p := range passagesOf(idle, pausing) {
		if !p.Split {
			t.Errorf("%s is not told apart", s)
		}
	}
}

func passagesOf(trials ...record.Trial) map[string]Passage {
	f := &record.File{Run: &record.Run{}, Trials: trials}
	list, _ := Scenarios(f)
	got := map[string]Passage{}
	for s, p := range Passages(list) {
		got[s.Name] = p
	}
	return got
}
