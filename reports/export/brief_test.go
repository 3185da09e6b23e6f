package export

import (
	"bytes"
	"strings"
	"testing"

	"tunbench/reports/fixture"
	"tunbench/reports/record"
	"tunbench/reports/render"
	"tunbench/reports/screen"
)

// TestBriefTrialsAreNotQuoted holds that no headline rests on a trial that
// measured for less than the least time, and that one of just that time has one.
func TestBriefTrialsAreNotQuoted(t *testing.T) {
	for _, c := range []struct {
		ns     int64
		gen    string
		quoted bool
	}{
		{1, "udp", false}, {record.LeastMeasureNs - 1, "udp", false}, {record.LeastMeasureNs, "udp", true},
		{1_000_000, "lockstep", true}, // which counts packets, not time
	} {
		f := &record.File{Run: &record.Run{Kind: record.KindRun, Schema: record.Schema, Args: []string{"run"}}, Trials: []record.Trial{{
			Scenario: "Tun/dir=k2u/gen=" + c.gen + "/queues=1/size=64", Axes: map[string]string{"gen": c.gen}, Arm: record.Bare, Pair: 1, Trial: 1,
			DurationNs: c.ns, Metrics: map[string]float64{record.PPS: 5e8, record.BitPerS: 295e9},
		}}}
		var b bytes.Buffer
		if err := runMarkdown(&b, f, render.Options{}); err != nil {
			t.Fatal(err)
		}
		text := b.String()
		if got := strings.Contains(text, "**500,000 kpps** (one trial), 295 Gbit/s."); got != c.quoted {
			t.Errorf("%d ns of gen=%s: quoted %t, want %t", c.ns, c.gen, got, c.quoted)
		}
		if told := strings.Contains(text, "1 scenario has trials that measured for less than 100ms: its figures are not quoted here: `sudo tunbench run --measure 1s`"); told == c.quoted {
			t.Errorf("%d ns of gen=%s: quoted %t, and told so %t", c.ns, c.gen, c.quoted, told)
		}
	}
}

// The summary gives no figure of a scenario without a valid trial, also where the observed
// trials are valid.
func TestSummaryOfInvalidScenario(t *testing.T) {
	f := fixture.FileOf(fixture.Plain(1, 64), fixture.Plain(1, 1500, record.FlagLate), fixture.Plain(1, 1500))
	for i := range f.Trials {
		one := &f.Trials[i]
		one.Latency = map[string]record.Latency{record.E2E: fixture.At(uint64(1000 * (i + 1)))}
	}
	f.Trials[2].Arm = record.Observed
	got := string(render.RunSummary(screen.Screen{}, f, false))
	row := func(name string) string {
		for line := range strings.Lines(got) {
			if strings.Contains(line, name) && strings.Contains(line, "  ") {
				return line
			}
		}
		t.Fatalf("no row of %s in\n%s", name, got)
		return ""
	}
	if line := row("size=1500"); strings.Contains(line, "µs") || !strings.Contains(line, "invalid") {
		t.Errorf("figures of an invalid scenario: %q", line)
	}
	if line := row("size=64"); !strings.Contains(line, "µs") {
		t.Errorf("no latency: %q", line)
	}
}
