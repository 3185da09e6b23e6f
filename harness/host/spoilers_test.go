package host

import (
	"slices"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"tunbench/reports/record"
)

func TestJudge(t *testing.T) {
	stat := func(user, steal, idle time.Duration) Stat {
		return Stat{CPU: []CPU{{0, CPUTimes{User: user, Steal: steal, Idle: idle}}}}
	}
	const ms = time.Millisecond
	quiet := record.Host{
		CPUs: 4, SMT: "off", Virt: "none", Clocksource: "tsc", Governor: "performance",
		Sysctl: map[string]string{"kernel.bpf_stats_enabled": "0", "net.core.bpf_jit_enable": "1"},
		Config: map[string]string{"CONFIG_KASAN": "n"},
	}
	idle := snapshot{stat: stat(0, 0, 200*ms), load: "0.01", turbo: "0", cgroups: true, timer: 1}
	zero := snapshot{stat: stat(0, 0, 0)}

	for _, s := range judge(quiet, zero, idle) {
		if s.Bad || s.Advice != "" || s.Detail == "" {
			t.Errorf("on a quiet host: %+v", s)
		}
	}
	if n := len(judge(quiet, zero, idle)); n != 12 {
		t.Errorf("%d things were looked at, want 12", n)
	}
	if all := judge(record.Host{}, snapshot{}, snapshot{}); len(all) != 0 {
		t.Errorf("nothing can be read: %+v", all)
	}

	for _, c := range []struct {
		name   string
		change func(h *record.Host, a *snapshot)
		detail string
	}{
		{"cpus", func(h *record.Host, _ *snapshot) { h.CPUs = 1 }, "1 online"},
		{"load", func(_ *record.Host, a *snapshot) { a.stat = stat(50*ms, 0, 150*ms) }, "25 %"},
		{"cpu-quota", func(h *record.Host, _ *snapshot) {
			h.CPUQuotas = []record.CPUQuota{{Cgroup: "/sys/fs/cgroup/box", QuotaNs: 20_000_000, PeriodNs: 100_000_000}}
		}, "cgroup /sys/fs/cgroup/box may use 20ms of CPU time every 100ms: 0.2 CPUs"},
		{"governor", func(h *record.Host, _ *snapshot) { h.Governor = "powersave,performance" }, "powersave"},
		{"turbo", func(_ *record.Host, a *snapshot) { a.turbo = "1" }, "on"},
		{"smt", func(h *record.Host, _ *snapshot) { h.SMT = "on" }, "on"},
		{"clocksource", func(h *record.Host, _ *snapshot) { h.Clocksource = "hpet" }, "hpet"},
		{"timers", func(_ *record.Host, a *snapshot) { a.timer = 4 * time.Millisecond }, "within 4ms"},
		{"virtualization", func(h *record.Host, _ *snapshot) { h.Virt = "kvm" }, "kvm"},
		{"virtualization", func(h *record.Host, _ *snapshot) { h.Virt = "tcg" }, "tcg"},
		{"bpf-stats", func(h *record.Host, _ *snapshot) { h.Sysctl = map[string]string{"kernel.bpf_stats_enabled": "1"} }, "=1"},
		{"bpf-jit", func(h *record.Host, _ *snapshot) { h.Sysctl = map[string]string{"net.core.bpf_jit_enable": "0"} }, "=0"},
		{"debug-kernel", func(h *record.Host, _ *snapshot) {
			h.Config = map[string]string{"CONFIG_KASAN": "y", "CONFIG_LOCKDEP": "y"}
		}, "CONFIG_KASAN, CONFIG_LOCKDEP"},
	} {
		h, after := quiet, idle
		c.change(&h, &after)
		var bad []string
		for _, s := range judge(h, zero, after) {
			if !s.Bad {
				continue
			}
			bad = append(bad, s.Name)
			if s.Name == c.name && (!strings.Contains(s.Detail, c.detail) || s.Advice == "") {
				t.Errorf("%s: %+v, want %q and an advice", c.name, s, c.detail)
			}
		}
		if !slices.Equal(bad, []string{c.name}) {
			t.Errorf("%s: bad are %q", c.name, bad)
		}
	}

	// A quota that is no limit is shown and spoils nothing.
	wide := quiet
	wide.CPUQuotas = []record.CPUQuota{{Cgroup: "/sys/fs/cgroup/box", QuotaNs: 400_000_000, PeriodNs: 100_000_000}}
	for _, s := range judge(wide, zero, idle) {
		if s.Bad || s.Name == "cpu-quota" && !strings.Contains(s.Detail, "box may use 400ms of CPU time every 100ms: 4 CPUs") {
			t.Errorf("a quota of all CPUs: %+v", s)
		}
	}

	// What this process does itself is not foreign.
	after := idle
	after.stat, after.own = stat(50*ms, 0, 150*ms), 50*ms
	for _, s := range judge(quiet, zero, after) {
		if s.Bad {
			t.Errorf("own work: %+v", s)
		}
	}
}

func TestLook(t *testing.T) {
	const cpu = "sys/devices/system/cpu/"
	s := look(tree(map[string]string{
		"proc/stat":                   someStat,
		"proc/loadavg":                "0.43 0.26 0.13 1/89 8217\n",
		cpu + "intel_pstate/no_turbo": "0\n",
	}))
	if len(s.stat.CPU) != 2 || s.load != "0.43" || s.turbo != "1" {
		t.Errorf("%+v", s)
	}
	if s := look(tree(map[string]string{cpu + "intel_pstate/no_turbo": "1\n"})); s.turbo != "0" {
		t.Errorf("no turbo: %+v", s)
	}
	if s := look(tree(map[string]string{cpu + "cpufreq/boost": "1\n"})); s.turbo != "1" {
		t.Errorf("boost: %+v", s)
	}
	if s := look(tree(nil)); len(s.stat.CPU) != 0 || s.load != "" || s.turbo != "" {
		t.Errorf("nothing to read: %+v", s)
	}
}

func TestSpoilers(t *testing.T) {
	start := time.Now()
	all := Spoilers()
	if took := time.Since(start); took > 5*time.Second {
		t.Errorf("took %v", took)
	}
	names := map[string]bool{}
	for _, s := range all {
		t.Logf("%+v", s)
		if s.Name == "" || s.Detail == "" || s.Bad != (s.Advice != "") || names[s.Name] {
			t.Errorf("%+v", s)
		}
		names[s.Name] = true
	}
	if !names["cpus"] || !names["load"] || !names["timers"] {
		t.Errorf("only %v", names)
	}
}

func TestLacking(t *testing.T) {
	const all = 1<<unix.CAP_NET_ADMIN | 1<<unix.CAP_SYS_ADMIN | 1<<unix.CAP_BPF | 1<<unix.CAP_PERFMON | 1<<unix.CAP_NET_RAW
	for _, c := range []struct {
		effective uint64
		want      []string
	}{
		{all, nil},
		{^uint64(0), nil},
		{all &^ (1<<unix.CAP_BPF | 1<<unix.CAP_PERFMON), nil}, // CAP_SYS_ADMIN is enough
		{all &^ (1 << unix.CAP_SYS_ADMIN), []string{"CAP_SYS_ADMIN"}},
		{all &^ (1 << unix.CAP_NET_RAW), []string{"CAP_NET_RAW"}},
		{1<<unix.CAP_NET_ADMIN | 1<<unix.CAP_NET_RAW, []string{"CAP_SYS_ADMIN", "CAP_BPF", "CAP_PERFMON"}},
		{0, []string{"CAP_NET_ADMIN", "CAP_SYS_ADMIN", "CAP_BPF", "CAP_PERFMON", "CAP_NET_RAW"}},
	} {
		if got := lacking(c.effective); !slices.Equal(got, c.want) {
			t.Errorf("%#x: %q, want %q", c.effective, got, c.want)
		}
	}
}

func TestCapabilities(t *testing.T) {
	t.Logf("missing: %q", Capabilities())
}
