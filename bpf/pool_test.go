package bpf

import (
	"errors"
	"runtime"
	"testing"

	"tunbench/bpf/hist"
)

// TestSharedSets has observers that share sets, and holds how many sets there are.
func TestSharedSets(t *testing.T) {
	needRoot(t)
	open := func(queues int) *Observer {
		o, err := Open(Options{Hook: Tracepoint, Target: Target{Ifindex: 1, Netns: 1, Queues: queues}})
		if err != nil {
			t.Fatal(err)
		}
		return o
	}
	sets := func(o *Observer) []*set { return shared.idle[o.config] }
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	a, b, c := open(3), open(4), open(4) // all with room for four queues, and attached
	if a.set == b.set || b.set == c.set || len(sets(a)) != 0 {
		t.Error("two that are attached share a set")
	}
	wide := open(5)
	if wide.config == a.config {
		t.Error("five queues are in the room of four")
	}
	must(errors.Join(a.Detach(), b.Detach(), c.Detach(), a.Detach()))
	if n := len(sets(a)); n != spares || a.set == nil || c.set != nil {
		t.Errorf("%d sets are kept, want %d; the last is settled: %v", n, spares, c.set == nil)
	}
	kept := a.set
	must(c.Attach())
	if c.set != kept || a.set != nil {
		t.Error("c did not take the idle set of a")
	}
	must(errors.Join(c.Detach(), wide.Detach()))
	if len(kept.links) != len(c.programs) {
		t.Errorf("%d programs are attached after Detach, want %d", len(kept.links), len(c.programs))
	}
	left := wide.set
	must(Attach(b, c)) // c has the set that it had
	if len(left.links) > 0 || b.set == c.set || len(b.set.links) != len(b.programs) || len(c.set.links) != len(b.programs) {
		t.Errorf("beside two that count, %d programs of a set that nobody uses are attached", len(left.links))
	}
	must(errors.Join(b.Detach(), c.Detach(), wide.Attach()))
	if len(kept.links) > 0 {
		t.Errorf("%d programs of another kind are attached beside one that counts", len(kept.links))
	}
	must(errors.Join(b.Attach(), b.Attach(), Rest()))
	if len(kept.links) > 0 || len(b.set.links) != len(b.programs) {
		t.Errorf("after Rest %d programs of an idle set are attached, %d of one in use", len(kept.links), len(b.set.links))
	}
	must(errors.Join(a.Close(), c.Close()))
	if len(sets(b)) == 0 {
		t.Error("the sets were freed before their last user was closed")
	}
	must(errors.Join(b.Close(), b.Close()))
	if _, ok := shared.idle[b.config]; ok || shared.users[b.config] != 0 || b.set != nil {
		t.Errorf("%d idle sets, %d users", len(sets(b)), shared.users[b.config])
	}
	must(errors.Join(wide.Close(), Rest()))
	if len(shared.idle)+len(shared.users) > 0 {
		t.Errorf("left: %v, %v", shared.idle, shared.users)
	}
	if err := b.Attach(); err == nil {
		t.Error("a closed observer was attached")
	}
}

// Observers are attached in each round of a block, in which no garbage is collected: an
// attachment allocates less than its counters are long.
func TestAttachmentsLeaveLittleGarbage(t *testing.T) {
	needRoot(t)
	o, err := Open(Options{Hook: Tracepoint, Target: Target{Ifindex: 1, Netns: 1, Queues: 4}})
	if err != nil {
		t.Fatal(err)
	}
	defer o.Close()
	const times = 20
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	for range times {
		if err := errors.Join(o.Detach(), o.Attach()); err != nil {
			t.Fatal(err)
		}
	}
	runtime.ReadMemStats(&after)
	if each := (after.TotalAlloc - before.TotalAlloc) / times; each > uint64(o.histBytes()) {
		t.Errorf("%d bytes each, the histograms take %d", each, o.histBytes())
	}
}

// TestCountsOfAttachment holds that what was counted before an attachment is not part of it,
// and that the extremes are those of any.
func TestCountsOfAttachment(t *testing.T) {
	for _, l := range []layout{{room: 4}, {room: 4, shift: 2}} {
		testCountsOfAttachment(t, l)
	}
}

func testCountsOfAttachment(t *testing.T, l layout) {
	base, now, sum := newCounts(2, l), newCounts(2, l), newCounts(1, l)
	cpu := func(c counts, i int) counts {
		n, h := len(sum.words), len(sum.hists)
		return counts{l, c.words[i*n : (i+1)*n], c.hists[i*h : (i+1)*h], c.calls, c.errors}
	}
	const of = 2 // queue
	bucket := func(v uint64) int { return histHead + hist.Index(v)>>l.shift }
	deep := func(v uint64) int { return histHead + hist.Buckets>>l.shift + hist.Index(v)>>l.shift }
	for i := range 2 {
		from, to := cpu(base, i).ofQueue(of), cpu(now, i).ofQueue(of)
		from[histMissed], to[histMissed] = 10, 12
		from[histMax], to[histMax] = 900, uint64(50+i)
		to[histMin] = ^uint64(7 - i)
		to[bucket(48)] = 1
		from[deep(300)], to[deep(300)], to[histDeepest] = 5, 8, uint64(310-i)
		cpu(base, i).queues()[3].XmitSkbs, cpu(now, i).queues()[3].XmitSkbs = 5, 8
		cpu(now, i).cpu().LatePkts = 99
	}
	base.calls[3].Calls, now.calls[3].Calls = 40, 44
	sum.add(base, now)
	sum.add(base, now)
	c, q := sum.cpu(), sum.queues()
	if c.LatePkts != 0 || len(q) != 4 || q[3].XmitSkbs != 12 || sum.calls[3].Calls != 8 {
		t.Errorf("%d queues %+v, %d calls", len(q), q[3], sum.calls[3].Calls)
	}
	h, missed := sum.residency(of)
	if missed != 8 || h.Max != 51 || h.Min != 6 || h.Count != 4 || hist.Lower(hist.Index(48))>>l.shift != 48>>l.shift {
		t.Errorf("shift %d: missed %d, %d samples from %d to %d ns", l.shift, missed, h.Count, h.Min, h.Max)
	}
	if d := sum.depth(of); d.Count != 12 || d.Max != 310 || d.Min < 285 || d.Min > 315 {
		t.Errorf("shift %d: %d depths from %d to %d", l.shift, d.Count, d.Min, d.Max)
	}
	if h, _ := sum.residency(0); h.Count+h.Max+h.Min > 0 {
		t.Errorf("a queue without packets has %d samples from %d to %d ns", h.Count, h.Min, h.Max)
	}
	s := newSnapshot(sum, Target{Queues: 3}, nil)
	if s.Strays != 12+8 || s.Residency.Count != 4 || s.Residency.Min != 6 || s.Queues[of].Depth.Max != 310 {
		t.Errorf("%+v", s)
	}
}
