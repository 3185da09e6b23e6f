package figure

import (
	"tunbench/reports/record"
)

// Ledger is the accounting of several trials.
type Ledger struct {
	Offered, PushedBack, Accepted, Delivered, Dropped uint64
	Duplicates, Reordered                             uint64
	ByReason                                          map[string]uint64
	Verified, Corrupt                                 uint64
	ByFault                                           map[string]uint64 // of Corrupt
	Net                                               int64             // sum of the unexplained packets, with their signs
	Unexplained                                       uint64            // sum of the absolute values: one trial cannot hide another
	Open                                              int               // trials with unexplained packets
	Contradicting                                     int               // trials whose figures do not add up
}

func Account(trials []*record.Trial) Ledger {
	l := Ledger{ByReason: map[string]uint64{}, ByFault: map[string]uint64{}}
	for _, t := range trials {
		a := t.Accounting
		l.Offered += a.Offered
		l.PushedBack += a.PushedBack
		l.Accepted += a.Accepted
		l.Delivered += a.Delivered
		l.Dropped += a.DroppedTotal()
		l.Duplicates += a.Duplicates
		l.Reordered += a.Reordered
		l.Verified += a.Verified
		l.Corrupt += a.CorruptTotal()
		for fault, n := range a.Corrupt {
			l.ByFault[fault] += n
		}
		for reason, n := range a.Dropped {
			if n > 0 {
				l.ByReason[reason] += n
			}
		}
		if a.Unexplained != 0 {
			l.Open++
			l.Net += a.Unexplained
			l.Unexplained += uint64(max(a.Unexplained, -a.Unexplained)) // correct for math.MinInt64 too, which has no negative
		}
		if a.Offered != a.Accepted+a.PushedBack ||
			int64(a.Accepted)-int64(a.Delivered)-int64(a.DroppedTotal())-int64(a.CorruptTotal()) != a.Unexplained {
			l.Contradicting++
		}
	}
	return l
}
