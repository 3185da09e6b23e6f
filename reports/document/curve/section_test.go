package curve

import (
	"fmt"
	"math"
	"slices"
	"strings"
	"testing"

	"tunbench/reports/chart"
	"tunbench/reports/chart/charttest"
	"tunbench/reports/curve"
	"tunbench/reports/document"
	"tunbench/reports/figure"
	"tunbench/reports/fixture"
	"tunbench/reports/prose"
	"tunbench/reports/record"
)

// charts gives the charts of a section by their files, each read back.
func charts(t *testing.T, pics []document.Picture) map[string]chart.Curve {
	t.Helper()
	all := map[string]chart.Curve{}
	for _, p := range pics {
		if _, twice := all[p.File]; twice {
			t.Errorf("two charts are called %s", p.File)
		}
		k := p.Chart.(chart.Curve)
		all[p.File] = k
		for _, fault := range charttest.Faults(k, charttest.Draw(t, k)) {
			t.Errorf("%s: %s", p.File, fault)
		}
	}
	return all
}

// around allows for the width of a bucket.
func around(a, b float64) bool { return math.Abs(a-b) <= 0.02*b }

func near(a, b float64) bool { return math.Abs(a-b) <= 1e-6*math.Abs(b) }

// What a report shows of a run whose figures are known: each point, its interval, the
// scales, the units, and what may not be quoted.
func TestSections(t *testing.T) {
	f := fixture.Curves()
	list, _ := figure.Scenarios(f)
	secs := Sections(f, list)
	if len(secs) != 1 {
		t.Fatalf("%d sections", len(secs))
	}
	all := charts(t, document.Document{Sections: secs}.Pictures())
	if len(all) != 5 {
		t.Errorf("%d charts", len(all))
	}

	k := all["curve-size-bit-per-s.svg"]
	if k.Title != "Throughput by packet size: 35.2 × as high at 9000 bytes as at 64" || k.Sub != "TUN dir=k2u gen=udp queues=1" || k.X.Title != "packet size, bytes" || k.Y.Title != "Throughput, Gbit/s" || !k.X.Log || !k.Y.Log || k.Y.Time {
		t.Errorf("%q %q %+v %+v", k.Title, k.Sub, k.X, k.Y)
	}
	for i, name := range []string{"vnet=off", "vnet=10"} {
		if k.Lines[i].Name != name || len(k.Lines[i].Points) != len(fixture.CurveSizes) {
			t.Fatalf("line %d: %+v", i, k.Lines[i])
		}
		for j, p := range k.Lines[i].Points {
			want := 8 * float64(fixture.CurveSizes[j]) * fixture.CurvePPS(j) * (1 + 0.1*float64(i)) / 1e9
			if p.X != float64(fixture.CurveSizes[j]) || !near(p.Y, want) || !near(p.Low, 0.98*want) || !near(p.High, 1.03*want) || !p.Exact || p.Hollow {
				t.Errorf("%s: %+v, want %v", name, p, want)
			}
		}
	}
	if want := "vnet=10, size=1500: 4.40 Gbit/s, 95 % interval 4.31–4.53"; k.Lines[1].Points[2].Text != want {
		t.Errorf("%q, want %q", k.Lines[1].Points[2].Text, want)
	}

	k = all["curve-load.svg"]
	if k.Title != "End-to-end latency by offered rate: TUN dir=k2u gen=udp queues=1 size=64 io=read" || k.X.Title != "offered rate, kpps" || k.X.Log || !k.Y.Log || !k.Y.Time || k.Y.Title != "End-to-end latency" {
		t.Errorf("%q %+v %+v", k.Title, k.X, k.Y)
	}
	for i, name := range []string{"p50", "p99", "p99.9"} {
		l := k.Lines[i]
		if l.Name != name || len(l.Points) != 3 { // of the fourth load no trial is valid
			t.Fatalf("line %d: %+v", i, l)
		}
		for j, p := range l.Points {
			share, factor := []float64{0.1, 0.5, 0.9}[j], []float64{1, 3, 20}[i]
			if !near(p.X, 0.99*share*fixture.CurvePPS(0)/1e3) || !around(p.Y, factor*fixture.CurveP50(j)) || p.Hollow || p.Exact || !(p.Low < p.Y) || !(p.High > p.Y) {
				t.Errorf("%s: %+v", name, p)
			}
		}
	}
	if m := k.Marks; len(m) != 2 || m[0].Text != "NDR 900 kpps" || !near(m[0].X, 900) || m[1].Text != "load=max 1,000 kpps" || !near(m[1].X, 1000) {
		t.Errorf("%+v", k.Marks)
	}
	if k := all["curve-load-2.svg"]; !strings.Contains(k.Title, "io=spin") || len(k.Marks) != 0 {
		t.Errorf("%q %+v", k.Title, k.Marks)
	}
	if k := all["curve-load-3.svg"]; k.Title != "p99 of the end-to-end latency by offered rate: TUN dir=k2u gen=udp queues=1 size=64" || k.Lines[1].Name != "io=spin" || !around(k.Lines[1].Points[1].Y, 3e4) {
		t.Errorf("%q %+v", k.Title, k.Lines)
	}

	f = fixture.Synthetic()
	list, _ = figure.Scenarios(f)
	if secs := Sections(f, list); len(secs) != 0 {
		t.Errorf("curves where no axis has three numbers: %+v", secs)
	}
}

// A report shows as many charts as can be looked at, and says how many it leaves out.
func TestMost(t *testing.T) {
	f := fixture.Curves()
	var more []record.Trial
	for _, trial := range f.Trials {
		for n := range 12 {
			for _, dir := range []string{"k2u", "u2k"} {
				other := trial
				other.Scenario = strings.Replace(strings.Replace(trial.Scenario, "dir=k2u", "dir="+dir, 1), "/queues=1", fmt.Sprintf("/qdisc=q%d/queues=1", n), 1)
				more = append(more, other)
			}
		}
	}
	f.Trials = more
	list, _ := figure.Scenarios(f)
	sec := Sections(f, list)[0]
	n := len(curve.Of(f, list))
	if got := len(document.Document{Sections: []document.Section{sec}}.Pictures()); got != most || n <= most {
		t.Errorf("%d charts of %d", got, n)
	}
	said := document.PlainText(prose.Prose(sec.Blocks[len(sec.Blocks)-1].(document.Small)))
	if want := fmt.Sprint(n-most, " more charts are not shown"); !strings.HasPrefix(said, want) {
		t.Errorf("%q, want %q", said, want)
	}
	charts(t, document.Document{Sections: []document.Section{sec}}.Pictures())
}

// The plots that a user asks for have their figures in a table.
func TestPlots(t *testing.T) {
	f := fixture.Curves()
	asks := func(texts ...string) (list []curve.Ask) {
		for _, s := range texts {
			a, err := curve.ParseAsk(s)
			if err != nil {
				t.Fatal(err)
			}
			list = append(list, a)
		}
		return list
	}
	d, err := Plots(f, asks("x=size,y=pps,by=vnet,load=max", "x=load,y=p99,io=read", "x=load,y=loss,io=read", "x=load,y=p99,io=spin"))
	if err != nil {
		t.Fatal(err)
	}
	all := charts(t, d.Pictures())
	for _, name := range []string{"plot-size-pps.svg", "plot-load.svg", "plot-load-loss.svg", "plot-load-2.svg"} {
		if len(all[name].Lines) == 0 {
			t.Errorf("no %s", name)
		}
	}
	if got := document.PlainText(d.Sections[0].Blocks[1].(prose.Prose)); got != "All points: TUN dir=k2u gen=udp queues=1." {
		t.Errorf("%q", got)
	}
	var rows []string
	for _, r := range d.Sections[0].Blocks[2].(document.Table).Rows {
		var cells []string
		for _, cell := range r {
			cells = append(cells, document.PlainText(cell))
		}
		rows = append(rows, strings.Join(cells, " | "))
	}
	want := []string{"64 | 1,000 | 980–1,030 | 1,100 | 1,078–1,133", "256 | 500 | 490–515 | 550 | 539–566", "1500 | 333 | 327–343 | 367 | 359–378", "9000 | 250 | 245–258 | 275 | 270–283"}
	if !slices.Equal(rows, want) {
		t.Errorf("got\n%s\nwant\n%s", strings.Join(rows, "\n"), strings.Join(want, "\n"))
	}
	loads := d.Sections[1].Blocks[2].(document.Table)
	if len(loads.Rows) != 3 {
		t.Errorf("no trial is valid at one of four loads: %d rows", len(loads.Rows))
	}
	if got, want := document.PlainText(prose.Prose(d.Sections[1].Blocks[3].(document.Small))), "Left out for want of valid trials: TUN size=64 load=110pct."; got != want {
		t.Errorf("%q, want %q", got, want)
	}
	if got := document.PlainText(loads.Rows[1][0]); got != "495" || loads.Columns[0].Name != "offered rate, kpps" {
		t.Errorf("offered: %q %q", got, loads.Columns[0].Name)
	}
	if _, err := Plots(f, asks("x=size,y=pps")); err == nil {
		t.Error("scenarios that differ further are plotted")
	}
}

// Each metric and each axis of numbers has words, or its own name.
func TestWords(t *testing.T) {
	for _, x := range curve.Axes {
		if !book.Has("axis " + x) {
			t.Errorf("no words for axis %s", x)
		}
	}
	v := newView(curve.Curve{X: "copy", Metric: "of_tomorrow"})
	if v.axis() != "copy" || v.figure() != "of_tomorrow" || fileOf("plot", curve.Curve{X: "copy", Metric: "../of_tomorrow"}, map[string]int{}) != "plot-copy.svg" {
		t.Errorf("%s by %s", v.figure(), v.axis())
	}
}
