package progress

import (
	"fmt"
	"io"

	"tunbench/reports/screen"
)

// line is a line on a terminal that is drawn anew in place, and those above it.
// Where there is no terminal only lines that stay are written.
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

// What is written in one piece is drawn in one piece: the old line is written
// over, and what is left of it erased behind the new one, so that nothing
// flickers. The cursor is hidden only within: whatever ends the process, a
// signal that cannot be caught too, leaves it to be seen.
const (
	hideCursor = "\x1b[?25l"
	showCursor = "\x1b[?25h"
	eraseRest  = "\x1b[K"
)

// put draws the live line anew.
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
