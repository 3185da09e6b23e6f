package bpf

import (
	"encoding/binary"
	"errors"
	"fmt"
	"os"
	"time"
	"unsafe"

	"github.com/cilium/ebpf"
	"github.com/cilium/ebpf/ringbuf"
	"golang.org/x/sys/unix"
)

// StackOptions say what to sample.
type StackOptions struct {
	// CPUs are those of the trial: only there softirqs, idle time and other tasks count.
	// The trial's own processes are sampled on all CPUs.
	CPUs []int
	// Period is the time between two samples of a CPU: 10 us at least (perf_swevent_hrtimer
	// of kernel/events/core.c).
	Period time.Duration
	// StackEach, a power of two, takes the whole stack of one of so many samples of the
	// trial's processes, as chance decides, and counts the others by their innermost
	// address, see Leaves. 0 is 1: all have their stack.
	StackEach uint32
	// WaitTurns, one less than a power of two and at most 1023, lets the CPU wait after a
	// sample for up to so many turns of a short loop, as chance decides, so that samples do
	// not keep in step with what is sampled. 0: it does not wait.
	WaitTurns uint32
	// Code is where softirqs are handled, and the code of the trial's path that threads of
	// the kernel run; at most four ranges.
	Code []CodeRange
}

// CodeRange is code of the kernel, from Begin up to End. A stack with an address in it is
// that of a softirq or, if Worker is set, of a worker of the trial's path.
type CodeRange struct {
	Begin, End uint64
	Worker     bool
}

// StackKind is what a sample interrupted.
type StackKind uint32

// Kinds of samples. Of the first three, stacks are passed on; the others are counted.
const (
	StackTask    StackKind = iota // a thread of the trial's processes
	StackSoftirq                  // a softirq on the trial's CPUs, while another task or none ran
	StackWorker                   // a thread of the kernel in code of the trial's path
	StackIdle                     // nothing ran, on the trial's CPUs
	StackOther                    // another task, on the trial's CPUs
	StackLost                     // one of the first three, for which there was no room
	stackKinds
)

// StackCounts is how many samples there were of each StackKind.
type StackCounts [stackKinds]uint64

// Stack is one sample. Its addresses begin with the innermost function.
type Stack struct {
	Kind         StackKind
	Process      int
	Kernel, User []uint64
}

// LeafStack is a stack of which only the innermost address is known. Addresses of the
// kernel have the highest bit set.
func LeafStack(process int, address uint64) Stack {
	s := Stack{Kind: StackTask, Process: process, User: []uint64{address}}
	if address>>63 != 0 {
		s.Kernel, s.User = s.User, nil
	}
	return s
}

// AppendKey appends to b what tells s from other stacks.
func (s Stack) AppendKey(b []byte) []byte {
	b = binary.NativeEndian.AppendUint64(b, uint64(s.Process)<<32|uint64(s.Kind)<<16|uint64(len(s.Kernel)))
	for _, part := range [2][]uint64{s.Kernel, s.User} {
		for _, address := range part {
			b = binary.NativeEndian.AppendUint64(b, address)
		}
	}
	return b
}

// Stacks samples stacks, by a perf event of each CPU whose overflow runs a BPF program.
// It needs Linux 5.8, and CAP_BPF with CAP_PERFMON, or root; no BTF.
type Stacks struct {
	event  string
	coll   *ebpf.Collection
	events []int // descriptors, one of each CPU
	ring   *ringbuf.Reader
}

// stackEvents are what can count, the best first. A counter of the hardware interrupts
// also code that has disabled interrupts, to which a timer comes late.
var stackEvents = []struct {
	name         string
	kind, config uint64
}{
	{"cycles", unix.PERF_TYPE_HARDWARE, unix.PERF_COUNT_HW_CPU_CYCLES},
	{"cpu-clock", unix.PERF_TYPE_SOFTWARE, unix.PERF_COUNT_SW_CPU_CLOCK},
}

// cyclesPerNs makes a number of cycles of a period. A sample is a share of the trial's
// time, so the frequency of the CPU need not be known.
const cyclesPerNs = 3

// OpenStacks prepares to sample; nothing is counted before Start.
func OpenStacks(o StackOptions) (*Stacks, error) {
	s := new(Stacks)
	if err := s.open(o); err != nil {
		return nil, errors.Join(err, s.Close())
	}
	return s, nil
}

func (s *Stacks) open(o StackOptions) error {
	if err := s.load(o); err != nil {
		return explainStacks("load the program that samples stacks", err, hasBPF(), readLine)
	}
	for _, cpu := range o.CPUs {
		if err := s.coll.Maps[stacksMapPinned].Put(uint32(cpu), uint32(1)); err != nil {
			return fmt.Errorf("sample stacks on CPU %d: %w", cpu, err)
		}
	}
	var err error
	if s.ring, err = ringbuf.NewReader(s.coll.Maps[stacksMapRing]); err != nil {
		return fmt.Errorf("read the samples of stacks: %w", err)
	}
	if err := s.openEvents(o.Period); err != nil {
		return explainStacks("open a perf event to sample stacks", err, hasBPF(), readLine)
	}
	return nil
}

// load loads the program.
func (s *Stacks) load(o StackOptions) error {
	spec, err := loadStacks()
	if err != nil {
		return err
	}
	var code [4]stacksCodeRange
	if len(o.Code) > len(code) {
		return fmt.Errorf("%d ranges of code: at most %d are compared", len(o.Code), len(code))
	}
	for i, r := range o.Code {
		code[i] = stacksCodeRange{Begin: r.Begin, End: r.End, Kind: uint64(StackSoftirq)}
		if r.Worker {
			code[i].Kind = uint64(StackWorker)
		}
	}
	var namespace unix.Stat_t
	if err := unix.Stat("/proc/self/ns/pid", &namespace); err != nil {
		return fmt.Errorf("stat /proc/self/ns/pid: %w", err)
	}
	for name, value := range map[string]any{
		stacksVarRanges: code, stacksVarPidDevice: namespace.Dev, stacksVarPidInode: namespace.Ino,
		stacksVarStackEach: max(1, o.StackEach), stacksVarWaitTurns: o.WaitTurns,
	} {
		if err := spec.Variables[name].Set(value); err != nil {
			return fmt.Errorf("set %s: %w", name, err)
		}
	}
	s.coll, err = ebpf.NewCollection(spec)
	return err
}

// openEvents opens the first event that this machine has, on all CPUs that are online.
func (s *Stacks) openEvents(period time.Duration) error {
	var first error
	for _, e := range stackEvents {
		attr := unix.PerfEventAttr{
			Type: uint32(e.kind), Config: e.config, Size: uint32(unsafe.Sizeof(unix.PerfEventAttr{})),
			Sample: uint64(period), Bits: unix.PerfBitDisabled | unix.PerfBitExcludeHv,
		}
		if e.kind == unix.PERF_TYPE_HARDWARE {
			attr.Sample *= cyclesPerNs
		}
		s.event = e.name
		err := s.openEvent(&attr)
		if err == nil {
			return nil
		}
		first = err
		s.closeEvents()
	}
	return first
}

func (s *Stacks) openEvent(attr *unix.PerfEventAttr) error {
	cpus, err := ebpf.PossibleCPU()
	if err != nil {
		return err
	}
	for cpu := range cpus {
		fd, err := unix.PerfEventOpen(attr, -1, cpu, -1, unix.PERF_FLAG_FD_CLOEXEC)
		if errors.Is(err, unix.ENODEV) {
			continue // it is offline
		}
		if err != nil {
			return err
		}
		s.events = append(s.events, fd)
		if err := unix.IoctlSetInt(fd, unix.PERF_EVENT_IOC_SET_BPF, s.coll.Programs[stacksProgSampleStack].FD()); err != nil {
			return err
		}
	}
	if len(s.events) == 0 {
		return unix.ENODEV
	}
	return nil
}

// explainStacks turns an error of sampling into a reason that the user can act on, for
// given permissions and files of the kernel.
func explainStacks(what string, err error, privileged bool, read func(path string) string) error {
	paranoid := read("/proc/sys/kernel/perf_event_paranoid")
	switch {
	case errors.Is(err, os.ErrPermission) && lockdown(read) != "":
		return fmt.Errorf("%s: the kernel is locked down (lockdown=%s): %w", what, lockdown(read), err)
	case errors.Is(err, os.ErrPermission) && !privileged:
		reason := "this needs CAP_BPF and CAP_PERFMON, or root"
		if paranoid != "" {
			reason += fmt.Sprintf(" (kernel.perf_event_paranoid is %s)", paranoid)
		}
		return fmt.Errorf("%s: %s: %w", what, reason, err)
	case errors.Is(err, os.ErrPermission):
		return fmt.Errorf("%s: the kernel refused it in spite of all capabilities, as a container's seccomp filter makes it: allow perf_event_open(2) and bpf(2): %w", what, err)
	case errors.Is(err, unix.ENOSYS):
		return fmt.Errorf("%s: this kernel has no perf events (CONFIG_PERF_EVENTS): %w", what, err)
	case errors.Is(err, unix.EINVAL), errors.Is(err, ebpf.ErrNotSupported):
		return fmt.Errorf("%s: this kernel lacks what it uses: a BPF ring buffer, and stacks in programs of perf events (Linux 5.8): %w", what, err)
	}
	return fmt.Errorf("%s: %w", what, err)
}

// Event names what is counted: cycles, or cpu-clock where there is no such counter.
func (s *Stacks) Event() string { return s.event }

// Add makes processes part of the trial.
func (s *Stacks) Add(processes ...int) error {
	for _, pid := range processes {
		if err := s.coll.Maps[stacksMapProcesses].Put(uint32(pid), uint32(1)); err != nil {
			return fmt.Errorf("sample the stacks of process %d: %w", pid, err)
		}
	}
	return nil
}

// Start begins to sample.
func (s *Stacks) Start() error { return s.all(unix.PERF_EVENT_IOC_ENABLE, "start") }

// Stop ends it until the next Start.
func (s *Stacks) Stop() error { return s.all(unix.PERF_EVENT_IOC_DISABLE, "stop") }

func (s *Stacks) all(request uint, what string) error {
	for _, fd := range s.events {
		if err := unix.IoctlSetInt(fd, request, 0); err != nil {
			return fmt.Errorf("%s sampling stacks: %w", what, err)
		}
	}
	return nil
}

// Read passes on the samples since the last Read. What each keeps of a Stack it copies.
func (s *Stacks) Read(each func(Stack)) error {
	s.ring.SetDeadline(time.Unix(1, 0)) // what is there, without waiting
	var r ringbuf.Record
	for {
		switch err := s.ring.ReadInto(&r); {
		case errors.Is(err, os.ErrDeadlineExceeded):
			return nil
		case err != nil:
			return fmt.Errorf("read the samples of stacks: %w", err)
		}
		stack, err := parseStack(r.RawSample)
		if err != nil {
			return err
		}
		each(stack)
	}
}

// parseStack reads what the program wrote: struct sample, without the addresses that it
// does not use.
func parseStack(b []byte) (Stack, error) {
	head := int(unsafe.Offsetof(stacksSample{}.Ip))
	if len(b) < head {
		return Stack{}, fmt.Errorf("a sample of a stack has %d bytes: at least %d were expected", len(b), head)
	}
	word := func(i int) int { return int(binary.NativeEndian.Uint32(b[4*i:])) }
	s := Stack{Kind: StackKind(word(0)), Process: word(1)}
	kernel, user := word(2), word(3)
	if kernel < 0 || user < 0 || len(b) < head+8*(kernel+user) {
		return Stack{}, fmt.Errorf("a sample of a stack has %d bytes, too few for %d and %d addresses", len(b), kernel, user)
	}
	var ips []uint64
	for i := range kernel + user {
		ips = append(ips, binary.NativeEndian.Uint64(b[head+8*i:]))
	}
	s.Kernel, s.User = ips[:kernel:kernel], ips[kernel:]
	return s, nil
}

// Leaves passes on the innermost addresses of samples without a stack, and how often each
// was sampled since OpenStacks.
func (s *Stacks) Leaves(each func(process int, address, count uint64)) error {
	var at ebpf.MapBatchCursor
	keys, counts := make([]stacksLeaf, 4096), make([]uint64, 4096)
	for {
		n, err := s.coll.Maps[stacksMapLeaves].BatchLookup(&at, keys, counts, nil)
		for i, key := range keys[:n] {
			each(int(key.Tgid), key.Ip, counts[i])
		}
		if errors.Is(err, ebpf.ErrKeyNotExist) {
			return nil
		}
		if err != nil {
			return fmt.Errorf("read the sampled addresses: %w", err)
		}
	}
}

// Counts returns the number of samples since OpenStacks.
func (s *Stacks) Counts() (c StackCounts, err error) {
	for kind := range c {
		var perCPU []uint64
		if err := s.coll.Maps[stacksMapSampled].Lookup(uint32(kind), &perCPU); err != nil {
			return c, fmt.Errorf("count the samples of stacks: %w", err)
		}
		for _, n := range perCPU {
			c[kind] += n
		}
	}
	return c, nil
}

func (s *Stacks) closeEvents() (err error) {
	for _, fd := range s.events {
		err = errors.Join(err, unix.Close(fd))
	}
	s.events = nil
	return err
}

// Close ends all. It may be called again.
func (s *Stacks) Close() error {
	err := s.closeEvents()
	if s.ring != nil {
		err = errors.Join(err, s.ring.Close())
		s.ring = nil
	}
	if s.coll != nil {
		s.coll.Close()
		s.coll = nil
	}
	return err
}
