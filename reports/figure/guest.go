package figure

import "tunbench/reports/record"

// GuestOf is the virtual machine behind the device of a scenario, its queues summed over the
// valid trials; nil without one.
func GuestOf(s *Scenario) *record.Guest {
	var sum *record.Guest
	for _, t := range s.Valid() {
		if t.Guest == nil {
			continue
		}
		if sum == nil {
			first := *t.Guest
			first.Queues = nil
			sum = &first
		}
		for i, q := range t.Guest.Queues {
			if i == len(sum.Queues) {
				sum.Queues = append(sum.Queues, record.GuestQueue{Queue: q.Queue})
			}
			into := &sum.Queues[i]
			into.RxPkts += q.RxPkts
			into.RxDrops += q.RxDrops
			into.TxPkts += q.TxPkts
			into.TxDrops += q.TxDrops
		}
	}
	return sum
}
