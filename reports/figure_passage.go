package reports

import (
	"tunbench/reports/record"
)

// passage is where the mean time of a packet goes, from the stamp before the
// call that sends it to the return of the read that brings it, in nanoseconds.
type passage struct {
	total     float64
	residency float64 // tun_net_xmit to the dequeue, by the observer
	wake      float64 // the part of it that a packet takes which finds the ring empty
	ring      float64 // the part beyond that
	split     bool    // wake and ring are known apart
	copied    float64 // a system call and a copy of that size, by the floor
	send      float64 // the rest
	resolved  bool    // the rest is not negative
	// strange is true where residency alone is longer than the whole, by more than
	// their buckets explain: they are not of the same packets.
	strange bool
}

// apart tells wake-up and ring apart by the residency of a packet that finds
// the reader idle. A packet that stayed for less than that found a reader that
// was mostly awake, and nothing tells its parts apart.
func (p passage) apart(idle float64) passage {
	if p.residency < idle {
		return p
	}
	p.wake, p.ring, p.split = idle, p.residency-idle, true
	return p
}

// sameSlack is how far two means of histograms may be off: each by half a bucket.
const sameSlack = 2 * 0.016

// idleShare bounds the load at which a reader counts as idle: by Little's law
// rate times residency is the mean number of packets in the ring. At 1,000
// packets/s a wake-up may take 100 µs, as it can where a virtual CPU has halted.
const idleShare = 0.1

// passages gives those of all scenarios that have one.
func passages(list []*scenario) map[*scenario]passage {
	all := map[*scenario]passage{}
	type point struct{ rate, residency float64 }
	idle := map[string]point{} // by family, at its lowest rate
	for _, s := range list {
		p, ok := s.passageOf()
		if !ok {
			continue
		}
		all[s] = p
		rate, ok := s.observ.metric(record.PPS)
		if !ok || p.strange || !s.open() || s.pauses() || rate.Median*p.residency/1e9 > idleShare {
			continue
		}
		if low, known := idle[s.family()]; !known || rate.Median < low.rate {
			idle[s.family()] = point{rate.Median, p.residency}
		}
	}
	for s, p := range all {
		if low, known := idle[s.family()]; known {
			all[s] = p.apart(low.residency)
		}
	}
	return all
}
