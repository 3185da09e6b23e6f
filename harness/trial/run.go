package trial

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"tunbench/bpf"
	"tunbench/harness/account"
	"tunbench/harness/device"
	"tunbench/harness/host"
	"tunbench/harness/load"
	"tunbench/harness/refusal"
	"tunbench/harness/spec"
	"tunbench/harness/worker"
	"tunbench/reports/record"
)

// Run makes one trial of s, with the observer on hook, or bare if that is
// bpf.None. Everything of the record is filled in but Scenario, Axes, Arm, Pair and
// Trial. The floor is that of this host in this run; addSoftirq says that its
// kernel accounts the time of softirqs apart from that of the threads that they
// interrupt.
func Run(ctx context.Context, s spec.Spec, hook bpf.Hook, floor record.Floor, addSoftirq bool) (record.Trial, error) {
	r, err := prepare(s, hook)
	if err != nil {
		return record.Trial{}, err
	}
	if err := s.Rated(); err != nil {
		return record.Trial{}, err
	}
	started := time.Now().UTC()
	restore := worker.Quiet(len(host.CPUs(r.placement)), garbage(s))
	m, err := runPhases(ctx, r)
	restore()
	if err != nil {
		return record.Trial{}, err
	}
	t := r.trial(m, floor, addSoftirq)
	t.Started = started.Format(time.RFC3339Nano)
	return t, nil
}

// Probe builds the device that s asks for and tears it down again, without traffic
// and without the observer: the hook has been proven, and a trial for which it does
// not hold all the same returns a refusal.Unobservable.
func Probe(ctx context.Context, s spec.Spec, hook bpf.Hook) error {
	if _, err := prepare(s, hook); err != nil {
		return err
	}
	r, err := prepare(s, bpf.None)
	if err != nil {
		return err
	}
	return errors.Join(r.build(ctx), r.close())
}

// Variant is what one side of a pair measures.
type Variant struct {
	Spec spec.Spec
	Hook string // of the observer; "none" for bare
}

// Programs names the BPF programs that observe v: what observes variants of the same
// name stays attached from one to the next. Without an observer it is "".
func (v Variant) Programs() string {
	if v.Hook == record.HookNone {
		return ""
	}
	return fmt.Sprint(v.Hook, " ", v.Spec.Dir, " ", v.Spec.Path, " ", v.Spec.Queues, " ", device.SampleEveryOf(v.Spec), v.Spec.Program)
}

// Pair makes one trial of each variant, side by side, as TakeTurns says. The records
// are filled in as by Run. Variants that cannot take turns (Spec.SideBySide) are an
// error.
func Pair(ctx context.Context, variants [2]Variant, seed uint64, floor record.Floor, addSoftirq bool) (trials [2]record.Trial, err error) {
	var sides [2]Side
	workers := 0
	for i, v := range variants {
		s, err := newSide(v, variants[0].Hook != variants[1].Hook, floor, addSoftirq)
		if err != nil {
			return trials, err
		}
		sides[i] = s
		workers += s.workers()
	}
	defer worker.Quiet(workers, garbage(variants[0].Spec, variants[1].Spec))()
	return TakeTurns(ctx, sides, variants[0].Spec, seed)
}

// NewSide makes v one side of a pair whose other side is in another process. With
// toggled, its observer is taken away while the other side is measured.
func NewSide(v Variant, toggled bool, floor record.Floor, addSoftirq bool) (Side, error) {
	s, err := newSide(v, toggled, floor, addSoftirq)
	if err != nil {
		return nil, err
	}
	return &loneSide{side: s, garbage: garbage(v.Spec)}, nil
}

// NewInRound makes v a side of a block. Its caller keeps the process quiet for so many workers.
func NewInRound(v Variant, floor record.Floor, addSoftirq bool) (side InRound, workers int, err error) {
	s, err := newSide(v, true, floor, addSoftirq)
	if err != nil {
		return InRound{}, 0, err
	}
	s.rests = false
	return InRound{s}, s.workers(), nil
}

func newSide(v Variant, toggled bool, floor record.Floor, addSoftirq bool) (*side, error) {
	if !v.Spec.SideBySide() {
		return nil, fmt.Errorf("%w: gen=%s event=%s is measured trial by trial, not side by side", spec.ErrImpossible, v.Spec.Gen, v.Spec.Event)
	}
	r, err := prepare(v.Spec, bpf.Hook(v.Hook))
	if err != nil {
		return nil, err
	}
	if err := v.Spec.Rated(); err != nil {
		return nil, err
	}
	r.slice(toggled)
	return &side{session: r, rests: true, record: func(m account.Measurement) record.Trial { return r.trial(m, floor, addSoftirq) }}, nil
}

// prepare checks a Spec against this host and finds a place for its workers.
func prepare(s spec.Spec, hook bpf.Hook) (*session, error) {
	if err := s.Validate(); err != nil {
		return nil, err
	}
	if s.Bypass && hook != bpf.None && !hook.SeesBypass() {
		return nil, &refusal.Unobservable{Err: &refusal.Unsupported{Detail: fmt.Sprintf("the %s hook does not see packets that bypass the qdisc (PACKET_QDISC_BYPASS); use --hook kprobe or fentry where the kernel has them, or --arm bare", hook)}}
	}
	cpus, err := host.Usable(s.CPUs)
	if err != nil {
		return nil, err
	}
	p, err := place(s, cpus)
	if err != nil {
		return nil, err
	}
	if n, workers := host.Crowd(p); s.IO == spec.IOSpin && workers > n {
		return nil, &refusal.Missing{Detail: fmt.Sprintf("io=spin: %d workers need a CPU each, and %d are in use; more would measure the scheduler: choose io=poll or io=read, or fewer queues", workers, n)}
	}
	s = s.Paced()
	if s.Path == spec.PathGuest {
		return prepareGuest(s, hook, p), nil
	}
	if s.Gen.Conversation() {
		return prepareConversation(s, hook, p)
	}
	measure := s.Measure
	if s.Gen == spec.GenLockstep {
		p = record.Placement{Sender: p.Sender[:1], Reader: []int{}}
		s.Warmup, s.Measure, s.Window = 0, lockstepLimit, lockstepLimit
	}
	g, err := load.New(s, hook, p)
	if err != nil {
		return nil, err
	}
	b := newPacketTrial(s, g, p)
	if s.Gen == spec.GenLockstep && s.Pause > 0 && !s.Settle {
		b.lockstepLasts = measure
	}
	return b.session(), nil
}

var mostGarbage int64 = 2 << 30

// garbage is by how many bytes memory may grow in trials before garbage is collected: wireguard-go
// leaves 100 bytes a packet. It is 0 where a collection would wait for a reader for ever.
func garbage(specs ...spec.Spec) int64 {
	if slices.ContainsFunc(specs, func(s spec.Spec) bool { return s.Path != spec.PathWireGuardGo || !s.Gen.Conversation() }) {
		return 0
	}
	return min(mostGarbage, host.MemoryAvailable()/2)
}
