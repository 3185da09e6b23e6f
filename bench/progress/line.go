package progress

import (
	"fmt"
	"io"

	"tunbench/reports/screen"
)

// line is a line on a terminal that is redrawn in place, with lines that stay above it.
// If there is no terminal, only lines that stay are written.
type line struct {
	w     io.Writer
	look  func() screen.Screen // asked each time: a window changes its size
	live  bool                 // w is a terminal on which to draw
	drawn bool                 // there is a live line
}

func newLine(w io.Writer, quiet bool) line {
	l := line{w: w, look: func() screen.Screen { return screen.Of(w) }}
	l.live = !quiet && l.look().Live
	return l
}

// A line is written in one call, so that it is drawn at once: it overwrites the old line
// and erases what is left of that, so that nothing flickers. The cursor is hidden only
// within the call: it stays visible whatever ends the process, even a signal that cannot
// be caught.
const (
	hideCursor = "\x1b[?25l"
	showCursor = "\x1b[?25h"
	eraseRest  = "\x1b[K"
)

// put redraws the live line.
func (l *line) put(text string) {
	fmt.Fprint(l.w, hideCursor+"\r"+text+eraseRest+showCursor)
	l.drawn = true
}

// keep writes a line that stays, above the live one.
func (l *line) keep(text string) {
	if l.live {
		fmt.Fprint(l.w, "\r"+text+eraseRest+"\n")
		l.drawn = false
		return
	}
	fmt.Fprintln(l.w, text)
}

// Clear removes the live line, so that something else can be printed.
func (l *line) Clear() {
	if l.drawn {
		fmt.Fprint(l.w, "\r"+eraseRest)
		l.drawn = false
	}
}

// Line is a line that is redrawn in place on a terminal, for commands with a progress of
// their own. Elsewhere only lines that stay are written.
type Line struct{ line }

// NewLine writes to w, and with quiet nothing.
func NewLine(w io.Writer, quiet bool) *Line { return &Line{newLine(w, quiet)} }

// Live reports whether the line is drawn.
func (l *Line) Live() bool { return l.live }

// Draw redraws the line, cut to the width of the terminal. The last column stays free,
// because some terminals wrap when it is written.
func (l *Line) Draw(text string) {
	on := l.look()
	l.put(on.Clip(on.Text(text), on.Columns-1))
}

// Keep writes a line that stays, above the one that is redrawn: a word and what it is about.
func (l *Line) Keep(tone screen.Tone, word, text string) {
	on := l.look()
	if text = on.Text(text); l.live {
		text = on.Clip(text, on.Columns-1-wordColumns)
	}
	l.keep(on.Paint(tone, pad(word, wordColumns)) + text)
}
