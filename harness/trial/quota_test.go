package trial

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"tunbench/bpf"
	"tunbench/harness/host"
	"tunbench/reports/record"
)

// enterQuota moves this process into a new cgroup that may use a fifth of a CPU,
// until the test ends, and gives its folder.
func enterQuota(t *testing.T) string {
	t.Helper()
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	write := func(file, text string) { t.Helper(); must(os.WriteFile(file, []byte(text), 0o644)) }
	me := strconv.Itoa(os.Getpid())
	name := "tunbench-test-" + me

	parent, home := cpuHierarchy(t)
	dir := filepath.Join(parent, name)
	if err := os.Mkdir(dir, 0o755); errors.Is(err, unix.EROFS) || errors.Is(err, unix.EACCES) || errors.Is(err, unix.EPERM) {
		t.Skipf("needs a cgroup of its own, which a container may not make: %v", err)
	} else if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		write(filepath.Join(home, "cgroup.procs"), me)
		must(os.Remove(dir))
	})
	setQuota(t, dir, 20_000)
	write(filepath.Join(dir, "cgroup.procs"), me)
	return dir
}

// setQuota sets how many us of CPU time a cgroup may use every 100 ms.
func setQuota(t *testing.T, dir string, us int) {
	t.Helper()
	file, text := filepath.Join(dir, "cpu.max"), fmt.Sprintf("%d 100000", us)
	if _, err := os.Stat(file); err != nil {
		file, text = filepath.Join(dir, "cpu.cfs_quota_us"), strconv.Itoa(us) // every 100 ms by default
	}
	if err := os.WriteFile(file, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
}

// cpuHierarchy finds where a cgroup with the cpu controller can be made, and the
// cgroup of this process in that hierarchy. Where none is mounted, as in a guest,
// it mounts version 2.
func cpuHierarchy(t *testing.T) (parent, home string) {
	t.Helper()
	mine, err := os.ReadFile("/proc/self/cgroup")
	if err != nil {
		t.Skipf("needs cgroups: %v", err)
	}
	own := map[bool]string{}
	for line := range strings.Lines(string(mine)) {
		f := strings.SplitN(strings.TrimSpace(line), ":", 3)
		if slices.Contains(strings.Split(f[1], ","), "cpu") || f[1] == "" {
			own[f[1] == ""] = f[2]
		}
	}
	const v1 = "/sys/fs/cgroup/cpu"
	if _, err := os.Stat(filepath.Join(v1, own[false], "cpu.cfs_quota_us")); err == nil {
		home = filepath.Join(v1, own[false])
		return home, home
	}
	root := "/sys/fs/cgroup"
	if _, err := os.Stat(filepath.Join(root, "cgroup.controllers")); err != nil {
		root = t.TempDir()
		if err := unix.Mount("cgroup2", root, "cgroup2", 0, ""); err != nil {
			t.Skipf("needs a cgroup hierarchy: mount cgroup2: %v", err)
		}
		t.Cleanup(func() { unix.Unmount(root, unix.MNT_DETACH) })
	}
	// A cgroup of version 2 that has processes cannot give its controllers to those
	// below it, unless it is the root.
	if err := os.WriteFile(filepath.Join(root, "cgroup.subtree_control"), []byte("+cpu"), 0o644); err != nil {
		t.Skipf("needs the cpu controller: %v", err)
	}
	return root, filepath.Join(root, own[true])
}

// TestQuota holds that trials are invalid while the CPU quota of their cgroup
// runs out, those of a pair as well, and only then; and that doctor names the
// quota and the cgroup.
func TestQuota(t *testing.T) {
	needRoot(t)
	s := short()
	s.Measure, s.Window = 400*time.Millisecond, 40*time.Millisecond
	trials := func() []record.Trial {
		t.Helper()
		pair, err := lab.RunPair(context.Background(), [2]Variant{{s, "none"}, {s, "none"}}, 1, record.Floor{})
		if err != nil {
			t.Fatal(err)
		}
		return append(pair[:], run(t, s, bpf.None))
	}
	spoiled := func(list []record.Trial) (n int) {
		t.Helper()
		for _, trial := range list {
			flagged := slices.Contains(trial.Flags, record.FlagCPUQuota)
			if flagged != slices.ContainsFunc(trial.Notes, func(n string) bool { return strings.HasPrefix(n, record.FlagCPUQuota+": ") }) {
				t.Errorf("flags %v, notes %q", trial.Flags, trial.Notes)
			}
			if flagged && trial.Invalid() && slices.Contains(trial.Flags, record.FlagThrottled) {
				n++
			}
		}
		return n
	}
	quotaRow := func() host.Spoiler {
		t.Helper()
		for _, s := range host.Spoilers() {
			if s.Name == "cpu-quota" {
				return s
			}
		}
		return host.Spoiler{}
	}
	if quotas := host.Read().CPUQuotas; len(quotas) > 0 {
		t.Skipf("this process has a CPU quota as it is: %+v", quotas)
	}
	if n := spoiled(trials()); n != 0 {
		t.Errorf("without a quota %d of 3 trials are flagged", n)
	}
	if row := quotaRow(); row.Bad {
		t.Errorf("without a quota: %+v", row)
	}

	dir := enterQuota(t)
	list := trials()
	for _, trial := range list {
		t.Logf("%.0f pps, %v, %q", trial.Metrics[record.PPS], trial.Flags, trial.Notes)
	}
	if n := spoiled(list); n != 3 {
		t.Errorf("under a quota of 20 %% %d of 3 trials are invalid", n)
	}
	want := record.CPUQuota{Cgroup: dir, QuotaNs: 20_000_000, PeriodNs: 100_000_000}
	if got := host.Read().CPUQuotas; len(got) != 1 || got[0] != want {
		t.Errorf("recorded %+v, want %+v", got, want)
	}
	if row := quotaRow(); !row.Bad || !strings.Contains(row.Detail, fmt.Sprintf("%s may use 20ms of CPU time every 100ms", dir)) {
		t.Errorf("doctor: %+v", row)
	}

	// A quota that never runs out spoils nothing.
	setQuota(t, dir, 200*runtime.NumCPU()*1000)
	if n := spoiled(trials()); n != 0 {
		t.Errorf("under a quota of more than all CPUs %d of 3 trials are flagged", n)
	}
	if row := quotaRow(); row.Bad || !strings.Contains(row.Detail, dir) {
		t.Errorf("doctor, with a quota of more than all CPUs: %+v", row)
	}
}
