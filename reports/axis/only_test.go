package axis

import "testing"

func TestOnly(t *testing.T) {
	const base = "Tun/dir=k2u/gen=udp/queues=1/size=64"
	own := map[string]string{"mode": "tun", "dir": "k2u", "gen": "udp", "io": "read", "queues": "1", "size": "64", "vnet": "off", "offload": "none", "qdisc": "noqueue"}
	const filter = "mode=tun dir=k2u gen=udp queues=1 size=64"
	for _, c := range []struct {
		name   string
		own    map[string]string
		others []string
		want   string
		ok     bool
	}{
		{base, own, nil, filter, true},
		{base, nil, []string{base}, filter, true},
		// Others that differ in an axis of the name, or that it does not select.
		{base, nil, []string{base, "Tap/dir=k2u/gen=udp/queues=1/size=64/io=poll", "Tun/dir=k2u/gen=udp/io=poll/queues=4/size=64"}, filter, true},
		{base, own, []string{base, "Tun/dir=k2u/gen=udp/io=poll/queues=1/size=64"}, "mode=tun dir=k2u gen=udp io=read queues=1 size=64", true},
		{"Tun/dir=k2u/gen=udp/io=poll/queues=1/size=64", own, []string{base}, "mode=tun dir=k2u gen=udp io=poll queues=1 size=64", true},
		// One axis keeps out two others.
		{base, own, []string{base + "/vnet=10", base + "/vnet=10/offload=uso", base + "/qdisc=fq"}, filter + " vnet=off qdisc=noqueue", true},
		{base, own, []string{base + "/vnet=10/offload=uso", base + "/offload=csum"}, filter + " offload=none", true},
		// A value is needed that the record has not.
		{base, nil, []string{base + "/vnet=10"}, "", false},
		{base, own, []string{base + "/xdp=drop"}, "", false},
		{base, own, []string{base + "/vnet=10/xdp=drop"}, filter + " vnet=off", true},
		// No scenarios.
		{"", own, nil, "", false},
		{"Tuna/size=64", own, nil, "", false},
		{"Tun/evil", own, nil, "", false},
		{"Tun/size=64 size=128", own, nil, "", false},
	} {
		if got, ok := Only(c.name, c.own, c.others); got != c.want && c.ok || ok != c.ok {
			t.Errorf("%s of %q: %q, %v; want %q, %v", c.name, c.others, got, ok, c.want, c.ok)
		}
	}
	for _, c := range []struct {
		name string
		own  map[string]string
		want string
	}{
		{base, own, "mode=tun dir=k2u gen=udp io=read queues=1 size=64 vnet=off offload=none qdisc=noqueue"},
		{"Tap/dir=k2u/gen=udp/queues=1/size=64", map[string]string{"pi": "off"}, "mode=tap dir=k2u gen=udp queues=1 size=64 pi=off"},
		{base, nil, ""},
		{"Tun/evil", own, ""},
	} {
		if got, ok := Whole(c.name, c.own); got != c.want || ok != (c.want != "") {
			t.Errorf("all of %s: %q, %v; want %q", c.name, got, ok, c.want)
		}
	}
}
