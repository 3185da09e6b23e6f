package suite_test

import (
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"tunbench/bench/setup"
	"tunbench/bench/suite"
)

// names of scenarios without what all have in common.
func short(scenarios []suite.Scenario) []string {
	var names []string
	for _, s := range scenarios {
		names = append(names, strings.ReplaceAll(strings.ReplaceAll(s.Name, "/dir=k2u", ""), "/gen=udp/", "/"))
	}
	return names
}

func parse(t *testing.T, text string) *suite.Suite {
	t.Helper()
	s, err := suite.Parse("test.yaml", []byte(text), setup.Check)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// upTo lists the numbers from 1.
func upTo(n int) string {
	var list []string
	for i := range n {
		list = append(list, strconv.Itoa(i+1))
	}
	return strings.Join(list, ",")
}

func TestMatrixOrder(t *testing.T) {
	want := []string{
		"Tun/queues=1/size=1500",
		"Tun/queues=1/size=1500/vnet=10",
		"Tun/queues=1/size=64",
		"Tun/queues=1/size=64/vnet=10",
		"Tap/queues=1/size=1500",
		"Tap/queues=1/size=1500/vnet=10",
		"Tap/queues=1/size=64",
		"Tap/queues=1/size=64/vnet=10",
		"Tun/queues=2/size=64",
	}
	// Neither the order of keys nor what repeats an earlier block matters; the
	// order of values and of blocks does.
	for _, text := range []string{
		"scenarios:\n- {mode: [tun, tap], size: [1500, 64], vnet: [off, 10]}\n- {queues: [1, 2]}",
		"scenarios:\n- {vnet: [off, 10], size: [1500, 64], mode: [tun, tap]}\n- {queues: [1, 2], vnet: off}",
	} {
		if diff := cmp.Diff(want, short(parse(t, text).Scenarios)); diff != "" {
			t.Errorf("%s\n(-want +got)\n%s", text, diff)
		}
	}
}

func TestSelect(t *testing.T) {
	parsed := parse(t, `
measure: 2s
scenarios:
- {mode: [tun, tap], queues: [1, 4], size: [64, 1500]}
- {mode: tun, queues: 4, size: 64, flows: 8}
`)
	for _, test := range []struct {
		filter, set []string
		want        []string
	}{
		{[]string{"mode=tun gen=udp queues=4 size=64"}, []string{"flows=64", "io=poll"}, []string{"Tun/io=poll/queues=4/flows=64/size=64"}},
		{[]string{"queues=4", "mode=tun"}, nil, []string{"Tun/queues=4/size=64", "Tun/queues=4/size=1500", "Tun/queues=4/flows=8/size=64"}},
		{[]string{"size=64,9000 flows=1"}, nil, []string{"Tun/queues=1/size=64", "Tun/queues=4/size=64", "Tap/queues=1/size=64", "Tap/queues=4/size=64"}},
		{nil, []string{"queues=2 size=100", "mode=tap"}, []string{"Tap/queues=2/size=100", "Tap/queues=2/flows=8/size=100"}},
		// Several values multiply, and what becomes equal stays once.
		{[]string{"mode=tun queues=4"}, []string{"size=64,256"}, []string{"Tun/queues=4/size=64", "Tun/queues=4/size=256", "Tun/queues=4/flows=8/size=64", "Tun/queues=4/flows=8/size=256"}},
		{[]string{"mode=tun queues=1"}, []string{"size=1500,64 io=read,poll"}, []string{"Tun/queues=1/size=1500", "Tun/queues=1/size=64", "Tun/io=poll/queues=1/size=1500", "Tun/io=poll/queues=1/size=64"}},
		{[]string{"size=256"}, []string{"size=64,256 mode=tun queues=2"}, []string{"Tun/queues=2/size=256", "Tun/queues=2/flows=8/size=256"}},
		// What the filter drops need not be possible.
		{[]string{"vnet=10 mode=tun queues=1"}, []string{"vnet=off,10 offload=uso size=64"}, []string{"Tun/queues=1/size=64/vnet=10/offload=uso"}},
		// What is set can be filtered by, as it is listed.
		{[]string{"io=spin size=64 mode=tap"}, []string{"io=spin"}, []string{"Tap/io=spin/queues=1/size=64", "Tap/io=spin/queues=4/size=64"}},
	} {
		sel, err := suite.ParseSelection(test.filter, test.set)
		if err != nil {
			t.Errorf("%v: %v", test, err)
			continue
		}
		got, err := suite.Select(parsed.Scenarios, sel, setup.Check)
		if err != nil {
			t.Errorf("%v: %v", test, err)
			continue
		}
		if diff := cmp.Diff(test.want, short(got)); diff != "" {
			t.Errorf("%v (-want +got)\n%s", test, diff)
		}
		for _, s := range got {
			if s.Measure != 2*time.Second {
				t.Errorf("%s: measure %v, want the suite's 2s", s.Name, s.Measure)
			}
		}
	}
}

func TestSelectionErrors(t *testing.T) {
	for _, test := range []struct {
		filter, set []string
		want        string
	}{
		{filter: []string{"mode"}, want: `--filter "mode": "mode" is not axis=value`},
		{filter: []string{" "}, want: "is empty"},
		{filter: []string{"mood=tun"}, want: "did you mean mode?"},
		{filter: []string{"mode=tun,"}, want: `mode="": no such value: choose tun, tap`},
		{set: []string{"queues=257"}, want: `--set "queues=257": queues=257: no such value: choose 1 to 256`},
		{nil, []string{"size=64,63"}, "size=63: no such value"},
		{nil, []string{"size=64,64"}, "size=64 is given twice"},
		{nil, []string{"size=64,"}, `size="": no such value`},
		{nil, []string{"size=64", "size=1500"}, "size is already set to 64; give all its values at once: size=64,1500"},
		{set: []string{"io=read", "io=poll"}, want: "io is already set to read"},
		{set: []string{"path=loop"}, want: "path=loop: no such value: choose sink, relay"},
	} {
		_, err := suite.ParseSelection(test.filter, test.set)
		if err == nil || !strings.Contains(err.Error(), test.want) {
			t.Errorf("%v: error %v does not contain %q", test, err, test.want)
		}
	}
}

func TestSelectErrors(t *testing.T) {
	parsed := parse(t, "scenarios:\n- {mode: [tun, tap], queues: [1, 4], size: 64}\n- {vnet: 10, offload: tso}")
	for _, test := range []struct {
		filter, set []string
		want        string
	}{
		{[]string{"queues=8"}, nil, "the filter matches none of 5 scenarios; they have mode=tun,tap queues=1,4 vnet=off,10 offload=none,tso"},
		{[]string{"queues=4 vnet=10"}, nil, "not in every combination"},
		{[]string{"io=poll"}, nil, "io=read"},
		{[]string{"io=poll"}, []string{"flows=16,2,1 size=imix,1500,64"}, "flows=1,2,16 size=64,1500,imix"},
		{[]string{"io=poll"}, []string{"load=100pct,20000pps,max,20pct,3000pps"}, "load=max,3000pps,20000pps,20pct,100pct"},
		{nil, []string{"flows=" + upTo(4097)}, "--set makes more than 4096 scenarios of each"},
		{nil, []string{"flows=" + upTo(4000)}, "more than 4096 scenarios: give --set fewer values"},
		{nil, []string{"offload=uso"}, "Tun/dir=k2u/gen=udp/queues=1/size=64/offload=uso: impossible combination"},
	} {
		sel, err := suite.ParseSelection(test.filter, test.set)
		if err != nil {
			t.Fatal(err)
		}
		_, err = suite.Select(parsed.Scenarios, sel, setup.Check)
		if err == nil || !strings.Contains(err.Error(), test.want) {
			t.Errorf("%v: error %v does not contain %q", test, err, test.want)
		}
	}
	// What the filter drops need not be possible.
	sel, _ := suite.ParseSelection([]string{"offload=none"}, []string{"vnet=off"})
	if _, err := suite.Select(parsed.Scenarios, sel, setup.Check); err != nil {
		t.Error(err)
	}
}

// Copies of a scenario are scenarios of their own, and a scenario that is no copy keeps
// its name.
func TestCopies(t *testing.T) {
	sel, err := suite.ParseSelection(nil, []string{"copy=1,2"})
	if err != nil {
		t.Fatal(err)
	}
	one, err := suite.New(nil)
	if err != nil {
		t.Fatal(err)
	}
	list, err := suite.Select([]suite.Scenario{one}, sel, func(suite.Scenario) error { return nil })
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, s := range list {
		names = append(names, s.Name)
		if again, err := suite.ParseName(s.Name); err != nil || again.Name != s.Name {
			t.Errorf("%s is read as %s: %v", s.Name, again.Name, err)
		}
	}
	if diff := cmp.Diff([]string{one.Name, one.Name + "/copy=2"}, names); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
}
