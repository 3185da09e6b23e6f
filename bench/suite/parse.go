package suite

import (
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"go.yaml.in/yaml/v3"
)

// keys are those of a suite file.
var keys = []string{"name", "about", "pairs", "warmup", "measure", "window", "scenarios"}

// Parse reads a suite file:
//
//	name: mine          # default: the file's name
//	about: one line
//	pairs: 5            # of trials for each scenario
//	warmup: 200ms       # traffic flows, nothing is measured
//	measure: 1s         # measured time of a trial, 100ms at least
//	window: 40ms        # slice of the measured time
//	scenarios:          # each block stands for the product of its lists
//	  - {queues: [1, 4], size: [64, 1500]}
//
// Every error begins with file:line. Keys, axes and values that do not exist
// are errors, as are scenarios that possible refuses; a scenario that several
// blocks make is taken once.
func Parse(file string, text []byte, possible Check) (*Suite, error) {
	p := parser{source: source{file}, possible: possible, seen: map[string]bool{}}
	if len(text) > maxFileSize {
		return nil, p.errorf(1, "the file is larger than %d bytes", maxFileSize)
	}
	root, err := p.document(text)
	if err != nil {
		return nil, err
	}
	s := &Suite{Name: strings.TrimSuffix(filepath.Base(file), filepath.Ext(file)), Pairs: 5}
	timing, blocks, err := p.suite(root, s)
	if err != nil {
		return nil, err
	}
	for _, node := range blocks {
		if err := p.add(s, node, timing); err != nil {
			return nil, err
		}
	}
	return s, nil
}

// parser reads a suite from the nodes of its file.
type parser struct {
	source
	possible Check
	seen     map[string]bool // names of the scenarios so far
}

// suite reads the keys of a suite into s, and returns its timing and the nodes of
// its blocks.
func (p parser) suite(root *yaml.Node, s *Suite) (timing Timing, blocks []*yaml.Node, err error) {
	timing = DefaultTiming
	windowLine := root.Line
	err = p.mapping(root, "a suite", func(key, value *yaml.Node) error {
		switch key.Value {
		case "name":
			return p.text(key, value, &s.Name)
		case "about":
			return p.text(key, value, &s.About)
		case "pairs":
			return p.pairs(value, &s.Pairs)
		case "warmup":
			return p.duration(key, value, 0, &timing.Warmup)
		case "measure":
			return p.duration(key, value, MinMeasure, &timing.Measure)
		case "window":
			windowLine = value.Line
			return p.duration(key, value, time.Millisecond, &timing.Window)
		case "scenarios":
			if value.Kind != yaml.SequenceNode || len(value.Content) == 0 {
				return p.errorf(value.Line, "scenarios: want a list of blocks, each like `- {mode: tun, size: [64, 1500]}`")
			}
			blocks = value.Content
			return nil
		}
		return p.errorf(key.Line, "no key %q: choose %s%s", key.Value, strings.Join(keys, ", "), didYouMean(key.Value, keys))
	})
	switch {
	case err != nil:
		return timing, nil, err
	case blocks == nil:
		return timing, nil, p.errorf(root.Line, "scenarios is missing: nothing to measure")
	case timing.Window > timing.Measure:
		return timing, nil, p.errorf(windowLine, "window %v is longer than measure %v", timing.Window, timing.Measure)
	}
	return timing, blocks, nil
}

// add appends the scenarios of a block that s does not have yet.
func (p parser) add(s *Suite, node *yaml.Node, timing Timing) error {
	block, err := p.block(node)
	if err != nil {
		return err
	}
	if block.size(MaxScenarios)+len(s.Scenarios) > MaxScenarios {
		return p.errorf(node.Line, "more than %d scenarios: shorten the lists", MaxScenarios)
	}
	for _, point := range block.points() {
		scenario, err := New(point)
		if err == nil {
			err = p.possible(scenario)
		}
		if err != nil {
			return p.errorf(node.Line, "%w", err)
		}
		if p.seen[scenario.Name] {
			continue
		}
		p.seen[scenario.Name] = true
		scenario.Timing = timing
		s.Scenarios = append(s.Scenarios, scenario)
	}
	return nil
}

func (p parser) text(key, node *yaml.Node, to *string) error {
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

func (p parser) pairs(node *yaml.Node, to *int) error {
	v, err := p.scalar("pairs", node)
	if err != nil {
		return err
	}
	n, err := strconv.Atoi(v)
	if err != nil || n < 1 || n > MaxPairs {
		return p.errorf(node.Line, "pairs: %s: choose 1 to %d", Printable(v), MaxPairs)
	}
	*to = n
	return nil
}

func (p parser) duration(key, node *yaml.Node, least time.Duration, to *time.Duration) error {
	v, err := p.scalar(key.Value, node)
	if err != nil {
		return err
	}
	d, err := time.ParseDuration(v)
	if err != nil {
		return p.errorf(node.Line, "%s: %s is not a duration: write it like 250ms or 1s", key.Value, Printable(v))
	}
	if d < least || d > maxDuration {
		return p.errorf(node.Line, "%s: %s: choose %v to %v", key.Value, Printable(v), least, maxDuration)
	}
	*to = d
	return nil
}

// block reads one entry of scenarios.
func (p parser) block(node *yaml.Node) (Block, error) {
	block := make(Block)
	err := p.mapping(node, "a block", func(key, value *yaml.Node) error {
		a, err := FindAxis(key.Value)
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
