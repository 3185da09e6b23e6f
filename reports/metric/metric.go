// Package metric is the table of what is measured: the name of each metric, its unit,
// which direction is better, what it means, what it is called in exports, and the
// smallest change of it that counts.
package metric

import (
	"maps"
	"slices"

	"tunbench/reports/record"
)

// Kind tells what the values of a metric mean.
type Kind struct {
	Metric  string // its name in run.jsonl
	Unit    string // of its values
	Better  int    // +1 where more is better, -1 where less is, 0 where neither is
	Meaning string
}

// Kinds are the metrics of run.jsonl, the headline first. One that is not
// among them is exported all the same: without a unit, and better neither way.
var Kinds = []Kind{
	{record.PPS, "packets/s", +1, "Unique packets delivered, in wire segments"},
	{record.SKBPS, "skbs/s", 0, "Units that the device moved, where one may carry many segments"},
	{record.BitPerS, "bit/s", +1, "IP packets (TUN) or frames (TAP) delivered, without headers of the device"},
	{record.OfferedPPS, "packets/s", 0, "Packets handed to the kernel"},
	{record.Loss, "ratio", -1, "Share of the accepted packets that were not delivered, after the drain"},
	{record.CPUNsPerPkt, "ns", -1, "CPU time of all threads, softirq included, for a delivered packet"},
	{record.SendNsPerPkt, "ns", -1, "Time inside the calls that send, for a delivered packet"},
	{record.RecvNsPerPkt, "ns", -1, "Time inside the calls that receive, for a delivered packet"},
	{record.SyscallsPerPkt, "ratio", 0, "System calls for a delivered packet"},
	{record.FloorRatio, "ratio", -1, "Time in the calls of the reader over a bare system call and a copy of that size"},
	{record.Jain, "ratio", +1, "Jain's index of the packets read from each queue or, where user space writes, received by it"},
	{record.QueueImbalance, "ratio", -1, "Packets of the most loaded queue over the mean of all"},
	{record.FlowConsistency, "ratio", +1, "Share of the flows that were seen on one queue only"},
	{record.TPS, "transactions/s", +1, "Transactions: a request and its answer"},
	{record.GoodputBitPerS, "bit/s", +1, "Payload of TCP, once each"},
	{record.Retransmits, "ratio", -1, "Share of the TCP segments that were sent again"},
	{record.NDRPPS, "packets/s", +1, "Highest rate without loss that a search found"},
	{record.PDRPPS, "packets/s", +1, "Highest rate with at most 0.5 % of loss that a search found"},
	{record.Steal, "ratio", 0, "Share of the CPU time that the hypervisor took"},
}

// Instructions is the unit of time in virtual time.
const Instructions = "instructions"

func Of(metric, clock string) Kind {
	i := slices.IndexFunc(Kinds, func(k Kind) bool { return k.Metric == metric })
	if i < 0 {
		return Kind{Metric: metric}
	}
	k := Kinds[i]
	if clock == VirtualClock && slices.ContainsFunc(VirtualGates, func(g Gate) bool { return g.Metric == metric }) {
		k.Unit = Instructions
	}
	return k
}

func Names() (names []string) {
	for _, k := range Kinds {
		names = append(names, k.Metric)
	}
	return names
}

// Known gives the names of all known things, and after them, sorted, the others
// that were found: a file may hold what this tunbench has never heard of.
func Known(names []string, found map[string]bool) []string {
	all := slices.Clone(names)
	for _, name := range slices.Sorted(maps.Keys(found)) {
		if !slices.Contains(names, name) {
			all = append(all, name)
		}
	}
	return all
}

// Only gives those of names that were found, in the order of names.
func Only(names []string, found map[string]bool) []string {
	return slices.DeleteFunc(Known(names, found), func(name string) bool { return !found[name] })
}

// goalNames are the short names of the goals of a search.
var goalNames = map[string]string{record.NDRPPS: "NDR", record.PDRPPS: "PDR"}

func GoalName(g record.Goal) string {
	if name, ok := goalNames[g.Name]; ok {
		return name
	}
	return g.Name
}

// SeesOrder are the metrics that verdicts are about, in the order in which they
// are told.
var SeesOrder = []string{record.PPS, record.BitPerS, record.CPUNsPerPkt, "p50", "p99", record.PDRPPS, record.Loss, record.Jain}

// GaugeName is how a metric is called in Prometheus, which wants base units: a
// name that ends in the unit, and seconds and bytes, not ns and bits.
type GaugeName struct {
	Family, Unit string
	Per          float64 // units of run.jsonl in one of unit
}

var GaugeNames = map[string]GaugeName{
	record.PPS:             {"delivered", "packets_per_second", 1},
	record.SKBPS:           {"delivered", "skbs_per_second", 1},
	record.BitPerS:         {"delivered", "bytes_per_second", 8},
	record.OfferedPPS:      {"offered", "packets_per_second", 1},
	record.Loss:            {"loss", "ratio", 1},
	record.CPUNsPerPkt:     {"cpu", "seconds_per_packet", 1e9},
	record.SendNsPerPkt:    {"send", "seconds_per_packet", 1e9},
	record.RecvNsPerPkt:    {"receive", "seconds_per_packet", 1e9},
	record.SyscallsPerPkt:  {"system", "calls_per_packet", 1},
	record.FloorRatio:      {"floor", "ratio", 1},
	record.Jain:            {"jain", "ratio", 1},
	record.QueueImbalance:  {"queue_imbalance", "ratio", 1},
	record.FlowConsistency: {"flow_consistency", "ratio", 1},
	record.TPS:             {"conversation", "transactions_per_second", 1},
	record.GoodputBitPerS:  {"goodput", "bytes_per_second", 8},
	record.Retransmits:     {"retransmits", "ratio", 1},
	record.NDRPPS:          {"no_drop", "packets_per_second", 1},
	record.PDRPPS:          {"partial_drop", "packets_per_second", 1},
	record.Steal:           {"steal", "ratio", 1},
}

// A file in Go's benchmark format (https://go.dev/design/14313-benchmark-format)
// holds one result line for each valid trial and each rate that a search found.
// The number of iterations is that of the packets that the trial delivered, its
// warm-up included; 1 for what delivered none, and for a search.
//
// Figures are in the record's own units, and those in nanoseconds are named so
// that readers of the format make seconds of them: `CPU-ns/pkt` is printed as
// CPU-sec/pkt. No statistical assumption is made of what trials measured
// (assume=nothing); a bound that a search found is exact.
//
// What the format cannot carry stands in lines that begin with #, which its
// readers pass over: invalid trials, which must not become part of a median,
// skips, and whether the run was interrupted. Windows, histograms, queues,
// flows, accounting and flags are in run.jsonl alone.

// BenchUnits names the units of metrics by what benchstat prints above a table.
var BenchUnits = map[string]string{
	record.PPS:             "pkts/s",
	record.SKBPS:           "skbs/s",
	record.BitPerS:         "bit/s",
	record.Loss:            "loss",
	record.CPUNsPerPkt:     "CPU-ns/pkt",
	record.SendNsPerPkt:    "send-ns/pkt",
	record.RecvNsPerPkt:    "recv-ns/pkt",
	record.SyscallsPerPkt:  "syscalls/pkt",
	record.FloorRatio:      "x-floor",
	record.OfferedPPS:      "offered-pkts/s",
	record.TPS:             "transactions/s",
	record.GoodputBitPerS:  "goodput-bit/s",
	record.Retransmits:     "retransmits",
	record.Jain:            "jain",
	record.QueueImbalance:  "max/mean-queue",
	record.FlowConsistency: "flow-consistency",
	record.Steal:           "steal",
	record.NDRPPS:          "ndr-pkts/s",
	record.PDRPPS:          "pdr-pkts/s",
}
