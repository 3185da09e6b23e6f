package trial

import (
	"fmt"
	"testing"
	"time"

	"tunbench/bpf"
	"tunbench/harness/doctor"
	"tunbench/harness/spec"
	"tunbench/reports/record"
)

// TestSleepersAreCounted has more readers asleep in tun_do_read than a kretprobe has
// instances (10, or twice the number of possible CPUs). With each hook the same is
// counted as by the generator, the device and the readers, and so the same with all.
func TestSleepersAreCounted(t *testing.T) {
	needRoot(t)
	for _, queues := range []int{16, 64, 256} {
		for _, hook := range bpf.Hooks {
			if err := doctor.Prove(hook); err != nil {
				t.Log(err)
				continue
			}
			t.Run(fmt.Sprintf("%d/%s", queues, hook), func(t *testing.T) {
				s := spec.Default()
				s.Queues, s.Flows, s.Rate, s.Count = queues, 2*queues, 5000, 4000
				s.Warmup, s.Measure, s.Window = 0, 10*time.Second, 50*time.Millisecond
				trial := run(t, s, hook)
				balanced(t, trial)
				a, o := trial.Accounting, trial.Observer
				if a.Accepted < s.Count || *a.Xmit != a.Accepted || *a.Read != a.Accepted || a.DroppedTotal() > 0 || len(trial.Queues) != queues {
					t.Errorf("%d packets: %+v on %d queues", s.Count, a, len(trial.Queues))
				}
				if o.MissedRuns > 0 {
					t.Errorf("%d runs were missed", o.MissedRuns)
				}
				if hook.SeesCalls() != (o.ReadCalls != nil) || o.ReadCalls != nil && *o.ReadCalls != trial.Reads.Calls {
					t.Errorf("%v calls of tun_do_read, the readers made %d", value(o.ReadCalls), trial.Reads.Calls)
				}
			})
		}
	}
}

// TestToggledObserver has an observer that is taken away while the other side of its pair
// is measured, and counts all that happens on its own.
func TestToggledObserver(t *testing.T) {
	needRoot(t)
	for _, hook := range bpf.Hooks {
		if doctor.Prove(hook) != nil {
			continue
		}
		s := short()
		trials, err := lab.RunPair(t.Context(), [2]Variant{{s, string(bpf.None)}, {s, string(hook)}}, 1, record.Floor{SyscallNs: 100, CopyNs: map[string]float64{"64": 10}})
		if err != nil {
			t.Fatal(err)
		}
		balanced(t, trials[1])
		if o := trials[1].Observer; (o.ReadCalls == nil) != (o.NoReads != "") || hook.SeesCalls() != (o.ReadCalls != nil) {
			t.Errorf("%s: %+v", hook, o)
		}
	}
}

// value is a count, or nil where there is none.
func value(n *uint64) any {
	if n == nil {
		return nil
	}
	return *n
}
