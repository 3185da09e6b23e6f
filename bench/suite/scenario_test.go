package suite_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"tunbench/bench/setup"
	"tunbench/bench/suite"
	"tunbench/harness/spec"
	"tunbench/reports/record"
)

func TestName(t *testing.T) {
	for _, test := range []struct {
		values map[string]string
		want   string
	}{
		{nil, "Tun/dir=k2u/gen=udp/queues=1/size=64"},
		{map[string]string{"queues": "4", "vnet": "10", "offload": "tso"}, "Tun/dir=k2u/gen=udp/queues=4/size=64/vnet=10/offload=tso"},
		{map[string]string{"mode": "tap", "size": "imix", "flows": "64", "io": "poll"}, "Tap/dir=k2u/gen=udp/io=poll/queues=1/flows=64/size=imix"},
		{map[string]string{"queues": "+04"}, "Tun/dir=k2u/gen=udp/queues=4/size=64"},
		{map[string]string{"gen": "packet", "bypass": "on", "ip": "6", "size": "128", "sndbuf": "4096", "qdisc": "pfifo_fast"},
			"Tun/dir=k2u/gen=packet/queues=1/size=128/qdisc=pfifo_fast/sndbuf=4096/ip=6/bypass=on"},
		{map[string]string{"qdisc": "fq_codel:target=5000us:limit=01000"},
			"Tun/dir=k2u/gen=udp/queues=1/size=64/qdisc=fq_codel:limit=1000:target=5ms"},
	} {
		s, err := setup.New(test.values)
		if err != nil {
			t.Errorf("%v: %v", test.values, err)
			continue
		}
		if s.Name != test.want {
			t.Errorf("%v: name %s, want %s", test.values, s.Name, test.want)
		}
		if len(s.Axes) != len(suite.Axes()) {
			t.Errorf("%s: %d axes, want all %d", s.Name, len(s.Axes), len(suite.Axes()))
		}
		back, err := suite.ParseName(s.Name)
		if err != nil {
			t.Errorf("parse %s: %v", s.Name, err)
		} else if diff := cmp.Diff(s, back); diff != "" {
			t.Errorf("parse %s: (-want +got)\n%s", s.Name, diff)
		}
	}
}

func TestScenarioErrors(t *testing.T) {
	for _, test := range []struct {
		values map[string]string
		want   []string
	}{
		{map[string]string{"queue": "4"}, []string{`no axis "queue"`, "did you mean queues?", "mode, path, dir"}},
		{map[string]string{"gen": "upd"}, []string{"gen=upd", "udp, udp-gso, packet", "did you mean udp?"}},
		{map[string]string{"queues": "257"}, []string{"queues=257", "1 to 256"}},
		{map[string]string{"queues": "0"}, []string{"queues=0", "1 to 256"}},
		{map[string]string{"size": "63"}, []string{"size=63", "64 to 65535, imix"}},
		{map[string]string{"vnet": "11"}, []string{"vnet=11", "off, 10, 12, 20, 24"}},
		{map[string]string{"qdisc": "Fq/x"}, []string{"qdisc=Fq/x", "lower case"}},
		{map[string]string{"qdisc": "fq_codel:limt=5"}, []string{"qdisc=fq_codel:limt=5", `no parameter "limt"`, "limit, target, interval"}},
		{map[string]string{"qdisc": "noqueue:a\x1b[2J"}, []string{`qdisc="noqueue:a\x1b[2J"`, "write qdisc=noqueue"}},
		{map[string]string{"io": ""}, []string{`io=""`}},
		{map[string]string{"io": "a\x1b[2J"}, []string{`io="a\x1b[2J"`}},
		{map[string]string{"offload": "tso"}, []string{"Tun/dir=k2u/gen=udp/queues=1/size=64/offload=tso: impossible combination", "vnet=10"}},
	} {
		_, err := setup.New(test.values)
		if err == nil {
			t.Errorf("%v: no error", test.values)
			continue
		}
		for _, want := range test.want {
			if !strings.Contains(err.Error(), want) {
				t.Errorf("%v: error %q does not contain %q", test.values, err, want)
			}
		}
	}
	_, err := setup.New(map[string]string{"offload": "tso"})
	if !errors.Is(err, spec.ErrImpossible) {
		t.Errorf("%v is not spec.ErrImpossible", err)
	}
}

func TestParseNameErrors(t *testing.T) {
	for _, test := range []struct{ name, want string }{
		{"", "begins with Tun or Tap"},
		{"tun/dir=k2u", "begins with Tun or Tap"},
		{"Tun", "is spelled Tun/dir=k2u/gen=udp/queues=1/size=64"},
		{"Tun/dir=k2u/gen=udp/queues=04/size=64", "is spelled"},
		{"Tun/dir=k2u/gen=udp/queues=1/size=64/vnet=off", "is spelled"},
		{"Tun/dir=k2u/gen=udp/size=64/queues=1", "is spelled"},
		{"Tun/mode=tap", "given twice"},
		{"Tun/dir=k2u/dir=k2u", "given twice"},
		{"Tun/dir", "not axis=value"},
		{"Tun/colour=red", `no axis "colour"`},
	} {
		_, err := suite.ParseName(test.name)
		if err == nil || !strings.Contains(err.Error(), test.want) {
			t.Errorf("%q: error %v does not contain %q", test.name, err, test.want)
		}
	}
}

func TestAxes(t *testing.T) {
	var order []string
	for _, a := range suite.Axes() {
		order = append(order, a.Name)
	}
	if diff := cmp.Diff(record.Axes, order); diff != "" {
		t.Errorf("another order than that of the records (-records +suite)\n%s", diff)
	}
	seen := map[string]bool{}
	for _, a := range suite.Axes() {
		if seen[a.Name] {
			t.Errorf("axis %s is there twice", a.Name)
		}
		seen[a.Name] = true
		for _, v := range a.Values() {
			if got, err := a.Parse(v); err != nil || got != v {
				t.Errorf("%s: offered value %q parses as %q, %v", a.Name, v, got, err)
			}
		}
		if strings.ContainsAny(a.Name+a.Default, "/= ,") {
			t.Errorf("%s=%s cannot stand in a name", a.Name, a.Default)
		}
	}
}

func FuzzParseName(f *testing.F) {
	f.Add("Tun/dir=k2u/gen=udp/queues=4/size=64/vnet=10/offload=tso")
	f.Add("Tap/dir=k2u/gen=packet/queues=1/size=imix/bypass=on")
	f.Add("Tun/dir=k2u/gen=udp/queues=1/size=64/qdisc=a_1")
	f.Add("Tun/=/x=")
	f.Fuzz(func(t *testing.T, name string) {
		s, err := suite.ParseName(name)
		if err != nil {
			return
		}
		if s.Name != name {
			t.Fatalf("%q is accepted as another name of %q", name, s.Name)
		}
		if err := setup.Spec(s).Validate(); err != nil {
			t.Fatalf("%q: accepted, but %v", name, err)
		}
		again, err := setup.New(s.Axes)
		if err != nil || again.Name != name {
			t.Fatalf("%q: its axes make %q, %v", name, again.Name, err)
		}
	})
}
