package doctor

import (
	"tunbench/harness/condition"
)

// Remedy is what a person should know of a row that is not as it should be.
type Remedy struct {
	Why     string // it matters; "" if it does not
	Command string // mends it, or shows more; "" where no command can
}

// busy shows what else runs.
const busy = "ps -eo pid,psr,pcpu,comm --sort=-pcpu | head"

// showQuota finds the cgroups of the shell that have a CPU quota.
const showQuota = `grep -rHs . /sys/fs/cgroup --include=cpu.max --include=cpu.cfs_quota_us | grep -v -e ':max' -e ':-1'`

// remedies are by the names of rows.
var remedies = map[string]Remedy{
	"capabilities": {"without them neither devices nor the observer can be made", "sudo tunbench doctor"},
	"/dev/net/tun": {"no device can be made", "modprobe tun && ls -l /dev/net/tun"},

	"IFF_TUN":                   {"mode=tun cannot be measured", "modprobe tun"},
	"IFF_TAP":                   {"mode=tap cannot be measured", "modprobe tun"},
	"no IFF_NO_PI":              {"pi=on cannot be measured", ""},
	"IFF_VNET_HDR":              {"vnet and offload cannot be measured", ""},
	"TUN_F_CSUM":                {"offload cannot be measured", ""},
	"TUN_F_TSO4":                {"offload=tso and what includes it cannot be measured", ""},
	"TUN_F_TSO6":                {"offload=tso and what includes it cannot be measured", ""},
	"TUNSETSNDBUF":              {"sndbuf cannot be set", ""},
	"TUNSETVNETHDRSZ 10":        {"vnet=10 cannot be measured", ""},
	"TUNSETVNETHDRSZ 12":        {"vnet=12 cannot be measured", ""},
	"TUNSETVNETHDRSZ 20":        {"vnet=20 cannot be measured", ""},
	"TUNSETVNETHDRSZ 24":        {"vnet=24 cannot be measured", ""},
	"IFF_MULTI_QUEUE":           {"more than one queue cannot be measured", ""},
	"TUNSETQUEUE":               {"event=detach cannot be measured", ""},
	"IFF_NAPI":                  {"napi=napi cannot be measured", ""},
	"IFF_NAPI_FRAGS":            {"napi=frags cannot be measured", ""},
	"TUNSETSTEERINGEBPF":        {"steer=ebpf and its kin cannot be measured", ""},
	"TUNSETFILTEREBPF":          {"filter cannot be measured", ""},
	"TUNSETCARRIER":             {"event=carrier cannot be measured", ""},
	"TUN_F_USO4|TUN_F_USO6":     {"offload=uso and what includes it cannot be measured", ""},
	"TUN_F_UDP_TUNNEL_GSO":      {"offload=tunnel cannot be measured", ""},
	"TUN_F_UDP_TUNNEL_GSO_CSUM": {"offload=tunnel cannot be measured", ""},

	"io_uring: reads":                        {"io=uring cannot be measured", "sysctl kernel.io_uring_disabled"},
	"io_uring: registered buffers and files": {"io=uring falls back to plain buffers, which cost more", ""},
	"io=vhost":                               {"io=vhost cannot be measured", "modprobe vhost_net"},

	"steal":         {"a trial with more than 1 % of stolen time is invalid", "vmstat 1 5"},
	"pressure":      {"workers wait for their CPUs, and figures tell about the scheduler", busy},
	"throttling":    {"the clock falls while a trial runs, and the rate with it", "cpupower frequency-set -g performance"},
	condition.Quota: {"workers stand still when the quota is used up, and figures tell about the quota: such a trial is invalid", showQuota},
	"clock":         {"all figures rest on this clock: a trial in which it steps is invalid", "timedatectl"},

	"cpus":           {"sender and reader take turns on one CPU, and figures tell about the scheduler", ""},
	"cpu-quota":      {"workers stand still when the quota is used up, and figures tell about the quota: such a trial is invalid", showQuota},
	rowBridge:        {"path=bridge costs more than on a host without br_netfilter", "modprobe -r br_netfilter"},
	rowIPv6:          {"ip=6 cannot be measured", "cat /proc/cmdline"},
	"load":           {"what else runs takes time from the workers", busy},
	"governor":       {"the clock follows the load, and figures follow the clock", "cpupower frequency-set -g performance"},
	"turbo":          {"the clock depends on heat and on what other cores do", "echo 1 > /sys/devices/system/cpu/intel_pstate/no_turbo || echo 0 > /sys/devices/system/cpu/cpufreq/boost"},
	"smt":            {"the two threads of a core share it: what runs on one slows the other down", "echo off > /sys/devices/system/cpu/smt/control"},
	"clocksource":    {"each reading of the clock costs as much as a packet", "cat /sys/devices/system/clocksource/clocksource0/available_clocksource"},
	"timers":         {"links that delay packets, open loops and pauses wait for the next tick", "cat /proc/cmdline; dmesg | grep -i -e tsc -e clocksource"},
	"virtualization": {"what neighbours do cannot be seen from inside: two runs may differ by that alone", "tunbench ab --a queues=1 --b queues=4"},
	"bpf-stats":      {"the observer costs more than it has to", "sysctl -w kernel.bpf_stats_enabled=0"},
	"bpf-jit":        {"the observer costs several times what it has to", "sysctl -w net.core.bpf_jit_enable=1"},
	"debug-kernel":   {"such a kernel is several times slower, and not evenly so", ""},
}
