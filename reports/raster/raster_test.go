package raster

import (
	"bytes"
	"image"
	"image/color"
	"image/png"
	"math"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"tunbench/reports/chart"
)

const css = `<style>text{font:12px sans-serif;fill:#000}
.strong{font-weight:600}.bg{fill:#fff}.a{fill:#00f}.as{stroke:#00f}.hollow{fill:#fff}
@media (prefers-color-scheme:dark){
.a{fill:#f00}
}
</style>`

func drawn(t *testing.T, body string) *image.RGBA {
	t.Helper()
	img, err := Image([]byte(`<svg xmlns="http://www.w3.org/2000/svg" width="100" height="50">`+css+body+`</svg>`), 400, 400)
	if err != nil {
		t.Fatal(err)
	}
	return img
}

// at is the colour of a point of the file, which is drawn in the middle of the image, four
// times as large.
func at(img *image.RGBA, x, y float64) color.RGBA { return img.RGBAAt(int(4*x), int(100+4*y)) }

func TestShapes(t *testing.T) {
	blue, white := color.RGBA{0, 0, 255, 255}, color.RGBA{255, 255, 255, 255}
	for _, tt := range []struct {
		name, body    string
		inside, paper [2]float64
	}{
		{"paper", ``, [2]float64{-1, -1}, [2]float64{50, 49}},
		{"a rectangle", `<rect class="a" x="10" y="10" width="20" height="10"/>`, [2]float64{29, 19}, [2]float64{31, 19}},
		{"round corners", `<rect class="a" x="10" y="10" width="20" height="10" rx="5"/>`, [2]float64{20, 11}, [2]float64{10.5, 10.5}},
		{"a hollow rectangle", `<rect class="hollow as" x="10" y="10" width="20" height="10"/>`, [2]float64{20, 10}, [2]float64{20, 15}},
		{"a dashed line", `<line class="as" x1="0" y1="10" x2="100" y2="10" stroke-width="2" stroke-dasharray="5 5"/>`, [2]float64{12, 10}, [2]float64{17, 10}},
		{"a circle", `<circle class="a" cx="50" cy="25" r="10"/>`, [2]float64{59, 25}, [2]float64{58, 33}},
		{"a ring", `<circle class="hollow as" cx="50" cy="25" r="10" stroke-width="2"/>`, [2]float64{60, 25}, [2]float64{50, 25}},
		{"a diamond", `<path class="a" d="M40 25L50 15L60 25L50 35Z"/>`, [2]float64{50, 17}, [2]float64{42, 17}},
		{"a polyline", `<polyline class="as" fill="none" stroke-width="2" points="10,40 50,10 90,40"/>`, [2]float64{50, 10.5}, [2]float64{50, 30}},
		{"a line about which nothing is said", `<line x1="0" y1="10" x2="100" y2="10"/>`, [2]float64{-1, -1}, [2]float64{50, 10}},
	} {
		img := drawn(t, tt.body)
		if got := at(img, tt.inside[0], tt.inside[1]); tt.inside[0] >= 0 && got != blue {
			t.Errorf("%s: %v inside, want %v", tt.name, got, blue)
		}
		if got := at(img, tt.paper[0], tt.paper[1]); got != white {
			t.Errorf("%s: %v outside, want %v", tt.name, got, white)
		}
	}
}

func TestOpacity(t *testing.T) {
	if got := at(drawn(t, `<rect class="a" x="0" y="0" width="100" height="50" fill-opacity="0.5"/>`), 50, 25); got.B != 255 || got.R < 120 || got.R > 135 {
		t.Errorf("half blue on white is %v", got)
	}
}

// ink gives the ends of what is not paper, in units of the file, and its size in pixels.
func ink(img *image.RGBA) (left, right float64, dots int) {
	left, right = math.Inf(1), math.Inf(-1)
	for y := range 400 {
		for x := range 400 {
			if img.RGBAAt(x, y).G < 128 {
				left, right = min(left, float64(x)/4), max(right, float64(x)/4)
				dots++
			}
		}
	}
	return left, right, dots
}

func TestText(t *testing.T) {
	for anchor, want := range map[string][2]float64{"start": {50, 50}, "end": {50, 50}, "middle": {50, 50}} {
		left, right, _ := ink(drawn(t, `<text x="50" y="25" text-anchor="`+anchor+`">HHHH</text>`))
		place := map[string]float64{"start": left, "end": right, "middle": (left + right) / 2}[anchor]
		if math.Abs(place-want[0]) > 2 || right-left < 25 || right-left > 45 {
			t.Errorf("%s: letters from %v to %v", anchor, left, right)
		}
	}
	_, _, thin := ink(drawn(t, `<text x="5" y="25">HHHH</text>`))
	_, _, bold := ink(drawn(t, `<text class="strong" x="5" y="25">HHHH</text>`))
	if float64(bold) < 1.2*float64(thin) {
		t.Errorf("bold letters have %v dots of ink, others %v", bold, thin)
	}
	// The letters of every chart are in the fonts.
	fonts, err := fontFiles()
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range fonts {
		for _, r := range "aZ09 ×–−µ±…→·›%(),.=@" {
			if i, err := f.GlyphIndex(nil, r); err != nil || i == 0 {
				t.Errorf("%q is in no font: %v", r, err)
			}
		}
	}
}

func TestWrongFiles(t *testing.T) {
	for name, svg := range map[string]string{
		"no svg":    `<p/>`,
		"no size":   `<svg></svg>`,
		"no end":    `<svg width="1" height="1">`,
		"a script":  `<svg width="1" height="1"><script/></svg>`,
		"no number": `<svg width="1" height="1"><path d="M1 xL2 2Z"/></svg>`,
	} {
		if _, err := Image([]byte(svg), 10, 10); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
}

// charts are of those kinds that have most shapes.
func charts() map[string]chart.Chart {
	return map[string]chart.Chart{
		"ratios": chart.Ratios{Title: "Queues", Desc: "d", Unit: "kpps", Shared: "all: TUN", Groups: []chart.RatioGroup{{Bars: []chart.RatioBar{
			{Label: "queues=1", Value: 1270, Low: 1200, High: 1310, Exact: true, Text: "1,270 kpps"}, {Label: "queues=4", Value: 710, Low: 640, High: 800, Text: "710 kpps", Ratio: "0.56 × (0.51–0.61)", Side: -1},
			{Label: "queues=16", Value: 440, Text: "440 kpps", Ratio: "0.35 ×", Hollow: true},
		}}}},
		"changes": chart.Changes{Title: "Change", Desc: "d", Note: "higher is better", Of: "base", Range: "95 % interval", Rows: []chart.ChangeRow{
			{Label: "size=64", Value: -0.08, Low: -0.1, High: -0.05, Threshold: 0.03, Class: "b", Text: "−8.00 %"}, {Label: "size=9000", Value: 6.5, Low: 1.5, High: 7, Threshold: 0.03, Class: "a", Text: "+650.00 %"},
		}},
		"flame":  chart.Flame{Title: "Flame", Desc: "d", Note: "n", Unit: "ns", Root: chart.FlameNode{Name: "all", Width: 100, New: 100, Calls: []chart.FlameNode{{Name: "send", Width: 60, New: 60}, {Name: "receive", Width: 30, New: 30}}}},
		"ladder": chart.Ladder{Title: "Latency", Desc: "d", Rows: []chart.LadderRow{{Label: "size=64", Lanes: []chart.Lane{{Kind: "end to end", At: [4]float64{380e3, 440e3, 500e3, 900e3}, Max: 4e6}}}}},
	}
}

// A chart looks as rsvg-convert draws it, but for the letters, whose font is another one.
func TestAgainstRsvg(t *testing.T) {
	rsvg, err := exec.LookPath("rsvg-convert")
	if err != nil {
		if os.Getenv("CI") == "true" {
			t.Fatal("rsvg-convert is not installed, and CI must have it")
		}
		t.Skip("rsvg-convert is not installed (scripts/setup.sh test); the shapes are still checked one by one")
	}
	for kind, ch := range charts() {
		var svg bytes.Buffer
		if err := chart.WriteSlide(&svg, ch, "some host"); err != nil {
			t.Fatal(err)
		}
		// Without the frame and its round corners, which a slide does not have.
		content := strings.Replace(svg.String(), `rx="6"`, ``, 1)
		name := filepath.Join(t.TempDir(), kind)
		if err := os.WriteFile(name+".svg", []byte(content), 0o666); err != nil {
			t.Fatal(err)
		}
		if msg, err := exec.Command(rsvg, "-z", "2", "-o", name+".png", name+".svg").CombinedOutput(); err != nil {
			t.Fatalf("%v: %s", err, msg)
		}
		file, err := os.Open(name + ".png")
		if err != nil {
			t.Fatal(err)
		}
		want, err := png.Decode(file)
		file.Close()
		if err != nil {
			t.Fatal(err)
		}
		size := want.Bounds().Size()
		got, err := Image([]byte(content), size.X, size.Y)
		if err != nil {
			t.Fatal(err)
		}
		if mean, worst := apart(got, want); mean > 4 || worst > 90 {
			t.Errorf("%s: the colours differ by %.1f in the mean, and by %.1f in the worst place", kind, mean, worst)
		}
		empty := image.NewRGBA(image.Rect(0, 0, size.X, size.Y))
		if mean, _ := apart(empty, want); mean <= 4 {
			t.Errorf("%s: an empty image passes: %.1f", kind, mean)
		}
	}
}

// apart compares two images by squares of 16 pixels, so that letters count little.
func apart(a, b image.Image) (mean, worst float64) {
	const square = 16
	size := a.Bounds().Size()
	n := 0
	for y := 0; y+square <= size.Y; y += square {
		for x := 0; x+square <= size.X; x += square {
			var sum [3]float64
			for dy := range square {
				for dx := range square {
					r1, g1, b1, _ := a.At(x+dx, y+dy).RGBA()
					r2, g2, b2, _ := b.At(x+dx, y+dy).RGBA()
					sum[0] += (float64(r1) - float64(r2)) / 257
					sum[1] += (float64(g1) - float64(g2)) / 257
					sum[2] += (float64(b1) - float64(b2)) / 257
				}
			}
			for _, s := range sum {
				d := math.Abs(s) / square / square
				mean, worst = mean+d, max(worst, d)
				n++
			}
		}
	}
	return mean / float64(n), worst
}

// An image has the size of a slide, whatever the file's.
func TestPNG(t *testing.T) {
	var b bytes.Buffer
	if err := PNG(&b, []byte(`<svg width="10" height="100">`+css+`</svg>`)); err != nil {
		t.Fatal(err)
	}
	img, err := png.Decode(&b)
	if err != nil || img.Bounds().Dx() != Width || img.Bounds().Dy() != Height {
		t.Errorf("%v %v", err, img.Bounds())
	}
}
