package export

import (
	"fmt"
	"maps"
	"math"
	"math/rand/v2"
	"strings"
	"testing"

	"tunbench/reports/document/run"
	"tunbench/reports/figure"
	"tunbench/reports/record"
	"tunbench/reports/stat"
)

// ways is a run of every path and direction, with what only they record.
func ways() *record.File {
	rng := rand.New(rand.NewPCG(5, 6))
	f := synthetic()
	run := *f.Run
	f = &record.File{Run: &run, End: &record.End{Trials: 0}, Resumes: []record.Resume{{Started: "2026-11-20T23:00:00Z", Trials: 17}}}
	add := func(name string, pps float64, change func(t *record.Trial, pair int)) {
		mode, rest, _ := strings.Cut(name, "/")
		axes := map[string]string{"mode": strings.ToLower(mode), "path": "sink", "dir": "k2u", "gen": "udp", "io": "read", "queues": "1", "flows": "1", "vnet": "off", "offload": "none", "cipher": "none", "load": "max"}
		for _, a := range strings.Split(rest, "/") {
			axis, value, _ := strings.Cut(a, "=")
			axes[axis] = value
		}
		for pair := 1; pair <= 6; pair++ {
			for _, arm := range []record.Arm{record.Bare, record.Observed} {
				t := trial(rng, name, axes, arm, pair, len(f.Trials)+1, pps*(1+0.02*rng.NormFloat64()), 0.02, 90e3, 1, 1, 1500, "")
				if change != nil {
					change(&t, pair)
				}
				f.Trials = append(f.Trials, t)
			}
		}
	}
	engine := func(calls float64) func(*record.Trial, int) {
		return func(t *record.Trial, _ int) { t.Metrics[record.SyscallsPerPkt] = calls }
	}
	for _, e := range []struct {
		io         string
		pps, calls float64
	}{{"poll", 0.95e6, 1.3}, {"spin", 1.05e6, 2.1}, {"uring", 1.2e6, 0.06}} {
		add("Tun/dir=k2u/gen=udp/io="+e.io+"/queues=1/size=64", e.pps, engine(e.calls))
	}
	add("Tun/dir=k2u/gen=udp/queues=1/size=64", 1e6, engine(1.02))
	add("Tun/dir=u2k/gen=udp/queues=1/size=64", 0.8e6, func(t *record.Trial, _ int) {
		n := t.Accounting.Accepted // by io_uring, some dozen a call
		t.Writes = &record.Writes{Calls: n / 40, Bytes: 64 * n, Errors: map[string]uint64{"EAGAIN": 12, "EINVAL": 3}, Sizes: map[string]uint64{"64": n - 1000, "1024": 900, "2048": 100}}
		t.Accounting.Dropped = map[string]uint64{"SOCKET_RCVBUFF": t.Accounting.DroppedTotal()}
	})
	vnet := func(t *record.Trial, _ int) {
		t.Vnet = &record.Vnet{Headers: 20_000, GSO: map[string]uint64{"udp-l4": 19_000, "none": 1000}, Partial: 20_000, Bad: map[string]uint64{}, Largest: 65_000}
	}
	add("Tun/dir=k2u/gen=udp-gso/queues=1/size=1500", 0.9e6, nil)
	add("Tun/dir=k2u/gen=udp-gso/queues=1/size=1500/vnet=10/offload=uso", 5e6, vnet)
	add("Tun/dir=both/gen=udp/queues=1/size=64", 1.1e6, func(t *record.Trial, _ int) {
		t.Directions = map[string]record.Direction{}
		for d, share := range map[string]float64{"k2u": 0.6, "u2k": 0.4} {
			t.Directions[d] = record.Direction{
				Metrics:    map[string]float64{record.PPS: share * t.Metrics[record.PPS], record.Loss: 0.01 * share},
				Accounting: record.Accounting{Dropped: map[string]uint64{"FULL_RING": 7}},
			}
		}
	})
	for i, steer := range []string{"", "/steer=ebpf"} {
		add("Tun/dir=k2u/gen=udp/queues=4/flows=64/size=64"+steer, 0.7e6, func(t *record.Trial, pair int) {
			t.Metrics[record.Jain], t.Metrics[record.FlowConsistency] = 0.93, 63.0/64
			for flow := range 64 {
				q := (flow*7 + i*flow*flow) % 4
				t.Flows = append(t.Flows, record.Flow{Flow: flow, Delivered: 1000, Queues: map[int]uint64{q: 1000}})
			}
			t.Flows[5].Queues = map[int]uint64{0: 700, 3: 300}
		})
	}
	for _, way := range []struct {
		path string
		gbit float64
	}{{"relay", 3.4}, {"veth", 21}, {"vpn", 1.9}, {"wireguard-go", 1.1}} {
		path, gbit := way.path, way.gbit
		name := "Tun/path=" + path + "/dir=k2u/gen=tcp/queues=1/flows=8/size=1500"
		add(name, gbit*1e9/8/1500, func(t *record.Trial, _ int) {
			t.Metrics[record.GoodputBitPerS], t.Metrics[record.Retransmits] = gbit*1e9*0.97, 0.0123
			t.TCP = &record.TCP{Streams: 8, RTTNs: 2_300_000, MinRTTNs: 41_000, Cwnd: 120, MSS: 1448, Slowest: 0.83, Reordering: 12, Congestion: "cubic"}
			t.Hops = []record.Hop{{Name: "device a", In: 1_000_000, Out: 990_000, Dropped: map[string]uint64{"FULL_RING": 10_000}}, {Name: path + " a to b", In: 990_000, Out: 990_000, Calls: 1_980_000, Bytes: 1_485_000_000}}
		})
	}
	add("Tun/path=relay/dir=k2u/gen=tcp-rr/queues=1/size=64", 40_000, func(t *record.Trial, _ int) {
		t.Metrics[record.TPS] = 20_000
		t.TCP = &record.TCP{Streams: 1}
		t.Latency = map[string]record.Latency{record.RTT: spreadOf(rng, 48e3, 4000)}
	})
	add("Tun/path=relay/dir=k2u/gen=iperf3/queues=1/flows=8/size=1500", 280_000, func(t *record.Trial, _ int) {
		t.Metrics[record.GoodputBitPerS] = 3.2e9
		t.Program = &record.Generator{Name: "iperf3", Version: "3.12", Args: []string{"-P", "8", "-J"}, Figures: map[string]float64{"sum_received.bits_per_second": 3.21e9, "sum_sent.retransmits": 4711}}
	})
	f.End.Trials = len(f.Trials)
	return f
}

// TestJainByChance holds the formula against flows that are really thrown at
// random.
func TestJainByChance(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 1))
	for _, c := range []struct{ flows, queues int }{{64, 4}, {8, 4}, {256, 16}, {4, 2}} {
		m := figure.FlowMap{Flows: make([]int, c.flows), Queues: c.queues}
		var sum float64
		const draws = 20_000
		for range draws {
			x := make([]float64, c.queues)
			for range c.flows {
				x[rng.IntN(c.queues)]++
			}
			j, err := stat.Jain(x)
			if err != nil {
				t.Fatal(err)
			}
			sum += j
		}
		// The index of expectations is not the expectation of the index: with
		// few flows they are some per cent apart.
		if got, want := m.ByChance(), sum/draws; math.Abs(got-want) > 0.04 {
			t.Errorf("%d flows on %d queues: %.3f, thrown %.3f", c.flows, c.queues, got, want)
		}
	}
}

func TestFlowMap(t *testing.T) {
	list, _ := figure.Scenarios(ways())
	found := 0
	for _, s := range list {
		m, ok := s.FlowMap()
		if !ok {
			continue
		}
		found++
		if len(m.Flows) != 64 || m.Queues != 4 || m.Moved() != 1 || len(m.Trials) != 12 || m.Trials[11][5][3] != 300 {
			t.Errorf("%s: %d flows, %d queues, %d moved, %d trials", s.Name, len(m.Flows), m.Queues, m.Moved(), len(m.Trials))
		}
		if alike, ok := m.Alike(); !ok || alike != 1 {
			t.Errorf("%s: %v of the flows came out alike", s.Name, alike)
		}
		// Of a flow that another queue brings in one trial, and of that alone.
		m.Trials[7] = maps.Clone(m.Trials[7])
		m.Trials[7][9] = map[int]uint64{(m.Trials[0].Main(9) + 1) % 4: 100}
		if alike, _ := m.Alike(); alike != 63.0/64 || m.Moved() != 1 {
			t.Errorf("%s: one of 64 came out elsewhere: %v alike, %d moved", s.Name, alike, m.Moved())
		}
		p := run.FlowPanel(m, "x")
		for _, c := range p.Columns {
			var sum float64
			for _, v := range c.Share {
				sum += v
			}
			if math.Abs(sum-1) > 1e-9 {
				t.Errorf("%s: the shares of flow %s add up to %v", s.Name, c.Name, sum)
			}
		}
	}
	if found != 2 {
		t.Errorf("%d scenarios have a map of flows, want 2", found)
	}
}

// TestDifferences checks that groups hold scenarios that differ in the axis alone,
// each against the right one.
func TestDifferences(t *testing.T) {
	list, _ := figure.Scenarios(ways())
	want := map[string]struct {
		rows  int
		ratio string // of the second row
	}{
		"io": {4, ""}, "vnet": {2, ""}, "queues": {0, ""}, "dir": {3, ""}, "path": {4, ""},
	}
	for _, c := range run.Comparisons {
		got := c.Table(list)
		if len(got.Rows) != want[c.Name].rows {
			t.Errorf("%s: %d rows, want %d", c.Name, len(got.Rows), want[c.Name].rows)
		}
		if len(got.Rows) == 0 {
			continue
		}
		if first := fmt.Sprint(got.Rows[0][1][0].Text); !strings.HasPrefix(first, c.First) {
			t.Errorf("%s: the first row is %s, want %s", c.Name, first, c.First)
		}
	}
}
