package study

import (
	"fmt"
	"math"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"tunbench/reports/record"
	"tunbench/reports/verdict"
)

func TestParseRelease(t *testing.T) {
	for name, want := range map[string]*Release{
		"6.1.0-57-cloud-amd64":         {"6.1", []int{6, 1, 0, 57}, "6.1.0-57", "cloud-amd64"},
		"6.1.0-57-amd64":               {"6.1", []int{6, 1, 0, 57}, "6.1.0-57", "amd64"},
		"6.12.117+deb12-rt-amd64":      {"6.12", []int{6, 12, 117, 0}, "6.12.117+deb12", "rt-amd64"},
		"6.12.57+deb12-cloud-arm64":    {"6.12", []int{6, 12, 57, 0}, "6.12.57+deb12", "cloud-arm64"},
		"6.18.0-rc1":                   nil, // has no flavour but a candidate, which is one
		"6.18":                         nil,
		"linux-before":                 nil,
		"6.12.117+deb12-cloud-amd64~2": nil,
		"6." + strings.Repeat("9", 400) + ".1-amd64": nil,
		"": nil,
	} {
		got, ok := ParseRelease(name)
		if name == "6.18.0-rc1" { // reads as a flavour, since nothing tells the two apart
			want = &Release{"6.18", []int{6, 18, 0, 0}, "6.18.0", "rc1"}
		}
		if ok != (want != nil) {
			t.Errorf("%.40s: %v", name, ok)
			continue
		}
		if ok {
			if d := cmp.Diff(*want, got); d != "" {
				t.Errorf("%s (-want +got): %s", name, d)
			}
		}
	}
}

// costs is a kernel whose scenarios cost so much in each of two boots; 0 is not measured.
func costs(release, upstream string, scenarios map[string]float64) verdict.KernelBoots {
	k := verdict.KernelBoots{Name: release}
	for boot := range 2 {
		f := &record.File{
			Run: &record.Run{Clock: record.ClockICount, Suite: "study", Host: record.Host{Kernel: release, KernelVersion: "#1 SMP Debian " + upstream + "-1 (2026-11-26)"}},
			End: &record.End{},
		}
		for name, cost := range scenarios {
			if cost == 0 {
				f.Skips = append(f.Skips, record.Skip{Scenario: name, Reason: record.Unsupported, Detail: "set offloads"})
				continue
			}
			queues := "1"
			if name == four {
				queues = "4"
			}
			for trial := range 3 {
				c := cost * (1 + 0.0001*float64(trial+boot))
				f.Trials = append(f.Trials, record.Trial{Scenario: name, Axes: map[string]string{"mode": "tun", "queues": queues, "size": "64"}, Arm: record.Bare, Trial: trial + 1, Metrics: map[string]float64{record.SendNsPerPkt: c, record.RecvNsPerPkt: c / 2}})
			}
		}
		k.Boots = append(k.Boots, []*record.File{f})
	}
	return k
}

const one, four = "Tun/gen=lockstep/queues=1/size=64", "Tun/gen=lockstep/queues=4/size=64"

// of makes kernels 6.1.0-N of which one scenario costs so much, in another order.
func of(values ...float64) (list []verdict.KernelBoots) {
	for i, v := range values {
		list = append([]verdict.KernelBoots{costs(fmt.Sprintf("6.1.0-%d-cloud-amd64", 8+i), fmt.Sprintf("6.1.%d", 100+i), map[string]float64{one: v})}, list...)
	}
	return list
}

func TestSteps(t *testing.T) {
	for name, tt := range map[string]struct {
		values []float64
		want   []string
	}{
		"none":                 {[]float64{1000, 1001, 1000, 999}, nil},
		"up":                   {[]float64{1000, 1001, 1050, 1050}, []string{"6.1.0-9 > 6.1.0-10 +4.9 %"}},
		"up and down":          {[]float64{1000, 1050, 1000}, []string{"6.1.0-8 > 6.1.0-9 +5.0 %", "6.1.0-9 > 6.1.0-10 -4.8 %"}},
		"small, and adding up": {[]float64{1000, 1004, 1008, 1008}, []string{"6.1.0-8 > 6.1.0-10 +0.8 % gradual"}},
		"below the threshold":  {[]float64{1000, 1004, 1004, 1001}, nil},
		"behind a gap":         {[]float64{1000, 0, 1050}, []string{"6.1.0-8 > 6.1.0-10 +5.0 %"}},
		"one kernel":           {[]float64{1000}, nil},
	} {
		s := New(verdict.NewLab(of(tt.values...)))
		if len(s.Series) != 1 || s.Series[0].Name != "6.1" || len(s.Series[0].Kernels) != len(tt.values) || s.Series[0].Kernels[0].Version != "6.1.0-8" || s.Series[0].Kernels[0].Upstream != "6.1.100" || s.Series[0].Kernels[0].Built != "2026-11-26" {
			t.Fatalf("%s: %+v", name, s.Series)
		}
		var got []string
		for _, step := range s.Series[0].Steps() {
			if step.Metric != record.SendNsPerPkt {
				continue
			}
			line := fmt.Sprintf("%s > %s %+.1f %%", step.Base.Version, step.New.Version, 100**step.Change)
			if step.Gradual {
				line += " gradual"
			}
			got = append(got, line)
		}
		if d := cmp.Diff(tt.want, got); d != "" {
			t.Errorf("%s (-want +got): %s", name, d)
		}
		// Receiving costs half of that, and moves with it.
		if n := len(s.Series[0].Steps()); n != 2*len(tt.want) {
			t.Errorf("%s: %d steps of both sides", name, n)
		}
		if open, _ := s.Series[0].Unjudged(); open != 0 {
			t.Errorf("%s: %d not judged", name, open)
		}
	}
}

func TestChanges(t *testing.T) {
	line := New(verdict.NewLab(of(1000, 0, 1050, 1052))).Series[0].Lines[0]
	for i, want := range []float64{0, math.NaN(), 0.05, 0.052} {
		if got := line.Changes[i]; math.IsNaN(want) != math.IsNaN(got) || math.Abs(got-want) > 1e-6 {
			t.Errorf("kernel %d: %v, want %v", i, got, want)
		}
	}
	if low, high := line.Reach(); low != 0 || math.Abs(high-0.052) > 1e-6 {
		t.Errorf("%v to %v", low, high)
	}
	if first, last, change := line.Ends(); math.Abs(last/first-1-change) > 1e-9 || math.Abs(change-0.052) > 1e-6 {
		t.Errorf("%v, %v, %v", first, last, change)
	}
}

// A cost with two states, of which the boots of one kernel show the one more often and those
// of another kernel the other, has not changed.
func TestStates(t *testing.T) {
	list := of(1000, 1000)
	for i, k := range list {
		for boot := range k.Boots {
			for trial := range k.Boots[boot][0].Trials {
				if (boot+trial)%3 == i { // most trials of the second kernel, few of the first
					k.Boots[boot][0].Trials[trial].Metrics[record.SendNsPerPkt] *= 1.025
				}
			}
		}
	}
	line := New(verdict.NewLab(list)).Series[0].Lines[0]
	if len(line.Steps) > 0 || math.Abs(line.Changes[1]) > 0.001 {
		t.Errorf("changes %v, steps %v", line.Changes, line.Steps)
	}
}

// The states of a cost are known from one kernel: that the boots of a later one show a single
// state is no step. A change to a level at which no kernel was before is one.
func TestStatesOfTheSeries(t *testing.T) {
	for name, tt := range map[string]struct {
		values []float64
		steps  int
	}{
		"the other state":         {[]float64{1000, 1000, 975}, 0},
		"the state of most":       {[]float64{1000, 1000, 1000}, 0},
		"a level that is new":     {[]float64{1000, 1000, 1050}, 1},
		"between the two states":  {[]float64{1000, 1000, 987}, 1},
		"back to what was before": {[]float64{1000, 1050, 975}, 2},
	} {
		list := of(tt.values...) // the newest first
		first := list[len(list)-1]
		for boot := range first.Boots {
			first.Boots[boot][0].Trials[0].Metrics[record.SendNsPerPkt] *= 0.975
		}
		line := New(verdict.NewLab(list)).Series[0].Lines[0]
		if len(line.Steps) != tt.steps {
			t.Errorf("%s: steps %+v, want %d", name, line.Steps, tt.steps)
		}
		if open := len(line.Unjudged); (open > 0) != (name == "the other state") {
			t.Errorf("%s: %d comparisons not judged", name, open)
		}
	}
}

// A kernel with a single boot is not judged. What differs on both sides of it is a step
// all the same.
func TestUnjudged(t *testing.T) {
	list := of(1000, 1050)
	list[1].Boots = list[1].Boots[:1]
	s := New(verdict.NewLab(list)).Series[0]
	if open, all := s.Unjudged(); open != 2 || all != 2 || len(s.Steps()) != 0 {
		t.Errorf("%d of %d not judged, steps %+v", open, all, s.Steps())
	}
	list = of(1000, 1050, 1050)
	list[1].Boots = list[1].Boots[:1]
	s = New(verdict.NewLab(list)).Series[0]
	steps := s.Steps()
	if open, all := s.Unjudged(); open != 2 || all != 4 || len(steps) != 2 || !steps[0].Gradual || steps[0].Base.Version != "6.1.0-8" || steps[0].New.Version != "6.1.0-10" {
		t.Errorf("%d of %d not judged, steps %+v", open, all, steps)
	}
}

func TestPrices(t *testing.T) {
	cloud := of(1000, 1000)
	rt := costs("6.1.0-9-rt-amd64", "6.1.101", map[string]float64{one: 1300})
	generic := costs("6.1.0-9-amd64", "6.1.101", map[string]float64{one: 1010})
	older := costs("6.1.0-7-rt-amd64", "6.1.99", map[string]float64{one: 1300})
	for name, tt := range map[string]struct {
		others []verdict.KernelBoots
		base   string
		change float64
	}{
		"against the generic kernel": {[]verdict.KernelBoots{rt, generic}, "6.1.0-9-amd64", 1300.0/1010 - 1},
		"without one":                {[]verdict.KernelBoots{rt}, "6.1.0-9-cloud-amd64", 0.3},
		"of another version":         {[]verdict.KernelBoots{older}, "", 0},
		"no PREEMPT_RT":              {[]verdict.KernelBoots{generic}, "", 0},
	} {
		s := New(verdict.NewLab(append(tt.others, cloud...)))
		if len(s.Series) != 1 || len(s.Series[0].Kernels) != 2 || s.Flavour != "cloud-amd64" {
			t.Fatalf("%s: %+v", name, s.Series)
		}
		if tt.base == "" {
			if len(s.Prices) > 0 {
				t.Errorf("%s: %+v", name, s.Prices)
			}
			continue
		}
		if len(s.Prices) != 1 || s.Prices[0].Base.Name != tt.base || len(s.Prices[0].Verdicts) != 2 || *s.Prices[0].Verdicts[0].Change-tt.change > 1e-3 {
			t.Errorf("%s: %+v", name, s.Prices)
			continue
		}
		pairs := Pairs(s)
		if len(pairs) != 1 || pairs[0].Name != tt.base+"..6.1.0-9-rt-amd64" || pairs[0].Filter != "mode=tun queues=1 size=64" || pairs[0].Kind != "pair" {
			t.Errorf("%s: pairs %+v", name, pairs)
		}
	}
}

// A pair has the scenario whose cost differs most.
func TestPairs(t *testing.T) {
	a := costs("6.12.1+deb12-cloud-amd64", "6.12.1", map[string]float64{one: 1000, four: 1000})
	b := costs("6.12.2+deb12-cloud-amd64", "6.12.2", map[string]float64{one: 1010, four: 900})
	pairs := Pairs(New(verdict.NewLab([]verdict.KernelBoots{b, a})))
	if len(pairs) != 2 || pairs[0].Scenario != four || pairs[0].Base != a.Name || pairs[0].Change > -0.099 {
		t.Errorf("%+v", pairs)
	}
	// And one for the queues of the newest kernel, which has both scenarios.
	if p := pairs[1]; p.Name != "queues-1-4-"+b.Name || p.Base != b.Name || p.New != b.Name || p.Scenario != one || p.Other != four || p.Filter != "mode=tun queues=1,4 size=64" {
		t.Errorf("%+v", p)
	}
	alone := costs("6.12.1+deb12-cloud-amd64", "6.12.1", map[string]float64{one: 1000, four: 0})
	if pairs := Pairs(New(verdict.NewLab([]verdict.KernelBoots{alone}))); len(pairs) != 0 {
		t.Errorf("of one kernel: %+v", pairs)
	}
}

func TestQueues(t *testing.T) {
	s := New(verdict.NewLab([]verdict.KernelBoots{costs("6.12.1-cloud-amd64", "6.12.1", map[string]float64{one: 1000, four: 1200, "Tap/gen=lockstep/queues=1/size=64": 900})}))
	q := QueuesOf(s)
	if len(q) != 1 || !cmp.Equal(q[0].Numbers, []int{1, 4}) {
		t.Fatalf("%+v", q)
	}
	if shift := q[0].Shift(s.Series[0].Kernels[0], 1, record.SendNsPerPkt); shift.Change == nil || *shift.Change < 0.199 || *shift.Change > 0.201 {
		t.Errorf("%+v", shift)
	}
}

func TestRefusals(t *testing.T) {
	list := []verdict.KernelBoots{costs("6.12.1-cloud-amd64", "6.12.1", map[string]float64{one: 1000, four: 0}), costs("6.12.2-cloud-amd64", "6.12.2", map[string]float64{one: 1000, four: 0}), costs("nothing", "", map[string]float64{four: 0})}
	s := New(verdict.NewLab(list))
	r := Refusals(s)
	if len(r) != 1 || r[0].Scenario != four || len(r[0].Kernels) != 2 || !cmp.Equal(s.Strange, []string{"nothing"}) {
		t.Errorf("%+v, strange %q", r, s.Strange)
	}
}
