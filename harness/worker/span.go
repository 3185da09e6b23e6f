package worker

import (
	"math"
	"sync/atomic"
)

// Span is a period of the trial's clock, such as the measured time. Holds may
// be called while another goroutine begins or ends it. The zero value holds no
// moment.
type Span struct{ from, to atomic.Int64 }

// Begin opens the span at now, in ns of the trial's clock, with no end as yet.
func (s *Span) Begin(now int64) {
	s.to.Store(0) // no reader may see the new start with the old end
	s.from.Store(now)
	s.to.Store(math.MaxInt64)
}

// End closes the span before now.
func (s *Span) End(now int64) { s.to.Store(now) }

// Holds reports whether the moment t lies in the span. It stays true after the
// end for moments before it.
func (s *Span) Holds(t int64) bool { return t >= s.from.Load() && t < s.to.Load() }
