package text

import "testing"

func TestShortPath(t *testing.T) {
	for _, c := range []struct{ a, b, shortA, shortB string }{
		{"reports/runs/20261130T2214-6.1/run.jsonl", "reports/runs/20261201T0110-6.12/run.jsonl", "20261130T2214-6.1", "20261201T0110-6.12"},
		{"/home/me/base", "/tmp/other/new/", "base", "new"},
		{"/home/me/run", "/home/you/run", "me", "you"},
		{"/a/monday/x/run.jsonl", "/a/tuesday/y/run.jsonl", "x", "y"},
		{"base.jsonl", "./new.jsonl", "base.jsonl", "new.jsonl"},
		{"run.jsonl", "old/run.jsonl", "run.jsonl", "old"},
		{"runs/a/run.jsonl", "runs/a/run.jsonl", "run.jsonl", "run.jsonl"},
		{"base", "new", "base", "new"},
		{"", "new", ".", "new"},
	} {
		if a, b := ShortPath(c.a, c.b), ShortPath(c.b, c.a); a != c.shortA || b != c.shortB {
			t.Errorf("%q and %q: %q and %q, want %q and %q", c.a, c.b, a, b, c.shortA, c.shortB)
		}
	}
}

func TestClipMiddle(t *testing.T) {
	for _, c := range []struct {
		s    string
		n    int
		want string
	}{
		{"gen=udp size=64", 15, "gen=udp size=64"},
		{"gen=udp size=64", 14, "gen=udp…ize=64"},
		{"gen=udp size=1500", 9, "gen=…1500"},
		{"größe size=64", 7, "grö…=64"},
	} {
		if got := ClipMiddle(c.s, c.n); got != c.want || len([]rune(got)) > c.n {
			t.Errorf("%q in %d: %q, want %q", c.s, c.n, got, c.want)
		}
	}
}
