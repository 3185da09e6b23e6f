package spec

import "fmt"

// windowRing is the longest ring, in packets, that fills soon. Senders are faster than
// forwarders by some ten thousand packets a second, and the traffic of a window of TCP flows
// for some 60 ms.
const windowRing = 1000

// probeContradiction is about the probe; "" is none.
func probeContradiction(s Spec) string {
	switch {
	case !s.Probe:
		return ""
	case !s.Path.Hosts():
		return fmt.Sprintf("probe=on asks one host from another, and path=%s does not have two; set path=relay, vpn, program, veth, wireguard or wireguard-go", s.Path)
	case s.Gen == GenTCPRR || s.Gen == GenUDPRR:
		return fmt.Sprintf("gen=%s measures round trips by itself; set probe=off, or a gen that fills the path such as tcp", s.Gen)
	case s.Gen == GenUDPGSO && (s.Path != PathVPN && s.Path != PathRelay || s.Offload == OffloadUSO || s.Offload == OffloadTunnel):
		return "probe=on sends single packets, and beside gen=udp-gso the path counts whole GSO packets: the two could not be told apart; set gen=udp or tcp, or path=relay or vpn without offload=uso"
	}
	return ""
}
