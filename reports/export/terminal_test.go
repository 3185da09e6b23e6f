package export

import (
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"tunbench/reports/document/compare"
	"tunbench/reports/figure"
	"tunbench/reports/record"
	"tunbench/reports/render"
	"tunbench/reports/screen"
	"tunbench/reports/verdict"
)

var painted = regexp.MustCompile("\x1b\\[[0-9]+m")

// TestOnTerminal shows the summaries on terminals of several widths.
func TestOnTerminal(t *testing.T) {
	base, next := beforeAndAfter()
	comparison := compare.New(compared(t, base, next, verdict.Options{}))
	for name, on := range map[string]screen.Screen{
		"80":       {Columns: 80, Colour: true},
		"80-ascii": {Columns: 80, ASCII: true},
		"160":      {Columns: 160, Colour: true},
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			for file, text := range map[string][]byte{"run.txt": render.RunSummary(on, synthetic()), "compare.txt": render.ComparisonText(comparison, on)} {
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
			goldens(t, dir, "terminal-"+name)
		})
	}
}

func TestWorstFirst(t *testing.T) {
	trial := func(name string, loss, pps float64, open bool, flags ...string) *figure.Scenario {
		tr := &record.Trial{Scenario: name, Flags: flags, Metrics: map[string]float64{record.Loss: loss, record.PPS: pps}}
		if open {
			tr.Schedule = &record.Schedule{}
		}
		return &figure.Scenario{Name: name, Bare: figure.NewArm([]*record.Trial{tr})}
	}
	list := []*figure.Scenario{
		trial("fast", 0, 9e6, false),
		trial("slow", 0, 1e6, false),
		trial("lossy", 0.5, 9e6, false),
		trial("open", 0.001, 9e6, true),
		trial("kept", 0, 1e3, true),
		trial("unsteady", 0, 9e6, false, record.FlagUnsteady),
		trial("stolen", 0, 9e6, false, record.FlagSteal),
		{Name: "nothing"},
	}
	var got []string
	for _, s := range figure.WorstFirst(list) {
		got = append(got, s.Name)
	}
	want := []string{"stolen", "unsteady", "open", "lossy", "nothing", "kept", "slow", "fast"}
	if !slices.Equal(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
	if list[0].Name != "fast" {
		t.Error("the list that was given is sorted")
	}
	for i, want := range map[int]screen.Tone{0: screen.Plain, 5: screen.Caution, 6: screen.Bad} {
		if got := render.ToneOf(list[i]); got != want {
			t.Errorf("%s: tone %v, want %v", list[i].Name, got, want)
		}
	}
}
