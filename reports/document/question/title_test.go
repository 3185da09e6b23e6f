package question

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"tunbench/reports/axis"
	"tunbench/reports/chart"
	"tunbench/reports/figure"
	"tunbench/reports/finding"
	"tunbench/reports/prose"
	"tunbench/reports/record"
)

// The title of a chart says the range of the ratios, not the largest of them alone, and
// claims nothing of scenarios whose bars are grey.
func TestTimes(t *testing.T) {
	arm := func(name string) *figure.Scenario {
		list, _ := figure.Scenarios(&record.File{Run: &record.Run{}, Trials: []record.Trial{{
			Kind: record.KindTrial, Scenario: name, Arm: record.Bare, Pair: 1, Trial: 1, Metrics: map[string]float64{record.PPS: 1},
		}}})
		return list[0]
	}
	shows := func(ratio, low, high float64) figure.Ratio {
		return figure.Ratio{Value: ratio, Each: []float64{low, high}, Interval: figure.Interval{Low: low, High: high}}
	}
	of := func(ratios ...figure.Ratio) (s set) {
		for range len(ratios) + 1 {
			s.Scenarios = append(s.Scenarios, arm("Tun/dir=k2u/gen=udp/queues=1/size=64"))
		}
		s.ratios = append([]figure.Ratio{{Value: 1}}, ratios...)
		return s
	}
	one := func(ratio float64) figure.Ratio { return shows(ratio, ratio, ratio) }
	all := func(set, int) bool { return true }
	second := func(_ set, j int) bool { return j == 2 }
	for _, c := range []struct {
		sets  []set
		meant func(set, int) bool
		want  string
	}{
		{[]set{of(one(2))}, all, "2.00 in 1 of 1"},
		{[]set{of(one(1.24)), of(one(0.767))}, all, "0.767 to 1.24 in 2 of 2"},
		{[]set{of(one(9), one(3)), of(one(9), one(2))}, second, "2.00 to 3.00 in 2 of 2"},
		{[]set{of(one(2)), of(one(2.0001))}, all, "2.00 in 2 of 2"},
		{[]set{of(one(2)), of(shows(1.3, 0.9, 1.7))}, all, "2.00 in 1 of 2"},
		{[]set{of(one(2)), of(figure.Ratio{Value: 5})}, all, "2.00 in 1 of 2"}, // no interval
		{[]set{of(shows(0.98, 0.9, 1.1))}, all, "– in 0 of 1"},
		{[]set{of()}, all, "– in 0 of 0"},
	} {
		ratios, shown, n := times(c.sets, c.meant)
		if got := fmt.Sprintf("%s in %d of %d", ratios, shown, n); got != c.want {
			t.Errorf("%s, want %s", got, c.want)
		}
	}
	for of, want := range map[int]string{
		1: "vnet=10 has 2.00 × the packet rate of vnet=off",
		2: "vnet=10 has 2.00 × the packet rate of vnet=off in 1 of 2 groups, and no clear difference in the other",
		3: "vnet=10 has 2.00 × the packet rate of vnet=off in 1 of 3 groups, and no clear difference in the others",
	} {
		got := book.Text("title", prose.Values{"Question": "Header", "Bits": false, "Times": "2.00", "Best": "vnet=10", "Base": "vnet=off", "Shown": 1, "Of": of})
		if got != "Header: "+want {
			t.Errorf("title %q, want %q", got, want)
		}
	}
}

// A title compares with one base: groups of another one do not count.
func TestTitleHasOneBase(t *testing.T) {
	d := figure.Differences[slices.IndexFunc(figure.Differences, func(d figure.Difference) bool { return d.Name == "path" })]
	of := func(ratio float64, paths ...string) (s set) {
		for i, p := range paths {
			list, _ := figure.Scenarios(&record.File{Run: &record.Run{}, Trials: []record.Trial{{
				Kind: record.KindTrial, Scenario: "Tun/path=" + p + "/dir=k2u/gen=udp/queues=1/size=64", Arm: record.Bare, Pair: 1, Trial: 1,
				Axes: map[string]string{"mode": "tun", "path": p, "dir": "k2u", "gen": "udp", "queues": "1", "size": "64"}, Metrics: map[string]float64{record.PPS: 1},
			}}})
			s.Scenarios = append(s.Scenarios, list[0])
			r := figure.Ratio{Value: 1}
			if i > 0 {
				r = figure.Ratio{Value: ratio, Each: []float64{ratio, ratio}, Interval: figure.Interval{Low: ratio, High: ratio}}
			}
			s.ratios = append(s.ratios, r)
		}
		return s
	}
	for _, c := range []struct {
		part []set
		want string
	}{
		{[]set{of(0.5, "sink", "relay"), of(0.06, "veth", "relay")}, "path=relay has 0.0600 × the packet rate of path=veth"},
		{[]set{of(0.06, "sink", "relay"), of(0.5, "veth", "relay")}, "path=relay has 0.0600 × the packet rate of path=sink"},
		{[]set{of(0.5, "veth", "relay"), of(0.06, "veth", "relay")}, "path=relay has 0.0600 to 0.500 × the packet rate of path=veth"},
	} {
		if got := picture(d, c.part, 0, 0).Chart.(chart.Ratios).Title; !strings.HasSuffix(got, c.want) {
			t.Errorf("title %q, want it to end in %q", got, c.want)
		}
	}
}

// A chart says how many groups it leaves out, and what controls the congestion of TCP.
func TestChartSaysWhatIsLeftOut(t *testing.T) {
	say := func(hidden int, control string, trust finding.Trust) string {
		return book.Text("shared in chart", prose.Values{"Axes": "TUN", "Control": control, "Hidden": hidden, "Least": least(trust)})
	}
	for got, want := range map[string]string{
		say(0, "", 1.1):     "all: TUN",
		say(1, "", 1.02):    "all: TUN; not drawn: 1 group without a difference of 5 %",
		say(1, "", 1.1):     "all: TUN; not drawn: 1 group without a clear difference",
		say(1, "", 0):       "all: TUN; not drawn: 1 group without a clear difference",
		say(4, "bbr", 1.01): "all: TUN; TCP: bbr; not drawn: 4 groups without a difference of 5 %",
	} {
		if got != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
	rated := func(name string, factor float64) *figure.Scenario {
		f := &record.File{Run: &record.Run{}}
		_, axes := axis.Split(name)
		for pair := range 7 {
			t := record.Trial{Kind: record.KindTrial, Scenario: name, Arm: record.Bare, Pair: pair + 1, Trial: pair + 1, Axes: map[string]string{}, Metrics: map[string]float64{record.PPS: factor, record.BitPerS: factor}}
			for _, a := range axes {
				name, value, _ := strings.Cut(a, "=")
				t.Axes[name] = value
			}
			for round := 1; round <= 6; round++ {
				n := uint64(1e6 * factor)
				t.Windows = append(t.Windows, record.Window{TNs: int64(round) * 4e7, Pkts: n, Bytes: n, Round: round})
			}
			f.Trials = append(f.Trials, t)
		}
		list, _ := figure.Scenarios(f)
		return list[0]
	}
	const base = "Tun/dir=k2u/gen=udp/queues=1/size=64"
	list := []*figure.Scenario{rated(base, 1), rated(base+"/vnet=10", 1), rated("Tun/dir=k2u/gen=udp/queues=1/size=1500", 1), rated("Tun/dir=k2u/gen=udp/queues=1/size=1500/vnet=10", 2)}
	pics := Pictures(figure.Differences[1], list)
	if len(pics) != 1 || !strings.HasSuffix(pics[0].Chart.(chart.Ratios).Shared, "not drawn: 1 group without a difference of 5 %") {
		t.Errorf("%d pictures: %+v", len(pics), pics)
	}
}
