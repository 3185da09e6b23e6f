package reports

import (
	"cmp"
	"fmt"
	"math"
	"slices"
	"strings"

	"tunbench/reports/record"
	"tunbench/reports/stat"
)

// Finding is a change and the series that it is in.
type Finding struct {
	Series *Series
	Change
}

// Check is what a history says about its newest runs.
type Check struct {
	*History
	Findings []Finding // regressions first, then by their size in thresholds
	// Judged are the series that are long enough to tell a change from noise, or
	// have one.
	Judged int
	// Short are those in which a change could stand that cannot be told yet.
	Short []Short
}

// Short is a series that is too short to tell.
type Short struct {
	Series  *Series
	Runs    int // valid ones
	Missing int // further ones that it takes
}

// Check tells what was found when each run was added, and is still so: every
// regression until the level has gone back, and improvements and what went back of the
// last window of runs or, if that is shorter, since the last release before the
// newest run.
func (h *History) Check() (*Check, error) {
	c := &Check{History: h}
	least := stat.LeastToTell(historyAlpha)
	for _, s := range h.Series {
		list, err := s.findings()
		if err != nil {
			return nil, fmt.Errorf("check %s of %s: %w", s.Metric, s.Scenario, err)
		}
		h.acknowledge(list)
		if mixed := h.Mixed[s.Host]; mixed != "" {
			for i := range list {
				list[i].Notes = append(list[i].Notes, mixed)
			}
		}
		news := slices.DeleteFunc(slices.Clone(list), func(f Finding) bool { return !s.isNews(f) })
		c.Findings = append(c.Findings, news...)
		standing := slices.ContainsFunc(list, func(f Finding) bool { return f.Standing })
		if n := len(s.y); n < least && !standing {
			c.Short = append(c.Short, Short{s, n, least - n})
		} else {
			c.Judged++
		}
	}
	weight := map[*Series]float64{}
	for _, f := range c.Findings {
		weight[f.Series] = max(weight[f.Series], math.Abs(f.Change.Change)/f.Threshold)
	}
	slices.SortStableFunc(c.Findings, func(a, b Finding) int {
		return cmp.Or(strings.Compare(b.Verdict, a.Verdict), cmp.Compare(weight[b.Series], weight[a.Series]))
	})
	return c, nil
}

// Regressed reports whether something got worse and still is, and nobody has
// acknowledged it.
func (c *Check) Regressed() bool {
	return slices.ContainsFunc(c.Findings, func(f Finding) bool {
		return f.Verdict == record.Regression && f.Standing && f.Acknowledged == nil
	})
}

// Finding gives what was found in h under that ID, also where it is no news.
func (h *History) Finding(id string) (Finding, bool, error) {
	for _, s := range h.Series {
		list, err := s.findings()
		if err != nil {
			return Finding{}, false, err
		}
		if i := slices.IndexFunc(list, func(f Finding) bool { return f.ID == id }); i >= 0 {
			return list[i], true, nil
		}
	}
	return Finding{}, false, nil
}

// Told reports whether the check is about anything: whether some series is long
// enough to tell a change from noise, or has one.
func (c *Check) Told() bool { return c.Judged > 0 }

// findings are all that was found in a series.
func (s *Series) findings() (list []Finding, err error) {
	n := len(s.y)
	type step struct {
		Finding
		at int // in the judged values
	}
	var steps []step
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
	for _, f := range steps {
		list = append(list, f.Finding)
	}
	release := s.releaseBefore(n - 1)
	for _, d := range s.drifts {
		c, err := s.driftChange(d)
		if err != nil {
			return nil, err
		}
		if s.judged[d.seen] < s.shownFrom {
			continue
		}
		list = append(list, Finding{s, c})
	}
	steps = slices.DeleteFunc(steps, func(f step) bool { return release < 0 || f.at <= release || !f.Standing })
	if len(steps) == 0 || slices.ContainsFunc(list, func(f Finding) bool { return f.Kind == SinceRelease }) {
		return list, nil
	}
	// How the newest runs stand to the release, of which the steps since then tell
	// that it is no noise.
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
		return nil, err
	}
	now, err := stat.Median(s.y[newest:])
	if err != nil {
		return nil, err
	}
	c, err := s.finding(from, release+1, newest, n, n-1, now-base)
	if err != nil {
		return nil, err
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
		return list, nil
	}
	s.name(&c, SinceRelease+" "+c.Before.Run, seen, seen)
	return append(list, Finding{s, c}), nil
}

// driftChange makes a Change of a drift.
func (s *Series) driftChange(d drift) (Change, error) {
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
	c.Base, c.New = s.figure(d.line[0]), s.figure(d.line[1])
	c.Standing = s.left(d.line[0], c.Change, now)
	s.name(&c, d.named.kind, d.named.at, d.seen)
	return c, nil
}

// isNews reports whether a check tells of f.
func (s *Series) isNews(f Finding) bool {
	if f.Verdict == record.Regression && f.Standing {
		return true
	}
	last := max(s.releaseBefore(len(s.y)-1), len(s.y)-historyWindow)
	return last < 0 || f.at > s.judged[last]
}

// acknowledge marks the findings that somebody acknowledged. A change since a
// release is, if all is that it consists of.
func (h *History) acknowledge(list []Finding) {
	acked := map[string]Ack{}
	for i := range list {
		if ack, ok := h.acks[list[i].ID]; ok {
			list[i].Acknowledged, acked[list[i].ID] = &ack, ack
		}
	}
	for i := range list {
		f := &list[i]
		if f.Acknowledged != nil || len(f.parts) == 0 {
			continue
		}
		ack := Ack{Reason: "all that it consists of is acknowledged: " + strings.Join(f.parts, ", ")}
		all := true
		for _, id := range f.parts {
			part, ok := acked[id]
			all, ack.Time = all && ok, max(ack.Time, part.Time)
		}
		if all {
			f.Acknowledged = &ack
		}
	}
}
