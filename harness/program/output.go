package program

import (
	"bytes"
	"fmt"
	"io"
	"regexp"
	"strings"
	"sync"
)

const (
	// mostLine is how much of a line is kept, and mostKept how much of all output, in
	// bytes.
	mostLine = 1 << 10
	mostKept = 8 << 10
	// toldLines is how many lines an error quotes.
	toldLines = 6
	// mostOutput is how much a program may print in all, in bytes: who prints more spends
	// its time on that.
	mostOutput = 16 << 20
)

// Output takes what a program prints, and keeps the last of it.
type Output struct {
	mu      sync.Mutex // guards all
	kept    [][]byte   // whole lines, without their newlines
	size    int        // of kept
	line    []byte     // what has come of the last line
	total   uint64     // bytes
	awaited *regexp.Regexp
	matched bool
	flooded func() // called once there is more than mostOutput
}

// Write never blocks and never fails.
func (o *Output) Write(p []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	n := len(p)
	before := o.total
	o.total += uint64(n)
	if before <= mostOutput && o.total > mostOutput && o.flooded != nil {
		o.flooded()
	}
	if len(p) > mostKept && (o.awaited == nil || o.matched) {
		// Of a flood the end is enough.
		o.line, p = nil, p[len(p)-mostKept:]
	}
	for len(p) > 0 {
		piece, rest, whole := bytes.Cut(p, []byte("\n"))
		o.line = append(o.line, piece[:min(len(piece), mostLine-len(o.line))]...)
		if whole {
			o.keep()
		}
		p = rest
	}
	return n, nil
}

// keep makes the last line one of those that are kept.
func (o *Output) keep() {
	line := bytes.TrimRight(o.line, "\r")
	o.line = nil
	if o.awaited != nil && !o.matched {
		o.matched = o.awaited.Match(line)
	}
	if len(line) == 0 {
		return
	}
	o.kept = append(o.kept, line)
	o.size += len(line)
	for o.size > mostKept {
		o.size -= len(o.kept[0])
		o.kept = o.kept[1:]
	}
}

// Matched reports whether a line has come that was waited for.
func (o *Output) Matched() bool {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.awaited == nil || o.matched || o.awaited.Match(o.line)
}

// Last quotes the last lines in one line of printable text.
func (o *Output) Last() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	lines := o.kept
	if len(o.line) > 0 {
		lines = append(lines[:len(lines):len(lines)], o.line)
	}
	if len(lines) == 0 {
		return "it printed nothing"
	}
	if n := len(lines) - toldLines; n > 0 {
		lines = lines[n:]
	}
	text := strings.Map(func(r rune) rune {
		if r < ' ' || r == 0x7f {
			return ' '
		}
		return r
	}, strings.ToValidUTF8(string(bytes.Join(lines, []byte(" | "))), "?"))
	return fmt.Sprintf("its last lines: %s", text)
}

var _ io.Writer = (*Output)(nil)
