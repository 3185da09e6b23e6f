package trial

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"tunbench/bpf"
	"tunbench/harness/doctor"
	"tunbench/harness/spec"
	"tunbench/reports/record"
)

// TestReturnsOfSleepers has more readers and more writers than a kretprobe has
// instances (10, or twice the number of possible CPUs). What an observer counts at returns is
// what the readers and the writers got, or it is not there and the trial says how many are
// missing. Packets and bytes of the queues are whole in any case.
func TestReturnsOfSleepers(t *testing.T) {
	needRoot(t)
	for _, hook := range bpf.Hooks {
		if err := doctor.Prove(hook); err != nil {
			t.Log(err)
			continue
		}
		for _, dir := range []spec.Dir{spec.K2U, spec.U2K} {
			for _, queues := range []int{4, 12, 16, 64} {
				if !hook.SeesReturns() && queues != 12 {
					continue // it is the same with all
				}
				t.Run(fmt.Sprintf("%s/%s/%d", hook, dir, queues), func(t *testing.T) {
					s := spec.Default()
					s.Dir, s.Queues, s.Flows, s.Rate = dir, queues, 128, 1000
					s.Warmup, s.Measure, s.Window = 0, 200*time.Millisecond, 50*time.Millisecond
					if dir == spec.U2K {
						s.Rate = 0 // writers are preempted in tun_get_user
					}
					trial := run(t, s, hook)
					if trial.Accounting.Unexplained != 0 || slices.Contains(trial.Flags, record.FlagUnexplained) {
						t.Errorf("%+v %v", trial.Accounting, trial.Notes)
					}
					lost := wholeReturns(t, trial, dir)
					t.Logf("%d returns were lost", lost)
					switch {
					case hook == bpf.Fentry && lost > 0 && trial.Observer.MissedRuns == 0:
						t.Errorf("fexit has no pool of instances that could run dry: %+v", trial.Observer)
					case hook == bpf.Kprobe && queues == 4 && lost > 0:
						t.Errorf("4 tasks cannot hold 10 instances: %+v", trial.Observer)
					case hook == bpf.Kprobe && queues == 64 && dir == spec.K2U && lost == 0:
						t.Errorf("64 readers sleep in tun_do_read and no return was lost: %+v", trial.Observer)
					}
				})
			}
		}
	}
}

// wholeReturns holds that the bytes which were returned are those that readers or
// writers got, or are absent for a reason, with a flag if some were lost. It gives
// how many were.
func wholeReturns(t *testing.T, trial record.Trial, dir spec.Dir) (lost uint64) {
	t.Helper()
	o := trial.Observer
	calls, bytes, errors, why, function, want := o.ReadCalls, o.ReadBytes, o.ReadErrors, o.NoReads, bpf.FuncRead, trial.Reads.Bytes
	if dir == spec.U2K {
		calls, bytes, errors, why, function, want = o.WriteCalls, o.WriteBytes, o.WriteErrors, o.NoWrites, bpf.FuncWrite, trial.Writes.Bytes
	}
	lost = o.LostReturns[function]
	sees := bpf.Hook(o.Hook).SeesReturns()
	if flagged := slices.Contains(trial.Flags, record.FlagLostReturns); flagged != (len(o.LostReturns) > 0) {
		t.Errorf("flags %v, lost %v", trial.Flags, o.LostReturns)
	}
	switch {
	case sees && lost == 0:
		if calls == nil || bytes == nil || *bytes != want || why != "" {
			t.Errorf("%s returned %v bytes in %v calls (%q), the others got %d", function, value(bytes), value(calls), why, want)
		}
	case calls != nil || bytes != nil || len(errors) > 0 || why == "":
		t.Errorf("%d returns of %s were lost, and there are figures: %v calls, %v bytes, %v, %q", lost, function, value(calls), value(bytes), errors, why)
	case sees && !strings.Contains(why, fmt.Sprint(lost)):
		t.Errorf("%q does not say that %d are missing", why, lost)
	}
	return lost
}

// TestDetachedObserver has an observer that is detached while readers wait: what
// they are returned meanwhile it does not see, and it does not say that it is lost.
func TestDetachedObserver(t *testing.T) {
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
		o := trials[1].Observer
		if o.ReadCalls != nil || o.ReadErrors != nil || o.NoReads == "" || len(o.LostReturns) > 0 || slices.Contains(trials[1].Flags, record.FlagLostReturns) {
			t.Errorf("%s: %+v %v", hook, o, trials[1].Flags)
		}
		if hook.SeesReturns() != strings.Contains(o.NoReads, "detached") {
			t.Errorf("%s: %q", hook, o.NoReads)
		}
	}
}

// TestLostReturnsAreFlagged holds that a trial whose observer missed returns says so.
func TestLostReturnsAreFlagged(t *testing.T) {
	for _, lost := range []map[string]uint64{nil, {bpf.FuncRead: 5}} {
		trial := record.Trial{Observer: &record.Observer{LostReturns: lost}}
		flags{&trial}.observer()
		if slices.Contains(trial.Flags, record.FlagLostReturns) != (len(lost) > 0) {
			t.Errorf("%v: flags %v", lost, trial.Flags)
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
