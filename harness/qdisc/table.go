package qdisc

import (
	"fmt"
	"math"
	"strconv"
	"strings"
)

// unit is what the number of a parameter counts.
type unit int

const (
	packets unit = iota
	bytes
	flows
	duration // us; spelled with s, ms or us
	toggle   // on, off
)

// parameter is one that a discipline takes.
type parameter struct {
	name        string
	attribute   uint16 // its number in the discipline's attributes; 0 of a struct
	unit        unit
	least, most uint64
}

// kind is a discipline whose parameters are known.
type kind struct {
	layout     layout
	parameters []parameter
}

const (
	most   = math.MaxInt32
	minute = 60_000_000 // us
)

// limitOf is the only parameter of the disciplines of net/sched/sch_fifo.c, whose options are
// struct tc_fifo_qopt.
func limitOf(u unit) kind {
	return kind{word{}, []parameter{{"limit", 0, u, 1, most}}}
}

// kinds has the parameters of include/uapi/linux/pkt_sched.h that matter to a device without a
// rate: bounds are those at which the kernel refuses or changes a value.
var kinds = map[string]kind{
	"pfifo":           limitOf(packets),
	"bfifo":           limitOf(bytes),
	"pfifo_head_drop": limitOf(packets),
	"codel": {attributes{}, []parameter{ // TCA_CODEL_LIMIT and so on
		{"limit", 2, packets, 1, most},
		{"target", 1, duration, 1, minute},
		{"interval", 3, duration, 1, minute},
		{"ecn", 4, toggle, 0, 1},
		{"ce_threshold", 5, duration, 1, minute}, // Linux 4.2
	}},
	"fq_codel": {attributes{}, []parameter{ // TCA_FQ_CODEL_LIMIT and so on
		{"limit", 2, packets, 1, most},
		{"target", 1, duration, 1, minute},
		{"interval", 3, duration, 1, minute},
		{"quantum", 6, bytes, 256, 1 << 20},
		{"flows", 5, flows, 1, 65536},
		{"ecn", 4, toggle, 0, 1},
		{"ce_threshold", 7, duration, 1, minute}, // Linux 4.2
		{"drop_batch", 8, packets, 1, most},      // Linux 4.7
		{"memory_limit", 9, bytes, 1, 1 << 31},   // Linux 4.7
	}},
	"fq": {attributes{}, []parameter{ // TCA_FQ_PLIMIT and so on
		{"limit", 1, packets, 1, most},
		{"flow_limit", 2, packets, 1, most},
		{"quantum", 3, bytes, 1, 1 << 20},
		{"initial_quantum", 4, bytes, 1, most},
		{"pacing", 5, toggle, 0, 1},
	}},
}

func (k kind) find(name string) (parameter, bool) {
	for _, p := range k.parameters {
		if p.name == name {
			return p, true
		}
	}
	return parameter{}, false
}

func (k kind) names() []string {
	names := make([]string, len(k.parameters))
	for i, p := range k.parameters {
		names[i] = p.name
	}
	return names
}

// allowed describes the values in words.
func (p parameter) allowed() string {
	text := fmt.Sprintf("%s to %s", p.unit.spell(p.least), p.unit.spell(p.most))
	switch p.unit {
	case packets:
		return text + " packets"
	case bytes:
		return text + " bytes"
	case toggle:
		return "on or off"
	case duration:
		return text + ", such as 5ms"
	}
	return text
}

// times are the units of a time in us; s is the last, since the others end in it.
var times = []struct {
	suffix string
	us     uint64
}{{"ms", 1000}, {"us", 1}, {"s", 1_000_000}}

// read is the number that a value spells; ok is false for anything else.
func (u unit) read(value string) (n uint64, ok bool) {
	switch u {
	case toggle:
		return map[string]uint64{"on": 1}[value], value == "on" || value == "off"
	case duration:
		for _, t := range times {
			if digits, ok := strings.CutSuffix(value, t.suffix); ok {
				n, err := strconv.ParseUint(digits, 10, 32)
				return n * t.us, err == nil
			}
		}
		return 0, false
	}
	n, err := strconv.ParseUint(value, 10, 32)
	return n, err == nil
}

// spell is the only spelling of a number: times are in the longest unit, up to seconds, of which
// they are a whole number.
func (u unit) spell(n uint64) string {
	switch {
	case u == toggle && n == 0:
		return "off"
	case u == toggle:
		return "on"
	case u != duration:
		return strconv.FormatUint(n, 10)
	case n%1_000_000 == 0:
		return strconv.FormatUint(n/1_000_000, 10) + "s"
	case n%1000 == 0:
		return strconv.FormatUint(n/1000, 10) + "ms"
	}
	return strconv.FormatUint(n, 10) + "us"
}
