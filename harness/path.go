package harness

import (
	"fmt"
	"net/netip"

	"tunbench/bpf"
	"tunbench/harness/netns"
	"tunbench/harness/spec"
	"tunbench/reports/record"
)

// path is what packets cross between two hosts. Its methods are called in this
// order, and close last, from whatever state.
type path interface {
	// build makes namespaces and devices, reads back what the kernel made of
	// them, and attaches the observers. What it made is returned with an error, too.
	build() (site, error)
	// empty reports whether no packet is on its way.
	empty() (bool, error)
	// collect reads the counters for the last time, when all workers have ended.
	collect() (ledger, error)
	close() error
}

// site is what a path has built.
type site struct {
	// hosts are the two ends: traffic of dir=k2u goes from the first to the second.
	// Where there is one device only, the second is empty.
	hosts [2]pathHost
	// forwarders are started before the senders, and told to finish one after the
	// other once the senders have ended.
	forwarders forwarders
	observers  observers
}

// pathHost is a network stack in a namespace of its own.
type pathHost struct {
	ns   *netns.NS
	addr netip.Addr // by which the other one reaches it
	link string     // name of its device
}

// ledger is what was counted on a path.
type ledger interface {
	// account fills in what happened on the way, once the counts of senders and
	// readers are in the record: drops by reason, counts at xmit and read, queues,
	// devices, hops.
	account(t *record.Trial)
	// mismatch says which two counters disagree that should not; "" if none do.
	mismatch(t *record.Trial) string
}

// newPath returns the path between two hosts that s asks for.
func newPath(s spec.Spec, hook bpf.Hook, p record.Placement) (path, error) {
	switch s.Path {
	case spec.PathVeth:
		return newVethWire(s), nil
	case spec.PathRelay:
		return newRelayWire(s, hook, p), nil
	case spec.PathVPN:
		return newVPNWire(s, hook, p), nil
	case spec.PathWireGuard:
		return newWireguardWire(s), nil
	case spec.PathWireGuardGo:
		return newWireguardGoWire(s, hook, p), nil
	}
	return nil, notBuilt(s)
}

// notBuilt is the error of a valid Spec for which there is no path or load.
func notBuilt(s spec.Spec) error {
	return fmt.Errorf("path=%s dir=%s gen=%s: not built yet", s.Path, s.Dir, s.Gen)
}

// forwarderCount is how many threads move packets between the devices of the path.
func forwarderCount(s spec.Spec) int {
	switch s.Path {
	case spec.PathRelay:
		return s.Directions() * s.Queues
	case spec.PathVPN:
		return s.Directions() * s.Queues * 2 // out of one device, into the other
	}
	return 0
}
