package shift

import (
	"errors"
	"math"
	"testing"
)

func scenario(base, new []float64) Scenario {
	var s Scenario
	for i, v := range base {
		s.Base = append(s.Base, Value{i + 1, v})
	}
	for i, v := range new {
		s.New = append(s.New, Value{i + 1, v})
	}
	return s
}

func TestJudgeErrors(t *testing.T) {
	good := scenario([]float64{0, .1}, []float64{0, .1})
	for name, test := range map[string]struct {
		list []Scenario
		o    Options
	}{
		"no value":   {[]Scenario{scenario(nil, []float64{1})}, Options{}},
		"NaN":        {[]Scenario{scenario([]float64{math.NaN(), 1}, []float64{1})}, Options{}},
		"infinity":   {[]Scenario{scenario([]float64{1}, []float64{1, math.Inf(1)})}, Options{}},
		"one value":  {[]Scenario{scenario([]float64{1}, []float64{1})}, Options{}},
		"threshold":  {[]Scenario{good}, Options{Threshold: math.NaN()}},
		"scatter":    {[]Scenario{good}, Options{Scatter: Scatter{Own: -1}}},
		"no scatter": {[]Scenario{good}, Options{Scatter: Scatter{Shared: math.Inf(1)}}},
	} {
		if _, err := Judge(test.list, test.o); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
	if _, err := Judge([]Scenario{scenario([]float64{1}, []float64{1})}, Options{}); !errors.Is(err, ErrTooFew) {
		t.Errorf("one value: %v", err)
	}
	if r, err := Judge(nil, Options{}); err != nil || len(r.Single) > 0 {
		t.Errorf("no scenario: %+v, %v", r, err)
	}
}

// TestConstant: figures that do not scatter have intervals all the same, by what runs of
// one build differ by.
func TestConstant(t *testing.T) {
	for _, n := range []int{1, 3, 15} {
		var list []Scenario
		for range n {
			list = append(list, scenario([]float64{1, 1, 1}, []float64{1, 1, 1}))
		}
		r, err := Judge(list, Options{Threshold: .03})
		if err != nil {
			t.Fatal(err)
		}
		for _, s := range r.Single {
			if s.Moves || s.Change != 0 || !(s.Low < -.02 && s.High > .02) || !(s.Reach > .03) {
				t.Errorf("%d scenarios: %+v", n, s)
			}
		}
	}
}

// TestKnownScatter: what runs of one build are known to scatter by makes verdicts sharper,
// or less so.
func TestKnownScatter(t *testing.T) {
	list := make([]Scenario, 15)
	for i := range list {
		list[i] = scenario([]float64{1, 1.01, .99, 1.02, .98, 1}, []float64{1, 1.01, .99, 1.02, .98, 1})
	}
	reach := func(s Scatter) float64 {
		r, err := Judge(list, Options{Threshold: .03, Scatter: s})
		if err != nil {
			t.Fatal(err)
		}
		if r.Assumed != (s.Runs < 2) {
			t.Errorf("%+v: assumed %v", s, r.Assumed)
		}
		return r.All.Change
	}
	assumed := reach(Scatter{})
	if quiet := reach(Scatter{Shared: .005, Own: .005, Runs: 10}); quiet >= assumed {
		t.Errorf("a quiet host: %v, assumed %v", quiet, assumed)
	}
	if noisy := reach(Scatter{Shared: .05, Own: .02, Runs: 10}); noisy <= assumed {
		t.Errorf("a noisy host: %v, assumed %v", noisy, assumed)
	}
}
