package bpf

import (
	"testing"

	"tunbench/bpf/hist"
)

// TestLayoutFits holds what histograms take: with 16 queues on 16 CPUs they have all
// buckets in less than 16 MiB, and more queues and CPUs get fewer buckets, not more memory.
func TestLayoutFits(t *testing.T) {
	for _, c := range []struct {
		cpus, room int
		shift      uint
	}{{1, 1, 0}, {2, 4, 0}, {16, 16, 0}, {2, 256, 1}, {64, 64, 4}, {256, 256, 5}} {
		l := layoutFor(c.cpus, c.room)
		bytes := uintptr(c.cpus) * l.histBytes()
		if l.shift != c.shift {
			t.Errorf("%d CPUs, %d queues: shift %d, want %d (%d bytes)", c.cpus, c.room, l.shift, c.shift, bytes)
		}
		if bytes > histBudget && l.shift < 5 {
			t.Errorf("%d CPUs, %d queues: %d bytes, of %d", c.cpus, c.room, bytes, histBudget)
		}
		if c.cpus*c.room <= 256 && bytes > 16<<20 {
			t.Errorf("%d CPUs, %d queues: %d bytes", c.cpus, c.room, bytes)
		}
	}
	if got := (layout{shift: 0}).err(); got != 1.0/64 {
		t.Errorf("error %g", got)
	}
}

func TestSince(t *testing.T) {
	queue := func(pkts uint64, residencies ...uint64) Queue {
		q := Queue{ReadPkts: pkts, Residency: new(hist.Histogram), Depth: new(hist.Histogram)}
		for _, v := range residencies {
			q.Residency.Record(v)
		}
		return q
	}
	old := &Snapshot{Queues: []Queue{queue(5, 100, 9000)}, Drops: map[string]uint64{"A": 1, "B": 2}, RecvDrops: map[string]uint64{}, Missed: 3}
	old.XmitGSO[UDP] = GSO{2, 80}
	now := &Snapshot{Queues: []Queue{queue(9, 100, 9000, 500, 700)}, Drops: map[string]uint64{"A": 1, "B": 7, "C": 1}, RecvDrops: map[string]uint64{"D": 1}, Missed: 4}
	now.XmitGSO[UDP] = GSO{3, 120}
	d := now.Since(old)
	if d.Queues[0].ReadPkts != 4 || len(d.Drops) != 2 || d.Drops["B"] != 5 || d.Drops["C"] != 1 || d.RecvDrops["D"] != 1 || d.Missed != 1 || d.XmitGSO[UDP] != (GSO{1, 40}) {
		t.Errorf("%+v", d)
	}
	r := d.Queues[0].Residency
	if r.Count != 2 || r.Min > 500 || r.Min < 490 || r.Max < 700 || r.Max > 712 {
		t.Errorf("residency: %d samples from %d to %d, want two from 500 to 700", r.Count, r.Min, r.Max)
	}
}

// TestSinceOfWideBuckets: what was counted since is within the extremes of all that was, also
// where a bucket stands for 16 and its values are not in the middle.
func TestSinceOfWideBuckets(t *testing.T) {
	l := layout{room: 1, shift: 4}
	const wide = 1 << 20 // the first value of a bucket that stands for 16
	for name, values := range map[string][2]uint64{
		"low": {wide, wide + 5}, "high": {2*wide - 9, 2*wide - 1}, "both ends": {wide, 2*wide - 1}, "one": {wide, wide},
	} {
		sum := newCounts(1, l)
		words := sum.ofQueue(0)
		words[histMin], words[histMax] = ^values[0], values[1]
		for _, v := range values {
			words[histHead+hist.Index(v)>>l.shift]++
		}
		h, _ := sum.residency(0)
		d := h.Since(new(hist.Histogram))
		if h.Min != values[0] || h.Max != values[1] || d.Count != 2 || d.Min > d.Max || d.Min < h.Min || d.Max > h.Max {
			t.Errorf("%s: %d values from %d to %d, of %d to %d", name, d.Count, d.Min, d.Max, h.Min, h.Max)
		}
	}
}
