package metric

import (
	"slices"
	"strings"

	"tunbench/reports/axis"
	"tunbench/reports/record"
)

// Apart says why the values of a metric must not be compared between two trials: they
// do not count the same. It is "" where they may be.
func Apart(metric string, a, b *record.Trial) string {
	if metric != record.CPUNsPerPkt {
		return ""
	}
	x, y := cpuScope(a), cpuScope(b)
	var only []string
	for _, clause := range slices.Concat(x, y) {
		if slices.Contains(x, clause) != slices.Contains(y, clause) {
			only = append(only, clause)
		}
	}
	if len(only) == 0 {
		return ""
	}
	return "CPU time " + strings.Join(only, " and ") + ", on one side only"
}

// cpuScope says in what the CPU time of a trial is not that of all threads that move its
// packets. Forwarders, vhost workers and the programs of path=program and gen=iperf3
// count in every trial that has them, and so does the time for which io=poll and io=spin
// are busy: these are costs of what is measured.
func cpuScope(t *record.Trial) (clauses []string) {
	if axis.Of(t, "probe") == "on" { // although the softirqs that they run carry packets of the traffic too
		clauses = append(clauses, "leaves out the threads of the probe")
	}
	if axis.Of(t, "path") == "wireguard" {
		clauses = append(clauses, "leaves out the kernel's threads that encrypt")
	}
	return clauses
}
