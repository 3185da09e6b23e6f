package host

import (
	"slices"
	"testing"
)

func TestCrossesNetfilter(t *testing.T) {
	const name = "net.bridge.bridge-nf-call-iptables"
	for value, want := range map[string]bool{"": false, "0": false, "1": true} {
		sysctl := map[string]string{name: value, "net.bridge.bridge-nf-filter-vlan-tagged": "1", "net.ipv4.ip_forward": "1"}
		if got := CrossesNetfilter(sysctl); slices.Equal(got, []string{name}) != want || len(got) > 1 {
			t.Errorf("%q: %q", value, got)
		}
	}
	if got := CrossesNetfilter(nil); len(got) > 0 {
		t.Errorf("nothing can be read: %q", got)
	}
}

func TestNetfilterModules(t *testing.T) {
	root := tree(map[string]string{"proc/modules": "tun 69632 2 - Live 0x0000000000000000\n" +
		"nft_chain_nat 12288 1 - Live 0x0\nbr_netfilter 36864 0 - Live 0x0\nbridge 421888 1 br_netfilter, Live 0x0\nxt_conntrack 12288 1 - Live 0x0\n"})
	if got := netfilterModules(root); !slices.Equal(got, []string{"br_netfilter", "nft_chain_nat", "xt_conntrack"}) {
		t.Errorf("got %q", got)
	}
	if got := netfilterModules(tree(nil)); len(got) > 0 {
		t.Errorf("a kernel without modules has %q", got)
	}
}

// TestNames: each setting is recorded once, and none of the host's takes the
// place of a namespace's by chance.
func TestNames(t *testing.T) {
	for _, list := range [][]string{sysctls, ofNamespace} {
		if !slices.IsSorted(list) || len(slices.Compact(slices.Clone(list))) != len(list) {
			t.Errorf("not sorted, or twice in the list: %q", list)
		}
	}
}
