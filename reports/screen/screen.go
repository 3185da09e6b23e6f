// Package screen reports what a reader's terminal can show: its width, colours and
// characters. It also fits text to that.
package screen

import (
	"io"
	"math"
	"os"
	"slices"
	"strings"

	"github.com/clipperhouse/displaywidth"
	"github.com/mattn/go-isatty"
	"golang.org/x/sys/unix"

	"tunbench/reports/text"
)

// Screen is what text is written to. The zero value is a file: lines of any width,
// no colours, UTF-8.
type Screen struct {
	Columns int  // 0: any
	Rows    int  // 0: any
	Live    bool // a line can be redrawn
	Colour  bool
	ASCII   bool // the locale has no other characters
}

// usual is the assumed width of a terminal that does not report one, in columns.
const usual = 80

// Of reports what w can show. The width is that of the terminal at the time of the
// call.
//
// CI and TERM=dumb mean a log that only looks like a terminal: nothing is coloured
// and no line is redrawn. NO_COLOR, if not empty, forbids colours
// (no-color.org).
func Of(w io.Writer) Screen {
	f, ok := w.(*os.File)
	if !ok || !isatty.IsTerminal(f.Fd()) {
		return Screen{}
	}
	s := Screen{Columns: usual, ASCII: !utf8Locale(os.Getenv)}
	if size, err := unix.IoctlGetWinsize(int(f.Fd()), unix.TIOCGWINSZ); err == nil && size.Col > 0 {
		s.Columns, s.Rows = int(size.Col), int(size.Row)
	}
	s.Live = os.Getenv("CI") == "" && !slices.Contains([]string{"", "dumb"}, os.Getenv("TERM"))
	s.Colour = s.Live && os.Getenv("NO_COLOR") == ""
	return s
}

// utf8Locale reports whether the locale asks for UTF-8. The first of the variables
// that is set decides (POSIX, 8.2).
func utf8Locale(getenv func(string) string) bool {
	for _, name := range []string{"LC_ALL", "LC_CTYPE", "LANG"} {
		if v := getenv(name); v != "" {
			v = strings.ToLower(v)
			return strings.Contains(v, "utf-8") || strings.Contains(v, "utf8")
		}
	}
	return false
}

// Tone is why a piece of text stands out.
type Tone int

const (
	Plain   Tone = iota
	Good         // nothing to do
	Caution      // to be read with care
	Bad          // not to be used, or worse than before
	Strong       // a heading
	Faint        // of minor interest
)

// sgr are colours of the terminal's own palette, which suit its background.
var sgr = map[Tone]string{Good: "32", Caution: "33", Bad: "31", Strong: "1", Faint: "2"}

// Paint gives text its tone.
func (s Screen) Paint(t Tone, text string) string {
	if code := sgr[t]; s.Colour && code != "" && text != "" {
		return "\x1b[" + code + "m" + text + "\x1b[0m"
	}
	return text
}

// ascii maps each character of tunbench's texts to an ASCII character as wide.
var ascii = map[rune]rune{
	'–': '-', '−': '-', '×': 'x', 'µ': 'u', '…': '~', '±': '~', '≤': '<', '≥': '>', '→': '>', '\u00a0': ' ', '“': '"', '”': '"', '’': '\'',
}

// Text is text in the characters that s can show.
func (s Screen) Text(text string) string {
	if !s.ASCII {
		return text
	}
	return strings.Map(func(r rune) rune {
		if r < 0x80 {
			return r
		}
		if same, ok := ascii[r]; ok {
			return same
		}
		return '?'
	}, text)
}

// Width is how many columns text takes. text must hold no colours.
func Width(text string) int { return displaywidth.String(text) }

// Clip shortens text to that many columns. It cuts the middle, since names differ
// at their ends.
func (s Screen) Clip(text string, columns int) string {
	if Width(text) <= columns {
		return text
	}
	dots := s.Text("…")
	room := columns - Width(dots)
	if room < 1 {
		return displaywidth.TruncateString(text, max(columns, 0), "")
	}
	head := displaywidth.TruncateString(text, (room+1)/2, "")
	tail := reversed(displaywidth.TruncateString(reversed(text), room-Width(head), ""))
	return head + dots + tail
}

// reversed is text with its characters (graphemes) in reverse order.
func reversed(text string) string {
	var parts []string
	for g := displaywidth.StringGraphemes(text); g.Next(); {
		parts = append(parts, g.Value())
	}
	slices.Reverse(parts)
	return strings.Join(parts, "")
}

// Wrap breaks text between words into lines of at most that many columns, or not at
// all if columns is 0. All lines but the first begin with indent. A word longer than
// that has a line of its own.
func Wrap(text string, columns int, indent string) (lines []string) {
	line := ""
	for word := range strings.FieldsSeq(text) {
		switch {
		case line == "":
			line = word
		case columns > 0 && Width(line)+1+Width(word) > columns:
			lines = append(lines, line)
			line = indent + word
		default:
			line += " " + word
		}
	}
	return append(lines, line)
}

// asciiBars stand for text.Bars where there are no other characters.
var asciiBars = []rune(".:-=+*#@")

// nothing is drawn for a value of 0.
const nothing = '_'

// Spark draws values in at most that many columns, from 0 to the highest: steady
// values are a straight line, and a stall is a hole. Neighbours share a column by
// their mean where there are more. What is below 0, or no number, counts as 0.
func (s Screen) Spark(values []float64, columns int) string {
	if len(values) == 0 || columns < 1 {
		return ""
	}
	n := min(columns, len(values))
	cells := make([]float64, n)
	for i := range cells {
		part := values[i*len(values)/n : (i+1)*len(values)/n]
		for _, v := range part {
			if v > 0 && !math.IsInf(v, 1) {
				cells[i] += v / float64(len(part))
			}
		}
	}
	bars := text.Bars
	if s.ASCII {
		bars = asciiBars
	}
	top := slices.Max(cells)
	var b strings.Builder
	for _, v := range cells {
		if v == 0 {
			b.WriteRune(nothing)
			continue
		}
		b.WriteRune(text.Bar(bars, v/top))
	}
	return b.String()
}
