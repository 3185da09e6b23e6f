package series

import (
	"math"
	"slices"

	"tunbench/reports/record"
	"tunbench/reports/stat"
)

// step is a finding that is not a drift, and the index of the judged value that it
// begins with.
type step struct {
	Finding
	at int
}

// findings are all findings in a series.
func findings(s *Series) (list []Finding, err error) {
	n := len(s.y)
	steps, err := stepsOf(s)
	if err != nil {
		return nil, err
	}
	for _, f := range steps {
		list = append(list, f.Finding)
	}
	for _, d := range s.drifts {
		c, err := driftChange(s, d)
		if err != nil {
			return nil, err
		}
		if s.judged[d.seen] < s.shownFrom {
			continue
		}
		list = append(list, Finding{s, c})
	}
	release := s.releaseBefore(n - 1)
	steps = slices.DeleteFunc(steps, func(f step) bool { return release < 0 || f.at <= release || !f.Standing })
	if len(steps) == 0 || slices.ContainsFunc(list, func(f Finding) bool { return f.Kind == SinceRelease }) {
		return list, nil
	}
	c, ok, err := sinceRelease(s, release, steps)
	if err != nil {
		return nil, err
	}
	if ok {
		list = append(list, Finding{s, c})
	}
	return list, nil
}

// stepsOf are the changes of level, and the change of a single newest run.
func stepsOf(s *Series) (steps []step, err error) {
	n := len(s.y)
	for i, c := range s.Changes {
		steps = append(steps, step{Finding{s, c}, s.levels[len(s.levels)-len(s.Changes)+i].at})
	}
	if m := s.move; m != nil && s.judged[m.at] >= s.shownFrom {
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
		steps = append(steps, step{Finding{s, c}, m.at})
	}
	return steps, nil
}

// sinceRelease is the change of the newest runs since a release. It is false unless the
// steps since then show that the change is not noise.
func sinceRelease(s *Series, release int, steps []step) (c Change, ok bool, err error) {
	n := len(s.y)
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
	c, err = s.finding(from, release+1, newest, n, n-1, now-base)
	if err != nil {
		return c, false, err
	}
	c.Kind, c.P, c.Standing = SinceRelease, 1, true
	seen := release
	for _, f := range steps {
		if f.Verdict == c.Verdict {
			c.P = min(c.P, f.P)
			c.parts = append(c.parts, f.ID)
		}
		if i := slices.IndexFunc(s.judged, func(k int) bool { return s.Points[k].Run == f.FoundIn }); f.Verdict == c.Verdict {
			seen = max(seen, i)
		}
	}
	if len(c.parts) == 0 || math.Abs(c.Change) < c.Threshold || c.at < s.shownFrom {
		return c, false, nil
	}
	s.name(&c, SinceRelease+" "+c.Before.Run, seen, seen)
	return c, true, nil
}

// driftChange returns a drift as a Change.
func driftChange(s *Series, d drift) (Change, error) {
	c, err := s.finding(d.from, d.to, d.from, d.seen+1, d.seen, d.line[1]-d.line[0])
	if err != nil {
		return c, err
	}
	now, err := stat.Median(s.y[max(d.to, len(s.y)-levelRuns):])
	if err != nil {
		now = s.y[len(s.y)-1]
	}
	c.Kind, c.P, c.drift = Drift, d.p, true
	if d.release >= 0 {
		c.Kind = SinceRelease
	}
	if s.byRatio {
		// The line is through ratios: the ends are medians of raw figures.
		if c.New, err = s.level(max(d.from, d.seen+1-levelRuns), d.seen+1); err != nil {
			return c, err
		}
	} else {
		c.Base, c.New = s.figure(d.line[0]), s.figure(d.line[1])
	}
	c.Standing = s.left(d.line[0], c.Change, now)
	s.name(&c, d.named.kind, d.named.at, d.seen)
	return c, nil
}

// isNews reports whether a check includes f.
func isNews(s *Series, f Finding) bool {
	if f.Verdict == record.Regression && f.Standing {
		return true
	}
	last := max(s.releaseBefore(len(s.y)-1), len(s.y)-HistoryWindow)
	return last < 0 || f.at > s.judged[last]
}
