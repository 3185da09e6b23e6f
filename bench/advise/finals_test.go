package advise

import (
	"fmt"
	"math"
	"regexp"
	"strings"
	"testing"
	"time"

	"tunbench/bench/plan"
	"tunbench/harness/refusal"
	"tunbench/harness/spec"
	"tunbench/reports/advice"
	"tunbench/reports/record"
)

// afterKnockOut is the number of the first block of a final.
const afterKnockOut = 21

// afterFinal is a runner of the topic stack after a final of ten blocks of 10 s, whose members
// are the plain candidate and others, with a rate for each.
func afterFinal(t *testing.T, budget time.Duration, rates map[string]float64) (r *runner, of map[string]*candidate) {
	t.Helper()
	topic, err := LoadTopic("stack", "")
	if err != nil {
		t.Fatal(err)
	}
	f := newField(topic, nil)
	base, err := f.base()
	if err != nil {
		t.Fatal(err)
	}
	of = map[string]*candidate{"": base}
	r = &runner{
		Config: Config{Topic: topic, Budget: budget, Plan: plan.Plan{Now: func() time.Time { return time.Unix(0, 0) }}},
		field:  f, base: base, started: time.Unix(0, 0), block: 10 * time.Second,
		meter:  &meter{failed: map[*candidate]refused{}, failures: map[*candidate]int{}, evidence: evidence{}},
		advice: &advice.Advice{Topic: topic.Name, Traffic: topic.Traffic, PlainName: topic.Plain, Candidates: 12, Finals: 10},
		scores: map[*candidate][]score{},
	}
	for words, rate := range rates {
		c := base
		for choice := range f.choices {
			for value, name := range f.choices[choice].Values {
				if strings.Contains(" "+words+" ", " "+name+" ") {
					if c, err = f.with(c, choice, value); err != nil {
						t.Fatal(err)
					}
				}
			}
		}
		of[words] = c
		r.members = append(r.members, c)
		for block := range r.advice.Finals {
			s := score{nans(len(topic.Traffic)), nans(len(topic.Traffic))}
			for k := range s.pps {
				// A little noise, which is not the same for any two.
				s.pps[k] = rate * math.Exp(0.002*math.Sin(float64(block*len(words)+block)))
				s.cpu[k] = 2e9 / s.pps[k]
			}
			r.scores[c] = append(r.scores[c], s)
			r.meter.evidence.add(c, afterKnockOut+block, total(s.pps))
		}
	}
	return r, of
}

// says checks that each output of the advice has some words, and others not.
func says(t *testing.T, where string, a *advice.Advice, want, never string) {
	t.Helper()
	for as, text := range shown(t, a) {
		if as == "json" {
			continue
		}
		text = strings.ReplaceAll(text, "**", "")
		if want != "" && !strings.Contains(text, want) {
			t.Errorf("%s: %s has no %q:\n%s", where, as, want, text)
		}
		if never != "" && strings.Contains(text, never) {
			t.Errorf("%s: %s has %q:\n%s", where, as, never, text)
		}
	}
}

// What is simpler than the recommendation and not shown to be slower replaces it, also where
// there is no time to measure that again: then the advice says so.
func TestSimplerAndEqual(t *testing.T) {
	const use, simpler, other = "io=poll vnet=10 offload=tso", "vnet=10 offload=tso", "io=uring vnet=10 offload=tso"
	const reused = "The blocks that give these figures had a part in the choice"
	rates := map[string]float64{"": 1e6, use: 4e6, simpler: 3.99e6, other: 4e6}

	r, of := afterFinal(t, time.Hour, rates)
	r.use = of[use]
	if again := (finals{r}).decide(false); !again || r.use != of[simpler] || !r.advice.Reused || r.advice.Stopped != "" {
		t.Errorf("with time: again %v, use %s, reused %v, stopped %q", again, r.use.words, r.advice.Reused, r.advice.Stopped)
	}

	r, of = afterFinal(t, 30*time.Second, rates)
	r.use = of[use]
	if again := (finals{r}).decide(false); again || r.use != of[use] || r.advice.Reused {
		t.Errorf("before the last blocks: again %v, use %s, reused %v", again, r.use.words, r.advice.Reused)
	}
	if again := (finals{r}).decide(true); again || r.use != of[simpler] || !r.advice.Reused || r.advice.Stopped != budgetSpent {
		t.Errorf("without time: again %v, use %s, reused %v, stopped %q", again, r.use.words, r.advice.Reused, r.advice.Stopped)
	}
	conclusion{finals{r}}.draw()
	if r.advice.Verdict != advice.Better {
		t.Fatalf("%s: %s", r.advice.Verdict, r.advice.Why)
	}
	says(t, "without time", r.advice, reused+", so that the gain may be a little too large: "+budgetSpent+".", "simpler and not recommended")
	says(t, "without time", r.advice, "io=uring: it is the simplest one.", "")

	// The simplest stays.
	r, of = afterFinal(t, 30*time.Second, rates)
	r.use = of[simpler]
	if again := (finals{r}).decide(true); again || r.use != of[simpler] || r.advice.Reused || r.advice.Stopped != "" {
		t.Errorf("the simplest: again %v, %s, %q", again, r.use.words, r.advice.Stopped)
	}
	conclusion{finals{r}}.draw()
	says(t, "the simplest", r.advice, "io=uring: it is the simplest one.", reused)

	// Where the blocks of the knock-out showed it to be slower, that is the reason.
	for slower, want := range map[float64]string{0.88: use, 1: simpler} {
		r, of = afterFinal(t, 30*time.Second, map[string]float64{"": 1e6, use: 4e6, simpler: 3.95e6})
		for block := 1; block < afterKnockOut; block++ {
			r.meter.evidence.add(of[use], block, 0.002*math.Sin(float64(block)))
			r.meter.evidence.add(of[simpler], block, math.Log(slower))
		}
		r.use = of[use]
		finals{r}.decide(true)
		if r.use != of[want] {
			t.Errorf("%v in the knock-out: use %s", slower, r.use.words)
		}
		conclusion{finals{r}}.draw()
		if want == use {
			says(t, "slower before", r.advice, "which is simpler and not recommended: over all 30 blocks that had both, with those of the knock-out, the estimate is 0.9", reused)
		}
	}
}

// If too few blocks were measured, the reason names a budget that gives enough of them.
func TestTooFewBlocks(t *testing.T) {
	r, of := afterFinal(t, time.Minute, map[string]float64{"": 1e6, "vnet=10 offload=tso": 4e6})
	r.use, r.block = of["vnet=10 offload=tso"], 7*time.Second
	cut(r, 4)
	conclusion{finals{r}}.draw()
	says(t, "four blocks", r.advice, "4 fresh blocks were measured, and an interval takes 6: give a longer --budget, such as 2m0s.", "")
}

// Where the fresh blocks do not show the gain that all blocks do, the reason says no more.
func TestNoGainInFreshBlocks(t *testing.T) {
	r, of := afterFinal(t, time.Minute, map[string]float64{"": 1e6, "io=poll": 1.001e6})
	r.use = of["io=poll"]
	conclusion{finals{r}}.draw()
	says(t, "no gain", r.advice, "No recommendation can be made: the fresh blocks alone do not show a gain: ", "do not agree")
}

// Which one is recommended does not depend on which one was when the final began.
func TestDecidesFromEitherSide(t *testing.T) {
	const simple, other = "vnet=10 offload=tso", "io=poll vnet=10 offload=tso"
	const fresh, same = "No figure is from the blocks by which it was chosen.", "They had a part in choosing it, and it was not measured again after them."
	for rate, want := range map[float64]string{3.6e6: simple, 4e6: simple, 4.1e6: simple, 4.4e6: other} {
		for _, begin := range []string{simple, other, ""} {
			r, of := afterFinal(t, 30*time.Second, map[string]float64{"": 1e6, simple: 4e6, other: rate})
			r.use = of[begin]
			finals{r}.decide(true)
			if r.use != of[want] || r.advice.Reused != (begin != want) {
				t.Errorf("%v, from %s: use %s, reused %v", rate, begin, r.use.words, r.advice.Reused)
			}
			conclusion{finals{r}}.draw()
			how := map[bool][2]string{true: {same, fresh}, false: {fresh, same}}[begin != want]
			text := shown(t, r.advice)["report"]
			if r.advice.Verdict != advice.Better || !strings.Contains(text, how[0]) || strings.Contains(text, how[1]) {
				t.Errorf("%v, from %s: %s, and not %q:\n%s", rate, begin, r.advice.Verdict, how[0], text)
			}
		}
	}
}

// Why something faster is not measured again is the budget only if that is spent.
func TestStopped(t *testing.T) {
	const use, faster = "vnet=10 offload=tso", "io=poll vnet=10 offload=tso"
	for name, tt := range map[string]struct {
		budget time.Duration
		before int
		want   string // "": it is measured again
	}{
		"time and few changes": {time.Hour, 2, ""},
		"no time":              {30 * time.Second, 0, budgetSpent},
		"many changes":         {time.Hour, 3, "the recommendation had changed 3 times, which is the most in one run: run it again"},
	} {
		r, of := afterFinal(t, tt.budget, map[string]float64{"": 1e6, use: 4e6, faster: 5e6})
		r.use = of[use]
		for range tt.before {
			r.before = append(r.before, of[""])
		}
		again := (finals{r}).decide(true)
		if again != (tt.want == "") || r.use != of[faster] || r.advice.Stopped != tt.want {
			t.Errorf("%s: again %v, use %s, stopped %q", name, again, r.use.words, r.advice.Stopped)
		}
		if again {
			continue
		}
		conclusion{finals{r}}.draw()
		never := budgetSpent
		if tt.want == budgetSpent {
			never = ""
		}
		says(t, name, r.advice, "may be a little too large: "+tt.want+".", never)
	}
}

// What cannot be measured any more when a final begins ends in a reason, and not in a figure.
func TestLostBeforeAFinal(t *testing.T) {
	unsupported := &refusal.Unsupported{Detail: "no more devices"}
	for name, refuses := range map[string]func(spec.Spec) bool{
		"all": func(spec.Spec) bool { return true },
		"plain": func(s spec.Spec) bool {
			return s.VnetHdr == 0 && s.IO == spec.IORead && s.Queues == 1 && s.TxQLen == 500
		},
		"the best": func(s spec.Spec) bool { return s.Offload == spec.OffloadUSO && s.VnetHdr == 10 },
	} {
		m := &model{rate: vpnRates, noise: 0.04}
		m.probe = func(s spec.Spec) error {
			if m.block > 0 && refuses(s) {
				return unsupported
			}
			return nil
		}
		a := advise(t, m, "vpn", 1)
		if a.Verdict != advice.Inconclusive || !strings.HasSuffix(a.Why, "can no longer be measured (unsupported: no more devices)") || a.Finals != 0 || len(a.Lacks) == 0 {
			t.Errorf("%s: %s after %d blocks: %s; %+v", name, a.Verdict, a.Finals, a.Why, a.Lacks)
		}
		says(t, name, a, "No recommendation can be made: ", "fresh blocks, in which")
		if end, ok := m.kinds[len(m.kinds)-1].(record.End); !ok || end.Exit != exitUnknown {
			t.Errorf("%s: ends with %+v", name, m.kinds[len(m.kinds)-1])
		}
	}
	// What is refused and not needed is left out.
	m := &model{rate: vpnRates, noise: 0.04}
	m.probe = func(s spec.Spec) error {
		if m.block > 0 && s.TxQLen == 5000 {
			return unsupported
		}
		return nil
	}
	a := advise(t, m, "vpn", 1)
	if a.Verdict != advice.Better || len(a.Lacks) != 1 {
		t.Errorf("%s: %s; %+v", a.Verdict, a.Why, a.Lacks)
	}
	if end, ok := m.kinds[len(m.kinds)-1].(record.End); !ok || end.Exit != 0 {
		t.Errorf("ends with %+v", m.kinds[len(m.kinds)-1])
	}
}

// What won a final and cannot be measured in the next is not recommended: its figures are from
// the blocks by which it was chosen.
func TestLostBeforeTheSecondFinal(t *testing.T) {
	for _, refuse := range []bool{true, false} {
		first := 0 // block before the first final
		m := &model{noise: 0.02, rate: func(s spec.Spec) float64 {
			if s.TxQLen == 5000 {
				return 1.3 * vpnRates(s)
			}
			return vpnRates(s)
		}}
		m.probe = func(s spec.Spec) error {
			if m.block == 0 || s.TxQLen != 5000 {
				return nil
			}
			if first == 0 {
				first = m.block
			}
			if refuse && m.block > first {
				return fmt.Errorf("no such ring")
			}
			return nil
		}
		a := advise(t, m, "vpn", 1)
		if !strings.HasSuffix(a.Use.Words, "txqlen=5000") || a.Reused != refuse || (a.Verdict == advice.Inconclusive) != refuse || refuse && !strings.Contains(a.Why, "no such ring") {
			t.Errorf("refused %v: %s, %s: %s; reused %v", refuse, a.Use.Words, a.Verdict, a.Why, a.Reused)
		}
	}
}

// The run file records the exit code of the process.
func TestExitCode(t *testing.T) {
	for want, a := range map[int]advice.Advice{
		0:               {Verdict: advice.Better},
		exitUnknown:     {Verdict: advice.Inconclusive},
		exitInterrupted: {Verdict: advice.Inconclusive, Interrupted: true},
	} {
		if got := exitCode(&a); got != want {
			t.Errorf("%+v: %d, want %d", a, got, want)
		}
	}
	if got := exitCode(&advice.Advice{Verdict: advice.Equal}); got != 0 {
		t.Errorf("stay with the plain one: %d", got)
	}
}

// What needs less CPU time is named; where nothing was shown to, no more than that is said,
// and the cheapest is called that only if every interval shows it.
func TestCheapest(t *testing.T) {
	const use, other = "vnet=10 offload=tso", "io=poll vnet=10 offload=tso"
	const nothing, cheapest = "Nothing that was measured beside it was shown to need less CPU time per packet by more than 3 %", "the fastest is also the cheapest"
	for name, tt := range map[string]struct {
		rate, cpu   float64 // of the other, relative to the recommendation
		want, never string
	}{
		"all need more":        {0.7, 1.2, nothing + ": " + cheapest + ".", "Least CPU time"},
		"a little less":        {0.7, 0.985, nothing + ".", cheapest},
		"much less":            {0.7, 0.8, "Least CPU time per packet: io=poll vnet=10 offload=tso needs 0.80", nothing},
		"more, and not slower": {1.01, 1.2, nothing + ".", cheapest},
	} {
		r, of := afterFinal(t, 30*time.Second, map[string]float64{"": 1e6, use: 4e6, other: 4e6 * tt.rate})
		r.use = of[use]
		for i, s := range r.scores[of[other]] {
			for k := range s.cpu {
				s.cpu[k] = r.scores[of[use]][i].cpu[k] * tt.cpu * math.Exp(0.002*math.Sin(float64(i)))
			}
		}
		conclusion{finals{r}}.draw()
		if r.advice.Verdict != advice.Better {
			t.Fatalf("%s: %s", r.advice.Verdict, r.advice.Why)
		}
		says(t, name, r.advice, tt.want, tt.never)
	}
}

// What could not be measured in some blocks, or in any, leaves no number that is none.
func TestReportsAreFinite(t *testing.T) {
	const use, other = "vnet=10 offload=tso", "io=poll vnet=10 offload=tso"
	notFinite := regexp.MustCompile(`(^|[^A-Za-z])(NaN|Inf)($|[^A-Za-z])`)
	for name, spoil := range map[string]func(r *runner, of map[string]*candidate){
		"whole":     func(*runner, map[string]*candidate) {},
		"one block": func(r *runner, _ map[string]*candidate) { cut(r, 1) },
		"no block":  func(r *runner, _ map[string]*candidate) { cut(r, 0) },
		"no valid trial of the plain one": func(r *runner, of map[string]*candidate) {
			for _, s := range r.scores[of[""]] {
				copy(s.pps, nans(len(s.pps)))
			}
		},
		"no CPU time": func(r *runner, _ map[string]*candidate) {
			for _, scores := range r.scores {
				for _, s := range scores {
					copy(s.cpu, nans(len(s.cpu)))
				}
			}
		},
		"zeros": func(r *runner, of map[string]*candidate) {
			for _, s := range r.scores[of[""]] {
				clear(s.pps)
				clear(s.cpu)
			}
		},
	} {
		r, of := afterFinal(t, 30*time.Second, map[string]float64{"": 1e6, use: 4e6, other: 4e6})
		r.use = of[use]
		spoil(r, of)
		finals{r}.decide(true)
		conclusion{finals{r}}.draw()
		for as, text := range shown(t, r.advice) {
			if bad := notFinite.FindString(text); bad != "" {
				t.Errorf("%s: %s has %q:\n%s", name, as, bad, text)
			}
		}
	}
	if !notFinite.MatchString("NaN× the packet rate") || notFinite.MatchString("Information") {
		t.Error("what is looked for is not found")
	}
}

// cut leaves only the first blocks of the final.
func cut(r *runner, blocks int) {
	for c := range r.scores {
		r.scores[c] = r.scores[c][:blocks]
	}
	r.advice.Finals = blocks
}
