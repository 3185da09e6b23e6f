// Package bpf observes a TUN/TAP device from inside the kernel: it attaches BPF
// programs to the functions of the tun driver and reads what they counted. It is
// the only package that uses cilium/ebpf, and knows nothing of trials.
package bpf

import (
	"errors"
	"fmt"
	"io"
	"math/bits"
	"slices"
	"time"

	"github.com/cilium/ebpf"
)

// Options say what to observe, and how.
type Options struct {
	// Hook is how. Auto, and "", take the first of Hooks that can be attached; the
	// Observer says why it passed over others.
	Hook Hook
	Target
}

// Target is the device under observation. An ifindex is unique only within a
// network namespace, so both are needed.
type Target struct {
	Ifindex   uint32
	Netns     uint32 // inode of the network namespace
	Queues    int    // 1..256; with 1, calls that read (kprobe, fentry) count whatever queue they read
	GSO       bool   // GSO packets may come; their segments are counted
	Direction Direction
	// SampleEvery is a power of two: one skb in so many is timed, chosen by its
	// address. 0 and 1 time all. At a low rate few skbs are used again and
	// again, which makes the choice meaningless: time all of them.
	SampleEvery int
	// Kinds counts GSO packets by their kind.
	Kinds bool
	// Flows counts packets by flow, up to MostFlows of them. On kernels before 6.2, kprobes do not
	// count the flows of packets to readers.
	Flows bool
	// Stops counts how often and for how long transmit queues were stopped while measuring. It
	// needs one more program for each packet, and a kernel that is not locked down
	// (confidentiality).
	Stops bool
	// Returns counts errors of readers and writers by errno, by programs on the returns of
	// tun_chr_read_iter and tun_chr_write_iter (fexit).
	Returns bool
}

// Observer counts in the kernel what one device does, from Open to Close, but for
// the time between Detach and Attach. Observers of one process whose hook and
// Target differ in nothing but the device share their programs: an observer
// that is detached leaves them attached and idle for the next of its kind. The next one
// of another kind takes them away, and so does Rest.
type Observer struct {
	config
	target   Target
	passed   []*HookError
	cpus     int // number of possible CPUs
	programs []Program
	reasons  map[uint32]string
	memory   uint64

	// pool.mu guards the rest.
	set         *set // what it counts with, or has counted with last; nil once that is in sum
	sampleEvery int
	attached    bool
	closed      bool
	measures    bool
	measured    stopwatch // while attached and measuring
	sum         counts    // what was counted with other sets and before
	skipped     uint64    // of set when it was attached
	missed      uint64    // runs, in all attachments that have ended
}

// Open loads the programs of a hook, attaches them and filters on the device inside the
// kernel. A hook that cannot be used gives a *HookError, and with Auto one for each; nothing
// is left behind. It needs CAP_BPF and CAP_PERFMON, or root, and does not touch the device.
func Open(options Options) (*Observer, error) {
	if options.Hook != Auto && options.Hook != "" {
		return open(options.Hook, options.Target)
	}
	var passed []*HookError
	for _, h := range Hooks {
		o, err := open(h, options.Target)
		if err == nil {
			o.passed = passed
			return o, nil
		}
		var e *HookError
		if !errors.As(err, &e) {
			return nil, err
		}
		passed = append(passed, e)
	}
	errs := make([]error, len(passed))
	for i, e := range passed {
		errs[i] = e
	}
	return nil, errors.Join(errs...)
}

func open(h Hook, t Target) (*Observer, error) {
	if len(xmitPrograms[h]) == 0 {
		return nil, fmt.Errorf("open observer: unknown hook %q", h)
	}
	every := max(t.SampleEvery, 1)
	if err := checkSample(every); err != nil {
		return nil, err
	}
	cpus, err := ebpf.PossibleCPU()
	if err != nil {
		return nil, fmt.Errorf("count possible CPUs: %w", err)
	}
	l := layoutFor(cpus, 1<<bits.Len(uint(max(t.Queues, 1)-1)))
	o := &Observer{target: t, cpus: cpus, sum: newCounts(1, l), programs: programs(h, t.Direction, t.Returns, t.Stops && !locked(readLine)), sampleEvery: every, config: config{
		hook: h, direction: t.Direction, gso: t.GSO, kinds: t.Kinds, returns: t.Returns, flows: t.Flows, stops: t.Stops && !locked(readLine),
		layout: l,
	}}
	if o.reasons, err = dropReasons(); err != nil {
		return nil, explain(h, o.programs[0], err)
	}
	shared.mu.Lock()
	shared.join(o.config)
	shared.mu.Unlock()
	if err := o.Attach(); err != nil {
		return nil, errors.Join(err, o.Close())
	}
	return o, nil
}

// Attach counts again after Detach. The counters keep their values.
func (o *Observer) Attach() error { return Attach(o) }

// Attach lets all of list count again, and takes the programs away that no observer
// uses: one that only finds that no device is meant still costs each packet its call.
func Attach(list ...*Observer) error {
	shared.mu.Lock()
	defer shared.mu.Unlock()
	for _, o := range list {
		if err := o.attach(); err != nil {
			return err
		}
	}
	return shared.rest()
}

func (o *Observer) attach() error {
	switch {
	case o.closed:
		return errors.New("attach an observer that is closed")
	case o.attached:
		return nil
	}
	s, err := shared.take(o)
	if err != nil {
		return err
	}
	if err := o.begin(s); err != nil {
		return errors.Join(err, s.idle(), shared.give(s))
	}
	return nil
}

// begin takes over a set from the observer that used it before.
func (o *Observer) begin(s *set) (err error) {
	if err := s.attach(); err != nil {
		return err
	}
	if o.set != nil { // not necessarily s
		if err := o.settle(); err != nil {
			return err
		}
	}
	if s.owner != nil {
		if err := s.owner.settle(); err != nil {
			return err
		}
	}
	if err := s.readInto(s.base); err != nil {
		return err
	}
	if o.skipped, err = s.skipped(); err != nil {
		return err
	}
	o.set, o.memory, s.owner = s, s.memory, o
	if err := s.aim(o.target, o.sampleEvery, o.measures); err != nil {
		return err
	}
	o.attached = true
	o.measured.run(o.measures)
	return nil
}

// Detach stops counting: what happens until Attach is not counted. The programs
// stay attached, where they no longer do anything but see that no device is meant.
func (o *Observer) Detach() error {
	shared.mu.Lock()
	defer shared.mu.Unlock()
	return o.detach()
}

func (o *Observer) detach() error {
	if !o.attached {
		return nil
	}
	o.attached = false
	o.measured.run(false)
	err := o.set.idle()
	skipped, statsErr := o.set.skipped()
	if statsErr == nil {
		o.missed += skipped - o.skipped
	}
	return errors.Join(err, statsErr, shared.give(o.set))
}

// settle takes what was counted out of a set that is to be another's.
func (o *Observer) settle() error {
	s := o.set
	s.owner, o.set = nil, nil
	if err := s.readInto(s.now); err != nil {
		return err
	}
	o.sum.add(s.base, s.now)
	return nil
}

// counted is all that was counted, over all CPUs.
func (o *Observer) counted() (counts, error) {
	sum := o.sum.clone()
	if o.set == nil {
		return sum, nil
	}
	if err := o.set.readInto(o.set.now); err != nil {
		return sum, err
	}
	sum.add(o.set.base, o.set.now)
	return sum, nil
}

func checkSample(every int) error {
	if every < 1 || every&(every-1) != 0 {
		return fmt.Errorf("time one skb in %d: choose a power of two", every)
	}
	return nil
}

// Sample times one skb in every from now on, a power of two. Of those that are in the ring
// now some are missed.
func (o *Observer) Sample(every int) error {
	if err := checkSample(every); err != nil {
		return err
	}
	shared.mu.Lock()
	defer shared.mu.Unlock()
	o.sampleEvery = every
	if !o.attached {
		return nil
	}
	return o.set.sample(every)
}

// PassedOver says why Open did not use better hooks, with Auto.
func (o *Observer) PassedOver() []*HookError { return slices.Clone(o.passed) }

// Hook is the hook in use.
func (o *Observer) Hook() Hook { return o.hook }

// Direction says which packets of the device it observes.
func (o *Observer) Direction() Direction { return o.direction }

// Error is how far a quantile of a histogram is at most from the sample that it stands
// for, as a share of it: 1.6 %, more with many queues and CPUs.
func (o *Observer) Error() float64 { return o.err() }

// DepthEvery is N where the ring is looked at for one skb in N.
func (o *Observer) DepthEvery() int { return depthEvery(o.sampleEvery) }

// SampleEvery is N where one skb in N is timed.
func (o *Observer) SampleEvery() int { return o.sampleEvery }

// Programs lists the attached programs.
func (o *Observer) Programs() []Program { return slices.Clone(o.programs) }

// Measure switches the recording of residency on or off. Counters always run.
func (o *Observer) Measure(on bool) error {
	shared.mu.Lock()
	defer shared.mu.Unlock()
	o.measures = on
	o.measured.run(on && o.attached)
	if !o.attached {
		return nil
	}
	return o.set.set(variable{tunobsVarMeasuring, flag(on)})
}

// MemoryBytes is the memory of the observer's maps, as the kernel reports it. They
// may be shared with other observers.
func (o *Observer) MemoryBytes() uint64 { return o.memory }

// Snapshot reads all counters. They are in memory shared with the kernel, so
// that reading them does not slow the traffic.
func (o *Observer) Snapshot() (*Snapshot, error) {
	shared.mu.Lock()
	defer shared.mu.Unlock()
	sum, err := o.counted()
	if err != nil {
		return nil, err
	}
	s := newSnapshot(sum, o.target, o.reasons)
	s.Stops, s.Measured = o.stops && o.direction.xmit(), o.measured.total()
	return s, nil
}

// Flows are the counts of each flow since Open, where Target.Flows asks for them.
func (o *Observer) Flows() (map[Flow]FlowCount, error) {
	shared.mu.Lock()
	defer shared.mu.Unlock()
	found := map[Flow]FlowCount{}
	if !o.flows || o.set == nil {
		return found, nil
	}
	var key tunobsFlow
	var n tunobsFlowCounters
	all := o.set.coll.Maps[tunobsMapFlows].Iterate()
	for all.Next(&key, &n) {
		found[flowOf(key)] = FlowCount{n.Pkts, n.Bytes}
	}
	// A map that changes quickly may begin anew; what was found until then holds.
	if err := all.Err(); err != nil && !errors.Is(err, ebpf.ErrIterationAborted) {
		return nil, fmt.Errorf("read flows: %w", err)
	}
	return found, nil
}

// KnowsReasons reports whether this kernel says why it drops a packet (Linux
// 5.17).
func (o *Observer) KnowsReasons() bool { return len(o.reasons) > 1 }

// MissedRuns is how often the kernel did not run a program while the observer was
// attached: because it was already running on that CPU, or because a kprobe was hit
// inside another one. Counters are low by that much at most: another device may
// have been the cause.
func (o *Observer) MissedRuns() (uint64, error) {
	shared.mu.Lock()
	defer shared.mu.Unlock()
	if !o.attached {
		return o.missed, nil
	}
	skipped, err := o.set.skipped()
	return o.missed + skipped - o.skipped, err
}

// RunTime is the time that the kernel has spent in the programs of the observer since they
// were loaded, while it keeps statistics (KeepStatistics): two readings of the clock
// for each run are in it, and the way to a program is not. Programs may be shared with other observers.
func (o *Observer) RunTime() (sum time.Duration, err error) {
	shared.mu.Lock()
	defer shared.mu.Unlock()
	if o.set == nil {
		return 0, nil
	}
	for _, p := range o.set.programs {
		stats, err := o.set.coll.Programs[p.Name].Stats()
		if err != nil {
			return 0, fmt.Errorf("ask for the statistics of program %s: %w", p.Name, err)
		}
		sum += stats.Runtime
	}
	return sum, nil
}

// KeepStatistics lets the kernel measure the time that all BPF programs of the host take,
// which costs some time itself, until the result is closed. It needs Linux 5.8.
func KeepStatistics() (io.Closer, error) {
	const ofRunTime = 0 // BPF_STATS_RUN_TIME
	c, err := ebpf.EnableStats(ofRunTime)
	if err != nil {
		return nil, fmt.Errorf("keep statistics of BPF programs: %w", err)
	}
	return c, nil
}

// Close detaches everything that no other observer needs, and frees it. It may be
// called again.
func (o *Observer) Close() error {
	shared.mu.Lock()
	defer shared.mu.Unlock()
	if o.closed {
		return nil
	}
	err := o.detach()
	if o.set != nil {
		err = errors.Join(err, o.settle()) // Snapshot still tells
	}
	o.closed = true
	return errors.Join(err, shared.leave(o.config))
}
