package export

import (
	"strings"
	"testing"

	"tunbench/reports/axis"
	"tunbench/reports/fixture"
	"tunbench/reports/record"
)

// The picture that a summary names shows the first finding, whatever the order of the
// charts in the report; where curves come first there, it is a curve.
func TestFirstPicture(t *testing.T) {
	of := func(rates map[string]float64) *record.File {
		f := &record.File{Run: &record.Run{}}
		for _, name := range []string{"io=read", "io=uring", "vnet=off", "vnet=10/offload=uso"} {
			full := "Tun/dir=k2u/gen=udp/queues=1/size=64/" + name
			if strings.HasPrefix(name, "vnet") {
				full = "Tun/dir=k2u/gen=udp-gso/queues=1/size=1500/" + name
			}
			_, axes := axis.Split(full)
			for pair := range 7 {
				one := record.Trial{Kind: record.KindTrial, Scenario: full, Arm: record.Bare, Pair: pair + 1, Trial: pair + 1, DurationNs: 1e9, Axes: map[string]string{"mode": "tun"}, Metrics: map[string]float64{record.PPS: rates[name], record.BitPerS: 8 * rates[name]}}
				for _, a := range axes {
					axis, value, _ := strings.Cut(a, "=")
					one.Axes[axis] = value
				}
				for round := 1; round <= 6; round++ {
					n := uint64(rates[name])
					one.Windows = append(one.Windows, record.Window{TNs: int64(round) * 4e7, Pkts: n, Bytes: n, Round: round})
				}
				f.Trials = append(f.Trials, one)
			}
		}
		return f
	}
	for _, c := range []struct {
		uring, uso float64
		want       string
	}{{1.3e6, 7e6, "header-and-offloads.svg"}, {7e6, 1.3e6, "engines.svg"}, {1e6, 1.3e6, "header-and-offloads.svg"}} {
		f := of(map[string]float64{"io=read": 1e6, "io=uring": c.uring, "vnet=off": 1e6, "vnet=10/offload=uso": c.uso})
		if got := FirstPicture(f); got != c.want {
			t.Errorf("io_uring %v, offload %v: %q, want %q", c.uring, c.uso, got, c.want)
		}
	}
	if got := FirstPicture(fixture.Curves()); !strings.HasPrefix(got, "curve") {
		t.Errorf("a run of curves: %q", got)
	}
	if got := FirstPicture(&record.File{Run: &record.Run{}}); got != "" {
		t.Errorf("an empty run: %q", got)
	}
}
