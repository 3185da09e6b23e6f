package figure

import (
	"tunbench/reports/record"
)

// Passage divides the mean time of a packet, from the timestamp before the call that
// sends it to the return of the read that delivers it, in nanoseconds.
type Passage struct {
	Total     float64
	Residency float64 // tun_net_xmit to the dequeue, by the observer
	Wake      float64 // the part of the residency of a packet that finds the ring empty
	Ring      float64 // the rest of the residency
	Split     bool    // Wake and Ring are known separately
	Copied    float64 // a system call and a copy of that size, by the floor
	Send      float64 // the rest
	Resolved  bool    // the rest is not negative
	// Strange is true where residency alone is longer than the whole, by more than
	// the width of buckets explains: the two are not of the same packets.
	Strange bool
}

// apart separates wake-up and ring by the residency of a packet that finds the reader
// idle. A shorter residency means that the reader was mostly awake, and the parts cannot
// be separated.
func (p Passage) apart(idle float64) Passage {
	if p.Residency < idle {
		return p
	}
	p.Wake, p.Ring, p.Split = idle, p.Residency-idle, true
	return p
}

// sameSlack is the error of the ratio of two means of histograms: half a bucket each.
const sameSlack = 2 * 0.016

// IdleShare bounds the load at which a reader counts as idle: by Little's law
// rate times residency is the mean number of packets in the ring. At 1,000
// packets/s a wake-up may take 100 µs, as it can where a virtual CPU has halted.
const IdleShare = 0.1

// Passages gives the passage of each scenario that has one.
func Passages(list []*Scenario) map[*Scenario]Passage {
	all := map[*Scenario]Passage{}
	type point struct{ rate, residency float64 }
	idle := map[string]point{} // by family, at its lowest rate
	for _, s := range list {
		p, ok := s.passageOf()
		if !ok {
			continue
		}
		all[s] = p
		rate, ok := s.Observ.Metric(record.PPS)
		if !ok || p.Strange || !s.Open() || s.pauses() || rate.Median*p.Residency/1e9 > IdleShare {
			continue
		}
		if low, known := idle[s.family()]; !known || rate.Median < low.rate {
			idle[s.family()] = point{rate.Median, p.Residency}
		}
	}
	for s, p := range all {
		if low, known := idle[s.family()]; known {
			all[s] = p.apart(low.residency)
		}
	}
	return all
}
