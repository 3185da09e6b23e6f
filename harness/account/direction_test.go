package account

import (
	"testing"
)

// TestConsistency: a flow that came out of two queues is not consistent, one of
// a single packet does not count.
func TestConsistency(t *testing.T) {
	for name, c := range map[string]struct {
		flows [][]uint64 // packets by queue
		share float64
		ok    bool
	}{
		"two of three":  {[][]uint64{{2, 0}, {1, 1}, {0, 1}, {0, 9}}, 2.0 / 3, true},
		"all":           {[][]uint64{{2, 0, 0}, {0, 0, 3}}, 1, true},
		"none":          {[][]uint64{{1, 1}}, 0, true},
		"single packet": {[][]uint64{{1, 0}, {0, 1}}, 0, false},
		"one queue":     {[][]uint64{{7}}, 0, false},
	} {
		share, ok := consistency(len(c.flows), len(c.flows[0]), func(flow, queue int) uint64 { return c.flows[flow][queue] })
		if share != c.share || ok != c.ok {
			t.Errorf("%s: %v, %v, want %v, %v", name, share, ok, c.share, c.ok)
		}
	}
}
