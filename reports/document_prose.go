package reports

import (
	"fmt"
	"strings"
)

// prose is text in pieces. No piece is escaped: renderers do that.
type prose []piece

type piece struct {
	text string
	look look
}

type look int

const (
	plain look = iota
	code
	strong
)

// say builds prose of strings and pieces.
func say(parts ...any) prose {
	var p prose
	for _, part := range parts {
		switch v := part.(type) {
		case string:
			p = append(p, piece{text: v})
		case piece:
			p = append(p, v)
		case prose:
			p = append(p, v...)
		default:
			p = append(p, piece{text: fmt.Sprint(v)})
		}
	}
	return p
}

func mono(s string) piece { return piece{s, code} }

func bold(s string) piece { return piece{s, strong} }

// plainText is p without its looks.
func plainText(p prose) string {
	var b strings.Builder
	for _, piece := range p {
		b.WriteString(printable(piece.text))
	}
	return b.String()
}
