package figure

import (
	"maps"
	"math"
	"slices"
	"testing"

	"tunbench/reports/record"
)

// Two scenarios and their observed arms, on a host whose speed changes from round to
// round and from block to block.
const (
	slowName = "Tun/dir=k2u/gen=udp/io=poll/queues=1/size=64"
	fastName = "Tun/dir=k2u/gen=udp/queues=1/size=64"
)

// inRounds is a trial whose windows are rates in packets/s, by round.
func inRounds(name string, arm record.Arm, pair int, rates map[int]float64) record.Trial {
	t := record.Trial{Scenario: name, Arm: arm, Pair: pair, Started: "2026-11-20T22:51:09.5Z", Metrics: map[string]float64{}}
	for _, round := range slices.Sorted(maps.Keys(rates)) {
		ns := int64(50e6 + 1e6*(round%3)) // windows are not equally long
		t.DurationNs += ns
		pkts := uint64(math.Round(rates[round] * float64(ns) / 1e9))
		t.Windows = append(t.Windows, record.Window{TNs: t.DurationNs, Pkts: pkts, Bytes: 100 * pkts, Round: round})
	}
	return t
}

// speeds is how fast the host was in each round of a block.
func speeds(pair, rounds int) map[int]float64 {
	by := map[int]float64{}
	for round := 1; round <= rounds; round++ {
		by[round] = 1e6 * (1 + 0.3*math.Sin(float64(7*pair+round)))
	}
	return by
}

func scaled(by map[int]float64, factor float64) map[int]float64 {
	out := map[int]float64{}
	for round, v := range by {
		out[round] = v * factor
	}
	return out
}

func only(by map[int]float64, rounds ...int) map[int]float64 {
	out := map[int]float64{}
	for _, r := range rounds {
		out[r] = by[r]
	}
	return out
}

// twoScenarios is a run in which one scenario has 0.8 of the rate of the other, and the
// observed arms, in every third round, 0.95 of their own.
func twoScenarios(blocks int) *record.File {
	f := &record.File{Run: &record.Run{}}
	for pair := 1; pair <= blocks; pair++ {
		host := speeds(pair, 12)
		for name, factor := range map[string]float64{fastName: 1, slowName: 0.8} {
			f.Trials = append(f.Trials, inRounds(name, record.Bare, pair, scaled(host, factor)),
				inRounds(name, record.Observed, pair, scaled(only(host, 1, 4, 7, 10), 0.95*factor)))
		}
	}
	return f
}

func trialOf(f *record.File, name string, arm record.Arm, pair int) *record.Trial {
	i := slices.IndexFunc(f.Trials, func(t record.Trial) bool { return t.Scenario == name && t.Arm == arm && t.Pair == pair })
	return &f.Trials[i]
}

func scenarioOf(f *record.File, name string) *Scenario {
	list, _ := Scenarios(f)
	return list[slices.IndexFunc(list, func(s *Scenario) bool { return s.Name == name })]
}

func near(a, b float64) bool { return math.Abs(a/b-1) < 1e-4 } // packets are whole numbers

func TestRatioOfCommonRounds(t *testing.T) {
	for _, tt := range []struct {
		name   string
		change func(*record.File)
		blocks int
		exact  bool
	}{
		{"all rounds", func(*record.File) {}, 6, true},
		{"other rounds are left out", func(f *record.File) {
			// Of a host that was three times as fast in the rounds that one alone has.
			*trialOf(f, slowName, record.Bare, 2) = inRounds(slowName, record.Bare, 2, map[int]float64{3: 0.8 * speeds(2, 12)[3], 40: 3e6, 41: 3e6})
			*trialOf(f, fastName, record.Bare, 5) = inRounds(fastName, record.Bare, 5, map[int]float64{50: 9e6, 11: speeds(5, 12)[11], 12: speeds(5, 12)[12]})
		}, 6, true},
		{"several windows of a round", func(f *record.File) {
			trial := trialOf(f, slowName, record.Bare, 1)
			for i, w := range slices.Clone(trial.Windows) { // in two halves
				before := int64(0)
				if i > 0 {
					before = trial.Windows[2*i-1].TNs
				}
				half := w
				half.TNs, half.Pkts, half.Bytes = before+(w.TNs-before)/2, w.Pkts/2, w.Bytes/2
				w.Pkts, w.Bytes = w.Pkts-half.Pkts, w.Bytes-half.Bytes
				trial.Windows = slices.Replace(trial.Windows, 2*i, 2*i+1, half, w)
			}
		}, 6, true},
		{"an invalid trial", func(f *record.File) {
			trial := trialOf(f, slowName, record.Bare, 3)
			*trial = inRounds(slowName, record.Bare, 3, scaled(speeds(3, 12), 0.1))
			trial.Flags = []string{record.FlagSteal}
		}, 5, false},
		{"an invalid trial of the other", func(f *record.File) {
			trial := trialOf(f, fastName, record.Bare, 3)
			*trial = inRounds(fastName, record.Bare, 3, scaled(speeds(3, 12), 0.1))
			trial.Flags = []string{record.FlagUnexplained}
		}, 5, false},
		{"blocks missing", func(f *record.File) {
			f.Trials = slices.DeleteFunc(f.Trials, func(t record.Trial) bool {
				return t.Scenario == slowName && t.Pair == 1 || t.Scenario == fastName && t.Pair == 6
			})
		}, 4, false},
		{"no round in common in a block", func(f *record.File) {
			*trialOf(f, slowName, record.Bare, 4) = inRounds(slowName, record.Bare, 4, map[int]float64{20: 1e5})
		}, 5, false},
		{"nothing delivered in the rounds in common", func(f *record.File) {
			*trialOf(f, fastName, record.Bare, 4) = inRounds(fastName, record.Bare, 4, map[int]float64{1: 0, 20: 1e6})
		}, 5, false},
	} {
		f := twoScenarios(6)
		tt.change(f)
		slow, fast := scenarioOf(f, slowName), scenarioOf(f, fastName)
		for _, of := range []Count{Packets, Bytes} {
			r, ok := RatioOf(slow.Bare, fast.Bare, of)
			if !ok || len(r.Each) != tt.blocks || r.Interval.Exact != tt.exact || !near(r.Value, 0.8) || !near(r.Interval.Low, 0.8) || !near(r.Interval.High, 0.8) || !r.Rounds {
				t.Errorf("%s: %+v, %v", tt.name, r, ok)
			}
			inverse, ok := RatioOf(fast.Bare, slow.Bare, of)
			if !ok || math.Abs(inverse.Value*r.Value-1) > 1e-12 {
				t.Errorf("%s: %v one way, %v the other", tt.name, r.Value, inverse.Value)
			}
		}
	}
}

// The rates of the same trials, each over all its rounds, are those of different hosts.
func TestRatioIsOfRoundsAndNotOfTrials(t *testing.T) {
	f := twoScenarios(6)
	for pair := 1; pair <= 6; pair++ {
		*trialOf(f, slowName, record.Bare, pair) = inRounds(slowName, record.Bare, pair, only(scaled(speeds(pair, 12), 0.8), pair, pair+1, pair+2))
	}
	if r, ok := RatioOf(scenarioOf(f, slowName).Bare, scenarioOf(f, fastName).Bare, Packets); !ok || !near(r.Value, 0.8) {
		t.Errorf("%+v, %v", r, ok)
	}
}

func TestRatioOfBlocksIsEstimated(t *testing.T) {
	f := twoScenarios(6)
	factors := []float64{0.80, 0.82, 0.79, 0.81, 0.40, 0.80} // one block is far off
	for i, factor := range factors {
		*trialOf(f, slowName, record.Bare, i+1) = inRounds(slowName, record.Bare, i+1, scaled(speeds(i+1, 12), factor))
	}
	r, ok := RatioOf(scenarioOf(f, slowName).Bare, scenarioOf(f, fastName).Bare, Packets)
	if !ok || !near(r.Interval.Low, 0.40) || !near(r.Interval.High, 0.82) || r.Value < 0.77 || r.Value > 0.81 {
		t.Errorf("%+v, %v", r, ok)
	}
	for i, factor := range factors {
		if !near(r.Each[i], factor) {
			t.Errorf("block %d: %v, want %v", i+1, r.Each[i], factor)
		}
	}
}

func TestNoRatioWithoutCommonRounds(t *testing.T) {
	for name, change := range map[string]func(*record.File){
		"no rounds": func(f *record.File) {
			for i := range f.Trials {
				for j := range f.Trials[i].Windows {
					f.Trials[i].Windows[j].Round = 0
				}
			}
		},
		"no windows": func(f *record.File) {
			for i := range f.Trials {
				f.Trials[i].Windows = nil
			}
		},
		"other blocks": func(f *record.File) {
			for i := range f.Trials {
				if t := &f.Trials[i]; t.Scenario == slowName {
					t.Pair += 6
				}
			}
		},
		"other shards": func(f *record.File) {
			for i := range f.Trials {
				if t := &f.Trials[i]; t.Scenario == slowName {
					t.Shard = 2
				}
			}
		},
		"windows without length": func(f *record.File) {
			for i := range f.Trials {
				for j := range f.Trials[i].Windows {
					f.Trials[i].Windows[j].TNs = 0
				}
			}
		},
		"invalid": func(f *record.File) {
			for i := range f.Trials {
				f.Trials[i].Flags = []string{record.FlagSteal}
			}
		},
	} {
		f := twoScenarios(6)
		change(f)
		if r, ok := RatioOf(scenarioOf(f, slowName).Bare, scenarioOf(f, fastName).Bare, Packets); ok {
			t.Errorf("%s: %+v", name, r)
		}
	}
}

// Scenarios that do not fit into a block together are measured in two groups, and a block
// that was interrupted is measured again from its first round: rounds of the same number
// are then not the same round.
func TestRoundsOfOtherGroups(t *testing.T) {
	f := twoScenarios(6)
	*trialOf(f, slowName, record.Bare, 6) = inRounds(slowName, record.Bare, 6, scaled(speeds(6, 12), 0.2))
	ratio := func() Ratio {
		r, _ := RatioOf(scenarioOf(f, slowName).Bare, scenarioOf(f, fastName).Bare, Packets)
		return r
	}
	if r := ratio(); len(r.Each) != 6 || !near(r.Each[5], 0.2) {
		t.Errorf("in one group: %+v", r)
	}
	trialOf(f, slowName, record.Bare, 6).Started = "2026-11-20T22:51:10.5Z"
	if r := ratio(); len(r.Each) != 5 || !near(r.Value, 0.8) {
		t.Errorf("in another group: %+v", r)
	}
}

func TestObserverCostInRounds(t *testing.T) {
	f := twoScenarios(6)
	list, _ := Scenarios(f)
	for _, s := range list {
		if r, ok := s.ObserverCost(); !ok || !r.Rounds || !near(r.Value, 0.95) || len(r.Each) != 6 || !r.Interval.Exact {
			t.Errorf("%s: %+v, %v", s.Name, r, ok)
		}
	}
	// One scenario pays twice as much: the pool is the geometric mean.
	for pair := 1; pair <= 6; pair++ {
		*trialOf(f, slowName, record.Observed, pair) = inRounds(slowName, record.Observed, pair, scaled(only(speeds(pair, 12), 2, 5), 0.8*0.9))
	}
	list, _ = Scenarios(f)
	if r, ok := ObserverCost(list); !ok || !r.Rounds || !near(r.Value, math.Sqrt(0.95*0.9)) || len(r.Each) != 6 || !r.Interval.Exact {
		t.Errorf("pooled: %+v, %v", r, ok)
	}
	// An open loop has none, and is not pooled.
	for i := range f.Trials {
		if f.Trials[i].Scenario == slowName {
			f.Trials[i].Schedule = &record.Schedule{}
		}
	}
	list, _ = Scenarios(f)
	if r, ok := ObserverCost(list); !ok || !near(r.Value, 0.95) {
		t.Errorf("pooled without the open loop: %+v, %v", r, ok)
	}
	if r, ok := scenarioOf(f, slowName).ObserverCost(); ok {
		t.Errorf("of an open loop: %+v", r)
	}
}

// Files without rounds have the cost by pairs, as they always had.
func TestObserverCostByPairs(t *testing.T) {
	f := twoScenarios(6)
	for i := range f.Trials {
		trial := &f.Trials[i]
		trial.Windows = nil
		trial.Metrics[record.PPS] = 100
		if trial.Arm == record.Observed {
			trial.Metrics[record.PPS] = 90 + float64(trial.Pair)
		}
	}
	list, _ := Scenarios(f)
	r, ok := list[0].ObserverCost()
	if !ok || r.Rounds || !near(r.Value, 0.935) || len(r.Each) != 6 || !r.Interval.Exact {
		t.Errorf("%+v, %v", r, ok)
	}
	if r, ok := ObserverCost(list); !ok || r.Rounds || !near(r.Value, 0.935) || len(r.Each) != 12 {
		t.Errorf("pooled: %+v, %v", r, ok)
	}
}

func TestDifferenceGroups(t *testing.T) {
	f := twoScenarios(6)
	other := inRounds("Tun/dir=u2k/gen=udp/queues=1/size=64", record.Bare, 1, speeds(1, 12))
	alone := inRounds("Tun/dir=k2u/gen=udp/queues=1/size=1500", record.Bare, 1, speeds(1, 12))
	f.Trials = append(f.Trials, other, alone)
	list, _ := Scenarios(f)
	found := map[string][]string{}
	for _, d := range Differences {
		for _, g := range d.Groups(list) {
			for _, s := range g.Scenarios {
				found[d.Name] = append(found[d.Name], s.Name)
			}
		}
	}
	want := map[string][]string{"io": {fastName, slowName}, "dir": {fastName, other.Scenario}}
	if !maps.EqualFunc(found, want, slices.Equal) {
		t.Errorf("%v, want %v", found, want)
	}
	io := Differences[0]
	if r, ok := io.Ratio(scenarioOf(f, slowName), scenarioOf(f, fastName)); !ok || !near(r.Value, 0.8) {
		t.Errorf("%+v, %v", r, ok)
	}
	// The observer is attached in one of the two only.
	f.Trials = slices.DeleteFunc(f.Trials, func(t record.Trial) bool { return t.Scenario == slowName && t.Arm == record.Bare })
	if r, ok := io.Ratio(scenarioOf(f, slowName), scenarioOf(f, fastName)); ok {
		t.Errorf("observed over bare: %+v", r)
	}
}

func TestSharpness(t *testing.T) {
	f := twoScenarios(6)
	for i := range f.Trials {
		trial := &f.Trials[i]
		trial.Metrics[record.PPS] = 100 + 2*float64(trial.Pair) // 102 to 112: ±5/107
		trial.Metrics[record.LoopbackRatio] = 0.5 + 0.002*float64(trial.Pair)
		if trial.Scenario == slowName {
			trial.Metrics[record.PPS] = 100
		}
	}
	for i, factor := range []float64{0.98, 0.99, 1, 1, 1.01, 1.02} {
		*trialOf(f, slowName, record.Bare, i+1) = inRounds(slowName, record.Bare, i+1, scaled(speeds(i+1, 12), factor))
	}
	list, _ := Scenarios(f)
	got := SharpnessOf(list)
	if got.Rate.N != 1 || math.Abs(got.Rate.Median-5.0/107) > 1e-9 {
		t.Errorf("packet rates: %+v", got.Rate)
	}
	if got.Loopback.N != 1 || math.Abs(got.Loopback.Median-0.005/0.507) > 1e-9 {
		t.Errorf("ratios to loopback: %+v", got.Loopback)
	}
	if got.Ratios.N != 1 || math.Abs(got.Ratios.Median-0.02) > 1e-4 {
		t.Errorf("ratios: %+v", got.Ratios)
	}
	// An open loop keeps its rate whatever the host does.
	for i := range f.Trials {
		f.Trials[i].Schedule = &record.Schedule{}
	}
	list, _ = Scenarios(f)
	if got := SharpnessOf(list); got != (Sharpness{}) {
		t.Errorf("of open loops: %+v", got)
	}
	f = twoScenarios(5)
	list, _ = Scenarios(f)
	if got := SharpnessOf(list); got.Ratios.N != 0 {
		t.Errorf("of five blocks: %+v", got)
	}
}
