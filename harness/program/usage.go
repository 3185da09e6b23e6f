package program

import (
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
)

// Usage is what the processes of one end have used so far: those that run, and of those
// that have ended the CPU time. All belong to it that are below the first process of the PID
// namespace: what forks away, in whatever session, becomes a child of that one.
type Usage struct {
	CPUNs     int64
	PeakBytes uint64 // the sum of the highest resident memory of each process that runs (VmHWM)
}

// childrenOf lists the children of all threads of a process.
func childrenOf(pid string) (list []int, err error) {
	files, err := filepath.Glob("/proc/" + pid + "/task/*/children")
	if err != nil || len(files) == 0 {
		return nil, fmt.Errorf("list the children of process %s: %w", pid, os.ErrNotExist)
	}
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			continue // the thread has ended
		}
		for field := range strings.FieldsSeq(string(text)) {
			if n, err := strconv.Atoi(field); err == nil {
				list = append(list, n)
			}
		}
	}
	return list, nil
}

// belonging lists all processes below the first one of a PID namespace: by its children and
// theirs or, where the kernel lists no children, by the namespace, in which nothing else runs.
func belonging(first int) ([]int, error) {
	all, err := descendants(first)
	if err == nil {
		return all, nil
	}
	if _, gone := os.Stat(fmt.Sprintf("/proc/%d", first)); gone != nil {
		return nil, errUnknownUsage
	}
	all, nsErr := inNamespaceOf(first)
	if nsErr != nil {
		return nil, fmt.Errorf("find the processes of the program: %w (CONFIG_PROC_CHILDREN), and %w: run as root, with a /proc of all processes (no hidepid)", err, nsErr)
	}
	return all, nil
}

// inNamespaceOf lists the processes of the PID namespace of the first one in it, without that.
func inNamespaceOf(first int) (list []int, err error) {
	space, err := os.Readlink(fmt.Sprintf("/proc/%d/ns/pid", first))
	if err != nil {
		return nil, fmt.Errorf("read the PID namespace of process %d: %w", first, err)
	}
	entries, err := os.ReadDir("/proc")
	if err != nil {
		return nil, fmt.Errorf("list the processes: %w", err)
	}
	for _, e := range entries {
		pid, err := strconv.Atoi(e.Name())
		if err != nil || pid == first {
			continue
		}
		if other, err := os.Readlink(filepath.Join("/proc", e.Name(), "ns/pid")); err == nil && other == space {
			list = append(list, pid)
		}
	}
	return list, nil
}

// descendants lists all processes below one.
func descendants(pid int) ([]int, error) {
	all, err := childrenOf(strconv.Itoa(pid))
	if err != nil {
		return nil, err
	}
	for i := 0; i < len(all); i++ {
		if more, err := childrenOf(strconv.Itoa(all[i])); err == nil {
			all = append(all, more...)
		}
	}
	return all, nil
}

// cpuClock is the clock of the CPU time of a process, in the encoding of
// include/linux/posix-timers.h: all its threads, also those that have ended.
func cpuClock(pid int) int32 {
	const sched = 2 // CPUCLOCK_SCHED
	return ^int32(pid)<<3 | sched
}

// tickNs is the unit of times in /proc/PID/stat: USER_HZ is 100 on all that Go runs on.
const tickNs = 10_000_000

// usageBelow adds up what the processes below the first one have used.
func usageBelow(first int) (u Usage, err error) {
	running, err := belonging(first)
	if err != nil {
		return u, err
	}
	u.CPUNs, err = reaped(first)
	if err != nil {
		return u, err
	}
	for _, pid := range running {
		var ts unix.Timespec
		if unix.ClockGettime(cpuClock(pid), &ts) != nil {
			continue // it has just ended, and counts for its parent
		}
		u.CPUNs += ts.Nano()
		if ns, err := reaped(pid); err == nil {
			u.CPUNs += ns
		}
		u.PeakBytes += peak(pid)
	}
	return u, nil
}

// reaped is the CPU time in ns of the children of a process that have ended.
func reaped(pid int) (int64, error) {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return 0, fmt.Errorf("read the CPU time of process %d: %w", pid, err)
	}
	// The name in parentheses may hold anything.
	fields := strings.Fields(string(text[strings.LastIndexByte(string(text), ')')+1:]))
	const cutime, cstime = 13, 14 // counted from the state, the first one here
	if len(fields) <= cstime {
		return 0, fmt.Errorf("read the CPU time of process %d: %d fields", pid, len(fields))
	}
	user, err := strconv.ParseInt(fields[cutime], 10, 64)
	if err != nil {
		return 0, err
	}
	system, err := strconv.ParseInt(fields[cstime], 10, 64)
	return (user + system) * tickNs, err
}

// peak is the highest resident memory of a process in bytes; 0 if it has ended.
func peak(pid int) uint64 {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		return 0
	}
	for line := range strings.Lines(string(text)) {
		if rest, ok := strings.CutPrefix(line, "VmHWM:"); ok {
			n, err := strconv.ParseUint(strings.TrimSpace(strings.TrimSuffix(strings.TrimSpace(rest), "kB")), 10, 64)
			if err == nil {
				return n << 10
			}
		}
	}
	return 0
}

// held counts the queues of a TUN/TAP device that the processes below the first one
// hold, and names the devices that they hold.
func held(first int, device string) (queues int, devices []string) {
	running, err := belonging(first)
	if err != nil {
		return 0, nil
	}
	seen := map[string]bool{}
	for _, pid := range running {
		files, _ := filepath.Glob(fmt.Sprintf("/proc/%d/fdinfo/*", pid)) // the pattern is well-formed
		for _, file := range files {
			text, err := os.ReadFile(file)
			if err != nil {
				continue
			}
			for line := range strings.Lines(string(text)) {
				name, ok := strings.CutPrefix(line, "iff:")
				if !ok {
					continue
				}
				name = strings.TrimSpace(name)
				if name == device {
					queues++
				}
				if !seen[name] {
					seen[name] = true
					devices = append(devices, name)
				}
			}
		}
	}
	return queues, devices
}
