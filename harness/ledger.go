package harness

import (
	"tunbench/harness/sink"
	"tunbench/harness/spec"
	"tunbench/harness/traffic"
	"tunbench/reports/record"
)

// total adds up what readers counted.
func total(readers []tallied) (sum sink.Counts) {
	for _, reader := range readers {
		r := reader.Seen()
		sum.Calls += r.Calls
		sum.Reads += r.Reads
		sum.ReadBytes += r.ReadBytes
		sum.Delivered += r.Delivered
		sum.WireBytes += r.WireBytes
		sum.Duplicates += r.Duplicates
		sum.Reordered += r.Reordered
		sum.Foreign += r.Foreign
		sum.Again += r.Again
	}
	return sum
}

// totalOf is the ledger as far as senders and readers know it; what was dropped
// between them is for the path to say.
func totalOf(senders []*traffic.Sender, counts sink.Counts) record.Accounting {
	a := record.Accounting{
		Delivered: counts.Delivered, Duplicates: counts.Duplicates, Reordered: counts.Reordered,
		Dropped: map[string]uint64{},
	}
	for _, s := range senders {
		p := s.Progress()
		a.Accepted += p.Accepted
		a.PushedBack += p.PushedBack
	}
	a.Offered = a.Accepted + a.PushedBack
	return a
}

// unexplained is how many accepted packets were neither delivered nor dropped for
// a known reason; below 0, how many more came than were accepted.
func unexplained(a record.Accounting) int64 {
	return int64(a.Accepted) - int64(a.Delivered) - int64(a.DroppedTotal())
}

// drop counts packets of a direction that were lost for a reason.
func drop(t *record.Trial, dir spec.Dir, reason string, n uint64) {
	if n == 0 {
		return
	}
	t.Accounting.Dropped[reason] += n
	if d, ok := t.Directions[string(dir)]; ok {
		d.Accounting.Dropped[reason] += n
	}
}

// addTo adds n to a count that may not be there yet.
func addTo(sum **uint64, n uint64) {
	if *sum == nil {
		*sum = new(uint64)
	}
	**sum += n
}
