package host

import (
	"io/fs"
	"os"
	"slices"
	"strings"
)

// ofNamespace are the settings that each network namespace has of its own, set
// by the host or a module when the namespace is created, and that affect the
// packets of a trial.
var ofNamespace = []string{
	// Of br_netfilter. In a new namespace they are 1, whatever they are on the host:
	// packets that cross a bridge then cross iptables (br_netfilter_sysctl_init_net
	// of net/bridge/br_netfilter_hooks.c).
	"net.bridge.bridge-nf-call-arptables",
	"net.bridge.bridge-nf-call-ip6tables",
	"net.bridge.bridge-nf-call-iptables",
	"net.bridge.bridge-nf-filter-pppoe-tagged",
	"net.bridge.bridge-nf-filter-vlan-tagged",
	"net.bridge.bridge-nf-pass-vlan-input-dev",
	"net.core.optmem_max",
	"net.core.rmem_default",
	"net.core.rmem_max",
	"net.core.somaxconn",
	"net.core.txrehash",
	"net.core.wmem_default",
	"net.core.wmem_max",
	// A device starts with those of "default"; those of "all" apply to packets, too.
	"net.ipv4.conf.all.accept_local",
	"net.ipv4.conf.all.forwarding",
	"net.ipv4.conf.all.rp_filter",
	"net.ipv4.conf.all.src_valid_mark",
	"net.ipv4.conf.default.accept_local",
	"net.ipv4.conf.default.forwarding",
	"net.ipv4.conf.default.rp_filter",
	"net.ipv4.ip_early_demux",
	"net.ipv4.ip_forward",
	"net.ipv4.ip_no_pmtu_disc",
	"net.ipv4.tcp_autocorking",
	"net.ipv4.tcp_congestion_control",
	"net.ipv4.tcp_early_demux",
	"net.ipv4.tcp_ecn",
	"net.ipv4.tcp_limit_output_bytes",
	"net.ipv4.tcp_min_tso_segs",
	"net.ipv4.tcp_moderate_rcvbuf",
	"net.ipv4.tcp_notsent_lowat",
	"net.ipv4.tcp_pacing_ca_ratio",
	"net.ipv4.tcp_pacing_ss_ratio",
	"net.ipv4.tcp_rmem",
	"net.ipv4.tcp_sack",
	"net.ipv4.tcp_slow_start_after_idle",
	"net.ipv4.tcp_timestamps",
	"net.ipv4.tcp_tso_rtt_log",
	"net.ipv4.tcp_tso_win_divisor",
	"net.ipv4.tcp_window_scaling",
	"net.ipv4.tcp_wmem",
	"net.ipv4.udp_early_demux",
	"net.ipv4.udp_rmem_min",
	"net.ipv4.udp_wmem_min",
	"net.ipv6.conf.all.disable_ipv6",
	"net.ipv6.conf.all.forwarding",
	"net.ipv6.conf.default.disable_ipv6",
	"net.ipv6.conf.default.forwarding",
}

// Namespace reads the settings of the network namespace of the calling thread,
// which must be locked to it, by their names.
func Namespace() map[string]string { return readNames(os.DirFS("/"), ofNamespace) }

// CrossesNetfilter returns which of these settings send packets that cross a
// bridge through the tables of netfilter.
func CrossesNetfilter(sysctl map[string]string) (names []string) {
	for _, name := range ofNamespace {
		if strings.HasPrefix(name, "net.bridge.bridge-nf-call-") && sysctl[name] == "1" {
			names = append(names, name)
		}
	}
	return names
}

// netfilterModules lists the loaded modules of netfilter, sorted. What is built
// into the kernel shows in its configuration instead.
func netfilterModules(root fs.FS) (list []string) {
	for line := range strings.Lines(text(root, "proc/modules")) {
		name, _, _ := strings.Cut(strings.TrimSpace(line), " ")
		for _, prefix := range []string{"br_netfilter", "nf_", "nft_", "nfnetlink", "ip_tables", "ip6_tables", "iptable_", "ip6table_", "x_tables", "xt_", "ebtable", "arptable", "arp_tables", "ip_set"} {
			if strings.HasPrefix(name, prefix) {
				list = append(list, name)
				break
			}
		}
	}
	slices.Sort(list)
	return list
}
