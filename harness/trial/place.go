package trial

import (
	"tunbench/harness/host"
	"tunbench/harness/load"
	"tunbench/harness/path"
	"tunbench/harness/spec"
	"tunbench/reports/record"
)

// Workers is how many threads a trial of s has on this host; 0 if they have no place here.
func Workers(s spec.Spec) int {
	var p record.Placement
	if cpus, err := host.Usable(s.CPUs); err == nil {
		p, _ = place(s, cpus)
	}
	return len(p.Sender) + len(p.Reader) + len(p.Carrier) + len(p.Probe)
}

// place finds a CPU for each worker of s.
func place(s spec.Spec, cpus []int) (record.Placement, error) {
	senders, readers := load.Workers(s, max(1, len(cpus)/2))
	p, err := host.Place(cpus, senders, readers)
	if err == nil {
		p.Carrier = host.PlaceForwarders(path.ForwarderCount(s), cpus, p)
		if s.Probe {
			p.Probe = host.PlaceBeside(2, cpus, p)
		}
	}
	return p, err
}
