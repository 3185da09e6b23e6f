package suite

import (
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"go.yaml.in/yaml/v3"

	"tunbench/reports/metric"
	"tunbench/reports/record"
)

// keys are those of a suite file.
var keys = []string{"name", "about", "pairs", "warmup", "measure", "window", requireKey, "scenarios"}

// Parse reads a suite file:
//
//	name: mine          # default: the file's name
//	about: one line
//	pairs: 5            # of trials for each scenario
//	warmup: 200ms       # traffic flows, nothing is measured
//	measure: 1s         # measured time of a trial, 100ms at least
//	window: 40ms        # slice of the measured time
//	require: {loss: "< 0.1%"} # limits on figures of every scenario
//	scenarios:          # each block stands for the product of its lists
//	  - {queues: [1, 4], size: [64, 1500], require: {pps: "> 300k"}}
//
// Every error begins with file:line. Keys, axes and values that do not exist
// are errors, as are scenarios that possible refuses. A scenario that several
// blocks make is taken once, with the limits of all of them. What a block requires
// of a metric replaces what the suite requires of it.
func Parse(file string, text []byte, possible Check) (*Suite, error) {
	p := parser{source: source{file}, possible: possible, seen: map[string]int{}, required: map[string]int{}}
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
	for i := range s.Scenarios {
		s.Scenarios[i].Require = withDefaults(s.Scenarios[i].Require, s.Require)
	}
	return s, nil
}

// parser reads a suite from the nodes of its file.
type parser struct {
	source
	possible Check
	seen     map[string]int // the scenarios so far, by name: where they stand in the suite
	required map[string]int // lines of the limits of blocks, by scenario and metric
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
		case requireKey:
			s.Require, _, err = p.limits(value)
			return err
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
	block, limits, lines, err := p.block(node)
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
		at, known := p.seen[scenario.Name]
		if !known {
			at = len(s.Scenarios)
			p.seen[scenario.Name] = at
			scenario.Timing = timing
			s.Scenarios = append(s.Scenarios, scenario)
		}
		if err := p.require(&s.Scenarios[at], limits, lines); err != nil {
			return err
		}
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

// block reads one entry of scenarios: its axes, its limits, and the lines of those by
// metric.
func (p parser) block(node *yaml.Node) (block Block, limits []record.Limit, lines map[string]int, err error) {
	block = make(Block)
	err = p.mapping(node, "a block", func(key, value *yaml.Node) error {
		if key.Value == requireKey {
			limits, lines, err = p.limits(value)
			return err
		}
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
	return block, limits, lines, err
}

// limits reads a mapping from metrics to a limit, or to a list of a lower and an upper one:
//
//	{loss: "< 0.1%", pps: ["> 300k", "< 2M"]}
//
// and returns them with the line of each metric.
func (p parser) limits(node *yaml.Node) (all []record.Limit, lines map[string]int, err error) {
	lines = map[string]int{}
	err = p.mapping(node, "limits", func(key, value *yaml.Node) error {
		name := key.Value
		if _, ok := metric.Limited(name); !ok {
			names := metric.LimitNames()
			return p.errorf(key.Line, "%s: no figure %q: choose %s%s", requireKey, name, strings.Join(names, ", "), didYouMean(name, names))
		}
		nodes := []*yaml.Node{value}
		if value.Kind == yaml.SequenceNode {
			nodes = value.Content
		}
		var of []record.Limit
		for _, n := range nodes {
			written, err := p.scalar(name, n)
			if err != nil {
				return err
			}
			limit, err := metric.ParseLimit(name, written)
			if err != nil {
				return p.errorf(n.Line, "%s: %s: %w", requireKey, name, err)
			}
			of = append(of, limit)
		}
		if len(of) == 0 {
			return p.errorf(value.Line, "%s: %s: the list is empty: give a limit, or leave the metric out", requireKey, name)
		}
		if err := metric.CheckLimits(of); err != nil {
			return p.errorf(value.Line, "%s: %s: %w", requireKey, name, err)
		}
		lines[name] = key.Line
		all = append(all, of...)
		return nil
	})
	return all, lines, err
}

// require adds the limits of a block to s, which an earlier block may have made. Two
// blocks cannot both set limits on one metric of a scenario.
func (p parser) require(s *Scenario, limits []record.Limit, lines map[string]int) error {
	for _, l := range limits {
		at, line := s.Name+" "+l.Metric, lines[l.Metric]
		if before, twice := p.required[at]; twice && before != line {
			return p.errorf(line, "%s: %s of %s is limited in line %d already: keep one of them", requireKey, l.Metric, s.Name, before)
		}
		p.required[at] = line
	}
	s.Require = slices.Concat(s.Require, limits)
	return nil
}
