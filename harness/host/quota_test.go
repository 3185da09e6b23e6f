package host

import (
	"maps"
	"slices"
	"testing"
	"time"

	"tunbench/reports/record"
)

const (
	mountV1 = "32 31 0:29 / /sys/fs/cgroup/cpu rw,relatime - cgroup cgroup rw,cpu,cpuacct\n"
	mountV2 = "41 31 0:38 / /sys/fs/cgroup rw,relatime shared:9 - cgroup2 cgroup2 rw,nsdelegate\n"
)

// TestQuotas finds the quotas of the own cgroup and of those above it, by both
// versions, from wherever the hierarchy is mounted.
func TestQuotas(t *testing.T) {
	fifth := func(cgroup string) record.CPUQuota {
		return record.CPUQuota{Cgroup: cgroup, QuotaNs: 20_000_000, PeriodNs: 100_000_000}
	}
	for name, c := range map[string]struct {
		root map[string]string
		want []record.CPUQuota
		dark bool
	}{
		"no cgroups": {map[string]string{"proc/self/cgroup": ""}, nil, true},
		"no cpu controller": {map[string]string{
			"proc/self/cgroup": "4:memory:/a\n", "proc/self/mountinfo": "35 31 0:32 / /sys/fs/cgroup/memory rw - cgroup cgroup rw,memory\n",
		}, nil, true},
		"v2, none": {map[string]string{
			"proc/self/cgroup": "0::/a/b\n", "proc/self/mountinfo": mountV2,
			"sys/fs/cgroup/a/b/cpu.max": "max 100000\n", "sys/fs/cgroup/a/cpu.max": "max 100000\n",
		}, nil, false},
		"v2, own": {map[string]string{
			"proc/self/cgroup": "0::/a/b\n", "proc/self/mountinfo": mountV2,
			"sys/fs/cgroup/a/b/cpu.max": "20000 100000\n", "sys/fs/cgroup/a/cpu.max": "max 100000\n",
		}, []record.CPUQuota{fifth("/sys/fs/cgroup/a/b")}, false},
		"v2, of all above": {map[string]string{
			"proc/self/cgroup": "0::/a/b/c\n", "proc/self/mountinfo": mountV2,
			"sys/fs/cgroup/a/b/cpu.max": "20000 100000\n", "sys/fs/cgroup/a/cpu.max": "150000 50000\n", "sys/fs/cgroup/else/cpu.max": "1000 100000\n",
		}, []record.CPUQuota{fifth("/sys/fs/cgroup/a/b"), {Cgroup: "/sys/fs/cgroup/a", QuotaNs: 150_000_000, PeriodNs: 50_000_000}}, false},
		"v2, in a namespace of its own": {map[string]string{
			// The root of a container's own mount is its cgroup, whose limits are there.
			"proc/self/cgroup": "0::/\n", "proc/self/mountinfo": mountV2, "sys/fs/cgroup/cpu.max": "20000 100000\n",
		}, []record.CPUQuota{fifth("/sys/fs/cgroup")}, false},
		"v1": {map[string]string{
			"proc/self/cgroup": "3:cpu,cpuacct:/a\n0::/\n", "proc/self/mountinfo": mountV1,
			"sys/fs/cgroup/cpu/a/cpu.cfs_quota_us": "20000\n", "sys/fs/cgroup/cpu/a/cpu.cfs_period_us": "100000\n",
			"sys/fs/cgroup/cpu/cpu.cfs_quota_us": "-1\n", "sys/fs/cgroup/cpu/cpu.cfs_period_us": "100000\n",
		}, []record.CPUQuota{fifth("/sys/fs/cgroup/cpu/a")}, false},
		"v1, a container that is shown its own cgroup only": {map[string]string{
			"proc/self/cgroup": "3:cpu,cpuacct:/docker/f00\n", "proc/self/mountinfo": "32 31 0:29 /docker/f00 /sys/fs/cgroup/cpu\\040acct ro - cgroup cgroup rw,cpu,cpuacct\n",
			"sys/fs/cgroup/cpu acct/cpu.cfs_quota_us": "20000\n", "sys/fs/cgroup/cpu acct/cpu.cfs_period_us": "100000\n",
		}, []record.CPUQuota{fifth("/sys/fs/cgroup/cpu acct")}, false},
		"a namespace, and a mount from outside of it": {map[string]string{
			"proc/self/cgroup": "1:cpu:/in\n", "proc/self/stat": "77 (tunbench) R 1",
			"proc/self/mountinfo":                  "32 31 0:29 /../.. /sys/fs/cgroup/cpu rw - cgroup cgroup rw,cpu\n",
			"sys/fs/cgroup/cpu/cgroup.procs":       "1\n2\n",
			"sys/fs/cgroup/cpu/x/cgroup.procs":     "177\n",
			"sys/fs/cgroup/cpu/y/cgroup.procs":     "3\n",
			"sys/fs/cgroup/cpu/y/in/cgroup.procs":  "76\n77\n78\n",
			"sys/fs/cgroup/cpu/y/cpu.cfs_quota_us": "20000\n", "sys/fs/cgroup/cpu/y/cpu.cfs_period_us": "100000\n",
		}, []record.CPUQuota{fifth("/sys/fs/cgroup/cpu/y")}, false},
		"two mounts": {map[string]string{
			"proc/self/cgroup": "0::/a/b\n", "proc/self/mountinfo": "40 31 0:38 /a/b /mnt/mine rw - cgroup2 x rw\n" + mountV2,
			"sys/fs/cgroup/a/cpu.max": "20000 100000\n", "mnt/mine/cpu.max": "max 100000\n",
		}, []record.CPUQuota{fifth("/sys/fs/cgroup/a")}, false},
		"garbage": {map[string]string{
			"proc/self/cgroup": "0::/a\n::\nx\n", "proc/self/mountinfo": "- \n1 2 - cgroup2\n" + mountV2,
			"sys/fs/cgroup/a/cpu.max": "20000 0\n",
		}, nil, false},
	} {
		b := readBandwidth(tree(c.root))
		if got := b.quotas(); !slices.Equal(got, c.want) || b.known == c.dark {
			t.Errorf("%s: %+v known %t, want %+v known %t", name, got, b.known, c.want, !c.dark)
		}
	}
}

// TestQuotaRunsOut holds two looks at a host against each other.
func TestQuotaRunsOut(t *testing.T) {
	v2 := map[string]string{
		"proc/self/cgroup": "0::/a/b\n", "proc/self/mountinfo": mountV2,
		"sys/fs/cgroup/a/cpu.max":          "20000 100000\n",
		"sys/fs/cgroup/a/cpu.stat":         "usage_usec 5\nnr_periods 9\nnr_throttled 4\nthrottled_usec 1000\n",
		"sys/fs/cgroup/a/b/cpu.stat":       "usage_usec 5\nnr_periods 0\nnr_throttled 0\nthrottled_usec 0\n",
		"sys/fs/cgroup/a/b/cpu.stat.local": "throttled_usec 1000\n",
	}
	v1 := map[string]string{
		"proc/self/cgroup": "3:cpu:/a\n", "proc/self/mountinfo": mountV1,
		"sys/fs/cgroup/cpu/a/cpu.stat": "nr_periods 9\nnr_throttled 4\nthrottled_time 1000000\n",
	}
	with := func(m map[string]string, name, text string) map[string]string {
		m = maps.Clone(m)
		m[name] = text
		return m
	}
	for name, c := range map[string]struct {
		before, after map[string]string
		periods       int64
		stopped       time.Duration
		cgroup        string
	}{
		"v2, never": {v2, with(v2, "sys/fs/cgroup/a/cpu.stat", "nr_periods 19\nnr_throttled 4\nthrottled_usec 1000\n"), 0, 0, ""},
		"v2, one above": {v2, with(v2, "sys/fs/cgroup/a/cpu.stat", "nr_periods 19\nnr_throttled 10\nthrottled_usec 351000\n"),
			6, 350 * time.Millisecond, "/sys/fs/cgroup/a"},
		"v2, out of sight": {v2, with(v2, "sys/fs/cgroup/a/b/cpu.stat.local", "throttled_usec 3000\n"), 0, 2 * time.Millisecond, ""},
		"v1, never":        {v1, v1, 0, 0, ""},
		"v1": {v1, with(v1, "sys/fs/cgroup/cpu/a/cpu.stat", "nr_periods 13\nnr_throttled 7\nthrottled_time 91000000\n"),
			3, 90 * time.Millisecond, "/sys/fs/cgroup/cpu/a"},
		"nothing can be read": {nil, nil, -1, 0, ""},
		"nor later":           {v1, nil, -1, 0, ""},
	} {
		d := lookAt(tree(c.before), nil).Until(lookAt(tree(c.after), nil))
		if d.QuotaPeriods != c.periods || d.QuotaTime != c.stopped || d.QuotaCgroup != c.cgroup {
			t.Errorf("%s: %d periods, %v, %q; want %d, %v, %q", name, d.QuotaPeriods, d.QuotaTime, d.QuotaCgroup, c.periods, c.stopped, c.cgroup)
		}
		if twice := d.Plus(d); c.periods > 0 && (twice.QuotaPeriods != 2*c.periods || twice.QuotaTime != 2*c.stopped || twice.QuotaCgroup != c.cgroup) {
			t.Errorf("%s, twice: %+v", name, twice)
		}
	}
}
