package export

import (
	"bytes"
	"strings"
	"testing"

	"tunbench/reports/record"
	"tunbench/reports/render"
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
