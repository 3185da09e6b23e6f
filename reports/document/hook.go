package document

import (
	"slices"
	"strings"

	"tunbench/reports/figure"
	"tunbench/reports/record"
)

// XmitPoint names the function or the tracepoint of the kernel at which the observers of
// list saw that a packet was handed to the device: where residency begins.
func XmitPoint(list []*figure.Scenario) string {
	var names []string
	for _, s := range list {
		for _, r := range figure.RunsOf(s.Run) {
			names = append(names, xmitPoint(r.Hook))
		}
	}
	slices.Sort(names)
	return strings.Join(slices.Compact(names), " or ")
}

// xmitPoint is that of one hook. An older record lacks the programs: then their kind tells.
func xmitPoint(h record.Hook) string {
	const function, tracepoint = "tun_net_xmit", "net_dev_start_xmit"
	for _, p := range h.Programs {
		if p.Target == function || p.Target == tracepoint {
			return p.Target
		}
	}
	if h.Used == "tracepoint" {
		return tracepoint
	}
	return function
}
