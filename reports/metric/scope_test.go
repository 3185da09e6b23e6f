package metric

import (
	"testing"

	"tunbench/reports/record"
)

// CPU time is not compared where only one side leaves threads out that do its work, and
// is compared where both count the same or where a difference is a cost of what differs.
func TestApart(t *testing.T) {
	const leaves, encrypt = "leaves out the threads of the probe", "leaves out the kernel's threads that encrypt"
	for _, tt := range []struct {
		metric, a, b string
		want         string
	}{
		{record.CPUNsPerPkt, "path=relay", "path=relay/probe=on", "CPU time " + leaves + ", on one side only"},
		{record.CPUNsPerPkt, "path=relay/probe=on", "path=relay", "CPU time " + leaves + ", on one side only"},
		{record.CPUNsPerPkt, "path=wireguard-go", "path=wireguard-go/probe=on", "CPU time " + leaves + ", on one side only"},
		{record.CPUNsPerPkt, "path=veth", "path=wireguard", "CPU time " + encrypt + ", on one side only"},
		{record.CPUNsPerPkt, "path=veth", "path=wireguard/probe=on", "CPU time " + leaves + " and " + encrypt + ", on one side only"},

		{record.PPS, "path=relay", "path=relay/probe=on", ""},
		{record.Loss, "path=veth", "path=wireguard", ""},
		{record.CPUNsPerPkt, "path=relay/probe=off", "path=relay", ""},
		{record.CPUNsPerPkt, "path=relay/probe=on/txqlen=64", "path=relay/probe=on", ""},
		{record.CPUNsPerPkt, "path=relay/probe=on", "path=vpn/probe=on", ""},
		{record.CPUNsPerPkt, "path=vpn/probe=on", "path=wireguard-go/probe=on", ""},
		{record.CPUNsPerPkt, "path=wireguard/size=64", "path=wireguard", ""},
		{record.CPUNsPerPkt, "path=vpn", "path=wireguard-go", ""},
		{record.CPUNsPerPkt, "path=vpn", "path=program", ""},
		{record.CPUNsPerPkt, "io=read", "io=vhost", ""},
		{record.CPUNsPerPkt, "io=read", "io=poll", ""},
		{record.CPUNsPerPkt, "io=read", "io=spin", ""},
	} {
		got := Apart(tt.metric, &record.Trial{Scenario: "Tun/" + tt.a}, &record.Trial{Scenario: "Tun/" + tt.b})
		if got != tt.want {
			t.Errorf("%s of %s and %s: %q, want %q", tt.metric, tt.a, tt.b, got, tt.want)
		}
	}
	probed := map[string]string{"path": "relay", "probe": "on"}
	if got := Apart(record.CPUNsPerPkt, &record.Trial{Axes: map[string]string{"path": "relay"}}, &record.Trial{Axes: probed}); got == "" {
		t.Error("the axes of a record do not count")
	}
}
