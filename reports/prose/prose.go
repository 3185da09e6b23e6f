// Package prose holds what a report says: text in pieces, each with a look, and
// books of sentences. The sentences stand in text files, where they can be read
// and edited as prose; code gives them their values.
package prose

import (
	"fmt"
	"strings"
)

// Prose is text in pieces. No piece is escaped: whoever renders it does that.
type Prose []Piece

// Piece is a run of text that has one look.
type Piece struct {
	Text string
	Look Look
	// To is the page that the text links to; "" if it is no link. Only HTML shows links,
	// and a book of sentences does not keep them.
	To string
}

// Look is how a piece of text is shown.
type Look int

// The looks.
const (
	Plain Look = iota
	Code
	Strong
)

// Say joins strings, pieces and prose. Any other value is printed as fmt.Sprint
// prints it.
func Say(parts ...any) Prose {
	var p Prose
	for _, part := range parts {
		switch v := part.(type) {
		case string:
			p = append(p, Piece{Text: v})
		case Piece:
			p = append(p, v)
		case Prose:
			p = append(p, v...)
		default:
			p = append(p, Piece{Text: fmt.Sprint(v)})
		}
	}
	return p
}

// Mono is a piece of code: a name, a command, a value that is typed.
func Mono(s string) Piece { return Piece{Text: s, Look: Code} }

// Bold is a piece that stands out.
func Bold(s string) Piece { return Piece{Text: s, Look: Strong} }

// Link is text that links to another page, which lies beside the one that it stands on.
func Link(s, to string) Piece { return Piece{Text: s, To: to} }

// String is the text without its looks.
func (p Prose) String() string {
	var b strings.Builder
	for _, piece := range p {
		b.WriteString(piece.Text)
	}
	return b.String()
}
