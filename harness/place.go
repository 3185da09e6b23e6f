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
