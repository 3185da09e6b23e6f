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
		meter:  &meter{failed: map[*candidate]refused{}, failures: map[*candidate]int{}},
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

// What is as fast as the recommendation and simpler replaces it, if there is time to measure
// it again. If there is none, nothing calls the recommendation the simpler one.
func TestSimplerAndEqual(t *testing.T) {
	const use, simpler, other = "io=poll vnet=10 offload=tso", "vnet=10 offload=tso", "io=uring vnet=10 offload=tso"
	rates := map[string]float64{"": 1e6, use: 4e6, simpler: 4e6, other: 4e6}

	r, of := afterFinal(t, time.Hour, rates)
	r.use = of[use]
	if again := (finals{r}).decide(); !again || r.use != of[simpler] || !r.advice.Reused || r.advice.Stopped != "" {
		t.Errorf("with time: again %v, use %s, reused %v, stopped %q", again, r.use.words, r.advice.Reused, r.advice.Stopped)
	}

	r, of = afterFinal(t, 30*time.Second, rates)
	r.use = of[use]
	if again := (finals{r}).decide(); again || r.use != of[use] || r.advice.Reused || r.advice.Stopped != budgetSpent {
		t.Errorf("without time: again %v, use %s, reused %v, stopped %q", again, r.use.words, r.advice.Reused, r.advice.Stopped)
	}
	conclusion{finals{r}}.draw()
	if r.advice.Verdict != advice.Better {
		t.Fatalf("%s: %s", r.advice.Verdict, r.advice.Why)
	}
	says(t, "without time", r.advice, "between the recommendation and io=read, which is simpler and not recommended: "+budgetSpent+".", "and io=read: it is")
	says(t, "without time", r.advice, "and io=uring: it is the simpler one.", "")

	// The simplest is called that.
	r, of = afterFinal(t, 30*time.Second, rates)
	r.use = of[simpler]
	if again := (finals{r}).decide(); again || r.advice.Stopped != "" {
		t.Errorf("the simplest: again %v, %q", again, r.advice.Stopped)
	}
	conclusion{finals{r}}.draw()
	says(t, "the simplest", r.advice, "io=uring: it is the simpler one.", "simpler and not recommended")

	// What was replaced before is not taken for a matter of time.
	r, of = afterFinal(t, time.Hour, rates)
	r.use, r.before = of[use], []*candidate{of[simpler]}
	if again := (finals{r}).decide(); again {
		t.Error("what was replaced is recommended again")
	}
	conclusion{finals{r}}.draw()
	says(t, "replaced", r.advice, "which is simpler and not recommended: blocks before these showed something faster.", "budget was spent")

	// What only the blocks after the decision show is named as that.
	r, of = afterFinal(t, time.Hour, rates)
	r.use = of[use]
	conclusion{finals{r}}.draw()
	says(t, "last", r.advice, "which is simpler and not recommended: "+onlyLast+".", "budget was spent")
}

// A candidate that won a final and not the next one is put back. Without time for another
// final, nothing says that the figures are from other blocks than the choice.
func TestPutBack(t *testing.T) {
	const was, now = "vnet=10 offload=tso", "io=poll vnet=10 offload=tso"
	const other, same = "No figure is from the blocks by which it was chosen.", "It was chosen by these blocks, and was not measured again after them."
	for name, tt := range map[string]struct {
		budget time.Duration
		rate   float64 // of what had won
		use    string
		again  bool
	}{
		"put back, with time":    {time.Hour, 3.9e6, was, true},
		"put back, without time": {30 * time.Second, 3.9e6, was, false},
		"confirmed":              {30 * time.Second, 4.4e6, now, false},
	} {
		r, of := afterFinal(t, tt.budget, map[string]float64{"": 1e6, was: 4e6, now: tt.rate})
		r.use, r.before, r.switched = of[now], []*candidate{of[was]}, true
		if again := (finals{r}).decide(); again != tt.again || r.use != of[tt.use] || r.advice.Reused != (tt.use == was) {
			t.Errorf("%s: again %v, use %s, reused %v", name, again, r.use.words, r.advice.Reused)
		}
		conclusion{finals{r}}.draw()
		how := map[bool][2]string{true: {same, other}, false: {other, same}}[tt.use == was]
		text := shown(t, r.advice)["report"]
		if !strings.Contains(text, how[0]) || strings.Contains(text, how[1]) {
			t.Errorf("%s: not %q:\n%s", name, how[0], text)
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
		"many changes":         {time.Hour, 3, "fresh blocks had changed the recommendation 3 times, which is the most in one run: run it again"},
	} {
		r, of := afterFinal(t, tt.budget, map[string]float64{"": 1e6, use: 4e6, faster: 5e6})
		r.use = of[use]
		for range tt.before {
			r.before = append(r.before, of[""])
		}
		again := (finals{r}).decide()
		if again != (tt.want == "") || r.advice.Stopped != tt.want {
			t.Errorf("%s: again %v, stopped %q", name, again, r.advice.Stopped)
		}
		if again {
			continue
		}
		conclusion{finals{r}}.draw()
		never := budgetSpent
		if tt.want == budgetSpent {
			never = ""
		}
		says(t, name, r.advice, "the recommendation; "+tt.want+".", never)

		r, of = afterFinal(t, tt.budget, map[string]float64{"": 1e6, faster: 5e6})
		r.use = of[""]
		for range tt.before {
			r.before = append(r.before, of[faster])
		}
		finals{r}.decide()
		conclusion{finals{r}}.draw()
		says(t, name+", plain", r.advice, "was faster than plain reads and writes, and "+tt.want, never)
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
		finals{r}.decide()
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
