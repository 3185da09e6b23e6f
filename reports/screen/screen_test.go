package screen

import (
	"math"
	"os"
	"strings"
	"testing"
	"testing/quick"
	"unicode/utf8"
)

func TestOfFile(t *testing.T) {
	f, err := os.Create(t.TempDir() + "/x")
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if got := Of(f); got != (Screen{}) {
		t.Errorf("a file: %+v", got)
	}
	if got := Of(&strings.Builder{}); got != (Screen{}) {
		t.Errorf("no file: %+v", got)
	}
}

func TestUTF8Locale(t *testing.T) {
	for _, test := range []struct {
		env  map[string]string
		want bool
	}{
		{nil, false},
		{map[string]string{"LANG": "C"}, false},
		{map[string]string{"LANG": "en_US.UTF-8"}, true},
		{map[string]string{"LANG": "C.utf8"}, true},
		{map[string]string{"LANG": "de_DE.UTF-8", "LC_ALL": "C"}, false},
		{map[string]string{"LANG": "C", "LC_CTYPE": "C.UTF-8"}, true},
		{map[string]string{"LANG": "ja_JP.eucJP"}, false},
	} {
		if got := utf8Locale(func(name string) string { return test.env[name] }); got != test.want {
			t.Errorf("%v: %v, want %v", test.env, got, test.want)
		}
	}
}

func TestPaint(t *testing.T) {
	if got := (Screen{Colour: true}).Paint(Bad, "x"); got != "\x1b[31mx\x1b[0m" {
		t.Errorf("got %q", got)
	}
	for _, got := range []string{(Screen{}).Paint(Bad, "x"), (Screen{Colour: true}).Paint(Plain, "x")} {
		if got != "x" {
			t.Errorf("got %q", got)
		}
	}
}

func TestSpark(t *testing.T) {
	for _, test := range []struct {
		on      Screen
		values  []float64
		columns int
		want    string
	}{
		{Screen{}, []float64{5, 5, 5}, 9, "███"},
		{Screen{}, []float64{0, 1, 4, 8}, 9, "_▂▅█"},
		{Screen{ASCII: true}, []float64{0, 1, 4, 8}, 9, "_:+@"},
		{Screen{}, []float64{8, 8, 0, 0}, 2, "█_"},
		{Screen{}, []float64{8, 0, 8, 8}, 2, "▅█"},
		{Screen{}, []float64{math.NaN(), math.Inf(1), -1, 2}, 9, "___█"},
		{Screen{}, []float64{0, 0}, 9, "__"},
		{Screen{}, nil, 9, ""},
		{Screen{}, []float64{1}, 0, ""},
	} {
		if got := test.on.Spark(test.values, test.columns); got != test.want {
			t.Errorf("%v in %d columns: %q, want %q", test.values, test.columns, got, test.want)
		}
	}
}

func TestClip(t *testing.T) {
	for _, test := range []struct {
		text    string
		columns int
		want    string
	}{
		{"abcdef", 6, "abcdef"}, {"abcdefgh", 6, "abc…gh"}, {"abcdef", 1, "a"}, {"abcdef", 0, ""}, {"abcdef", -1, ""},
		{"日本語日本語", 8, "日本…語"},
	} {
		if got := (Screen{}).Clip(test.text, test.columns); got != test.want {
			t.Errorf("%q in %d columns: %q, want %q", test.text, test.columns, got, test.want)
		}
	}
}

// Whatever the text, what is made of it fits, and is ASCII where that is all
// there is.
func TestFits(t *testing.T) {
	holds := func(text string, columns uint8, ascii bool, values []float64) bool {
		on := Screen{ASCII: ascii}
		clipped := on.Clip(on.Text(text), int(columns))
		spark := on.Spark(values, int(columns))
		plain := !ascii || !strings.ContainsFunc(clipped+spark, func(r rune) bool { return r > 0x7f })
		return Width(clipped) <= int(columns) && utf8.RuneCountInString(spark) <= int(columns) && plain
	}
	if err := quick.Check(holds, nil); err != nil {
		t.Error(err)
	}
}

func TestWrap(t *testing.T) {
	words := func(text string, columns uint8) bool {
		const indent = "  "
		var all []string
		for i, line := range Wrap(text, int(columns), indent) {
			if i > 0 && !strings.HasPrefix(line, indent) {
				return false
			}
			own := strings.Fields(line)
			if columns > 0 && Width(line) > int(columns) && len(own) > 1 {
				return false
			}
			all = append(all, own...)
		}
		return strings.Join(all, " ") == strings.Join(strings.Fields(text), " ")
	}
	if err := quick.Check(words, nil); err != nil {
		t.Error(err)
	}
	if got := strings.Join(Wrap("aa bb cc dd", 5, " "), "|"); got != "aa bb| cc| dd" {
		t.Errorf("got %q", got)
	}
}
