package series

import (
	"math"

	"tunbench/reports/stat"
)

// How a history is searched for changes.
const (
	// Every finding has a p below HistoryAlpha. A series is judged again with each
	// run, so that false alarms add up. The limit is therefore lower for a drift; for
	// a change point with enough runs, lateAlpha or, if that is more, twice the
	// smallest p that this number of runs can have; and for a change of a single
	// newest run where a change point can be found soon after it.
	HistoryAlpha  = 0.001
	driftAlpha    = 0.0002
	lateAlpha     = 0.0003
	HistoryWindow = 50 // runs
	historyStride = HistoryWindow / 2
	levelRuns     = 5   // runs that define the level of today, or of a release
	driftWindow   = 100 // runs in which a drift is sought, besides those it starts from
)

// found is what the replay of a series found.
type found struct {
	levels []level // changes that a permutation test found, in order
	move   *level  // since the last of levels: a change of a single run and the runs after it
	drifts []drift // in the order in which they were found
}

// start is the index at which the newest level begins.
func (f *found) start() int {
	if n := len(f.levels); n > 0 {
		return f.levels[n-1].at
	}
	return 0
}

// level is a change of level. Its fields are indexes of judged values: the new level
// begins at at, and the level before it at from. The change was found when seen was the
// newest value, and first placed at placed.
type level struct {
	from, at, placed, seen int
	p                      float64
}

// drift is a slow change. Its fields are indexes of judged values: it starts from the
// values from up to to (exclusive), which are those of a release if release is not -1,
// and was found when seen was the newest value. Before that, the level began at before.
// line holds the values of the fitted line at from and at seen. named is the kind of the
// ID, and the judged value from which the ID is computed.
type drift struct {
	from, to, release, seen, before int
	line                            [2]float64
	p                               float64
	named                           struct {
		kind string
		at   int
	}
}

// replay judges a series as if it were checked after each run.
type replay struct {
	*Series
	from    int   // index of the first value of the newest level, or after a drift
	ref     drift // the values from which the next drift is sought
	of      int   // number of levels when ref was chosen
	release int   // the newest release so far
}

// look judges the values up to i.
func (r *replay) look(i int) error {
	if err := r.settle(i); err != nil {
		return err
	}
	for {
		more, err := r.changed(i)
		if err != nil {
			return err
		}
		if !more {
			break
		}
	}
	if err := r.moved(i); err != nil {
		return err
	}
	return r.drifted(i)
}

// settle places the newest change again: when it was found, few values followed it.
func (r *replay) settle(i int) error {
	n := len(r.levels)
	if n == 0 || i > r.levels[n-1].seen+levelRuns {
		return nil
	}
	l := &r.levels[n-1]
	if r.from != l.at {
		return nil // a drift was found since then
	}
	from := max(l.from, i+1-HistoryWindow)
	at, err := stat.Split(r.y[from : i+1])
	if at += from; err == nil && at > from && max(at-l.placed, l.placed-at) <= stat.LeastSegment {
		l.at, r.from = at, at
	}
	return err
}

// changed looks for a change in the newest level, by a permutation test.
func (r *replay) changed(i int) (bool, error) {
	from := max(r.from, i+1-HistoryWindow)
	x := r.y[from : i+1]
	at, err := stat.Split(x)
	if err != nil || !stat.CanTell(at, len(x)-at, HistoryAlpha) {
		return false, err
	}
	// Most differences are too small to count, which is cheaper to find out.
	by, reach, _, err := r.reach(max(from, from+at-historyStride), from+at, min(i+1, from+at+historyStride))
	if err != nil || reach < r.threshold(from, i+1) {
		return false, err
	}
	alpha := min(HistoryAlpha, max(lateAlpha, 2*stat.LeastP(at, len(x)-at)))
	c, significant, err := stat.FindChange(x, alpha)
	if err != nil || !significant {
		return false, err
	}
	l := level{from: from, at: from + at, placed: from + at, seen: i, p: c.P}
	if m := r.move; m != nil {
		base, _, err := r.sides(*m, m.at)
		if err != nil {
			return false, err
		}
		same := (r.y[m.at]-base)*by > 0
		if same {
			l.seen = m.seen // the same change, now found by a permutation test
		}
		if same || m.at <= l.at {
			r.move = nil
		} else {
			m.from = l.at
		}
	}
	r.levels, r.from = append(r.levels, l), l.at
	return true, nil
}

// moved finds out whether the newest value alone is a change, and whether an earlier such
// change has gone back.
func (r *replay) moved(i int) error {
	from := max(r.from, i+1-HistoryWindow)
	if r.move != nil {
		base, now, err := r.sides(*r.move, i)
		if err == nil && !r.left(base, r.ratio(r.y[r.move.at]-base), now) {
			r.move = nil
		}
		return err
	}
	if i-from < stat.LeastForNext {
		return nil
	}
	p, err := stat.JudgeNext(r.y[from:i], r.y[i])
	alpha := HistoryAlpha
	if i-from >= stat.LeastToTell(HistoryAlpha) {
		alpha = lateAlpha
	}
	if err != nil || p >= alpha {
		return err
	}
	m := level{from: from, at: i, placed: i, seen: i, p: p}
	base, now, err := r.sides(m, i)
	if err == nil && math.Abs(r.ratio(now-base)) >= r.threshold(from, i+1) {
		r.move = &m
	}
	return err
}

// drifted finds out whether the values rise or fall since the last release or, if there is
// none or the level changed since, since the level began.
func (r *replay) drifted(i int) error {
	release := r.releaseBefore(i)
	switch changed := len(r.levels) > r.of; {
	case release >= r.from && (changed || release > r.release):
		r.ref = drift{from: max(r.from, release+1-levelRuns), to: release + 1, release: release}
	case changed:
		r.ref = drift{from: r.from, release: -1}
	}
	r.release, r.of = release, len(r.levels)
	if err := r.ended(i); err != nil {
		return err
	}
	d := r.ref
	if d.to == 0 {
		d.to = min(d.from+levelRuns, i+1)
	}
	var x, y []float64
	for k := d.from; k <= i; k++ {
		if k < d.to || k > i-driftWindow {
			x, y = append(x, float64(k-d.from)), append(y, r.y[k])
		}
	}
	if len(y) <= stat.LeastForNext {
		return nil
	}
	line, significant, err := stat.FindDrift(x, y, driftAlpha)
	if err != nil || !significant {
		return err
	}
	by := line.Slope * float64(i-d.from)
	if math.Abs(r.ratio(by)) < r.threshold(d.from, i+1) {
		return nil
	}
	d.seen, d.before, d.p, d.line = i, r.from, line.P, [2]float64{line.Start, line.Start + by}
	// Named by its start: a drift that ended and resumed is the same drift.
	d.named.kind, d.named.at = driftID, d.from
	if by < 0 {
		d.named.kind = driftID + " down"
	}
	if m := r.move; m != nil {
		base, _, err := r.sides(*m, m.at)
		if err != nil {
			return err
		}
		if (r.y[m.at]-base)*by > 0 {
			d.named.kind, d.named.at = levelID, m.seen // the same change, now known to be a drift
		}
		r.move = nil
	}
	r.drifts = append(r.drifts, d)
	// A further change is another finding.
	r.from, r.ref = max(r.from, i+1-levelRuns), drift{from: i, to: i + 1, release: -1}
	return nil
}

// ended drops the newest drift if the level went back, and restarts the search for it from
// where it began, unless another level or release is the reference by now.
func (r *replay) ended(i int) error {
	n := len(r.drifts)
	if n == 0 || r.ref.release >= 0 || r.ref.from != r.drifts[n-1].seen {
		return nil
	}
	d := r.drifts[n-1]
	now, err := stat.Median(r.y[max(d.to, i+1-levelRuns) : i+1])
	if err != nil || r.left(d.line[0], r.ratio(d.line[1]-d.line[0]), now) {
		return err
	}
	r.drifts = r.drifts[:n-1]
	r.from, r.ref = d.before, drift{from: d.from, to: d.to, release: d.release}
	return nil
}

// Kinds of IDs. A change of level and a change of a single run share one kind, since the
// run may turn out to be the first of a level.
const (
	levelID = "level"
	driftID = "drift"
)
