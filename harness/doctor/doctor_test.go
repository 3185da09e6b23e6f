package doctor

import (
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"tunbench/bpf"
	"tunbench/harness/condition"
	"tunbench/harness/host"
	"tunbench/harness/tuntap"
	"tunbench/reports/record"
)

func TestDeviceOfOneQueue(t *testing.T) {
	for queues, want := range map[int]string{1: "1 queue", 4: "4 queues"} {
		if got := describe(tuntap.Existing{Queues: queues}); !strings.Contains(got, want) || queues == 1 && strings.Contains(got, "queues") {
			t.Errorf("%d: %q", queues, got)
		}
	}
}

// TestRemedyNeedsAModule holds that no command loads a module of which the
// kernel's configuration says that it was not built.
func TestRemedyNeedsAModule(t *testing.T) {
	row := Row{Name: "io=vhost", Status: StatusUnsupported}
	for option, want := range map[string]string{"m": "modprobe vhost_net", "n": "", "": "modprobe vhost_net"} {
		if got := row.remedy(map[string]string{"CONFIG_VHOST_NET": option}); got.Command != want || got.Why == "" {
			t.Errorf("CONFIG_VHOST_NET=%s: %+v, want %q", option, got, want)
		}
	}
}

// TestConditionRows holds that doctor shows every condition, and advises where one fails.
func TestConditionRows(t *testing.T) {
	busy := host.CPUTimes{User: 500 * time.Millisecond, System: 1500 * time.Millisecond}
	c := condition.Period{
		All: busy, Pinned: busy, CPUs: 2, Workers: 2, Measured: time.Second, Stretches: 1,
		Seen: host.Delta{
			Stretches: 1, Elapsed: time.Second, Pressure: 900 * time.Millisecond, Throttles: 1, QuotaPeriods: 1,
			Boot: time.Minute, FreqFrom: 3_000_000, FreqTo: 1_000_000,
		},
	}
	c.All.Steal = time.Second
	for _, g := range c.Checks() {
		if g.Outcome != condition.Failed {
			t.Fatalf("%s passed: nothing is tested", g.Name)
		}
		row := conditionRow(g, []int{4, 6})
		if g.Name == condition.Frequency {
			if row.Status != StatusUnknown || row.Advice != "" {
				t.Errorf("an idle CPU changed its frequency: %+v", row)
			}
			continue
		}
		if row.Status != StatusWarning || row.Advice == "" || !strings.Contains(row.Detail, g.Detail) {
			t.Errorf("%+v", row)
		}
		if g.Name == condition.ForeignLoad && !strings.Contains(row.Detail, "CPUs 4 6") {
			t.Errorf("which CPUs? %q", row.Detail)
		}
	}
}

func TestDoctorLooksAround(t *testing.T) {
	rows := conditionRows(t.Context())
	var names []string
	for _, r := range rows {
		t.Logf("%+v", r)
		names = append(names, r.Name)
		if r.Detail == "" || (r.Status == StatusWarning) != (r.Advice != "") {
			t.Errorf("%+v", r)
		}
	}
	want := []string{"steal", "foreign load", "pressure", "frequency", "throttling", "quota", "clock", "unsteady", "generator-limited", "unexplained"}
	if !slices.Equal(names, want) {
		t.Errorf("conditions %q, want %q", names, want)
	}
}

// TestNamespaceRows judges what a new namespace may be like.
func TestNamespaceRows(t *testing.T) {
	good := map[string]string{
		"net.ipv6.conf.all.disable_ipv6": "0", "net.ipv6.conf.default.disable_ipv6": "0",
		"net.ipv4.tcp_congestion_control": "cubic", "net.ipv4.tcp_rmem": "4096\t131072\t6291456", "net.ipv4.tcp_wmem": "4096\t16384\t4194304",
	}
	with := func(name, value string) map[string]string {
		m := map[string]string{name: value}
		for k, v := range good {
			if _, ok := m[k]; !ok {
				m[k] = v
			}
		}
		return m
	}
	for name, c := range map[string]struct {
		sysctl map[string]string
		row    string // that is not ok; "" is none
		status string
		words  string
	}{
		"good":           {good, "", "", ""},
		"br_netfilter":   {with("net.bridge.bridge-nf-call-iptables", "1"), rowBridge, StatusWarning, "net.bridge.bridge-nf-call-iptables=1 in a new namespace"},
		"turned off":     {with("net.bridge.bridge-nf-call-iptables", "0"), "", "", ""},
		"no IPv6":        {map[string]string{}, rowIPv6, StatusUnsupported, "ipv6.disable=1"},
		"IPv6 off":       {with("net.ipv6.conf.default.disable_ipv6", "1"), rowIPv6, StatusWarning, "turned off"},
		"IPv6 off above": {with("net.ipv6.conf.all.disable_ipv6", "1"), rowIPv6, StatusWarning, "turned off"},
	} {
		var bad []Row
		for _, row := range namespaceRows(c.sysctl, nil) {
			if row.Status != StatusOK {
				bad = append(bad, row)
				if row.Advice == "" || row.Remedy().Why == "" {
					t.Errorf("%s: no advice, or no reason: %+v", name, row)
				}
			}
		}
		switch {
		case c.row == "" && len(bad) == 0:
		case len(bad) == 1 && bad[0].Name == c.row && bad[0].Status == c.status && strings.Contains(bad[0].Detail, c.words):
		default:
			t.Errorf("%s: %+v, want %s %s with %q", name, bad, c.row, c.status, c.words)
		}
	}
	if rows := namespaceRows(nil, errors.New("no")); len(rows) != 1 || rows[0].Status != StatusUnknown {
		t.Errorf("no namespace: %+v", rows)
	}
}

// TestHooksOfRecords holds that records and the observer name the same hooks, in the
// order in which they are tried.
func TestHooksOfRecords(t *testing.T) {
	var names []string
	for _, h := range bpf.Hooks {
		names = append(names, string(h))
	}
	if !slices.Equal(names, record.Hooks) {
		t.Errorf("the observer has the hooks %q, records %q", names, record.Hooks)
	}
}
