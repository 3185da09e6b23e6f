package sink

import (
	"math/rand/v2"
	"testing"
)

// naive remembers everything.
type naive struct {
	seen                             map[uint64]bool
	top                              uint64
	delivered, duplicates, reordered uint64
}

func (n *naive) see(seq uint64) {
	if n.seen[seq] {
		n.duplicates++
		return
	}
	n.seen[seq] = true
	n.delivered++
	if seq+1 <= n.top {
		n.reordered++
	} else {
		n.top = seq + 1
	}
}

func TestFlowAgainstNaive(t *testing.T) {
	for seed := range uint64(300) {
		rng := rand.New(rand.NewPCG(seed, 7))
		f, n := flow{}, naive{seen: map[uint64]bool{}}
		next := uint64(0)
		for range 3000 {
			seq := next
			switch rng.IntN(20) {
			case 0: // a gap, sometimes of more than the window
				next += 1 + rng.Uint64N(1<<rng.IntN(12))
				seq = next
				next++
			case 1, 2: // something old, within the window
				if back := rng.Uint64N(window-64) + 1; back <= next {
					seq = next - back
				}
				next = max(next, seq+1)
			default:
				next++
			}
			f.see(seq)
			n.see(seq)
		}
		if f.delivered != n.delivered || f.duplicates != n.duplicates || f.reordered != n.reordered {
			t.Fatalf("seed %d: delivered, duplicates, reordered = %d, %d, %d, want %d, %d, %d", seed,
				f.delivered, f.duplicates, f.reordered, n.delivered, n.duplicates, n.reordered)
		}
	}
}
