// Package bpf observes a TUN/TAP device from inside the kernel: it attaches BPF
// programs to the functions of the tun driver and reads what they counted. It is
// the only package that uses cilium/ebpf, and knows nothing of trials.
package bpf

import (
	"encoding/binary"
	"errors"
	"fmt"
	"slices"
	"sync"

	"github.com/cilium/ebpf"
	"github.com/cilium/ebpf/btf"
	"github.com/cilium/ebpf/link"
)

// Target is the device under observation. An ifindex is unique only within a
// network namespace, so both are needed.
type Target struct {
	Ifindex   uint32
	Netns     uint32 // inode of the network namespace
	Queues    int    // 1..256
	GSO       bool   // GSO packets may come; their segments are counted
	Direction Direction
	// SampleEvery is a power of two: one skb in so many is timed, chosen by its
	// address. 0 and 1 time all. At a low rate few skbs are used again and
	// again, which makes the choice meaningless: time all of them.
	SampleEvery int
}

var (
	// kernelTypes is decoded once: that takes longer than the rest of Open.
	kernelTypes = btf.NewCache()
	objects     = sync.OnceValues(loadTunobs)
)

// Observer counts in the kernel what one device does, from Open to Close.
type Observer struct {
	hook   Hook
	target Target
	cpus   int // number of possible CPUs

	programs []Program
	coll     *ebpf.Collection
	links    []link.Link
	queues   *ebpf.Memory
	perCPU   *ebpf.Memory
	notes    map[string]*ebpf.Memory // by function of tun
	reasons  map[uint32]string

	torn   bool              // it was detached, and attached again
	missed map[string]uint64 // hits of kprobes that are detached by now, by program
}

// Open loads the programs of hook h, attaches them and filters on t inside the
// kernel. A hook that cannot be used gives a *HookError; nothing is left behind.
func Open(h Hook, t Target) (*Observer, error) {
	if len(xmitPrograms[h]) == 0 {
		return nil, fmt.Errorf("open observer: unknown hook %q", h)
	}
	if n := t.SampleEvery; n&(n-1) != 0 {
		return nil, fmt.Errorf("open observer: time one skb in %d: choose a power of two", n)
	}
	cpus, err := ebpf.PossibleCPU()
	if err != nil {
		return nil, fmt.Errorf("count possible CPUs: %w", err)
	}
	o := &Observer{hook: h, target: t, cpus: cpus, programs: Programs(h, t.Direction)}
	if err := o.load(); err != nil {
		return nil, errors.Join(err, o.Close())
	}
	if err := o.Attach(); err != nil {
		return nil, errors.Join(err, o.Close())
	}
	return o, nil
}

// Attach attaches the programs again after Detach. The counters keep their
// values.
func (o *Observer) Attach() error {
	o.torn = o.torn || o.missed != nil
	for _, p := range o.programs[len(o.links):] {
		l, err := attach(p, o.coll.Programs[p.Name])
		if err != nil {
			return explain(o.hook, p, err)
		}
		o.links = append(o.links, l)
	}
	return nil
}

// Detach detaches the programs. What happens until Attach is not counted.
func (o *Observer) Detach() error {
	var errs []error
	if o.missed == nil {
		o.missed = map[string]uint64{}
	}
	for i, l := range o.links {
		o.missed[o.programs[i].Name] += missedBy(o.programs[i], l)
		errs = append(errs, l.Close())
	}
	o.links = nil
	return errors.Join(errs...)
}

func (o *Observer) load() error {
	parsed, err := objects()
	if err != nil {
		return err
	}
	spec := parsed.Copy()
	for name := range spec.Programs {
		if !slices.ContainsFunc(o.programs, func(p Program) bool { return p.Name == name }) {
			delete(spec.Programs, name)
		}
	}
	if o.hook != Kprobe || !o.target.Direction.xmit() {
		delete(spec.Maps, tunobsMapXmitTasks)
		delete(spec.Maps, tunobsMapReadTasks)
	}
	if o.hook != Kprobe || !o.target.Direction.recv() {
		delete(spec.Maps, tunobsMapWriteTasks)
	}
	if !o.target.Direction.xmit() {
		delete(spec.Maps, tunobsMapStamps)
	}
	if o.reasons, err = dropReasons(); err != nil {
		return explain(o.hook, o.programs[0], err)
	}
	spec.Maps[tunobsMapQueues].MaxEntries = uint32(o.cpus * o.target.Queues)
	spec.Maps[tunobsMapCpus].MaxEntries = uint32(o.cpus)
	for name, value := range map[string]any{
		tunobsVarTargetIfindex: o.target.Ifindex,
		tunobsVarTargetNetns:   o.target.Netns,
		tunobsVarNrQueues:      uint32(o.target.Queues),
		tunobsVarTargetGso:     o.target.GSO,
		tunobsVarSampleMask:    uint32(max(o.target.SampleEvery, 1) - 1),
		tunobsVarSideXmit:      o.target.Direction != U2K,
		tunobsVarSideRecv:      o.target.Direction.recv(),
		tunobsVarReasonBacklog: o.reason("CPU_BACKLOG"),
		tunobsVarReasonRcvbuf:  o.reason("SOCKET_RCVBUFF"),
		tunobsVarReasonMemory:  o.reason("PROTO_MEM"),
	} {
		if err := spec.Variables[name].Set(value); err != nil {
			return fmt.Errorf("set %s: %w", name, err)
		}
	}
	o.coll, err = ebpf.NewCollectionWithOptions(spec, ebpf.CollectionOptions{Cache: kernelTypes})
	if err != nil {
		// Explained by the first program, which only this hook has; all hooks share
		// the tracepoints at the end of the list.
		return explain(o.hook, o.programs[0], err)
	}
	if o.queues, err = o.coll.Maps[tunobsMapQueues].Memory(); err != nil {
		return fmt.Errorf("map the queue counters: %w", err)
	}
	if o.perCPU, err = o.coll.Maps[tunobsMapCpus].Memory(); err != nil {
		return fmt.Errorf("map the CPU counters: %w", err)
	}
	o.notes = map[string]*ebpf.Memory{}
	for function, name := range noteMaps {
		m, ok := o.coll.Maps[name]
		if !ok {
			continue
		}
		if o.notes[function], err = m.Memory(); err != nil {
			return fmt.Errorf("map the notes of calls of %s: %w", function, err)
		}
	}
	return nil
}

// Hook is the hook in use.
func (o *Observer) Hook() Hook { return o.hook }

// Direction says which packets of the device it observes.
func (o *Observer) Direction() Direction { return o.target.Direction }

// SampleEvery is N where one skb in N is timed.
func (o *Observer) SampleEvery() int { return max(1, o.target.SampleEvery) }

// Programs lists the attached programs.
func (o *Observer) Programs() []Program { return slices.Clone(o.programs) }

// Measure switches the recording of residency on or off. Counters always run.
func (o *Observer) Measure(on bool) error {
	var v uint32
	if on {
		v = 1
	}
	if err := o.coll.Variables[tunobsVarMeasuring].Set(v); err != nil {
		return fmt.Errorf("set %s: %w", tunobsVarMeasuring, err)
	}
	return nil
}

// MemoryBytes is the memory of the observer's maps, as the kernel reports it.
func (o *Observer) MemoryBytes() (uint64, error) {
	var sum uint64
	for name, m := range o.coll.Maps {
		info, err := m.Info()
		if err != nil {
			return 0, fmt.Errorf("ask for the memory of map %s: %w", name, err)
		}
		bytes, _ := info.Memlock()
		sum += bytes
	}
	return sum, nil
}

// Snapshot reads all counters. They are in memory shared with the kernel, so
// that reading them does not slow the traffic.
func (o *Observer) Snapshot() (*Snapshot, error) {
	s := &Snapshot{
		Queues: make([]Queue, o.target.Queues),
		Drops:  map[string]uint64{}, ReadErrors: map[string]uint64{},
		RecvDrops: map[string]uint64{}, WriteErrors: map[string]uint64{},
		Lost: map[string]uint64{}, Torn: o.torn,
	}
	queueSize := int64(binary.Size(tunobsQueueCounters{}))
	cpuSize := int64(binary.Size(tunobsCpuCounters{}))
	queue, cpu := new(tunobsQueueCounters), new(tunobsCpuCounters)
	buf := make([]byte, max(queueSize, cpuSize))
	for c := range o.cpus {
		for i := range s.Queues {
			at := int64(c*o.target.Queues+i) * queueSize
			if err := decode(o.queues, buf[:queueSize], at, queue); err != nil {
				return nil, err
			}
			s.Queues[i].add(queue)
		}
		if err := decode(o.perCPU, buf[:cpuSize], int64(c)*cpuSize, cpu); err != nil {
			return nil, err
		}
		s.add(cpu, o.reasons)
	}
	return s, o.addLost(s)
}

// KnowsReasons reports whether this kernel says why it drops a packet (Linux
// 5.17).
func (o *Observer) KnowsReasons() bool { return len(o.reasons) > 1 }

// reason is the number of a drop reason in this kernel; 0 if it has none.
func (o *Observer) reason(name string) uint32 {
	for number, n := range o.reasons {
		if n == name {
			return number
		}
	}
	return 0
}

// MissedRuns is how often the kernel did not run a program: because it was
// already running on that CPU, or because a kprobe was hit inside another one.
// Counters are low by that much. Returns that kretprobes do not see are in
// Snapshot.Lost.
func (o *Observer) MissedRuns() (uint64, error) {
	var sum uint64
	for i, p := range o.programs {
		n, err := o.missedRuns(i, p)
		if err != nil {
			return 0, err
		}
		if p.Kind != "kretprobe" {
			sum += n
		}
	}
	return sum, nil
}

func (o *Observer) missedRuns(i int, p Program) (uint64, error) {
	stats, err := o.coll.Programs[p.Name].Stats()
	if err != nil {
		return 0, fmt.Errorf("ask for the statistics of program %s: %w", p.Name, err)
	}
	n := stats.RecursionMisses + o.missed[p.Name]
	if i < len(o.links) {
		n += missedBy(p, o.links[i])
	}
	return n, nil
}

// addLost adds to Lost the notes that are left and the calls for which a
// program of the function did not run.
func (o *Observer) addLost(s *Snapshot) error {
	for function, notes := range o.notes {
		left, err := notesLeft(notes, int(notes.Size()))
		if err != nil {
			return err
		}
		if left > 0 {
			s.Lost[function] += left
		}
	}
	for i, p := range o.programs {
		if p.Kind != "kprobe" && p.Kind != "fexit" { // a kretprobe that did not run leaves the note
			continue
		}
		n, err := o.missedRuns(i, p)
		if err != nil {
			return err
		}
		if n > 0 {
			s.Lost[p.Target] += n
		}
	}
	return nil
}

// Close detaches everything and frees it. It may be called again.
func (o *Observer) Close() error {
	err := o.Detach()
	if o.coll != nil {
		o.coll.Close()
	}
	return err
}
