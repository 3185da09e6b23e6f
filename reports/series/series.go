// Package series puts runs in the order of time, as one series for each metric of a
// scenario on a host, and finds in them change points, outliers and drift.
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
	// judged are the points that a change may be found by, and y their values:
	// logarithms where the gate's changes are ratios.
	judged    []int
	y         []float64
	found     // what the replay of the runs found in y
	threshold func(from, to int) float64
	shownFrom int // the first point that is shown
}

// find fills in what there is to judge by, and the change points.
func (s *Series) find(o Options) error {
	for i, p := range s.Points {
		v := p.Value
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

// keep makes Changes of the levels that count: those whose interval reaches the
// threshold. The least of the others is dropped first, and the runs around it
// then are one level, so that a slow change is not lost in small pieces.
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
			// Runs that lie further away tell little of this change.
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

// stands reports whether the change to that level is still there: whether at least
// half of it is left in each level after it, and in the newest runs.
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
		c.Standing = c.Standing && s.left(s.value(c.Base), c.Change, now)
	}
	return nil
}

// left reports whether the judged value now lies at least half of a change away from
// the one that is its base, to the same side.
func (s *Series) left(base, change, now float64) bool {
	left := s.ratio(now - base)
	return left*change > 0 && math.Abs(left) >= math.Abs(change)/2
}

// reach is by how much judged values from at on differ from those before, as
// estimated, in the unit of the values; the end of the interval of the change that
// lies further from no change; and that interval, nil where there is none.
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

// finding is a change by that much from some judged values to others, which
// begins with the judged value at begins.
func (s *Series) finding(from, to, newFrom, newTo, begins int, by float64) (c Change, err error) {
	if c.Base, err = s.level(from, to); err != nil {
		return c, err
	}
	if c.New, err = s.level(newFrom, newTo); err != nil {
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

// ratio makes a change of judged values what the gate judges.
func (s *Series) ratio(by float64) float64 {
	if s.gate.Absolute {
		return by
	}
	return math.Expm1(by)
}

// value is what is judged of a figure.
func (s *Series) value(v float64) float64 {
	if s.gate.Absolute {
		return v
	}
	return math.Log(v)
}

// figure is the figure of which a judged value is made.
func (s *Series) figure(v float64) float64 {
	if s.gate.Absolute {
		return v
	}
	return math.Exp(v)
}

// today are the newest judged values of the level that they are on, not before
// the judged value first.
func (s *Series) today(first int) []float64 {
	return s.y[max(first, len(s.y)-levelRuns, s.start()):]
}

// since leaves out what is older.
func (s *Series) since(t time.Time) {
	from := slices.IndexFunc(s.Points, func(p Point) bool { return !p.run.Started().Before(t) })
	if from < 0 {
		from = len(s.Points)
	}
	// The points stay: they tell the noise, and the releases.
	s.Changes = slices.DeleteFunc(s.Changes, func(c Change) bool { return c.at < from })
	s.shownFrom = from
}

// Shown are the points that are not too old.
func (s *Series) Shown() []Point { return s.Points[s.shownFrom:] }

// MarshalJSON leaves out the points that are too old.
func (s *Series) MarshalJSON() ([]byte, error) {
	type fields Series
	out := fields(*s)
	out.Points = s.Shown()
	return json.Marshal(out)
}

// replay goes through the runs in their order, so that what is found depends on
// the runs alone and not on how often somebody asked.
func (s *Series) replay() error {
	r := replay{Series: s, ref: drift{release: -1}, release: -1}
	for i := range s.y {
		if err := r.look(i); err != nil {
			return fmt.Errorf("after run %s: %w", s.Points[s.judged[i]].Run, err)
		}
	}
	return nil
}

// sides gives the median of the values before m, and where the values since are, up
// to i: the newest of them or, of three and more, the median of the newest five.
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

// releaseBefore is the newest judged value before i that is that of a release; -1
// if there is none.
func (s *Series) releaseBefore(i int) int {
	for i--; i >= 0; i-- {
		if s.Points[s.judged[i]].Release != "" {
			return i
		}
	}
	return -1
}

// name gives c the ID that follows from the series, a kind, and the judged value at;
// it was found with the judged value seen.
func (s *Series) name(c *Change, kind string, at, seen int) {
	c.FoundIn = s.Points[s.judged[seen]].Run
	sum := sha256.Sum256(fmt.Appendf(nil, "%q %q %q %q %q %q %q %q", s.Host, s.Scenario, s.Metric, s.Arm, s.Hook, s.Clock, kind, s.Points[s.judged[at]].Run))
	c.ID = hex.EncodeToString(sum[:5])
}
