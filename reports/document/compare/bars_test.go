package compare

import (
	"strings"
	"testing"
	"testing/quick"
	"unicode/utf8"
)

// Whatever a scenario is called, its bar stays one quoted word of the chart.
func TestMermaidText(t *testing.T) {
	quoted := func(s string) bool {
		q := MermaidText(s)
		inner := q[1 : len(q)-1]
		return q[0] == '"' && q[len(q)-1] == '"' && !strings.ContainsAny(inner, "\"`#;%&<>\\[]{}|$\r\n\t\x00") && utf8.ValidString(q)
	}
	for _, s := range []string{"", `a"b`, "`**x**`", "#quot;", "%%{init}%%", "a\nb", "size=64 gen=udp", "é\xff"} {
		if !quoted(s) {
			t.Errorf("%q: %s", s, MermaidText(s))
		}
	}
	if err := quick.Check(quoted, nil); err != nil {
		t.Error(err)
	}
}
