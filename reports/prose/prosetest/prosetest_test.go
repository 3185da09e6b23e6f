package prosetest

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/fstest"

	"tunbench/reports/prose"
)

const sentences = `
{{define "heading"}}Queues{{end}}
{{define "none"}}Nothing of {{template "end" .}}{{end}}
{{define "end"}}{{.What}}.{{end}}
{{define "flag a means"}}{{if gt .N 1}}many{{end}}{{range .List}}{{.}}{{end}}{{end}}
{{define "flag b means"}}{{range $i, $x := $.List}}{{$x}}{{$.N}}{{end}}{{end}}`

const code = `package x

func f() {
	book.Text("heading", nil)
	book.Say("none", prose.Values{"What": 1})
	book.Say("flag "+name+" means", prose.Values{"N": 1, "List": nil})
}`

func TestCheck(t *testing.T) {
	for _, c := range []struct{ name, text, code, want string }{
		{"nothing wrong", sentences, code, ""},
		{"no sentence", sentences, strings.Replace(code, `"heading"`, `"headings"`, 1), `no sentence "headings"`},
		{"not said", sentences + `{{define "spare"}}x{{end}}`, code, `no code says "spare"`},
		{"value missing", sentences, strings.Replace(code, `"N": 1, `, ``, 1), `"flag a means" uses the values ["List" "N"], given are ["List"]`},
		{"value too many", sentences, strings.Replace(code, `"heading", nil`, `"heading", prose.Values{"N": 1}`, 1), `uses the values [], given are ["N"]`},
		{"values not a literal", sentences, strings.Replace(code, `"heading", nil`, `"heading", v`, 1), "not a literal"},
		{"does not render", strings.Replace(sentences, "Queues", "{{slice 1 2}}", 1), code, `"heading": say heading`},
	} {
		t.Run(c.name, func(t *testing.T) {
			dir := t.TempDir()
			if err := os.WriteFile(filepath.Join(dir, "x.go"), []byte(c.code), 0o600); err != nil {
				t.Fatal(err)
			}
			book, err := prose.Read(fstest.MapFS{"x.txt": {Data: []byte(c.text)}}, "*.txt", nil)
			if err != nil {
				t.Fatal(err)
			}
			got := strings.Join(faults(t, dir, book), "\n")
			if !strings.Contains(got, c.want) || c.want == "" && got != "" {
				t.Errorf("got %q, want %q", got, c.want)
			}
		})
	}
}
