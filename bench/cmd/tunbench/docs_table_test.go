package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"
)

// promise is what a row of "Which suite to run" in the README says that the suite measures.
type promise struct {
	some map[string]string // values of an axis that some scenario has, each
	all  map[string]string // values of an axis that every scenario has, one of them
}

var promises = map[string]promise{
	"a VPN": {
		some: map[string]string{
			"path": "vpn veth wireguard wireguard-go", "cipher": "none chacha20poly1305 aes256gcm", "gen": "tcp tcp-rr udp udp-gso packet-gso",
			"dir": "k2u u2k", "queues": "1 4", "vnet": "off 10", "offload": "none tso uso", "io": "read poll uring",
		},
		all: map[string]string{"mode": "tun"},
	},
	"a hypervisor, a VM": {
		some: map[string]string{"io": "read uring vhost", "dir": "k2u u2k", "queues": "1 4", "offload": "none uso", "load": "max 50pct"},
		all:  map[string]string{"mode": "tap", "vnet": "12"},
	},
	"a bridge, a container network": {
		some: map[string]string{
			"path": "bridge relay veth", "gen": "udp udp-gso tcp tcp-rr", "queues": "1 4", "txqlen": "500 1000 10000",
			"qdisc": "noqueue pfifo_fast fq_codel", "flows": "8", "offload": "tso uso",
		},
		all: map[string]string{"mode": "tap"},
	},
	"a simulator, a userspace stack": {
		some: map[string]string{"io": "read poll spin uring", "load": "max 10pct 50pct", "dir": "k2u u2k both", "size": "64 1500", "offload": "none tso"},
		all:  map[string]string{"mode": "tun", "queues": "1"},
	},
	// Its scenarios are those of `make bench`.
	"a patch to `drivers/net/tun.c`": {},
}

// sections are those of a report that need more than the axes to be there, with
// the scenarios that fill them. Any other section named is looked for in a report.
var sections = map[string]func(map[string]string) bool{
	"Packets at each hop of the path": func(a map[string]string) bool { return slices.Contains([]string{"relay", "vpn", "bridge"}, a["path"]) },
	"Streams and transactions": func(a map[string]string) bool {
		return slices.Contains([]string{"tcp", "tcp-rr", "udp-rr", "iperf3"}, a["gen"])
	},
	"Flows by queue": func(a map[string]string) bool { return a["queues"] != "1" && a["flows"] != "1" && a["gen"] == "udp" },
	"Latency":        func(a map[string]string) bool { return a["load"] != "max" },
}

// checkRow checks a row: cells are who, what to run, what to read.
func (c *checker) checkRow(cells []string) error {
	want, ok := promises[cells[0]]
	if !ok {
		return fmt.Errorf("no promise is known for %q", cells[0])
	}
	var selected []map[string]string
	var report string
	var last []string // arguments
	for _, s := range spans("row", cells[1], 0) {
		words, err := shell(s.text)
		if err != nil {
			return err
		}
		if _, err := c.check(s); err != nil {
			return err
		}
		cmd, rest, err := rootCommand(&app{}).Find(slices.DeleteFunc(words[0], func(w string) bool { return w == "sudo" || w == "tunbench" }))
		if err != nil || cmd.Name() != "run" {
			continue
		}
		if err := cmd.ParseFlags(rest); err != nil {
			return err
		}
		args := c.selected(cmd)
		_, listed, _ := tunbench(context.Background(), fakeLab{}, nil, append([]string{"list", "--json"}, args...)...)
		for line := range strings.Lines(listed) {
			var l struct{ Axes map[string]string }
			if err := json.Unmarshal([]byte(line), &l); err != nil {
				return err
			}
			selected = append(selected, l.Axes)
		}
		out := filepath.Join(c.work, fmt.Sprint("run", len(selected)))
		defer os.RemoveAll(out)
		if code, _, stderr := tunbench(context.Background(), fakeLab{}, nil, append([]string{"run", "--quiet", "--trials=1", "--out=" + out}, args...)...); code != 0 {
			return errors.New(stderr)
		}
		text, err := os.ReadFile(filepath.Join(out, "report.md"))
		if err != nil {
			return err
		}
		report += string(text)
		last = args
	}
	for axis, values := range want.some {
		for _, value := range strings.Fields(values) {
			if !slices.ContainsFunc(selected, func(a map[string]string) bool { return a[axis] == value }) {
				return fmt.Errorf("no scenario has %s=%s", axis, value)
			}
		}
	}
	for axis, values := range want.all {
		for _, a := range selected {
			if !slices.Contains(strings.Fields(values), a[axis]) {
				return fmt.Errorf("a scenario has %s=%s", axis, a[axis])
			}
		}
	}
	for _, m := range regexp.MustCompile(`\*([^*]+)\*`).FindAllStringSubmatch(cells[2], -1) {
		heading := m[1]
		if filled, ok := sections[heading]; ok && slices.ContainsFunc(selected, filled) {
			continue
		}
		// Of the comparisons that are made by axes alone.
		if !strings.Contains(report, "\n### "+heading+"\n") {
			return fmt.Errorf("a report on these scenarios has no section %q", heading)
		}
	}
	if last != nil {
		return c.minutes(cells[1], last)
	}
	return nil
}

// minutes holds the time that a cell gives against that of the plan.
func (c *checker) minutes(cell string, args []string) error {
	m := regexp.MustCompile(`\((\d+) minutes\)`).FindStringSubmatch(cell)
	if m == nil {
		return errors.New("the row does not say how many minutes it takes")
	}
	sel := selection{}
	cmd := listCommand(&app{})
	cmd.ResetFlags()
	sel.register(cmd)
	if err := cmd.ParseFlags(args); err != nil {
		return err
	}
	plan, err := sel.plan(nil)
	if err != nil {
		return err
	}
	if takes := int(math.Round(plan.Duration().Minutes())); strconv.Itoa(takes) != m[1] {
		return fmt.Errorf("it takes %v and not %s minutes", plan.Duration().Round(time.Second), m[1])
	}
	return nil
}

// tableBelow gives the rows of the first table below a heading of a page.
func tableBelow(text, heading string) (rows [][]string) {
	_, text, _ = strings.Cut(text, "\n"+heading+"\n")
	for line := range strings.Lines(text) {
		line = strings.TrimSpace(line)
		if !strings.HasPrefix(line, "|") {
			if len(rows) > 0 {
				break
			}
			continue
		}
		var cells []string
		for _, cell := range strings.Split(strings.Trim(line, "|"), " | ") {
			cells = append(cells, strings.TrimSpace(cell))
		}
		rows = append(rows, cells)
	}
	if len(rows) < 2 {
		return nil
	}
	return rows[2:] // below the heads and the line
}

// Each row selects what it promises, is told with the minutes it takes, and names
// sections that a report on it has.
func TestScenariosForWhat(t *testing.T) {
	c := newChecker(t)
	text, err := os.ReadFile(filepath.Join(c.root, "README.md"))
	if err != nil {
		t.Fatal(err)
	}
	rows := tableBelow(string(text), "## Which suite to run")
	if len(rows) != len(promises) {
		t.Errorf("%d rows, want one for each of %d promises", len(rows), len(promises))
	}
	for _, cells := range rows {
		if len(cells) != 3 {
			t.Errorf("row of %d cells: %q", len(cells), cells)
			continue
		}
		if err := c.checkRow(cells); err != nil {
			t.Errorf("row %q: %v", cells[0], err)
		}
	}
}

// Rows that do not keep their promise are found; the first five were once in the
// README, spelled as commands.
func TestRowsAreChecked(t *testing.T) {
	c := newChecker(t)
	for _, test := range []struct{ who, run, read, want string }{
		{"a VPN", "`tunbench run --filter 'path=vpn,veth,wireguard-go,wireguard gen=tcp'` (1 minutes)", "", "no scenario has"},
		{"a VPN", "`tunbench run --filter 'mode=tun dir=k2u,u2k size=1500'` (5 minutes)", "", "no scenario has"},
		{"a hypervisor, a VM", "`tunbench run --filter 'mode=tap io=read,uring,vhost vnet=12'` (0 minutes)", "", "no scenario has"},
		{"a simulator, a userspace stack", "`tunbench run --filter 'mode=tun gen=udp io=read,poll,spin,uring' --set load=10pct` (5 minutes)", "", "no scenario has"},
		{"a bridge, a container network", "`tunbench run --filter 'path=bridge,relay' --set txqlen=1000 --set qdisc=fq_codel` (2 minutes)", "", "no scenario has"},
		{"a VPN", "`tunbench run --suite vm` (3 minutes)", "", "no scenario has"},
		{"a VPN", "nothing", "", "no scenario has"},
		{"a VPN", "`tunbench run --suite vpn` (3 minutes)", "", "it takes"},
		{"a VPN", "`tunbench run --suite vpn`", "", "how many minutes"},
		{"a VPN", "`tunbench run --suite vpm` (4 minutes)", "", "no suite"},
		{"a VPN", "`tunbench run --suite vpn` (4 minutes)", "*Tunnels*", "no section"},
		{"a VPN", "`tunbench run --suite vpn` (4 minutes)", "*Latency*", "no section"},
		{"a hypervisor, a VM", "`tunbench run --suite vm` (3 minutes)", "*Streams and transactions*", "no section"},
		{"a submarine", "`tunbench run --suite vm` (3 minutes)", "", "no promise"},
		{"a VPN", "`tunbench run --suite vpn` (4 minutes)", "*I/O engines*", ""},
	} {
		err := c.checkRow([]string{test.who, test.run, test.read})
		if test.want == "" && err != nil || test.want != "" && (err == nil || !strings.Contains(err.Error(), test.want)) {
			t.Errorf("%s, %s, %s: %v, want %q", test.who, test.run, test.read, err, test.want)
		}
	}
	if rows := tableBelow("\n## A\n\ntext\n\n| a | b |\n|---|---|\n| `x` | y |\n\n| c |\n", "## A"); len(rows) != 1 || len(rows[0]) != 2 || rows[0][0] != "`x`" {
		t.Errorf("rows %q", rows)
	}
}
