package finding

import (
	"fmt"
	"math"
	"slices"
	"strings"
	"testing"

	"tunbench/reports/figure"
	"tunbench/reports/record"
)

// side is a scenario that has a rate as a multiple of 1 Mpps, and how much its blocks
// scatter.
type side struct {
	name            string
	factor, scatter float64
	flags           []string
	open            bool
	segments        float64 // that a unit holds; 0 where units are not counted
}

// measured is a run of blocks in which each side was measured by turns.
func measured(blocks int, sides ...side) []*figure.Scenario {
	f := &record.File{Run: &record.Run{Host: record.Host{CPUs: 2}}}
	for pair := 1; pair <= blocks; pair++ {
		for n, s := range sides {
			axes := map[string]string{}
			for _, a := range strings.Split(s.name, "/")[1:] {
				name, value, _ := strings.Cut(a, "=")
				axes[name] = value
			}
			rate := 1e6 * s.factor * (1 + s.scatter*math.Sin(float64(3*pair+n)))
			t := record.Trial{
				Scenario: s.name, Axes: axes, Arm: record.Bare, Pair: pair, Trial: pair, Started: "2026-11-20T22:51:09Z", DurationNs: 5e8,
				Metrics: map[string]float64{record.PPS: rate}, Flags: s.flags,
			}
			if s.segments > 0 {
				t.Metrics[record.SKBPS] = rate / s.segments
			}
			for round := 1; round <= 10; round++ {
				pkts := uint64(rate / 20)
				t.Windows = append(t.Windows, record.Window{TNs: int64(round) * 5e7, Pkts: pkts, Bytes: 100 * pkts, Round: round})
			}
			if s.open {
				t.Schedule = &record.Schedule{}
			}
			f.Trials = append(f.Trials, t)
		}
	}
	list, _ := figure.Scenarios(f)
	return list
}

func sentences(list []*figure.Scenario) string {
	found, _ := Said(list)
	var lines []string
	for _, p := range found {
		lines = append(lines, p.String())
	}
	return strings.Join(lines, "\n")
}

const (
	plain  = "Tun/dir=k2u/gen=udp-gso/queues=1/size=1500"
	header = plain + "/vnet=10"
	uso    = plain + "/vnet=10/offload=uso"
)

// A ratio whose interval excludes 1 is a finding; one that includes it is none, but says
// how small the difference is at most, if that says something.
func TestFindings(t *testing.T) {
	const where = " at gen=udp-gso size=1500."
	for _, c := range []struct {
		name  string
		sides []side
		want  string
	}{
		{"faster", []side{{name: plain, factor: 1}, {name: uso, factor: 5.59}}, "UDP segmentation offload with a 10-byte header delivers 5.59 × (5.59) the bytes of plain reads" + where},
		{"slower", []side{{name: plain, factor: 1}, {name: header, factor: 0.8}}, "A 10-byte header alone delivers 0.800 × (0.800) the bytes of plain reads" + where},
		{"equal and narrow", []side{{name: plain, factor: 1, scatter: 0.01}, {name: header, factor: 1, scatter: 0.01}}, "A 10-byte header alone and plain reads: no difference seen (at most 1.69 %)" + where},
		{"equal and wide", []side{{name: plain, factor: 1, scatter: 0.2}, {name: header, factor: 1, scatter: 0.2}}, ""},
		{"invalid", []side{{name: plain, factor: 1}, {name: uso, factor: 5, flags: []string{record.FlagSteal}}}, ""},
		{"open loop", []side{{name: plain, factor: 1}, {name: uso, factor: 5, open: true}}, ""},
		{"nothing to compare", []side{{name: plain, factor: 1}}, ""},
		{"they differ twice", []side{{name: plain, factor: 1}, {name: uso + "/napi=napi", factor: 5}}, ""},
		{"the same twice", []side{{name: plain, factor: 1}, {name: plain + "/copy=2", factor: 5}}, ""},
	} {
		got := sentences(measured(6, c.sides...))
		if strings.Contains(c.want, "at most") { // the scatter makes the figure
			got = strings.Replace(got, got[strings.Index(got, "at most"):strings.Index(got, ")")], "at most 1.69 %", 1)
		}
		if got != c.want {
			t.Errorf("%s: %q, want %q", c.name, got, c.want)
		}
	}
	// Five blocks have no 95 % interval.
	if got := sentences(measured(5, side{name: plain, factor: 1}, side{name: uso, factor: 5})); got != "" {
		t.Errorf("of five blocks: %q", got)
	}
}

// The order is by the end of the interval that is nearer to 1: a large ratio that is badly
// supported comes after a smaller one that is well supported. Each respect is found once
// before one is found twice.
func TestOrder(t *testing.T) {
	const base = "Tun/dir=k2u/gen=udp/queues=1/size=64"
	list := measured(6,
		side{name: base, factor: 1},
		side{name: base + "/vnet=10", factor: 4},
		side{name: base + "/vnet=12", factor: 3.9},
		side{name: base + "/vnet=20", factor: 3.8},
		side{name: "Tun/dir=k2u/gen=udp/io=uring/queues=1/size=64", factor: 3, scatter: 0.9},
		side{name: "Tun/dir=k2u/gen=udp/io=poll/queues=1/size=64", factor: 0.5},
		side{name: "Tun/dir=k2u/gen=udp/queues=4/size=64", factor: 0.9},
		side{name: "Tun/dir=u2k/gen=udp/queues=1/size=64", factor: 1},
		side{name: "Tun/path=veth/dir=k2u/gen=udp/queues=1/size=64", factor: 2},
	)
	chosen, of := Of(list)
	var got []string
	for _, f := range chosen {
		got = append(got, fmt.Sprintf("%s %.2f", f.Difference.Name, f.Ratio.Value))
	}
	want := []string{"vnet 4.00", "io 0.50", "path 0.50", "queues 0.90", "dir 1.00"}
	if !slices.Equal(got, want) || of != 8 {
		t.Errorf("%q of %d, want %q of 8", got, of, want)
	}
	if !chosen[0].Differs() || chosen[4].Differs() {
		t.Error("what has no difference comes first")
	}
	// With one respect, its second ratio is told too.
	chosen, _ = Of(list[:0:0])
	if len(chosen) != 0 {
		t.Errorf("of nothing: %v", chosen)
	}
	chosen, of = Of(measured(6, side{name: base, factor: 1}, side{name: base + "/vnet=10", factor: 2}, side{name: base + "/vnet=12", factor: 3}, side{name: base + "/vnet=20", factor: 4}))
	if len(chosen) != 2 || of != 3 || chosen[0].Ratio.Value < 3.9 || chosen[1].Ratio.Value > 3.1 {
		t.Errorf("%d of %d: %+v", len(chosen), of, chosen)
	}
}

// Each kind of group has words of its own.
func TestWords(t *testing.T) {
	const base = "Tun/dir=k2u/gen=udp/queues=1/size=64"
	for _, c := range []struct{ a, b, want string }{
		{base, "Tun/dir=k2u/gen=udp/io=uring/queues=1/size=64", "io_uring delivers 2.00 × (2.00) the packets of read calls at gen=udp size=64."},
		{base, "Tun/dir=k2u/gen=udp/io=poll/queues=1/size=64", "Reading with poll delivers 2.00 × (2.00) the packets of read calls at gen=udp size=64."},
		{"Tap/dir=k2u/gen=udp/queues=1/size=64/vnet=12", "Tap/dir=k2u/gen=udp/io=vhost/queues=1/size=64/vnet=12", "vhost-net delivers 2.00 × (2.00) the packets of read calls at TAP gen=udp size=64 vnet=12."},
		{"Tun/dir=u2k/gen=udp/queues=1/size=64", "Tun/dir=u2k/gen=udp/io=uring/queues=1/size=64", "io_uring delivers 2.00 × (2.00) the packets of write calls at dir=u2k gen=udp size=64."},
		{base, "Tun/dir=k2u/gen=udp/queues=4/size=64", "4 queues deliver 2.00 × (2.00) the packets of one queue at gen=udp size=64."},
		{base, "Tun/dir=u2k/gen=udp/queues=1/size=64", "Writing to the device delivers 2.00 × (2.00) the packets of reading from the device at gen=udp size=64."},
		{"Tun/path=veth/dir=k2u/gen=tcp/queues=1/size=1500", "Tun/path=vpn/dir=k2u/gen=tcp/queues=1/size=1500/cipher=aes256gcm", "A VPN with aes256gcm delivers 2.00 × (2.00) the packets of a veth pair at gen=tcp size=1500."},
		{"Tun/path=veth/dir=k2u/gen=tcp/queues=1/size=1500", "Tun/path=program/dir=k2u/gen=tcp/queues=1/size=1500/program=mine", "mine delivers 2.00 × (2.00) the packets of a veth pair at gen=tcp size=1500."},
		{base, "Tun/dir=k2u/gen=udp/io=tomorrow/queues=1/size=64", "io=tomorrow delivers 2.00 × (2.00) the packets of read calls at gen=udp size=64."},
	} {
		if got := sentences(measured(6, side{name: c.a, factor: 1}, side{name: c.b, factor: 2})); got != c.want {
			t.Errorf("%q, want %q", got, c.want)
		}
	}
}

// Why there is no finding is told.
func TestNone(t *testing.T) {
	const other, base = "Tun/dir=k2u/gen=udp/queues=4/size=64", "Tun/dir=k2u/gen=packet-gso/queues=1/size=1500"
	for _, c := range []struct {
		name string
		list []*figure.Scenario
		want string
	}{
		{"wide", measured(6, side{name: plain, factor: 1, scatter: 0.2}, side{name: header, factor: 1, scatter: 0.2}), "The only ratio between scenarios includes 1 in its interval or is within the threshold of this run"},
		{"nothing to compare", measured(6, side{name: plain, factor: 1}, side{name: other, factor: 2}), "No two scenarios of this run differ in one respect only"},
		{"one scenario", measured(6, side{name: plain, factor: 1}), "No two scenarios of this run differ in one respect only"},
		{"another txqlen", measured(6, side{name: plain, factor: 1}, side{name: plain + "/txqlen=5000", factor: 2}), "the scenarios that differ in one respect only differ in txqlen, for which"},
		{"two axes of others", measured(6, side{name: other, factor: 1}, side{name: "Tun/dir=k2u/gen=udp/queues=4/size=1500", factor: 2}, side{name: other + "/load=10pct", factor: 2}), "differ in size, load, for which a report gives no ratios. tunbench ab compares two of them."},
		{"mode", measured(6, side{name: plain, factor: 1}, side{name: strings.Replace(plain, "Tun", "Tap", 1), factor: 2}), "differ in mode, for which"},
		{"txqlen and another respect", measured(6, side{name: plain, factor: 1}, side{name: header + "/txqlen=5000", factor: 2}), "No two scenarios of this run differ in one respect only"},
		{"few blocks", measured(2, side{name: plain, factor: 1}, side{name: header, factor: 2}), "needs 6 valid trials of both, and this run has scenarios with 2."},
		{"another form", measured(6, side{name: base, factor: 1}, side{name: strings.Replace(base, "k2u", "u2k", 1), factor: 2, segments: 44}), "one moves GSO packets whole and the other single segments"},
	} {
		if got := None(c.list).String(); !strings.Contains(got, c.want) {
			t.Errorf("%s: %q, want %q", c.name, got, c.want)
		}
	}
}

// What to believe follows from the half-width, and is a round ratio.
func TestSharp(t *testing.T) {
	for half, want := range map[float64]float64{0: 1.01, 0.006: 1.01, 0.022: 1.05, 0.06: 1.1, 0.2: 1.3, 0.5: 2, 7: 0} {
		if got := Believe(half); got != want {
			t.Errorf("good to %v: believe %v, want %v", half, got, want)
		}
	}
	list := measured(6, side{name: plain, factor: 1, scatter: 0.05}, side{name: header, factor: 1, scatter: 0.05})
	got := Sharp(list).String()
	if !strings.HasPrefix(got, "This run is good to ±") || !strings.Contains(got, "believe ratios above 1.") || !strings.HasSuffix(got, ". That is half the width of the 95 % interval of the only ratio between scenarios.") {
		t.Errorf("%q", got)
	}
	if got := Sharp(measured(6, side{name: plain, factor: 1, scatter: 0.05})).String(); !strings.HasSuffix(got, "of the only packet rate.") {
		t.Errorf("one scenario: %q", got)
	}
	two := measured(6, side{name: plain, factor: 1, scatter: 0.05}, side{name: header, factor: 1, scatter: 0.05}, side{name: uso, factor: 1, scatter: 0.05})
	if got := Sharp(two).String(); !strings.HasSuffix(got, ". Half of the 95 % intervals of 2 ratios between scenarios are narrower than that.") {
		t.Errorf("two ratios: %q", got)
	}
	if got := Sharp(measured(5, side{name: plain, factor: 1})); got != nil {
		t.Errorf("without an interval: %q", got)
	}
}
