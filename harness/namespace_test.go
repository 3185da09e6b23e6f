package harness

import (
	"errors"
	"os"
	"slices"
	"strings"
	"testing"

	"tunbench/bpf"
	"tunbench/harness/host"
	"tunbench/harness/netns"
	"tunbench/harness/spec"
)

// TestNamespaceRows judges what a new namespace may be like.
func TestNamespaceRows(t *testing.T) {
	good := map[string]string{
		"net.ipv6.conf.all.disable_ipv6": "0", "net.ipv6.conf.default.disable_ipv6": "0",
		"net.ipv4.tcp_congestion_control": "cubic", "net.ipv4.tcp_rmem": "4096\t131072\t6291456", "net.ipv4.tcp_wmem": "4096\t16384\t4194304",
	}
	with := func(name, value string) map[string]string {
		m := map[string]string{name: value}
		for k, v := range good {
			if _, ok := m[k]; !ok {
				m[k] = v
			}
		}
		return m
	}
	for name, c := range map[string]struct {
		sysctl map[string]string
		row    string // that is not ok; "" is none
		status string
		words  string
	}{
		"good":           {good, "", "", ""},
		"br_netfilter":   {with("net.bridge.bridge-nf-call-iptables", "1"), rowBridge, StatusWarning, "net.bridge.bridge-nf-call-iptables=1 in a new namespace"},
		"turned off":     {with("net.bridge.bridge-nf-call-iptables", "0"), "", "", ""},
		"no IPv6":        {map[string]string{}, rowIPv6, StatusUnsupported, "ipv6.disable=1"},
		"IPv6 off":       {with("net.ipv6.conf.default.disable_ipv6", "1"), rowIPv6, StatusWarning, "turned off"},
		"IPv6 off above": {with("net.ipv6.conf.all.disable_ipv6", "1"), rowIPv6, StatusWarning, "turned off"},
	} {
		var bad []Row
		for _, row := range namespaceRows(c.sysctl, nil) {
			if row.Status != StatusOK {
				bad = append(bad, row)
				if row.Advice == "" || row.Remedy().Why == "" {
					t.Errorf("%s: no advice, or no reason: %+v", name, row)
				}
			}
		}
		switch {
		case c.row == "" && len(bad) == 0:
		case len(bad) == 1 && bad[0].Name == c.row && bad[0].Status == c.status && strings.Contains(bad[0].Detail, c.words):
		default:
			t.Errorf("%s: %+v, want %s %s with %q", name, bad, c.row, c.status, c.words)
		}
	}
	if rows := namespaceRows(nil, errors.New("no")); len(rows) != 1 || rows[0].Status != StatusUnknown {
		t.Errorf("no namespace: %+v", rows)
	}
}

// TestNamespaceSettings: what is recorded is that of a trial's namespace, and not
// of the one in which the process is.
func TestNamespaceSettings(t *testing.T) {
	needRoot(t)
	ns, err := netns.New()
	if err != nil {
		t.Fatal(err)
	}
	defer ns.Close()
	const name = "net.ipv4.ip_forward"
	recorded := lab.Host().Sysctl
	other := map[string]string{"0": "1", "1": "0"}[recorded[name]]
	err = ns.Do(func() error {
		if got := host.Namespace()[name]; got != recorded[name] {
			t.Errorf("%s: %q was recorded, a new namespace has %q", name, recorded[name], got)
		}
		if err := os.WriteFile("/proc/sys/net/ipv4/ip_forward", []byte(other), 0); err != nil {
			return err
		}
		if got := host.Namespace()[name]; got != other {
			t.Errorf("%s: read %q of a namespace in which it is %s", name, got, other)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"net.ipv4.tcp_congestion_control", "net.ipv4.tcp_rmem", "net.ipv4.conf.default.rp_filter", "net.core.devconf_inherit_init_net"} {
		if recorded[name] == "" {
			t.Errorf("%s is not recorded", name)
		}
	}
}

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
	for _, row := range namespaceRows(freshNamespace()) {
		if row.Name == rowBridge && (row.Status == StatusWarning) != there {
			t.Errorf("doctor: %+v", row)
		}
	}
}
