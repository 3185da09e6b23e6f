// Package account computes the record of a trial from what was counted: the ledger
// of its packets and the figures derived from it. It touches no device and no clock.
package account

import (
	"tunbench/harness/packet"
	"tunbench/harness/sink"
	"tunbench/harness/spec"
	"tunbench/harness/traffic"
	"tunbench/reports/record"
)

// Total adds up what readers counted.
func Total(readers []tallied) (sum sink.Counts) {
	for _, reader := range readers {
		sum.Add(reader.Seen().Counts)
	}
	return sum
}

// totalOf is the ledger as far as senders and readers know it; what was dropped
// between them is for the path to say.
func totalOf(senders []*traffic.Sender, counts sink.Counts) record.Accounting {
	a := record.Accounting{
		Delivered: counts.Delivered, Duplicates: counts.Duplicates, Reordered: counts.Reordered,
		Dropped: map[string]uint64{}, Verified: counts.Verified, Corrupt: CorruptOf(counts),
	}
	for _, s := range senders {
		p := s.Progress()
		a.Accepted += p.Accepted
		a.PushedBack += p.PushedBack
	}
	a.Offered = a.Accepted + a.PushedBack
	return a
}

// CorruptOf names what readers found wrong; nil where nothing was.
func CorruptOf(counts sink.Counts) (list map[string]uint64) {
	for fault, n := range counts.Corrupt {
		if n > 0 {
			AddCounts(&list, map[string]uint64{packet.Fault(fault).String(): n})
		}
	}
	return list
}

// AddCounts adds counts by name to a map that may not be there yet.
func AddCounts(sum *map[string]uint64, counts map[string]uint64) {
	if *sum == nil && len(counts) > 0 {
		*sum = map[string]uint64{}
	}
	for name, n := range counts {
		(*sum)[name] += n
	}
}

// Unexplained is how many accepted packets were neither delivered, nor found corrupt, nor
// dropped for a known reason; below 0, how many more came than were accepted.
func Unexplained(a record.Accounting) int64 {
	return int64(a.Accepted) - int64(a.Delivered) - int64(a.DroppedTotal()) - int64(a.CorruptTotal())
}

// Drop counts packets of a direction that were lost for a reason.
func Drop(t *record.Trial, dir spec.Dir, reason string, n uint64) {
	if n == 0 {
		return
	}
	t.Accounting.Dropped[reason] += n
	if d, ok := t.Directions[string(dir)]; ok {
		d.Accounting.Dropped[reason] += n
	}
}

// Rename counts packets of a direction under another reason than before.
func Rename(t *record.Trial, dir spec.Dir, from, to string, n uint64) {
	take(t.Accounting.Dropped, map[string]uint64{from: n})
	if d, ok := t.Directions[string(dir)]; ok {
		take(d.Accounting.Dropped, map[string]uint64{from: n})
	}
	Drop(t, dir, to, n)
}

// AddTo adds n to a count that may not be there yet.
func AddTo(sum **uint64, n uint64) {
	if *sum == nil {
		*sum = new(uint64)
	}
	**sum += n
}
