package harness

import (
	"tunbench/harness/host"
	"tunbench/harness/spec"
	"tunbench/reports/record"
)

// place finds a CPU for each worker of s.
func place(s spec.Spec, cpus []int) (record.Placement, error) {
	senders, readers := endWorkers(s, max(1, len(cpus)/2))
	p, err := host.Place(cpus, senders, readers)
	if err == nil {
		p.Carrier = host.PlaceForwarders(forwarderCount(s), cpus, p)
	}
	return p, err
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
