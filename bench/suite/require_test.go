package suite_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"tunbench/bench/setup"
	"tunbench/bench/suite"
)

// limitsOf lists the limits of each scenario by its size.
func limitsOf(scenarios []suite.Scenario) map[string]string {
	of := map[string]string{}
	for _, s := range scenarios {
		var parts []string
		for _, l := range s.Require {
			parts = append(parts, l.Metric+" "+l.Written)
		}
		of[s.Axes["size"]+" "+s.Axes["flows"]] = strings.Join(parts, ", ")
	}
	return of
}

// What a block requires of a metric replaces what the suite requires of it; a scenario of
// several blocks has the limits of all.
func TestRequire(t *testing.T) {
	const text = `
require: {loss: "< 0.1%", e2e_p99: < 1ms}
scenarios:
  - size: [64, 128]
  - size: [128, 256]
    require:
      loss: "< 5%"
      pps: ["> 300k", < 2M]
  - {size: 128, require: {jain: "> 0.9"}}
`
	s, err := suite.Parse("x.yaml", []byte(text), setup.Check)
	if err != nil {
		t.Fatal(err)
	}
	want := map[string]string{
		"64 1":  "loss < 0.1%, e2e_p99 < 1ms",
		"128 1": "e2e_p99 < 1ms, loss < 5%, pps > 300k, pps < 2M, jain > 0.9",
		"256 1": "e2e_p99 < 1ms, loss < 5%, pps > 300k, pps < 2M",
	}
	if d := cmp.Diff(want, limitsOf(s.Scenarios)); d != "" {
		t.Errorf("(-want +got)\n%s", d)
	}
	// They stay with a scenario that --set changes.
	sel, err := suite.ParseSelection([]string{"size=256"}, []string{"flows=1,4"})
	if err != nil {
		t.Fatal(err)
	}
	selected, err := suite.Select(s.Scenarios, sel, setup.Check)
	if err != nil {
		t.Fatal(err)
	}
	want = map[string]string{"256 1": want["256 1"], "256 4": want["256 1"]}
	if d := cmp.Diff(want, limitsOf(selected)); d != "" {
		t.Errorf("with --set (-want +got)\n%s", d)
	}
}

func TestRequireErrors(t *testing.T) {
	const tail = "\nscenarios:\n- size: 64\n"
	for _, test := range []struct{ text, want string }{
		{"require: fast" + tail, "x.yaml:1: want limits as `key: value` pairs"},
		{"require:" + tail, "x.yaml:1: want limits as `key: value` pairs"},
		{"name: x\nrequire: {pss: \"> 1\"}" + tail, `x.yaml:2: require: no figure "pss": choose pps, skb_ps, `},
		{"require: {pss: \"> 1\"}" + tail, "(did you mean pps?)"},
		{"require: {e2e_p999: < 1ms}" + tail, "(did you mean e2e_p99"},
		{"require:\n  loss: < 1%\n  loss: < 2%" + tail, `x.yaml:3: key "loss" is given twice`},
		{"require:\n  loss: 1%" + tail, `x.yaml:2: require: loss: "1%" is not a limit: write <, <=, > or >=, a number and its unit, like "< 0.1%"`},
		{"require:\n  e2e_p99: < 1" + tail, "x.yaml:2: require: e2e_p99: \"< 1\": e2e_p99 needs a unit"},
		{"require:\n  loss: []" + tail, "x.yaml:2: require: loss: the list is empty: give a limit, or leave the metric out"},
		{"require:\n  loss:" + tail, "x.yaml:2: loss: the value is missing"},
		{"require:\n  pps: [\"> 2\", \"< 1\"]" + tail, `x.yaml:2: require: pps: no figure can be both "> 2" and "< 1"`},
		{"require:\n  pps: [< 3, < 1]" + tail, `x.yaml:2: require: pps: "< 3" and "< 1" bound it on the same side: keep one of them`},
		{"scenarios:\n- size: 64\n  require: {pps: [5]}\n", `x.yaml:3: require: pps: "5" is not a limit`},
		{"scenarios:\n- {size: 64, require: {pps: \"> 1\"}}\n- {size: [64, 128]}\n- {size: 64, require: {loss: < 1%}}\n- {size: 64, require: {pps: \"> 2\"}}\n",
			"x.yaml:5: require: pps of Tun/dir=k2u/gen=udp/queues=1/size=64 is limited in line 2 already: keep one of them"},
		// Without quotes YAML takes > for the beginning of a text of several lines.
		{"require:\n  pps: > 300k" + tail, "x.yaml:2: not YAML, here or just below: "},
		{"require: {pps: > 300k}" + tail, `put a limit that begins with > in quotes, like pps: "> 300k"`},
		{"require:\n  pps: > 300k" + tail, `put a limit that begins with > in quotes, like pps: "> 300k"`},
	} {
		_, err := suite.Parse("x.yaml", []byte(test.text), setup.Check)
		if err == nil || !strings.Contains(err.Error(), test.want) {
			t.Errorf("%q: error %v does not contain %q", test.text, err, test.want)
		}
	}
}

// A suite that is written as YAML is the same suite when it is read again.
func TestYAML(t *testing.T) {
	const limited = `
name: "on: off"
about: 'two, "limited"'
pairs: 7
measure: 300ms
window: 30ms
require: {loss: "< 0.1%"}
scenarios:
  - {mode: tap, size: [64, imix], vnet: 10, pi: on, qdisc: fq_codel, require: {pps: ["> 300k", "< 2M"], e2e_p99.9: "< 1ms"}}
  - {size: 128}
`
	own, err := suite.Parse("x.yaml", []byte(limited), setup.Check)
	if err != nil {
		t.Fatal(err)
	}
	all := []*suite.Suite{own}
	for _, name := range suite.Names() {
		s, err := suite.Load(name, setup.Check)
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, s)
	}
	for _, want := range all {
		text := want.YAML()
		got, err := suite.Parse("again.yaml", text, setup.Check)
		if err != nil {
			t.Errorf("%s: %v\n%.500s", want.Name, err, text)
			continue
		}
		got.Require = want.Require // each scenario has its own
		if d := cmp.Diff(want, got); d != "" {
			t.Errorf("%s (-want +got)\n%s", want.Name, d)
		}
	}
	if text := string(own.YAML()); !strings.Contains(text, `{mode: tap, dir: k2u, gen: udp, queues: 1, size: imix, vnet: 10, pi: on, qdisc: fq_codel, require: {loss: "< 0.1%", pps: ["> 300k", "< 2M"], e2e_p99.9: "< 1ms"}}`) {
		t.Errorf("%s", text)
	}
}
