package suite_test

import (
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"tunbench/bench/setup"
	"tunbench/bench/suite"
)

func TestSmokeIsBalanced(t *testing.T) {
	s, err := suite.Load("smoke", setup.Check)
	if err != nil {
		t.Fatal(err)
	}
	factors := map[string][]string{
		"mode": {"tun", "tap"}, "queues": {"1", "2"}, "vnet": {"off", "10"}, "offload": {"none", "uso"}, "size": {"64", "1500"},
	}
	for a, as := range factors {
		for b, bs := range factors {
			if a >= b {
				continue
			}
			for _, va := range as {
				for _, vb := range bs {
					if va == "uso" && vb == "off" || va == "off" && vb == "uso" {
						continue // impossible
					}
					if !slices.ContainsFunc(s.Scenarios, func(s suite.Scenario) bool { return s.Axes[a] == va && s.Axes[b] == vb }) {
						t.Errorf("no scenario with %s=%s and %s=%s", a, va, b, vb)
					}
				}
			}
		}
	}
	if s.Pairs != 1 {
		t.Errorf("pairs = %d, want 1", s.Pairs)
	}
}

func TestDefaultSuiteHasTheMission(t *testing.T) {
	s, err := suite.Load("default", setup.Check)
	if err != nil {
		t.Fatal(err)
	}
	if s.Pairs != 7 {
		t.Errorf("pairs = %d, want 7", s.Pairs)
	}
	for _, filter := range []string{
		"mode=tun gen=udp queues=4 size=64", "mode=tap queues=4", "offload=uso queues=1", "offload=uso queues=4", "gen=udp-gso vnet=off",
		"gen=packet", "size=imix", "io=spin", "io=poll", "flows=64 queues=1", "flows=64 queues=4", "vnet=10 offload=none size=1500", "ip=6",
		"load=1000pps size=64", "load=10pct", "load=50pct", "load=90pct",
		"dir=u2k", "dir=both", "path=relay gen=tcp queues=1 vnet=off", "path=relay gen=tcp queues=4", "path=relay offload=tso", "path=vpn", "path=bridge",
		"path=veth", "path=wireguard", "path=wireguard-go", "io=uring dir=k2u", "io=uring dir=u2k", "io=vhost", "xdp=drop", "steer=ebpf queues=4",
	} {
		sel, err := suite.ParseSelection([]string{filter}, nil)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := suite.Select(s.Scenarios, sel, setup.Check); err != nil {
			t.Errorf("%s: %v", filter, err)
		}
	}
	sel, err := suite.ParseSelection([]string{"mode=tun gen=udp queues=4 size=64"}, []string{"flows=64", "io=poll"})
	if err != nil {
		t.Fatal(err)
	}
	got, err := suite.Select(s.Scenarios, sel, setup.Check)
	if err != nil {
		t.Fatal(err)
	}
	want := []string{"Tun/io=poll/queues=4/flows=64/size=64", "Tun/io=poll/queues=4/flows=64/size=64/vnet=10"}
	if diff := cmp.Diff(want, short(got)); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
}

func TestLoadSuite(t *testing.T) {
	file := filepath.Join(t.TempDir(), "mine.yaml")
	text := "about: two sizes\npairs: 3\nwarmup: 0s\nmeasure: 100ms\nwindow: 10ms\nscenarios:\n  - size: [64, 128]\n    pi: on\n"
	if err := os.WriteFile(file, []byte(text), 0o666); err != nil {
		t.Fatal(err)
	}
	s, err := suite.Load(file, setup.Check)
	if err != nil {
		t.Fatal(err)
	}
	if s.Name != "mine" || s.About != "two sizes" || s.Pairs != 3 || len(s.Scenarios) != 2 {
		t.Errorf("got %+v", s)
	}
	spec := setup.Spec(s.Scenarios[1])
	if spec.Warmup != 0 || spec.Measure != 100*time.Millisecond || spec.Window != 10*time.Millisecond || spec.Size != 128 || !spec.PI {
		t.Errorf("got %+v", spec)
	}

	for name, want := range map[string]string{
		"whole":                     `no suite "whole": choose ` + strings.Join(suite.Names(), ", ") + ",",
		"smoek":                     "did you mean smoke?",
		filepath.Dir(file) + "/no":  "open suite:",
		filepath.Dir(file) + "/.":   "read suite:",
		"no-such-file-anywhere.yml": "open suite:",
	} {
		if _, err := suite.Load(name, setup.Check); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: error %v does not contain %q", name, err, want)
		}
	}
}

// TestSuiteErrors holds each whole message, since the line and the advice in
// it are what it is for.
func TestSuiteErrors(t *testing.T) {
	const tail = "\nscenarios:\n- size: 64\n"
	for _, test := range []struct{ text, want string }{
		{"", "x.yaml:1: the file is empty"},
		{"# nothing\n", "x.yaml:1: the file is empty"},
		{"- a\n", "x.yaml:1: want a suite as `key: value` pairs"},
		{"name: x\n", "x.yaml:1: scenarios is missing: nothing to measure"},
		{"name: x\nname: y" + tail, `x.yaml:2: key "name" is given twice`},
		{"name: x\npiars: 3" + tail, `x.yaml:2: no key "piars": choose name, about, pairs, warmup, measure, window, require, scenarios (did you mean pairs?)`},
		{"name: [x]" + tail, "x.yaml:1: name: want a single value"},
		{"name:" + tail, "x.yaml:1: name: the value is missing"},
		{"name: \"a\\e[2J\"" + tail, "x.yaml:1: name: want one line of text"},
		{"about: &a x\nname: *a" + tail, "x.yaml:2: name: aliases are not read here: write the value out"},
		{"pairs: 0" + tail, "x.yaml:1: pairs: 0: choose 1 to 1000"},
		{"pairs: many" + tail, "x.yaml:1: pairs: many: choose 1 to 1000"},
		{"measure: 1" + tail, "x.yaml:1: measure: 1 is not a duration: write it like 250ms or 1s"},
		{"warmup: -1s" + tail, "x.yaml:1: warmup: -1s: choose 0s to 1h0m0s"},
		{"measure: 0s" + tail, "x.yaml:1: measure: 0s: choose 100ms to 1h0m0s"},
		{"measure: 99ms\nwindow: 10ms" + tail, "x.yaml:1: measure: 99ms: choose 100ms to 1h0m0s"},
		{"measure: 100ms\nwindow: 1s" + tail, "x.yaml:2: window 1s is longer than measure 100ms"},
		{"name: x\nscenarios: 3\n", "x.yaml:2: scenarios: want a list of blocks, each like `- {mode: tun, size: [64, 1500]}`"},
		{"scenarios: []\n", "x.yaml:1: scenarios: want a list of blocks, each like `- {mode: tun, size: [64, 1500]}`"},
		{"scenarios:\n- 64\n", "x.yaml:2: want a block as `key: value` pairs"},
		{"scenarios:\n- size: 64\n  queue: 4\n", `x.yaml:3: no axis "queue": choose mode, path, dir, gen, io, queues, flows, size, vnet, offload, pi, napi, xdp, steer, qdisc, txqlen, sndbuf, load, cipher, ip, bypass, spacing, pause, filter, event, senders, backpressure, tail, delay, drop, reorder, probe, copy, program, bridge, payload, module (did you mean queues?)`},
		{"scenarios:\n- size:\n  - 64\n  - 65536\n", "x.yaml:4: size=65536: no such value: choose 64 to 65535, imix"},
		{"scenarios:\n- gen: udp_gso\n", "x.yaml:2: gen=udp_gso: no such value: choose udp, udp-gso, packet, packet-gso, tcp, tcp-rr, udp-rr, lockstep, iperf3 (did you mean udp-gso?)"},
		{"scenarios:\n- size: []\n", "x.yaml:2: size: the list is empty: choose from 64 to 65535, imix"},
		{"scenarios:\n- size: [64, 64]\n", "x.yaml:2: size=64 is given twice"},
		{"scenarios:\n- size: 64\n  size: 65\n", `x.yaml:3: key "size" is given twice`},
		{"scenarios:\n- size: {a: b}\n", "x.yaml:2: size: want a single value"},
		{"scenarios:\n- {size: 64}\n- {vnet: [10, off], offload: tso}\n", "x.yaml:3: Tun/dir=k2u/gen=udp/queues=1/size=64/offload=tso: impossible combination: offload=tso needs a virtio-net header to say what it carries; set vnet=10 or offload=none"},
		{"scenarios:\n- size: 64\n  pi: [on\n", "x.yaml:2: not YAML, here or just below: did not find expected ',' or ']'"},
		{"scenarios:\n- size: 64\n---\nname: x\n", "x.yaml:3: a second document: a file holds one suite"},
		{"pairs: 6\nscenarios:\n- size: 64\n- size: 15\x0000\n", "x.yaml:4: the control character U+0000 is not allowed: take it out"},
		{"scenarios:\r\n- size: 64\r\n# \x1b[2J\r\n", "x.yaml:3: the control character U+001B is not allowed: take it out"},
		{"scenarios:\n- size: 64\n# caf\xe9\n", "x.yaml:3: the byte 0xe9 is no UTF-8: save the file as UTF-8"},
		{"\ufeffscenarios:\n- size: 63\n", "x.yaml:2: size=63: no such value: choose 64 to 65535, imix"},
		{"name: x\n\t- y\n", "x.yaml:2: not YAML, here or just below: found a tab character that violates indentation"},
	} {
		_, err := suite.Parse("x.yaml", []byte(test.text), setup.Check)
		if err == nil {
			t.Errorf("%q: no error", test.text)
		} else if err.Error() != test.want {
			t.Errorf("%q:\n got %s\nwant %s", test.text, err, test.want)
		}
	}
}

// Editors that put a byte order mark at the beginning, or carriage returns at the
// ends of lines, make the same suite.
func TestSuiteEncodings(t *testing.T) {
	const text = "# caf\u00e9\npairs: 3\nscenarios:\n- size: [64, 1500]\n"
	wide := []byte{0xff, 0xfe}
	for _, r := range text {
		wide = append(wide, byte(r), byte(r>>8))
	}
	want := parse(t, text)
	for name, text := range map[string][]byte{
		"UTF-8 with a byte order mark": []byte("\ufeff" + text), "carriage returns": []byte(strings.ReplaceAll(text, "\n", "\r\n")), "UTF-16": wide,
	} {
		got, err := suite.Parse("test.yaml", text, setup.Check)
		if err != nil || got.Pairs != want.Pairs || !slices.Equal(short(got.Scenarios), short(want.Scenarios)) {
			t.Errorf("%s: %+v, %v", name, got, err)
		}
	}
}

func TestSuiteOfTooMany(t *testing.T) {
	list := "[64"
	for i := 65; i < 164; i++ {
		list += ", " + strings.TrimSpace(string(rune('0'+i/100))+string(rune('0'+i/10%10))+string(rune('0'+i%10)))
	}
	text := "scenarios:\n- {flows: " + list + "], size: " + list + "]}\n"
	_, err := suite.Parse("x.yaml", []byte(strings.ReplaceAll(text, " 0", " ")), setup.Check)
	if err == nil || err.Error() != "x.yaml:2: more than 4096 scenarios: shorten the lists" {
		t.Errorf("got %v", err)
	}
	if _, err := suite.Parse("x.yaml", make([]byte, 1<<20+1), setup.Check); err == nil || !strings.Contains(err.Error(), "larger than") {
		t.Errorf("got %v", err)
	}
}

// TestSuitesShowBackpressure holds that the suites of which the pages say so have the
// scenario in which a change of back-pressure shows: several senders, one queue, a qdisc that
// holds packets, two hosts.
func TestSuitesShowBackpressure(t *testing.T) {
	for name, modes := range map[string][]string{"backpressure": {"tun", "tap"}, "default": {"tun"}, "smoke": {"tun"}} {
		s, err := suite.Load(name, setup.Check)
		if err != nil {
			t.Fatal(err)
		}
		for _, mode := range modes {
			for _, backpressure := range []string{"off", "on"} {
				filter := "path=relay gen=tcp queues=1 flows=8 senders=8 qdisc=pfifo_fast mode=" + mode + " backpressure=" + backpressure
				sel, err := suite.ParseSelection([]string{filter}, nil)
				if err != nil {
					t.Fatal(err)
				}
				if _, err := suite.Select(s.Scenarios, sel, setup.Check); err != nil {
					t.Errorf("suite %s: %s: %v", name, filter, err)
				}
			}
		}
	}
}

// The suites that ship are no seeds: hundreds of scenarios take as many
// milliseconds, and Go makes a seed smaller byte by byte. What they hold is here.
func FuzzParseSuite(f *testing.F) {
	f.Add([]byte("name: x\nabout: y\npairs: 2\nwarmup: 0s\nmeasure: 100ms\nwindow: 10ms\nscenarios:\n- {queues: [1, 4], size: [64, imix]}\n"))
	f.Add([]byte("scenarios: # c\n- {path: relay, gen: tcp, size: 1500}\n- load: 50pct\n  pause: 5ms\n"))
	f.Add([]byte("scenarios:\n- {mode: [tun, tap], offload: tso, vnet: 10}\n"))
	f.Add([]byte("a: &a [*a]\n"))
	f.Add([]byte("? [x]\n: y\n"))
	f.Add([]byte("scenarios:\n- <<: {size: 64}\n"))
	f.Fuzz(func(t *testing.T, text []byte) {
		if len(text) > 1024 {
			return // longer lists are TestSuiteOfTooMany's
		}
		s, err := suite.Parse("x.yaml", text, setup.Check)
		if err != nil {
			if !strings.HasPrefix(err.Error(), "x.yaml:") {
				t.Fatalf("error without its place: %v", err)
			}
			return
		}
		if len(s.Scenarios) == 0 || len(s.Scenarios) > suite.MaxScenarios || s.Pairs < 1 {
			t.Fatalf("accepted %d scenarios, %d pairs", len(s.Scenarios), s.Pairs)
		}
		seen := map[string]bool{}
		for _, sc := range s.Scenarios {
			if seen[sc.Name] {
				t.Fatalf("%s is there twice", sc.Name)
			}
			seen[sc.Name] = true
			if err := setup.Check(sc); err != nil {
				t.Fatalf("%s: %v", sc.Name, err)
			}
		}
	})
}

// TestSuitesOfEveryValue holds that each value that an axis can have stands in
// the suites that are made for that: of numbers, those that the axis is known for.
func TestSuitesOfEveryValue(t *testing.T) {
	for name, want := range map[string]map[string][]string{
		"full":  {"flows": {"1", "64", "1024"}, "txqlen": {"1", "500", "10000"}},
		"every": {"flows": {"1", "64"}, "txqlen": {"10", "500", "1000"}},
	} {
		shipped, err := suite.Load(name, setup.Check)
		if err != nil {
			t.Fatal(err)
		}
		maps.Copy(want, map[string][]string{
			"queues": {"1", "2", "4", "8", "16", "32", "64", "128", "256"}, "size": {"64", "1500", "65535", "imix"}, "sndbuf": {"max", ""},
			"load": {"max", "pps", "pct"}, "pause": {"off", "ms"}, "filter": {"off", "pass", "ns"},
			// Programs that are installed or not have a suite of their own.
			"senders": {"auto", "1", "8"}, "qdisc": {"noqueue", "pfifo_fast", "fq_codel", "fq", "pfifo:limit=100", "fq_codel:limit=1000:target=5ms"},
			"program": {"none"}, "path": {"sink", "relay", "vpn", "bridge", "veth", "wireguard", "wireguard-go"},
		})
		units := []string{"load", "pause", "filter", "sndbuf"} // whose numbers stand for any
		seen := map[string]map[string]bool{}
		for _, s := range shipped.Scenarios {
			for axis, value := range s.Axes {
				if seen[axis] == nil {
					seen[axis] = map[string]bool{}
				}
				seen[axis][value] = true
				if slices.Contains(units, axis) {
					seen[axis][strings.TrimLeft(value, "0123456789")] = true
				}
			}
		}
		for _, a := range suite.Axes() {
			values := want[a.Name]
			if values == nil {
				values = a.Values()
			}
			for _, v := range values {
				if !seen[a.Name][v] {
					t.Errorf("suite %s: %s=%s is in no scenario", name, a.Name, v)
				}
			}
		}
	}
}
