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
	breaks    []int // of Changes, in judged
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

// Kinds of Change.
const (
	ChangePoint  = "change-point" // the runs before and after differ
	SinceRun     = "last-run"     // the newest run differs from the one before it
	SinceRelease = "last-release" // the newest runs differ from those of the last release
)

// Change is a finding in a series.
type Change struct {
	Kind    string `json:"kind"`
	Verdict string `json:"verdict"` // record.Regression or record.Improvement
	// Base and New are medians of the runs on both sides, as many as BaseRuns and
	// NewRuns.
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
	Before    Point       `json:"before"` // the last run that the change is not in; the release
	Begins    Point       `json:"begins"` // the first run that it is in; the newest, where that is not known
	// Standing tells that at least half of it is still there in the newest runs.
	Standing bool     `json:"standing"`
	Notes    []string `json:"notes"` // what else changed with it

	at int // of Begins in Points
}

// How a history is searched for changes.
const (
	historyAlpha  = 0.001
	historyWindow = 50 // runs
	historyStride = historyWindow / 2
	levelRuns     = 5 // that tell a level of today, or of a release
)

// NewHistory puts runs in the order of time, makes series of them as o says, and
// finds their change points.
func NewHistory(name string, runs []StoredRun, o HistoryOptions) (*History, error) {
	h := &History{Name: name}
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
	places, err := windows(s.y)
	if err != nil {
		return err
	}
	return s.keep(places)
}

// windows finds the change points of y, in windows that overlap by half: in a
// longer one, old changes would take the time and the power.
func windows(y []float64) (found []stat.ChangePoint, err error) {
	for from := 0; ; from += historyStride {
		to := min(from+historyWindow, len(y))
		// The last window is full: the newest runs are what matters.
		from := max(0, min(from, to-historyWindow))
		points, err := stat.ChangePoints(y[from:to], historyAlpha)
		if err != nil {
			return nil, err
		}
		for _, p := range points {
			p.At += from
			// Two windows may place one change a little apart: the surer counts.
			i := slices.IndexFunc(found, func(f stat.ChangePoint) bool { return max(f.At-p.At, p.At-f.At) < stat.LeastSegment })
			switch {
			case i < 0:
				found = append(found, p)
			case p.P < found[i].P:
				found[i] = p
			}
		}
		if to == len(y) {
			break
		}
	}
	slices.SortFunc(found, func(a, b stat.ChangePoint) int { return a.At - b.At })
	return found, nil
}

// keep makes Changes of the places that count: those whose interval reaches the
// threshold. The least of the others is dropped first, and the runs around it
// then are one level, so that a slow change is not lost in small pieces.
func (s *Series) keep(places []stat.ChangePoint) error {
	for {
		changes := make([]Change, len(places))
		least, size := -1, math.Inf(1)
		for i, p := range places {
			from, to := 0, len(s.y)
			if i > 0 {
				from = places[i-1].At
			}
			if i+1 < len(places) {
				to = places[i+1].At
			}
			// Runs that lie further away tell little of this change.
			from, to = max(from, p.At-historyStride), min(to, p.At+historyStride)
			c, reach, err := s.change(from, p.At, to)
			if err != nil {
				return err
			}
			c.Kind, c.P = ChangePoint, p.P
			changes[i] = c
			if reach < c.Threshold && reach/c.Threshold < size {
				least, size = i, reach/c.Threshold
			}
		}
		if least >= 0 {
			places = slices.Delete(places, least, least+1)
			continue
		}
		for i := range changes {
			s.breaks = append(s.breaks, places[i].At)
		}
		now, err := stat.Median(s.today(0))
		if err != nil && len(changes) > 0 {
			return err
		}
		for i := range changes {
			c := &changes[i]
			left := s.ratio(now - s.value(c.Base))
			c.Standing = left*c.Change > 0 && math.Abs(left) >= math.Abs(c.Change)/2
		}
		s.Changes = append(s.Changes, changes...)
		return nil
	}
}

// change holds judged values from at on against those before. Reach is the end
// of its interval that lies further from no change.
func (s *Series) change(from, at, to int) (c Change, reach float64, err error) {
	e, err := stat.Shift(s.y[from:at], s.y[at:to], alpha)
	if err != nil && e.N == 0 {
		return c, 0, err
	}
	if c, err = s.finding(from, at, at, to, at, e.Value); err != nil {
		return c, 0, err
	}
	reach = math.Abs(c.Change)
	if e.Level > 0 {
		c.CI = &[2]float64{s.ratio(e.Low), s.ratio(e.High)}
		reach = max(reach, math.Abs(c.CI[0]), math.Abs(c.CI[1]))
	}
	return c, reach, nil
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

// today are the newest judged values of the level that they are on, not before
// the judged value first.
func (s *Series) today(first int) []float64 {
	from := max(first, len(s.y)-levelRuns)
	if n := len(s.breaks); n > 0 {
		from = max(from, s.breaks[n-1])
	}
	return s.y[from:]
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

// Finding is a change and the series that it is in.
type Finding struct {
	Series *Series
	Change
}

// Check is what a history says about its newest runs.
type Check struct {
	*History
	Findings []Finding // regressions first, then by their size in thresholds
	// Judged are the series that are long enough to tell a change from noise, Short
	// the others.
	Judged, Short int
}

// Check tells the changes that are news: the change points since the last
// release before the newest run or, where there is none, in the last window; and
// how the newest run stands to the one before it and to that release. These two
// are judged by the scatter of the runs.
func (h *History) Check() (*Check, error) {
	c := &Check{History: h}
	for _, s := range h.Series {
		n := len(s.y)
		if n < stat.LeastForScatter {
			c.Short++
			continue
		}
		c.Judged++
		release := s.lastRelease()
		for i, change := range s.Changes {
			if s.breaks[len(s.breaks)-len(s.Changes)+i] > max(release, n-historyWindow) {
				c.Findings = append(c.Findings, Finding{s, change})
			}
		}
		moves, err := s.moves(release)
		if err != nil {
			return nil, fmt.Errorf("check %s of %s: %w", s.Metric, s.Scenario, err)
		}
		c.Findings = append(c.Findings, moves...)
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

// lastRelease is the judged value of the last release before the newest one; -1
// if there is none.
func (s *Series) lastRelease() int {
	for i := len(s.judged) - 2; i >= 0; i-- {
		if s.Points[s.judged[i]].Release != "" {
			return i
		}
	}
	return -1
}

// moves holds the newest run against the one before, and the newest runs against
// those up to the last release.
func (s *Series) moves(release int) (found []Finding, err error) {
	n := len(s.y)
	scatter, err := stat.Scatter(s.y[max(0, n-historyWindow):])
	if err != nil {
		return nil, err
	}
	type span struct{ from, to, newFrom int }
	spans := map[string]span{SinceRun: {n - 2, n - 1, n - 1}}
	if release >= 0 {
		from := max(0, release+1-levelRuns)
		for _, b := range s.breaks {
			if b <= release {
				from = max(from, b)
			}
		}
		spans[SinceRelease] = span{from, release + 1, n - len(s.today(release+1))}
	}
	for _, kind := range []string{SinceRun, SinceRelease} {
		w, ok := spans[kind]
		if !ok {
			continue
		}
		m, err := stat.JudgeMove(s.y[w.from:w.to], s.y[w.newFrom:], scatter, min(n, historyWindow), historyAlpha)
		if err != nil {
			return nil, err
		}
		c, err := s.finding(w.from, w.to, w.newFrom, n, n-1, m.Value)
		if err != nil {
			return nil, err
		}
		if m.P >= historyAlpha || math.Abs(c.Change) < c.Threshold || c.at < s.shownFrom {
			continue
		}
		c.Kind, c.P, c.Standing = kind, m.P, true
		found = append(found, Finding{s, c})
	}
	return found, nil
}

// Regressed tells whether something got worse and still is.
func (c *Check) Regressed() bool {
	return slices.ContainsFunc(c.Findings, func(f Finding) bool { return f.Verdict == record.Regression && f.Standing })
}
