package prose

import (
	"fmt"
	"io/fs"
	"maps"
	"slices"
	"strings"
	"text/template"
	"text/template/parse"
)

// Book holds sentences by name, read from files of text/template:
//
//	{{define "interrupted"}}
//	**{{.Name}} was interrupted:** it has no end record. What was
//	finished is compared; see {{.File}}.
//	{{end}}
//
// In the text of a file, **two asterisks** make a piece strong and `backquotes`
// make it code, and any white space is one space, so that lines may be broken
// anywhere. A value stays as it is: what looks like a mark in it is text.
type Book struct {
	sentences *template.Template
}

// Values are what a sentence is said of: strings, numbers, pieces, prose, or
// lists of these.
type Values map[string]any

// Read reads the files of fsys that match pattern. funcs are what the sentences
// may call, beside the functions of text/template. It is an error if a file
// cannot be parsed, if two sentences have one name, or if text stands outside
// of a sentence.
func Read(fsys fs.FS, pattern string, funcs map[string]any) (*Book, error) {
	files, err := fs.Glob(fsys, pattern)
	if err != nil {
		return nil, fmt.Errorf("read sentences: %w", err)
	}
	if len(files) == 0 {
		return nil, fmt.Errorf("read sentences: no file matches %s", pattern)
	}
	b := &Book{sentences: template.New("").Option("missingkey=error").Funcs(funcs).Funcs(map[string]any{"piece": piece})}
	for _, file := range files {
		if err := b.add(fsys, file); err != nil {
			return nil, err
		}
	}
	return b, nil
}

func (b *Book) add(fsys fs.FS, file string) error {
	text, err := fs.ReadFile(fsys, file)
	if err != nil {
		return fmt.Errorf("read sentences: %w", err)
	}
	of, err := template.Must(b.sentences.Clone()).New(file).Parse(string(text))
	if err != nil {
		return fmt.Errorf("read sentences: %w", err)
	}
	if strings.TrimSpace(of.Root.String()) != "" {
		return fmt.Errorf("read sentences: %s: text outside of a sentence: %.40q", file, strings.TrimSpace(of.Root.String()))
	}
	for _, t := range of.Templates() {
		if t.Tree == nil || t.Tree.ParseName != file || t.Name() == file {
			continue
		}
		if b.sentences.Lookup(t.Name()) != nil {
			return fmt.Errorf("read sentences: %s: %q is in another file too", file, t.Name())
		}
		mark(t.Root)
		if _, err := b.sentences.AddParseTree(t.Name(), t.Tree); err != nil {
			return fmt.Errorf("read sentences: %s: %w", file, err)
		}
	}
	return nil
}

// Must is for books that are part of the program: it panics if err is not nil.
func Must(b *Book, err error) *Book {
	if err != nil {
		panic(err)
	}
	return b
}

// Names gives the names of all sentences, sorted.
func (b *Book) Names() []string {
	var names []string
	for _, t := range b.sentences.Templates() {
		if t.Name() != "" {
			names = append(names, t.Name())
		}
	}
	slices.Sort(names)
	return names
}

// Has reports whether the book has a sentence of that name.
func (b *Book) Has(name string) bool { return b.sentences.Lookup(name) != nil }

// Needs names the values that a sentence uses, and the sentences that it
// includes, both sorted. The values of an included sentence are needed too.
func (b *Book) Needs(name string) (values, included []string) {
	n := needs{book: b, values: map[string]bool{}, included: map[string]bool{}}
	n.sentence(name)
	return slices.Sorted(maps.Keys(n.values)), slices.Sorted(maps.Keys(n.included))
}

// Say gives the sentence of that name, said of values. A name that the book does
// not have, or a value that the sentence lacks, is a mistake of the program: Say
// panics and names it.
func (b *Book) Say(name string, values Values) Prose {
	var text strings.Builder
	if err := b.sentences.ExecuteTemplate(&text, name, map[string]any(values)); err != nil {
		panic(fmt.Sprintf("say %s: %v", name, err))
	}
	return set(text.String())
}

// Text is Say without looks.
func (b *Book) Text(name string, values Values) string { return b.Say(name, values).String() }

// mark sends each value that a sentence prints through piece.
func mark(n parse.Node) {
	switch n := n.(type) {
	case *parse.ListNode:
		if n != nil {
			for _, child := range n.Nodes {
				mark(child)
			}
		}
	case *parse.IfNode:
		mark(n.List)
		mark(n.ElseList)
	case *parse.RangeNode:
		mark(n.List)
		mark(n.ElseList)
	case *parse.WithNode:
		mark(n.List)
		mark(n.ElseList)
	case *parse.ActionNode:
		if len(n.Pipe.Decl) == 0 {
			n.Pipe.Cmds = append(n.Pipe.Cmds, &parse.CommandNode{
				NodeType: parse.NodeCommand, Pos: n.Pos,
				Args: []parse.Node{parse.NewIdentifier("piece").SetPos(n.Pos)},
			})
		}
	}
}

// A value in the text of a sentence stands between opening and closing, its look
// before it.
const (
	opening = '\x00'
	closing = '\x01'
)

var lookLetter = map[Look]string{Plain: "p", Code: "c", Strong: "s"}

// unmarked replaces what would end a value.
var unmarked = strings.NewReplacer(string(opening), "\uFFFD", string(closing), "\uFFFD")

// piece writes a value so that set finds it again.
func piece(value any) string {
	var b strings.Builder
	for _, p := range Say(value) {
		b.WriteRune(opening)
		b.WriteString(lookLetter[p.Look])
		b.WriteString(unmarked.Replace(p.Text))
		b.WriteRune(closing)
	}
	return b.String()
}

// set turns the text of a sentence into pieces.
func set(text string) Prose {
	s := setter{}
	for i := 0; i < len(text); {
		switch rest := text[i:]; {
		case rest[0] == opening:
			end := strings.IndexRune(rest, closing)
			s.value(rest[1:2], rest[2:end])
			i += end + 1
		case strings.HasPrefix(rest, "**"):
			s.toggle(Strong)
			i += 2
		case rest[0] == '`':
			s.toggle(Code)
			i++
		case strings.ContainsRune(" \t\r\n", rune(rest[0])):
			s.blank()
			i++
		default:
			s.write(rest[:1], s.look)
			i++
		}
	}
	return s.p
}

// setter adds text to prose.
type setter struct {
	p     Prose
	look  Look // of the text between two marks
	space bool // white space was seen that is not written yet
	gap   Look // of that space: a space before a mark is outside of it
}

func (s *setter) toggle(l Look) {
	if s.look == l {
		s.look = Plain
		return
	}
	s.look = l
}

func (s *setter) blank() {
	if !s.space {
		s.space, s.gap = true, s.look
	}
}

func (s *setter) value(letter, text string) {
	look := s.look
	switch letter {
	case lookLetter[Code]:
		look = Code
	case lookLetter[Strong]:
		look = Strong
	}
	if text != "" {
		s.write(text, look)
	}
}

// flush writes the space that is due, but none at the beginning.
func (s *setter) flush() {
	if s.space && len(s.p) > 0 {
		s.add(" ", s.gap)
	}
	s.space = false
}

func (s *setter) write(text string, look Look) {
	s.flush()
	s.add(text, look)
}

func (s *setter) add(text string, look Look) {
	if n := len(s.p); n > 0 && s.p[n-1].Look == look {
		s.p[n-1].Text += text
		return
	}
	s.p = append(s.p, Piece{Text: text, Look: look})
}
