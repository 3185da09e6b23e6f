package reports

import (
	"cmp"
	"errors"
	"fmt"
	"math"
	"runtime"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"tunbench/reports/record"
	"tunbench/reports/stat"
)

// StoredRun is a run of a history: what series need of its file.
type StoredRun struct {
	File    string      `json:"file"` // its name inside of the history
	Host    string      `json:"host"` // fingerprint
	Run     *record.Run `json:"run"`
	Release string      `json:"-"`             // what it was marked as; "" if it was not
	Cut     bool        `json:"cut,omitempty"` // it was interrupted
	Figures []Figure    `json:"figures"`
}

// Figure is a metric of one scenario in one run.
type Figure struct {
	Scenario string     `json:"scenario"`
	Arm      record.Arm `json:"arm"`
	Hook     string     `json:"hook"` // "none" in the bare arm
	Metric   string     `json:"metric"`
	Value    float64    `json:"value"` // median
	Low      float64    `json:"low"`   // where the trials lay, see interval; equal to High where it is not known
	High     float64    `json:"high"`
	N        int        `json:"n"`  // valid trials; 0 where the value is that of invalid ones
	Of       int        `json:"of"` // trials
}

// valid tells whether the figure may be judged.
func (f Figure) valid() bool { return f.N > 0 }

// NewStoredRun computes what a history needs of f, which has that name and is
// of the host with that fingerprint.
func NewStoredRun(name, fingerprint string, f *record.File) StoredRun {
	s := StoredRun{File: name, Host: fingerprint, Run: f.Run, Cut: f.End == nil, Figures: []Figure{}}
	list, _ := scenarios(f)
	for _, sc := range list {
		s.Figures = append(s.Figures, figuresOf(sc.name, sc.bare, "none", f.Run.Clock)...)
		s.Figures = append(s.Figures, figuresOf(sc.name, sc.observ, cmp.Or(f.Run.Hook.Used, "none"), f.Run.Clock)...)
	}
	for _, search := range f.Searches {
		for _, g := range search.Goals {
			if g.Resolved && g.LowerPPS != nil && g.UpperPPS != nil {
				s.Figures = append(s.Figures, Figure{search.Scenario, record.Bare, "none", g.Name, *g.LowerPPS, *g.LowerPPS, *g.UpperPPS, 1, 1})
			}
		}
	}
	return s
}

// figuresOf gives the metrics that verdicts are given on.
func figuresOf(scenario string, a arm, hook, clock string) (list []Figure) {
	if len(a.all) == 0 {
		return nil
	}
	proportional := sameSize(a, arm{})
	for _, g := range Gates(clock, a.all[0]) {
		if g.Metric == record.BitPerS && proportional {
			continue // the same series as that of the packet rate
		}
		of, ok := a.metric(g.Metric)
		if !ok {
			continue
		}
		f := Figure{Scenario: scenario, Arm: a.all[0].Arm, Hook: hook, Metric: g.Metric, Value: of.Median, Low: of.Median, High: of.Median, N: of.N, Of: len(a.all)}
		if f.Arm == "" {
			f.Arm = record.Bare
		}
		if span, ok := a.interval(g.Metric); ok {
			f.Low, f.High = span.low, span.high
		}
		if a.invalid {
			f.N = 0
		}
		list = append(list, f)
	}
	return list
}

// Started is when the run began; the zero time where its file does not say.
func (s *StoredRun) Started() time.Time {
	t, _ := time.Parse(time.RFC3339Nano, s.Run.Started)
	return t.UTC()
}

// History is runs over time, as series.
type History struct {
	Name     string // what reports call it: its folder
	Runs     []StoredRun
	Problems []string // about files that were left out, a sentence each
	Series   []*Series
	// Mixed says which hosts are more than one, a sentence each by fingerprint.
	Mixed map[string]string

	acks map[string]Ack
}

// HistoryOptions say which series a history is shown or checked as.
type HistoryOptions struct {
	Host    string                     // beginning of a fingerprint; "" takes all
	Keep    func(scenario string) bool // nil takes all
	Metrics []string                   // none takes all
	Arms    []record.Arm               // none takes all
	// Since leaves out points and changes that are older. They are computed from
	// all runs all the same.
	Since time.Time
	// Thresholds replace those of the metrics, as in CompareOptions.
	Thresholds map[string]float64
	// Acks are the findings that somebody acknowledged, by their ID.
	Acks map[string]Ack
}

// Ack says that somebody knows of a finding, which then fails no job.
type Ack struct {
	Reason string `json:"reason"`
	Time   string `json:"time"` // RFC 3339
}

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

	gate Gate
	// judged are the points that a change may be found by, and y their values:
	// logarithms where the gate's changes are ratios.
	judged    []int
	y         []float64
	found     // what the replay of the runs found in y
	threshold func(from, to int) float64
	shownFrom int // the first point that is shown
}

// Point is a series in one run.
type Point struct {
	Run     string  `json:"run"` // its id
	Started string  `json:"started"`
	Kernel  string  `json:"kernel"`
	Commit  string  `json:"commit"`
	Release string  `json:"release,omitempty"`
	Value   float64 `json:"value"`
	Low     float64 `json:"low"`
	High    float64 `json:"high"`
	N       int     `json:"n"`
	Of      int     `json:"of"`

	run *StoredRun
}

// header is that of the run of p; nil where it is not known.
func (p Point) header() *record.Run {
	if p.run == nil {
		return nil
	}
	return p.run.Run
}

// Kinds of Change.
const (
	ChangePoint  = "change-point" // the runs before and after differ
	SinceRun     = "last-run"     // a run, and those after it, differ from the runs before it
	SinceRelease = "last-release" // the newest runs differ from those of the last release
	Drift        = "drift"        // the runs move slowly away from where they were
	TooShort     = "too-short"    // no Change, but a series that cannot be judged yet
)

// Change is a finding in a series.
type Change struct {
	// ID stays the same while runs are added: it follows from the series and from
	// the run that the change was first found in or, of a drift, that it starts from.
	ID      string `json:"id"`
	Kind    string `json:"kind"`
	Verdict string `json:"verdict"` // record.Regression or record.Improvement
	// Base and New are medians of the runs on both sides, as many as BaseRuns and
	// NewRuns. Of a drift they are the ends of the line through all runs from the
	// first of the base on, which are NewRuns.
	Base     float64 `json:"base"`
	New      float64 `json:"new"`
	BaseRuns int     `json:"base_runs"`
	NewRuns  int     `json:"new_runs"`
	// Change is new/base - 1 as estimated, and CI its 95 % interval, which only
	// change points have. Where the metric is judged by differences they are
	// such.
	Change    float64     `json:"change"`
	CI        *[2]float64 `json:"ci"`
	P         float64     `json:"p"`
	Threshold float64     `json:"threshold"`
	Before    Point       `json:"before"`   // the last run that the change is not in; the release
	Begins    Point       `json:"begins"`   // the first run that it is in; the newest, where that is not known
	FoundIn   string      `json:"found_in"` // id of the run with which it was found
	// Standing tells that at least half of it is still there in the newest runs.
	Standing bool     `json:"standing"`
	Notes    []string `json:"notes"` // what else changed with it
	// Acknowledged is nil unless somebody acknowledged the change or, of a change
	// since a release, all that it consists of.
	Acknowledged *Ack `json:"acknowledged"`

	at    int      // of Begins in Points
	drift bool     // Base and New are of a line
	parts []string // the IDs of the changes that one since a release consists of
}

// isDrift reports whether Base and New are of a line through the runs.
func (c Change) isDrift() bool { return c.drift }

// NewHistory puts runs in the order of time, makes series of them as o says, and
// finds their change points.
func NewHistory(name string, runs []StoredRun, o HistoryOptions) (*History, error) {
	h := &History{Name: name, acks: o.Acks}
	for _, r := range runs {
		if strings.HasPrefix(r.Host, o.Host) {
			h.Runs = append(h.Runs, r)
		}
	}
	slices.SortStableFunc(h.Runs, func(a, b StoredRun) int {
		return cmp.Or(a.Started().Compare(b.Started()), strings.Compare(a.Run.ID, b.Run.ID))
	})
	type key struct {
		host, scenario, metric, hook, clock string
		arm                                 record.Arm
	}
	by := map[key]*Series{}
	for i := range h.Runs {
		r := &h.Runs[i]
		for _, f := range r.Figures {
			k := key{r.Host, f.Scenario, f.Metric, f.Hook, r.Run.Clock, f.Arm}
			s := by[k]
			if s == nil {
				gate, known := gateOf(r.Run.Clock, f.Metric)
				if !known || o.Keep != nil && !o.Keep(f.Scenario) ||
					len(o.Metrics) > 0 && !slices.Contains(o.Metrics, f.Metric) || len(o.Arms) > 0 && !slices.Contains(o.Arms, f.Arm) {
					continue
				}
				s = &Series{Host: r.Host, Scenario: f.Scenario, Metric: f.Metric, Unit: gate.Unit, Arm: f.Arm, Hook: f.Hook, Clock: r.Run.Clock, Changes: []Change{}, gate: gate}
				by[k] = s
				h.Series = append(h.Series, s)
			}
			s.Points = append(s.Points, Point{r.Run.ID, r.Run.Started, r.Run.Host.Kernel, r.Run.Tool.Commit, r.Release, f.Value, f.Low, f.High, f.N, f.Of, r})
		}
	}
	slices.SortStableFunc(h.Series, func(a, b *Series) int {
		return cmp.Or(strings.Compare(a.Host, b.Host), strings.Compare(b.Clock, a.Clock), compareNames(a.Scenario, b.Scenario),
			strings.Compare(string(a.Arm), string(b.Arm)), strings.Compare(a.Hook, b.Hook), cmp.Compare(gateRank(a.Metric), gateRank(b.Metric)))
	})
	h.Mixed = mixtures(h.Runs)
	// A change of everything, as another kernel may be, takes a while to judge.
	errs := make([]error, len(h.Series))
	var next atomic.Int64
	var workers sync.WaitGroup
	for range runtime.GOMAXPROCS(0) {
		workers.Go(func() {
			for i := int(next.Add(1)) - 1; i < len(h.Series); i = int(next.Add(1)) - 1 {
				s := h.Series[i]
				if err := s.find(o); err != nil {
					errs[i] = fmt.Errorf("find changes of %s of %s: %w", s.Metric, s.Scenario, err)
				}
				s.since(o.Since)
			}
		})
	}
	workers.Wait()
	if err := errors.Join(errs...); err != nil {
		return nil, err
	}
	h.Series = slices.DeleteFunc(h.Series, func(s *Series) bool { return len(s.shown()) == 0 })
	return h, nil
}

func gateOf(clock, metric string) (Gate, bool) {
	of := slices.Concat(gates, rateGates)
	if clock == virtualClock {
		of = virtualGates
	}
	i := slices.IndexFunc(of, func(g Gate) bool { return g.Metric == metric })
	if i < 0 {
		return Gate{}, false
	}
	return of[i], true
}

func gateRank(metric string) int {
	return slices.IndexFunc(slices.Concat(gates, virtualGates, rateGates), func(g Gate) bool { return g.Metric == metric })
}

// find fills in what there is to judge by, and the change points.
func (s *Series) find(o HistoryOptions) error {
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
		options := CompareOptions{Thresholds: o.Thresholds, Seen: func(metric string) (seen float64, ok bool) {
			for _, i := range s.judged[from:to] {
				if v, told := s.Points[i].run.Run.Sees[metric]; told && usableSight(metric, v) {
					seen, ok = max(seen, v), true
				}
			}
			return seen, ok
		}}
		return options.threshold(s.gate)
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
	e, err := stat.Shift(s.y[from:at], s.y[at:to], alpha)
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
	c.Notes = changedWith(c.Before.run.Run, c.Begins.run.Run)
	return c, nil
}

func (s *Series) level(from, to int) (float64, error) {
	var x []float64
	for _, i := range s.judged[from:to] {
		x = append(x, s.Points[i].Value)
	}
	return stat.Median(x)
}

// absolute reports whether changes of s are differences, and not ratios.
func (s *Series) absolute() bool { return s.gate.Absolute }

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

// changedWith names what differs between the headers of two runs.
func changedWith(a, b *record.Run) []string {
	notes := floorNotes(a, b)
	for _, f := range hostFacts {
		if x, y := f.of(a), f.of(b); x != y {
			notes = append(notes, f.name+": "+cmp.Or(x, absent)+" → "+cmp.Or(y, absent))
		}
	}
	for _, m := range []struct {
		name string
		of   func(record.Host) map[string]string
	}{
		{"sysctl", func(h record.Host) map[string]string { return h.Sysctl }},
		{"kernel option", func(h record.Host) map[string]string { return h.Config }},
		{"mitigation", func(h record.Host) map[string]string { return h.Mitigations }},
	} {
		x, y := m.of(a.Host), m.of(b.Host)
		for _, k := range unionOf(x, y) {
			if x[k] != y[k] {
				notes = append(notes, m.name+" "+k+": "+cmp.Or(x[k], absent)+" → "+cmp.Or(y[k], absent))
			}
		}
	}
	return notes
}

func unionOf(a, b map[string]string) (keys []string) {
	for k := range a {
		keys = append(keys, k)
	}
	for k := range b {
		if _, both := a[k]; !both {
			keys = append(keys, k)
		}
	}
	slices.Sort(keys)
	return keys
}
