// Package profile samples the stacks of a trial while it is measured, names their
// functions, and writes them for pprof.
package profile

import (
	"fmt"
	"os"
	"slices"
	"strings"
	"time"

	"tunbench/bpf"
)

// Clock is the event that samples by time.
const Clock = "cpu-clock"

// Frame is a function in a stack.
type Frame struct {
	Name string
	Of   string // module of the kernel, vmlinux, bpf, or file of a program
}

// Stack is a stack with the outermost frame first, and how often it was sampled. The
// first frame is no function, but what ran: the name of a process, or softirq.
type Stack struct {
	Frames []Frame
	Count  uint64
}

// Samples is what was sampled in one trial.
type Samples struct {
	Event    string // Clock, or cycles
	PeriodNs int64  // between two samples of a CPU
	// Counts are the samples of each kind: those of bpf.StackTask, bpf.StackSoftirq and
	// bpf.StackWorker are in Stacks.
	Counts bpf.StackCounts
	Stacks []Stack
}

// Kept is the number of samples in Stacks.
func (s *Samples) Kept() (n uint64) {
	return s.Counts[bpf.StackTask] + s.Counts[bpf.StackSoftirq] + s.Counts[bpf.StackWorker]
}

// Busy is the number of samples that found the CPU at work, also those that are not in
// Stacks.
func (s *Samples) Busy() uint64 {
	return s.Kept() + s.Counts[bpf.StackOther] + s.Counts[bpf.StackLost]
}

// Rate says how often to sample, and what of each sample.
type Rate struct {
	Period               time.Duration // between two samples of a CPU
	StackEach, WaitTurns uint32        // as in bpf.StackOptions
}

// Sampler samples the stacks of one trial. Its methods must not be called at the same
// time.
type Sampler struct {
	period time.Duration
	stacks *bpf.Stacks
	names  *kernelSymbols

	raw       map[string]*rawStack
	key       []byte // of raw, to be used again
	processes map[int]process
}

// rawStack is a stack whose addresses have no names yet.
type rawStack struct {
	bpf.Stack
	count uint64
}

// Check returns why stacks cannot be sampled here, or nil.
func Check() error {
	s, err := Open(Rate{Period: time.Second}, []int{0})
	if err != nil {
		return err
	}
	return s.Close()
}

// Open prepares to sample a trial that runs on those CPUs. It needs CAP_BPF, CAP_PERFMON
// and CAP_SYSLOG, or root.
func Open(r Rate, cpus []int) (*Sampler, error) {
	names, err := kernelNames()
	if err != nil {
		return nil, fmt.Errorf("profile: %w", err)
	}
	stacks, err := bpf.OpenStacks(bpf.StackOptions{CPUs: cpus, Period: r.Period, StackEach: r.StackEach, WaitTurns: r.WaitTurns, Code: names.code})
	if err != nil {
		return nil, fmt.Errorf("profile: %w", err)
	}
	return &Sampler{period: r.Period, stacks: stacks, names: names, raw: map[string]*rawStack{}, processes: map[int]process{}}, nil
}

// Start begins to sample this process, those that it has started, and softirqs.
func (s *Sampler) Start() error {
	own := os.Getpid()
	if err := s.stacks.Add(slices.Concat([]int{own}, descendants(own), vhostWorkers(own))...); err != nil {
		return err
	}
	return s.stacks.Start()
}

// Stop ends it until the next Start. What other processes have mapped is read now: they
// may end before the trial does.
func (s *Sampler) Stop() error {
	err := s.stacks.Stop()
	own := os.Getpid()
	for _, pid := range slices.Concat(descendants(own), vhostWorkers(own)) {
		if p, readErr := readProcess(pid); readErr == nil {
			s.processes[pid] = p
		}
	}
	return err
}

// Drain takes in what was sampled. While it runs, nothing should be sampled: it takes CPU
// time.
func (s *Sampler) Drain() error {
	return s.stacks.Read(func(stack bpf.Stack) {
		s.key = stack.AppendKey(s.key[:0])
		if r := s.raw[string(s.key)]; r != nil {
			r.count++
			return
		}
		s.raw[string(s.key)] = &rawStack{stack, 1}
	})
}

// Collect takes in what is left, and names all functions. It comes before the trial is
// torn down, which removes its BPF programs and ends its processes.
func (s *Sampler) Collect() (*Samples, error) {
	if err := s.Drain(); err != nil {
		return nil, err
	}
	counts, err := s.stacks.Counts()
	if err != nil {
		return nil, err
	}
	programs, err := bpf.ProgramsLoaded()
	if err != nil {
		return nil, err
	}
	own := os.Getpid()
	if p, err := readProcess(own); err == nil {
		s.processes[own] = p
	}
	n := namer{kernel: s.names, programs: programs, processes: s.processes, own: own, objects: map[string]object{}, named: map[address][]Frame{}}
	got := &Samples{Event: s.stacks.Event(), PeriodNs: int64(s.period), Counts: counts}
	for _, r := range s.raw {
		got.Stacks = append(got.Stacks, Stack{n.frames(r.Stack), r.count})
	}
	got.Stacks = merge(got.Stacks)
	var leaves []Stack // that were sampled without what called them
	if err := s.stacks.Leaves(func(process int, address, count uint64) {
		leaves = append(leaves, Stack{n.frames(bpf.LeafStack(process, address)), count})
	}); err != nil {
		return nil, err
	}
	got.Stacks = spread(got.Stacks, merge(leaves))
	s.raw = map[string]*rawStack{}
	return got, nil
}

// Close ends all. It may be called again.
func (s *Sampler) Close() error { return s.stacks.Close() }

// spread adds samples of which only the innermost function is known to those whose stack
// is known: over the stacks that end in the same function, in proportion. Where there is
// none, the function has no caller but what ran.
func spread(stacks, leaves []Stack) []Stack {
	type ends struct{ what, function Frame } // of a stack
	of := func(s Stack) ends { return ends{s.Frames[0], s.Frames[len(s.Frames)-1]} }
	added, known := map[ends]uint64{}, map[ends]uint64{}
	for _, s := range leaves {
		added[of(s)] += s.Count
	}
	for _, s := range stacks {
		known[of(s)] += s.Count
	}
	given, passed := map[ends]uint64{}, map[ends]uint64{}
	for i := range stacks {
		s := &stacks[i]
		e := of(*s)
		// What is rounded off one stack goes to the next one, so that the sum is exact.
		passed[e] += s.Count
		part := (added[e]*passed[e]+known[e]/2)/known[e] - given[e]
		given[e] += part
		s.Count += part
	}
	for _, s := range leaves {
		if e := of(s); known[e] == 0 && added[e] > 0 {
			stacks = append(stacks, Stack{[]Frame{e.what, e.function}, added[e]})
			added[e] = 0
		}
	}
	return merge(stacks)
}

// merge adds up equal stacks, and sorts them.
func merge(stacks []Stack) []Stack {
	byKey := map[string]int{}
	var merged []Stack
	for _, s := range stacks {
		key := s.key()
		if i, ok := byKey[key]; ok {
			merged[i].Count += s.Count
			continue
		}
		byKey[key] = len(merged)
		merged = append(merged, s)
	}
	slices.SortFunc(merged, func(a, b Stack) int { return strings.Compare(a.key(), b.key()) })
	return merged
}

// key is the same for equal stacks.
func (s Stack) key() string {
	var b strings.Builder
	for _, f := range s.Frames {
		b.WriteString(f.Name + "\x00" + f.Of + "\x01")
	}
	return b.String()
}
