package reports

import (
	"tunbench/reports/record"
)

// ledger is the accounting of several trials.
type ledger struct {
	offered, pushedBack, accepted, delivered, dropped uint64
	duplicates, reordered                             uint64
	byReason                                          map[string]uint64
	net                                               int64  // sum of the unexplained, with their signs
	unexplained                                       uint64 // sum of the absolute values: one trial cannot hide another
	open                                              int    // trials with unexplained packets
	contradicting                                     int    // trials whose figures do not add up
}

func account(trials []*record.Trial) ledger {
	l := ledger{byReason: map[string]uint64{}}
	for _, t := range trials {
		a := t.Accounting
		l.offered += a.Offered
		l.pushedBack += a.PushedBack
		l.accepted += a.Accepted
		l.delivered += a.Delivered
		l.dropped += a.DroppedTotal()
		l.duplicates += a.Duplicates
		l.reordered += a.Reordered
		for reason, n := range a.Dropped {
			if n > 0 {
				l.byReason[reason] += n
			}
		}
		if a.Unexplained != 0 {
			l.open++
			l.net += a.Unexplained
			l.unexplained += uint64(max(a.Unexplained, -a.Unexplained)) // right for the lowest int64 too, which has no negative
		}
		if a.Offered != a.Accepted+a.PushedBack ||
			int64(a.Accepted)-int64(a.Delivered)-int64(a.DroppedTotal()) != a.Unexplained {
			l.contradicting++
		}
	}
	return l
}
