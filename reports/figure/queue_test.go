package figure

import (
	"math"
	"math/rand/v2"
	"testing"

	"tunbench/reports/record"
	"tunbench/reports/stat"
	"tunbench/reports/text"
)

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
	list, _ := Scenarios(f)
	sp := list[0].Spreads()[0]
	_, want, err := stat.FlowSpread([]int{20, 40})
	if err != nil || !sp.Hashed || sp.Chance != want || math.Abs(sp.Even-1.6) > 1e-12 {
		t.Errorf("%+v, want p %v and 1.6 queues, %v", sp, want, err)
	}
	f.Trials = []record.Trial{queue([]uint64{5, 5}, []int{0, 0})}
	list, _ = Scenarios(f)
	if sp := list[0].Spreads()[0]; sp.Hashed {
		t.Error("without flows there is nothing to hash")
	}
	for p, want := range map[float64]string{0: "<0.001", 0.0001: "<0.001", 0.0123: "0.012", 0.5: "0.50", 1: "1.00"} {
		if got := text.Probability(p); got != want {
			t.Errorf("probability(%v) = %s, want %s", p, got, want)
		}
	}
}

// TestJainByChance holds the formula against flows that are really thrown at
// random.
func TestJainByChance(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 1))
	for _, c := range []struct{ flows, queues int }{{64, 4}, {8, 4}, {256, 16}, {4, 2}} {
		m := FlowMap{Flows: make([]int, c.flows), Queues: c.queues}
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
