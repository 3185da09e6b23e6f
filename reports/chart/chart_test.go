package chart_test

import (
	"flag"
	"math"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"tunbench/reports/chart"
	"tunbench/reports/chart/charttest"
	"tunbench/reports/chart/style"
	"tunbench/reports/text"
)

var update = flag.Bool("update", false, "write the pictures in testdata anew")

// samples are one small chart of each kind.
func samples() map[string]chart.Chart {
	return map[string]chart.Chart{
		"ratios": chart.Ratios{Title: "Queues: queues=4 has 0.56 × the packet rate of queues=1", Desc: "Packets per second.", Unit: "kpps", Shared: "all: TUN dir=k2u", Groups: []chart.RatioGroup{
			{Name: "size=64", Bars: []chart.RatioBar{
				{Label: "queues=1", Value: 1270, Low: 1200, High: 1310, Exact: true, Text: "1,270 kpps"},
				{Label: "queues=4", Value: 710, Low: 640, High: 800, Text: "710 kpps", Ratio: "0.56 × (0.51–0.61)", Side: -1},
				{Label: "queues=16", Value: 440, Text: "440 kpps", Ratio: "0.35 ×", Hollow: true},
			}},
			{Name: "size=1500", Bars: []chart.RatioBar{{Label: "queues=1", Value: 1000, Text: "1,000 kpps"}, {Label: "queues=4", Value: 1100, Text: "1,100 kpps", Ratio: "1.10 × (1.08–1.12)", Side: 1}}},
		}},
		"split": chart.Split{Title: "Time of a packet", Desc: "Nanoseconds.", Note: "ns per packet", Parts: []chart.Part{{Name: "system call", Class: "e"}, {Name: "copy", Class: "a"}, {Name: "rest", Class: "b"}},
			Rows: []chart.SplitRow{
				{Label: "size=64", Lanes: []chart.SplitLane{{Parts: []float64{86, 30, 270}, Text: "386 ns"}, {Parts: []float64{86, 0, 100}, Text: "186 ns"}}},
				{Label: "size=1500", Lanes: []chart.SplitLane{{Parts: []float64{86, 59, 400}, Text: "545 ns"}}},
			}},
		"panels": chart.Panels{Title: "Queues", Desc: "Shares of the packets.", Shared: "all: TUN dir=k2u", Panels: []chart.Panel{
			{Title: "queues=2", Note: "Jain 1.00", Fair: 0.5, Bars: []chart.QueueBar{{Name: "0", Share: 0.52, Text: "52"}, {Name: "1", Share: 0.48, Text: "48"}}},
			{Title: "queues=4", Note: "Jain 0.75", Fair: 0.25, Bars: []chart.QueueBar{{Name: "0", Share: 0.4, Text: "40"}, {Name: "1", Share: 0.3, Text: "30"}, {Name: "2", Share: 0.05, Text: "5.0"}, {Name: "3", Share: 0.25, Text: "25"}}},
		}},
		"heat": chart.Heat{Title: "Flows", Desc: "Shares by queue.", Shared: "all: TUN gen=udp", Panels: []chart.HeatPanel{{Title: "queues=2 flows=3", Note: "6 packets", Rows: 2, Columns: []chart.HeatColumn{
			{Name: "0", Total: "2", Share: []float64{1, 0}}, {Name: "1", Total: "2", Share: []float64{0.02, 0.98}}, {Name: "2", Total: "2", Share: []float64{0.5, 0.5}},
		}}}},
		"ladder": chart.Ladder{Title: "Latency", Desc: "Quantiles.", Note: "all: TUN", Rows: []chart.LadderRow{
			{Label: "size=64", Lanes: []chart.Lane{{Kind: "end to end", At: [4]float64{380e3, 440e3, 500e3, 900e3}, Max: 4e6}, {Kind: "residency", At: [4]float64{340e3, 400e3, 450e3, 0}, Max: 2e6}}},
			{Label: "size=1500", Lanes: []chart.Lane{{Kind: "end to end", At: [4]float64{590e3, 700e3, 800e3, 1.2e6}, Max: 9e6}}},
		}},
		"changes": chart.Changes{Title: "Change of packets", Desc: "Per cent.", Note: "higher is better", Of: "v1.0.0", Range: "95 % interval", Rows: []chart.ChangeRow{
			{Label: "size=64", Value: -0.08, Low: -0.1, High: -0.05, Threshold: 0.03, Class: "b", Text: "−8.00 %", Figures: "100 → 92.0"},
			{Label: "size=1500", Value: 0.01, Low: -0.01, High: 0.02, Threshold: 0.03, Class: "muted", Text: "+1.00 %"},
			{Label: "size=9000", Value: 6.5, Low: 1.5, High: 7, Threshold: 0.03, Class: "a", Text: "+650.00 %"},
			{Label: "size=65535", Absent: true, Text: "unsupported"},
		}},
		"trend": chart.Trend{Title: "History", Desc: "Over time.", Panels: []chart.TrendPanel{{Title: "size=64", Note: "kpps", Scale: text.Scale{Div: 1000, Unit: "kpps"}, First: "2026-11-01", Last: "2026-11-04",
			Points: []chart.TrendPoint{{Value: 1.27e6, Low: 1.2e6, High: 1.3e6, Text: "1,270"}, {Value: 1.26e6, Low: 1.2e6, High: 1.31e6, Text: "1,260"}, {Value: 1.1e6, Low: 1.05e6, High: 1.15e6, Text: "1,100"}, {Value: 1.12e6, Low: 1.12e6, High: 1.12e6, Hollow: true, Text: "1,120"}},
			Levels: []chart.TrendLevel{{From: 0, To: 2, Value: 1.265e6}, {From: 2, To: 4, Value: 1.1e6}},
			Marks:  []chart.TrendMark{{At: 2, Class: "bs", Text: "−13.0 %"}, {At: 1, Text: "v0.1.0", Dotted: true}}}}},
		"versions": chart.Versions{Title: "Versions", Desc: "Per cent.", Note: "per cent against the first version", Threshold: 0.005,
			Series: []chart.VersionSeries{{Name: "Linux 6.1", Versions: []string{"6.1.0-55", "6.1.0-56", "6.1.0-57"}}, {Name: "Linux 6.12", Versions: []string{"6.12.115", "6.12.117"}}},
			Panels: []chart.VersionPanel{
				{Title: "send", Lines: []chart.VersionLine{
					{Name: "size=64", Trend: chart.Dearer, Values: []float64{0, 0.031, 0.0312}},
					{Name: "size=1500", Values: []float64{0, math.NaN(), 0.001}},
					{Name: "size=64, 6.12", Series: 1, Trend: chart.Unjudged, Values: []float64{0, -0.001}},
				}, Marks: []chart.VersionMark{{At: 1, Text: "+3.10 %"}, {At: 2, Text: "+0.02 %"}}},
				{Title: "receive", Lines: []chart.VersionLine{{Name: "size=9000", Series: 1, Trend: chart.Cheaper, Values: []float64{0, -0.0205}}}},
			}},
		"curve": chart.Curve{Title: "Latency by offered rate: TUN size=64", Desc: "p50 and p99 over the offered rate.",
			X: chart.CurveAxis{Title: "offered rate, kpps"}, Y: chart.CurveAxis{Title: "Latency", Log: true, Time: true}, Lines: []chart.CurveLine{
				{Name: "p50", Points: []chart.CurvePoint{{X: 100, Y: 8e3, Low: 7.5e3, High: 8.4e3, Exact: true, Text: "8 µs"}, {X: 500, Y: 11e3, Low: 10e3, High: 12e3, Exact: true, Text: "11 µs"}, {X: 1100, Y: 420e3, Text: "420 µs, no valid trial", Hollow: true}}},
				{Name: "p99", Points: []chart.CurvePoint{{X: 100, Y: 21e3, Low: 18e3, High: 25e3, Text: "21 µs"}, {X: 500, Y: 60e3, Low: 40e3, High: 90e3, Text: "60 µs"}, {X: 1100, Y: 440e3, Text: "440 µs, no valid trial", Hollow: true}}},
			}, Marks: []chart.CurveMark{{X: 870, Text: "NDR 870 kpps"}, {X: 1010, Text: "load=max 1,010 kpps"}}},
		"curve-sizes": chart.Curve{Title: "Throughput by packet size", Desc: "One line.", Sub: "TUN dir=k2u gen=udp queues=1",
			X: chart.CurveAxis{Title: "packet size, bytes", Log: true, Ticks: []float64{64, 1500, 65000}}, Y: chart.CurveAxis{Title: "Throughput, Gbit/s"}, Lines: []chart.CurveLine{
				{Name: "", Points: []chart.CurvePoint{{X: 64, Y: 0.5, Low: 0.4, High: 0.6, Exact: true, Text: "0.5"}, {X: 1500, Y: 11, Low: 10, High: 12, Exact: true, Text: "11"}, {X: 65000, Y: 80, Text: "80"}}},
			}},
	}
}

// The pictures are stored without their style, which is one for all of them.
func TestPictures(t *testing.T) {
	for kind, ch := range samples() {
		t.Run(kind, func(t *testing.T) {
			svg := charttest.Draw(t, ch)
			short := strings.Replace(svg, "<style>\n"+style.File+"</style>", "<style/>", 1)
			if short == svg {
				t.Error("the picture does not have the style of the charts")
			}
			name := filepath.Join("testdata", kind+".svg")
			if *update {
				if err := os.WriteFile(name, []byte(short), 0o666); err != nil {
					t.Fatal(err)
				}
			}
			want, err := os.ReadFile(name)
			if err != nil {
				t.Fatal(err)
			}
			if d := cmp.Diff(string(want), short); d != "" {
				t.Errorf("(-want +got), see -update:\n%s", d)
			}
			for _, fault := range charttest.Faults(ch, svg) {
				t.Error(fault)
			}
		})
	}
}

// Each class that a chart uses has a look, in a file and in a page, in both colour
// schemes.
func TestStyle(t *testing.T) {
	light, dark, ok := strings.Cut(style.File, "@media (prefers-color-scheme:dark)")
	if !ok || strings.Contains(style.File, "$") || strings.Contains(style.Rules(), "$") {
		t.Errorf("the style is not complete: %s%s", style.File, style.Rules())
	}
	// These have no look of their own: a label looks like any text.
	plain := map[string]bool{"label": true, "title": true, "strong": true, "xtick": true, "ytick": true}
	for kind, ch := range samples() {
		for _, piece := range strings.Split(charttest.Draw(t, ch), ` class="`)[1:] {
			classes, _, _ := strings.Cut(piece, `"`)
			for _, class := range strings.Fields(classes) {
				for where, rules := range map[string]string{"light": light, "dark": dark, "page": style.Rules()} {
					if !plain[class] && !strings.Contains(rules, "."+class+"{") {
						t.Errorf("%s: class %s has no look, %s", kind, class, where)
					}
				}
			}
		}
	}
	for _, c := range strings.Split(style.Rules(), "var(--")[1:] {
		name, _, _ := strings.Cut(c, ")")
		if !strings.Contains(style.Colours(), "--"+name+":light-dark(#") {
			t.Errorf("the page has no colour %s", name)
		}
	}
}

// A drawing that tells something else than its chart, or that cannot be read, is found
// out.
func TestFaultsAreFound(t *testing.T) {
	all := samples()
	for _, tt := range []struct{ kind, name, old, put, want string }{
		{"ratios", "a bar too short", `width="307.8" height="18"`, `width="258" height="18"`, "stands at"},
		{"ratios", "a bar out of the picture", `width="307.8" height="18"`, `width="998" height="18"`, "outside of"},
		{"ratios", "a bar that does not begin on the axis", `<rect class="b" x="88.9"`, `<rect class="b" x="98.9"`, "stands at"},
		{"ratios", "a bar more", `<text class="halo`, `<rect class="a" x="88.9" y="63" width="300" height="18"/><text class="halo`, "is drawn as"},
		{"ratios", "a scale that does not begin at 0", `text-anchor="middle">0<`, `text-anchor="middle">100<`, "does not begin with 0"},
		{"ratios", "a scale that falls", `text-anchor="middle">500<`, `text-anchor="middle">1,500<`, "the scale is not monotone"},
		{"ratios", "an uneven scale", `text-anchor="middle">500<`, `text-anchor="middle">300<`, "the scale is uneven"},
		{"ratios", "rows exchanged", `>queues=1<`, `>queues=4<`, "not where it belongs"},
		{"ratios", "no unit", `median, kpps`, `median`, `"median, kpps" is not written`},
		{"ratios", "a figure of another bar", `>710 kpps<`, `>810 kpps<`, "not beside its bar"},
		{"ratios", "a ratio of another bar", `>0.56 × (0.51–0.61)<`, `>0.35 ×<`, "not beside its bar"},
		{"ratios", "slower, and drawn like faster", `<rect class="b"`, `<rect class="a"`, "is drawn as"},
		{"ratios", "a group without a name", `>size=1500<`, `><`, "has no name"},
		{"ratios", "no title", `rate of queues=1</text>`, `</text>`, "the title"},
		{"ratios", "no source", `Linux 6.18.0 · `, ``, "the source"},
		{"ratios", "a figure that nobody may quote, drawn like any", `class="hollow bases"`, `class="base"`, "is drawn as"},
		{"ratios", "a range that is not drawn", `<line class="range"`, `<line class="fair"`, "ranges, want"},
		{"ratios", "no number", `y="154" width="`, `y="NaN" width="`, "NaN"},
		{"ratios", "a script", `</svg>`, `<script/></svg>`, "<script>"},
		{"ratios", "no XML", `</svg>`, ``, "not well-formed"},
		{"ratios", "a text outside", `text-anchor="start">0.56 ×`, `text-anchor="start">And so on, up to where nobody can read it any more, however wide it may be made: 0.56 ×`, "outside of"},
		{"ratios", "a text on another", `<text class="label"`, `<text class="muted" x="16" y="46" text-anchor="start">median again</text>` + "\n" + `<text class="label"`, "lies on"},
		{"split", "no legend", `>copy<`, `>copies<`, `the legend has no "copy"`},
		{"split", "parts exchanged", `<rect class="e" x="16"`, `<rect class="b" x="16"`, "the legend has no"},
		{"split", "a part of another colour", `<rect class="b" x="1`, `<rect class="a" x="1`, "the legend has no"},
		{"split", "no unit", `text-anchor="start">ns per packet<`, `text-anchor="start"><`, `"ns per packet" is not written`},
		{"changes", "a mark of another verdict", `<path class="b"`, `<path class="a"`, "is drawn as"},
		{"changes", "an absent change without its reason", `>unsupported<`, `><`, `"unsupported" is not written`},
		{"changes", "no figures", `>100 → 92.0<`, `><`, "not beside its bar"},
		{"changes", "a base without a name", `per cent of v1.0.0`, `per cent`, "is not written"},
		{"changes", "no direction", `higher is better`, `lower`, "is not written"},
		{"changes", "a change elsewhere", `<path class="muted" d="M`, `<path class="muted" d="M9`, ""},
		{"ladder", "a median elsewhere", `<circle class="a" cx="`, `<circle class="a" cx="1`, ""},
		{"ladder", "no key of a mark", `>p99.9<`, `>p9<`, `"p99.9" is not written`},
		{"ladder", "no key of a latency", `>residency<`, `>other<`, `the legend has no "residency"`},
		{"panels", "a bar too high", `<rect class="a" x="`, `<rect class="a" x="9`, ""},
		{"panels", "no title", `>queues=4<`, `><`, `"queues=4" is not written`},
		{"heat", "a share paler than it is", `fill-opacity="1.00"`, `fill-opacity="0.10"`, "as dark as"},
		{"heat", "a queue without its name", `>queue 1<`, `><`, `"queue 1" is not written`},
		{"heat", "a cell of another flow", `flow 2, queue 0:`, `flow 1, queue 0:`, "is called"},
		{"trend", "a point elsewhere", `<circle class="a" cx="`, `<circle class="a" cx="9`, "outside of"},
		{"trend", "not judged, and not said to be", `class="hollow as"`, `class="a"`, "is drawn as"},
		{"trend", "scales that seem to begin at 0", `scales do not begin at 0`, ``, "is not written"},
		{"versions", "a point elsewhere", `cy="`, `cy="1`, "no point"},
		{"versions", "a step that looks like none", `<circle class="b"`, `<circle class="muted"`, "no point of class b"},
		{"versions", "a point more", `</svg>`, `<circle class="b" cx="100" cy="100" r="2"/></svg>`, "points are drawn"},
		{"versions", "no key", `>dearer after a step<`, `>dearer<`, "the legend has no"},
		{"versions", "no size of a step", `>+3.10 %<`, `><`, "is not written"},
		{"versions", "no newest version", `>6.12.117<`, `><`, "is not written"},
		{"trend", "no last day", `>2026-11-04<`, `><`, "is not written"},
		{"curve", "a point elsewhere", `<circle class="b" cx="`, `<circle class="b" cx="1`, ""},
		{"curve", "a point that nobody may quote, drawn like any", `<circle class="hollow as"`, `<circle class="a"`, "is drawn as"},
		{"curve", "a point that says something else", `<title>11 µs</title>`, `<title>12 µs</title>`, "says"},
		{"curve", "a band of another line", `<path class="b"`, `<path class="a"`, "the band is drawn as"},
		{"curve", "a line that goes through what nobody may quote", ` stroke-dasharray="5 4"`, ``, "not joined as they should be"},
		{"curve", "an upright line elsewhere", `stroke-width="1.5" stroke-dasharray="6 4"`, `stroke-width="1.5" stroke-dasharray=""`, "of 2 upright lines"},
		{"curve", "a line without its name", `>p99<`, `>p90<`, `the legend has no "p99"`},
		{"curve", "an axis without its unit", `>offered rate, kpps<`, `>offered rate<`, "is not written"},
		{"curve", "a logarithmic scale that is not called so", `logarithmic`, `usual`, "the note says"},
		{"curve", "a duration without its unit", `>100 µs<`, `>100<`, "durations"},
		{"curve", "a logarithmic scale with another number", `>100 µs<`, `>70 µs<`, "uneven"},
		{"curve-sizes", "a scale that does not begin at 0", `<text class="muted ytick" x="31.1" y="447" text-anchor="end">0<`, `<text class="muted ytick" x="30.4" y="447" text-anchor="end">5<`, ""},
		{"curve-sizes", "what all have in common is not said", `>TUN dir=k2u gen=udp queues=1<`, `>TUN dir=k2u gen=udp<`, `"queues=1" is not written`},
	} {
		svg := charttest.Draw(t, all[tt.kind])
		bad := strings.Replace(svg, tt.old, tt.put, 1)
		if bad == svg {
			t.Errorf("%s, %s: the drawing has no %q", tt.kind, tt.name, tt.old)
			continue
		}
		if found := charttest.Faults(all[tt.kind], bad); len(found) == 0 || !strings.Contains(strings.Join(found, "\n"), tt.want) {
			t.Errorf("%s, %s: found %q", tt.kind, tt.name, found)
		}
	}
	// A drawing of other figures is none of these.
	other := samples()
	other["ratios"].(chart.Ratios).Groups[0].Bars[1].Value *= 1.05
	other["split"].(chart.Split).Rows[0].Lanes[0].Parts[2] *= 1.05
	other["panels"].(chart.Panels).Panels[1].Bars[2].Share += 0.05
	other["heat"].(chart.Heat).Panels[0].Columns[2].Share[0] = 0.6
	other["ladder"].(chart.Ladder).Rows[1].Lanes[0].Max *= 1.05
	other["changes"].(chart.Changes).Rows[1].Value *= 2
	other["trend"].(chart.Trend).Panels[0].Points[1].Value *= 1.02
	other["versions"].(chart.Versions).Panels[0].Lines[0].Values[1] = 0.03
	other["curve"].(chart.Curve).Lines[1].Points[0].Low *= 0.9
	other["curve-sizes"].(chart.Curve).Lines[0].Points[1].Y *= 1.05
	for kind, ch := range other {
		if len(charttest.Faults(all[kind], charttest.Draw(t, ch))) == 0 {
			t.Errorf("%s: a drawing of other figures passes", kind)
		}
	}
}

// Names of every length and figures of every size stay readable.
func TestChartsOfAnything(t *testing.T) {
	for _, n := range []int{1, 3, 40} {
		for _, long := range []int{1, 20, 120} {
			for _, size := range []float64{0, 1e-6, 1, 3.3e6} {
				g := chart.RatioGroup{Name: strings.Repeat("size=64 ", long)[:long]}
				c := chart.Changes{Title: strings.Repeat("Changes ", long), Desc: "d.", Of: "base", Range: "95 % interval"}
				for i := range n {
					v := size * float64(n-i)
					label := (strconv.Itoa(i) + strings.Repeat(" queues=4", long))[:long]
					g.Bars = append(g.Bars, chart.RatioBar{Label: label, Value: v, Low: 0.9 * v, High: 1.1 * v, Text: text.Figure(v), Ratio: "1.00 × (0.99–1.01)"})
					change := min(size, 1) * float64(i) / float64(n)
					c.Rows = append(c.Rows, chart.ChangeRow{Label: label, Value: change, Low: change / 2, High: 2 * change, Threshold: 0.03, Class: "a", Text: text.Precisely(change) + " %"})
				}
				k := chart.Curve{Title: "Curve", Desc: "d.", X: chart.CurveAxis{Title: "x"}, Y: chart.CurveAxis{Title: "y"}}
				for i := range min(n, chart.LinesACurve) {
					l := chart.CurveLine{Name: (strconv.Itoa(i) + strings.Repeat(" queues=4", long))[:long]}
					for j := range n {
						v := size * float64(n-i) * float64(j+1)
						l.Points = append(l.Points, chart.CurvePoint{X: float64(j), Y: v, Low: 0.9 * v, High: 1.1 * v, Text: text.Figure(v)})
					}
					k.Lines = append(k.Lines, l)
				}
				b := chart.Ratios{Title: strings.Repeat("Ratios ", long), Desc: "d.", Unit: "ns", Groups: []chart.RatioGroup{g}}
				for _, ch := range []chart.Chart{b, c, k} {
					for _, fault := range charttest.Faults(ch, charttest.Draw(t, ch)) {
						t.Errorf("%T of %d rows, names of %d, size %v: %s", ch, n, long, size, fault)
					}
				}
			}
		}
	}
}

// Every kind of chart is taken by a real renderer.
func TestRender(t *testing.T) {
	rsvg, err := exec.LookPath("rsvg-convert")
	if err != nil {
		if os.Getenv("CI") == "true" {
			t.Fatal("rsvg-convert is not installed, and CI must have it")
		}
		t.Skip("rsvg-convert is not installed (scripts/setup.sh test); the charts are still read back")
	}
	dir := t.TempDir()
	for kind, ch := range samples() {
		name := filepath.Join(dir, kind+".svg")
		if err := os.WriteFile(name, []byte(charttest.Draw(t, ch)), 0o666); err != nil {
			t.Fatal(err)
		}
		if msg, err := exec.Command(rsvg, "-o", name+".png", name).CombinedOutput(); err != nil {
			t.Errorf("render %s: %v: %s", kind, err, msg)
		} else if st, err := os.Stat(name + ".png"); err != nil || st.Size() < 2000 {
			t.Errorf("render %s: the image is empty", kind)
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
		ch := chart.Changes{Title: "t", Desc: "d.", Note: "higher is better", Of: "base", Range: "95 % interval", Rows: []chart.ChangeRow{
			{Label: "a", Value: tt.value, Low: tt.low, High: tt.high, Threshold: 0.03, Class: "a", Text: text.Precisely(tt.value) + " %"}, {Label: "b", Value: -0.02, Low: -0.03, High: -0.01, Threshold: 0.03, Class: "muted", Text: "−2.00 %"},
		}}
		svg := charttest.Draw(t, ch)
		for _, fault := range charttest.Faults(ch, svg) {
			t.Errorf("%s: %s", tt.name, fault)
		}
		arrows := 0
		for _, l := range strings.Split(svg, "\n") {
			if strings.HasPrefix(l, "<path") && strings.Count(l, "L") == 2 { // a diamond has four corners
				arrows++
			}
		}
		if arrows != tt.arrows {
			t.Errorf("%s: %d arrows, want %d:\n%s", tt.name, arrows, tt.arrows, svg)
		}
		told := strings.Contains(svg, "; arrow: beyond the scale") && strings.Contains(svg, "ends at −66.67 and +200 %")
		if told != (tt.arrows > 0) {
			t.Errorf("%s: the chart speaks of arrows: %v", tt.name, told)
		}
	}
}

// On a phone, names of rows stand above their marks, and nothing is cut or lies on something
// else, also where names and figures are long.
func TestNarrow(t *testing.T) {
	all := samples()
	long := strings.Repeat("wireguard-go cipher=chacha20poly1305 ", 3)
	all["long"] = chart.Ratios{Title: "t", Desc: "d", Unit: "Mbit/s of goodput", Shared: long, Groups: []chart.RatioGroup{{Name: long, Bars: []chart.RatioBar{
		{Label: long, Value: 12000, Low: 11000, High: 12100, Exact: true, Text: "12,000 Mbit/s"}, {Label: "x", Value: 11900, Text: "11,900 Mbit/s", Ratio: "0.992 × (0.981–1.004)"},
	}}}}
	all["long-changes"] = chart.Changes{Title: "t", Desc: "d", Note: long, Of: "6.12.117+deb12", Range: "lowest to highest boot", Rows: []chart.ChangeRow{
		{Label: long, Value: 1.2, Low: 1, High: 1.4, Class: "b", Text: "+120.00 %", Figures: "101,681 → 138,420"}, {Label: long, Absent: true, Text: "unsupported"},
	}}
	for kind, ch := range all {
		var b strings.Builder
		if err := chart.WriteInline(&b, ch, "alt", charttest.Source); err != nil {
			t.Fatal(err)
		}
		svg := charttest.Narrow(b.String())
		for _, fault := range charttest.NarrowFaults(ch, svg) {
			t.Errorf("%s: %s", kind, fault)
		}
		// A name at the end of its line, as in a wide chart, or over its bar, is found.
		changes := map[string]string{`<text class="halo label" x="20"`: `<text class="halo label" x="350"`, `class="halo label"`: `class="muted"`, `text-anchor="start"`: `text-anchor="end"`}
		if !strings.Contains(svg, "halo label") {
			changes = map[string]string{`text-anchor="start"`: `text-anchor="end"`, `<text class="muted"`: `<desc class="muted"`, ` x="16"`: ` x="300"`}
		}
		for from, to := range changes {
			if bad := strings.Replace(svg, from, to, -1); len(charttest.NarrowFaults(ch, bad)) == 0 {
				t.Errorf("%s: %s instead of %s is not found", kind, to, from)
			}
		}
	}
}

// A chart in a page shows what the file does, below the page's own title, and tells
// each figure where the pointer is.
func TestInline(t *testing.T) {
	for kind, ch := range samples() {
		var b strings.Builder
		if err := chart.WriteInline(&b, ch, `A "chart" & more`, charttest.Source); err != nil {
			t.Fatal(err)
		}
		_, desc := ch.Head()
		for _, want := range []string{`<svg class="chart" viewBox="0 26 880 `, `role="img" aria-label="A &#34;chart&#34; &amp; more"`, "<desc>" + desc + "</desc>"} {
			if !strings.Contains(b.String(), want) {
				t.Errorf("%s: no %s", kind, want)
			}
		}
		// Beside what shows tooltips, the elements are those of the file.
		_, file, _ := strings.Cut(charttest.Draw(t, ch), "</style>\n")
		file = strings.Join(strings.Split(file, "\n")[2:], "\n")
		wide, _, narrow := strings.Cut(b.String(), `<svg class="chart narrow"`)
		_, inline, _ := strings.Cut(wide, "</desc>\n")
		if !narrow {
			t.Errorf("%s: there is no narrow chart beside it", kind)
		}
		tips := 0
		var rest []string
		for _, l := range strings.Split(inline, "\n") {
			if strings.HasPrefix(l, `<rect class="tip"`) {
				tips++
			} else {
				rest = append(rest, l)
			}
		}
		if d := cmp.Diff(file, strings.Join(rest, "\n")); d != "" {
			t.Errorf("%s (-file +page):\n%s", kind, d)
		}
		if tips == 0 && !strings.Contains(inline, "<title>") {
			t.Errorf("%s: no tooltips", kind)
		}
	}
}
