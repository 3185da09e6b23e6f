package harness

import (
	"os"
	"testing"

	"tunbench/harness/host"
	"tunbench/harness/netns"
)

// TestNamespaceSettings: what is recorded is that of a trial's namespace, and not
// of the one in which the process is.
func TestNamespaceSettings(t *testing.T) {
	if missing := host.Capabilities(); len(missing) > 0 {
		if os.Getenv("CI") == "true" {
			t.Fatalf("missing capabilities: %v, and CI must have them", missing)
		}
		t.Skipf("missing capabilities: %v", missing)
	}
	ns, err := netns.New()
	if err != nil {
		t.Fatal(err)
	}
	defer ns.Close()
	const name = "net.ipv4.ip_forward"
	recorded := New().Host().Sysctl
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
