package host

import (
	"io/fs"
	"path"
	"slices"
	"strconv"
	"strings"
	"time"

	"tunbench/reports/record"
)

// bandwidth is the state of the CPU quotas that apply to this process.
type bandwidth struct {
	known bool // a cgroup could be read
	// cgroups are this process's cgroup and those above it, as far as they are
	// mounted, with and without a quota: one may be set while a trial runs.
	cgroups []budget
	// local is how long this process's cgroup was throttled, by its own quota
	// or by one above it, summed over CPUs (cpu.stat.local, Linux 6.6); -1 if
	// the kernel does not say. It is the only sign of a quota above a
	// container's own root.
	local time.Duration
}

// budget is a cgroup, its quota and how often that ran out.
type budget struct {
	record.CPUQuota        // QuotaNs is 0 where there is none
	throttled       uint64 // periods in which it ran out, since the cgroup was made
	stopped         time.Duration
}

// quotas lists those that are set, that of this process's cgroup first.
func (b bandwidth) quotas() (list []record.CPUQuota) {
	for _, c := range b.cgroups {
		if c.QuotaNs > 0 {
			list = append(list, c.CPUQuota)
		}
	}
	return list
}

// longest is the longest period of a quota that is set; 0 if none is.
func (b bandwidth) longest() (d time.Duration) {
	for _, q := range b.quotas() {
		d = max(d, time.Duration(q.PeriodNs))
	}
	return d
}

func readBandwidth(root fs.FS) bandwidth {
	b := bandwidth{local: -1}
	for _, dir := range cgroupDirs(root) {
		b.known = true
		for at := dir.own; ; at = path.Dir(at) {
			b.cgroups = append(b.cgroups, readBudget(root, at))
			if at == dir.mount || at == "." {
				break
			}
		}
		if t, ok := stopped(stats(root, path.Join(dir.own, "cpu.stat.local"))); ok {
			b.local = max(b.local, 0) + t
		}
	}
	return b
}

// readBudget reads one cgroup. Without a limit the kernel writes -1 in v1 and
// max in v2, and the root of a hierarchy may have no such file at all.
func readBudget(root fs.FS, dir string) budget {
	b := budget{CPUQuota: record.CPUQuota{Cgroup: "/" + dir}}
	quota, period := text(root, path.Join(dir, "cpu.cfs_quota_us")), text(root, path.Join(dir, "cpu.cfs_period_us"))
	if f := strings.Fields(text(root, path.Join(dir, "cpu.max"))); len(f) == 2 {
		quota, period = f[0], f[1]
	}
	q, err := strconv.ParseUint(quota, 10, 50) // in us
	p, err2 := strconv.ParseUint(period, 10, 50)
	if err == nil && err2 == nil && p > 0 {
		b.QuotaNs, b.PeriodNs = int64(q)*1000, int64(p)*1000
	}
	stat := stats(root, path.Join(dir, "cpu.stat"))
	b.throttled = stat["nr_throttled"]
	b.stopped, _ = stopped(stat)
	return b
}

// stats reads a file whose lines hold a key and a number each.
func stats(root fs.FS, name string) map[string]uint64 {
	m := map[string]uint64{}
	for line := range strings.Lines(text(root, name)) {
		if f := strings.Fields(line); len(f) == 2 {
			if n, err := strconv.ParseUint(f[1], 10, 63); err == nil {
				m[f[0]] = n
			}
		}
	}
	return m
}

// stopped is how long a cgroup was throttled: in ns in v1, in us in v2
// (cpu_cfs_stat_show and cpu_extra_stat_show of kernel/sched/core.c).
func stopped(stat map[string]uint64) (time.Duration, bool) {
	if ns, ok := stat["throttled_time"]; ok {
		return time.Duration(ns), true
	}
	us, ok := stat["throttled_usec"]
	return time.Duration(us) * time.Microsecond, ok
}

// cgroupDir holds the folders, without the slash at the beginning, of this
// process's cgroup and of the highest cgroup above it that is mounted.
type cgroupDir struct{ mount, own string }

// depth is how many cgroups are mounted above this process's cgroup.
func (d cgroupDir) depth() int {
	return strings.Count(strings.TrimPrefix(d.own, d.mount), "/")
}

// cgroupDirs finds this process in each hierarchy that may limit its CPU time:
// v2, and the hierarchy of v1 that has the cpu controller. Of several mounts of
// one hierarchy it takes the one that shows most.
func cgroupDirs(root fs.FS) (dirs []cgroupDir) {
	mounts := cgroupMounts(text(root, "proc/self/mountinfo"))
	for line := range strings.Lines(text(root, "proc/self/cgroup")) {
		// hierarchy-ID:controllers:path, without controllers in v2.
		f := strings.SplitN(strings.TrimSpace(line), ":", 3)
		if len(f) != 3 || f[1] != "" && !slices.Contains(strings.Split(f[1], ","), "cpu") {
			continue
		}
		var best *cgroupDir
		for _, m := range mounts {
			if m.v2 != (f[1] == "") {
				continue
			}
			if dir, ok := m.find(root, f[2]); ok && (best == nil || dir.depth() > best.depth()) {
				best = &dir
			}
		}
		if best != nil {
			dirs = append(dirs, *best)
		}
	}
	return dirs
}

// cgroupMount is a mount of a hierarchy. From is the cgroup at its root, by its
// name in this process's cgroup namespace.
type cgroupMount struct {
	at, from string
	v2       bool
}

// cgroupMounts reads /proc/self/mountinfo (Documentation/filesystems/proc.rst).
func cgroupMounts(info string) (mounts []cgroupMount) {
	plain := strings.NewReplacer(`\040`, " ", `\011`, "\t", `\012`, "\n", `\134`, `\`)
	for line := range strings.Lines(info) {
		before, after, ok := strings.Cut(line, " - ")
		f, super := strings.Fields(before), strings.Fields(after)
		if !ok || len(f) < 5 || len(super) < 3 {
			continue
		}
		m := cgroupMount{at: strings.TrimPrefix(path.Clean(plain.Replace(f[4])), "/"), from: plain.Replace(f[3]), v2: super[0] == "cgroup2"}
		if m.v2 || super[0] == "cgroup" && slices.Contains(strings.Split(super[2], ","), "cpu") {
			mounts = append(mounts, m)
		}
	}
	return mounts
}

// find returns the folder of the cgroup that /proc/self/cgroup calls own. Both
// names are relative to the root of the cgroup namespace. A mount that was made
// outside of it begins at "/.." or above; then only the lists of processes show
// which of its folders is the right one.
func (m cgroupMount) find(root fs.FS, own string) (cgroupDir, bool) {
	inside, ok := strings.CutPrefix(own+"/", strings.TrimSuffix(m.from, "/")+"/")
	if ok && !strings.Contains(own, "/..") {
		return cgroupDir{m.at, path.Join(m.at, inside)}, true
	}
	pid, _, _ := strings.Cut(text(root, "proc/self/stat"), " ")
	const most = 4096 // folders to look into
	for queue := []string{m.at}; pid != "" && len(queue) > 0 && len(queue) < most; queue = queue[1:] {
		if slices.Contains(strings.Fields(text(root, path.Join(queue[0], "cgroup.procs"))), pid) {
			return cgroupDir{m.at, queue[0]}, true
		}
		entries, _ := fs.ReadDir(root, queue[0])
		for _, e := range entries {
			if e.IsDir() {
				queue = append(queue, path.Join(queue[0], e.Name()))
			}
		}
	}
	return cgroupDir{}, false
}
