package harness

import (
	"tunbench/bpf"
	"tunbench/harness/netns"
	"tunbench/harness/sink"
	"tunbench/harness/spec"
	"tunbench/harness/traffic"
	"tunbench/harness/worker"
	"tunbench/reports/record"
)

// ground is a path with what sends stamped packets into it and what reads them
// from it. Its methods are called in this order, and close last, from whatever
// state.
type ground interface {
	build() (site, error)
	// open opens senders and readers. Nothing runs yet. What it has made is
	// returned with an error, too.
	open(sending *traffic.Control, reading *sink.Control) ([]*lane, error)
	empty() (bool, error)
	collect() (ledger, error)
	close() error
}

// newGround returns what s asks for.
func newGround(s spec.Spec, hook bpf.Hook, p record.Placement) (ground, error) {
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
		w, err := newPath(s, hook, p)
		if err != nil {
			return nil, err
		}
		return newHosts(s, w, p), nil
	}
	return nil, notBuilt(s)
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

// lane is one direction of traffic with the life of its readers.
type lane struct {
	direction
	ends []reader
}

// add adds readers.
func (l *lane) add(readers ...reader) {
	for _, r := range readers {
		l.ends = append(l.ends, r)
		l.readers = append(l.readers, r)
	}
}

// aided are those of a lane.
func (l *lane) aided() (list []aided) {
	for _, r := range l.ends {
		if a, ok := r.(aided); ok {
			list = append(list, a)
		}
	}
	for _, s := range l.senders {
		list = append(list, s)
	}
	return list
}

// siteOf is the site of a path with one namespace.
func siteOf(ns *netns.NS, o observers) site {
	return site{hosts: [2]pathHost{{ns: ns, link: deviceName}}, observers: o}
}

// vhostEmpty tells whether no worker of vhost has packets in hand, when the
// device is empty.
func vhostEmpty(readers []reader) (bool, error) {
	for _, r := range readers {
		if v, ok := r.(*sink.Vhost); ok {
			if empty, err := v.Device.Empty(); !empty || err != nil {
				return false, err
			}
		}
	}
	return true, nil
}

// endWorkers is how many workers send and read, if half of the CPUs are for
// senders.
func endWorkers(s spec.Spec, half int) (senders, readers int) {
	senders, readers = min(s.Queues, s.Flows, half), s.Queues
	switch {
	case s.Gen == spec.GenLockstep:
		return 1, readers
	case s.Path == spec.PathSink && s.Dir != spec.K2U:
		return writingWorkers(s, senders)
	case s.Path == spec.PathBridge: // each queue is written by a thread of its own
		return min(s.Queues, s.Flows), readers
	case s.Path.Yardstick() || s.Gen.Conversation(): // which have no queues to go by
		senders = min(s.Flows, half)
	}
	if s.Path.Hosts() {
		if s.Dir == spec.Both && s.Gen != spec.GenIPerf3 { // each of whose two processes does both
			senders *= 2
		}
		readers = senders
	}
	return senders, readers
}
