package plan

import (
	"context"
	"errors"
	"math"
	"strings"
	"testing"
	"time"

	"tunbench/bench/search"
	"tunbench/harness/spec"
	"tunbench/reports/record"
)

// carrier is a device that carries capacity packets/s, behind a generator that
// makes twice as much in a closed loop.
type carrier struct {
	capacity float64
	now      time.Time
	rates    []float64                // of the trials of searches
	flags    func(trial int) []string // of these trials, from 1
}

func (c *carrier) run(s spec.Spec, _ string) (record.Trial, error) {
	c.now = c.now.Add(s.Warmup + s.Measure + 50*time.Millisecond)
	load := s.Rate
	if load == 0 {
		load = 2 * c.capacity
	} else {
		c.rates = append(c.rates, load)
	}
	seconds := (s.Warmup + s.Measure).Seconds()
	accepted := uint64(math.Round(load * seconds))
	delivered := min(accepted, uint64(math.Round(c.capacity*seconds)))
	t := record.Trial{
		Metrics:    map[string]float64{record.PPS: min(load, c.capacity), record.OfferedPPS: load},
		Accounting: record.Accounting{Offered: accepted, Accepted: accepted, Delivered: delivered},
	}
	if s.Rate > 0 && c.flags != nil {
		t.Flags = c.flags(len(c.rates))
	}
	return t, nil
}

// newSearchFixture is a plan of one bare trial of two scenarios and a quick
// search of each, over a carrier.
func newSearchFixture(t *testing.T, capacity float64) (*fixture, *carrier) {
	f, c := newFixture(t), &carrier{capacity: capacity, now: time.Unix(0, 0)}
	f.plan.Arms, f.plan.Hook, f.lab.used = []record.Arm{record.Bare}, record.HookNone, record.HookNone
	f.plan.Now = func() time.Time { return c.now }
	f.lab.run = c.run
	var err error
	if f.plan.Search, err = search.ParseProfile("quick"); err != nil {
		t.Fatal(err)
	}
	return f, c
}

func (f *fixture) searches() (all []record.Search) {
	for _, r := range f.rec.records {
		if s, ok := r.(record.Search); ok {
			all = append(all, s)
		}
	}
	return all
}

func TestSearch(t *testing.T) {
	const capacity = 640_123
	f, c := newSearchFixture(t, capacity)
	out, err := f.run(context.Background())
	if err != nil || out.Exit(true) != 0 || out.Unresolved != 0 || out.Trials != 2 {
		t.Fatalf("outcome %+v, %v", out, err)
	}
	all := f.searches()
	if len(all) != 2 || all[0].Scenario != f.plan.Scenarios[0].Name || all[1].Axes["size"] != "1500" || all[0].Profile != "quick" {
		t.Fatalf("%d searches: %+v", len(all), all)
	}
	if all[0].Trials+all[1].Trials != len(c.rates) || all[0].Invalid != 0 || all[0].SpentNs <= 0 || all[0].SpentNs > int64(time.Minute) || all[0].MaxPPS > 2*capacity*1.25 {
		t.Errorf("%+v over %d trials", all[0], len(c.rates))
	}
	for _, s := range all {
		for i, truth := range []float64{capacity, capacity / (1 - 0.005)} {
			g := s.Goals[i]
			// A packet more or less is the fake's rounding.
			if !g.Resolved || *g.LowerPPS > truth+2 || *g.UpperPPS < truth-2 || *g.LowerPPS < *g.UpperPPS*0.98-2 || *g.Conditional > *g.LowerPPS {
				t.Errorf("%s of %v: %+v", g.Name, truth, g)
			}
		}
		if s.Goals[0].Name != record.NDRPPS || s.Goals[1].Name != record.PDRPPS || s.Goals[1].LossRatio != 0.005 {
			t.Errorf("goals %+v", s.Goals)
		}
	}
	// The searches come after all pairs, and the file ends after them.
	records := f.rec.records
	if _, ok := records[len(records)-1].(record.End); !ok {
		t.Errorf("the last record is %v", records[len(records)-1])
	}
	if _, ok := records[2].(record.Trial); !ok {
		t.Errorf("the third record is %v, not the second trial", records[2])
	}
}

// What is asked of the harness for a trial of a search.
func TestSearchSpecs(t *testing.T) {
	f, c := newSearchFixture(t, 5e5)
	if _, err := f.run(context.Background()); err != nil {
		t.Fatal(err)
	}
	seeds := map[uint64]bool{}
	begun := 0.0
	for _, s := range f.lab.specs {
		if s.Rate == 0 {
			continue
		}
		if begun == 0 {
			begun = s.Rate
		}
		seeds[s.Seed] = true
		if s.Warmup != 50*time.Millisecond || s.Measure != 250*time.Millisecond && s.Measure != time.Second || s.Measure%s.Window != 0 || len(s.CPUs) != 2 {
			t.Errorf("warm-up %v, measured %v by %v, CPUs %v", s.Warmup, s.Measure, s.Window, s.CPUs)
		}
		if err := s.Validate(); err != nil {
			t.Error(err)
		}
	}
	if len(seeds) != len(c.rates) {
		t.Errorf("%d seeds for %d trials", len(seeds), len(c.rates))
	}
	if math.Abs(begun/5e5-1) > 0.02 {
		t.Errorf("begun at %v packets/s: what the closed loop delivered is wanted", begun)
	}
}

// Trials whose gates failed do not count, and those that were late say that the
// generator is at its end.
func TestSearchJudgesTrials(t *testing.T) {
	f, c := newSearchFixture(t, 5e5)
	f.plan.Scenarios = f.plan.Scenarios[:1]
	c.flags = func(trial int) []string {
		switch {
		case trial%3 == 0:
			return []string{record.FlagSteal, record.FlagLate}
		case trial%3 == 1:
			return []string{record.FlagUnsteady}
		}
		return nil
	}
	if _, err := f.run(context.Background()); err != nil {
		t.Fatal(err)
	}
	if s := f.searches()[0]; s.Invalid != s.Trials/3 || !s.Goals[0].Resolved || !s.Goals[1].Resolved {
		t.Errorf("a third of the trials were invalid: %+v", s)
	}

	f, c = newSearchFixture(t, 5e5)
	f.plan.Scenarios, f.plan.Strict = f.plan.Scenarios[:1], true
	c.flags = func(int) []string {
		if c.rates[len(c.rates)-1] > 4e5 {
			return []string{record.FlagLate}
		}
		return nil
	}
	out, err := f.run(context.Background())
	if err != nil || out.Unresolved != 2 || out.Exit(true) != 3 || out.Exit(false) != 0 {
		t.Errorf("outcome %+v, %v", out, err)
	}
	for _, g := range f.searches()[0].Goals {
		if g.Resolved || g.UpperPPS != nil || g.LowerPPS == nil || *g.LowerPPS > 4e5 || *g.LowerPPS < 3.8e5 || !strings.Contains(g.Detail, "the generator did not make") {
			t.Errorf("behind a generator of 400 kpps: %+v", g)
		}
	}
}

func TestSearchOfWhatDeliversNothing(t *testing.T) {
	f, _ := newSearchFixture(t, 0)
	f.plan.Scenarios = f.plan.Scenarios[:1]
	out, err := f.run(context.Background())
	if err != nil || out.Unresolved != 2 {
		t.Errorf("outcome %+v, %v", out, err)
	}
	if s := f.searches(); len(s) != 1 || s[0].Trials != 0 || !strings.Contains(s[0].Goals[0].Detail, "delivered too little") {
		t.Errorf("%+v", s)
	}
}

// A scenario that cannot be measured is not searched, and one whose search
// fails does not end the run.
func TestSearchThatFails(t *testing.T) {
	f, c := newSearchFixture(t, 5e5)
	f.lab.run = func(s spec.Spec, hook string) (record.Trial, error) {
		if s.Size == 64 && s.Rate > 0 {
			return record.Trial{}, errors.New("reader of queue 0 died")
		}
		return c.run(s, hook)
	}
	out, err := f.run(context.Background())
	if err != nil || out.Failed != 1 || out.Exit(false) != 2 || len(f.searches()) != 1 || f.searches()[0].Axes["size"] != "1500" {
		t.Errorf("outcome %+v, %v, searches %+v", out, err, f.searches())
	}
	skip := f.rec.records[3].(record.Skip)
	if !strings.Contains(skip.Detail, "search for rates: measure at 5") || !strings.HasSuffix(skip.Detail, "reader of queue 0 died") {
		t.Errorf("skip %+v", skip)
	}

	f, c = newSearchFixture(t, 5e5)
	f.plan.Pairs = 2
	f.lab.run = func(s spec.Spec, hook string) (record.Trial, error) {
		if s.Size == 64 && len(f.lab.specs) > 1 {
			return record.Trial{}, errors.New("reader of queue 0 died")
		}
		return c.run(s, hook)
	}
	if _, err := f.run(context.Background()); err != nil || len(f.searches()) != 1 || f.searches()[0].Axes["size"] != "1500" {
		t.Errorf("searches %+v, %v", f.searches(), err)
	}
}

func TestSearchInterrupted(t *testing.T) {
	ctx, cancel := context.WithCancel(context.Background())
	f, c := newSearchFixture(t, 5e5)
	f.lab.run = func(s spec.Spec, hook string) (record.Trial, error) {
		if len(c.rates) == 3 {
			cancel()
			return record.Trial{}, ctx.Err()
		}
		return c.run(s, hook)
	}
	out, err := f.run(ctx)
	if err != nil || !out.Interrupted || out.Exit(false) != 130 || len(f.searches()) != 0 {
		t.Errorf("outcome %+v, %v, searches %+v", out, err, f.searches())
	}
	if last := f.log[len(f.log)-1]; last != "close" || strings.HasPrefix(f.log[len(f.log)-2], "write end") {
		t.Errorf("ends with %q", f.log[len(f.log)-2:])
	}
}

func TestSearchProgress(t *testing.T) {
	f, c := newSearchFixture(t, 5e5)
	var steps []Step
	f.plan.Progress = func(s Step) { steps = append(steps, s) }
	if _, err := f.run(context.Background()); err != nil {
		t.Fatal(err)
	}
	tried, found := 0, 0
	for _, s := range steps {
		if s.Rate > 0 {
			tried++
		}
		if s.Search != nil {
			found++
			if want := time.Duration(2-found) * 25 * time.Second; s.Left != want || s.Index != found || s.Scenario != s.Search.Scenario {
				t.Errorf("after search %d: %+v, want %v left", found, s, want)
			}
		}
	}
	if tried != len(c.rates) || found != 2 {
		t.Errorf("%d trials and %d searches are told, %d and 2 were made", tried, found, len(c.rates))
	}
	if first := steps[0]; first.Left != f.plan.Duration() || first.Left < 50*time.Second {
		t.Errorf("at first %v are left, the plan says %v", first.Left, f.plan.Duration())
	}
}

func TestCheckSearch(t *testing.T) {
	for name, c := range map[string]struct {
		change func(*Plan)
		want   string
	}{
		"it can":       {func(*Plan) {}, ""},
		"none asked":   {func(p *Plan) { p.Search = search.Profile{}; p.Arms = []record.Arm{record.Observed} }, ""},
		"no bare arm":  {func(p *Plan) { p.Arms = []record.Arm{record.Observed} }, "--arm both or bare"},
		"virtual time": {func(p *Plan) { p.Clock = record.ClockICount }, "virtual time"},
		"lockstep":     {func(p *Plan) { p.Scenarios = parse(t, "scenarios:\n- gen: lockstep\n").Scenarios }, "no scenario can be searched for rates; Tun/dir=k2u/gen=lockstep/"},
		"some":         {func(p *Plan) { p.Scenarios = parse(t, "scenarios:\n- gen: [lockstep, udp]\n").Scenarios }, ""},
		"another load": {func(p *Plan) { p.Scenarios = p.Scenarios[:1]; p.Scenarios[0].Axes["load"] = "1000pps" }, "load=1000pps sets the rate"},
	} {
		f, _ := newSearchFixture(t, 1)
		c.change(&f.plan)
		err := f.plan.CheckSearch()
		if c.want == "" && err != nil || c.want != "" && (err == nil || !strings.Contains(err.Error(), c.want)) {
			t.Errorf("%s: %v, want %q", name, err, c.want)
		}
		if c.want != "" {
			if out, err := f.run(context.Background()); err == nil || out.Begun {
				t.Errorf("%s: ran: %+v, %v", name, out, err)
			}
		}
	}
	if _, err := search.ParseProfile("slow"); err == nil {
		t.Error("a profile that does not exist is taken")
	}
	if p, err := search.ParseProfile(""); err != nil || p.Name != "" {
		t.Errorf("no profile: %+v, %v", p, err)
	}
}
