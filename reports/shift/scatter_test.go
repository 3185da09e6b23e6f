package shift

import (
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"testing"
)

// drawRuns are runs of one build that scatter by shared and own.
func drawRuns(r *rand.Rand, runs, scenarios int, shared, own, common, noise float64) (list []map[string][]Value) {
	for range runs {
		run := map[string][]Value{}
		offset := shared * r.NormFloat64()
		blocks := make([]float64, 6)
		for b := range blocks {
			blocks[b] = common * r.NormFloat64()
		}
		for i := range scenarios {
			level := float64(i) + offset + own*r.NormFloat64()
			for b := range blocks {
				name := fmt.Sprint("s", i)
				run[name] = append(run[name], Value{b + 1, level + blocks[b] + noise*r.NormFloat64()})
			}
		}
		list = append(list, run)
	}
	return list
}

func TestMeasure(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	var shared, own float64
	for range 200 {
		s, n, err := Measure(drawRuns(r, 5, 40, .02, .015, 0, .04))
		if err != nil || n != 40 || s.Runs != 5 {
			t.Fatalf("%+v, %d scenarios, %v", s, n, err)
		}
		shared, own = shared+s.Shared*s.Shared/200, own+s.Own*s.Own/200
	}
	if shared, own = math.Sqrt(shared), math.Sqrt(own); math.Abs(shared-.02) > .003 || math.Abs(own-.015) > .003 {
		t.Errorf("shared %.4f, own %.4f: want 0.020 and 0.015", shared, own)
	}
	for _, runs := range [][]map[string][]Value{nil, drawRuns(r, 1, 40, 0, 0, 0, .04), drawRuns(r, 5, 4, 0, 0, 0, .04)} {
		if _, _, err := Measure(runs); !errors.Is(err, ErrFew) {
			t.Errorf("%d runs: %v", len(runs), err)
		}
	}
}

// TestNoFalseAlarmAfterMeasure: what was measured from a few runs raises no false alarms
// in comparisons of others.
func TestNoFalseAlarmAfterMeasure(t *testing.T) {
	n := comparisons(100)
	for _, runs := range []int{2, 3, 5, 10} {
		hits := 0
		for i := range n {
			r := rand.New(rand.NewPCG(uint64(runs), uint64(i)))
			s, _, err := Measure(drawRuns(r, runs, 45, .014, .014, .03, .045))
			if err != nil {
				t.Fatal(err)
			}
			pair := drawRuns(r, 2, 45, .014, .014, .03, .045)
			var list []Scenario
			for i := range 45 {
				name := fmt.Sprint("s", i)
				list = append(list, Scenario{pair[0][name], pair[1][name], axesOf(i)})
			}
			res, err := Judge(list, Options{Threshold: .03, Scatter: s})
			if err != nil {
				t.Fatal(err)
			}
			if anything(res) {
				hits++
			}
		}
		t.Logf("%d runs: %d of %d comparisons of equal runs show a change", runs, hits, n)
		if hits > most(n, Alpha) {
			t.Errorf("%d runs: %d false alarms of %d", runs, hits, n)
		}
	}
}
