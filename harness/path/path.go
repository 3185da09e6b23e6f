// Package path builds what packets cross between two hosts: relay, vpn, veth,
// wireguard, wireguard-go and, for a yardstick, loopback.
package path

import (
	"context"
	"fmt"
	"net/netip"

	"tunbench/bpf"
	"tunbench/harness/device"
	"tunbench/harness/netem"
	"tunbench/harness/netns"
	"tunbench/harness/spec"
	"tunbench/reports/record"
)

// Path is what packets cross between two hosts. Its methods are called in this
// order, and close last, from whatever state.
type Path interface {
	// Build makes namespaces and devices, reads back what the kernel made of
	// them, and attaches the observers. What it made is returned with an error, too. It
	// ends early, with the error of ctx, when that is done.
	Build(ctx context.Context) (Site, error)
	// Empty reports whether no packet is on its way.
	Empty() (bool, error)
	// Collect reads the counters for the last time, when all workers have ended.
	Collect() (Ledger, error)
	Close() error
}

// Entrance is a path whose readers are not ours to ask whether they have just taken a packet out of
// a ring: it is in no queue then, and the device has not counted it yet.
type Entrance interface {
	// Entered is how many packets the device of a host has given out, or dropped, since the trial
	// began, in wire segments as the generator counts them.
	Entered(host int) (uint64, error)
}

// Site is what a path has built.
type Site struct {
	// Hosts are the two ends: traffic of dir=k2u goes from the first to the second.
	// Where there is one device only, the second is empty.
	Hosts [2]Host
	// Forwarders are started before the senders, and told to finish one after the
	// other once the senders have ended.
	Forwarders forwarders
	Observers  device.Observers
	// Link is begun when the senders are about to start, or all are connected.
	Link *netem.Link
}

// Host is a network stack in a namespace of its own.
type Host struct {
	NS   *netns.NS
	Addr netip.Addr // by which the other one reaches it
	Link string     // name of its device
}

// Ledger is what was counted on a path.
type Ledger interface {
	// Account fills in what happened on the way, once the counts of senders and
	// readers are in the record: drops by reason, counts at xmit and read, queues,
	// devices, hops.
	Account(t *record.Trial)
	// Mismatch says which two counters disagree that should not; "" if none do.
	Mismatch(t *record.Trial) string
}

// New returns the path between two hosts that s asks for.
func New(s spec.Spec, hook bpf.Hook, p record.Placement) (Path, error) {
	if s.Loopback {
		return NewLoopback(s), nil
	}
	switch s.Path {
	case spec.PathVeth:
		return newVeth(s), nil
	case spec.PathRelay:
		return newRelay(s, hook, p), nil
	case spec.PathVPN:
		return newVPN(s, hook, p), nil
	case spec.PathWireGuard:
		return newWireguard(s), nil
	case spec.PathWireGuardGo:
		return newWireguardGo(s, hook, p), nil
	}
	return nil, NotBuilt(s)
}

// NotBuilt is the error of a valid Spec for which there is no path or load.
func NotBuilt(s spec.Spec) error {
	return fmt.Errorf("path=%s dir=%s gen=%s: not built yet", s.Path, s.Dir, s.Gen)
}

// ForwarderCount is how many threads move packets between the devices of the path.
func ForwarderCount(s spec.Spec) int {
	switch {
	case s.Loopback:
	case s.Path == spec.PathRelay:
		return s.Directions() * s.Queues
	case s.Path == spec.PathVPN:
		return s.Directions() * s.Queues * 2 // out of one device, into the other
	}
	return 0
}

// ProbesSeen is how many packets of a probe went into devices with an observer: into the first,
// or into both if packets are followed in both directions.
func ProbesSeen(s spec.Spec, t *record.Trial) uint64 {
	n := t.Probe.Sent(0)
	if s.Dir == spec.Both {
		n += t.Probe.Sent(1)
	}
	return n
}

// Unseen holds what the observers saw at xmit against what the generator sent and the qdisc
// dropped; "" is no difference, or nothing to compare.
func Unseen(s spec.Spec, t *record.Trial) string {
	a := t.Accounting
	if a.Xmit == nil || s.Gen.Conversation() {
		return ""
	}
	probes, dropped := ProbesSeen(s, t), device.QdiscDrops(a.Dropped)
	if *a.Xmit+dropped == a.Accepted+probes {
		return ""
	}
	return fmt.Sprintf("the generator's %d packets were accepted, and %d of the probe, the qdisc dropped %d, the observer saw %d at xmit", a.Accepted, probes, dropped, *a.Xmit)
}
