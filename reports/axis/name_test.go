package axis

import (
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestNames(t *testing.T) {
	ordered := []string{
		"Tun/dir=k2u/gen=udp/queues=1/size=64",
		"Tun/dir=k2u/gen=udp/queues=1/size=64/vnet=10",
		"Tun/dir=k2u/gen=udp/queues=1/size=1500",
		"Tun/dir=k2u/gen=udp/queues=1/size=imix",
		"Tun/dir=k2u/gen=udp/queues=2/size=64",
		"Tun/dir=k2u/gen=udp/queues=2/flows=16/size=64",
		"Tun/dir=k2u/gen=udp/queues=10/size=64",
		"Tun/dir=k2u/gen=udp/queues=10/size=64/load=3000pps",
		"Tun/dir=k2u/gen=udp/queues=10/size=64/load=20000pps",
		"Tap/dir=k2u/gen=udp/queues=1/size=64",
		"Other",
	}
	// What is at the end of a name, each by itself.
	for _, values := range [][]string{
		{"load=999pps", "load=1000pps", "load=5pct", "load=10pct", "load=100pct"},
		{"pause=5ms", "pause=50ms", "pause=100ms"},
		{"filter=1ns", "filter=500ns", "filter=1000ns", "filter=pass"},
		{"txqlen=1", "txqlen=20", "txqlen=100"},
		{"event=carrier", "pause=5ms", "ip=6"}, // a later axis stands there because the earlier one is at its default
	} {
		for i, a := range values {
			for j, b := range values {
				if got, want := sign(Compare("Tun/size=64/"+a, "Tun/size=64/"+b)), sign(i-j); got != want {
					t.Errorf("compareNames of %s, %s = %d, want %d", a, b, got, want)
				}
			}
		}
	}
	for i, a := range ordered {
		for j, b := range ordered {
			if got, want := sign(Compare(a, b)), sign(i-j); got != want {
				t.Errorf("compareNames(%s, %s) = %d, want %d", a, b, got, want)
			}
		}
	}
	common := Common(ordered[:10])
	if d := cmp.Diff([]string{"dir=k2u", "gen=udp"}, common); d != "" {
		t.Error(d)
	}
	if got := Label(ordered[5], common); got != "queues=2 flows=16 size=64" {
		t.Errorf("label: %s", got)
	}
	if got := Label("Tun/a=b", []string{"a=b"}); got != "defaults" {
		t.Errorf("label of nothing: %s", got)
	}
}

func sign(n int) int { return min(max(n, -1), 1) }

func TestAlone(t *testing.T) {
	const base = "Tun/dir=k2u/queues=1/size=64"
	for _, c := range []struct {
		lists [][]string
		want  string
	}{
		{[][]string{{base}}, ""},
		{[][]string{{base, "Tun/dir=k2u/queues=1/size=1500", base + "/txqlen=64", base + "/txqlen=5000"}}, "size txqlen"},
		{[][]string{{base, "Tap/dir=k2u/queues=1/size=64"}}, "mode"},
		{[][]string{{base, "Tun/dir=k2u/queues=4/size=1500"}}, ""},
		{[][]string{{base}, {base + "/txqlen=64"}}, ""},
		{[][]string{{base}, {base, base + "/load=10pct"}}, "load"},
	} {
		if got := strings.Join(Alone(c.lists...), " "); got != c.want {
			t.Errorf("%q: %q, want %q", c.lists, got, c.want)
		}
	}
}

// have to guess whether they are TUN or TAP.
func TestShared(t *testing.T) {
	for _, c := range []struct{ names, want []string }{
		{[]string{"Tun/dir=k2u/size=64", "Tun/dir=k2u/size=1500"}, []string{"TUN", "dir=k2u"}},
		{[]string{"Tap/dir=k2u", "Tap/dir=u2k"}, []string{"TAP"}},
		{[]string{"Tun/dir=k2u/size=64", "Tap/dir=k2u/size=64"}, []string{"dir=k2u", "size=64"}},
		{[]string{"Tun/dir=k2u"}, nil},
		{nil, nil},
	} {
		if got := Shared(c.names); !slices.Equal(got, c.want) {
			t.Errorf("%q: %q, want %q", c.names, got, c.want)
		}
	}
}
