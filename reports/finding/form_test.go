package finding

import (
	"slices"
	"strings"
	"testing"

	"tunbench/reports/figure"
	"tunbench/reports/record"
)

// How many segments a device moves at once is read from what was counted or, where
// nothing was, from what the device can take.
func TestForm(t *testing.T) {
	gso := record.Device{Offloads: []string{"tx-tcp-segmentation"}, MTU: 1500}
	for _, c := range []struct {
		name  string
		trial record.Trial
		want  form
	}{
		{"skbs of many segments", record.Trial{Metrics: map[string]float64{record.PPS: 440, record.SKBPS: 10}}, whole},
		{"skbs of one", record.Trial{Metrics: map[string]float64{record.PPS: 440, record.SKBPS: 440}}, single},
		{"writes of many", record.Trial{Axes: map[string]string{"dir": "u2k"}, Accounting: record.Accounting{Accepted: 440}, Writes: &record.Writes{Calls: 10}}, whole},
		{"writes of one", record.Trial{Axes: map[string]string{"dir": "u2k"}, Accounting: record.Accounting{Accepted: 440}, Writes: &record.Writes{Calls: 440}}, single},
		{"hops of large packets", record.Trial{Axes: map[string]string{"gen": "tcp"}, Hops: []record.Hop{{In: 10, Bytes: 520}, {In: 10, Bytes: 600000}}}, whole},
		{"hops of packets, whatever the device could take", record.Trial{Axes: map[string]string{"gen": "tcp"}, Device: gso, Hops: []record.Hop{{In: 10, Bytes: 15000}}}, single},
		{"a device that takes GSO packets", record.Trial{Axes: map[string]string{"gen": "tcp"}, Device: gso}, whole},
		{"one that does not", record.Trial{Axes: map[string]string{"gen": "tcp"}, Device: record.Device{Offloads: []string{"tx-udp-segmentation"}}}, single},
		{"packets that are none", record.Trial{Axes: map[string]string{"gen": "udp"}, Device: gso}, single},
	} {
		c.trial.Scenario, c.trial.Arm = "Tun/size=64", record.Bare
		list, _ := figure.Scenarios(&record.File{Run: &record.Run{}, Trials: []record.Trial{c.trial}})
		if got := formOf(list[0]); got != c.want {
			t.Errorf("%s: %v, want %v", c.name, got, c.want)
		}
	}
}

// Scenarios are compared where packets cross both in the same form, and where the form is
// the question.
func TestOnlyLikeWithLike(t *testing.T) {
	const (
		read  = "Tun/dir=k2u/gen=packet-gso/queues=1/size=1500/vnet=10"
		write = "Tun/dir=u2k/gen=packet-gso/queues=1/size=1500/vnet=10"
		veth  = "Tun/path=veth/dir=k2u/gen=tcp/queues=1/size=1500"
		relay = "Tun/path=relay/dir=k2u/gen=tcp/queues=1/size=1500"
	)
	for _, c := range []struct {
		name  string
		sides []side
		want  string
	}{
		{"reads of single segments, writes of GSO packets", []side{{name: read, factor: 1}, {name: write, factor: 7.4, segments: 44}}, ""},
		{
			"both whole", []side{{name: read, factor: 1, segments: 44}, {name: write, factor: 0.87, segments: 44}},
			"Writing to the device delivers 0.870 × (0.870) the packets of reading from the device at gen=packet-gso size=1500 vnet=10.",
		},
		{"veth with GSO, a relay without", []side{{name: veth, factor: 1, segments: 44}, {name: relay, factor: 0.07}}, ""},
		{
			"neither with GSO", []side{{name: veth, factor: 1}, {name: relay, factor: 0.05}},
			"A relay in user space delivers 20.0 × (20.0) fewer packets than a veth pair at gen=tcp size=1500.",
		},
		{
			"a relay with offloads beside veth", []side{{name: veth, factor: 1, segments: 44}, {name: relay + "/vnet=10/offload=tso", factor: 0.7, segments: 44}},
			"A relay in user space with vnet=10 offload=tso delivers 0.700 × (0.700) the packets of a veth pair at gen=tcp size=1500.",
		},
		{"a relay with a header alone", []side{{name: veth, factor: 1, segments: 44}, {name: relay + "/vnet=10", factor: 0.07}}, ""},
		{
			"a program decides by itself", []side{{name: veth, factor: 1, segments: 44}, {name: "Tun/path=program/dir=k2u/gen=tcp/queues=1/size=1500/program=mine", factor: 0.5}},
			"mine delivers 0.500 × (0.500) the packets of a veth pair at gen=tcp size=1500. mine moves single segments, a veth pair GSO packets whole.",
		},
	} {
		if got := sentences(measured(6, c.sides...)); got != c.want {
			t.Errorf("%s: %q, want %q", c.name, got, c.want)
		}
	}
	// What offloads gain is what the difference asks about.
	if got := sentences(measured(6, side{name: plain, factor: 1}, side{name: uso, factor: 7, segments: 44})); !strings.Contains(got, "7.00 ×") {
		t.Errorf("offloads: %q", got)
	}
}

// A finding says whose workers share the CPUs, and whose trials are mostly unsteady.
func TestCaveats(t *testing.T) {
	const one, four = "Tun/dir=k2u/gen=udp/queues=1/size=64", "Tun/dir=k2u/gen=udp/queues=4/size=64"
	crowd, unsteady := []string{record.FlagOversubscribed}, []string{record.FlagUnsteady}
	const found = "4 queues deliver 0.770 × (0.770) the packets of one queue at gen=udp size=64"
	for _, c := range []struct {
		a, b []string
		want string
	}{
		{nil, nil, found + "."},
		{nil, crowd, found + ", on 2 CPUs, which the workers of 4 queues share."},
		{crowd, nil, found + ", on 2 CPUs, which the workers of one queue share."},
		{crowd, crowd, found + ", on 2 CPUs, which the workers share in both cases."},
		{unsteady, nil, found + ". Unsteady: 6 of 6 trials of one queue."},
		{unsteady, unsteady, found + ". Unsteady: 6 of 6 and 6 of 6 trials."},
	} {
		if got := sentences(measured(6, side{name: one, factor: 1, flags: c.a}, side{name: four, factor: 0.77, flags: c.b})); got != c.want {
			t.Errorf("%v, %v: %q, want %q", c.a, c.b, got, c.want)
		}
	}
	// One unsteady trial of six is none that the sentence must tell.
	list := measured(6, side{name: one, factor: 1}, side{name: four, factor: 0.77})
	list[0].Bare.All[0].Flags = unsteady
	if got := sentences(list); got != found+"." {
		t.Errorf("one unsteady trial: %q", got)
	}
}

// A run shows what is beyond its threshold and whose interval excludes 1.
func TestTrust(t *testing.T) {
	exact := func(value, low, high float64) figure.Ratio {
		return figure.Ratio{Value: value, Interval: figure.Interval{Low: low, High: high, Exact: true}}
	}
	for _, c := range []struct {
		trust Trust
		ratio figure.Ratio
		want  bool
	}{
		{1.05, exact(1.06, 1.01, 1.1), true},
		{1.05, exact(0.94, 0.9, 0.99), true},
		{1.05, exact(1.03, 1.02, 1.06), false}, // too small for this run
		{1.02, exact(1.03, 1.02, 1.06), true},
		{1.05, exact(1.06, 0.99, 1.2), false}, // includes 1
		{1.05, exact(0.96, 0.93, 0.99), false},
		{1.05, figure.Ratio{Value: 2, Interval: figure.Interval{Low: 1.9, High: 2.1}}, false}, // the range of few trials
		{0, exact(2, 1.9, 2.1), false},                                                        // a run of which nothing is to be believed
	} {
		if got := c.trust.Shows(c.ratio); got != c.want {
			t.Errorf("%v shows %+v: %v, want %v", c.trust, c.ratio, got, c.want)
		}
	}
}

// Of two ratios as far from 1, the one with the narrower interval comes first, and one
// respect has two findings at most.
func TestNarrowFirst(t *testing.T) {
	const base = "Tun/dir=k2u/gen=udp/queues=1/size=64"
	chosen, of := Of(measured(6,
		side{name: base, factor: 1},
		side{name: "Tun/dir=k2u/gen=udp/io=uring/queues=1/size=64", factor: 3, scatter: 0.1},
		side{name: "Tun/dir=k2u/gen=udp/io=poll/queues=1/size=64", factor: 2.7, scatter: 0.001},
		side{name: "Tun/dir=k2u/gen=udp/io=spin/queues=1/size=64", factor: 1.5},
	))
	var got []string
	for _, f := range chosen {
		got = append(got, f.Scenario.Head().All[0].Axes["io"])
	}
	if want := []string{"poll", "uring"}; !slices.Equal(got, want) || of != 3 {
		t.Errorf("%q of %d, want %q of 3", got, of, want)
	}
}

// A finding has the command that checks it, unless a command alone cannot.
func TestCommand(t *testing.T) {
	const base = "Tun/dir=k2u/gen=udp/queues=1/size=64"
	for _, c := range []struct{ a, b, want string }{
		{plain, uso, "sudo .build/tunbench ab --b 'vnet=10 offload=uso' --set gen=udp-gso --set size=1500"},
		{base, "Tun/dir=k2u/gen=udp/queues=4/size=64", "sudo .build/tunbench ab --a queues=1 --b queues=4 --set gen=udp --set size=64"},
		{base, "Tun/dir=u2k/gen=udp/queues=1/size=64", "sudo .build/tunbench ab --a dir=k2u --b dir=u2k --set gen=udp --set size=64"},
		{"Tap/dir=k2u/gen=udp/queues=1/size=64/vnet=12", "Tap/dir=k2u/gen=udp/io=vhost/queues=1/size=64/vnet=12", "sudo .build/tunbench ab --b io=vhost --set mode=tap --set gen=udp --set size=64 --set vnet=12"},
		{"Tun/path=veth/dir=k2u/gen=tcp/queues=1/size=1500", "Tun/path=relay/dir=k2u/gen=tcp/queues=1/size=1500/vnet=10/offload=tso", "sudo .build/tunbench ab --a path=veth --b 'path=relay vnet=10 offload=tso' --set gen=tcp --set size=1500 --set path=veth"},
		{"Tun/path=veth/dir=k2u/gen=tcp/queues=1/size=1500", "Tun/path=program/dir=k2u/gen=tcp/queues=1/size=1500/program=mine", ""},
		{base + "/module=new", "Tun/dir=k2u/gen=udp/queues=4/size=64/module=new", ""},
	} {
		chosen, _ := Of(measured(6, side{name: c.a, factor: 1}, side{name: c.b, factor: 2}))
		if len(chosen) != 1 {
			t.Errorf("%s, %s: %d findings", c.a, c.b, len(chosen))
			continue
		}
		if got := chosen[0].Command(); got != c.want {
			t.Errorf("%q, want %q", got, c.want)
		}
	}
	list := measured(6, side{name: plain, factor: 1}, side{name: uso, factor: 2})
	chosen, _ := Of(list)
	list[0].Run.Clock, list[1].Run.Clock = record.ClockICount, record.ClockICount
	if got := chosen[0].Command(); got != "" {
		t.Errorf("in virtual time: %q", got)
	}
	for word, want := range map[string]string{"size=64": "size=64", "a b": "'a b'", "it's": `'it'\''s'`, "$(x)": "'$(x)'"} {
		if got := quoted(word); got != want {
			t.Errorf("%s: %s, want %s", word, got, want)
		}
	}
}
