package trial

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"tunbench/bpf"
	"tunbench/harness/spec"
	"tunbench/reports/record"
)

// TestOpenLoop holds, for each way of making traffic, that what is due is sent
// and accounted for, whatever this host's load is: lateness is not judged.
func TestOpenLoop(t *testing.T) {
	needRoot(t)
	for name, set := range map[string]func(*spec.Spec){
		"read":    func(s *spec.Spec) {},
		"poll":    func(s *spec.Spec) { s.IO = spec.IOPoll },
		"poisson": func(s *spec.Spec) { s.Poisson = true },
		"flows":   func(s *spec.Spec) { s.Queues, s.Flows, s.IO = 2, 8, spec.IOPoll },
		"imix":    func(s *spec.Spec) { s.Size = spec.SizeIMIX },
		"gso":     func(s *spec.Spec) { s.Gen, s.Size, s.VnetHdr, s.Offload = spec.GenUDPGSO, 1500, 10, spec.OffloadUSO },
		"packet":  func(s *spec.Spec) { s.Gen, s.Mode = spec.GenPacket, spec.TAP },
	} {
		t.Run(name, func(t *testing.T) {
			s := short()
			// All that is sent fits into the ring: nothing can be lost. Nor is
			// more sent than the windows have room for.
			s.Rate, s.Count, s.TxQLen = 50_000, 2000, 4000
			s.Warmup, s.Measure, s.Window = 0, 10*time.Second, 10*time.Second
			set(&s)
			trial := run(t, s, bpf.Tracepoint)
			for range 4 { // on a busy host all may be due before the measured time begins
				if trial.Schedule == nil || trial.Schedule.Sends > 0 {
					break
				}
				trial = run(t, s, bpf.Tracepoint)
			}
			balanced(t, trial)
			a, sched := trial.Accounting, trial.Schedule
			if a.Delivered != a.Accepted || a.Accepted < s.Count || a.PushedBack > 0 {
				t.Errorf("%+v, want %d packets and none lost", a, s.Count)
			}
			if sched == nil || sched.RatePPS != s.Rate || sched.Spacing != map[bool]string{false: "fixed", true: "poisson"}[s.Poisson] {
				t.Fatalf("schedule %+v", sched)
			}
			e2e, service := trial.Latency[record.E2E], trial.Latency[record.Service]
			// On a busy host some are due before the measured time begins.
			if e2e.Count+e2e.Overflow != sched.Sends || service.Count+service.Overflow != sched.Sends || sched.Sends == 0 || sched.Sends > a.Accepted {
				t.Errorf("%d packets were due in the measured time, latencies of %d and %d, %d accepted: want the same, and no more", sched.Sends, e2e.Count, service.Count, a.Accepted)
			}
			if e2e.MaxNs < service.MinNs || e2e.MinNs < service.MinNs {
				t.Errorf("e2e from %d to %d ns, service from %d: a packet was sent before it was due", e2e.MinNs, e2e.MaxNs, service.MinNs)
			}
			if slices.Contains(trial.Flags, record.FlagGeneratorLimited) {
				t.Errorf("flags %v: an open loop is limited by its generator as it should be", trial.Flags)
			}
			if late := slices.Contains(trial.Flags, record.FlagLate); late != (100*sched.Late > sched.Sends) || late && !trial.Invalid() {
				t.Errorf("%d of %d late, flags %v", sched.Late, sched.Sends, trial.Flags)
			}
		})
	}
}

// TestTooHighARate offers what no device takes: the schedule is not kept, and
// the trial says so.
func TestTooHighARate(t *testing.T) {
	needRoot(t)
	s := short()
	s.Rate = spec.MaxRate
	trial := run(t, s, bpf.None)
	balanced(t, trial)
	sched := trial.Schedule
	if !slices.Contains(trial.Flags, record.FlagLate) || !trial.Invalid() || 10*sched.Late < 9*sched.Sends {
		t.Errorf("flags %v, schedule %+v", trial.Flags, sched)
	}
	// A tenth of a second of it, sent or not.
	if n := float64(sched.Sends); n < 0.99*spec.MaxRate/10 {
		t.Errorf("%.0f packets were due, want %d", n, spec.MaxRate/10)
	}
}

// TestPauseIsSeenByAnOpenLoopOnly: a reader that sleeps delays all the packets
// that are due meanwhile, and so the latency of an open loop. A closed loop
// waits with it and sends fewer: one batch of the whole second is slow.
func TestPauseIsSeenByAnOpenLoopOnly(t *testing.T) {
	needRoot(t)
	// So long that no other load of this host is taken for it.
	const pause = 200 * time.Millisecond
	measure := func(name string, set func(*spec.Spec)) record.Latency {
		s := spec.Default()
		s.Warmup, s.Pause = 20*time.Millisecond, pause
		set(&s)
		trial := run(t, s, bpf.None)
		balanced(t, trial)
		l := trial.Latency[record.E2E]
		if l.P99Ns == nil {
			t.Fatalf("%s: no p99 of %d samples", name, l.Count)
		}
		if l.MaxNs < uint64(pause)/10*9 { // the first packet is due a little after the pause began
			t.Errorf("%s: the slowest packet took %d ns: the reader did not sleep for %v", name, l.MaxNs, pause)
		}
		return l
	}
	for _, io := range []spec.IO{spec.IORead, spec.IOPoll, spec.IOSpin} {
		// 2,000 of 10,000 packets are due while it sleeps, half of them for
		// more than half of that.
		l := measure(string(io), func(s *spec.Spec) { s.IO, s.Rate, s.TxQLen = io, 10_000, 20_000 })
		if *l.P99Ns < uint64(pause)/2 {
			t.Errorf("open loop, io=%s: p99 is %d ns, and the reader slept for %v", io, *l.P99Ns, pause)
		}
	}
	l := measure("lockstep", func(s *spec.Spec) { s.Gen = spec.GenLockstep })
	if *l.P99Ns > uint64(pause)/2 {
		t.Errorf("lockstep: p99 is %d ns: more than one batch of a hundred met the pause", *l.P99Ns)
	}
}

// TestPauseOfOneQueue: only the packets of the queue whose reader sleeps wait for it, and
// stand in its ring meanwhile. Other load of the host may keep any reader waiting as long: so it
// is tried again.
func TestPauseOfOneQueue(t *testing.T) {
	needRoot(t)
	var wrong []string
	for range 4 {
		if wrong = pauseOfOneQueue(t); len(wrong) == 0 {
			return
		}
	}
	t.Error(strings.Join(wrong, "\n"))
}

func pauseOfOneQueue(t *testing.T) (wrong []string) {
	t.Helper()
	const paused, pause = 2, 100 * time.Millisecond
	s := spec.Default()
	s.Queues, s.Flows, s.Rate, s.TxQLen, s.Warmup = 4, 64, 20_000, 2000, 20*time.Millisecond
	s.Pause, s.PausedQueue = pause, paused
	trial := run(t, s, bpf.Tracepoint)
	balanced(t, trial)
	if len(trial.Queues) != s.Queues {
		t.Fatalf("%d queues", len(trial.Queues))
	}
	var all uint64
	for _, q := range trial.Queues {
		l, d := q.Residency, q.Depth
		if l == nil || d == nil || l.P99Ns == nil || d.P99 == nil {
			return []string{fmt.Sprintf("queue %d has no p99 of the residency, or none of the depth: %+v", q.Queue, q)}
		}
		all += l.Count
		if d.Max > uint64(s.TxQLen) {
			t.Errorf("queue %d: %d packets in a ring for %d", q.Queue, d.Max, s.TxQLen)
		}
		// Of the 20,000 x 0.1 packets that are due meanwhile, a quarter is for this queue.
		slept := *l.P99Ns > uint64(pause)/2 && *l.P99Ns < uint64(pause)*11/10 && d.Max > 200
		if idle := *l.P99Ns < uint64(pause)/10; slept != (q.Queue == paused) || idle == slept {
			wrong = append(wrong, fmt.Sprintf("queue %d: p99 %d ns, at most %d packets in its ring; queue %d sleeps for %v", q.Queue, *l.P99Ns, d.Max, paused, pause))
		}
	}
	if sum := trial.Latency[record.Residency]; sum.Count != all || sum.MaxNs < uint64(pause)/10*9 {
		t.Errorf("%d samples up to %d ns in all, %d in the queues", sum.Count, sum.MaxNs, all)
	}
	return wrong
}

func TestAShareIsNotARate(t *testing.T) {
	s := short()
	s.Share = 0.5
	if _, err := lab.Run(context.Background(), s, "none", record.Floor{}); err == nil || !strings.Contains(err.Error(), "rate is not set") {
		t.Errorf("got %v", err)
	}
	closed := short()
	if _, err := lab.RunPair(context.Background(), [2]Variant{{closed, "none"}, {s, "none"}}, 1, record.Floor{}); err == nil || !strings.Contains(err.Error(), "rate is not set") {
		t.Errorf("side by side: got %v", err)
	}
}

// TestOpenLoopsSideBySide: the schedule stands still while the other side has
// the CPUs, so that the time in between makes nobody late. Other load of the host may, which
// the trials then say: so it is tried again.
func TestOpenLoopsSideBySide(t *testing.T) {
	needRoot(t)
	s := short()
	s.Rate, s.TxQLen = 5_000, 20_000
	for range 6 {
		trials, err := lab.RunPair(context.Background(), [2]Variant{{s, "none"}, {s, "none"}}, 1, record.Floor{SyscallNs: 1})
		if err != nil {
			t.Fatal(err)
		}
		kept := 0
		for _, trial := range trials {
			balanced(t, trial)
			sched, e2e := trial.Schedule, trial.Latency[record.E2E]
			if sched == nil || sched.Sends == 0 || e2e.Count == 0 || e2e.Count > sched.Sends {
				t.Fatalf("schedule %+v, %d latencies", sched, e2e.Count)
			}
			// What is due in the windows that are kept is at least what they hold of
			// the rate; others are measured and not kept.
			switch want := s.Rate * float64(trial.DurationNs) / 1e9; {
			case float64(sched.Sends) >= 0.9*want:
				kept++
			case !slices.Contains(trial.Flags, record.FlagLate):
				t.Errorf("%d packets were due, want at least %.0f, and nothing was late: %v", sched.Sends, want, trial.Flags)
			}
		}
		if kept == len(trials) {
			return
		}
	}
	t.Error("in six attempts, packets were always late")
}

// TestFewPacketsAWindow: that windows hold one packet or two says nothing
// about the device.
func TestFewPacketsAWindow(t *testing.T) {
	needRoot(t)
	for _, poisson := range []bool{false, true} {
		s := short()
		s.Rate, s.Poisson = 150, poisson // one or two in a window of 10 ms
		trial := run(t, s, bpf.None)
		balanced(t, trial)
		if slices.Contains(trial.Flags, record.FlagUnsteady) {
			t.Errorf("poisson %v: %v", poisson, trial.Notes)
		}
	}
}
