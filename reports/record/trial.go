package record

import (
	"fmt"
	"maps"
	"reflect"
	"slices"
)

// Flags of a Trial. Each says that a figure of the trial must be read with care;
// reports say what to do about it.
const (
	FlagUnsteady         = "unsteady"          // windows differ by more than the limit
	FlagGeneratorLimited = "generator-limited" // the sender, not the device, set the rate
	FlagSteal            = "steal"             // more than 1 % of the CPU time was stolen: invalid
	FlagUnexplained      = "unexplained"       // packets are missing for no known reason: invalid
	FlagOversubscribed   = "oversubscribed"    // more workers than CPUs: measures the scheduler too
	FlagDuplicates       = "duplicates"        // the reader saw a packet twice
	FlagReordered        = "reordered"         // the reader saw packets of a flow out of order
	FlagMissedSamples    = "missed-samples"    // more than 1 % of the residency samples were overwritten
	FlagMissedEvents     = "missed-events"     // the kernel skipped runs of an observer program: counts are low
	FlagLostReturns      = "lost-returns"      // in older files: the observer did not see all calls return
	FlagUnsettled        = "unsettled"         // in virtual time, no five blocks in a row agreed to 0.1 %
	FlagNoTraffic        = "no-traffic"        // nothing was delivered in the measured time: invalid
	FlagLate             = "late"              // more than 1 % of the sends missed their schedule: invalid
	FlagForeignLoad      = "foreign-load"      // other programs ran on the pinned CPUs
	FlagPressure         = "pressure"          // tasks waited for a CPU, by the kernel's PSI
	FlagThrottled        = "throttled"         // a CPU was throttled, or changed its frequency, or a CPU quota ran out
	FlagCPUQuota         = "cpu-quota"         // the CPU quota of a cgroup ran out: invalid
	FlagClockStep        = "clock-step"        // the clock jumped during the trial: invalid
	FlagBadVnet          = "bad-vnet"          // virtio-net headers were wrong: invalid
	FlagCorrupt          = "corrupt"           // lengths, checksums or payloads were wrong: invalid
	FlagEmulated         = "emulated"          // the guest's CPUs were emulated: invalid
	FlagLinkFull         = "link-full"         // a link that delays dropped what it did not hold: invalid
	FlagShort            = "short"             // the run was interrupted in its block: fewer windows than planned
)

// LeastMeasureNs is the least measured time of a trial whose rate may be quoted: ten
// ticks of 10 ms, in which the kernel counts CPU time. In less time a disturbance by
// the host cannot be detected, and the rate rests on a handful of packets.
const LeastMeasureNs = 100_000_000

var disturbing = []string{FlagSteal, FlagForeignLoad, FlagPressure, FlagThrottled}

// Invalidates reports whether a trial with that flag is invalid.
func Invalidates(flag string) bool { return slices.Contains(invalidating, flag) }

var invalidating = []string{FlagSteal, FlagUnexplained, FlagNoTraffic, FlagLate, FlagClockStep, FlagBadVnet, FlagCorrupt, FlagCPUQuota, FlagEmulated, FlagLinkFull}

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
	Shard      int                `json:"shard,omitempty"` // of a merged file; other records have it too
	Trial      int                `json:"trial"`           // 1-based, within the run or its shard
	Started    string             `json:"started"`
	DurationNs int64              `json:"duration_ns"`        // of the measured windows together
	Metrics    map[string]float64 `json:"metrics" sign:"any"` // only a loss can be negative: see soundMetrics
	Windows    []Window           `json:"windows"`
	Queues     []Queue            `json:"queues,omitempty"` // observed arm only
	Flows      []Flow             `json:"flows,omitempty"`  // left out above 256 flows
	Latency    map[string]Latency `json:"latency"`
	Schedule   *Schedule          `json:"schedule,omitempty"`  // open loop only
	Yardstick  *Yardstick         `json:"yardstick,omitempty"` // the same traffic over loopback, in windows of the same rounds
	// RampNs is how long traffic flowed before each window without being measured,
	// after the trial had been held back: 0 where the trial was not cut into turns.
	RampNs     int64      `json:"ramp_ns,omitempty"`
	Accounting Accounting `json:"accounting"`
	Reads      Reads      `json:"reads"`
	Writes     *Writes    `json:"writes,omitempty"`    // where user space writes packets into a device
	Vnet       *Vnet      `json:"vnet,omitempty"`      // what the virtio-net headers of packets that were read said
	TCP        *TCP       `json:"tcp,omitempty"`       // gen=tcp, tcp-rr
	Program    *Generator `json:"generator,omitempty"` // gen=iperf3
	Guest      *Guest     `json:"guest,omitempty"`     // path=guest
	Probe      *Probe     `json:"probe,omitempty"`     // probe=on
	Link       *Link      `json:"link,omitempty"`      // where the link below the path is not perfect
	// Directions holds each direction by its name (k2u, u2k) where traffic flows in
	// both: Metrics, Accounting and the other fields are then of both together.
	Directions map[string]Direction `json:"directions,omitempty"`
	Hops       []Hop                `json:"hops,omitempty"` // on a path of several devices, in the order in which packets pass
	Device     Device               `json:"device"`         // the device under test
	// Devices are all TUN/TAP devices of a path that has more than one, in the
	// order in which packets pass them.
	Devices  []Device  `json:"devices,omitempty"`
	Programs []Process `json:"programs,omitempty"` // path=program
	CPUs     Placement `json:"cpus"`
	Observer *Observer `json:"observer,omitempty"` // observed arm only
	Flags    []string  `json:"flags"`
	Valid    bool      `json:"valid"`           // as written: whether no flag invalidates; see Invalid
	Notes    []string  `json:"notes,omitempty"` // the reasons for flags, with figures; how the warm-up went
}

func (t Trial) check() error {
	if err := soundMetrics("metrics", t.Metrics, t.Accounting); err != nil {
		return err
	}
	for _, name := range slices.Sorted(maps.Keys(t.Directions)) {
		d := t.Directions[name]
		if err := soundMetrics("directions."+name+".metrics", d.Metrics, d.Accounting); err != nil {
			return err
		}
	}
	if err := distinct("latency", t.Latency); err != nil {
		return err
	}
	for _, name := range slices.Sorted(maps.Keys(t.Directions)) {
		if err := distinct("directions."+name+".latency", t.Directions[name].Latency); err != nil {
			return err
		}
	}
	return sound(reflect.ValueOf(t), "")
}

func (t Trial) String() string {
	return fmt.Sprintf("trial %d (%s, pair %d, %s)", t.Trial, t.Scenario, t.Pair, t.Arm)
}

func (t Trial) seal() any {
	t.Kind, t.Valid = KindTrial, !t.Invalid()
	fillMap(&t.Axes)
	fillMap(&t.Metrics)
	fillSlice(&t.Windows)
	lat := make(map[string]Latency, len(t.Latency))
	for name, l := range t.Latency {
		fillSlice(&l.Buckets)
		lat[name] = l
	}
	t.Latency = lat
	fillMap(&t.Accounting.Dropped)
	fillMap(&t.Reads.Errors)
	fillSlice(&t.Device.Flags)
	fillSlice(&t.Device.Offloads)
	fillSlice(&t.CPUs.Sender)
	fillSlice(&t.CPUs.Reader)
	fillSlice(&t.Flags)
	if t.Writes != nil {
		w := *t.Writes
		fillMap(&w.Errors)
		t.Writes = &w
	}
	if t.Vnet != nil {
		v := *t.Vnet
		fillMap(&v.GSO)
		fillMap(&v.Bad)
		t.Vnet = &v
	}
	if t.Program != nil {
		g := *t.Program
		fillSlice(&g.Args)
		fillMap(&g.Figures)
		t.Program = &g
	}
	return t
}

// TooShort reports whether t was measured for less than LeastMeasureNs. A lockstep
// trial never is, since it measures a number of packets.
func (t Trial) TooShort() bool { return t.DurationNs < LeastMeasureNs && t.Axes["gen"] != "lockstep" }

// Invalid reports whether a flag says that the figures of t must not be used.
func (t Trial) Invalid() bool { return slices.ContainsFunc(t.Flags, Invalidates) }

// InRounds reports whether the windows of t say in which round they were measured.
func (t Trial) InRounds() bool {
	return slices.ContainsFunc(t.Windows, func(w Window) bool { return w.Round > 0 })
}

// Disturbed reports whether something other than the device affected t: t is invalid,
// or has a flag for CPU time that other programs or the hypervisor took.
func (t Trial) Disturbed() bool {
	return t.Invalid() || slices.ContainsFunc(t.Flags, func(f string) bool { return slices.Contains(disturbing, f) })
}

// Window is one slice of the measured time. TNs is its end, counted from the
// start of the measured time.
type Window struct {
	TNs   int64  `json:"t_ns"`
	Pkts  uint64 `json:"pkts"`
	Bytes uint64 `json:"bytes"`
	// Round is that of the block in which the window was measured, from 1: windows of
	// the same round, of trials of one run with the same Pair and Started, were measured
	// within seconds of each other, by turns. 0: the trial was not measured in rounds.
	Round int `json:"round,omitempty"`
}

// Kinds of yardsticks.
const (
	YardstickUDP    = "udp"
	YardstickUDPGSO = "udp-gso"
	YardstickTCP    = "tcp"
)

// Yardstick is what the same traffic reaches over loopback: from as many senders to as
// many readers on the same CPUs, in packets of the same size, by the same calls. It was
// measured by turns with the trial, so that a host whose speed wanders is the same host
// to both.
type Yardstick struct {
	Kind    string  `json:"kind"`
	PPS     float64 `json:"pps"` // over the windows, in wire segments
	BitPerS float64 `json:"bit_per_s"`
	// Windows has one entry for each window of the trial, in the same order and with
	// the same rounds: the sum of the windows of the yardstick next to it. TNs adds up
	// their lengths.
	Windows []Window `json:"windows"`
}

// Queue is what the observer counted on one queue over the whole trial.
// Packets and bytes are those of wire segments; the skb counts say how many
// units the device moved, which may be GSO packets.
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
	// What user space wrote to the queue and the kernel accepted, in wire segments and
	// in skbs.
	RecvPkts  uint64 `json:"recv_pkts,omitempty"`
	RecvBytes uint64 `json:"recv_bytes,omitempty"`
	RecvSKBs  uint64 `json:"recv_skbs,omitempty"`
	// How often the driver stopped the queue in the measured time, and for how long: where the
	// qdisc can hold packets meanwhile. Nil where that was not observed.
	Stops     *uint64 `json:"stops,omitempty"`
	StoppedNs *uint64 `json:"stopped_ns,omitempty"`
	// Residency is that of the packets of this queue, of which Buckets are kept only on
	// request; Depth is how many stood in its ring. Nil where neither was observed.
	Residency *Latency `json:"residency,omitempty"`
	Depth     *Depth   `json:"depth,omitempty"`
}

// DropBuckets leaves out the buckets of the queues' histograms, which are as large as all
// else in a file.
func (t *Trial) DropBuckets() {
	t.Queues = slices.Clone(t.Queues)
	for i := range t.Queues {
		if l := t.Queues[i].Residency; l != nil {
			kept := *l
			kept.Buckets = nil
			t.Queues[i].Residency = &kept
		}
	}
}

// Flow is what generator and readers counted on one flow over the whole trial.
type Flow struct {
	Flow       int    `json:"flow"`
	Accepted   uint64 `json:"accepted"`
	Delivered  uint64 `json:"delivered"`
	Duplicates uint64 `json:"duplicates"`
	Reordered  uint64 `json:"reordered"`
	// Queues maps a queue to the packets of the flow that were read from it; queues
	// without packets are left out. Nil where there is at most one queue.
	Queues map[int]uint64 `json:"queues,omitempty"`
}

// Device is the device as the kernel made it, read back from the kernel.
type Device struct {
	Name      string   `json:"name"`
	Flags     []string `json:"flags"` // IFF_ names
	VnetHdrSz int      `json:"vnet_hdr_sz"`
	Offloads  []string `json:"offloads"` // effective features, by ethtool's names
	Qdisc     string   `json:"qdisc"`
	TxQLen    int      `json:"txqlen"`
	MTU       int      `json:"mtu"`
	// SndBuf is the send buffer in bytes (TUNGETSNDBUF): 2147483647 is no bound, and 0
	// that an older tunbench did not read it back.
	SndBuf int `json:"sndbuf,omitempty"`
}

// Placement is the CPU of each worker, in the order of the workers.
type Placement struct {
	Sender []int `json:"sender"`
	Reader []int `json:"reader"`
	// Carrier holds the CPUs of threads that move packets from one device to another.
	Carrier []int `json:"carrier,omitempty"`
	// Probe holds the CPUs of who asks and of who answers, which need little of them.
	Probe []int `json:"probe,omitempty"`
}

// Observer is what the observer reported about itself.
type Observer struct {
	Hook        string `json:"hook"`
	MemoryBytes uint64 `json:"memory_bytes"`          // of its maps in the kernel
	MissedRuns  uint64 `json:"missed_runs"`           // runs that the kernel skipped, on all devices that were observed; the rest is of the first
	SampleEvery int    `json:"sample_every"`          // residency is sampled from one skb in that many
	MeasuredNs  int64  `json:"measured_ns,omitempty"` // for how long it measured: residency, stopped queues
	// ReadCalls is how often tun_do_read was called, and absent where that is not
	// known, for the reason in NoReads. Older files counted the calls that returned,
	// and have ReadBytes, the sum of the returns above 0, including headers, and
	// ReadErrors, the negative returns by errno name.
	ReadCalls  *uint64           `json:"read_calls,omitempty"`
	ReadBytes  *uint64           `json:"read_bytes,omitempty"`
	ReadErrors map[string]uint64 `json:"read_errors,omitempty"`
	NoReads    string            `json:"no_reads,omitempty"`
	// The same for tun_get_user, where user space writes; in older files only.
	WriteCalls  *uint64           `json:"write_calls,omitempty"`
	WriteBytes  *uint64           `json:"write_bytes,omitempty"`
	WriteErrors map[string]uint64 `json:"write_errors,omitempty"`
	NoWrites    string            `json:"no_writes,omitempty"`
	// LostReturns counts the calls whose return the observer did not see, by the name
	// of the kernel function; in older files only.
	LostReturns map[string]uint64 `json:"lost_returns,omitempty"`
}

// Generator is an external program that generated the traffic.
type Generator struct {
	Name    string             `json:"name"`
	Version string             `json:"version"`
	Args    []string           `json:"args"`
	Figures map[string]float64 `json:"figures" sign:"any"` // in the program's own names
}

// Direction is one direction of a trial that has two.
type Direction struct {
	Metrics    map[string]float64 `json:"metrics" sign:"any"`
	Latency    map[string]Latency `json:"latency"`
	Accounting Accounting         `json:"accounting"`
}
