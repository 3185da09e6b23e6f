package bpf

import "time"

// stopwatch adds up the time for which something was on.
type stopwatch struct {
	on   bool
	from time.Time
	sum  time.Duration
}

// run says whether it is on from now on.
func (w *stopwatch) run(on bool) {
	now := time.Now()
	if w.on {
		w.sum += now.Sub(w.from)
	}
	w.on, w.from = on, now
}

// total is the time until now.
func (w *stopwatch) total() time.Duration {
	w.run(w.on)
	return w.sum
}
