package verdict

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"tunbench/reports/axis"
	"tunbench/reports/figure"
	"tunbench/reports/fixture"
	"tunbench/reports/record"
)

// storedRun is a run of 42 scenarios in six blocks with yardsticks. The host's speed
// wanders by a fifth, which the yardstick sees; the rate of a scenario is changed by
// factor.
func storedRun(seed uint64, factor func(t *record.Trial) float64) *record.File {
	rng := rand.New(rand.NewPCG(seed, 7))
	f := &record.File{Run: fixture.Synthetic().Run, End: &record.End{Ended: "2026-11-20T22:54:55Z"}}
	f.Run.ID = fmt.Sprint("stored-", seed)
	host := 1 + 0.2*rng.NormFloat64()*0.5
	var names []string
	for _, dir := range []string{"k2u", "u2k"} {
		for _, io := range []string{"read", "spin", "uring"} {
			for _, queues := range []string{"1", "4"} {
				for _, size := range []string{"64", "512", "1500"} {
					names = append(names, fmt.Sprintf("Tun/dir=%s/gen=udp/io=%s/queues=%s/size=%s", dir, io, queues, size))
				}
			}
		}
		for _, size := range []string{"64", "512", "1500"} {
			names = append(names, fmt.Sprintf("Tun/dir=%s/gen=udp/io=read/queues=1/size=%s/vnet=10", dir, size))
		}
	}
	own := map[string]float64{}
	for _, name := range names {
		own[name] = 1 + 0.015*rng.NormFloat64()
	}
	k := 0
	for block := 1; block <= 6; block++ {
		speed := host * (1 + 0.08*rng.NormFloat64())
		for _, name := range names {
			k++
			axes := map[string]string{"mode": "tun", "load": "max"}
			_, list := axis.Split(name)
			for _, a := range list {
				key, value, _ := strings.Cut(a, "=")
				axes[key] = value
			}
			t := fixture.Trial(rng, name, axes, record.Bare, block, k, 1e6, 0, 4e5, 1, 1, 64, "")
			ratio := 0.8 * own[name] * factor(&t) * (1 + 0.045*rng.NormFloat64())
			pps := 1.25e6 * speed
			t.Metrics[record.PPS], t.Metrics[record.BitPerS] = pps*ratio, pps*ratio*8*64
			t.Metrics[record.CPUNsPerPkt] = 1e9 / (pps * ratio)
			t.Metrics[record.LoopbackRatio] = ratio
			t.Yardstick = &record.Yardstick{Kind: record.YardstickUDP, PPS: pps, BitPerS: pps * 512}
			t.CPUs = record.Placement{Sender: []int{0}, Reader: []int{1}}
			f.Trials = append(f.Trials, t)
		}
	}
	f.End.Trials = len(f.Trials)
	return f
}

func same(*record.Trial) float64 { return 1 }

func slowReader(by float64) func(*record.Trial) float64 {
	return func(t *record.Trial) float64 {
		if t.Axes["dir"] == "k2u" && t.Axes["io"] == "read" {
			return by
		}
		return 1
	}
}

const lone = "Tun/dir=u2k/gen=udp/io=uring/queues=4/size=512"

func onlyLone(by float64) func(*record.Trial) float64 {
	return func(t *record.Trial) float64 {
		if t.Scenario == lone {
			return by
		}
		return 1
	}
}

func verdictsOf(c *Comparison, kind string) (names []string) {
	for _, v := range c.Verdicts {
		if v.Metric == record.PPS && v.Verdict == kind {
			names = append(names, v.Scenario)
		}
	}
	return names
}

func TestStoredRunsWithoutDifference(t *testing.T) {
	for seed := range uint64(8) {
		c := judged(t, storedRun(2*seed, same), storedRun(2*seed+1, same), Options{})
		for _, v := range c.Verdicts {
			if !slices.Contains([]string{record.Inconclusive, record.Equivalent}, v.Verdict) {
				t.Errorf("seed %d: %+v", seed, v)
			}
			if v.Metric == record.PPS && (!slices.Contains(v.Notes, ByRatio) || v.Detectable == nil || v.CI == nil || v.N != 6) {
				t.Errorf("seed %d: %+v", seed, v)
			}
			if v.Metric == record.CPUNsPerPkt {
				t.Errorf("judged: %+v", v)
			}
		}
		if c.Stored == nil || c.Stored.All == nil || c.Stored.Middle < c.Stored.Least || c.Stored.Most < c.Stored.Middle || c.Stored.Scenarios != 42 {
			t.Errorf("sharpness: %+v", c.Stored)
		}
		if c.Exit(false) != 0 || c.Exit(true) != 3 {
			t.Errorf("exit %d, strict %d", c.Exit(false), c.Exit(true))
		}
	}
}

func TestStoredRunsWithSlowReader(t *testing.T) {
	for _, tt := range []struct {
		by    float64
		kind  string
		other string
	}{
		{0.85, record.IndicativeRegression, record.IndicativeImprovement},
		{1.18, record.IndicativeImprovement, record.IndicativeRegression},
	} {
		c := judged(t, storedRun(1, same), storedRun(2, slowReader(tt.by)), Options{})
		found := verdictsOf(c, tt.kind)
		for _, name := range found {
			if !strings.Contains(name, "dir=k2u") || !strings.Contains(name, "io=read") {
				t.Errorf("%s: %s", tt.kind, name)
			}
		}
		if len(found) < 8 || len(verdictsOf(c, tt.other)) > 0 {
			t.Errorf("by %v: %d of 9 scenarios found; other way: %q", tt.by, len(found), verdictsOf(c, tt.other))
		}
		if len(c.Stored.Moved) == 0 || c.Stored.Moved[0].Name != "dir=k2u io=read" || math.Abs(c.Stored.Moved[0].Change-(tt.by-1)) > 0.04 {
			t.Errorf("moved: %+v", c.Stored.Moved)
		}
		for _, v := range c.Verdicts {
			if v.Metric == record.PPS && v.Verdict == tt.kind && (v.CI[0] > *v.Change || v.CI[1] < *v.Change || v.CI[0]*v.CI[1] <= 0 || *v.P >= 0.005) {
				t.Errorf("%+v", v)
			}
		}
		want := map[string]int{record.IndicativeRegression: 1, record.IndicativeImprovement: 3}[tt.kind]
		if c.Exit(false) != 0 || c.Exit(true) != want {
			t.Errorf("by %v: exit %d, strict %d", tt.by, c.Exit(false), c.Exit(true))
		}
	}
}

func TestStoredRunsWithOneSlowScenario(t *testing.T) {
	for by, kind := range map[float64]string{0.7: record.IndicativeRegression, 1.4: record.IndicativeImprovement} {
		c := judged(t, storedRun(1, same), storedRun(2, onlyLone(by)), Options{})
		if got := verdictsOf(c, kind); !slices.Equal(got, []string{lone}) {
			t.Errorf("by %v: %q", by, got)
		}
	}
}

// TestStoredRunsWithoutYardstick: old files are judged as before, and the note says so.
func TestStoredRunsWithoutYardstick(t *testing.T) {
	old := storedRun(1, same)
	for i := range old.Trials {
		old.Trials[i].Yardstick = nil
		delete(old.Trials[i].Metrics, record.LoopbackRatio)
	}
	for _, c := range []*Comparison{judged(t, old, storedRun(2, same), Options{}), judged(t, storedRun(2, same), old, Options{})} {
		if c.Stored != nil {
			t.Errorf("judged by ratios: %+v", c.Stored)
		}
		for _, v := range c.Verdicts {
			if v.Metric == record.PPS && (slices.Contains(v.Notes, ByRatio) || !strings.Contains(strings.Join(v.Notes, " "), "has no yardstick over loopback: the raw figure is judged")) {
				t.Errorf("%+v", v)
			}
		}
	}
}

func TestStoredRunsWithOtherYardsticks(t *testing.T) {
	for _, tt := range []struct {
		field, note string
		change      func(*record.Trial)
	}{
		{figure.AllowTool, "the yardstick over loopback differs in kind: udp, tcp (--allow tool)", func(t *record.Trial) { t.Yardstick.Kind = record.YardstickTCP }},
		{figure.AllowCPU, "the yardstick over loopback differs in placement: senders on CPUs [0] and readers on CPUs [1], senders on CPUs [0] and readers on CPUs [2] (--allow cpu)",
			func(t *record.Trial) { t.CPUs.Reader = []int{2} }},
	} {
		base, next := storedRun(1, same), storedRun(2, same)
		for i := range next.Trials {
			tt.change(&next.Trials[i])
		}
		for _, v := range judged(t, base, next, Options{}).Verdicts {
			if v.Metric == record.PPS && (v.Verdict != record.NotComparable || !slices.Equal(v.Notes, []string{tt.note})) {
				t.Errorf("%s: %+v", tt.field, v)
			}
		}
		for _, v := range judged(t, base, next, Options{Allow: []string{tt.field}}).Verdicts {
			if v.Metric == record.PPS && !slices.Contains(v.Notes, ByRatio) {
				t.Errorf("%s allowed: %+v", tt.field, v)
			}
		}
	}
}

// TestStoredRunsOfOtherSelections: a run that measured fewer scenarios by turns is warned of.
func TestStoredRunsOfOtherSelections(t *testing.T) {
	inRounds := func(seed uint64, without string) *record.File {
		f := storedRun(seed, same)
		f.Trials = slices.DeleteFunc(f.Trials, func(t record.Trial) bool { return without != "" && strings.Contains(t.Scenario, without) })
		f.End.Trials = len(f.Trials)
		for i := range f.Trials {
			f.Trials[i].Started = fmt.Sprint("block ", f.Trials[i].Pair)
			f.Trials[i].Windows = []record.Window{{TNs: 4e7, Pkts: 1, Bytes: 64, Round: 1}}
		}
		return f
	}
	for without, want := range map[string]int{"": 0, "size=512": 1} {
		warnings := judged(t, inRounds(1, ""), inRounds(2, without), Options{}).Warnings
		about := slices.DeleteFunc(slices.Clone(warnings), func(s string) bool {
			return s != "base measured 42 scenarios by turns, new 28; the ratio to loopback depends on how many take turns, by some per cent: compare runs of one selection"
		})
		if len(about) != want {
			t.Errorf("without %q: %q", without, warnings)
		}
	}
}

// TestStoredRunsOpenLoop: the load sets the rate, so that its ratio says nothing.
func TestStoredRunsOpenLoop(t *testing.T) {
	base, next := storedRun(1, same), storedRun(2, same)
	for _, f := range []*record.File{base, next} {
		for i := range f.Trials {
			f.Trials[i].Axes["load"] = "1000pps"
		}
	}
	if c := judged(t, base, next, Options{}); c.Stored != nil {
		t.Errorf("judged by ratios: %+v", c.Stored)
	}
}

func TestMeasureScatter(t *testing.T) {
	var files []*record.File
	for seed := range uint64(5) {
		files = append(files, storedRun(seed, same))
	}
	s, scenarios, err := MeasureScatter(files)
	if err != nil || scenarios != 42 || s.Runs != 5 || s.Own > 0.03 || s.Shared > 0.02 {
		t.Fatalf("%+v, %d scenarios, %v", s, scenarios, err)
	}
	known, assumed := judged(t, files[0], files[1], Options{Scatter: s}), judged(t, files[0], files[1], Options{})
	if known.Stored.Runs != 5 || assumed.Stored.Runs != 0 || known.Stored.All.Change >= assumed.Stored.All.Change {
		t.Errorf("all scenarios: %v known, %v assumed", known.Stored.All, assumed.Stored.All)
	}
	for name, change := range map[string]func(*record.File){
		"another build":  func(f *record.File) { f.Run.Tool.Commit = "4567def" },
		"another kernel": func(f *record.File) { f.Run.Host.Kernel = "7.0.0" },
		"virtual time":   func(f *record.File) { f.Run.Clock = record.ClockICount },
		"no yardstick": func(f *record.File) {
			for i := range f.Trials {
				f.Trials[i].Yardstick = nil
			}
		},
	} {
		other := storedRun(9, same)
		change(other)
		if _, _, err := MeasureScatter([]*record.File{files[0], other}); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
}

// Runs of one block each show nothing, and say how many blocks would.
func TestStoredRunsOfOneBlock(t *testing.T) {
	one := func(seed uint64) *record.File {
		f := storedRun(seed, func(*record.Trial) float64 { return 1 })
		f.Trials = slices.DeleteFunc(f.Trials, func(t record.Trial) bool { return t.Pair > 1 })
		return f
	}
	c, err := Compare(one(1), one(2), Options{BaseName: "a", NewName: "b"})
	if err != nil {
		t.Fatal(err)
	}
	if all := strings.Join(c.Warnings, "\n"); !strings.Contains(all, "one valid trial per side cannot show a change in any of the 42 rates") {
		t.Errorf("warnings: %s", all)
	}
	for _, v := range c.Verdicts {
		if v.Metric == record.PPS && v.Verdict != record.Inconclusive {
			t.Errorf("%s: %s", v.Scenario, v.Verdict)
		}
	}
}
