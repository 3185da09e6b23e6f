package prose

import (
	"slices"
	"strings"
	"testing"
	"testing/fstest"
)

func book(t *testing.T, files ...string) (*Book, error) {
	t.Helper()
	fsys := fstest.MapFS{}
	for i, f := range files {
		fsys[string(rune('a'+i))+".txt"] = &fstest.MapFile{Data: []byte(f)}
	}
	return Read(fsys, "*.txt", map[string]any{"upper": strings.ToUpper})
}

func TestSay(t *testing.T) {
	for _, c := range []struct {
		name, text string
		values     Values
		want       Prose
	}{
		{"plain", "Nothing\n\tregressed.", nil, Prose{{Text: "Nothing regressed."}}},
		{"marks", "\n**Two words** and `code`.\n", nil, Prose{{Text: "Two words", Look: Strong}, {Text: " and "}, {Text: "code", Look: Code}, {Text: "."}}},
		{"value", "n = {{.N}}.", Values{"N": 3}, Prose{{Text: "n = 3."}}},
		{"value in a strong piece", "**{{.Name}} ended:** now", Values{"Name": "a"}, Prose{{Text: "a ended:", Look: Strong}, {Text: " now"}}},
		{"marks in a value are text", "{{.V}}", Values{"V": "**a**  `b`\n{{.C}}"}, Prose{{Text: "**a**  `b`\n{{.C}}"}}},
		{"delimiters in a value", "{{.V}}x", Values{"V": "a\x01b\x00pc"}, Prose{{Text: "a\uFFFDb\uFFFDpcx"}}},
		{"a piece keeps its look", "of {{.V}} here", Values{"V": Mono("tun0")}, Prose{{Text: "of "}, {Text: "tun0", Look: Code}, {Text: " here"}}},
		{"prose", "{{.V}}.", Values{"V": Say("a ", Bold("b"))}, Prose{{Text: "a "}, {Text: "b", Look: Strong}, {Text: "."}}},
		{"list", "{{range $i, $s := .L}}{{if $i}}, {{end}}{{$s}}{{else}}none{{end}}", Values{"L": []any{"a", Mono("b")}}, Prose{{Text: "a, "}, {Text: "b", Look: Code}}},
		{"empty list", "{{range .L}}{{.}}{{else}}none{{end}}", Values{"L": []string(nil)}, Prose{{Text: "none"}}},
		{"empty value", "a{{.V}}b", Values{"V": ""}, Prose{{Text: "ab"}}},
		{"function", "{{upper .V}} **{{.V | upper}}**", Values{"V": "x"}, Prose{{Text: "X "}, {Text: "X", Look: Strong}}},
		{"variable", "{{$v := .V}}{{with $v}}{{.}}{{end}}", Values{"V": "*"}, Prose{{Text: "*"}}},
		{"nothing", " \n", nil, nil},
	} {
		t.Run(c.name, func(t *testing.T) {
			b, err := book(t, `{{define "s"}}`+c.text+`{{end}}`)
			if err != nil {
				t.Fatal(err)
			}
			if got := b.Say("s", c.values); !slices.Equal(got, c.want) {
				t.Errorf("got %q, want %q", got, c.want)
			}
		})
	}
}

func TestSentenceInASentence(t *testing.T) {
	b, err := book(t, `{{define "a"}}{{template "b" .}}!{{end}}`, `{{define "b"}}**{{.V}}**{{end}}`)
	if err != nil {
		t.Fatal(err)
	}
	if got, want := b.Say("a", Values{"V": "`"}), (Prose{{Text: "`", Look: Strong}, {Text: "!"}}); !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
	if got := b.Names(); !slices.Equal(got, []string{"a", "b"}) {
		t.Errorf("names: %q", got)
	}
	if got := b.Text("b", Values{"V": "x"}); got != "x" {
		t.Errorf("text: %q", got)
	}
}

func TestMistakesAreNamed(t *testing.T) {
	for name, files := range map[string][]string{
		"outside":         {`stray {{define "a"}}x{{end}}`},
		"in another file": {`{{define "a"}}x{{end}}`, `{{define "a"}}y{{end}}`},
		"unexpected":      {`{{define "a"}}{{if}}{{end}}`},
		"no file":         {},
		"not defined":     {`{{define "a"}}{{lower .V}}{{end}}`},
	} {
		if _, err := book(t, files...); err == nil || !strings.Contains(err.Error(), name) && name != "unexpected" {
			t.Errorf("%s: %v", name, err)
		}
	}
	b, err := book(t, `{{define "a"}}{{.Missing}}{{end}}`)
	if err != nil {
		t.Fatal(err)
	}
	for name, values := range map[string]Values{"a": {"V": 1}, "b": nil} {
		func() {
			defer func() {
				if got, _ := recover().(string); !strings.Contains(got, "say "+name) {
					t.Errorf("%s: panic %q", name, got)
				}
			}()
			b.Say(name, values)
		}()
	}
}

func FuzzValues(f *testing.F) {
	f.Add("**a** `b`", "\x00p\x01")
	b := Must(Read(fstest.MapFS{"a.txt": {Data: []byte(`{{define "s"}}x **{{.A}}** {{.B}}{{end}}`)}}, "*.txt", nil))
	f.Fuzz(func(t *testing.T, v, w string) {
		clean := strings.NewReplacer("\x00", "\uFFFD", "\x01", "\uFFFD")
		p := b.Say("s", Values{"A": v, "B": w})
		want := "x"
		for _, value := range []string{v, w} {
			if value != "" { // white space around nothing is one space
				want += " " + clean.Replace(value)
			}
		}
		if p.String() != want {
			t.Errorf("got %q, want %q", p.String(), want)
		}
	})
}
