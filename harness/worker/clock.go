package worker

import "sync"

// ClockCost is what one call of Now costs in ns.
var ClockCost = sync.OnceValue(func() float64 {
	const looks = 10000
	best := int64(1 << 62)
	for range 5 {
		start := Now()
		for range looks {
			Now()
		}
		best = min(best, Now()-start)
	}
	return float64(best) / looks
})
