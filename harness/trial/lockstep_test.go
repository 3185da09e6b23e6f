package trial

import (
	"testing"

	"tunbench/harness/account"
	"tunbench/harness/spec"
)

func TestMiddleHalf(t *testing.T) {
	// The quarter at each end is left out, whatever it holds.
	if got := middleHalf([]float64{1e9, 3, 1, 4, 2, 5, -1e9, 6}); got != 3.5 {
		t.Errorf("got %v, want 3.5", got)
	}
}

func TestEnough(t *testing.T) {
	for name, c := range map[string]struct {
		send   []float64
		settle bool
		want   bool
	}{
		"too few":                  {[]float64{1, 1, 1, 1}, true, false},
		"five that agree":          {[]float64{1000, 1000.5, 1000.9, 1000.2, 1000}, true, true},
		"five that do not":         {[]float64{1000, 1000.5, 1002, 1000.2, 1000}, true, false},
		"the last five agree":      {[]float64{7000, 5000, 1000, 1000, 1000, 1000, 1000}, true, true},
		"in real time, five do":    {[]float64{1, 2, 3, 4, 5}, false, true},
		"in real time, four don't": {[]float64{1, 2, 3, 4}, false, false},
	} {
		l := &lockstep{Rounds: account.Rounds{Send: c.send, Recv: make([]float64, len(c.send))}}
		if got := l.enough(c.settle); got != c.want {
			t.Errorf("%s: %v, want %v", name, got, c.want)
		}
	}
}

func TestLockstepRounds(t *testing.T) {
	for _, c := range []struct{ size, want int }{{64, mostRounds}, {1500, mostRounds}, {65535, 4}, {spec.SizeIMIX, mostRounds}, {16384, 16}} {
		if got := lockstepRounds(c.size, 64); got != c.want {
			t.Errorf("size %d: %d rounds, want %d", c.size, got, c.want)
		}
	}
}
