// Package advise measures the choices that a program with a TUN or TAP device has, knocks
// out those that lose, and ends with one recommendation for this host.
package advise

import (
	"bytes"
	"embed"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"slices"
	"strings"
	"time"

	"go.yaml.in/yaml/v3"

	"tunbench/bench/suite"
)

//go:embed topics/*.yaml
var embedded embed.FS

// Topics are those that ship, in the order of the help.
var Topics = []string{"vpn", "vm", "bridge", "stack"}

// Topic is the choices of a kind of program, and the traffic by which they are compared.
type Topic struct {
	Name  string
	About string // what the program is and does
	Plain string // what the candidate is called that has the first value of each choice
	// Traffic are lists of axis=value: every candidate is measured under each of them, and
	// counts by the geometric mean of its rates.
	Traffic []string
	// Choices are measured in every combination. The first value of a choice is its
	// simplest, and any value is simpler than those after it.
	Choices []Choice
	// Details are tried one at a time, as changes to the best combination. They have further
	// values of a choice, or are choices of their own, whose first value all combinations
	// have.
	Details []Choice
	// Warmup, Measure and Window are the timing of a trial in the knock-out, as in a suite.
	Warmup, Measure, Window time.Duration

	text []byte
}

// Choice is a way in which candidates differ.
type Choice struct {
	Name   string
	Values []string // lists of axis=value
}

// Most of what a topic may have.
const (
	mostCombinations = 64
	mostFileSize     = 1 << 16
)

// LoadTopic returns the topic of that name, or that in the file, if a file is given.
func LoadTopic(name, file string) (*Topic, error) {
	switch {
	case file == "" && !slices.Contains(Topics, name):
		return nil, fmt.Errorf("no topic %q: choose %s, or give a file of your own candidates (--candidates FILE.yaml)", suite.Printable(name), strings.Join(Topics, ", "))
	case file == "":
		text, err := fs.ReadFile(embedded, path.Join("topics", name+".yaml"))
		if err != nil {
			return nil, fmt.Errorf("read topic: %w", err)
		}
		return ParseTopic(name+".yaml", text)
	}
	f, err := os.Open(file)
	if err != nil {
		return nil, fmt.Errorf("open candidates: %w", err)
	}
	defer f.Close()
	text, err := io.ReadAll(io.LimitReader(f, mostFileSize+1))
	if err != nil {
		return nil, fmt.Errorf("read candidates: %w", err)
	}
	if len(text) > mostFileSize {
		return nil, fmt.Errorf("%s: a file of candidates has at most %d bytes", file, mostFileSize)
	}
	return ParseTopic(file, text)
}

// ParseTopic reads a file of candidates. The error names the file and what to change.
func ParseTopic(file string, text []byte) (*Topic, error) {
	t := &Topic{Warmup: 40 * time.Millisecond, Measure: 120 * time.Millisecond, Window: 20 * time.Millisecond, text: text}
	dec := yaml.NewDecoder(bytes.NewReader(text))
	dec.KnownFields(true)
	if err := dec.Decode(t); errors.Is(err, io.EOF) {
		return nil, fmt.Errorf("%s: the file is empty", file)
	} else if err != nil {
		return nil, fmt.Errorf("%s: %s", file, strings.TrimPrefix(strings.ReplaceAll(err.Error(), "\n  ", " "), "yaml: "))
	}
	if err := t.check(); err != nil {
		return nil, fmt.Errorf("%s: %w", file, err)
	}
	return t, nil
}

// YAML is the file of t.
func (t *Topic) YAML() []byte { return t.text }

func (t *Topic) check() error {
	combinations := 1
	for _, c := range t.Choices {
		combinations *= len(c.Values)
	}
	switch {
	case t.Name == "" || strings.ContainsAny(t.Name, " /\t\n"):
		return errors.New("name: give the file a name of one word, without a slash")
	case len(t.Traffic) == 0:
		return errors.New("traffic: give at least one list of axes, such as - dir=k2u gen=udp size=1500")
	case len(t.Choices) == 0:
		return errors.New("choices: give at least one, with a name and its values")
	case combinations > mostCombinations:
		return fmt.Errorf("choices: %d combinations: at most %d fit a budget; move values to details, which are tried one at a time", combinations, mostCombinations)
	case t.Measure < suite.MinMeasure || t.Window <= 0 || t.Window > t.Measure || t.Warmup < 0:
		return fmt.Errorf("warmup %v, measure %v, window %v: measure for at least %v, in windows that are no longer", t.Warmup, t.Measure, t.Window, suite.MinMeasure)
	}
	seen := map[string]bool{}
	for _, c := range slices.Concat(t.Choices, t.Details) {
		if c.Name == "" || len(c.Values) == 0 {
			return errors.New("choices, details: each has a name and at least one value")
		}
		for _, v := range c.Values {
			key := c.Name + ": " + v
			if seen[key] {
				return fmt.Errorf("%s is given twice", key)
			}
			seen[key] = true
			if _, err := assignments(v); err != nil {
				return fmt.Errorf("%s: %w", c.Name, err)
			}
		}
	}
	for _, v := range t.Traffic {
		if _, err := assignments(v); err != nil {
			return fmt.Errorf("traffic: %w", err)
		}
	}
	return nil
}

// assignments reads a list of axis=value.
func assignments(words string) (map[string]string, error) {
	values := map[string]string{}
	fields := strings.Fields(words)
	if len(fields) == 0 {
		return nil, errors.New("an empty list of axes: write axis=value")
	}
	for _, word := range fields {
		a, value, err := suite.ParseAssignment(word)
		if err != nil {
			return nil, err
		}
		if _, twice := values[a.Name]; twice {
			return nil, fmt.Errorf("%q: %s is given twice", suite.Printable(words), a.Name)
		}
		values[a.Name] = value
	}
	return values, nil
}

// Plant adds axes to the candidates that have some others: a cost of known size, to test
// what is made of it.
type Plant struct {
	where, set map[string]string
	written    string
	wanted     string // of a candidate, as written
	what       string // it gets, as written
}

// ParsePlant reads `axis=value axis=value: axis=value`.
func ParsePlant(written string) (p Plant, err error) {
	where, set, ok := strings.Cut(written, ": ")
	if !ok {
		return p, fmt.Errorf("%q: write which candidates, a colon and what they get, like 'vnet=10 io=read: filter=2000ns'", suite.Printable(written))
	}
	p.written, p.wanted, p.what = written, strings.TrimSpace(where), strings.TrimSpace(set)
	if p.where, err = assignments(where); err != nil {
		return p, err
	}
	p.set, err = assignments(set)
	return p, err
}

// matches reports whether p is planted in s.
func (p Plant) matches(s suite.Scenario) bool { return has(s, p.where) }

// in reports whether s has what p plants.
func (p Plant) in(s suite.Scenario) bool { return has(s, p.set) }

func has(s suite.Scenario, axes map[string]string) bool {
	for name, value := range axes {
		if s.Axes[name] != value {
			return false
		}
	}
	return true
}
