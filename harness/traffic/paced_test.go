package traffic

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"testing"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"

	"tunbench/harness/packet"
	"tunbench/harness/socket"
)

// world is a clock that only moves when it is looked at, slept by or a call is
// made, and a kernel that takes note of what it is given.
type world struct {
	clock   int64
	tick    int64                                // of one look at the clock
	cost    func() int64                         // of a call
	refuse  func(messages int) (int, unix.Errno) // how many a call takes
	offset  int                                  // of the stamp in a message
	stride  int
	control Control
	stopAt  int64

	got   []packet.Stamp
	calls []int64 // when each segment's call began
}

func (w *world) now() int64 {
	w.clock += w.tick
	if w.clock >= w.stopAt {
		w.control.Measured.End(w.stopAt)
		w.control.Stop.Store(true)
	}
	return w.clock
}

func (w *world) sleep(d time.Duration) { w.clock += int64(d) }

func (w *world) call(_ int, messages []socket.Message) (int, unix.Errno) {
	n, errno := w.refuse(len(messages))
	begun := w.clock
	for _, m := range messages[:n] {
		payload := unsafe.Slice(m.Header.Iov.Base, m.Header.Iov.Len)[w.offset:]
		for len(payload) >= packet.StampLen {
			var s packet.Stamp
			if !s.Parse(payload) {
				panic("a message without a stamp")
			}
			w.got = append(w.got, s)
			w.calls = append(w.calls, begun)
			if w.stride == 0 {
				break
			}
			payload = payload[w.stride:]
		}
	}
	w.clock += w.cost()
	return n, errno
}

func takesAll(n int) (int, unix.Errno) { return n, 0 }

// pacedIn gives a sender in w, whose schedule begins at 1 ms.
func pacedIn(w *world, c Config) *Sender {
	s := newSender(c)
	s.fds = make([]int, max(1, len(c.Flows)))
	s.now, s.sleep, s.call = w.now, w.sleep, w.call
	s.control = &w.control
	w.offset, w.stride = s.batch.offset, s.batch.stride
	w.control.Start = int64(time.Millisecond)
	return s
}

func TestFixedSchedule(t *testing.T) {
	// Three senders keep 300,000 packets/s together: one every 10/3 us, each
	// sender every 10 us.
	var all []int64
	for turn := range 3 {
		s := newSchedule(Pace{Rate: 300_000, Senders: 3, Turn: turn}, 1)
		s.start = 1000
		for range 1000 {
			all = append(all, s.due())
			s.advance()
		}
	}
	slices.Sort(all)
	for i, due := range all {
		if want := 1000 + int64(float64(i)*10_000/3); due != want {
			t.Fatalf("packet %d is due at %d, want %d", i, due, want)
		}
	}

	// A GSO packet of 44 segments is due as one: 44 times as seldom.
	s := newSchedule(Pace{Rate: 1e6, Senders: 1}, 44)
	s.advance()
	if s.due() != 44_000 {
		t.Errorf("the second GSO packet is due at %d, want 44,000", s.due())
	}

	// After a day at a rate whose period is no whole number of ns, packet i is
	// still due at i/R.
	s = newSchedule(Pace{Rate: 7e5, Senders: 1}, 1)
	s.count = 7e5*86400 - 1
	s.advance()
	if s.due() != 86400e9 {
		t.Errorf("due at %d after a day, want %d", s.due(), int64(86400e9))
	}
}

func TestPoissonSchedule(t *testing.T) {
	gaps := func(seed uint64, turn int) []float64 {
		s := newSchedule(Pace{Rate: 1e5, Senders: 2, Turn: turn, Poisson: true, Seed: seed}, 1)
		var x []float64
		before := 0.0
		for range 200_000 {
			x = append(x, s.at-before)
			before = s.at
			s.advance()
		}
		return x
	}
	x := gaps(1, 0)
	if !slices.Equal(x, gaps(1, 0)) {
		t.Error("the same seed gives other gaps")
	}
	if slices.Equal(x, gaps(2, 0)) || slices.Equal(x, gaps(1, 1)) {
		t.Error("another seed, or another sender, gives the same gaps")
	}
	// Exponential gaps have a standard deviation equal to their mean, and a
	// share of 1/e of them is longer. The bounds are five standard errors.
	var sum, squares float64
	longer := 0
	const mean = 20_000
	for _, v := range x {
		sum += v
		squares += (v - mean) * (v - mean)
		if v > mean {
			longer++
		}
	}
	n := float64(len(x))
	if got := sum / n; math.Abs(got-mean) > 5*mean/math.Sqrt(n) {
		t.Errorf("mean gap %.1f ns, want %d", got, mean)
	}
	if got := math.Sqrt(squares / n); math.Abs(got-mean) > 5*math.Sqrt2*mean/math.Sqrt(n) {
		t.Errorf("standard deviation %.1f ns, want %d", got, mean)
	}
	if got := float64(longer) / n; math.Abs(got-1/math.E) > 5*0.5/math.Sqrt(n) {
		t.Errorf("%.4f of the gaps are longer than their mean, want 1/e", got)
	}
}

// TestPacedSendsWhatIsDue holds, whatever the calls cost and whatever the
// kernel refuses, that each packet that is due is sent exactly once, in order,
// never before it is due, with its own due time in it.
func TestPacedSendsWhatIsDue(t *testing.T) {
	rng := rand.New(rand.NewPCG(7, 7))
	for name, c := range map[string]Config{
		"udp":         {Size: 64},
		"udp flows":   {Size: 64, Flows: []int{4, 7, 9}},
		"imix":        {Size: 0},
		"udp-gso":     {Kind: UDPGSO, Size: 1500},
		"packet":      {Kind: Packet, Size: 64},
		"packet ipv6": {Kind: Packet, Size: 100, Src: src6, Dst: dst6},
	} {
		for _, poisson := range []bool{false, true} {
			for range 5 {
				if c.Flows == nil {
					c.Flows = []int{3}
				}
				if !c.Src.IsValid() {
					c.Src, c.Dst = src4, dst4
				}
				c.Pace = Pace{Rate: math.Exp(10 + 4*rng.Float64()), Senders: 2, Turn: 1, Poisson: poisson, Seed: rng.Uint64()}
				w := &world{tick: 1 + rng.Int64N(40), stopAt: 30e6}
				w.cost = func() int64 {
					if rng.IntN(200) == 0 {
						return rng.Int64N(5e6) // a stall
					}
					return rng.Int64N(2000)
				}
				w.refuse = func(n int) (int, unix.Errno) {
					switch rng.IntN(10) {
					case 0:
						return 0, unix.EINTR
					case 1:
						if c.Kind != Packet { // which counts what is refused as sent
							return 0, unix.EAGAIN
						}
					case 3:
						if c.Kind != Packet { // of an earlier packet
							return 0, unix.ECONNREFUSED
						}
					case 2:
						if c.Kind != Packet {
							return rng.IntN(n), 0
						}
					}
					return n, 0
				}
				label := fmt.Sprintf("%s at %.0f pps, poisson %v", name, c.Pace.Rate, poisson)
				s := pacedIn(w, c)
				w.control.Measured.Begin(0)
				if err := (pacer{s}).loop(); err != nil {
					t.Fatalf("%s: %v", label, err)
				}
				checkPaced(t, label, w, s)
			}
		}
	}
}

func checkPaced(t *testing.T, label string, w *world, s *Sender) {
	t.Helper()
	want := newSchedule(s.Pace, s.batch.segments)
	want.start = w.control.Start
	seqs := map[uint32]uint64{}
	for i, got := range w.got {
		if uint64(i)%s.batch.segments == 0 {
			if i > 0 {
				want.advance()
			}
			if w.calls[i] < got.Sent || got.Sent < got.Intended {
				t.Fatalf("%s: packet %d was due at %d, stamped as sent at %d, and sent at %d", label, i, got.Intended, got.Sent, w.calls[i])
			}
		}
		if got.Intended != want.due() {
			t.Fatalf("%s: packet %d carries the due time %d, want %d", label, i, got.Intended, want.due())
		}
		if got.Seq != seqs[got.Flow] {
			t.Fatalf("%s: packet %d is number %d of flow %d, want %d", label, i, got.Seq, got.Flow, seqs[got.Flow])
		}
		seqs[got.Flow]++
	}
	if len(w.got) == 0 || uint64(len(w.got)) != s.Progress().Accepted {
		t.Errorf("%s: %d packets were sent, %d counted as accepted", label, len(w.got), s.Progress().Accepted)
	}
	// Everything that was due before the end counts, sent or not.
	due := newSchedule(s.Pace, s.batch.segments)
	due.start = w.control.Start
	n := uint64(0)
	for ; due.due() < w.stopAt; due.advance() {
		n++
	}
	if kept := s.Kept(); kept.Lag.Count != n || kept.Late > n {
		t.Errorf("%s: %d messages are accounted for, %d of them late, want %d", label, kept.Lag.Count, kept.Late, n)
	}
	if sent := uint64(len(w.got)) / s.batch.segments; sent > n+1 {
		t.Errorf("%s: %d messages were sent, only %d due", label, sent, n)
	}
}

// TestPacedCatchesUp: what was due during a stall is sent after it, in batches,
// and its lateness is that of the stall.
func TestPacedCatchesUp(t *testing.T) {
	const stall = 5_000_000
	w := &world{tick: 20, stopAt: 101e6, refuse: takesAll}
	stalled := false
	w.cost = func() int64 {
		if !stalled && w.clock > 50e6 {
			stalled = true
			return stall
		}
		return 500
	}
	s := pacedIn(w, Config{Size: 64, Src: src4, Dst: dst4, Flows: []int{0}, Pace: Pace{Rate: 1e5, Senders: 1}})
	w.control.Measured.Begin(0)
	if err := (pacer{s}).loop(); err != nil {
		t.Fatal(err)
	}
	if n := len(w.got); n < 9990 || n > 10000 {
		t.Errorf("%d packets in 100 ms at 100 kpps, want all 10,000 or a few less", n)
	}
	kept := s.Kept()
	if kept.Lag.Max < stall-20_000 || kept.Lag.Max > stall {
		t.Errorf("the latest was %d ns late, want about %d", kept.Lag.Max, stall)
	}
	// 500 packets were due during the stall. Those due in its last LateNs are
	// not late, and it takes eight calls to catch up.
	if due := (stall - LateNs) / 10_000; kept.Late < uint64(due)-2 || kept.Late > uint64(due)+5 {
		t.Errorf("%d late packets, want the 500 of the stall but those of its last %d ns", kept.Late, LateNs)
	}
	if calls := s.Progress().Calls; calls > 10000-500+10 {
		t.Errorf("%d calls: what is due together is not sent together", calls)
	}
	if p50, ok := kept.Lag.Quantile(0.5); !ok || p50 > 40 {
		t.Errorf("half of the packets are more than %d ns late, want at most two looks at the clock", p50)
	}
}

// TestPacedSleepsThroughLongGaps: it wakes up before the packet is due, and
// looks at Stop meanwhile.
func TestPacedSleepsThroughLongGaps(t *testing.T) {
	w := &world{tick: 1000, stopAt: 10.5e9, refuse: takesAll, cost: func() int64 { return 500 }}
	slept := int64(0)
	s := pacedIn(w, Config{Size: 64, Src: src4, Dst: dst4, Flows: []int{0}, Pace: Pace{Rate: 1, Senders: 1}})
	s.sleep = func(d time.Duration) {
		if d > sleepMost || d <= 0 {
			t.Errorf("slept %v at once", d)
		}
		slept += int64(d)
		w.clock += int64(d) + int64(wakeEarly)/2 // a timer that fires late
	}
	w.control.Measured.Begin(0)
	if err := (pacer{s}).loop(); err != nil {
		t.Fatal(err)
	}
	if len(w.got) != 11 || s.Kept().Late != 0 {
		t.Errorf("%d packets, %d late, want 11 in 10.5 s and none late", len(w.got), s.Kept().Late)
	}
	if slept < 9e9 {
		t.Errorf("slept %d ns of 10.5 s", slept)
	}
}

func TestPacedStopsAtItsLimit(t *testing.T) {
	w := &world{tick: 20, stopAt: math.MaxInt64, refuse: takesAll, cost: func() int64 { return 500 }}
	s := pacedIn(w, Config{Size: 64, Src: src4, Dst: dst4, Flows: []int{0}, Limit: 1000, Pace: Pace{Rate: 1e5, Senders: 1}})
	if err := (pacer{s}).loop(); err != nil || len(w.got) != 1000 {
		t.Errorf("%d packets, %v, want 1,000", len(w.got), err)
	}
	if s.Kept().Lag.Count != 0 {
		t.Errorf("%d messages count though nothing was measured", s.Kept().Lag.Count)
	}
}

// TestIMIXStaysTheMix: the sizes that leave one at a time are the mix, too.
func TestIMIXStaysTheMix(t *testing.T) {
	w := &world{tick: 20, stopAt: math.MaxInt64, cost: func() int64 { return 500 }}
	count := map[uint64]int{}
	s := pacedIn(w, Config{Size: 0, Src: src4, Dst: dst4, Flows: []int{0}, Limit: 1200, Pace: Pace{Rate: 1e5, Senders: 1}})
	s.call = func(_ int, messages []socket.Message) (int, unix.Errno) {
		for _, m := range messages {
			count[m.Header.Iov.Len+28]++
		}
		w.clock += 500
		return len(messages), 0
	}
	if err := (pacer{s}).loop(); err != nil {
		t.Fatal(err)
	}
	if count[64] != 700 || count[576] != 400 || count[1500] != 100 {
		t.Errorf("the mix is %v", count)
	}
}

func TestNothingIsAllocatedForASend(t *testing.T) {
	for name, pace := range map[string]Pace{
		"closed": {}, "fixed": {Rate: 1e5, Senders: 1}, "poisson": {Rate: 1e5, Senders: 1, Poisson: true},
	} {
		w := &world{tick: 20, stopAt: math.MaxInt64}
		s := pacedIn(w, Config{Size: 64, Src: src4, Dst: dst4, Flows: []int{0, 1}, Pace: pace})
		s.call = func(_ int, messages []socket.Message) (int, unix.Errno) { w.clock += 500; return len(messages), 0 }
		w.control.Measured.Begin(0)
		loop := s.loop
		if pace.Rate > 0 {
			loop = pacer{s}.loop
		}
		if n := testing.AllocsPerRun(10, func() {
			s.Limit = s.counts.Accepted + 1000
			if err := loop(); err != nil {
				t.Fatal(err)
			}
		}); n > 0 {
			t.Errorf("%s: %v allocations for a thousand packets, want 0", name, n)
		}
	}
}
