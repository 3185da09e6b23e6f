package netns

import (
	"maps"
	"testing"
)

func TestParseCounters(t *testing.T) {
	for name, c := range map[string]struct {
		text string
		want map[string]uint64
		bad  bool
	}{
		"two protocols": {
			text: "Ip: Forwarding InReceives\nIp: 2 17\nTcp: MaxConn OutSegs\nTcp: -1 5\n",
			want: map[string]uint64{"Ip:Forwarding": 2, "Ip:InReceives": 17, "Tcp:OutSegs": 5},
		},
		"a counter a line":      {text: "Ip6InReceives   \t3\nIp6InOctets\t18446744073709551615\n", want: map[string]uint64{"Ip6InReceives": 3, "Ip6InOctets": 1<<64 - 1}},
		"nothing":               {want: map[string]uint64{}},
		"names of another":      {text: "Ip: A\nTcp: 1\n", bad: true},
		"fewer values":          {text: "Ip: A B\nIp: 1\n", bad: true},
		"three words":           {text: "Ip6InReceives 1 2\n", bad: true},
		"a word for a number":   {text: "Ip6InReceives many\n", bad: true},
		"a negative of IPv6":    {text: "Ip6InReceives -1\n", bad: true},
		"a protocol with blank": {text: "\nUdp: A\nUdp: 4\n\n", want: map[string]uint64{"Udp:A": 4}},
	} {
		t.Run(name, func(t *testing.T) {
			read := map[string]*uint64{}
			err := parseCounters([]byte(c.text), read)
			got := map[string]uint64{}
			for name, n := range read {
				got[name] = *n
			}
			if (err != nil) != c.bad {
				t.Fatalf("error %v, want one: %v", err, c.bad)
			}
			if !c.bad && !maps.Equal(got, c.want) {
				t.Errorf("got %v, want %v", got, c.want)
			}
		})
	}
}
