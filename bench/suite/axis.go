// Package suite says what to measure: the axes in which scenarios differ, the
// scenarios that are their products, the files that list scenarios, and the
// filters that choose among them. It handles names and values only and knows no
// device.
package suite

import (
	"cmp"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
)

// Axis is one way in which scenarios differ.
type Axis struct {
	Name    string
	Default string
	About   string // one line, for help and completion

	domain domain
	named  bool // it stands in a scenario's name even at its default
}

// axes is in the order of names and of products; new axes are added at the end.
// The bounds of numbers are those of the harness; a test of bench/setup compares
// the two.
var axes = []Axis{
	{Name: "mode", Default: "tun", About: "kind of device", domain: words("tun", "tap")},
	{Name: "path", Default: "sink", About: "where the packets go", domain: words("sink", "relay", "vpn", "bridge", "program", "guest", "veth", "wireguard", "wireguard-go")},
	{Name: "dir", Default: "k2u", About: "kernel to user (xmit, read), user to kernel (write, receive), or both", domain: words("k2u", "u2k", "both"), named: true},
	{Name: "gen", Default: "udp", About: "what generates the traffic", domain: words("udp", "udp-gso", "packet", "packet-gso", "tcp", "tcp-rr", "udp-rr", "lockstep", "iperf3"), named: true},
	{Name: "io", Default: "read", About: "how a descriptor is driven", domain: words("read", "readv", "poll", "spin", "uring", "vhost")},
	{Name: "queues", Default: "1", About: "queues of the device, multiqueue above 1", domain: numbers(1, maxQueues), named: true},
	{Name: "flows", Default: "1", About: "number of flows, each a 5-tuple", domain: numbers(1, 32768)},
	{Name: "size", Default: "64", About: "IP length in bytes, or the 7:4:1 mix of sizes", domain: numbers(64, 65535, "imix"), named: true},
	{Name: "vnet", Default: "off", About: "size of the virtio-net header in bytes", domain: words("off", "10", "12", "20", "24")},
	{Name: "offload", Default: "none", About: "TUNSETOFFLOAD, each including those before it", domain: words("none", "csum", "tso", "uso", "tunnel")},
	{Name: "pi", Default: "off", About: "packet information header", domain: words("off", "on")},
	{Name: "napi", Default: "off", About: "how the device receives what user space writes", domain: words("off", "napi", "frags")},
	{Name: "xdp", Default: "off", About: "XDP program on the device", domain: words("off", "pass", "drop", "pass-generic", "drop-generic")},
	{Name: "steer", Default: "auto", About: "how a queue is chosen", domain: words("auto", "ebpf", "ebpf-cpu", "ebpf-one")},
	{Name: "qdisc", Default: "noqueue", About: "root qdisc of the device", domain: spelled(spellQdisc, "a qdisc's name in lower case, with parameters where it takes any", "noqueue", "pfifo_fast", "fq_codel", "fq", "fq_codel:limit=1000:target=5ms")},
	{Name: "txqlen", Default: "500", About: "length of the ring of each queue, in skbs", domain: numbers(1, math.MaxInt32)},
	{Name: "sndbuf", Default: "max", About: "TUNSETSNDBUF in bytes", domain: numbers(1, math.MaxInt32, "max")},
	{Name: "load", Default: "max", About: "max: a closed loop; else an open loop at a rate, or at a share of the rate of max", domain: measures("max", unit{"pps", 1, 100_000_000}, unit{"pct", 1, 200})},
	{Name: "cipher", Default: "none", About: "encryption, for path=vpn", domain: words("none", "chacha20poly1305", "aes256gcm")},
	{Name: "ip", Default: "4", About: "IP version", domain: words("4", "6")},
	{Name: "bypass", Default: "off", About: "PACKET_QDISC_BYPASS, for gen=packet", domain: words("off", "on")},
	{Name: "spacing", Default: "fixed", About: "how the packets of an open loop are spaced", domain: words("fixed", "poisson")},
	{Name: "pause", Default: "off", About: "how long each reader sleeps once a second, or with @N that of queue N", domain: measuresOfQueue("off", unit{"ms", 1, 500})},
	{Name: "filter", Default: "off", About: "eBPF filter on the device that keeps every packet: empty, or one that takes so long for each", domain: domain{words: []string{"off", "pass"}, units: []unit{{"ns", 1, 50_000}}}},
	{Name: "event", Default: "off", About: "what happens to the device in the middle of the measured time", domain: words("off", "detach", "carrier")},
	{Name: "senders", Default: "auto", About: "threads that send through sockets, whatever the number of queues; auto: one for each queue, as far as half of the CPUs reach", domain: numbers(1, 64, "auto")},
	{Name: "backpressure", Default: "off", About: "IFF_BACKPRESSURE: a full ring stops the queue instead of dropping, while the qdisc holds packets", domain: words("off", "on")},
	{Name: "tail", Default: "full", About: "last segment of a GSO packet: as long as the others, a byte less, or one byte", domain: words("full", "short", "byte")},
	{Name: "delay", Default: "off", About: "how long the link below the path keeps each packet, each way", domain: measures("off", unit{"ms", 1, 200})},
	{Name: "drop", Default: "off", About: "share of the packets that the link below the path loses", domain: measures("off", unit{"pct", 1, 10})},
	{Name: "reorder", Default: "off", About: "share of the packets that overtake others on a link that delays", domain: measures("off", unit{"pct", 1, 50})},
	{Name: "probe", Default: "off", About: "round trips of requests beside the traffic: latency when idle and under load", domain: words("off", "on")},
	{Name: "copy", Default: "1", About: "the same scenario again: two copies show what a run makes of equal scenarios", domain: numbers(1, 9)},
	{Name: "program", Default: "none", About: "for path=program: one that ships with tunbench, or the name in a file of --program", domain: pattern(`[a-z0-9][a-z0-9_.-]{0,39}`, "the name of a program", "none", "fastd", "n2n", "openvpn", "openvpn-chacha", "tinc", "wireguard-go")},
	{Name: "bridge", Default: "off", About: "whether the device of path=guest is a port of a bridge, and the host behind another port", domain: words("off", "on")},
	{Name: "payload", Default: "plain", About: "what datagrams carry: plain, with a UDP checksum of 0, or a VXLAN tunnel without and with an outer checksum", domain: words("plain", "csum0", "vxlan", "vxlan-csum")},
	{Name: "module", Default: "as-is", About: "the TUN module that is loaded for a trial: the one of the host, or the name in --module", domain: pattern(`[a-z0-9][a-z0-9_.-]{0,39}`, "the name of a module", "as-is")},
}

// Axes returns every axis in the order of names and products.
func Axes() []Axis { return append([]Axis(nil), axes...) }

// Values returns the values that a shell may offer: all of them if the axis has words
// only, its words and its default if it takes numbers.
func (a Axis) Values() []string {
	values := append([]string(nil), a.domain.words...)
	for _, v := range values {
		if v == a.Default {
			return values
		}
	}
	return append([]string{a.Default}, values...)
}

// Allowed describes the values in words: `tun, tap` or `1 to 256`.
func (a Axis) Allowed() string { return a.domain.String() }

// Parse returns the canonical spelling of value. The error names the axis,
// the value, the allowed values and the nearest of them.
func (a Axis) Parse(value string) (string, error) {
	if v, ok := a.domain.canonical(value); ok {
		return v, nil
	}
	if a.domain.spell != nil {
		v, err := a.domain.spell(value)
		if err != nil && strings.Contains(value, ":") {
			return "", err
		} else if err == nil {
			return v, nil
		}
	}
	return "", fmt.Errorf("%s=%s: no such value: choose %s%s", a.Name, Printable(value), a.Allowed(), didYouMean(value, a.domain.words))
}

// compare orders values of the axis: words as the axis lists them, numbers by
// their value, unit by unit, then any other text. Words come after plain numbers
// and before numbers with a unit.
func (a Axis) compare(v, w string) int {
	rank := func(v string) (group, word, number int) {
		if i := slices.Index(a.domain.words, v); i >= 0 {
			return 1, i, 0
		}
		if n, err := strconv.Atoi(v); err == nil {
			return 0, 0, n
		}
		for i, u := range a.domain.units {
			digits, ok := strings.CutSuffix(v, u.suffix)
			if n, err := strconv.Atoi(digits); ok && err == nil {
				return 2 + i, 0, n
			}
		}
		return 2 + len(a.domain.units), 0, 0
	}
	vg, vw, vn := rank(v)
	wg, ww, wn := rank(w)
	return cmp.Or(cmp.Compare(vg, wg), cmp.Compare(vw, ww), cmp.Compare(vn, wn), strings.Compare(v, w))
}

// FindAxis returns the axis of that name. The error names all axes and the nearest.
func FindAxis(name string) (Axis, error) {
	names := make([]string, len(axes))
	for i, a := range axes {
		if a.Name == name {
			return a, nil
		}
		names[i] = a.Name
	}
	return Axis{}, fmt.Errorf("no axis %q: choose %s%s", name, strings.Join(names, ", "), didYouMean(name, names))
}

// ParseAssignment reads `axis=value` and returns the canonical value.
func ParseAssignment(word string) (Axis, string, error) {
	name, value, found := strings.Cut(word, "=")
	if !found {
		return Axis{}, "", fmt.Errorf("%q is not axis=value", word)
	}
	a, err := FindAxis(name)
	if err != nil {
		return Axis{}, "", err
	}
	value, err = a.Parse(value)
	return a, value, err
}
