package harness

import (
	"fmt"
	"net/netip"

	"tunbench/bpf"
	"tunbench/harness/netns"
	"tunbench/harness/sink"
	"tunbench/harness/spec"
	"tunbench/harness/traffic"
	"tunbench/harness/worker"
	"tunbench/reports/record"
)

// way is what packets cross: devices, namespaces, and what carries packets from
// one to the next. Its methods are called in this order, and close last, from
// whatever state.
type way interface {
	// build makes namespaces and devices, reads back what the kernel made of
	// them, and attaches the observers.
	build() error
	// carriers are the workers that move packets from one device to the next.
	// They are started before the senders, and told to finish one after the other
	// once the senders have ended.
	carriers() []carrier
	observers() []*bpf.Observer
	// empty tells whether no packet is on its way.
	empty() (bool, error)
	// collect is the last look at counters, when all workers have ended.
	collect() error
	// account fills in what happened on the way, once the senders' and readers'
	// counts are in the record: drops by reason, counts at xmit and read, queues,
	// devices, hops.
	account(t *record.Trial)
	// mismatch says which two counters disagree that should not; "" if none do.
	mismatch(t *record.Trial) string
	close() error
}

// ground is a way together with what sends into it and what reads from it.
type ground interface {
	way
	// lanes opens senders and readers after build, and before carriers is asked
	// for. Nothing runs yet. What it has made is returned with an error, too.
	lanes(sending *traffic.Control, reading *sink.Control) ([]*lane, error)
}

// wire is a way between two hosts, whose stacks talk to each other.
type wire interface {
	way
	// ends are the hosts, after build: traffic of dir=k2u goes from the first to
	// the second.
	ends() [2]end
}

// end is a host: a network stack in a namespace of its own.
type end struct {
	ns   *netns.NS
	addr netip.Addr // by which the other one reaches it
	link string     // name of its device
}

// groundFor gives the ground of a path and a direction.
func groundFor(s spec.Spec, hook bpf.Hook, p record.Placement) (ground, error) {
	switch {
	case s.Path == spec.PathSink && s.Dir == spec.K2U:
		return newK2U(s, hook, p), nil
	case s.Path == spec.PathSink && s.Dir == spec.U2K && writes(s.Gen):
		return newU2K(s, hook, p), nil
	case s.Path == spec.PathSink && s.Dir == spec.Both:
		return newBoth(s, hook, p), nil
	case s.Path == spec.PathBridge:
		return newBridge(s, hook, p), nil
	case s.Path.Hosts() && !s.Gen.Conversation():
		w, err := wireFor(s, hook, p)
		if err != nil {
			return nil, err
		}
		return newHosts(s, w, p), nil
	}
	return nil, notBuilt(s)
}

// wireFor gives the wire of a path.
func wireFor(s spec.Spec, hook bpf.Hook, p record.Placement) (wire, error) {
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

func notBuilt(s spec.Spec) error {
	return fmt.Errorf("path=%s dir=%s gen=%s: not built yet", s.Path, s.Dir, s.Gen)
}

// lane is one direction of traffic: its senders and its readers.
type lane struct {
	dir     spec.Dir
	senders []*traffic.Sender
	readers []reader
	// queues tells that reader i is that of queue i of the device.
	queues bool
	// written is of how many queues sender i writes to queue i; 0 if none does.
	written int
	// perSKB is how many wire segments each skb of the device carries; above 1
	// it moves super-packets.
	perSKB uint64
	// counted tells that the reader knows how many packets came, and nothing of
	// each.
	counted bool
}

// reader is the end of packets: it recognises and counts them.
type reader interface {
	Start() error
	Thread() *worker.Thread // nil before Start, and where nothing needs to run
	Seen() *sink.Tally
	// Finish makes a reader that is running end as soon as nothing is left for
	// it. It is called again until the thread is done.
	Finish() error
	Close() error
}

// carrier moves packets from one device to the next.
type carrier interface {
	Start() error
	Thread() *worker.Thread
	// Calls is how many system calls it has made, while it may be running.
	Calls() uint64
	// Finish is that of a reader.
	Finish() error
	Close() error
}

// diffuse is a carrier whose work is done on threads that nobody knows: its time
// is what the process uses beside senders and readers.
type diffuse interface {
	// CPUTime is that of the whole process in ns.
	CPUTime() (int64, error)
}

// holder is a carrier that can be held back: one that does not wait in the
// kernel stops as soon as it finds nothing, until it is released.
type holder interface {
	Hold()
	Release()
}

// holdCarriers holds all carriers back that can be, or releases them.
func holdCarriers(carriers []carrier, on bool) {
	for _, c := range carriers {
		if h, ok := c.(holder); ok && on {
			h.Hold()
		} else if ok {
			h.Release()
		}
	}
}

// setup is a rig for one trial, alone or as one side of a pair.
type setup interface {
	sliceRig
	// trial makes the record of what was seen, after collect.
	trial(m measurement, floor record.Floor, addSoftirq bool) record.Trial
	// slice makes the rig one side of a pair; with toggled, the other side has
	// another hook, and this one's is taken away while that is measured.
	slice(toggled bool)
	// asked is the Spec as it is run.
	asked() spec.Spec
	place() record.Placement
}
