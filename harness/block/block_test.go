package block

import (
	"context"
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"runtime/metrics"
	"slices"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"tunbench/bpf"
	"tunbench/harness/spec"
	"tunbench/harness/trial"
	"tunbench/reports/record"
)

// fakeSide delivers a packet a millisecond in windows of 16 ms. It notes its name when
// one of its windows is measured.
type fakeSide struct {
	name   string
	log    *[]string
	stolen func() bool
	fail   error // of the next turn
	stays  error // of Close

	rounds []int
}

func (f *fakeSide) Do(context.Context, trial.Step) error { return nil }
func (f *fakeSide) Turn(context.Context) (trial.Turn, error) {
	*f.log = append(*f.log, f.name)
	t := trial.Turn{Rate: 1e-6, Ns: 16e6, Pkts: 16, Bytes: 1024, Spent: 32e6}
	if f.stolen() {
		t.Stolen = 10e6
	}
	return t, f.fail
}
func (f *fakeSide) KeepIn(_ context.Context, round, _ int, _ float64) error {
	f.rounds = append(f.rounds, round)
	return nil
}
func (f *fakeSide) Trial(context.Context) (record.Trial, error) {
	if len(f.rounds) == 0 {
		panic("a trial without windows has no figures")
	}
	t := record.Trial{Metrics: map[string]float64{record.PPS: 1000}}
	for _, round := range f.rounds {
		t.Windows = append(t.Windows, record.Window{Round: round})
	}
	return t, nil
}
func (f *fakeSide) Close() error { return f.stays }

// fakeRounds are members A, B and so on in one class with a yardstick y.
func fakeRounds(want []int, observed []bool, stolen func() bool) (*rounds, *[]string) {
	log := new([]string)
	c := &class{kind: record.YardstickUDP}
	newFake := func(name string, want int, observed bool) *member {
		return &member{observed: observed, want: want, class: c, side: &fakeSide{name: name, log: log, stolen: stolen}}
	}
	c.yardstick = newFake("y", 0, false)
	r := &rounds{rng: rand.New(rand.NewPCG(7, 1)), classes: []*class{c}, rest: func() error { return nil }}
	for i, n := range want {
		m := newFake(string(rune('A'+i)), n, observed[i])
		r.members, c.members, r.planned = append(r.members, m), append(c.members, m), max(r.planned, n)
	}
	return r, log
}

func never() bool { return false }

func TestRoundsSpreadWindows(t *testing.T) {
	r, log := fakeRounds([]int{12, 12, 12, 4}, []bool{false, false, false, true}, never)
	r.measure(context.Background())
	for i, want := range []int{12, 12, 12, 4} {
		m := r.members[i]
		if len(m.kept) != want || m.err != nil {
			t.Errorf("member %d: %d windows, %v; want %d", i, len(m.kept), m.err, want)
		}
	}
	var in []int
	for _, t := range r.members[3].kept {
		in = append(in, t.round)
	}
	if !slices.Equal(in, []int{3, 6, 9, 12}) {
		t.Errorf("4 windows in 12 rounds: %v", in)
	}
	// No window of a member is further from one of the yardstick than its neighbour.
	names := *log
	first := map[string]int{}
	for i, name := range names {
		if name != "y" && name != "D" && !slices.Contains(names[max(0, i-2):min(len(names), i+3)], "y") {
			t.Errorf("window %d is far from the yardstick: %v", i, names)
		}
		if i%5 == 0 {
			first[name]++
		}
	}
	if len(first) < 3 {
		t.Errorf("rounds begin with %v: the order is not shuffled", first)
	}
	// Observed windows follow all the others, or come before them.
	text := strings.Join(names, "")
	if strings.Count(text, "D") != 4 || strings.Count(text, "y") < 12 {
		t.Error(text)
	}
}

// TestProgramsAreAttachedOnceInARound has three classes, whose members are observed by one of
// two sets of programs.
func TestProgramsAreAttachedOnceInARound(t *testing.T) {
	r := &rounds{rng: rand.New(rand.NewPCG(7, 1)), planned: 1, round: 1}
	for i, programs := range []string{"pp", "qq", "pq"} {
		c := &class{}
		for k := range 4 {
			c.add(&member{want: 1, observed: k > 1, programs: []string{"", "", programs[:1], programs[1:]}[k], workers: i})
		}
		r.classes, r.members = append(r.classes, c), append(r.members, c.members...)
	}
	orders := map[string]bool{}
	for range 50 {
		turns := r.order()
		if len(turns) != 12 {
			t.Fatalf("%d turns", len(turns))
		}
		var changes []string
		for i, m := range turns {
			if i == 0 || m.programs != turns[i-1].programs {
				changes = append(changes, m.programs)
			}
		}
		if len(changes) != 3 {
			t.Fatalf("programs change in the order %q", changes)
		}
		orders[strings.Join(changes, ",")] = true
	}
	if len(orders) != 6 {
		t.Errorf("orders: %v", orders)
	}
}

// Only the programs of the member whose window is measured are on the way of its packets.
func TestOtherProgramsRest(t *testing.T) {
	r, log := fakeRounds([]int{12, 12, 12, 12}, []bool{false, true, true, true}, never)
	for i, programs := range []string{"", "p", "q", "p"} {
		r.members[i].programs = programs
	}
	attached, rests := map[string]bool{"p": true, "q": true}, 0 // by the set-up
	r.attached = anyPrograms
	r.rest = func() error { clear(attached); rests++; return nil }
	for _, m := range append(r.members, r.classes[0].yardstick) {
		f := m.side.(*fakeSide)
		f.stolen = func() bool {
			if m.programs != "" {
				attached[m.programs] = true
			}
			for other := range attached {
				if other != m.programs {
					t.Errorf("%q is attached in a window of %s, observed by %q", other, f.name, m.programs)
				}
			}
			return false
		}
	}
	r.measure(context.Background())
	if len(*log) < 48 || rests > 3*12+1 {
		t.Errorf("%d windows, and programs rested %d times in 12 rounds", len(*log), rests)
	}
	r.attached, r.rest = anyPrograms, func() error { return errors.New("stuck") }
	r.measure(context.Background())
	for i, m := range r.members {
		if m.err == nil || !strings.Contains(m.err.Error(), "stuck") {
			t.Errorf("member %d, where programs cannot be taken away: %v", i, m.err)
		}
	}
}

func TestRoundsMeasureStolenWindowsAgain(t *testing.T) {
	for name, test := range map[string]struct {
		every, kept, spare int
	}{
		"never":  {1 << 30, 12, 0},
		"often":  {9, 12, 1},
		"always": {1, trial.LeastWindows, 1},
	} {
		t.Run(name, func(t *testing.T) {
			n := 0
			r, _ := fakeRounds([]int{12, 12}, []bool{false, false}, func() bool { n++; return n%test.every == 0 })
			r.measure(context.Background())
			for i, m := range r.members {
				if len(m.kept) != test.kept || len(m.spare) < test.spare {
					t.Errorf("member %d: %d kept, %d spare", i, len(m.kept), len(m.spare))
				}
				if !slices.IsSortedFunc(m.kept, func(a, b turn) int { return a.round - b.round }) {
					t.Errorf("member %d: %v", i, m.kept)
				}
			}
		})
	}
}

func TestTrialOfABlock(t *testing.T) {
	r, _ := fakeRounds([]int{12, 6}, []bool{false, false}, never)
	r.measure(context.Background())
	trials := r.trials(context.Background())
	for i, want := range []int{12, 6} {
		got := trials[i]
		y := got.Yardstick
		if r.members[i].err != nil || y == nil || len(got.Windows) != want || len(y.Windows) != want {
			t.Fatalf("member %d: %v, %+v", i, r.members[i].err, got)
		}
		for k, w := range got.Windows {
			if w.Round != y.Windows[k].Round || w.Round == 0 || k > 0 && w.Round <= got.Windows[k-1].Round {
				t.Errorf("member %d, window %d: round %d, yardstick %d", i, k, w.Round, y.Windows[k].Round)
			}
		}
		// All fakes deliver a packet a millisecond.
		if ratio := got.Metrics[record.LoopbackRatio]; math.Abs(ratio-1) > 1e-9 || math.Abs(y.PPS-1000) > 1e-6 {
			t.Errorf("member %d: ratio %v, yardstick %v", i, ratio, y.PPS)
		}
	}
}

func TestYardstickThatFails(t *testing.T) {
	r, _ := fakeRounds([]int{12}, []bool{false}, never)
	r.classes[0].yardstick.fail(errors.New("no loopback"))
	r.measure(context.Background())
	got := r.trials(context.Background())[0]
	if got.Yardstick != nil || len(got.Windows) != 12 || !strings.Contains(fmt.Sprint(got.Notes), "without a yardstick: no loopback") {
		t.Errorf("%+v", got)
	}
	if _, ok := got.Metrics[record.LoopbackRatio]; ok {
		t.Error("a ratio to nothing")
	}
}

func TestInterruptedBlock(t *testing.T) {
	for after, want := range map[int]bool{9: true, 2: false} {
		ctx, cancel := context.WithCancel(context.Background())
		r, _ := fakeRounds([]int{12}, []bool{false}, never)
		r.Tell = func(round, rounds int) {
			if rounds != 12 {
				t.Errorf("%d rounds", rounds)
			}
			if round == after {
				cancel()
			}
		}
		r.measure(ctx)
		got := r.trials(ctx)[0]
		switch err := r.members[0].err; {
		case want && (err != nil || !slices.Contains(got.Flags, record.FlagShort) || len(got.Windows) != after-1):
			t.Errorf("after %d rounds: %v, flags %v, %d windows", after, err, got.Flags, len(got.Windows))
		case !want && !errors.Is(err, context.Canceled):
			t.Errorf("after %d rounds: %v", after, err)
		}
	}
}

// A member that fails takes nobody with it.
// A yardstick without a window, as after an interruption during the set-up of a block and
// where all members have failed, has no trial.
func TestYardstickWithoutWindows(t *testing.T) {
	interrupted, interrupt := context.WithCancel(context.Background())
	interrupt()
	for name, c := range map[string]struct {
		ctx  context.Context
		fail error
	}{"interrupted": {interrupted, nil}, "all failed": {context.Background(), errors.New("refused")}} {
		r, _ := fakeRounds([]int{12, 12}, []bool{false, false}, never)
		for _, m := range r.members {
			m.fail(c.fail)
		}
		r.measure(c.ctx)
		r.trials(c.ctx)
		for i, m := range r.members {
			if m.err == nil {
				t.Errorf("%s: member %d has a trial without a window", name, i)
			}
		}
		if err := r.classes[0].yardstick.err; !errors.Is(err, errNoWindow) {
			t.Errorf("%s: the yardstick: %v", name, err)
		}
	}
}

func TestMemberThatFails(t *testing.T) {
	r, _ := fakeRounds([]int{12, 12}, []bool{false, false}, never)
	r.Tell = func(round, _ int) {
		if round == 3 {
			r.members[0].side.(*fakeSide).fail = errors.New("reader died")
		}
	}
	r.measure(context.Background())
	trials := r.trials(context.Background())
	if err := r.members[0].err; err == nil || !strings.Contains(err.Error(), "reader died") {
		t.Errorf("%v", err)
	}
	if r.members[1].err != nil || len(trials[1].Windows) != 12 {
		t.Errorf("%v, %d windows", r.members[1].err, len(trials[1].Windows))
	}
}

// What cannot be torn down is in the results.
func TestTearDownThatFails(t *testing.T) {
	for name, test := range map[string]struct {
		rest, close error
		want        [2]string // in the error of each member
	}{
		"all well":          {},
		"a device stays":    {close: errors.New("still there"), want: [2]string{"tear down: still there", ""}},
		"the programs stay": {rest: errors.New("busy"), want: [2]string{"detach observers: busy", "detach observers: busy"}},
		"both":              {rest: errors.New("busy"), close: errors.New("still there"), want: [2]string{"still there", "detach observers: busy"}},
	} {
		t.Run(name, func(t *testing.T) {
			r, _ := fakeRounds([]int{12, 12}, []bool{false, false}, never)
			r.rest = func() error { return test.rest }
			r.members[0].side.(*fakeSide).stays = test.close
			for i, got := range r.run(context.Background()) {
				switch {
				case test.want[i] == "" && (got.Err != nil || len(got.Trial.Windows) != 12 || got.Trial.Started == ""):
					t.Errorf("member %d: %v, %+v", i, got.Err, got.Trial)
				case test.want[i] != "" && (got.Err == nil || !strings.Contains(got.Err.Error(), test.want[i])):
					t.Errorf("member %d: %v, want %q", i, got.Err, test.want[i])
				}
			}
		})
	}
}

// TestBlock measures real devices by turns: both arms of several paths, every packet of
// which is accounted for.
func TestBlock(t *testing.T) {
	if unix.Geteuid() != 0 {
		t.Skip("needs root, to make devices")
	}
	base := spec.Default()
	base.Warmup, base.Measure, base.Window = 30*time.Millisecond, 240*time.Millisecond, 20*time.Millisecond
	write, relay, tcp := base, base, base
	write.Dir = spec.U2K
	relay.Path = spec.PathRelay
	tcp.Path, tcp.Gen, tcp.Flows, tcp.Size = spec.PathRelay, spec.GenTCP, 4, 1500
	var b Block
	for _, s := range []spec.Spec{base, write, relay, tcp} {
		for _, hook := range []bpf.Hook{bpf.None, bpf.Tracepoint} {
			b.Variants = append(b.Variants, trial.Variant{Spec: s, Hook: string(hook)})
		}
	}
	rounds := 0
	b.Tell = func(round, of int) { rounds = max(rounds, round) }
	for i, got := range b.Run(t.Context()) {
		what := fmt.Sprintf("%s %s %s", b.Variants[i].Spec.Path, b.Variants[i].Spec.Gen, b.Variants[i].Hook)
		if got.Err != nil {
			t.Errorf("%s: %v", what, got.Err)
			continue
		}
		a := got.Trial.Accounting
		if a.Unexplained != 0 || a.Delivered == 0 || slices.Contains(got.Trial.Flags, record.FlagUnexplained) {
			t.Errorf("%s: %+v, %v", what, a, got.Trial.Notes)
		}
		if len(got.Trial.Windows) < trial.LeastWindows || got.Trial.Windows[0].Round == 0 || got.Trial.RampNs <= 0 {
			t.Errorf("%s: windows %v, ramp %d", what, got.Trial.Windows, got.Trial.RampNs)
		}
		if i%2 == 1 && (a.Xmit == nil && b.Variants[i].Spec.Dir == spec.K2U || got.Trial.Observer == nil) {
			t.Errorf("%s: the observer saw nothing: %+v", what, a)
		}
	}
	if rounds != 12 {
		t.Errorf("%d rounds, want 12", rounds)
	}
}

// What a window allocates stays until the block ends, since no garbage is collected: it must
// be little.
func TestBlockGrowsLittle(t *testing.T) {
	if unix.Geteuid() != 0 {
		t.Skip("needs root, to make devices")
	}
	const most = 16 << 10 // bytes a window
	s := spec.Default()
	s.Warmup, s.Measure, s.Window = 30*time.Millisecond, 400*time.Millisecond, 10*time.Millisecond
	for name, change := range map[string]func(*spec.Spec){
		"k2u":   func(*spec.Spec) {},
		"u2k":   func(s *spec.Spec) { s.Dir = spec.U2K },
		"relay": func(s *spec.Spec) { s.Path = spec.PathRelay },
		"veth":  func(s *spec.Spec) { s.Path = spec.PathVeth },
		"TCP":   func(s *spec.Spec) { s.Path, s.Gen, s.Flows, s.Size = spec.PathRelay, spec.GenTCP, 4, 1500 },
	} {
		t.Run(name, func(t *testing.T) {
			s := s
			change(&s)
			b := Block{Alone: true}
			for _, hook := range []bpf.Hook{bpf.None, bpf.Tracepoint} {
				b.Variants = append(b.Variants, trial.Variant{Spec: s, Hook: string(hook)})
			}
			var first, last uint64
			rounds := 0
			b.Tell = func(round, of int) {
				last = allocated()
				if rounds++; round == 1 {
					first = last
				}
			}
			for _, got := range b.Run(t.Context()) {
				if got.Err != nil {
					t.Fatal(got.Err)
				}
			}
			if rounds < trial.LeastWindows {
				t.Fatalf("%d rounds", rounds)
			}
			each := (last - first) / uint64(len(b.Variants)*(rounds-1))
			t.Logf("%d bytes a window, in %d rounds", each, rounds)
			if each > most {
				t.Errorf("%d bytes a window, want at most %d", each, most)
			}
		})
	}
}

// allocated is how many bytes of the heap have been allocated so far. Unlike
// runtime.ReadMemStats it does not stop the workers, which cannot be stopped.
func allocated() uint64 {
	list := []metrics.Sample{{Name: "/gc/heap/allocs:bytes"}}
	metrics.Read(list)
	return list[0].Value.Uint64()
}
