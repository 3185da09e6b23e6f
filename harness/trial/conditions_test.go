package trial

import (
	"errors"
	"os"
	"os/exec"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"tunbench/bpf"
	"tunbench/harness/account"
	"tunbench/harness/condition"
	"tunbench/harness/host"
	"tunbench/harness/spec"
	"tunbench/harness/worker"
	"tunbench/reports/record"
)

// agreeing is the ledger of a path whose counters agree.
type agreeing struct{}

func (agreeing) Account(*record.Trial)         {}
func (agreeing) Mismatch(*record.Trial) string { return "" }

// TestFlagOfTwoChecks holds that a flag is set once, whichever checks ask for it,
// with a note for each, and that notes without a flag are kept.
func TestFlagOfTwoChecks(t *testing.T) {
	place := record.Placement{Sender: []int{0}, Reader: []int{1}}
	b := sole(t, spec.Default(), bpf.None, place)
	b.ledger = agreeing{}
	seen := host.Delta{Stretches: 1, Elapsed: time.Second, FreqFrom: 3_000_000}
	seen.Throttles, seen.FreqTo, seen.Wall = 2, 1_000_000, time.Minute
	m := account.Measurement{Samples: make([]account.Sample, 2), Seen: seen, Warm: warmth{extended: 1}.String()}
	trial := record.Trial{Metrics: map[string]float64{record.PPS: 1}}
	b.flag(&trial, &account.Packets{Measurement: m, Spec: b.spec})
	if !slices.Equal(trial.Flags, []string{record.FlagThrottled}) {
		t.Errorf("flags %v, want one %s", trial.Flags, record.FlagThrottled)
	}
	want := []string{
		"throttled: CPU 0 went from 3000 to 1000 MHz", "throttled: heat slowed the workers' CPUs down 2 times",
		"the wall clock was set by +60.0 s during the measured time, which no figure uses", "warm-up extended once",
	}
	if !slices.Equal(trial.Notes, want) {
		t.Errorf("notes %q, want %q", trial.Notes, want)
	}
	// A steadiness that two more warm-ups did not bring is told with the flag.
	m.Warm = warmth{extended: mostExtensions}.String()
	for i := range account.LeastWindows {
		trial.Windows = append(trial.Windows, record.Window{TNs: int64(i + 1), Pkts: uint64(100 * (i + 1))})
	}
	trial.Flags, trial.Notes = nil, nil
	b.flag(&trial, &account.Packets{Measurement: m, Spec: b.spec})
	if last := trial.Notes[len(trial.Notes)-1]; !slices.Contains(trial.Flags, record.FlagUnsteady) || !strings.HasSuffix(last, "; warm-up extended twice") {
		t.Errorf("flags %v, last note %q", trial.Flags, last)
	}
}

// TestSomebodyElse runs a trial on CPUs that other processes keep busy, two on
// each: they get two thirds of the time, or more where there are still others.
func TestSomebodyElse(t *testing.T) {
	needRoot(t)
	place, err := host.Place(nil, 1, 1)
	if err != nil {
		t.Fatal(err)
	}
	for _, cpu := range slices.Concat(place.Sender, place.Reader) {
		spinOn(t, cpu)
		spinOn(t, cpu)
	}
	s := spec.Default()
	s.Warmup, s.Measure, s.Window, s.IO = 0, 500*time.Millisecond, 50*time.Millisecond, spec.IOPoll
	trial := run(t, s, bpf.None)
	balanced(t, trial)
	if !slices.Contains(trial.Flags, record.FlagForeignLoad) {
		t.Errorf("flags %v, notes %q, want %s", trial.Flags, trial.Notes, record.FlagForeignLoad)
	}
	// A thread in lockstep ends before its time can be read, and waits for
	// nobody but itself.
	s.Gen, s.IO = spec.GenLockstep, spec.IORead
	for _, flag := range run(t, s, bpf.None).Flags {
		if flag == record.FlagForeignLoad || flag == record.FlagPressure {
			t.Errorf("a trial in lockstep is flagged %s", flag)
		}
	}
}

// spinOn keeps a CPU busy by a process of its own, until the test ends. The
// process inherits the affinity of the thread that starts it.
func spinOn(t *testing.T, cpu int) {
	t.Helper()
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	var before, set unix.CPUSet
	set.Set(cpu)
	if err := errors.Join(unix.SchedGetaffinity(0, &before), unix.SchedSetaffinity(0, &set)); err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command("/proc/self/exe")
	cmd.Env = append(os.Environ(), spinEnv+"=1")
	err := cmd.Start()
	if err := errors.Join(err, unix.SchedSetaffinity(0, &before)); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		cmd.Process.Kill()
		cmd.Wait()
	})
}

// spin ends by itself should the test that started it be gone.
func spin() {
	go func() {
		for {
		}
	}()
	time.Sleep(30 * time.Second)
	os.Exit(0)
}

// TestATrialKnowsItsHost holds that a trial judges what every kernel shows.
func TestATrialKnowsItsHost(t *testing.T) {
	needRoot(t)
	place, err := host.Place(nil, 1, 1)
	if err != nil {
		t.Fatal(err)
	}
	s := short()
	b := sole(t, s, bpf.None, place)
	restore := worker.Quiet(2, 0)
	m, err := runPhases(t.Context(), b.session())
	restore()
	if err != nil {
		t.Fatal(err)
	}
	c := b.conditions(m)
	for _, g := range c.Checks() {
		t.Logf("%+v", g)
		if must := g.Name == "steal" || g.Name == condition.ForeignLoad || g.Name == "clock"; must && g.Outcome == condition.Unknown {
			t.Errorf("%s: %s", g.Name, g.Detail)
		}
	}
	if c.Seen.Elapsed < s.Measure || c.Measured < s.Measure || c.Own <= 0 {
		t.Errorf("%v of CPU time in %v of %v, want at least %v of time", c.Own, c.Measured, c.Seen.Elapsed, s.Measure)
	}
}
