package watch

import (
	"errors"
	"testing"
	"time"

	"tunbench/harness/netns"
)

// TestClosest holds that a reading whose two halves lie far apart, since the host was busy, is
// made again for a while, and that the closest one counts.
func TestClosest(t *testing.T) {
	const us, most = time.Microsecond, 10 * time.Millisecond
	for name, c := range map[string]struct {
		took []time.Duration // of each reading
		want int             // the one that counts
		read int             // how many are made
	}{
		"at once":                 {[]time.Duration{100 * us}, 0, 1},
		"after others":            {[]time.Duration{5000 * us, 300 * us, near}, 2, 3},
		"none is near":            {[]time.Duration{4000 * us, 900 * us, 5100 * us, 200 * us}, 1, 3},
		"an interval is not much": {[]time.Duration{most, 200 * us}, 0, 1},
		"a clock that stands":     {[]time.Duration{0}, 0, 1},
	} {
		read := 0
		r, err := closest(most, func() (reading, error) {
			read++
			return reading{took: c.took[read-1], counters: netns.Counters{TxPackets: uint64(read - 1)}}, nil
		})
		if err != nil || read != c.read || r.counters.TxPackets != uint64(c.want) {
			t.Errorf("%s: reading %d of %d counts (%v), want %d of %d", name, r.counters.TxPackets, read, err, c.want, c.read)
		}
	}
	failed := errors.New("gone")
	if _, err := closest(most, func() (reading, error) { return reading{}, failed }); !errors.Is(err, failed) {
		t.Error(err)
	}
}

// TestDue holds that intervals which each end late do not add up, and that none is shorter than
// half of one for that.
func TestDue(t *testing.T) {
	const d = time.Second
	began := time.Unix(1000, 0)
	at := func(ms int) time.Time { return began.Add(time.Duration(ms) * time.Millisecond) }
	for _, c := range []struct {
		name            string
		due, from, want time.Time
	}{
		{"the first", time.Time{}, at(0), at(1000)},
		{"in time", at(1000), at(1000), at(2000)},
		{"late", at(1000), at(1300), at(2000)},
		{"too late", at(1000), at(1501), at(2501)},
		{"after a pause", at(1000), at(9000), at(10000)},
		{"early, since it was interrupted", at(1000), at(700), at(1700)},
	} {
		if got := dueAfter(c.due, c.from, d); !got.Equal(c.want) {
			t.Errorf("%s: %v after it began, want %v", c.name, got.Sub(began), c.want.Sub(began))
		}
	}
	var due time.Time
	from := at(0)
	for range 300 {
		due = dueAfter(due, from, d)
		from = due.Add(50 * time.Millisecond) // late
	}
	if took := from.Sub(began); took != 300*d+50*time.Millisecond {
		t.Errorf("300 intervals of %v took %v", d, took)
	}
}
