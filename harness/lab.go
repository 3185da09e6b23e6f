// Package harness is the deed: it builds a TUN/TAP device, drives traffic
// through it, drains it, accounts for every packet, and tears it down: one
// trial.
package harness

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"os"
	"runtime"
	"runtime/debug"
	"strings"
	"sync"
	"time"

	"tunbench/bpf"
	"tunbench/harness/host"
	"tunbench/harness/netns"
	"tunbench/harness/refusal"
	"tunbench/harness/spec"
	"tunbench/harness/worker"
	"tunbench/reports/record"
)

// Lab is a host's ability to measure. Its methods must not be called at the
// same time: trials would disturb each other.
type Lab struct {
	host  record.Host
	fresh sync.Once // completes host.Sysctl
}

// New looks at the host.
func New() *Lab { return &Lab{host: host.Read()} }

// Host is the machine as far as it is part of a number, with the settings that a
// trial's namespace has. Without the right to make one these are left out.
func (l *Lab) Host() record.Host {
	l.fresh.Do(func() {
		sysctl, _ := freshNamespace()
		maps.Copy(l.host.Sysctl, sysctl)
	})
	return l.host
}

// freshNamespace gives the settings of a new network namespace.
func freshNamespace() (sysctl map[string]string, err error) {
	ns, err := netns.New()
	if err != nil {
		return nil, err
	}
	err = ns.Do(func() error {
		sysctl = host.Namespace()
		return nil
	})
	return sysctl, errors.Join(err, ns.Close())
}

// ForGuest describes this machine to a guest that it boots, as a variable of
// the guest's environment.
func ForGuest() string { return host.ForGuest() }

// Floor measures what bare system calls cost on the first of the given CPUs,
// or of those that this process may use.
func (l *Lab) Floor(cpus []int) (record.Floor, error) {
	cpus, err := usable(cpus)
	if err != nil {
		return record.Floor{}, err
	}
	return host.Floor(cpus[0])
}

// usable gives the CPUs to use: those asked for, if this process may use them.
func usable(asked []int) ([]int, error) {
	allowed, err := host.Affinity()
	if err != nil || len(asked) == 0 {
		return allowed, err
	}
	may := map[int]bool{}
	for _, cpu := range allowed {
		may[cpu] = true
	}
	for _, cpu := range asked {
		if !may[cpu] {
			return nil, fmt.Errorf("CPU %d is offline or not among those that this process may use: %v", cpu, allowed)
		}
	}
	return asked, nil
}

// HookAuto asks for the first rung that holds.
const HookAuto = "auto"

// SelectHook finds the hook to use: "auto" goes down the ladder and says why
// it passed over a rung; a hook that is named is used or an error. A hook is
// proven by a packet that it counts, not by that it attaches.
func (l *Lab) SelectHook(requested string) (record.Hook, error) {
	loadModule()
	h := record.Hook{Requested: requested, Used: string(bpf.None), PassedOver: []record.PassedOver{}, Programs: []record.Program{}}
	switch requested {
	case string(bpf.None):
		return h, nil
	case HookAuto:
		for _, rung := range bpf.Ladder {
			err := holds(rung)
			if err == nil {
				h.Used, h.Programs = string(rung), hookPrograms(rung)
				return h, nil
			}
			h.PassedOver = append(h.PassedOver, record.PassedOver{Hook: string(rung), Reason: hookReason(err)})
		}
		return h, nil
	}
	for _, rung := range bpf.Ladder {
		if requested != string(rung) {
			continue
		}
		if err := holds(rung); err != nil {
			return h, err
		}
		h.Used, h.Programs = requested, hookPrograms(rung)
		return h, nil
	}
	return h, fmt.Errorf("unknown hook %q: choose auto, kprobe, fentry, tracepoint or none", requested)
}

// holds reports whether a rung can be used. Where no device can be made, there is
// nothing that it could miss, and each scenario says what the host lacks.
func holds(rung bpf.Hook) error {
	err := prove(rung)
	var unproven *unprovenError
	if errors.As(err, &unproven) {
		return nil
	}
	return err
}

// loadModule lets the kernel load tun, if that is a module: the functions to
// attach to are in it. If it cannot be had, building the device will say so.
func loadModule() {
	if f, err := os.OpenFile("/dev/net/tun", os.O_RDWR, 0); err == nil {
		f.Close()
	}
}

func hookPrograms(h bpf.Hook) (list []record.Program) {
	for _, p := range bpf.Programs(h, bpf.Both) {
		list = append(list, record.Program(p))
	}
	return list
}

func hookReason(err error) string {
	var e *bpf.HookError
	if errors.As(err, &e) {
		return e.Reason
	}
	return err.Error()
}

// prepare checks a Spec against this host and finds a place for its workers.
func (l *Lab) prepare(s spec.Spec, hook bpf.Hook) (setup, error) {
	if err := s.Validate(); err != nil {
		return nil, err
	}
	if s.Bypass && hook != bpf.None && !hook.SeesBypass() {
		return nil, &refusal.Unobservable{Err: &refusal.Unsupported{Detail: fmt.Sprintf("the %s hook does not see packets that bypass the qdisc (PACKET_QDISC_BYPASS); use --hook kprobe or fentry where the kernel has them, or --arm bare", hook)}}
	}
	cpus, err := usable(s.CPUs)
	if err != nil {
		return nil, err
	}
	p, err := place(s, cpus)
	if err != nil {
		return nil, err
	}
	if n, workers := crowd(p); s.IO == spec.IOSpin && workers > n {
		return nil, &refusal.Missing{Detail: fmt.Sprintf("io=spin: %d workers need a CPU each, and %d are in use; more would measure the scheduler: choose io=poll or io=read, or fewer queues", workers, n)}
	}
	if s.Gen.Conversation() {
		return prepareTalk(s, hook, p)
	}
	measure := s.Measure
	if s.Gen == spec.GenLockstep {
		p = record.Placement{Sender: p.Sender[:1], Reader: []int{}}
		s.Warmup, s.Measure, s.Window = 0, lockstepLimit, lockstepLimit
	}
	g, err := groundFor(s, hook, p)
	if err != nil {
		return nil, err
	}
	b := newBed(s, g, p)
	if s.Gen == spec.GenLockstep && s.Pause > 0 && !s.Settle {
		b.lockstepLasts = measure
	}
	return b, nil
}

// place finds a CPU for each worker of s.
func place(s spec.Spec, cpus []int) (record.Placement, error) {
	senders, readers := endWorkers(s, max(1, len(cpus)/2))
	p, err := host.Place(cpus, senders, readers)
	if err == nil {
		p.Carrier = placeCarriers(forwarderCount(s), cpus, p)
	}
	return p, err
}

// endWorkers is how many workers send and read, if half of the CPUs are for
// senders.
func endWorkers(s spec.Spec, half int) (senders, readers int) {
	senders, readers = min(s.Queues, s.Flows, half), s.Queues
	switch {
	case s.Gen == spec.GenLockstep:
		return 1, readers
	case s.Path == spec.PathSink && s.Dir != spec.K2U:
		return writingWorkers(s, senders)
	case s.Path == spec.PathBridge: // each queue is written by a thread of its own
		return min(s.Queues, s.Flows), readers
	case s.Path.Yardstick() || s.Gen.Conversation(): // which have no queues to go by
		senders = min(s.Flows, half)
	}
	if s.Path.Hosts() {
		if s.Dir == spec.Both && s.Gen != spec.GenIPerf3 { // each of whose two processes does both
			senders *= 2
		}
		readers = senders
	}
	return senders, readers
}

// Probe builds the device that s asks for and tears it down again, without
// traffic and without the observer: SelectHook has proven the hook, and a trial
// for which it does not hold all the same gives an ObserverError.
func (l *Lab) Probe(ctx context.Context, s spec.Spec, hook string) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	if _, err := l.prepare(s, bpf.Hook(hook)); err != nil {
		return err
	}
	rig, err := l.prepare(s, bpf.None)
	if err != nil {
		return err
	}
	return errors.Join(rig.build(), rig.close())
}

// Run makes one trial of s, with the observer on hook, or bare if that is
// "none". Everything of the record is filled in but Scenario, Axes, Arm, Pair
// and Trial. The floor is that of this host in this run.
func (l *Lab) Run(ctx context.Context, s spec.Spec, hook string, floor record.Floor) (record.Trial, error) {
	rig, err := l.prepare(s, bpf.Hook(hook))
	if err != nil {
		return record.Trial{}, err
	}
	if err := s.Rated(); err != nil {
		return record.Trial{}, err
	}
	started := time.Now().UTC()
	restore := quiet(len(cpusOf(rig.place())))
	m, err := runPhases(ctx, rig, rig.asked())
	restore()
	if err != nil {
		return record.Trial{}, err
	}
	t := rig.trial(m, floor, l.host.Config["CONFIG_IRQ_TIME_ACCOUNTING"] == "y")
	t.Started = started.Format(time.RFC3339Nano)
	return t, nil
}

// quiet keeps Go's runtime out of the way of that many workers, each of which
// holds a processor of the scheduler: there are some to spare, and no garbage
// is collected until restore is called.
func quiet(workers int) (restore func()) {
	const spare = 4
	if want := runtime.NumCPU() + workers + spare; runtime.GOMAXPROCS(0) < want {
		runtime.GOMAXPROCS(want)
	}
	runtime.GC()
	percent := debug.SetGCPercent(-1)
	return func() { debug.SetGCPercent(percent) }
}

// clockCost is what one look at the clock costs in ns.
var clockCost = sync.OnceValue(func() float64 {
	const looks = 10000
	best := int64(1 << 62)
	for range 5 {
		start := worker.Now()
		for range looks {
			worker.Now()
		}
		best = min(best, worker.Now()-start)
	}
	return float64(best) / looks
})

// CheckPrivileges says which capabilities are missing for a full measurement.
func CheckPrivileges() error {
	missing := host.Capabilities()
	if len(missing) == 0 {
		return nil
	}
	return &PrivilegeError{Missing: missing}
}

// PrivilegeError names the capabilities that the process lacks.
type PrivilegeError struct{ Missing []string }

func (e *PrivilegeError) Error() string {
	return "missing capabilities: " + strings.Join(e.Missing, ", ") + "; run as root"
}
