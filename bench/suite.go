package bench

import (
	"bytes"
	"embed"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"go.yaml.in/yaml/v3"

	"tunbench/harness/spec"
)

//go:embed suites/*.yaml
var embedded embed.FS

// Bounds of what a suite file may ask for.
const (
	MaxPairs     = 1000
	maxScenarios = 4096
	maxDuration  = time.Hour
	maxFileSize  = 1 << 20
)

// Suite is a list of scenarios with its timing.
type Suite struct {
	Name  string
	File  string // absolute path; "" if it is built in
	About string
	Pairs int // of trials, one an arm, for each scenario
	// Scenarios have the suite's warm-up, measured time and window in their
	// Spec.
	Scenarios []Scenario
}

// SuiteNames lists the suites that are built in.
func SuiteNames() []string {
	entries, err := fs.ReadDir(embedded, "suites")
	if err != nil {
		panic(err) // the folder is compiled in
	}
	var names []string
	for _, e := range entries {
		names = append(names, strings.TrimSuffix(e.Name(), ".yaml"))
	}
	slices.Sort(names)
	return names
}

// LoadSuite returns the built-in suite of that name, or reads the file if
// name is a path or ends in .yaml or .yml.
func LoadSuite(name string) (*Suite, error) {
	ext := filepath.Ext(name)
	if strings.ContainsRune(name, filepath.Separator) || ext == ".yaml" || ext == ".yml" {
		f, err := os.Open(name)
		if err != nil {
			return nil, fmt.Errorf("open suite: %w", err)
		}
		defer f.Close()
		text, err := io.ReadAll(io.LimitReader(f, maxFileSize+1))
		if err != nil {
			return nil, fmt.Errorf("read suite: %w", err)
		}
		s, err := ParseSuite(name, text)
		if err != nil {
			return nil, err
		}
		if s.File, err = filepath.Abs(name); err != nil {
			return nil, fmt.Errorf("find suite %s: %w", name, err)
		}
		return s, nil
	}
	text, err := embedded.ReadFile(path.Join("suites", name+".yaml"))
	if err != nil {
		return nil, fmt.Errorf("no suite %q: choose %s, or a file whose name ends in .yaml%s",
			name, strings.Join(SuiteNames(), ", "), didYouMean(name, SuiteNames()))
	}
	return ParseSuite(name+".yaml", text)
}

// suiteKeys are the keys of a suite file.
var suiteKeys = []string{"name", "about", "pairs", "warmup", "measure", "window", "scenarios"}

// ParseSuite reads a suite file:
//
//	name: mine          # default: the file's name
//	about: one line
//	pairs: 5            # of trials for each scenario
//	warmup: 200ms       # traffic flows, nothing is measured
//	measure: 1s         # measured time of a trial, 100ms at least
//	window: 100ms       # slice of the measured time
//	scenarios:          # each block stands for the product of its lists
//	  - {queues: [1, 4], size: [64, 1500]}
//
// Every error begins with file:line. Keys, axes and values that do not exist
// are errors, as are impossible combinations; a scenario that several blocks
// make is taken once.
func ParseSuite(file string, text []byte) (*Suite, error) {
	p := suiteParser{file: file}
	if len(text) > maxFileSize {
		return nil, p.errorf(1, "the file is larger than %d bytes", maxFileSize)
	}
	root, err := p.document(text)
	if err != nil {
		return nil, err
	}
	def := spec.Default()
	s := &Suite{Name: strings.TrimSuffix(filepath.Base(file), filepath.Ext(file)), Pairs: 5}
	warmup, measure, window := def.Warmup, def.Measure, def.Window
	windowLine := root.Line
	var blocks []*yaml.Node
	err = p.mapping(root, "a suite", func(key, value *yaml.Node) error {
		switch key.Value {
		case "name":
			return p.text(key, value, &s.Name)
		case "about":
			return p.text(key, value, &s.About)
		case "pairs":
			return p.pairs(value, &s.Pairs)
		case "warmup":
			return p.duration(key, value, 0, &warmup)
		case "measure":
			return p.duration(key, value, spec.MinMeasure, &measure)
		case "window":
			windowLine = value.Line
			return p.duration(key, value, time.Millisecond, &window)
		case "scenarios":
			if value.Kind != yaml.SequenceNode || len(value.Content) == 0 {
				return p.errorf(value.Line, "scenarios: want a list of blocks, each like `- {mode: tun, size: [64, 1500]}`")
			}
			blocks = value.Content
			return nil
		}
		return p.errorf(key.Line, "no key %q: choose %s%s", key.Value, strings.Join(suiteKeys, ", "), didYouMean(key.Value, suiteKeys))
	})
	if err != nil {
		return nil, err
	}
	if blocks == nil {
		return nil, p.errorf(root.Line, "scenarios is missing: nothing to measure")
	}
	if window > measure {
		return nil, p.errorf(windowLine, "window %v is longer than measure %v", window, measure)
	}

	seen := make(map[string]bool)
	for _, node := range blocks {
		block, err := p.block(node)
		if err != nil {
			return nil, err
		}
		if block.size(maxScenarios)+len(s.Scenarios) > maxScenarios {
			return nil, p.errorf(node.Line, "more than %d scenarios: shorten the lists", maxScenarios)
		}
		for _, point := range block.points() {
			scenario, err := NewScenario(point)
			if err != nil {
				return nil, p.errorf(node.Line, "%w", err)
			}
			if seen[scenario.Name] {
				continue
			}
			seen[scenario.Name] = true
			scenario.Spec.Warmup, scenario.Spec.Measure, scenario.Spec.Window = warmup, measure, window
			s.Scenarios = append(s.Scenarios, scenario)
		}
	}
	return s, nil
}

// suiteParser walks the nodes of a suite file. It reads nodes, not structs,
// since only they know their lines.
type suiteParser struct{ file string }

func (p suiteParser) errorf(line int, format string, args ...any) error {
	return fmt.Errorf("%s:%d: %w", p.file, line, fmt.Errorf(format, args...))
}

// yamlLine finds the line in an error of package yaml, which has no type for it.
var yamlLine = regexp.MustCompile(`^(?:yaml: )?line (\d+): `)

func (p suiteParser) syntaxError(err error) error {
	text := err.Error()
	line := 1
	if m := yamlLine.FindStringSubmatch(text); m != nil {
		line, _ = strconv.Atoi(m[1])
		text = text[len(m[0]):]
	}
	// The parser gives the line of what it was in the middle of, which may be
	// one above what is wrong.
	return p.errorf(line, "not YAML, here or just below: %s", strings.TrimPrefix(text, "yaml: "))
}

// readable refuses what no line of YAML may hold: package yaml does, too, but
// does not tell the line. UTF-16, which begins with a byte order mark, is left to
// it.
func (p suiteParser) readable(text []byte) error {
	if bytes.HasPrefix(text, []byte("\xff\xfe")) || bytes.HasPrefix(text, []byte("\xfe\xff")) {
		return nil
	}
	line := 1
	for rest := text; len(rest) > 0; {
		r, size := utf8.DecodeRune(rest)
		switch {
		case r == utf8.RuneError && size == 1:
			return p.errorf(line, "the byte %#02x is no UTF-8: save the file as UTF-8", rest[0])
		case r == '\n':
			line++
		case r == '\t', r == '\r', r == 0x85:
		case unicode.IsControl(r):
			return p.errorf(line, "the control character %U is not allowed: take it out", r)
		}
		rest = rest[size:]
	}
	return nil
}

// document returns the root node of the only document in text.
func (p suiteParser) document(text []byte) (*yaml.Node, error) {
	if err := p.readable(text); err != nil {
		return nil, err
	}
	dec := yaml.NewDecoder(bytes.NewReader(text))
	var doc, second yaml.Node
	if err := dec.Decode(&doc); errors.Is(err, io.EOF) {
		return nil, p.errorf(1, "the file is empty")
	} else if err != nil {
		return nil, p.syntaxError(err)
	}
	if err := dec.Decode(&second); err == nil {
		return nil, p.errorf(second.Line, "a second document: a file holds one suite")
	} else if !errors.Is(err, io.EOF) {
		return nil, p.syntaxError(err)
	}
	return doc.Content[0], nil
}

// mapping calls each for the pairs of node; what says what node should be.
func (p suiteParser) mapping(node *yaml.Node, what string, each func(key, value *yaml.Node) error) error {
	if node.Kind != yaml.MappingNode {
		return p.errorf(node.Line, "want %s as `key: value` pairs", what)
	}
	seen := make(map[string]bool)
	for i := 0; i < len(node.Content); i += 2 {
		key, value := node.Content[i], node.Content[i+1]
		if key.Kind != yaml.ScalarNode {
			return p.errorf(key.Line, "a key must be a plain word")
		}
		if seen[key.Value] {
			return p.errorf(key.Line, "key %q is given twice", key.Value)
		}
		seen[key.Value] = true
		if err := each(key, value); err != nil {
			return err
		}
	}
	return nil
}

// scalar returns the text of a scalar as it was written: `off` stays off.
func (p suiteParser) scalar(key string, node *yaml.Node) (string, error) {
	switch {
	case node.Kind == yaml.AliasNode:
		return "", p.errorf(node.Line, "%s: aliases are not read here: write the value out", key)
	case node.Kind != yaml.ScalarNode:
		return "", p.errorf(node.Line, "%s: want a single value", key)
	case node.ShortTag() == "!!null":
		return "", p.errorf(node.Line, "%s: the value is missing", key)
	}
	return node.Value, nil
}

func (p suiteParser) text(key, node *yaml.Node, to *string) error {
	v, err := p.scalar(key.Value, node)
	if err != nil {
		return err
	}
	if v == "" || strings.ContainsFunc(v, func(r rune) bool { return r < ' ' || r == 0x7f }) {
		return p.errorf(node.Line, "%s: want one line of text", key.Value)
	}
	*to = v
	return nil
}

func (p suiteParser) pairs(node *yaml.Node, to *int) error {
	v, err := p.scalar("pairs", node)
	if err != nil {
		return err
	}
	n, err := strconv.Atoi(v)
	if err != nil || n < 1 || n > MaxPairs {
		return p.errorf(node.Line, "pairs: %s: choose 1 to %d", printable(v), MaxPairs)
	}
	*to = n
	return nil
}

func (p suiteParser) duration(key, node *yaml.Node, least time.Duration, to *time.Duration) error {
	v, err := p.scalar(key.Value, node)
	if err != nil {
		return err
	}
	d, err := time.ParseDuration(v)
	if err != nil {
		return p.errorf(node.Line, "%s: %s is not a duration: write it like 250ms or 1s", key.Value, printable(v))
	}
	if d < least || d > maxDuration {
		return p.errorf(node.Line, "%s: %s: choose %v to %v", key.Value, printable(v), least, maxDuration)
	}
	*to = d
	return nil
}

// block reads one entry of scenarios.
func (p suiteParser) block(node *yaml.Node) (Block, error) {
	block := make(Block)
	err := p.mapping(node, "a block", func(key, value *yaml.Node) error {
		a, err := axisNamed(key.Value)
		if err != nil {
			return p.errorf(key.Line, "%w", err)
		}
		nodes := []*yaml.Node{value}
		if value.Kind == yaml.SequenceNode {
			if nodes = value.Content; len(nodes) == 0 {
				return p.errorf(value.Line, "%s: the list is empty: choose from %s", a.Name, a.Allowed())
			}
		}
		for _, n := range nodes {
			v, err := p.scalar(a.Name, n)
			if err != nil {
				return err
			}
			if v, err = a.Parse(v); err != nil {
				return p.errorf(n.Line, "%w", err)
			}
			if slices.Contains(block[a.Name], v) {
				return p.errorf(n.Line, "%s=%s is given twice", a.Name, v)
			}
			block[a.Name] = append(block[a.Name], v)
		}
		return nil
	})
	return block, err
}
