package manual

import "testing"

func TestRoff(t *testing.T) {
	for in, want := range map[string]string{
		".so /etc/passwd": `\&.so /etc/passwd`, "'quoted'": `\(aqquoted\(aq`, `a\b`: `a\eb`, "--out": `\-\-out`,
	} {
		if got := roff(in); got != want {
			t.Errorf("%q: %q, want %q", in, got, want)
		}
	}
}
