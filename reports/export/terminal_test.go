package export

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"tunbench/reports/document/compare"
	"tunbench/reports/fixture"
	"tunbench/reports/render"
	"tunbench/reports/screen"
	"tunbench/reports/verdict"
)

var painted = regexp.MustCompile("\x1b\\[[0-9]+m")

// TestOnTerminal shows the summaries on terminals of several widths.
func TestOnTerminal(t *testing.T) {
	base, next := fixture.BeforeAndAfter()
	comparison := compare.New(compared(t, base, next, verdict.Options{}))
	for name, on := range map[string]screen.Screen{
		"80":       {Columns: 80, Colour: true},
		"80-ascii": {Columns: 80, ASCII: true},
		"160":      {Columns: 160, Colour: true},
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			for file, text := range map[string][]byte{"run.txt": render.RunSummary(on, fixture.Synthetic(), false), "compare.txt": render.ComparisonText(comparison, on)} {
				for line := range strings.Lines(string(text)) {
					if on.ASCII && strings.ContainsFunc(line, func(r rune) bool { return r > 0x7e }) {
						t.Errorf("%s: not ASCII: %q", file, line)
					}
					line = painted.ReplaceAllString(strings.TrimRight(line, "\n"), "")
					if strings.Contains(line, "\x1b") || !on.Colour && line != painted.ReplaceAllString(line, "") {
						t.Errorf("%s: escapes: %q", file, line)
					}
					// A word, such as a scenario that was skipped, is never broken.
					if screen.Width(line) > on.Columns && strings.Contains(strings.TrimSpace(line), " ") {
						t.Errorf("%s: %d columns: %q", file, screen.Width(line), line)
					}
				}
				if err := os.WriteFile(filepath.Join(dir, file), text, 0o666); err != nil {
					t.Fatal(err)
				}
			}
			fixture.Goldens(t, dir, "terminal-"+name)
		})
	}
}
