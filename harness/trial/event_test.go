package trial

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"tunbench/bpf"
	"tunbench/harness/spec"
	"tunbench/reports/record"
)

// withEvent is a Spec of a trial that is long enough for its event to cost
// something.
func withEvent(e spec.Event, set func(*spec.Spec)) spec.Spec {
	s := short()
	s.Event, s.Queues, s.Flows = e, 2, 64
	s.Measure, s.Window = 240*time.Millisecond, 24*time.Millisecond
	set(&s)
	return s
}

// TestEvents holds that whatever happens to a device, every packet is accounted
// for, that the trial says what happened, and that traffic goes on afterwards.
func TestEvents(t *testing.T) {
	needRoot(t)
	hook := bpf.Hooks[slices.IndexFunc(bpf.Hooks, func(h bpf.Hook) bool { return bpf.Try(h, bpf.Both) == nil })]
	var rings uint64
	for name, s := range map[string]spec.Spec{
		"detach":           withEvent(spec.EventDetach, func(s *spec.Spec) {}),
		"detach full ring": withEvent(spec.EventDetach, func(s *spec.Spec) { s.Pause = 100 * time.Millisecond }),
		"detach 4 queues":  withEvent(spec.EventDetach, func(s *spec.Spec) { s.Queues, s.IO = 4, spec.IOPoll }),
		"detach tap":       withEvent(spec.EventDetach, func(s *spec.Spec) { s.Mode, s.Qdisc = spec.TAP, "pfifo_fast" }),
		"detach gso": withEvent(spec.EventDetach, func(s *spec.Spec) {
			s.Gen, s.Size, s.VnetHdr, s.Offload = spec.GenUDPGSO, 1400, 10, spec.OffloadUSO
		}),
		"carrier":          withEvent(spec.EventCarrier, func(s *spec.Spec) {}),
		"carrier 4 queues": withEvent(spec.EventCarrier, func(s *spec.Spec) { s.Queues, s.IO = 4, spec.IOPoll }),
		"carrier tap":      withEvent(spec.EventCarrier, func(s *spec.Spec) { s.Mode, s.Queues, s.Qdisc = spec.TAP, 1, "pfifo_fast" }),
		"carrier packet":   withEvent(spec.EventCarrier, func(s *spec.Spec) { s.Gen = spec.GenPacket }),
		"carrier both":     withEvent(spec.EventCarrier, func(s *spec.Spec) { s.Dir = spec.Both }),
		"carrier u2k":      withEvent(spec.EventCarrier, func(s *spec.Spec) { s.Dir = spec.U2K }),
		"carrier xdp":      withEvent(spec.EventCarrier, func(s *spec.Spec) { s.Dir, s.XDP = spec.U2K, spec.XDPDropGeneric }),
		"carrier tcp gso":  withEvent(spec.EventCarrier, func(s *spec.Spec) { s.Gen, s.Size, s.VnetHdr = spec.GenPacketGSO, 1400, 10 }),
		"carrier gso":      withEvent(spec.EventCarrier, func(s *spec.Spec) { s.Gen, s.Size = spec.GenUDPGSO, 1400 }),
		"carrier gso whole": withEvent(spec.EventCarrier, func(s *spec.Spec) {
			s.Gen, s.Size, s.VnetHdr, s.Offload = spec.GenUDPGSO, 1400, 10, spec.OffloadUSO
		}),
	} {
		if testing.Short() && !slices.Contains([]string{"detach full ring", "carrier", "carrier both"}, name) {
			continue
		}
		for _, hook := range []bpf.Hook{bpf.None, hook} {
			t.Run(fmt.Sprintf("%s/%s", hook, name), func(t *testing.T) {
				trial := runOrSkip(t, s, hook)
				a := trial.Accounting
				t.Logf("%+v\n%v %v", a, trial.Flags, trial.Notes)
				if a.Unexplained != 0 || slices.Contains(trial.Flags, record.FlagUnexplained) || slices.Contains(trial.Flags, record.FlagUnsteady) {
					t.Errorf("accounts do not balance: %+v\n%v %v", a, trial.Flags, trial.Notes)
				}
				told := func(n string) bool { return strings.HasPrefix(n, "event="+string(s.Event)+": ") }
				if !slices.ContainsFunc(trial.Notes, told) {
					t.Errorf("notes do not tell: %v", trial.Notes)
				}
				rings += a.Dropped[record.Detached]
				if bare := trial.Observer == nil; !bare && a.Dropped["NOT_SPECIFIED"] > 0 {
					t.Errorf("dropped without a name: %v", a.Dropped)
				}
			})
		}
	}
	if rings == 0 {
		t.Error("queues were detached, one with a reader that slept, and their rings were empty")
	}
}

// TestTrafficReturns holds that what an event took away comes back: packets
// leave the last queue, or the device, in the last windows.
func TestTrafficReturns(t *testing.T) {
	needRoot(t)
	for _, e := range []spec.Event{spec.EventDetach, spec.EventCarrier} {
		var trial record.Trial
		for range 5 { // on a host that is busy there may be no traffic at all
			trial = runOrSkip(t, withEvent(e, func(s *spec.Spec) { s.Measure = 400 * time.Millisecond }), bpf.None)
			var pkts uint64
			for _, w := range trial.Windows[len(trial.Windows)-3:] {
				pkts += w.Pkts
			}
			if pkts > 0 && (e == spec.EventDetach || trial.Accounting.Dropped["QDISC_DROP"] > 0) {
				return
			}
		}
		t.Errorf("event=%s: %+v %v", e, trial.Windows, trial.Notes)
	}
}

// TestSteeringSpreads holds that a program that steers by the hash keeps each
// flow on one queue, and spreads many over all as chance does.
func TestSteeringSpreads(t *testing.T) {
	needRoot(t)
	const queues, flows = 4, 64
	for _, steer := range []spec.Steer{spec.SteerAuto, spec.SteerEBPF} {
		t.Run(string(steer), func(t *testing.T) {
			s := short()
			s.Steer, s.Queues, s.Flows = steer, queues, flows
			// A batch is of one flow; the rings hold all, and all are sent.
			s.Count, s.TxQLen, s.Measure = 2*flows*64, 2*flows*64, 5*time.Second
			trial := runOrSkip(t, s, bpf.Tracepoint)
			balanced(t, trial)
			total := 0
			var onQueues []int
			for _, q := range trial.Queues {
				total += q.Flows
				onQueues = append(onQueues, q.Flows)
				// Binomial, of 64 by 1/4: one trial in 100,000 has less or more.
				if q.Flows < 3 || q.Flows > 34 {
					t.Errorf("queue %d has %d of %d flows", q.Queue, q.Flows, flows)
				}
			}
			if total != flows {
				t.Errorf("%d flows came out of %v queues", flows, onQueues)
			}
			t.Logf("flows on the queues: %v", onQueues)
		})
	}
}
