package suite

import (
	"bytes"
	"embed"
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

	"tunbench/reports/record"
)

//go:embed suites/*.yaml
var embedded embed.FS

// Bounds of what a suite file may ask for.
const (
	MaxPairs     = 1000
	MaxScenarios = 4096
	maxDuration  = time.Hour
	maxFileSize  = 1 << 20
)

// Suite is a list of scenarios with its timing.
type Suite struct {
	Name  string
	File  string // absolute path; "" if it is built in
	About string
	Pairs int // of trials, one an arm, for each scenario
	// Require are the limits that every scenario has on metrics on which its block sets
	// none.
	Require []record.Limit
	// Scenarios have the suite's timing and its limits.
	Scenarios []Scenario
}

// YAML is the file of a suite with these pairs and scenarios, each an entry of its own. The
// timing is that of the first scenario.
func (s Suite) YAML() []byte {
	var b bytes.Buffer
	fmt.Fprintf(&b, "name: %s\n", quoted(s.Name))
	if s.About != "" {
		fmt.Fprintf(&b, "about: %s\n", quoted(s.About))
	}
	t := DefaultTiming
	if len(s.Scenarios) > 0 {
		t = s.Scenarios[0].Timing
	}
	fmt.Fprintf(&b, "pairs: %d\nwarmup: %v\nmeasure: %v\nwindow: %v\nscenarios:\n", s.Pairs, t.Warmup, t.Measure, t.Window)
	for _, scenario := range s.Scenarios {
		b.WriteString("  - " + scenario.entry() + "\n")
	}
	return b.Bytes()
}

// plain is text that means itself in YAML, without quotes.
var plain = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9_.-]*$`)

// quoted is s as a scalar of YAML.
func quoted(s string) string {
	if plain.MatchString(s) {
		return s
	}
	return strconv.Quote(s)
}

// Names lists the suites that are built in.
func Names() []string {
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

// IsFile reports whether a suite of that name is a file, and not built in.
func IsFile(name string) bool {
	ext := filepath.Ext(name)
	return ext == ".yaml" || ext == ".yml" || strings.ContainsRune(name, filepath.Separator)
}

// Load returns the built-in suite of that name, or reads the file if
// name is a path or ends in .yaml or .yml. A scenario that possible refuses is an
// error.
func Load(name string, possible Check) (*Suite, error) {
	if IsFile(name) {
		f, err := os.Open(name)
		if err != nil {
			return nil, fmt.Errorf("open suite: %w", err)
		}
		defer f.Close()
		text, err := io.ReadAll(io.LimitReader(f, maxFileSize+1))
		if err != nil {
			return nil, fmt.Errorf("read suite: %w", err)
		}
		s, err := Parse(name, text, possible)
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
			name, strings.Join(Names(), ", "), didYouMean(name, Names()))
	}
	return Parse(name+".yaml", text, possible)
}
