package document

import (
	"tunbench/reports/record"
)

// Advice says what a flag means and what to do about it.
type Advice struct {
	Flag, Meaning, Next string
}

// Advices are in the order in which flags are worth a look: what makes a trial
// invalid first.
var Advices = []Advice{
	{record.FlagUnexplained,
		"Packets are missing, or more arrived than were sent, and nothing accounts for it. The trial is invalid and left out of the figures.",
		"Run this scenario alone with --filter. If it comes back, it is a fault of tunbench or of the kernel: report it with run.jsonl."},
	{record.FlagBadVnet,
		"Virtio-net headers did not fit the packets behind them, or complete checksums were wrong. Who reads such a device gets broken packets. The trial is invalid and left out of the figures.",
		"Run this scenario alone with --filter on another kernel: the note says what was wrong and how often. If other kernels are right, it is a fault of this one: report it with run.jsonl."},
	{record.FlagLate,
		"More than 1 % of the packets of an open loop were sent later than they may be after they were due: the load was not the one that was asked for. The trial is invalid and left out of the figures.",
		"Lower the load, or give the senders CPUs that nothing else uses (--cpus): a sender falls behind where its rate is more than one CPU can send, or another program or the hypervisor takes its CPU."},
	{record.FlagUnsettled,
		"In virtual time a trial goes on until five blocks of rounds in a row agree to 0.1 %, and these never did.",
		"Do not compare this scenario; look at what else the guest runs, or boot it again."},
	{record.FlagNoTraffic,
		"No packet was delivered in the measured time. The trial is invalid and left out of the figures.",
		"Look at the drops by reason and at the device's features below, then run the scenario alone with -v."},
	{record.FlagSteal,
		"The hypervisor took more than 1 % of the CPU time. The trial is invalid and left out of the figures.",
		"Run again when the neighbours are quiet, or on a host with CPUs of its own."},
	{record.FlagCPUQuota,
		"The CPU quota of the cgroup that tunbench ran in, or of one above it, ran out during the trial, and all workers stood still until its period was over: the figure is that of the quota. The trial is invalid and left out of the figures.",
		"Take the quota away (docker run without --cpus, a pod without limits.cpu, a unit without CPUQuota=), or measure outside of that cgroup; tunbench doctor names it."},
	{record.FlagClockStep,
		"The clock that all figures rest on was slewed or replaced, or the machine was suspended, during the trial. The trial is invalid and left out of the figures.",
		"Let the time daemon finish what it does, keep the machine awake, and look for the clock source in dmesg."},
	{record.FlagGeneratorLimited,
		"The sender, not the device, set the rate: the figure is a lower bound of what the device can do.",
		"Give the senders more CPUs with --cpus, or let them offer more with gen=udp-gso or gen=packet."},
	{record.FlagOversubscribed,
		"There were more workers than CPUs, so the figure measures the scheduler too.",
		"Use fewer queues, io=poll or io=read, or a host with more CPUs."},
	{record.FlagUnsteady,
		"The windows of the trial differ by more than the gate allows.",
		"Read the median over pairs, not this trial. A quiet host and a longer --warmup and --measure make it steadier."},
	{record.FlagForeignLoad,
		"Other programs ran on the CPUs of the workers for more than 5 % of the measured time.",
		"Stop them, keep them off these CPUs (isolcpus, cgroup cpusets), or choose other CPUs with --cpus; tunbench doctor shows how it stands now."},
	{record.FlagPressure,
		"Tasks waited for a CPU for more than 10 % of the measured time, by the kernel's own account (PSI).",
		"Stop what else runs on this host; tunbench doctor shows how it stands now."},
	{record.FlagThrottled,
		"A CPU of the workers changed its frequency by more than 10 % during the trial, or heat slowed it down, or a CPU quota ran out.",
		"Fix the clock (cpupower frequency-set -g performance, turbo off) and let the machine cool down; of a CPU quota see cpu-quota."},
	{record.FlagMissedEvents,
		"The kernel skipped runs of an observer program, so its counts of queues and drops are low. Rates and losses are not touched: the reader counts them.",
		"Force another rung with --hook, or use fewer queues at once."},
	{record.FlagLostReturns,
		"The observer did not see all calls of tun_do_read or tun_get_user return, so what it counts at their returns (calls, bytes, errors) is left out. Packets, bytes and drops of the queues are counted elsewhere and are not touched.",
		"Use --hook fentry, or fewer queues than the kernel has instances of a kretprobe (10, or twice the number of possible CPUs if that is more)."},
	{record.FlagMissedSamples,
		"More than 1 % of the residency samples were overwritten before they were read, so the quantiles rest on the others.",
		"Keep fewer packets in flight: a smaller txqlen, or an open load below the maximum."},
	{record.FlagReordered,
		"The reader saw packets of a flow out of order.",
		"Expected where steering may move a flow between queues (steer=ebpf-cpu, or a sender that migrates). Elsewhere, look at --cpus and at the steering."},
	{record.FlagDuplicates,
		"The reader saw a packet twice. Duplicates do not count as delivered.",
		"Nothing in a sink path should copy packets: run the scenario alone, and report it with run.jsonl if it comes back."},
}

func AdviceOn(flag string) Advice {
	for _, a := range Advices {
		if a.Flag == flag {
			return a
		}
	}
	return Advice{flag, "A flag that this version of tunbench does not know.", "Render the report with the version that measured it."}
}

// ReasonMeaning explains the reasons for which tun_net_xmit drops, after
// include/net/dropreason-core.h, and those of what never gets there, or is
// dropped once user space has written it.
var ReasonMeaning = map[string]string{
	"FULL_RING":       "the queue's ring was full: the reader was slower than the sender",
	"DEV_READY":       "the device was not up, or the queue had no reader",
	"TAP_FILTER":      "the eBPF filter on the device refused it",
	"TAP_TXFILTER":    "the address filter of the device refused it",
	"SKB_TRIM":        "the packet could not be shortened as the filter asked",
	"SKB_UCOPY_FAULT": "its fragments could not be copied",
	"NOMEM":           "the kernel had no memory for it",
	"QDISC_DROP":      "the queueing discipline refused it: it was full, or there was no carrier",
	"SOCKET_RCVBUFF":  "its socket was full: the receiver was slower than the writer",
	"NO_SOCKET":       "no socket had its port",
	"CPU_BACKLOG":     "the queue of the CPU that was to receive it was full",
	record.Detached:   "it was in the ring of a queue that was detached",
	record.TxDropped:  "the device's own counter, which knows no reasons",
}

// SkipMeaning explains the reasons of a skip.
var SkipMeaning = map[string]string{
	record.Unsupported:  "the kernel refused; the detail names the call",
	record.Unprivileged: "a capability is missing: run as root",
	record.Missing:      "a program, a module or CPUs are not there",
	record.Failed:       "tunbench failed: run the scenario alone with -v, and report it",
}
