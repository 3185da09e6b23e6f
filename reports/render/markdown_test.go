package render

import (
	"testing"
)

func TestEscape(t *testing.T) {
	tests := []struct{ in, want string }{
		{"plain text, 1.5 % (a-b)", "plain text, 1.5 % (a-b)"},
		{"a|b", `a\|b`},
		{"<b>&amp;", `\<b\>\&amp;`},
		{"`x`", "\\`x\\`"},
		{"*a* _b_ ~c~ [d](e) #f $g$", `\*a\* \_b\_ \~c\~ \[d\](e) \#f \$g\$`},
		{`a\`, `a\\`},
		{"a\nb\r\n\tc", "a b   c"},
		{"\x00\x1b[2J\u202ex\u200b", "\ufffd\ufffd\\[2J\ufffdx\ufffd"},
		{"http://a www.b", `http:\//a www\.b`},
		{"\xff", "\ufffd"},
		{"ü ≥ 漢", "ü ≥ 漢"},
	}
	for _, tt := range tests {
		if got := escape(tt.in); got != tt.want {
			t.Errorf("escape(%q) = %q, want %q", tt.in, got, tt.want)
		}
	}
	for in, want := range map[string]string{
		"a=b/c": "`a=b/c`", "a`b": "<code>a\\`b</code>", "a|b": `<code>a\|b</code>`, "<&*": "`<&*`", " a": "<code> a</code>", "a\nb": "`a b`",
	} {
		if got := codeSpan(in); got != want {
			t.Errorf("codeSpan(%q) = %s, want %s", in, got, want)
		}
	}
}
