// Package load makes the traffic of stamped packets, each of which is accounted for:
// it sends them into a device or a path, and reads them at the other end.
package load

import (
	"cmp"
	"context"

	"tunbench/bpf"
	"tunbench/harness/account"
	"tunbench/harness/device"
	"tunbench/harness/netns"
	"tunbench/harness/path"
	"tunbench/harness/path/foreign"
	"tunbench/harness/sink"
	"tunbench/harness/spec"
	"tunbench/harness/traffic"
	"tunbench/harness/worker"
	"tunbench/reports/record"
)

// Traffic sends stamped packets into a device or a path, and reads them at the other
// end. Its methods are called in this order, and Close last, from whatever state.
type Traffic interface {
	// Build makes devices and observers. What it made is returned with an error, too. It
	// ends early, with the error of ctx, when that is done.
	Build(ctx context.Context) (path.Site, error)
	// Open opens senders and readers. Nothing runs yet. What it opened is returned
	// with an error, too.
	Open(sending *traffic.Control, reading *sink.Control) ([]*Direction, error)
	// Empty reports whether no packet is on its way.
	Empty() (bool, error)
	// Collect reads the counters for the last time, when all workers have ended.
	Collect() (path.Ledger, error)
	Close() error
}

// New returns the traffic that s asks for, with its workers on the CPUs of p and the
// observer on hook; none if that is bpf.None.
func New(s spec.Spec, hook bpf.Hook, p record.Placement) (Traffic, error) {
	switch {
	case s.Loopback:
		return newHosts(s, path.NewLoopback(s), p), nil
	case s.Path == spec.PathSink && s.Dir == spec.K2U:
		return newK2U(s, hook, p), nil
	case s.Path == spec.PathSink && s.Dir == spec.U2K && device.Writes(s.Gen):
		return newU2K(s, hook, p), nil
	case s.Path == spec.PathSink && s.Dir == spec.Both:
		return newBoth(s, hook, p), nil
	case s.Path == spec.PathBridge:
		return newBridge(s, hook, p), nil
	case s.Path.Hosts() && !s.Gen.Conversation():
		w, err := PathOf(s, hook, p)
		if err != nil {
			return nil, err
		}
		return newHosts(s, w, p), nil
	}
	return nil, path.NotBuilt(s)
}

// PathOf returns the path between two hosts that s asks for.
func PathOf(s spec.Spec, hook bpf.Hook, p record.Placement) (path.Path, error) {
	if s.Path == spec.PathProgram && !s.Loopback {
		return foreign.New(s, hook, p), nil
	}
	return path.New(s, hook, p)
}

// Reader reads stamped packets, recognises and counts them.
type Reader interface {
	Start() error
	Thread() *worker.Thread // nil before Start, and where nothing needs to run
	Seen() *sink.Tally
	// Finish makes a reader that is running end as soon as nothing is left for
	// it. It is called again until the thread is done.
	Finish() error
	Close() error
}

// Direction is the senders and readers of one direction of traffic.
type Direction struct {
	account.Direction
	Ends []Reader // the readers of account.Direction, which are also started and ended
}

// add adds readers.
func (l *Direction) add(readers ...Reader) {
	for _, r := range readers {
		l.Ends = append(l.Ends, r)
		l.Readers = append(l.Readers, r)
	}
}

// vhostOwners lists the readers and senders of a direction that may have vhost
// workers.
func (l *Direction) vhostOwners() (list []path.VhostOwner) {
	for _, r := range l.Ends {
		if a, ok := r.(path.VhostOwner); ok {
			list = append(list, a)
		}
	}
	for _, s := range l.Senders {
		list = append(list, s)
	}
	return list
}

// siteOf is the site of a path with one namespace.
func siteOf(ns *netns.NS, o device.Observers) path.Site {
	return path.Site{Hosts: [2]path.Host{{NS: ns, Link: device.Name}}, Observers: o}
}

// vhostEmpty reports whether no worker of vhost holds packets. The device must be
// empty.
func vhostEmpty(readers []Reader) (bool, error) {
	for _, r := range readers {
		if v, ok := r.(*sink.Vhost); ok {
			if empty, err := v.Device.Empty(); !empty || err != nil {
				return false, err
			}
		}
	}
	return true, nil
}

// Workers is how many workers send and read, if half of the CPUs are for
// senders.
func Workers(s spec.Spec, half int) (senders, readers int) {
	each := min(s.Queues, s.Flows, half) // of the sockets at an end
	if s.Path.Foreign() || s.Gen.Conversation() {
		each = min(s.Flows, half) // without queues to go by
	}
	senders, readers = cmp.Or(s.Senders, each), s.Queues
	switch {
	case s.Gen == spec.GenLockstep:
		return 1, readers
	case s.Path == spec.PathSink && s.Dir != spec.K2U:
		return writingWorkers(s, senders)
	case s.Path == spec.PathGuest: // the other end of each is in the guest
		return guestWorkers(s, each)
	case s.Path == spec.PathBridge: // each queue is written by a thread of its own
		return min(s.Queues, s.Flows), readers
	}
	if s.Path.Hosts() {
		readers = each
		if s.Gen.Conversation() { // of which each thread has one at the other end
			readers = senders
		}
		if s.Dir == spec.Both && s.Gen != spec.GenIPerf3 { // each of whose two processes does both
			senders, readers = 2*senders, 2*readers
		}
	}
	return senders, readers
}

// guestWorkers is how many workers of the host send to a guest and receive from it.
func guestWorkers(s spec.Spec, each int) (senders, readers int) {
	switch s.Dir {
	case spec.K2U:
		return each, 0
	case spec.U2K:
		return 0, each
	}
	return each, each
}
