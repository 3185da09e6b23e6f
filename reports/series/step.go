package series

import (
	"math"
	"slices"
	"tunbench/reports/stat"
)

// step is a change between two judged values.
type step struct {
	Finding
	at int // the first judged value after it
}

// steps are changes of one series, in the order of time.
type steps []step

// stepsOf are the change points of s that are shown, and the newest runs if they are
// off on their own.
func stepsOf(s *Series) (list steps, err error) {
	n := len(s.y)
	for i, c := range s.Changes {
		list = append(list, step{Finding{s, c}, s.levels[len(s.levels)-len(s.Changes)+i].at})
	}
	m := s.move
	if m == nil || s.judged[m.at] < s.shownFrom {
		return list, nil
	}
	base, now, err := s.sides(*m, n-1)
	if err != nil {
		return nil, err
	}
	c, err := s.finding(m.from, m.at, max(m.at, n-levelRuns), n, m.at, now-base)
	if err != nil {
		return nil, err
	}
	c.Kind, c.P, c.Standing = SinceRun, m.p, true
	s.name(&c, levelID, m.seen, m.seen)
	return append(list, step{Finding{s, c}, m.at}), nil
}

// sinceRelease compares the newest runs with those of the last release. That the
// difference is no noise is shown by the steps since then that still stand: without
// one there is no such finding.
func (list steps) sinceRelease(s *Series) (c Change, found bool, err error) {
	n := len(s.y)
	release := s.releaseBefore(n - 1)
	list = slices.DeleteFunc(slices.Clone(list), func(f step) bool { return release < 0 || f.at <= release || !f.Standing })
	if len(list) == 0 {
		return c, false, nil
	}
	from := max(0, release+1-levelRuns)
	for _, l := range s.levels {
		if l.at <= release {
			from = max(from, l.at)
		}
	}
	newest := n - len(s.today(release+1))
	if s.move != nil {
		newest = max(newest, s.move.at)
	}
	base, err := stat.Median(s.y[from : release+1])
	if err != nil {
		return c, false, err
	}
	now, err := stat.Median(s.y[newest:])
	if err != nil {
		return c, false, err
	}
	if c, err = s.finding(from, release+1, newest, n, n-1, now-base); err != nil {
		return c, false, err
	}
	c.Kind, c.P, c.Standing = SinceRelease, 1, true
	seen := release
	for _, f := range list {
		if f.Verdict != c.Verdict {
			continue
		}
		c.P = min(c.P, f.P)
		c.parts = append(c.parts, f.ID)
		seen = max(seen, slices.IndexFunc(s.judged, func(k int) bool { return s.Points[k].Run == f.FoundIn }))
	}
	if len(c.parts) == 0 || math.Abs(c.Change) < c.Threshold || c.at < s.shownFrom {
		return c, false, nil
	}
	s.name(&c, SinceRelease+" "+c.Before.Run, seen, seen)
	return c, true, nil
}
