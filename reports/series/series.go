// Package series makes a series over time for each metric of a scenario on a host, and
// finds change points, outliers and drift in it.
package series

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"math"
	"slices"
	"time"

	"tunbench/reports/figure"
	"tunbench/reports/metric"
	"tunbench/reports/record"
	"tunbench/reports/stat"
	"tunbench/reports/verdict"
)

// Series is a metric of one scenario over time, on one host.
type Series struct {
	Host     string     `json:"host"`
	Scenario string     `json:"scenario"`
	Metric   string     `json:"metric"`
	Unit     string     `json:"unit"`
	Arm      record.Arm `json:"arm"`
	Hook     string     `json:"hook"`
	Clock    string     `json:"clock"`
	Points   []Point    `json:"points"`
	// Changes are the change points that count, in the order of time.
	Changes []Change `json:"changes"`

	gate metric.Gate
	// judged are the indexes of the points in which changes are sought, and y their
	// values: logarithms where the gate's changes are ratios.
	judged    []int
	y         []float64
	byRatio   bool // y are logarithms of ratios to loopback
	found          // what the replay of the runs found in y
	threshold func(from, to int) float64
	shownFrom int // the first point that is shown
}

// ByRatio reports whether the ratio to loopback is judged, and not the rate itself.
func (s *Series) ByRatio() bool { return s.byRatio }

// find fills in the judged values, and the changes.
func (s *Series) find(o Options) error {
	yardstick := s.yardstick()
	s.byRatio = yardstick != ""
	for i, p := range s.Points {
		v := p.Value
		if s.byRatio {
			if p.yardstick != yardstick {
				continue
			}
			v = p.ratio
		}
		if p.N == 0 || !s.gate.Absolute && !(v > 0) {
			continue
		}
		if !s.gate.Absolute {
			v = math.Log(v)
		}
		s.judged, s.y = append(s.judged, i), append(s.y, v)
	}
	s.threshold = func(from, to int) float64 {
		options := verdict.Options{Thresholds: o.Thresholds, Seen: func(name string) (seen float64, ok bool) {
			for _, i := range s.judged[from:to] {
				if v, told := s.Points[i].run.Run.Sees[name]; told && metric.UsableDetectable(name, v) {
					seen, ok = max(seen, v), true
				}
			}
			return seen, ok
		}}
		return options.Threshold(s.gate)
	}
	if err := s.replay(); err != nil {
		return err
	}
	return s.keep()
}

// yardstick names the yardstick by whose ratio s is judged: that of the newest valid run,
// if enough runs have it to tell a change from noise. It is "" where the figures are
// judged as they are, since runs without a yardstick would otherwise end the series.
func (s *Series) yardstick() string {
	newest, n := "", 0
	for _, p := range slices.Backward(s.Points) {
		if p.N == 0 {
			continue
		}
		if n == 0 {
			newest = p.yardstick
		}
		if newest == "" {
			return ""
		}
		if p.yardstick == newest {
			n++
		}
	}
	if n < stat.LeastToTell(HistoryAlpha) {
		return ""
	}
	return newest
}

// keep makes Changes of the levels that count: those whose interval reaches the threshold.
// Of the others, it drops the least one and merges the runs around it into one level,
// again and again, so that a slow change is not lost in small pieces.
func (s *Series) keep() error {
	for {
		changes := make([]Change, len(s.levels))
		least, size := -1, math.Inf(1)
		for i, l := range s.levels {
			from, to := l.from, len(s.y)
			if i > 0 {
				from = max(from, s.levels[i-1].at)
			}
			if i+1 < len(s.levels) {
				to = s.levels[i+1].at
			}
			// Runs further away say little about this change.
			from, to = max(from, l.at-historyStride), min(to, l.at+historyStride)
			by, reach, ci, err := s.reach(from, l.at, to)
			if err != nil {
				return err
			}
			c, err := s.finding(from, l.at, l.at, to, l.at, by)
			if err != nil {
				return err
			}
			c.Kind, c.P, c.CI = ChangePoint, l.p, ci
			s.name(&c, levelID, l.seen, l.seen)
			changes[i] = c
			if reach < c.Threshold && reach/c.Threshold < size {
				least, size = i, reach/c.Threshold
			}
		}
		if least >= 0 {
			s.levels = slices.Delete(s.levels, least, least+1)
			continue
		}
		for i := range changes {
			if err := s.stands(i, &changes[i]); err != nil {
				return err
			}
		}
		s.Changes = append(s.Changes, changes...)
		return nil
	}
}

// stands reports whether at least half of the change to level i is left in each level
// after it, and in the newest runs.
func (s *Series) stands(i int, c *Change) error {
	c.Standing = true
	for k := i + 1; k <= len(s.levels); k++ {
		of := s.today(0)
		if k < len(s.levels) {
			of = s.y[s.levels[k-1].at:s.levels[k].at]
		}
		now, err := stat.Median(of)
		if err != nil {
			return err
		}
		c.Standing = c.Standing && s.left(c.level, c.Change, now)
	}
	return nil
}

// left reports whether the judged value now is away from base by at least half of change,
// in the same direction.
func (s *Series) left(base, change, now float64) bool {
	left := s.ratio(now - base)
	return left*change > 0 && math.Abs(left) >= math.Abs(change)/2
}

// reach estimates by how much the judged values from at on differ from those before, in the
// unit of the values. It also returns the end of the interval of the change that is
// further from no change, and that interval, nil where there is none.
func (s *Series) reach(from, at, to int) (by, reach float64, ci *[2]float64, err error) {
	e, err := stat.Shift(s.y[from:at], s.y[at:to], figure.Alpha)
	if err != nil && e.N == 0 {
		return 0, 0, nil, err
	}
	reach = math.Abs(s.ratio(e.Value))
	if e.Level > 0 {
		ci = &[2]float64{s.ratio(e.Low), s.ratio(e.High)}
		reach = max(reach, math.Abs(ci[0]), math.Abs(ci[1]))
	}
	return e.Value, reach, ci, nil
}

// finding returns the Change by that much from the judged values from up to to to those
// from newFrom up to newTo, which begins with the judged value begins.
func (s *Series) finding(from, to, newFrom, newTo, begins int, by float64) (c Change, err error) {
	if c.Base, err = s.level(from, to); err != nil {
		return c, err
	}
	if c.New, err = s.level(newFrom, newTo); err != nil {
		return c, err
	}
	if c.level, err = stat.Median(s.y[from:to]); err != nil {
		return c, err
	}
	c.Change, c.Threshold = s.ratio(by), s.threshold(from, newTo)
	c.BaseRuns, c.NewRuns = to-from, newTo-newFrom
	c.Verdict = record.Improvement
	if by*float64(s.gate.Better) < 0 {
		c.Verdict = record.Regression
	}
	c.at = s.judged[begins]
	c.Before, c.Begins = s.Points[s.judged[to-1]], s.Points[c.at]
	c.Notes = figure.ChangedWith(c.Before.run.Run, c.Begins.run.Run)
	if s.byRatio {
		c.Notes = append(c.Notes, verdict.ByRatio)
	}
	return c, nil
}

func (s *Series) level(from, to int) (float64, error) {
	var x []float64
	for _, i := range s.judged[from:to] {
		x = append(x, s.Points[i].Value)
	}
	return stat.Median(x)
}

// Place is where c begins among the points that are shown.
func (s *Series) Place(c Change) int { return c.at - s.shownFrom }

// Absolute reports whether changes of s are differences, and not ratios.
func (s *Series) Absolute() bool { return s.gate.Absolute }

// ratio converts a change of judged values to the change that the gate judges.
func (s *Series) ratio(by float64) float64 {
	if s.gate.Absolute {
		return by
	}
	return math.Expm1(by)
}

// figure converts a judged value to a figure.
func (s *Series) figure(v float64) float64 {
	if s.gate.Absolute {
		return v
	}
	return math.Exp(v)
}

// today are the newest judged values, at most levelRuns, of the newest level, none of them
// before first.
func (s *Series) today(first int) []float64 {
	return s.y[max(first, len(s.y)-levelRuns, s.start()):]
}

// since hides older points and changes.
func (s *Series) since(t time.Time) {
	from := slices.IndexFunc(s.Points, func(p Point) bool { return !p.run.Started().Before(t) })
	if from < 0 {
		from = len(s.Points)
	}
	// The points are kept: noise and releases are computed from them.
	s.Changes = slices.DeleteFunc(s.Changes, func(c Change) bool { return c.at < from })
	s.shownFrom = from
}

// Shown are the points that are not hidden as too old.
func (s *Series) Shown() []Point { return s.Points[s.shownFrom:] }

// MarshalJSON leaves out the hidden points.
func (s *Series) MarshalJSON() ([]byte, error) {
	type fields Series
	out := fields(*s)
	out.Points = s.Shown()
	return json.Marshal(out)
}

// replay judges the runs in their order, so that findings depend on the runs alone and not
// on when the history was checked.
func (s *Series) replay() error {
	r := replay{Series: s, ref: drift{release: -1}, release: -1}
	for i := range s.y {
		if err := r.look(i); err != nil {
			return fmt.Errorf("after run %s: %w", s.Points[s.judged[i]].Run, err)
		}
	}
	return nil
}

// sides returns the median of the values before m, and the level of the values from m up to
// i: the newest of them or, of three and more, the median of the newest five.
func (s *Series) sides(m level, i int) (base, now float64, err error) {
	if base, err = stat.Median(s.y[m.from:m.at]); err != nil {
		return 0, 0, err
	}
	if i < m.at+2 {
		return base, s.y[i], nil
	}
	now, err = stat.Median(s.y[max(m.at, i+1-levelRuns) : i+1])
	return base, now, err
}

// releaseBefore is the index of the newest judged value before i that is of a release; -1 if
// there is none.
func (s *Series) releaseBefore(i int) int {
	for i--; i >= 0; i-- {
		if s.Points[s.judged[i]].Release != "" {
			return i
		}
	}
	return -1
}

// name sets the ID of c, which is computed from the series, a kind and the run of the
// judged value at. c was found when the judged value seen was the newest.
func (s *Series) name(c *Change, kind string, at, seen int) {
	c.FoundIn = s.Points[s.judged[seen]].Run
	sum := sha256.Sum256(fmt.Appendf(nil, "%q %q %q %q %q %q %q %q", s.Host, s.Scenario, s.Metric, s.Arm, s.Hook, s.Clock, kind, s.Points[s.judged[at]].Run))
	c.ID = hex.EncodeToString(sum[:5])
}
