package host

import (
	"errors"
	"fmt"
	"io/fs"
	"math/bits"
	"os"
	"path"
	"slices"
	"strconv"
	"strings"
	"unsafe"

	"golang.org/x/sys/unix"

	"tunbench/reports/record"
)

// maxCPU is above the highest CPU number of any Linux configuration.
const maxCPU = 1 << 16

// parseList parses a list of CPUs as the kernel writes it, "0-3,8": sorted, no
// number twice.
func parseList(s string) ([]int, error) {
	s = strings.TrimSpace(s)
	if s == "" {
		return nil, nil
	}
	var cpus []int
	for part := range strings.SplitSeq(s, ",") {
		from, to, isRange := strings.Cut(part, "-")
		if !isRange {
			to = from
		}
		a, err := strconv.ParseUint(from, 10, 32)
		b, err2 := strconv.ParseUint(to, 10, 32)
		if err != nil || err2 != nil || a > b || b >= maxCPU {
			return nil, fmt.Errorf("parse CPU list %q: %q is neither a CPU nor a range of CPUs", s, part)
		}
		for c := a; c <= b; c++ {
			cpus = append(cpus, int(c))
		}
	}
	slices.Sort(cpus)
	return slices.Compact(cpus), nil
}

const wordBits = bits.UintSize

// cpuMask is the kernel's cpumask: one bit a CPU in words of the machine.
// unix.CPUSet ends at CPU 1023, and the kernel refuses a mask that is shorter
// than its own.
type cpuMask []uintptr

func (m cpuMask) list() []int {
	var cpus []int
	for i, w := range m {
		for ; w != 0; w &= w - 1 {
			cpus = append(cpus, i*wordBits+bits.TrailingZeros(uint(w)))
		}
	}
	return cpus
}

func maskOf(cpu int) cpuMask {
	m := make(cpuMask, cpu/wordBits+1)
	m[cpu/wordBits] = 1 << (cpu % wordBits)
	return m
}

func getAffinity(tid int) (cpuMask, error) {
	for words := 1024 / wordBits; ; words *= 2 {
		m := make(cpuMask, words)
		n, _, errno := unix.RawSyscall(unix.SYS_SCHED_GETAFFINITY, uintptr(tid), uintptr(words)*unsafe.Sizeof(m[0]), uintptr(unsafe.Pointer(&m[0])))
		switch {
		case errno == 0:
			return m[:n/unsafe.Sizeof(m[0])], nil
		case errno != unix.EINVAL || words*wordBits >= maxCPU:
			return nil, fmt.Errorf("sched_getaffinity: %w", errno)
		}
	}
}

func setAffinity(tid int, m cpuMask) error {
	_, _, errno := unix.RawSyscall(unix.SYS_SCHED_SETAFFINITY, uintptr(tid), uintptr(len(m))*unsafe.Sizeof(m[0]), uintptr(unsafe.Pointer(&m[0])))
	if errno != 0 {
		return fmt.Errorf("sched_setaffinity to CPUs %v: %w", m.list(), errno)
	}
	return nil
}

// Affinity lists the CPUs that this process may use, sorted. It asks for the
// main thread, so that a caller on a pinned thread gets the same answer.
func Affinity() ([]int, error) {
	m, err := getAffinity(unix.Getpid())
	if err != nil {
		return nil, err
	}
	return m.list(), nil
}

// place is the position of a CPU. Core, llc and pkg are the lowest CPU that
// shares the core, the last-level cache and the package: unlike the kernel's
// ids, they are unique. Where sysfs does not say, they are the CPU itself.
type place struct{ cpu, core, llc, node, pkg int }

func topology(root fs.FS, cpus []int) []place {
	places := make([]place, 0, len(cpus))
	for _, c := range cpus {
		dir := "sys/devices/system/cpu/cpu" + strconv.Itoa(c)
		first := func(file string, otherwise int) int {
			if l, err := parseList(text(root, path.Join(dir, file))); err == nil && len(l) > 0 {
				return l[0]
			}
			return otherwise
		}
		p := place{cpu: c}
		p.core = first("topology/thread_siblings_list", c)
		p.pkg = first("topology/core_siblings_list", p.core)
		p.llc = p.pkg
		level := 0
		for i := 0; ; i++ {
			cache := "cache/index" + strconv.Itoa(i)
			l, err := strconv.Atoi(text(root, path.Join(dir, cache, "level")))
			if err != nil {
				break
			}
			if l > level {
				level, p.llc = l, first(cache+"/shared_cpu_list", p.pkg)
			}
		}
		if nodes, _ := fs.Glob(root, dir+"/node[0-9]*"); len(nodes) > 0 {
			p.node, _ = strconv.Atoi(strings.TrimPrefix(path.Base(nodes[0]), "node"))
		}
		places = append(places, p)
	}
	return places
}

// order sorts CPUs by how well they work together: every core once before any
// core twice, and first those that share a cache, node and package with the
// most others, so that a packet stays on one part of the machine.
func order(places []place) []int {
	// Threads of a core, in order, are its turns 0, 1, ...
	turn := map[int]int{}
	seen := map[int]int{}
	cores := map[int]int{} // llc -> cores in it
	for _, p := range places {
		turn[p.cpu] = seen[p.core]
		if seen[p.core] == 0 {
			cores[p.llc]++
		}
		seen[p.core]++
	}
	if len(places) == 0 {
		return nil
	}
	best := places[0]
	for _, p := range places {
		if cores[p.llc] > cores[best.llc] {
			best = p
		}
	}
	far := func(p place) int {
		switch {
		case p.llc == best.llc:
			return 0
		case p.node == best.node && p.pkg == best.pkg:
			return 1
		case p.pkg == best.pkg:
			return 2
		}
		return 3
	}
	sorted := slices.Clone(places)
	slices.SortStableFunc(sorted, func(a, b place) int {
		for _, d := range []int{turn[a.cpu] - turn[b.cpu], far(a) - far(b), a.pkg - b.pkg, a.node - b.node, a.llc - b.llc} {
			if d != 0 {
				return d
			}
		}
		return a.cpu - b.cpu
	})
	cpus := make([]int, len(sorted))
	for i, p := range sorted {
		cpus[i] = p.cpu
	}
	return cpus
}

// Place assigns a CPU to each of the senders and readers. Of a list of CPUs the
// first half sends and the second half reads, in the given order; of an odd
// number the readers get one more. Without a list, CPUs are chosen from those
// that the process may use: different cores first, near each other. If there
// are fewer CPUs than workers, they are assigned in turn; a single CPU does
// both. A CPU that the process may not use is an error.
func Place(cpus []int, senders, readers int) (record.Placement, error) {
	allowed, err := Affinity()
	if err != nil {
		return record.Placement{}, err
	}
	if len(cpus) == 0 {
		return split(order(topology(os.DirFS("/"), allowed)), senders, readers), nil
	}
	for _, c := range cpus {
		if !slices.Contains(allowed, c) {
			return record.Placement{}, fmt.Errorf("use CPU %d: %w: this process may use CPUs %v", c, errNotAllowed, allowed)
		}
	}
	half := len(cpus) / 2
	return deal(cpus[:max(half, 1)], cpus[half:], senders, readers), nil
}

var errNotAllowed = errors.New("it is off line or not in the affinity mask")

// split assigns ordered CPUs: one for each worker if there are enough, else one
// half to each side.
func split(cpus []int, senders, readers int) record.Placement {
	if len(cpus) >= senders+readers {
		return deal(cpus[:senders], cpus[senders:senders+readers], senders, readers)
	}
	half := len(cpus) / 2
	return deal(cpus[:max(half, 1)], cpus[half:], senders, readers)
}

func deal(s, r []int, senders, readers int) record.Placement {
	turns := func(cpus []int, n int) []int {
		out := make([]int, n)
		for i := range out {
			out[i] = cpus[i%len(cpus)]
		}
		return out
	}
	return record.Placement{Sender: turns(s, senders), Reader: turns(r, readers)}
}
