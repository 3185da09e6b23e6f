package bpf

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"unsafe"

	"github.com/cilium/ebpf"
	"github.com/cilium/ebpf/btf"
	"github.com/cilium/ebpf/link"
	"golang.org/x/sys/unix"
)

var (
	// kernelTypes is decoded once: that takes longer than the rest of Open.
	kernelTypes = btf.NewCache()
	objects     = sync.OnceValues(loadTunobs)
)

// ForgetModules makes programs that are loaded from now on fit the kernel's modules as
// they are now: the types of another build of a module may differ.
func ForgetModules() { kernelTypes = btf.NewCache() }

// config is what programs are loaded for. Observers that have the same one take
// turns with one set of programs.
type config struct {
	hook      Hook
	direction Direction
	gso       bool
	kinds     bool // GSO packets are counted by their kind
	returns   bool // errors of readers and writers are counted
	flows     bool // packets are counted by flow
	stops     bool // stops of transmit queues are counted
	layout
}

// set is programs that are loaded, with their maps. Its methods are called by one
// goroutine at a time.
type set struct {
	config
	programs []Program
	coll     *ebpf.Collection
	links    []link.Link // none while it rests
	counters *ebpf.Memory
	hists    *ebpf.Memory
	cpus     int
	memory   uint64 // bytes of all maps, as the kernel reports them
	// owner is the observer that last used the set, or that still does; nil if that
	// was closed. What is in the counters beyond its base is the owner's.
	owner *Observer
	base  counts // of each CPU, when the owner was attached
	now   counts // read last
}

// settings is struct settings of target.bpf.h.
type settings struct{ CPUs, CPUBytes, Queues, Extras uint32 }

// sectionCPUs is the section of cpus of counters.bpf.h.
const sectionCPUs = ".data.cpus"

// noTarget is NO_TARGET of target.bpf.h.
const noTarget = int64(-1)

func load(c config, cpus int) (*set, error) {
	s := &set{config: c, programs: programs(c.hook, c.direction, c.returns, c.stops), cpus: cpus, base: newCounts(cpus, c.layout), now: newCounts(cpus, c.layout)}
	spec, err := s.spec()
	if err != nil {
		return nil, err
	}
	s.coll, err = ebpf.NewCollectionWithOptions(spec, ebpf.CollectionOptions{Cache: kernelTypes})
	if err != nil && c.returns && strings.Contains(err.Error(), "program fexit_") {
		return nil, explain(Fentry, returnPrograms[0], err)
	}
	if err != nil {
		// Explained by the first program, which only this hook has; all hooks share
		// the tracepoints at the end of the list.
		return nil, explain(c.hook, s.programs[0], err)
	}
	if s.counters, err = s.coll.Maps[sectionCPUs].Memory(); err != nil {
		return nil, errors.Join(fmt.Errorf("map the counters: %w", err), s.close())
	}
	if s.hists, err = s.coll.Maps[tunobsMapHists].Memory(); err != nil {
		return nil, errors.Join(fmt.Errorf("map the histograms: %w", err), s.close())
	}
	if s.memory, err = memoryOf(s.coll); err != nil {
		return nil, errors.Join(err, s.close())
	}
	return s, nil
}

// spec is the object, reduced to what the configuration needs.
func (s *set) spec() (*ebpf.CollectionSpec, error) {
	parsed, err := objects()
	if err != nil {
		return nil, err
	}
	reasons, err := dropReasons()
	if err != nil {
		return nil, explain(s.hook, s.programs[0], err)
	}
	spec := parsed.Copy()
	for name := range spec.Programs {
		if !slices.ContainsFunc(s.programs, func(p Program) bool { return p.Name == name }) {
			delete(spec.Programs, name)
		}
	}
	if !s.direction.xmit() {
		delete(spec.Maps, tunobsMapStamps)
	}
	if !s.flows {
		spec.Maps[tunobsMapFlows].MaxEntries = 1
	}
	hists, cpus := spec.Maps[tunobsMapHists], spec.Maps[sectionCPUs]
	hists.MaxEntries, hists.ValueSize = uint32(s.cpus), uint32(s.histBytes())
	cpus.ValueSize, cpus.Contents = uint32(s.cpus)*uint32(s.cpuBytes()), nil
	for _, m := range []*ebpf.MapSpec{hists, cpus} {
		m.Key, m.Value = nil, nil // whose size would differ
	}
	for name, value := range map[string]any{
		tunobsVarSettings:      settings{uint32(s.cpus), uint32(s.cpuBytes()), uint32(s.room), flag(s.gso || s.flows || s.stops)},
		tunobsVarTargetGso:     s.gso,
		tunobsVarHistShift:     uint32(s.shift),
		tunobsVarCountKinds:    s.kinds,
		tunobsVarCountFlows:    s.flows,
		tunobsVarCountStops:    s.stops,
		tunobsVarReadDepth:     !locked(readLine),
		tunobsVarSideXmit:      s.direction != U2K,
		tunobsVarSideRecv:      s.direction.recv(),
		tunobsVarReasonXmit:    xmitReasons(reasons),
		tunobsVarReasonBacklog: numberOf(reasons, "CPU_BACKLOG"),
		tunobsVarReasonRcvbuf:  numberOf(reasons, "SOCKET_RCVBUFF"),
		tunobsVarReasonMemory:  numberOf(reasons, "PROTO_MEM"),
	} {
		if err := spec.Variables[name].Set(value); err != nil {
			return nil, fmt.Errorf("set %s: %w", name, err)
		}
	}
	return spec, nil
}

// locked reports whether the kernel forbids to read its memory by address
// (LOCKDOWN_BPF_READ_KERNEL of include/linux/security.h).
func locked(read func(path string) string) bool { return lockdown(read) == "confidentiality" }

// depthEvery is of how many skbs the ring is looked at once, if one in so many is timed.
func depthEvery(sampleEvery int) int {
	if sampleEvery == 1 {
		return 1 // few skbs are used again and again
	}
	return 4 * sampleEvery
}

func memoryOf(coll *ebpf.Collection) (sum uint64, err error) {
	for name, m := range coll.Maps {
		info, err := m.Info()
		if err != nil {
			return 0, fmt.Errorf("ask for the memory of map %s: %w", name, err)
		}
		bytes, _ := info.Memlock()
		sum += bytes
	}
	return sum, nil
}

// attach attaches those programs that are not.
func (s *set) attach() error {
	for _, p := range s.programs[len(s.links):] {
		l, err := attach(p, s.coll.Programs[p.Name])
		if err != nil {
			return explain(s.hook, p, err)
		}
		s.links = append(s.links, l)
	}
	return nil
}

// rest detaches the programs. The counters keep their values.
func (s *set) rest() error {
	var errs []error
	for _, l := range s.links {
		errs = append(errs, l.Close())
	}
	s.links = nil
	return errors.Join(errs...)
}

// aim makes the programs count what happens to a device, once they are attached.
func (s *set) aim(t Target, sampleEvery int, measuring bool) error {
	if err := s.clearExtremes(); err != nil {
		return err
	}
	if err := s.sample(sampleEvery); err != nil {
		return err
	}
	if s.stops { // those of another device, or from before this one was detached
		if err := s.set(variable{tunobsVarStops, make([]tunobsQueueStop, maxQueues)}); err != nil {
			return err
		}
	}
	word := int64(t.Ifindex&0x7fffffff)<<32 | int64(t.Netns)
	return s.set(
		variable{tunobsVarMeasuring, flag(measuring)},
		variable{tunobsVarTargetIfindex, t.Ifindex},
		variable{tunobsVarTargetNetns, t.Netns},
		// Last: from here on the programs count. Each is one store of 8 bytes.
		variable{tunobsVarTargetTun, word},
		variable{tunobsVarTarget, word},
	)
}

// sample makes the programs time one skb in every. What was stamped before is not used.
func (s *set) sample(every int) error {
	var now unix.Timespec // by the clock of bpf_ktime_get_ns()
	if err := unix.ClockGettime(unix.CLOCK_MONOTONIC, &now); err != nil {
		return fmt.Errorf("read the monotonic clock: %w", err)
	}
	return s.set(
		variable{tunobsVarTargetSince, uint64(now.Nano())},
		variable{tunobsVarSampleLimit, ^uint32(0) / uint32(every)},
		variable{tunobsVarDepthLimit, ^uint32(0) / uint32(depthEvery(every))},
	)
}

// idle makes the first comparison of each program fail.
func (s *set) idle() error {
	return s.set(variable{tunobsVarTarget, noTarget}, variable{tunobsVarTargetTun, noTarget})
}

// variable is a variable of the programs and a value for it.
type variable struct {
	name  string
	value any
}

func (s *set) set(list ...variable) error {
	for _, v := range list {
		if err := s.coll.Variables[v.name].Set(v.value); err != nil {
			return fmt.Errorf("set %s: %w", v.name, err)
		}
	}
	return nil
}

func flag(on bool) uint32 {
	if on {
		return 1
	}
	return 0
}

// skipped is how often the kernel has not run a program since it was loaded, and not
// begun a kprobe since that was attached.
func (s *set) skipped() (sum uint64, err error) {
	for i, p := range s.programs {
		stats, err := s.coll.Programs[p.Name].Stats()
		if err != nil {
			return 0, fmt.Errorf("ask for the statistics of program %s: %w", p.Name, err)
		}
		sum += stats.RecursionMisses
		if i < len(s.links) {
			sum += missedBy(p, s.links[i])
		}
	}
	return sum, nil
}

// missedBy is how often the program of a kprobe did not run, by its link: since
// Linux 6.7 (commit 3acf8ace6823).
func missedBy(p Program, l link.Link) uint64 {
	if p.Kind != "kprobe" {
		return 0
	}
	info, err := l.Info()
	if err != nil || info.PerfEvent() == nil {
		return 0
	}
	if kprobe := info.PerfEvent().Kprobe(); kprobe != nil {
		return kprobe.Missed
	}
	return 0
}

// readInto copies the counters of all CPUs, one after the other.
func (s *set) readInto(c counts) error {
	for m, words := range map[*ebpf.Memory][]uint64{s.counters: c.words, s.hists: c.hists} {
		b := unsafe.Slice((*byte)(unsafe.Pointer(&words[0])), len(words)*int(word))
		if _, err := m.ReadAt(b, 0); err != nil {
			return fmt.Errorf("read counters: %w", err)
		}
	}
	if s.returns {
		if err := s.coll.Variables[tunobsVarErrors].Get(c.errors); err != nil {
			return fmt.Errorf("read counters: %w", err)
		}
	}
	if !s.hook.SeesCalls() || !s.direction.xmit() {
		return nil
	}
	if err := s.coll.Variables[tunobsVarReads].Get(c.calls); err != nil {
		return fmt.Errorf("read counters: %w", err)
	}
	return nil
}

// clearExtremes forgets the longest and the shortest residency and the deepest rings.
func (s *set) clearExtremes() error {
	none := make([]byte, (histDeepest-histMin+1)*word)
	for i := range s.cpus * s.room {
		if _, err := s.hists.WriteAt(none, int64(i*s.histWords()+histMin)*int64(word)); err != nil {
			return fmt.Errorf("clear histograms: %w", err)
		}
	}
	return nil
}

func (s *set) close() error {
	err := s.rest()
	s.coll.Close()
	return err
}
