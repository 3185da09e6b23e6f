// Package metric is the table of what is measured: the name of each metric, its unit,
// which direction is better, what it means, what it is called in exports, and the
// smallest change of it that counts.
package metric

import (
	"maps"
	"slices"

	"tunbench/reports/record"
)

// Kind describes a metric.
type Kind struct {
	Metric  string // its name in run.jsonl
	Unit    string // of the values
	Better  int    // +1 where more is better, -1 where less is, 0 where neither is
	Meaning string
	Bench   string // its unit in Go's benchmark format, which benchstat prints above a table
	Gauge   Gauge  // what Prometheus calls it

	// Threshold is the smallest change that counts: a ratio or, if Absolute is set, a
	// difference in Unit. 0 where no verdict is given on the metric.
	Threshold float64
	Absolute  bool
	Virtual   float64 // Threshold in virtual time, where verdicts are given on other metrics
	Searched  bool    // a search finds it, which leaves bounds and no samples
	Quantile  bool    // of the latency from end to end: no metric of run.jsonl
	Share     bool    // of a whole: from 0 to 1
}

// gate returns the gate of a kind with that threshold.
func (k Kind) gate(threshold float64) Gate {
	return Gate{Metric: k.Metric, Unit: k.Unit, Better: k.Better, Absolute: k.Absolute, Threshold: threshold}
}

// Gauge is what Prometheus calls a metric. Names end in the unit, and units are base
// units: seconds and bytes, not ns and bits.
type Gauge struct {
	Family, Unit string
	Per          float64 // how many units of run.jsonl are one Unit
}

// table holds all metrics, the headline first.
var table = []Kind{
	{
		Metric: record.PPS, Unit: "packets/s", Better: +1, Bench: "pkts/s", Gauge: Gauge{"delivered", "packets_per_second", 1},
		Meaning:   "Unique packets delivered, in wire segments",
		Threshold: 0.03,
	},
	{
		Metric: record.SKBPS, Unit: "skbs/s", Better: 0, Bench: "skbs/s", Gauge: Gauge{"delivered", "skbs_per_second", 1},
		Meaning: "Units that the device moved; one unit may carry many segments",
	},
	{
		Metric: record.BitPerS, Unit: "bit/s", Better: +1, Bench: "bit/s", Gauge: Gauge{"delivered", "bytes_per_second", 8},
		Meaning:   "IP packets (TUN) or frames (TAP) delivered, without headers that the device adds",
		Threshold: 0.03,
	},
	{
		Metric: record.OfferedPPS, Unit: "packets/s", Better: 0, Bench: "offered-pkts/s", Gauge: Gauge{"offered", "packets_per_second", 1},
		Meaning: "Packets handed to the kernel",
	},
	{
		Metric: record.Loss, Unit: "ratio", Share: true, Better: -1, Bench: "loss", Gauge: Gauge{"loss", "ratio", 1},
		Meaning:   "Share of the accepted packets that were not delivered, after the drain",
		Threshold: 0.001, Absolute: true,
	},
	{
		Metric: record.CPUNsPerPkt, Unit: "ns", Better: -1, Bench: "CPU-ns/pkt", Gauge: Gauge{"cpu", "seconds_per_packet", 1e9},
		Meaning:   "CPU time of all threads per delivered packet, including softirq",
		Threshold: 0.03,
	},
	{Metric: LatencyP50, Unit: "ns", Better: -1, Meaning: "Median of the end-to-end latency", Quantile: true, Threshold: 0.05},
	{Metric: LatencyP99, Unit: "ns", Better: -1, Meaning: "99th percentile of the end-to-end latency", Quantile: true, Threshold: 0.10},
	{
		Metric: record.SendNsPerPkt, Unit: "ns", Better: -1, Bench: "send-ns/pkt", Gauge: Gauge{"send", "seconds_per_packet", 1e9},
		Meaning: "Time inside the sending calls per accepted packet",
		Virtual: VirtualThreshold,
	},
	{
		Metric: record.RecvNsPerPkt, Unit: "ns", Better: -1, Bench: "recv-ns/pkt", Gauge: Gauge{"receive", "seconds_per_packet", 1e9},
		Meaning: "Time inside the receiving calls per delivered packet",
		Virtual: VirtualThreshold,
	},
	{
		Metric: record.SyscallsPerPkt, Unit: "ratio", Better: 0, Bench: "syscalls/pkt", Gauge: Gauge{"system", "calls_per_packet", 1},
		Meaning: "System calls per delivered packet",
	},
	{
		Metric: record.FloorRatio, Unit: "ratio", Better: -1, Bench: "x-floor", Gauge: Gauge{"floor", "ratio", 1},
		Meaning: "Time in the calls of the reader as a multiple of a bare system call and a copy of that size",
	},
	{
		Metric: record.LoopbackRatio, Unit: "ratio", Better: +1, Bench: "x-loopback", Gauge: Gauge{"loopback", "ratio", 1},
		Meaning: "Packet rate as a multiple of what the same traffic reaches over loopback, by turns on the same CPUs",
	},
	{
		Metric: record.Jain, Unit: "ratio", Share: true, Better: +1, Bench: "jain", Gauge: Gauge{"jain", "ratio", 1},
		Meaning:   "Jain's index of the packets read from each queue or, where user space writes, received by it",
		Threshold: 0.02, Absolute: true,
	},
	{
		Metric: record.QueueImbalance, Unit: "ratio", Better: -1, Bench: "max/mean-queue", Gauge: Gauge{"queue_imbalance", "ratio", 1},
		Meaning: "Packets of the most loaded queue as a multiple of the mean of all queues",
	},
	{
		Metric: record.Stopped, Unit: "ratio", Share: true, Better: 0, Bench: "stopped", Gauge: Gauge{"queue_stopped", "ratio", 1},
		Meaning: "Share of the measured time for which the driver had stopped a transmit queue, mean of all queues",
	},
	{
		Metric: record.FlowConsistency, Unit: "ratio", Share: true, Better: +1, Bench: "flow-consistency", Gauge: Gauge{"flow_consistency", "ratio", 1},
		Meaning: "Share of the flows whose packets all took one queue",
	},
	{
		Metric: record.TPS, Unit: "transactions/s", Better: +1, Bench: "transactions/s", Gauge: Gauge{"conversation", "transactions_per_second", 1},
		Meaning: "Transactions: a request and its answer",
	},
	{
		Metric: record.GoodputBitPerS, Unit: "bit/s", Better: +1, Bench: "goodput-bit/s", Gauge: Gauge{"goodput", "bytes_per_second", 8},
		Meaning: "TCP payload, each byte counted once",
	},
	{
		Metric: record.Retransmits, Unit: "ratio", Share: true, Better: -1, Bench: "retransmits", Gauge: Gauge{"retransmits", "ratio", 1},
		Meaning: "Share of the TCP segments that were sent again",
	},
	{
		Metric: record.NDRPPS, Unit: "packets/s", Better: +1, Bench: "ndr-pkts/s", Gauge: Gauge{"no_drop", "packets_per_second", 1},
		Meaning:   "Highest rate without loss that a search found",
		Threshold: 0.03, Searched: true,
	},
	{
		Metric: record.PDRPPS, Unit: "packets/s", Better: +1, Bench: "pdr-pkts/s", Gauge: Gauge{"partial_drop", "packets_per_second", 1},
		Meaning:   "Highest rate with at most 0.5 % of loss that a search found",
		Threshold: 0.03, Searched: true,
	},
	{
		Metric: record.PeakBytes, Unit: "bytes", Better: -1, Bench: "peak-B", Gauge: Gauge{"program_peak", "bytes", 1},
		Meaning: "Highest resident memory of a program of path=program, of the end that had more",
	},
	{
		Metric: record.Steal, Unit: "ratio", Share: true, Better: 0, Bench: "steal", Gauge: Gauge{"steal", "ratio", 1},
		Meaning: "Share of the CPU time that the hypervisor took",
	},
}

// Kinds are the known metrics of run.jsonl, the headline first. An unknown metric is
// exported too, without a unit and with Better 0.
func Kinds() []Kind {
	return slices.DeleteFunc(slices.Clone(table), func(k Kind) bool { return k.Quantile })
}

// Instructions is the unit of costs in virtual time.
const Instructions = "instructions"

// Find returns the kind of a metric of run.jsonl; false where the metric is unknown.
func Find(name string) (Kind, bool) {
	i := slices.IndexFunc(table, func(k Kind) bool { return k.Metric == name && !k.Quantile })
	if i < 0 {
		return Kind{Metric: name}, false
	}
	return table[i], true
}

// Of returns the kind of a metric under a clock: in virtual time, a nanosecond is an
// instruction. An unknown metric has only a name.
func Of(name, clock string) Kind {
	k, _ := Find(name)
	if clock == record.ClockICount && k.Unit == "ns" {
		k.Unit = Instructions
	}
	return k
}

// Names are the names of Kinds.
func Names() (names []string) {
	for _, k := range Kinds() {
		names = append(names, k.Metric)
	}
	return names
}

// Known returns names, and after them, sorted, each other name that was found: a file
// of a newer tunbench may hold names that this tunbench does not know.
func Known(names []string, found map[string]bool) []string {
	all := slices.Clone(names)
	for _, name := range slices.Sorted(maps.Keys(found)) {
		if !slices.Contains(names, name) {
			all = append(all, name)
		}
	}
	return all
}

// Only returns the names that were found: the known ones in the order of names, then
// the others, sorted.
func Only(names []string, found map[string]bool) []string {
	return slices.DeleteFunc(Known(names, found), func(name string) bool { return !found[name] })
}

// goalNames are the short names of the goals of a search.
var goalNames = map[string]string{record.NDRPPS: "NDR", record.PDRPPS: "PDR"}

// GoalName is the short name of a goal, or its name where it has none.
func GoalName(g record.Goal) string {
	if name, ok := goalNames[g.Name]; ok {
		return name
	}
	return g.Name
}
