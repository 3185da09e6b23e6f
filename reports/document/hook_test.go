package document

import (
	"testing"

	"tunbench/reports/figure"
	"tunbench/reports/record"
)

// Residency begins where the observer was attached, as the record names it.
func TestXmitPoint(t *testing.T) {
	of := func(used string, targets ...string) *figure.Scenario {
		h := record.Hook{Used: used}
		for _, name := range targets {
			h.Programs = append(h.Programs, record.Program{Target: name})
		}
		return &figure.Scenario{Run: &record.Run{Hook: h}}
	}
	for _, c := range []struct {
		list []*figure.Scenario
		want string
	}{
		{nil, ""},
		{[]*figure.Scenario{of("kprobe", "tun_do_read", "tun_net_xmit"), of("kprobe")}, "tun_net_xmit"},
		{[]*figure.Scenario{of("tracepoint", "skb_copy_datagram_iovec", "net_dev_start_xmit")}, "net_dev_start_xmit"},
		{[]*figure.Scenario{of("tracepoint")}, "net_dev_start_xmit"},
		{[]*figure.Scenario{of("fentry"), of("tracepoint")}, "net_dev_start_xmit or tun_net_xmit"},
	} {
		if got := XmitPoint(c.list); got != c.want {
			t.Errorf("%q, want %q", got, c.want)
		}
	}
}
