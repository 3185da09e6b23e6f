package suite

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"regexp"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"

	"go.yaml.in/yaml/v3"
)

// source is a YAML file by its name. It is read as nodes, not structs, since only
// nodes know their lines.
type source struct{ file string }

func (s source) errorf(line int, format string, args ...any) error {
	return fmt.Errorf("%s:%d: %w", s.file, line, fmt.Errorf(format, args...))
}

// yamlLine finds the line in an error of package yaml, which has no type for it.
var yamlLine = regexp.MustCompile(`^(?:yaml: )?line (\d+): `)

// syntaxError is err, of the parser of written.
func (s source) syntaxError(err error, written []byte) error {
	text := err.Error()
	line := 1
	if m := yamlLine.FindStringSubmatch(text); m != nil {
		line, _ = strconv.Atoi(m[1])
		text = text[len(m[0]):]
	}
	// The parser gives the line of the element that it was reading, which may be one
	// above the mistake.
	hint := ""
	if unquoted.Match(written) {
		hint = `: put a limit that begins with > in quotes, like pps: "> 300k"`
	}
	return s.errorf(line, "not YAML, here or just below: %s%s", strings.TrimPrefix(text, "yaml: "), hint)
}

// unquoted is a limit that YAML takes for the beginning of a text of several lines.
var unquoted = regexp.MustCompile(`: *>=? *[0-9]`)

// readable refuses bytes and characters that YAML does not allow: package yaml does, too,
// but without the line. UTF-16, which begins with a byte order mark, is left to it.
func (s source) readable(text []byte) error {
	if bytes.HasPrefix(text, []byte("\xff\xfe")) || bytes.HasPrefix(text, []byte("\xfe\xff")) {
		return nil
	}
	line := 1
	for rest := text; len(rest) > 0; {
		r, size := utf8.DecodeRune(rest)
		switch {
		case r == utf8.RuneError && size == 1:
			return s.errorf(line, "the byte %#02x is no UTF-8: save the file as UTF-8", rest[0])
		case r == '\n':
			line++
		case r == '\t', r == '\r', r == 0x85:
		case unicode.IsControl(r):
			return s.errorf(line, "the control character %U is not allowed: take it out", r)
		}
		rest = rest[size:]
	}
	return nil
}

// document returns the root node of the only document in text.
func (s source) document(text []byte) (*yaml.Node, error) {
	if err := s.readable(text); err != nil {
		return nil, err
	}
	dec := yaml.NewDecoder(bytes.NewReader(text))
	var doc, second yaml.Node
	if err := dec.Decode(&doc); errors.Is(err, io.EOF) {
		return nil, s.errorf(1, "the file is empty")
	} else if err != nil {
		return nil, s.syntaxError(err, text)
	}
	if err := dec.Decode(&second); err == nil {
		return nil, s.errorf(second.Line, "a second document: a file holds one suite")
	} else if !errors.Is(err, io.EOF) {
		return nil, s.syntaxError(err, text)
	}
	return doc.Content[0], nil
}

// mapping calls each for every pair of node. what names node in errors.
func (s source) mapping(node *yaml.Node, what string, each func(key, value *yaml.Node) error) error {
	if node.Kind != yaml.MappingNode {
		return s.errorf(node.Line, "want %s as `key: value` pairs", what)
	}
	seen := make(map[string]bool)
	for i := 0; i < len(node.Content); i += 2 {
		key, value := node.Content[i], node.Content[i+1]
		if key.Kind != yaml.ScalarNode {
			return s.errorf(key.Line, "a key must be a plain word")
		}
		if seen[key.Value] {
			return s.errorf(key.Line, "key %q is given twice", key.Value)
		}
		seen[key.Value] = true
		if err := each(key, value); err != nil {
			return err
		}
	}
	return nil
}

// scalar returns the text of a scalar as it was written: `off` stays off.
func (s source) scalar(key string, node *yaml.Node) (string, error) {
	switch {
	case node.Kind == yaml.AliasNode:
		return "", s.errorf(node.Line, "%s: aliases are not read here: write the value out", key)
	case node.Kind != yaml.ScalarNode:
		return "", s.errorf(node.Line, "%s: want a single value", key)
	case node.ShortTag() == "!!null":
		return "", s.errorf(node.Line, "%s: the value is missing", key)
	}
	return node.Value, nil
}
