package qdisc

import (
	"encoding/hex"
	"strings"
	"testing"
)

func TestSpelling(t *testing.T) {
	for given, want := range map[string]string{
		"noqueue":                            "noqueue",
		"cake":                               "cake", // one that only the kernel knows
		"pfifo:limit=0100":                   "pfifo:limit=100",
		"fq_codel:limit=1000:target=5ms":     "fq_codel:limit=1000:target=5ms",
		"fq_codel:target=5000us:limit=1000":  "fq_codel:limit=1000:target=5ms",
		"fq_codel:interval=2000ms:ecn=off":   "fq_codel:interval=2s:ecn=off",
		"codel:target=1500us":                "codel:target=1500us",
		"fq_codel:memory_limit=2147483648":   "fq_codel:memory_limit=2147483648",
		"fq:pacing=on:flow_limit=5:limit=10": "fq:limit=10:flow_limit=5:pacing=on",
	} {
		d, err := Parse(given)
		if err != nil || d.String() != want {
			t.Errorf("%s: got %s, %v, want %s", given, d, err, want)
		}
		again, err := Parse(d.String())
		if err != nil || again.String() != d.String() {
			t.Errorf("%s again: got %s, %v", d, again, err)
		}
	}
}

func TestRefused(t *testing.T) {
	for given, want := range map[string]string{
		"":                          "a qdisc's name has lower-case letters",
		"Fq":                        "a qdisc's name has lower-case letters",
		"a/b":                       "a qdisc's name has lower-case letters",
		"noqueue:limit=5":           "no parameter of noqueue can be set: those of bfifo, codel, fq, fq_codel, pfifo, pfifo_head_drop can; write qdisc=noqueue",
		"fq_codel:":                 `fq_codel has no parameter "": choose from limit, target, interval`,
		"fq_codel:limt=5":           `fq_codel has no parameter "limt": choose from limit, target, interval, quantum, flows, ecn`,
		"pfifo:target=5ms":          `pfifo has no parameter "target": choose from limit`,
		"fq_codel:limit":            "limit= of fq_codel: choose 1 to 2147483647 packets",
		"fq_codel:limit=0":          "limit=0 of fq_codel: choose 1 to 2147483647 packets",
		"fq_codel:limit=-1":         "limit=-1 of fq_codel: choose 1 to",
		"fq_codel:limit=5ms":        "limit=5ms of fq_codel: choose 1 to",
		"fq_codel:target=5":         "target=5 of fq_codel: choose 1us to 60s, such as 5ms",
		"fq_codel:target=61s":       "target=61s of fq_codel: choose 1us to 60s",
		"fq_codel:quantum=255":      "quantum=255 of fq_codel: choose 256 to 1048576 bytes",
		"fq_codel:flows=65537":      "flows=65537 of fq_codel: choose 1 to 65536",
		"fq_codel:ecn=1":            "ecn=1 of fq_codel: choose on or off",
		"pfifo:limit=1:limit=1":     "parameter limit of pfifo is given twice",
		"fq_codel:limit=9999999999": "limit=9999999999 of fq_codel: choose 1 to",
	} {
		if _, err := Parse(given); err == nil || strings.Contains(err.Error(), "\x1b") || !strings.Contains(err.Error(), want) || !strings.Contains(err.Error(), "qdisc="+given) {
			t.Errorf("%q: got %v, want %q", given, err, want)
		}
	}
}

// TestSpell: what the kernel shows is compared with what was asked for, and a parameter that
// did not take shows.
func TestSpell(t *testing.T) {
	shown := func(text string) []byte {
		d, err := Parse(text)
		if err != nil {
			t.Fatal(err)
		}
		return d.Options()
	}
	for _, c := range []struct {
		asked, kind string
		options     []byte
		want        string
	}{
		{"noqueue", "noqueue", nil, "noqueue"},
		{"fq_codel", "fq_codel", shown("fq_codel:limit=7"), "fq_codel"},
		{"fq_codel:limit=1000:target=5ms", "fq_codel", shown("fq_codel:flows=3:limit=1000:target=4999us"), "fq_codel:limit=1000:target=5ms"},
		{"fq_codel:limit=1000:target=5ms", "fq_codel", shown("fq_codel:limit=1000:target=4997us"), "fq_codel:limit=1000:target=4997us"},
		{"fq_codel:limit=1000:target=5ms", "fq_codel", shown("fq_codel:limit=1000:target=5001us"), "fq_codel:limit=1000:target=5001us"},
		{"fq_codel:limit=1000", "fq_codel", shown("fq_codel:limit=999"), "fq_codel:limit=999"},
		{"fq_codel:limit=1000", "fq_codel", nil, "fq_codel"},
		{"fq_codel:limit=1000", "fq_codel", []byte{8, 0, 2, 0, 1}, "fq_codel"}, // cut off
		{"fq_codel:limit=1000", "fq_codel", []byte{0, 0, 2, 0, 1, 0, 0, 0}, "fq_codel"},
		{"fq_codel:limit=1000", "pfifo_fast", shown("pfifo:limit=1000"), "pfifo_fast"},
		{"pfifo:limit=100", "pfifo", shown("pfifo:limit=100"), "pfifo:limit=100"},
		{"pfifo:limit=100", "pfifo", []byte{1}, "pfifo"},
	} {
		d, err := Parse(c.asked)
		if err != nil {
			t.Fatal(err)
		}
		if got := d.Spell(c.kind, c.options); got != c.want {
			t.Errorf("%s, the kernel shows %s %x: got %s, want %s", c.asked, c.kind, c.options, got, c.want)
		}
	}
}

// The bytes are those that tc(8) sends.
func TestOptions(t *testing.T) {
	for text, want := range map[string]string{
		"fq_codel":                       "",
		"pfifo:limit=100":                "64000000",
		"fq_codel:limit=1000:target=5ms": "08000200e8030000" + "0800010088130000",
	} {
		d, err := Parse(text)
		if err != nil {
			t.Fatal(err)
		}
		if got := hex.EncodeToString(d.Options()); got != want {
			t.Errorf("%s: got %s, want %s", text, got, want)
		}
	}
}
