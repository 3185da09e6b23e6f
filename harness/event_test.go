package harness

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"tunbench/bpf"
	"tunbench/reports/record"
)

// withEvent is a Spec of a trial that is long enough for its event to cost
// something.
func withEvent(e Event, set func(*Spec)) Spec {
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
	for name, s := range map[string]Spec{
		"detach":           withEvent(EventDetach, func(s *Spec) {}),
		"detach full ring": withEvent(EventDetach, func(s *Spec) { s.Pause = 100 * time.Millisecond }),
		"detach 4 queues":  withEvent(EventDetach, func(s *Spec) { s.Queues, s.IO = 4, IOPoll }),
		"detach tap":       withEvent(EventDetach, func(s *Spec) { s.Mode, s.Qdisc = TAP, "pfifo_fast" }),
		"detach gso": withEvent(EventDetach, func(s *Spec) {
			s.Gen, s.Size, s.VnetHdr, s.Offload = GenUDPGSO, 1400, 10, OffloadUSO
		}),
		"carrier":          withEvent(EventCarrier, func(s *Spec) {}),
		"carrier 4 queues": withEvent(EventCarrier, func(s *Spec) { s.Queues, s.IO = 4, IOPoll }),
		"carrier tap":      withEvent(EventCarrier, func(s *Spec) { s.Mode, s.Queues, s.Qdisc = TAP, 1, "pfifo_fast" }),
		"carrier packet":   withEvent(EventCarrier, func(s *Spec) { s.Gen = GenPacket }),
		"carrier gso":      withEvent(EventCarrier, func(s *Spec) { s.Gen, s.Size = GenUDPGSO, 1400 }),
		"carrier gso whole": withEvent(EventCarrier, func(s *Spec) {
			s.Gen, s.Size, s.VnetHdr, s.Offload = GenUDPGSO, 1400, 10, OffloadUSO
		}),
	} {
		hooks := []bpf.Hook{bpf.None}
		for _, h := range bpf.Ladder {
			if bpf.Try(h, bpf.Both) == nil {
				hooks = append(hooks, h)
			}
		}
		for _, hook := range hooks {
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
				if s.Pause > 0 && a.Dropped[record.Detached] == 0 {
					t.Errorf("a queue was detached whose reader slept, and its ring was empty: %v", a.Dropped)
				}
				if bare := trial.Observer == nil; !bare && a.Dropped["NOT_SPECIFIED"] > 0 {
					t.Errorf("dropped without a name: %v", a.Dropped)
				}
			})
		}
	}
}

// TestTrafficReturns holds that what an event took away comes back: packets
// leave the last queue, or the device, in the last windows.
func TestTrafficReturns(t *testing.T) {
	needRoot(t)
	for _, e := range []Event{EventDetach, EventCarrier} {
		var trial record.Trial
		for range 5 { // on a host that is busy there may be no traffic at all
			trial = runOrSkip(t, withEvent(e, func(s *Spec) { s.Measure = 400 * time.Millisecond }), bpf.None)
			var pkts uint64
			for _, w := range trial.Windows[len(trial.Windows)-3:] {
				pkts += w.Pkts
			}
			if pkts > 0 && (e == EventDetach || trial.Accounting.Dropped["QDISC_DROP"] > 0) {
				return
			}
		}
		t.Errorf("event=%s: %+v %v", e, trial.Windows, trial.Notes)
	}
}
