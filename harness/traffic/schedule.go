package traffic

import (
	"math/rand/v2"

	"tunbench/bpf/hist"
)

// Pace defines an open loop: the times at which packets are due do not depend
// on how earlier ones were sent. The zero value is a closed loop.
type Pace struct {
	// Rate is that of all senders of the trial together, in packets (wire
	// segments) a second. A message with several segments is due as one, when
	// the first of them is.
	Rate    float64
	Senders int // of the trial; they take turns
	Turn    int // of this sender, from 0
	Poisson bool
	Seed    uint64 // of the Poisson gaps
}

// schedule computes when each message of one sender is due. The messages of all
// senders together are due at equal intervals, or as a Poisson process, as the
// sum of independent Poisson processes is one.
type schedule struct {
	start  int64      // of the schedule of all senders, in ns of the trial's clock
	gap    float64    // mean ns between two messages of this sender
	offset float64    // ns from start to its first message, if fixed
	rng    *rand.Rand // of Poisson gaps; nil if fixed
	count  uint64     // messages before the next one
	at     float64    // ns from start to the next one; exact below 2^53, 104 days
}

func newSchedule(p Pace, segments uint64) schedule {
	const second = 1e9
	each := second * float64(segments) / p.Rate // between two messages of all senders
	s := schedule{gap: each * float64(p.Senders), offset: each * float64(p.Turn)}
	s.at = s.offset
	if p.Poisson {
		s.rng = rand.New(rand.NewPCG(p.Seed, uint64(p.Turn)))
		s.at = s.rng.ExpFloat64() * s.gap
	}
	return s
}

// due is when the next message is due, in ns of the trial's clock.
func (s *schedule) due() int64 { return s.start + int64(s.at) }

// advance goes on to the message after the next. Fixed times are products, not
// sums, so that no rounding adds up.
func (s *schedule) advance() {
	s.count++
	if s.rng != nil {
		s.at += s.rng.ExpFloat64() * s.gap
		return
	}
	s.at = s.offset + float64(s.count)*s.gap
}

// LateNs is how many ns after it was due a send may begin without being late.
// Go's scheduler takes a spinning thread's processor away every 10 ms and
// returns it some ten microseconds later; at nine tenths of the rate that a
// device carries it takes a multiple of that to catch up. Below 50 us a sender
// is therefore at work, above it something delays it. A multiple of the period
// is no measure: at a thousand packets a second it would permit more than the
// latency to be measured.
const LateNs = 50_000

// Kept is how a sender kept its schedule over the measured time. It counts
// messages.
type Kept struct {
	// Lag is the time in ns from when a message was due to when its call began.
	Lag  hist.Histogram
	Late uint64 // of those in Lag, above LateNs
}

func (k *Kept) record(lag int64) {
	k.Lag.Record(uint64(lag))
	if lag > LateNs {
		k.Late++
	}
}
