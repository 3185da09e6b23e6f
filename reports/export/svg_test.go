package export

import (
	"bytes"
	"encoding/xml"
	"errors"
	"io"
	"math"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"tunbench/reports/chart"
	"tunbench/reports/text"
)

// checkXML makes sure that text is well-formed, and that no coordinate is
// anything but a number.
func checkXML(t *testing.T, name, text string) {
	t.Helper()
	dec := xml.NewDecoder(strings.NewReader(text))
	for {
		tok, err := dec.Token()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			t.Errorf("%s: %v", name, err)
			return
		}
		el, ok := tok.(xml.StartElement)
		if !ok {
			continue
		}
		if el.Name.Local == "script" {
			t.Errorf("%s has a script", name)
		}
		for _, a := range el.Attr {
			if strings.Contains(a.Value, "NaN") || strings.Contains(a.Value, "Inf") {
				t.Errorf("%s: <%s %s=%q>", name, el.Name.Local, a.Name.Local, a.Value)
			}
		}
	}
}

func TestTicks(t *testing.T) {
	for _, tt := range []struct {
		top  float64
		want []float64
	}{
		{10, []float64{0, 2, 4, 6, 8, 10}},
		{1.27, []float64{0, 0.5, 1}},
		{6300, []float64{0, 2000, 4000, 6000}},
		{0, []float64{0}},
		{math.NaN(), []float64{0}},
		{math.Inf(1), []float64{0}},
	} {
		if got := chart.Ticks(tt.top, 5); !slices.Equal(got, tt.want) {
			t.Errorf("ticks(%v) = %v, want %v", tt.top, got, tt.want)
		}
	}
}

// Every chart is taken by a real renderer.
func TestRender(t *testing.T) {
	rsvg, err := exec.LookPath("rsvg-convert")
	if err != nil {
		if os.Getenv("CI") == "true" {
			t.Fatal("rsvg-convert is not installed, and CI must have it")
		}
		t.Skip("rsvg-convert is not installed (scripts/setup.sh test); the charts are still checked for being well-formed")
	}
	dir := t.TempDir()
	if err := writeRun(dir, synthetic()); err != nil {
		t.Fatal(err)
	}
	charts, err := filepath.Glob(filepath.Join(dir, "*.svg"))
	if err != nil || len(charts) == 0 {
		t.Fatalf("no charts: %v", err)
	}
	for _, c := range charts {
		out := c + ".png"
		if msg, err := exec.Command(rsvg, "-o", out, c).CombinedOutput(); err != nil {
			t.Errorf("render %s: %v: %s", filepath.Base(c), err, msg)
		} else if st, err := os.Stat(out); err != nil || st.Size() < 2000 {
			t.Errorf("render %s: the image is empty", filepath.Base(c))
		}
	}
}

// What lies beyond the scale of a chart of changes is an arrow, and the chart
// says so; what fits is none.
func TestChangesBeyondTheScale(t *testing.T) {
	for _, tt := range []struct {
		name             string
		value, low, high float64
		arrows           int
	}{
		{"fits", 0.5, 0.4, 0.6, 0}, {"to the end of the scale", 2, 1.9, 2, 0},
		{"beyond it", 6.52, 5.8, 7.1, 3}, {"its interval alone", 1.5, 0.9, 2.4, 1}, {"an interval on both sides", 0.1, -2.5, 2.5, 2},
	} {
		ch := chart.Changes{Title: "t", Desc: "d.", Note: "higher is better", Rows: []chart.ChangeRow{
			{Label: "a", Value: tt.value, Low: tt.low, High: tt.high, Threshold: 0.03, Class: "a", Text: text.Precisely(tt.value) + " %"}, {Label: "b", Value: -0.02, Low: -0.03, High: -0.01, Threshold: 0.03, Class: "muted", Text: "−2.00 %"},
		}}
		var b bytes.Buffer
		if err := chart.WriteSVG(&b, ch); err != nil {
			t.Fatal(err)
		}
		checkXML(t, tt.name, b.String())
		arrows := 0
		for _, l := range strings.Split(b.String(), "\n") {
			if strings.HasPrefix(l, "<path") && strings.Count(l, "L") == 2 { // a diamond has four corners
				arrows++
			}
		}
		if arrows != tt.arrows {
			t.Errorf("%s: %d arrows, want %d:\n%s", tt.name, arrows, tt.arrows, b.String())
		}
		told := strings.Contains(b.String(), "; arrow: beyond the scale") && strings.Contains(b.String(), "ends at ±200 %")
		if told != (tt.arrows > 0) {
			t.Errorf("%s: the chart speaks of arrows: %v", tt.name, told)
		}
		if !strings.Contains(b.String(), ">"+text.Precisely(tt.value)+" %<") {
			t.Errorf("%s: the change is not written", tt.name)
		}
	}
}
