// Package doctor finds out what a host can do, what would spoil a measurement on it
// and what to do about that, and which hooks of the observer work.
package doctor

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"tunbench/bpf"
	"tunbench/harness/account"
	"tunbench/harness/condition"
	"tunbench/harness/host"
	"tunbench/harness/netns"
	"tunbench/harness/refusal"
	"tunbench/harness/tuntap"
	"tunbench/harness/uring"
	"tunbench/harness/vhost"
	"tunbench/reports/record"
)

// Examine tries everything that a run may need, in the order in which a person
// should mend it.
func Examine(ctx context.Context) (Report, error) {
	report := Report{Sections: []Section{
		{"Privileges", privilegeRows()},
		{SectionObserver, observerRows()},
	}}
	options, existing := deviceRows()
	report.Sections = append(report.Sections,
		Section{"TUN/TAP options", options},
		Section{"Ways to drive a descriptor", engineRows()},
		Section{"Conditions: what would spoil a trial now", conditionRows(ctx)},
		Section{"Settings and load that make figures worse", append(spoilerRows(), namespaceRows(FreshNamespace())...)},
		Section{"TUN/TAP devices of this host", existing},
	)
	return report, ctx.Err()
}

func privilegeRows() []Row {
	missing := host.Capabilities()
	if len(missing) == 0 {
		return []Row{{Name: "capabilities", Status: StatusOK, Detail: "all that a full measurement needs"}}
	}
	return []Row{{
		Name: "capabilities", Status: StatusFailed, Detail: "missing: " + strings.Join(missing, ", "),
		Advice: "run as root; or measure without the observer: tunbench run --userns",
	}}
}

// observerRows proves each hook by packets through a device of its own.
func observerRows() (rows []Row) {
	loadModule()
	used := false
	for _, h := range bpf.Hooks {
		err := Prove(h)
		row := observerRow(h, err, !used)
		used = used || row.Status == StatusUsed
		if err == nil {
			row.Detail += notWithGSO(ProveOn(h, true))
		}
		rows = append(rows, row)
	}
	return rows
}

// observerRow is the row of a hook by the outcome of its proof. A run takes the first
// hook that holds.
func observerRow(h bpf.Hook, proof error, first bool) Row {
	row := Row{Name: string(h), Status: StatusOK, Detail: "would hold, but the hook above is used"}
	var unproven *unprovenError
	switch {
	case errors.As(proof, &unproven):
		return Row{Name: string(h), Status: StatusFailed, Detail: "attaches, but could not be seen to count: " + unproven.err.Error()}
	case proof != nil:
		return Row{Name: string(h), Status: StatusUnsupported, Detail: hookReason(proof)}
	case first:
		row.Status = StatusUsed
		var on []string
		for _, p := range bpf.Programs(h, bpf.Both) {
			on = append(on, p.Kind+":"+p.Target)
		}
		row.Detail = "attaches to " + strings.Join(on, ", ")
	}
	return row
}

// notWithGSO reports whether a hook that holds fails where the device takes GSO
// packets.
func notWithGSO(proof error) string {
	var refused *bpf.HookError
	if !errors.As(proof, &refused) {
		return ""
	}
	return "; not on a device that takes GSO packets, of which only bare trials are made: " + refused.Reason
}

var statuses = map[tuntap.Status]string{
	tuntap.Supported: StatusOK, tuntap.Unsupported: StatusUnsupported, tuntap.Failed: StatusFailed,
}

// deviceRows probes the options in a fresh namespace, and lists the devices of
// the namespace of the caller.
func deviceRows() (options, existing []Row) {
	found, err := probeOptions()
	if err != nil {
		_, detail := refusal.Classify(err)
		options = []Row{{Name: "/dev/net/tun", Status: StatusFailed, Detail: detail}}
	}
	for _, o := range found {
		detail := o.Call
		if o.Errno != "" {
			detail += ": " + o.Errno
		}
		if o.Detail != "" {
			detail += " (" + o.Detail + ")"
		}
		options = append(options, Row{Name: o.Name, Status: statuses[o.Status], Detail: detail + ", since " + o.Since})
	}
	devices, err := tuntap.List()
	if err != nil {
		return options, []Row{{Name: "list", Status: StatusFailed, Detail: err.Error()}}
	}
	for _, d := range devices {
		existing = append(existing, Row{Name: d.Name, Status: StatusOK, Detail: describe(d)})
	}
	return options, existing
}

// engineRows are the ways of driving a descriptor that this kernel has, other than
// one system call per packet, which every kernel has.
func engineRows() []Row { return append(ringRows(), vhostRow()) }

// ringRows are the features of io_uring on this kernel. io=uring reads into registered
// buffers, or else into plain ones. Multishot reads are slower on a device
// (BenchmarkEngines of package sink); they are listed for completeness.
func ringRows() (rows []Row) {
	for _, f := range uring.Probe() {
		row := Row{Name: "io_uring: " + f.Name, Status: StatusOK, Detail: f.Detail}
		var refused *uring.CallError
		switch {
		case errors.As(f.Err, &refused) && refused.Unsupported():
			row.Status, row.Detail = StatusUnsupported, f.Err.Error()
			if errors.Is(f.Err, unix.EPERM) {
				row.Advice = "sysctl kernel.io_uring_disabled=0, and no seccomp filter that forbids io_uring_setup: io=uring"
			}
		case f.Err != nil:
			row.Status, row.Detail = StatusFailed, f.Err.Error()
		}
		rows = append(rows, row)
	}
	return rows
}

func probeOptions() (options []tuntap.Option, err error) {
	ns, err := netns.New()
	if err != nil {
		return nil, err
	}
	programs := tuntap.Programs{}
	if prog, err := bpf.LoadSteering(bpf.SteerHash); err == nil {
		defer prog.Close()
		programs.Steering = prog.FD()
	} else {
		programs.Err = err
	}
	err = ns.Do(func() error {
		options, err = tuntap.Probe(programs)
		return err
	})
	return options, errors.Join(err, ns.Close())
}

func spoilerRows() (rows []Row) {
	spoilers := host.Spoilers()
	slices.SortStableFunc(spoilers, func(a, b host.Spoiler) int {
		return boolOrder(b.Bad) - boolOrder(a.Bad)
	})
	for _, s := range spoilers {
		row := Row{Name: s.Name, Status: StatusOK, Detail: s.Detail, Advice: s.Advice}
		if s.Bad {
			row.Status = StatusWarning
		}
		rows = append(rows, row)
	}
	return rows
}

// namespaceRows are about settings of a new namespace, as trials get one.
func namespaceRows(sysctl map[string]string, err error) (rows []Row) {
	if err != nil {
		return []Row{{Name: "namespace", Status: StatusUnknown, Detail: "the settings of a trial's namespace cannot be read: " + err.Error()}}
	}
	bridge := Row{Name: rowBridge, Status: StatusOK, Detail: "packets that cross a bridge do not cross netfilter"}
	if names := host.CrossesNetfilter(sysctl); len(names) > 0 {
		bridge.Status = StatusWarning
		bridge.Detail = fmt.Sprintf("%s=1 in a new namespace, whatever it is on the host: packets of path=bridge cross netfilter's tables", strings.Join(names, "=1, "))
		bridge.Advice = "unload br_netfilter where it is a module; else compare path=bridge only with hosts that have it, too"
	}
	rows = append(rows, bridge)
	ip6 := Row{Name: rowIPv6, Status: StatusOK, Detail: "a new namespace has it"}
	switch v, ok := sysctl["net.ipv6.conf.default.disable_ipv6"]; {
	case !ok:
		ip6.Status, ip6.Detail, ip6.Advice = StatusUnsupported, "this kernel has no IPv6, or was booted with ipv6.disable=1", "boot without ipv6.disable=1"
	case v != "0" || sysctl["net.ipv6.conf.all.disable_ipv6"] != "0":
		ip6.Status, ip6.Detail = StatusWarning, "a new namespace has it turned off"
		ip6.Advice = "boot without ipv6.disable_ipv6=1; sysctl -w net.core.devconf_inherit_init_net=0 keeps the host's setting out of new namespaces"
	}
	rows = append(rows, ip6)
	if v := sysctl["net.ipv4.tcp_congestion_control"]; v != "" {
		rows = append(rows, Row{Name: "tcp", Status: StatusOK, Detail: fmt.Sprintf("congestion control %s, send buffer %s, receive buffer %s bytes (least, default, most)",
			v, strings.Join(strings.Fields(sysctl["net.ipv4.tcp_wmem"]), " "), strings.Join(strings.Fields(sysctl["net.ipv4.tcp_rmem"]), " "))})
	}
	return rows
}

// Names of rows about a new namespace.
const (
	rowBridge = "bridge-netfilter"
	rowIPv6   = "ipv6"
)

// conditionLook is how long doctor looks at the host for the conditions: 50 ticks of
// each CPU.
const conditionLook = 500 * time.Millisecond

// conditionAdvice is what to do about a host that fails a check, by its flag.
var conditionAdvice = map[string]string{
	record.FlagSteal:       "move to a host whose CPUs are yours, or wait for quieter neighbours: such a trial is invalid",
	record.FlagForeignLoad: "stop what else runs, keep it off these CPUs (isolcpus, cgroup cpusets), or choose others with --cpus",
	record.FlagPressure:    "stop what else runs: tasks wait for a CPU",
	record.FlagThrottled:   "let the machine cool down, and fix the clock: cpupower frequency-set -g performance, turbo off",
	record.FlagCPUQuota:    "take the quota away, or measure outside of that cgroup: such a trial is invalid",
	record.FlagClockStep:   "let the time daemon finish, and keep the machine from being suspended: such a trial is invalid",
}

// trialConditions are those that need traffic to be judged.
var trialConditions = []Row{
	{Name: record.FlagUnsteady, Status: StatusUnknown, Detail: fmt.Sprintf(
		"judged in each trial: its windows may spread by %.0f %%, and their first and last third differ by %.0f %%", 100*account.UnsteadyLimit, 100*account.ThirdsLimit)},
	{Name: record.FlagGeneratorLimited, Status: StatusUnknown, Detail: fmt.Sprintf(
		"judged in each trial: senders may spend %.0f %% of their time outside the kernel", 100*account.GeneratorLimit)},
	{Name: record.FlagUnexplained, Status: StatusUnknown, Detail: "judged in each trial: every packet is accounted for"},
}

// conditionRows looks at the host for a moment with the checks of a trial, on the CPUs
// that a trial of one queue would take.
func conditionRows(ctx context.Context) []Row {
	c, cpus, err := lookAround(ctx, conditionLook)
	if err != nil {
		return append([]Row{{Name: "host", Status: StatusFailed, Detail: err.Error()}}, trialConditions...)
	}
	var rows []Row
	for _, g := range c.Checks() {
		rows = append(rows, conditionRow(g, cpus))
	}
	return append(rows, trialConditions...)
}

func conditionRow(g condition.Check, cpus []int) Row {
	row := Row{Name: g.Name, Detail: g.Detail, Status: map[condition.Outcome]string{
		condition.Unknown: StatusUnknown, condition.Passed: StatusOK, condition.Failed: StatusWarning,
	}[g.Outcome]}
	if g.Name == condition.ForeignLoad {
		row.Detail += fmt.Sprintf(" (CPUs %s)", strings.Trim(fmt.Sprint(cpus), "[]"))
	}
	switch {
	case g.Outcome != condition.Failed:
	case g.Name == condition.Frequency:
		// An idle CPU may do as it likes; a trial keeps it busy.
		row.Status, row.Detail = StatusUnknown, g.Detail+" while it had nothing to do; judged in each trial"
	default:
		row.Advice = conditionAdvice[g.Flag]
	}
	return row
}

// lookAround observes for d what the host does while tunbench does nothing.
func lookAround(ctx context.Context, d time.Duration) (c condition.Period, cpus []int, err error) {
	place, err := host.Place(nil, 1, 1)
	if err != nil {
		return c, nil, err
	}
	cpus = slices.Concat(place.Sender, place.Reader)
	slices.Sort(cpus)
	cpus = slices.Compact(cpus)
	look, own := host.LookAt(cpus), host.OwnTime()
	before, err := host.ReadStat()
	if err != nil {
		return c, nil, err
	}
	select {
	case <-ctx.Done():
		return c, nil, ctx.Err()
	case <-time.After(d):
	}
	after, err := host.ReadStat()
	seen := look.Until(host.LookAt(cpus))
	return condition.Period{
		All: before.Until(after, nil), Pinned: before.Until(after, cpus), CPUs: len(cpus), Workers: len(cpus),
		Own: host.OwnTime() - own, Measured: seen.Elapsed, Stretches: 1, Seen: seen,
	}, cpus, err
}

func boolOrder(b bool) int {
	if b {
		return 1
	}
	return 0
}

// describe shows a device as ip tuntap does.
func describe(d tuntap.Existing) string {
	words := tuntap.FlagNames(d.Flags)
	words = append(words, record.Plural(d.Queues, "queue", "queues"))
	if d.DisabledQueues > 0 {
		words = append(words, fmt.Sprintf("%d detached", d.DisabledQueues))
	}
	if d.Owner != nil {
		words = append(words, fmt.Sprintf("user %d", *d.Owner))
	}
	if d.Group != nil {
		words = append(words, fmt.Sprintf("group %d", *d.Group))
	}
	if !d.Up {
		words = append(words, "down")
	}
	return strings.Join(words, " ")
}

// vhostRow reports whether io=vhost works here.
func vhostRow() Row {
	row := Row{Name: "io=vhost", Status: StatusOK, Detail: "vhost-net, by virtio 1.0 and, with vnet=10, by the legacy protocol, with event indexes"}
	for _, vnet := range []int{0, 10, 12} {
		if err := vhost.Supported(vnet); err != nil {
			err = refusal.OfVhost(err)
			row.Status, row.Detail = StatusFailed, err.Error()
			if reason, _ := refusal.Classify(err); reason == record.Unsupported {
				row.Status = StatusUnsupported
			}
			break
		}
	}
	return row
}
