// Package bench plans: what to measure, in which order, in which pairs.
//
// An Axis is one way in which scenarios differ, a Scenario is one value on
// every axis, a Suite is a list of scenarios with its timing, and a Plan
// measures scenarios through a Lab and records what came out.
package bench

import (
	"cmp"
	"fmt"
	"math"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"tunbench/harness/spec"
)

// Axis is one way in which scenarios differ.
type Axis struct {
	Name    string
	Default string
	About   string // one line, for help and completion

	domain domain
	// named axes stand in a scenario's name even at their default.
	named bool
	// set writes a canonical value into a Spec; nil where the axis has a
	// single value, which every Spec has anyway.
	set func(s *spec.Spec, value string)
}

// axes is in the order of names and of products; new axes are added at the end.
var axes = []Axis{
	{Name: "mode", Default: "tun", About: "kind of device", domain: words("tun", "tap"),
		set: func(s *spec.Spec, v string) { s.Mode = spec.Mode(v) }},
	{Name: "path", Default: "sink", About: "where the packets go", domain: words("sink", "relay", "vpn", "bridge", "veth", "wireguard", "wireguard-go"),
		set: func(s *spec.Spec, v string) { s.Path = spec.Path(v) }},
	{Name: "dir", Default: "k2u", About: "kernel to user (xmit, read), user to kernel (write, receive), or both", domain: words("k2u", "u2k", "both"), named: true,
		set: func(s *spec.Spec, v string) { s.Dir = spec.Dir(v) }},
	{Name: "gen", Default: "udp", About: "who makes the traffic", domain: words("udp", "udp-gso", "packet", "packet-gso", "tcp", "tcp-rr", "udp-rr", "lockstep", "iperf3"), named: true,
		set: func(s *spec.Spec, v string) { s.Gen = spec.Gen(v) }},
	{Name: "io", Default: "read", About: "how a descriptor is driven", domain: words("read", "readv", "poll", "spin", "uring", "vhost"),
		set: func(s *spec.Spec, v string) { s.IO = spec.IO(v) }},
	{Name: "queues", Default: "1", About: "queues of the device, multiqueue above 1", domain: numbers(1, spec.MaxQueues), named: true,
		set: func(s *spec.Spec, v string) { s.Queues = number(v) }},
	{Name: "flows", Default: "1", About: "5-tuples", domain: numbers(1, spec.MaxFlows),
		set: func(s *spec.Spec, v string) { s.Flows = number(v) }},
	{Name: "size", Default: "64", About: "IP length in bytes, or the 7:4:1 mix", domain: numbers(spec.MinSize, spec.MaxSize, "imix"), named: true,
		set: func(s *spec.Spec, v string) {
			s.Size = spec.SizeIMIX
			if v != "imix" {
				s.Size = number(v)
			}
		}},
	{Name: "vnet", Default: "off", About: "size of the virtio-net header in bytes", domain: words("off", "10", "12", "20", "24"),
		set: func(s *spec.Spec, v string) { s.VnetHdr = number(v) }},
	{Name: "offload", Default: "none", About: "TUNSETOFFLOAD, each including those before it", domain: words("none", "csum", "tso", "uso", "tunnel"),
		set: func(s *spec.Spec, v string) { s.Offload = spec.Offload(v) }},
	{Name: "pi", Default: "off", About: "packet information header", domain: words("off", "on"),
		set: func(s *spec.Spec, v string) { s.PI = v == "on" }},
	{Name: "napi", Default: "off", About: "how the device receives what user space writes", domain: words("off", "napi", "frags"),
		set: func(s *spec.Spec, v string) { s.NAPI = spec.NAPI(v) }},
	{Name: "xdp", Default: "off", About: "XDP program on the device", domain: words("off", "pass", "drop", "pass-generic", "drop-generic"),
		set: func(s *spec.Spec, v string) { s.XDP = spec.XDP(v) }},
	{Name: "steer", Default: "auto", About: "how a queue is chosen", domain: words("auto", "ebpf", "ebpf-cpu", "ebpf-one"),
		set: func(s *spec.Spec, v string) { s.Steer = spec.Steer(v) }},
	{Name: "qdisc", Default: "noqueue", About: "root qdisc of the device", domain: pattern(`[a-z0-9_]+`, "a qdisc's name in lower case", "noqueue", "pfifo_fast", "fq_codel", "fq"),
		set: func(s *spec.Spec, v string) { s.Qdisc = v }},
	{Name: "txqlen", Default: "500", About: "ring behind each queue in skbs", domain: numbers(1, math.MaxInt32),
		set: func(s *spec.Spec, v string) { s.TxQLen = number(v) }},
	{Name: "sndbuf", Default: "max", About: "TUNSETSNDBUF in bytes", domain: numbers(1, math.MaxInt32, "max"),
		set: func(s *spec.Spec, v string) { s.SndBuf = number(v) }},
	{Name: "load", Default: "max", About: "closed loop; open loop at a rate, or at a share of what max reached",
		domain: measures("max", unit{"pps", 1, spec.MaxRate}, unit{"pct", 1, 200}),
		set: func(s *spec.Spec, v string) {
			if n, ok := strings.CutSuffix(v, "pct"); ok {
				s.Share = float64(number(n)) / 100
			} else {
				s.Rate = float64(number(strings.TrimSuffix(v, "pps")))
			}
		}},
	{Name: "cipher", Default: "none", About: "encryption, for path=vpn", domain: words("none", "chacha20poly1305", "aes256gcm"),
		set: func(s *spec.Spec, v string) { s.Cipher = spec.Cipher(v) }},
	{Name: "ip", Default: "4", About: "IP version", domain: words("4", "6"),
		set: func(s *spec.Spec, v string) { s.Family = number(v) }},
	{Name: "bypass", Default: "off", About: "PACKET_QDISC_BYPASS, for gen=packet", domain: words("off", "on"),
		set: func(s *spec.Spec, v string) { s.Bypass = v == "on" }},
	{Name: "spacing", Default: "fixed", About: "of the packets of an open loop", domain: words("fixed", "poisson"),
		set: func(s *spec.Spec, v string) { s.Poisson = v == "poisson" }},
	{Name: "pause", Default: "off", About: "how long each reader sleeps once a second", domain: measures("off", unit{"ms", 1, int(spec.MaxPause / time.Millisecond)}),
		set: func(s *spec.Spec, v string) {
			s.Pause = time.Duration(number(strings.TrimSuffix(v, "ms"))) * time.Millisecond
		}},
	{Name: "filter", Default: "off", About: "eBPF filter on the device that keeps all: empty, or taking so long for each packet", domain: domain{words: []string{"off", "pass"}, units: []unit{{"ns", 1, int(spec.MaxFilterTime / time.Nanosecond)}}},
		set: func(s *spec.Spec, v string) {
			s.Filter = v != "off"
			s.FilterTime = time.Duration(number(strings.TrimSuffix(v, "ns")))
		}},
	{Name: "event", Default: "off", About: "what happens to the device in the middle of the measured time", domain: words("off", "detach", "carrier"),
		set: func(s *spec.Spec, v string) { s.Event = spec.Event(v) }},
}

// Axes returns every axis in the order of names and products.
func Axes() []Axis { return append([]Axis(nil), axes...) }

// Values returns what a shell may offer: every value where the axis has
// finitely many, its words and its default where it takes numbers.
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
	return "", fmt.Errorf("%s=%s: no such value: choose %s%s", a.Name, printable(value), a.Allowed(), didYouMean(value, a.domain.words))
}

// compare orders values of the axis: words as the axis lists them, numbers by
// their value, unit by unit, then any other text. Words stand behind plain numbers
// and before those with a unit.
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

// axisNamed finds an axis. The error names the axes there are and the nearest.
func axisNamed(name string) (Axis, error) {
	names := make([]string, len(axes))
	for i, a := range axes {
		if a.Name == name {
			return a, nil
		}
		names[i] = a.Name
	}
	return Axis{}, fmt.Errorf("no axis %q: choose %s%s", name, strings.Join(names, ", "), didYouMean(name, names))
}

// parseAssignment reads `axis=value` and returns the canonical value.
func parseAssignment(word string) (Axis, string, error) {
	name, value, found := strings.Cut(word, "=")
	if !found {
		return Axis{}, "", fmt.Errorf("%q is not axis=value", word)
	}
	a, err := axisNamed(name)
	if err != nil {
		return Axis{}, "", err
	}
	value, err = a.Parse(value)
	return a, value, err
}

// printable is value as it stands where that cannot spoil a terminal line.
func printable(value string) string {
	if q := strconv.Quote(value); q != `"`+value+`"` || value == "" || strings.Contains(value, " ") {
		return q
	}
	return value
}

// domain is the set of an axis' values: words, and possibly the whole
// numbers from lo to hi, whole numbers with a unit, or the words that match a
// pattern.
type domain struct {
	words   []string
	lo, hi  int // no numbers if hi is 0
	units   []unit
	match   *regexp.Regexp
	matches string // what match stands for, for people
}

// unit is what stands behind the numbers from lo to hi.
type unit struct {
	suffix string
	lo, hi int
}

func measures(word string, units ...unit) domain { return domain{words: []string{word}, units: units} }
func words(w ...string) domain                   { return domain{words: w} }
func numbers(lo, hi int, words ...string) domain { return domain{words: words, lo: lo, hi: hi} }
func pattern(expr, about string, words ...string) domain {
	return domain{words: words, match: regexp.MustCompile(`^(?:` + expr + `)$`), matches: about}
}

func (d domain) canonical(value string) (string, bool) {
	for _, w := range d.words {
		if w == value {
			return w, true
		}
	}
	if d.match != nil && d.match.MatchString(value) {
		return value, true
	}
	if n, err := strconv.Atoi(value); err == nil && d.hi > 0 && n >= d.lo && n <= d.hi {
		return strconv.Itoa(n), true
	}
	for _, u := range d.units {
		digits, ok := strings.CutSuffix(value, u.suffix)
		if n, err := strconv.Atoi(digits); ok && err == nil && n >= u.lo && n <= u.hi {
			return strconv.Itoa(n) + u.suffix, true
		}
	}
	return "", false
}

func (d domain) String() string {
	var parts []string
	if d.hi > 0 {
		parts = append(parts, fmt.Sprintf("%d to %d", d.lo, d.hi))
	}
	if d.match != nil {
		return d.matches + ", such as " + strings.Join(d.words, ", ")
	}
	parts = append(parts, d.words...)
	for _, u := range d.units {
		parts = append(parts, fmt.Sprintf("%d%s to %d%s", u.lo, u.suffix, u.hi, u.suffix))
	}
	return strings.Join(parts, ", ")
}

// number is the integer that a canonical value spells; words such as `off`
// and `max` stand for 0, the "left alone" of every Spec field they set.
func number(canonical string) int {
	n, err := strconv.Atoi(canonical)
	if err != nil {
		return 0
	}
	return n
}

// didYouMean offers the candidate that is nearest to word, if one is near.
func didYouMean(word string, candidates []string) string {
	if len(word) > 64 {
		return ""
	}
	best, distance := "", 1+len(word)/3
	for _, c := range candidates {
		if d := editDistance(strings.ToLower(word), c); d <= distance && (best == "" || d < distance) {
			best, distance = c, d
		}
	}
	if best == "" {
		return ""
	}
	return fmt.Sprintf(" (did you mean %s?)", best)
}

// editDistance is Levenshtein's: insertions, deletions and replacements of
// bytes that turn a into b.
func editDistance(a, b string) int {
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := 1; i <= len(a); i++ {
		diagonal := row[0]
		row[0] = i
		for j := 1; j <= len(b); j++ {
			replace := diagonal
			if a[i-1] != b[j-1] {
				replace++
			}
			diagonal = row[j]
			row[j] = min(row[j]+1, row[j-1]+1, replace)
		}
	}
	return row[len(b)]
}
