package trust

import (
	"strings"
	"testing"

	"tunbench/reports/figure"
	"tunbench/reports/fixture"
	"tunbench/reports/record"
)

// A reader that is timed in part of its calls is not ranked with one that is timed in all.
func TestPartlyTimed(t *testing.T) {
	of := func(engines ...string) (list []*figure.Scenario) {
		for _, io := range engines {
			dir := "k2u"
			if strings.HasSuffix(io, " u2k") {
				io, dir = strings.TrimSuffix(io, " u2k"), "u2k"
			}
			one := record.Trial{Kind: record.KindTrial, Scenario: "Tun/io=" + io, Arm: record.Bare, Pair: 1, Trial: 1, Axes: map[string]string{"io": io, "dir": dir}}
			all, _ := figure.Scenarios(fixture.FileOf(one))
			list = append(list, all...)
		}
		return list
	}
	for _, c := range []struct {
		engines []string
		want    string
	}{
		{[]string{"read", "spin", "poll", "uring", "vhost"}, "io=poll io=spin io=uring"},
		{[]string{"read", "readv", "vhost"}, ""},
		{[]string{"spin", "poll"}, ""},     // alike
		{[]string{"spin", "read u2k"}, ""}, // the only reader
		{[]string{"read u2k", "uring u2k"}, ""},
	} {
		var names []string
		for _, p := range Engines(PartlyTimed(of(c.engines...))) {
			names = append(names, p.Text)
		}
		if got := strings.Join(names, " "); got != c.want {
			t.Errorf("%q: %q, want %q", c.engines, got, c.want)
		}
	}
}
