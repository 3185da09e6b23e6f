package trial

import (
	"os"
	"slices"
	"strings"
	"testing"

	"tunbench/bpf"
	"tunbench/harness/doctor"
	"tunbench/harness/spec"
)

// TestBridgeCrossesNetfilter: where br_netfilter is in the kernel the record, a
// trial of path=bridge and doctor say so, and only there.
func TestBridgeCrossesNetfilter(t *testing.T) {
	needRoot(t)
	_, err := os.Stat("/proc/sys/net/bridge/bridge-nf-call-iptables")
	there := err == nil
	t.Logf("br_netfilter is in this kernel: %t", there)
	if got := lab.Host().Sysctl["net.bridge.bridge-nf-call-iptables"]; (got == "1") != there {
		t.Errorf("recorded %q", got)
	}
	s := short()
	s.Path, s.Mode = spec.PathBridge, spec.TAP
	trial := runOrSkip(t, s, bpf.None)
	const note = "bridge: br_netfilter is in this kernel, and packets cross its tables ("
	if said := slices.ContainsFunc(trial.Notes, func(n string) bool { return strings.HasPrefix(n, note) }); said != there {
		t.Errorf("notes %q", trial.Notes)
	}
	for _, row := range doctorRows(t, "Settings and load that make figures worse") {
		if row.Name == "bridge-netfilter" && (row.Status == doctor.StatusWarning) != there {
			t.Errorf("doctor: %+v", row)
		}
	}
}
