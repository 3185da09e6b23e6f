package document

import (
	"fmt"
	"strings"

	"tunbench/reports/text"
)

// Prose is text in pieces. No piece is escaped: renderers do that.
type Prose []piece

type piece struct {
	Text string
	Look look
}

type look int

const (
	Plain look = iota
	Code
	Strong
)

// Say builds prose of strings and pieces.
func Say(parts ...any) Prose {
	var p Prose
	for _, part := range parts {
		switch v := part.(type) {
		case string:
			p = append(p, piece{Text: v})
		case piece:
			p = append(p, v)
		case Prose:
			p = append(p, v...)
		default:
			p = append(p, piece{Text: fmt.Sprint(v)})
		}
	}
	return p
}

func Mono(s string) piece { return piece{s, Code} }

func Bold(s string) piece { return piece{s, Strong} }

// PlainText is p without its looks.
func PlainText(p Prose) string {
	var b strings.Builder
	for _, piece := range p {
		b.WriteString(text.Printable(piece.Text))
	}
	return b.String()
}
