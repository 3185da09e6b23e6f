// Package record holds the records of run.jsonl and their codec.
//
// It is the shared vocabulary of the module and imports nothing of it. All
// values are in base units: packets, bytes, nanoseconds, ratios of 1. None is
// negative, but for the fields with the tag `sign:"any"`.
package record

import (
	"bytes"
	"cmp"
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
)

// Schema is the version of the records that this package writes. A reader
// refuses a file whose schema is above its own.
const Schema = 1

// Kind is the first field of each line of run.jsonl.
type Kind string

const (
	KindRun     Kind = "run"
	KindTrial   Kind = "trial"
	KindSearch  Kind = "search"
	KindVerdict Kind = "verdict"
	KindSkip    Kind = "skip"
	KindResume  Kind = "resume"
	KindEnd     Kind = "end"
)

// Arm tells whether the observer was attached during a trial.
type Arm string

const (
	Bare     Arm = "bare"
	Observed Arm = "observed"
)

// Reasons of a Skip.
const (
	Unsupported  = "unsupported"  // the kernel refused; Detail names the call and the errno
	Unprivileged = "unprivileged" // the caller lacks a capability
	Missing      = "missing"      // a program, a module or enough CPUs are not there
	Failed       = "failed"       // tunbench failed; the run exits with 2
)

// Flags of a Trial. Each says that a figure of the trial is to be read with
// care; reports tell what to do about it.
const (
	FlagUnsteady         = "unsteady"          // windows differ by more than the gate allows
	FlagGeneratorLimited = "generator-limited" // the sender, not the device, set the rate
	FlagSteal            = "steal"             // more than 1 % of the CPU time was stolen: invalid
	FlagUnexplained      = "unexplained"       // packets are missing that nothing accounts for: invalid
	FlagOversubscribed   = "oversubscribed"    // more workers than CPUs: measures the scheduler too
	FlagDuplicates       = "duplicates"        // the reader saw a packet twice
	FlagReordered        = "reordered"         // the reader saw packets of a flow out of order
	FlagMissedSamples    = "missed-samples"    // more than 1 % of the residency samples were overwritten
	FlagMissedEvents     = "missed-events"     // the kernel skipped runs of an observer program: counts are low
	FlagLostReturns      = "lost-returns"      // the observer did not see all calls return: what it counts there is left out
	FlagUnsettled        = "unsettled"         // in virtual time, no five blocks in a row agreed to 0.1 %
	FlagNoTraffic        = "no-traffic"        // nothing was delivered in the measured time: invalid
	FlagLate             = "late"              // more than 1 % of the sends missed their schedule: invalid
	FlagForeignLoad      = "foreign-load"      // other programs ran on the pinned CPUs
	FlagPressure         = "pressure"          // tasks waited for a CPU, by the kernel's PSI
	FlagThrottled        = "throttled"         // a CPU was throttled, or changed its frequency, or a CPU quota ran out
	FlagCPUQuota         = "cpu-quota"         // the CPU quota of a cgroup ran out: invalid
	FlagClockStep        = "clock-step"        // the clock jumped during the trial: invalid
	FlagBadVnet          = "bad-vnet"          // virtio-net headers or checksums were wrong: invalid
)

// LeastMeasureNs is the least measured time of a trial whose rate may be quoted:
// ten ticks of 10 ms, in which the kernel counts CPU time. In less it cannot be
// told whether the host disturbed a trial, and a handful of packets makes a rate.
const LeastMeasureNs = 100_000_000

// TooShort reports whether t was measured for less than LeastMeasureNs. Lockstep
// counts packets, not time.
func (t Trial) TooShort() bool { return t.DurationNs < LeastMeasureNs && t.Axes["gen"] != "lockstep" }

// Invalid tells whether a flag says that the figures of t must not be used.
func (t Trial) Invalid() bool { return slices.ContainsFunc(t.Flags, Invalidates) }

// Disturbed reports whether something else than the device had a part in t: it is
// invalid, or shows what other programs and the hypervisor took.
func (t Trial) Disturbed() bool {
	return t.Invalid() || slices.ContainsFunc(t.Flags, func(f string) bool { return slices.Contains(disturbing, f) })
}

var disturbing = []string{FlagSteal, FlagForeignLoad, FlagPressure, FlagThrottled}

// Invalidates tells whether a trial with that flag is invalid.
func Invalidates(flag string) bool { return slices.Contains(invalidating, flag) }

var invalidating = []string{FlagSteal, FlagUnexplained, FlagNoTraffic, FlagLate, FlagClockStep, FlagBadVnet, FlagCPUQuota}

// Run is the header of a file: which tool, which host, which settings.
type Run struct {
	Kind    Kind     `json:"kind"`
	Schema  int      `json:"schema"`
	ID      string   `json:"id"`
	Started string   `json:"started"` // RFC 3339, UTC
	Tool    Tool     `json:"tool"`
	Clock   string   `json:"clock"` // "monotonic" or "icount"
	Suite   string   `json:"suite"`
	Seed    uint64   `json:"seed"`
	Args    []string `json:"args"`
	Host    Host     `json:"host"`
	Hook    Hook     `json:"hook"`
	Floor   Floor    `json:"floor"`
	// Plan is what the run set out to measure; nil in the files of tunbench ab, in
	// the header of a merged file, and where an older tunbench wrote it.
	Plan *Plan `json:"plan,omitempty"`
	// Sees maps a metric to the smallest true change that A/A runs on this host
	// under this kernel could show: a ratio of 1, or a difference where the
	// metric is judged by differences (loss, jain). Empty where none is known.
	Sees map[string]float64 `json:"sees,omitempty"`
	// Builds are the programs that measured each variant, by its letter, in a
	// file of tunbench ab that compared two of them. Tool is the one that asked.
	Builds map[string]Build `json:"builds,omitempty"`
	// Shard is set where the run is a share of its plan. Parts are the shards of
	// a merged file, in their order; the rest of its header is what they have in
	// common.
	Shard *Shard `json:"shard,omitempty"`
	Parts []Part `json:"parts,omitempty"`
}

// Plan is what a run set out to measure. A run is resumed by the same plan only:
// its trials would not be those of one run.
type Plan struct {
	// Hash is of all that follows but SuiteFile, and of the run's suite, seed,
	// clock and requested hook.
	Hash      string   `json:"hash"`
	SuiteFile string   `json:"suite_file,omitempty"` // absolute path; "" for a suite that is built in
	Pairs     int      `json:"pairs"`                // of each scenario
	Arms      []Arm    `json:"arms"`
	Search    string   `json:"search,omitempty"` // profile
	CPUs      []int    `json:"cpus,omitempty"`   // as asked for
	Timings   []Timing `json:"timings"`          // of all scenarios, in their order
}

// Timing is how long each trial of some scenarios of a Plan takes.
type Timing struct {
	WarmupNs  int64    `json:"warmup_ns"`
	MeasureNs int64    `json:"measure_ns"`
	WindowNs  int64    `json:"window_ns"`
	Scenarios []string `json:"scenarios"`
}

// Build is a tunbench in a file.
type Build struct {
	Path   string `json:"path"` // as it was given
	SHA256 string `json:"sha256"`
	Tool   Tool   `json:"tool"`
}

// Tool names the tunbench that made the file.
type Tool struct {
	Version string `json:"version"`
	Commit  string `json:"commit"`
	Go      string `json:"go"`
}

// Host is the machine as far as it is part of a number.
type Host struct {
	Kernel        string            `json:"kernel"`         // uname -r
	KernelVersion string            `json:"kernel_version"` // uname -v
	Arch          string            `json:"arch"`
	CPU           string            `json:"cpu"`
	CPUs          int               `json:"cpus"` // online
	SMT           string            `json:"smt"`  // "on", "off", "notsupported" or ""
	Virt          string            `json:"virt"` // "none", "kvm", "tcg" ...
	Clocksource   string            `json:"clocksource"`
	Cmdline       string            `json:"cmdline"`
	Governor      string            `json:"governor"` // "" where there is no cpufreq
	Mitigations   map[string]string `json:"mitigations"`
	Config        map[string]string `json:"config"` // the CONFIG_ options that bear on TUN/TAP
	// Sysctl holds settings of the host, and those that each network namespace has
	// for itself as a new one has them: in such namespaces trials run.
	Sysctl      map[string]string `json:"sysctl"`
	MemoryBytes uint64            `json:"memory_bytes"`
	// Boot is random and new at each boot: runs that have it in common met the
	// same machine. "" where it is not known.
	Boot string `json:"boot,omitempty"`
	// Outer is the machine that a guest of `tunbench vm` or `tunbench kernels` ran
	// on, nil for any other run: under emulation CPU names QEMU's own.
	Outer *Outer `json:"outer,omitempty"`
	// CPUQuotas are those of this process's cgroup and of the cgroups above it, as
	// far as it can see them; empty where there is none.
	CPUQuotas []CPUQuota `json:"cpu_quotas,omitempty"`
	// Netfilter names the modules of netfilter that were loaded.
	Netfilter []string `json:"netfilter,omitempty"`
}

// Outer is the machine that a guest ran on.
type Outer struct {
	Kernel string `json:"kernel"` // uname -r
	CPU    string `json:"cpu"`
	CPUs   int    `json:"cpus"` // online
	Virt   string `json:"virt"` // as of Host
}

// CPUQuota is a limit on the CPU time of a cgroup (CFS bandwidth).
type CPUQuota struct {
	Cgroup   string `json:"cgroup"`   // its folder
	QuotaNs  int64  `json:"quota_ns"` // CPU time in each period, of all CPUs together
	PeriodNs int64  `json:"period_ns"`
}

// CPUs is the quota as a number of CPUs.
func (q CPUQuota) CPUs() float64 { return float64(q.QuotaNs) / float64(q.PeriodNs) }

// Hook tells how the observer looked into the kernel, and why so.
type Hook struct {
	Requested  string       `json:"requested"`
	Used       string       `json:"used"`
	PassedOver []PassedOver `json:"passed_over"`
	Programs   []Program    `json:"programs"`
}

// PassedOver is a rung of the ladder that was not taken.
type PassedOver struct {
	Hook   string `json:"hook"`
	Reason string `json:"reason"`
}

// Program is one BPF program of the observer.
type Program struct {
	Name   string `json:"name"`
	Kind   string `json:"kind"` // kprobe, kretprobe, fentry, fexit, tracepoint
	Target string `json:"target"`
}

// Floor is what the bare system calls cost on this host in this run.
type Floor struct {
	SyscallNs float64 `json:"syscall_ns"`
	// CopyNs maps a size in bytes to the time in which the kernel copies that
	// much to user space in one read, the system call left out.
	CopyNs map[string]float64 `json:"copy_ns"`
}

// Bounds of a floor that can be. They are wide: a busy host scatters the figures of
// an honest one.
const (
	floorSlack = 0.75 // a copy of more bytes takes at least this share of one of fewer
	mostCalls  = 20   // a copy of a small packet takes at most that many system calls' time
	smallCopy  = 1500 // bytes
)

// Fault says what about f is impossible, so that nothing can be held against it;
// "" if nothing is, or nothing was measured. A host that was disturbed while the
// floor was measured leaves such figures.
func (f Floor) Fault() string {
	type copied struct {
		size uint64
		ns   float64
	}
	var list []copied
	for size, ns := range f.CopyNs {
		if n, err := strconv.ParseUint(size, 10, 64); err == nil {
			list = append(list, copied{n, ns})
		}
	}
	slices.SortFunc(list, func(a, b copied) int { return cmp.Compare(a.size, b.size) })
	for i, c := range list {
		switch {
		case !(c.ns > 0):
			return fmt.Sprintf("a copy of %d bytes took %.0f ns", c.size, c.ns)
		case c.size <= smallCopy && f.SyscallNs > 0 && c.ns > mostCalls*f.SyscallNs:
			return fmt.Sprintf("a copy of %d bytes took %.0f ns, a bare system call %.0f ns", c.size, c.ns, f.SyscallNs)
		case i > 0 && c.ns < floorSlack*list[i-1].ns:
			return fmt.Sprintf("a copy of %d bytes took %.0f ns, one of %d bytes %.0f ns", list[i-1].size, list[i-1].ns, c.size, c.ns)
		}
	}
	return ""
}

// Trial is one measurement of one scenario: one device, built and torn down.
type Trial struct {
	Kind     Kind              `json:"kind"`
	Scenario string            `json:"scenario"`
	Axes     map[string]string `json:"axes"`
	Arm      Arm               `json:"arm"`
	Pair     int               `json:"pair"` // 1-based, within the scenario
	// Variant is "a" or "b" in a file of tunbench ab, where both may be the same
	// scenario, and "" elsewhere. Block counts its blocks of pairs from 1: a
	// verdict found in one is confirmed in the next.
	Variant    string             `json:"variant,omitempty"`
	Block      int                `json:"block,omitempty"`
	Shard      int                `json:"shard,omitempty"` // of a merged file; also of the other records
	Trial      int                `json:"trial"`           // 1-based, within the run or its shard
	Started    string             `json:"started"`
	DurationNs int64              `json:"duration_ns"`        // of the measured windows together
	Metrics    map[string]float64 `json:"metrics" sign:"any"` // only a loss is ever negative: see check
	Windows    []Window           `json:"windows"`
	Queues     []Queue            `json:"queues,omitempty"` // observed arm only
	Flows      []Flow             `json:"flows,omitempty"`  // left out above 256 flows
	Latency    map[string]Latency `json:"latency"`
	Schedule   *Schedule          `json:"schedule,omitempty"` // open loop only
	Accounting Accounting         `json:"accounting"`
	Reads      Reads              `json:"reads"`
	Writes     *Writes            `json:"writes,omitempty"`    // where user space writes packets into a device
	Vnet       *Vnet              `json:"vnet,omitempty"`      // what the virtio-net headers said that readers got
	TCP        *TCP               `json:"tcp,omitempty"`       // gen=tcp, tcp-rr
	Program    *Generator         `json:"generator,omitempty"` // gen=iperf3
	// Directions holds each direction by itself, by its name (k2u, u2k), where
	// traffic flows in both: Metrics, Accounting and the rest are then of both
	// together.
	Directions map[string]Direction `json:"directions,omitempty"`
	// Hops follows the packets of a path of several devices, in the order in
	// which they pass.
	Hops   []Hop  `json:"hops,omitempty"`
	Device Device `json:"device"` // the one under observation
	// Devices are all TUN/TAP devices of a path that has more than one, in the
	// order in which packets pass them.
	Devices  []Device  `json:"devices,omitempty"`
	CPUs     Placement `json:"cpus"`
	Observer *Observer `json:"observer,omitempty"` // observed arm only
	Flags    []string  `json:"flags"`
	Notes    []string  `json:"notes,omitempty"` // what a flag saw, with figures; how the warm-up went
}

// Names of metrics.
const (
	PPS             = "pps"
	SKBPS           = "skb_ps"
	BitPerS         = "bit_per_s"
	Loss            = "loss"
	CPUNsPerPkt     = "cpu_ns_per_pkt"
	SendNsPerPkt    = "send_ns_per_pkt"
	RecvNsPerPkt    = "recv_ns_per_pkt"
	SyscallsPerPkt  = "syscalls_per_pkt"
	FloorRatio      = "floor_ratio"
	Jain            = "jain"
	QueueImbalance  = "queue_imbalance"
	NDRPPS          = "ndr_pps"           // highest rate without loss: lower bound of the search
	PDRPPS          = "pdr_pps"           // the same with 0.5 % loss
	OfferedPPS      = "offered_pps"       // packets/s handed to the kernel over the windows
	TPS             = "tps"               // transactions/s: a request and its answer
	GoodputBitPerS  = "goodput_bit_per_s" // payload of TCP, once each
	Retransmits     = "retransmits"       // share of the sent TCP segments that were sent again
	FlowConsistency = "flow_consistency"  // share of the flows that were seen on one queue only
	Steal           = "steal"             // share of the CPU time of the host that was stolen over the windows
)

// Names of latencies.
const (
	Residency = "residency" // xmit to dequeue inside the kernel, seen by the observer
	E2E       = "e2e"       // sent stamp to the reader's return from read
	RTT       = "rtt"       // of a transaction, seen by who asks
	Service   = "service"   // from the sent time, where e2e counts from the intended time
)

// Window is one slice of the measured time. TNs is its end, counted from the
// start of the measured time.
type Window struct {
	TNs   int64  `json:"t_ns"`
	Pkts  uint64 `json:"pkts"`
	Bytes uint64 `json:"bytes"`
}

// Queue is what the observer counted on one queue over the whole trial.
// Packets and bytes are those of wire segments; the skb counts tell how many
// units the device moved where offloads let it move super-packets.
type Queue struct {
	Queue     int    `json:"queue"`
	XmitPkts  uint64 `json:"xmit_pkts"`
	XmitBytes uint64 `json:"xmit_bytes"`
	ReadPkts  uint64 `json:"read_pkts"`
	ReadBytes uint64 `json:"read_bytes"`
	Flows     int    `json:"flows"`
	XmitSKBs  uint64 `json:"xmit_skbs,omitempty"`
	ReadSKBs  uint64 `json:"read_skbs,omitempty"`
	DropPkts  uint64 `json:"drop_pkts"`
	// What user space wrote through the queue and the kernel took, in wire
	// segments and in skbs.
	RecvPkts  uint64 `json:"recv_pkts,omitempty"`
	RecvBytes uint64 `json:"recv_bytes,omitempty"`
	RecvSKBs  uint64 `json:"recv_skbs,omitempty"`
}

// Flow is what generator and readers counted on one flow over the whole trial.
type Flow struct {
	Flow       int    `json:"flow"`
	Accepted   uint64 `json:"accepted"`
	Delivered  uint64 `json:"delivered"`
	Duplicates uint64 `json:"duplicates"`
	Reordered  uint64 `json:"reordered"`
	// Queues maps a queue to the packets of the flow that came out of it; queues
	// without any are left out. Nil where there is one queue, or none.
	Queues map[int]uint64 `json:"queues,omitempty"`
}

// Latency is a histogram over the measured time and its quantiles in
// nanoseconds. A quantile is nil unless at least ten samples lie above it.
type Latency struct {
	Count    uint64  `json:"count"`
	Missed   uint64  `json:"missed"`
	Overflow uint64  `json:"overflow"`
	MinNs    uint64  `json:"min_ns"`
	P50Ns    *uint64 `json:"p50_ns,omitempty"`
	P90Ns    *uint64 `json:"p90_ns,omitempty"`
	P99Ns    *uint64 `json:"p99_ns,omitempty"`
	P999Ns   *uint64 `json:"p999_ns,omitempty"`
	MaxNs    uint64  `json:"max_ns"`
	Buckets  Buckets `json:"buckets"`
}

// Bounded gives a quantile of l, which may be nil, but nothing beyond its smallest
// and its largest sample: the middle of a bucket, which older files have, may be.
func (l *Latency) Bounded(quantile *uint64) *uint64 {
	if quantile == nil || l.MaxNs == 0 || l.MinNs > l.MaxNs {
		return quantile
	}
	v := min(max(*quantile, l.MinNs), l.MaxNs)
	return &v
}

// Buckets holds [lower bound in ns, count] of each bucket of a histogram that is
// not empty, lowest first.
type Buckets [][2]uint64

// UnmarshalJSON reads what encoding/json would, in the memory that it needs and
// without reflection: buckets are nine tenths of a file.
func (b *Buckets) UnmarshalJSON(text []byte) error {
	list := make(Buckets, 0, max(0, bytes.Count(text, []byte{'['})-1))
	rest, ok := bytes.CutPrefix(text, []byte{'['})
	for ok && len(rest) > 1 {
		var bucket [2]uint64
		if rest, ok = bytes.CutPrefix(rest, []byte{'['}); !ok {
			break
		}
		for i, after := range []byte{',', ']'} {
			n := bytes.IndexByte(rest, after)
			if n < 0 {
				ok = false
				break
			}
			v, err := strconv.ParseUint(string(rest[:n]), 10, 64)
			if bucket[i], rest = v, rest[n+1:]; err != nil {
				ok = false
				break
			}
		}
		list = append(list, bucket)
		if len(rest) > 1 && rest[0] == ',' {
			rest = rest[1:]
		}
	}
	if ok && string(rest) == "]" {
		*b = list
		return nil
	}
	// Spaces, other lengths, or no numbers at all: an error must name them.
	return json.Unmarshal(text, (*[][2]uint64)(b))
}

// Schedule tells how an open loop was kept over the measured time. A packet is
// late if its send began more than LateNs after it was due.
type Schedule struct {
	RatePPS float64 `json:"rate_pps"` // asked for, of all senders together
	Spacing string  `json:"spacing"`  // "fixed" or "poisson"
	Sends   uint64  `json:"sends"`    // packets that were due, those that were not sent by the end included
	Late    uint64  `json:"late"`
	LateNs  int64   `json:"late_ns"`
	P50Ns   *uint64 `json:"p50_ns,omitempty"` // of sent minus due
	P99Ns   *uint64 `json:"p99_ns,omitempty"`
	MaxNs   uint64  `json:"max_ns"`
}

// Search is a search for the highest rates that a scenario carries, after
// RFC 9971 (multiple loss ratio search).
type Search struct {
	Kind     Kind              `json:"kind"`
	Scenario string            `json:"scenario"`
	Axes     map[string]string `json:"axes"`
	Started  string            `json:"started"`
	Profile  string            `json:"profile"` // "quick", "default" or "full"
	Goals    []Goal            `json:"goals"`
	Trials   int               `json:"trials"`
	Invalid  int               `json:"invalid"`  // trials that were repeated since a gate failed
	SpentNs  int64             `json:"spent_ns"` // measured and waited
	MaxPPS   float64           `json:"max_pps"`  // the highest rate that was tried
	Notes    []string          `json:"notes,omitempty"`
	Shard    int               `json:"shard,omitempty"`
}

// Goal is what a search found for one loss ratio. Rates are in packets/s;
// those that are unknown are nil.
type Goal struct {
	Name        string   `json:"name"` // NDRPPS or PDRPPS
	LossRatio   float64  `json:"loss_ratio"`
	Resolved    bool     `json:"resolved"`
	LowerPPS    *float64 `json:"lower_pps,omitempty"`
	UpperPPS    *float64 `json:"upper_pps,omitempty"`
	Conditional *float64 `json:"conditional_pps,omitempty"` // conditional throughput
	Detail      string   `json:"detail,omitempty"`          // why it is not resolved
}

// Verdict judges one metric of one scenario, NEW against BASE.
type Verdict struct {
	Kind     Kind   `json:"kind,omitempty"`
	Scenario string `json:"scenario"`
	Metric   string `json:"metric"`
	Unit     string `json:"unit"`
	// Base and New are medians; nil where one side has none.
	Base *float64 `json:"base" sign:"any"`
	New  *float64 `json:"new" sign:"any"`
	// Change is new/base - 1 as estimated, and CI its 95 % interval. Where a
	// threshold is an absolute one (loss, jain) they are differences.
	Change *float64    `json:"change" sign:"any"`
	CI     *[2]float64 `json:"ci" sign:"any"`
	P      *float64    `json:"p"` // corrected
	N      int         `json:"n"` // pairs, or trials of the smaller side
	// Threshold is what a change must be beyond: the metric's own threshold or, if
	// larger, what an A/A run says that the host can show. OwnThreshold is the
	// metric's own where that is the smaller one: what is equivalent lies within it.
	Threshold    float64  `json:"threshold"`
	OwnThreshold *float64 `json:"own_threshold,omitempty"`
	Verdict      string   `json:"verdict"`
	// Missing is the side that does not have the scenario: "base" or "new". Such a
	// verdict is unsupported or invalid, or not comparable where that side lacks the
	// arm that is judged; a note says why.
	Missing string   `json:"missing,omitempty"`
	Notes   []string `json:"notes"`
	// Differs names what else differs between two runs that were compared: their
	// floors, governors, mitigations and so on. Part of any change may be that.
	Differs []string `json:"differs,omitempty"`
}

// Verdicts.
const (
	Regression            = "regression"
	Improvement           = "improvement"
	Equivalent            = "equivalent"
	Inconclusive          = "inconclusive"
	InvalidVerdict        = "invalid"
	IndicativeRegression  = "indicative-regression"
	IndicativeImprovement = "indicative-improvement"
	NotComparable         = "not-comparable"
	UnsupportedVerdict    = "unsupported"
)

// Accounting follows every packet of a trial, warm-up and drain included.
//
//	offered     = accepted + pushed back
//	accepted    = delivered + dropped + unexplained
type Accounting struct {
	Offered    uint64 `json:"offered"`
	PushedBack uint64 `json:"pushed_back"`
	Accepted   uint64 `json:"accepted"`
	// Xmit and Read are what the observer counted; nil in the bare arm.
	Xmit *uint64 `json:"xmit,omitempty"`
	// Dropped maps a reason to packets: the kernel's drop reasons in the
	// observed arm, TxDropped in the bare arm.
	Dropped     map[string]uint64 `json:"dropped"`
	Read        *uint64           `json:"read,omitempty"`
	Delivered   uint64            `json:"delivered"`
	Duplicates  uint64            `json:"duplicates"`
	Reordered   uint64            `json:"reordered"`
	Unexplained int64             `json:"unexplained" sign:"any"`
	XmitSKBs    *uint64           `json:"xmit_skbs,omitempty"`
	ReadSKBs    *uint64           `json:"read_skbs,omitempty"`
}

// TxDropped is the reason under which the bare arm counts drops: the device's
// own counter, which knows no reasons.
const TxDropped = "tx_dropped"

// Detached is the reason under which both arms count what the ring of a queue
// held when the queue was detached. The kernel gives none of its own.
const Detached = "detached"

// SentAgain is the reason under which the segments of TCP are counted that were
// sent again, each in place of one that did not arrive in time, where nobody
// counts segments on the way.
const SentAgain = "tcp_sent_again"

// DroppedTotal is the sum over all reasons, in packets.
func (a Accounting) DroppedTotal() uint64 {
	var n uint64
	for _, v := range a.Dropped {
		n += v
	}
	return n
}

// Reads is what the readers' calls returned over the whole trial.
type Reads struct {
	Calls  uint64            `json:"calls"`
	Bytes  uint64            `json:"bytes"`  // PI and virtio headers included
	Errors map[string]uint64 `json:"errors"` // by errno name, e.g. EAGAIN
}

// Writes is what the calls of those returned who write packets into a device,
// over the whole trial.
type Writes struct {
	Calls uint64 `json:"calls"` // system calls; see Count
	Bytes uint64 `json:"bytes"` // PI and virtio headers included
	// Errors counts the packets or super-packets that the kernel refused, by errno
	// name; EAGAIN is one of them, and is written again.
	Errors map[string]uint64 `json:"errors"`
	// Sizes maps the length of a write, headers included, rounded up to a power of
	// two, to how many had it.
	Sizes map[string]uint64 `json:"sizes,omitempty"`
}

// Count is how many packets or super-packets the kernel took, each a write of its
// own, whatever number of them a system call handed over: with io_uring and
// vhost-net one hands over many.
func (w *Writes) Count() (n uint64) {
	for _, of := range w.Sizes {
		n += of
	}
	if len(w.Sizes) == 0 { // of an older file, in which each write was a call
		return w.Calls
	}
	return n
}

// Vnet is what virtio-net headers said, over the whole trial. Each was held
// against the packet behind it.
type Vnet struct {
	Headers uint64            `json:"headers"`
	GSO     map[string]uint64 `json:"gso"`     // packets by gso_type: none, tcpv4, tcpv6, udp-l4 ...
	Partial uint64            `json:"partial"` // packets whose checksum was left to the reader
	Full    uint64            `json:"full"`    // packets whose checksum was complete
	Without uint64            `json:"without"` // packets that said that they have no checksum
	Summed  uint64            `json:"summed"`  // of the full ones, those that were added up: the first and a sample
	Bad     map[string]uint64 `json:"bad"`     // headers or checksums that are wrong, by what is wrong
	Largest uint64            `json:"largest"` // packet in bytes of IP
}

// TCP is what TCP_INFO said of the streams at the end of the measured time,
// and what they had done in it.
type TCP struct {
	Streams     int     `json:"streams"`
	Bytes       uint64  `json:"bytes"`       // payload received
	Segments    uint64  `json:"segments"`    // sent, with data
	Retransmits uint64  `json:"retransmits"` // of these, sent again
	RTTNs       uint64  `json:"rtt_ns"`      // smoothed, median of the streams
	RTTVarNs    uint64  `json:"rttvar_ns"`
	MinRTTNs    uint64  `json:"min_rtt_ns"` // the smallest of all streams
	Cwnd        uint64  `json:"cwnd"`       // segments, median of the streams
	MSS         uint64  `json:"mss"`
	Reordering  uint64  `json:"reordering"` // segments that the receivers put in order (TCPOFOQueue)
	Slowest     float64 `json:"slowest"`    // bytes of the slowest stream over their mean
	Congestion  string  `json:"congestion"` // control algorithm
}

// Generator is a program that made the traffic in our place.
type Generator struct {
	Name    string             `json:"name"`
	Version string             `json:"version"`
	Args    []string           `json:"args"`
	Figures map[string]float64 `json:"figures" sign:"any"` // its own, by its own names
}

// Direction is one direction of a trial that has two.
type Direction struct {
	Metrics    map[string]float64 `json:"metrics" sign:"any"`
	Latency    map[string]Latency `json:"latency"`
	Accounting Accounting         `json:"accounting"`
}

// Hop is one place that packets pass, over the whole trial. Packets are what
// the place handles: super-packets count as one.
type Hop struct {
	Name    string            `json:"name"` // such as "relay a to b", "bridge", "vpn b decrypt"
	In      uint64            `json:"in"`
	Out     uint64            `json:"out"`
	Dropped map[string]uint64 `json:"dropped,omitempty"` // by reason or errno name
	Calls   uint64            `json:"calls,omitempty"`
	Bytes   uint64            `json:"bytes,omitempty"`
}

// Device is what the kernel made of the request, read back from it.
type Device struct {
	Name      string   `json:"name"`
	Flags     []string `json:"flags"` // IFF_ names
	VnetHdrSz int      `json:"vnet_hdr_sz"`
	Offloads  []string `json:"offloads"` // effective features, by ethtool's names
	Qdisc     string   `json:"qdisc"`
	TxQLen    int      `json:"txqlen"`
	MTU       int      `json:"mtu"`
	// SndBuf is the send buffer in bytes, TUNGETSNDBUF: 2147483647 is no bound. 0 in
	// files of tools that did not read it back.
	SndBuf int `json:"sndbuf,omitempty"`
}

// Placement tells the CPU of each worker, in worker order.
type Placement struct {
	Sender []int `json:"sender"`
	Reader []int `json:"reader"`
	// Carrier are those of threads that move packets from one device to another.
	Carrier []int `json:"carrier,omitempty"`
}

// Observer is what the observer said of itself.
type Observer struct {
	Hook        string `json:"hook"`
	MemoryBytes uint64 `json:"memory_bytes"` // of its maps in the kernel
	MissedRuns  uint64 `json:"missed_runs"`  // runs that the kernel skipped
	SampleEvery int    `json:"sample_every"` // residency is that of one skb in so many
	// ReadCalls is how many calls of tun_do_read returned, ReadBytes the sum of
	// the returns above 0, headers included, and ReadErrors counts the negative
	// ones by errno name. All three are absent where they are not known, for the
	// reason in NoReads; ReadErrors also where there were none.
	ReadCalls  *uint64           `json:"read_calls,omitempty"`
	ReadBytes  *uint64           `json:"read_bytes,omitempty"`
	ReadErrors map[string]uint64 `json:"read_errors,omitempty"`
	NoReads    string            `json:"no_reads,omitempty"`
	// The same of tun_get_user, where user space writes.
	WriteCalls  *uint64           `json:"write_calls,omitempty"`
	WriteBytes  *uint64           `json:"write_bytes,omitempty"`
	WriteErrors map[string]uint64 `json:"write_errors,omitempty"`
	NoWrites    string            `json:"no_writes,omitempty"`
	// LostReturns is how many calls of a function of the kernel the observer did
	// not see return, by the function's name.
	LostReturns map[string]uint64 `json:"lost_returns,omitempty"`
}

// Skip tells why a scenario, or one arm of it, was not measured.
type Skip struct {
	Kind     Kind              `json:"kind"`
	Scenario string            `json:"scenario"`
	Axes     map[string]string `json:"axes"`
	Arm      Arm               `json:"arm,omitempty"` // if only that one was not measured
	Reason   string            `json:"reason"`
	Detail   string            `json:"detail"`
	Shard    int               `json:"shard,omitempty"`
}

// Resume marks the place where an interrupted run was gone on with.
type Resume struct {
	Kind    Kind   `json:"kind"`
	Started string `json:"started"` // RFC 3339, UTC
	Trials  int    `json:"trials"`  // that were there
	Skips   int    `json:"skips"`
	Shard   int    `json:"shard,omitempty"`
}

// End closes a file. A file without it was interrupted.
type End struct {
	Kind      Kind   `json:"kind"`
	Ended     string `json:"ended"`
	Scenarios int    `json:"scenarios"`
	Trials    int    `json:"trials"`
	Skips     int    `json:"skips"`
	Exit      int    `json:"exit"`
}
