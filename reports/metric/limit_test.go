package metric

import (
	"strings"
	"testing"

	"tunbench/reports/record"
)

// Each kind of figure has its units, and only these.
func TestParseLimit(t *testing.T) {
	for _, test := range []struct {
		name, text string
		op         string
		value      float64
	}{
		{"pps", "> 300k", ">", 300e3},
		{"pps", " >=1.5M ", ">=", 1.5e6},
		{"tps", "> 20000", ">", 20e3},
		{"bit_per_s", ">2.5 G", ">", 2.5e9},
		{"peak_bytes", "< 64M", "<", 64e6},
		{"loss", "< 0.1%", "<", 0.001},
		{"loss", "<= 0", "<=", 0},
		{"jain", "> 0.95", ">", 0.95},
		{"jain", ">= 1", ">=", 1},
		{"loss", "< 100%", "<", 1},
		{"queue_imbalance", "< 2", "<", 2},
		{"syscalls_per_pkt", "<= 100%", "<=", 1},
		{"loopback_ratio", ">= 30%", ">=", 0.3},
		{"cpu_ns_per_pkt", "< 900", "<", 900},
		{"send_ns_per_pkt", "< 1.5us", "<", 1500},
		{"e2e_p99", "< 1ms", "<", 1e6},
		{"residency_p50", "< 20 µs", "<", 20e3},
		{"rtt_p99.9", "< 2s", "<", 2e9},
		{"ndr_pps", "> 1M", ">", 1e6},
	} {
		got, err := ParseLimit(test.name, test.text)
		if err != nil || got.Metric != test.name || got.Op != test.op || got.Value != test.value {
			t.Errorf("%s %q: %+v, %v", test.name, test.text, got, err)
		}
		if again, err := ParseLimit(test.name, got.Written); err != nil || again != got {
			t.Errorf("%s %q is written %q, which reads as %+v, %v", test.name, test.text, got.Written, again, err)
		}
	}
	for _, test := range []struct{ name, text, want string }{
		{"pps", "300k", `"300k" is not a limit: write <, <=, > or >=, a number and its unit, like "> 300k"`},
		{"pps", "> -1", "is not a limit"},
		{"pps", "= 1", "is not a limit"},
		{"pps", "> 1e6", "is not a limit"},
		{"pps", "> many", "is not a limit"},
		{"pps", "", "is not a limit"},
		{"pps", "> 300K", `pps cannot have the unit K: choose k, M, G or none (packets/s); write it like "> 300k"`},
		{"pps", "> 5%", "pps cannot have the unit %: choose k, M, G or none"},
		{"loss", "< 1k", `loss cannot have the unit k: choose % or none (ratio); write it like "< 0.1%"`},
		{"e2e_p99", "< 1", `e2e_p99 needs a unit: choose ns, us, ms, s; write it like "< 1ms"`},
		{"e2e_p99", "< 1k", "e2e_p99 cannot have the unit k: choose ns, us, ms, s;"},
		{"cpu_ns_per_pkt", "< 1k", "choose ns, us, ms, s or none (ns)"},
		{"loss", "< 0", `no loss is below 0: write "<= 0" if it must be 0`},
		{"pps", ">= 0", "this limit says nothing"},
		{"pps", "> " + strings.Repeat("9", 400), "is too large"},
		{"loss", "< 5", `"< 5": loss is a ratio from 0 to 1 (100 %), so that this limit says nothing: write "< 5%" if per cent are meant`},
		{"loss", "<= 100%", `"<= 100%": loss is a ratio from 0 to 1 (100 %), so that this limit says nothing`},
		{"loss", "> 100%", "so that it is always missed"},
		{"jain", "> 1", `"> 1": jain is a ratio from 0 to 1 (100 %), so that it is always missed`},
		{"retransmits", "< 200%", "so that this limit says nothing"},
	} {
		if got, err := ParseLimit(test.name, test.text); err == nil || !strings.Contains(err.Error(), test.want) {
			t.Errorf("%s %q: %+v, error %v does not contain %q", test.name, test.text, got, err, test.want)
		}
	}
	for _, name := range LimitNames() {
		if _, ok := Limited(name); !ok {
			t.Errorf("%s is offered, and not known", name)
		}
		if k, _ := Limited(name); limitUnits[k.Unit].factors == nil {
			t.Errorf("%s is in %s, which a limit cannot be written in", name, k.Unit)
		}
	}
	for _, name := range []string{"p99", "e2e", "e2e_p95", "speed", ""} {
		if _, ok := Limited(name); ok {
			t.Errorf("%q is taken for a figure", name)
		}
	}
}

func TestKeeps(t *testing.T) {
	for op, want := range map[string][3]bool{"<": {true, false, false}, "<=": {true, true, false}, ">": {false, false, true}, ">=": {false, true, true}, "?": {}} {
		for i, v := range []float64{9, 10, 11} {
			if got := Keeps(record.Limit{Op: op, Value: 10}, v); got != want[i] {
				t.Errorf("%v %s 10: %v", v, op, got)
			}
		}
	}
}

func TestCheckLimits(t *testing.T) {
	for text, want := range map[string]string{
		"> 1":       "",
		"> 1|< 2":   "",
		">= 2|<= 2": "",
		"> 1|>= 2":  "on the same side",
		"< 2|<= 3":  "on the same side",
		"> 2|< 1":   "no figure can be both",
		"> 2|<= 2":  "no figure can be both",
		">= 2|< 2":  "no figure can be both",
	} {
		var list []record.Limit
		for _, s := range strings.Split(text, "|") {
			l, err := ParseLimit("pps", s)
			if err != nil {
				t.Fatal(err)
			}
			list = append(list, l)
		}
		if err := CheckLimits(list); (err == nil) != (want == "") || err != nil && !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %q", text, err, want)
		}
	}
}
